"""A terminal of the system with a program on it, for what is drawn again in place."""
import fcntl
import os
import re
import select
import struct
import subprocess
import termios


class Screen:
    """A terminal of the system, and a program on it."""

    def __init__(self, rows, *command):
        self.master, slave = os.openpty()
        self.resize(rows)
        env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1",
               "BASCULE_SERVER": ""}
        self.program = subprocess.Popen(command, stdin=slave, stdout=slave,
                                        stderr=slave, env=env, start_new_session=True)
        os.close(slave)
        self.written = ""

    def resize(self, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))

    def read(self):
        """What has come within a moment."""
        if select.select([self.master], [], [], 0.1)[0]:
            try:
                self.written += os.read(self.master, 65536).decode("utf-8", "replace")
            except OSError:  # the other end is closed
                pass

    def picture(self):
        """The newest picture that is complete, as lines."""
        pictures = self.written.split("\x1b[J")
        text = pictures[-2] if len(pictures) > 1 else ""
        return [line.replace("\x1b[K", "") for line in
                re.sub(r"^\s*\x1b\[\d+F", "", text).split("\r\n")][:-1]

    def close(self):
        self.program.kill()
        self.program.wait()
        os.close(self.master)
