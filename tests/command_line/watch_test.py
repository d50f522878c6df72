"""`bascule watch` on a real terminal: it draws in place within the terminal's height, outlives the
daemon, and leaves with ctrl-c."""
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time

import lone


class Screen:
    """A terminal of the system, and a program on it."""

    def __init__(self, rows, *words):
        self.master, slave = os.openpty()
        self.resize(rows)
        env = {**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1",
               "BASCULE_SERVER": ""}
        self.program = subprocess.Popen([lone.BASCULE, *words], stdin=slave, stdout=slave,
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


class Watch(lone.Lone):
    def screen(self, rows, *words):
        screen = Screen(rows, *words)
        self.addCleanup(screen.close)
        return screen

    def shows(self, screen, words, is_there=True):
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while (words in "\n".join(screen.picture())) != is_there:
            self.assertLess(time.monotonic(), until, f"{words!r} in\n{screen.written[-3000:]!r}")
            screen.read()
        return screen.picture()

    def leave(self, screen):
        screen.program.send_signal(signal.SIGINT)
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while screen.program.poll() is None:
            self.assertLess(time.monotonic(), until)
            screen.read()
        screen.read()
        self.assertEqual(screen.program.returncode, 0, screen.written[-3000:])

    def test_draws_within_the_terminal_and_leaves_tidily(self):
        file = self.start_configuration()
        self.serve(file)
        screen = self.screen(24, "watch", "-c", file)
        self.shows(screen, "ctrl-c leaves")
        self.assertIn("CHECK", "\n".join(screen.picture()))
        self.ends_with(0, lone.run("hold", "shop", "-c", file, "--reason", "a test"))
        self.shows(screen, "automation of shop is held by")
        screen.resize(6)
        self.shows(screen, "CHECK", is_there=False)
        picture = self.shows(screen, "ctrl-c leaves")
        self.assertLessEqual(len(picture), 5)
        self.assertIn("shop", "\n".join(picture))
        self.leave(screen)
        self.assertNotIn("ctrl-c", "\n".join(screen.picture()))
        self.assertTrue(screen.written.endswith("\x1b[J"))

    def test_waits_for_a_daemon_that_comes_back(self):
        file = self.start_configuration()
        first = self.serve(file)
        screen = self.screen(24, "watch", "shop", "-c", file)
        self.shows(screen, "ctrl-c leaves")
        first.send_signal(signal.SIGTERM)
        first.wait(lone.PATIENCE_SECONDS)
        self.shows(screen, "silent for ")
        self.serve(file)
        self.shows(screen, "ctrl-c leaves")
        self.leave(screen)

    def test_gives_up_after_the_silence_that_was_asked_for(self):
        file = self.start_configuration()
        daemon = self.serve(file)
        screen = self.screen(24, "watch", "-c", file, "--timeout", "300ms")
        self.shows(screen, "ctrl-c leaves")
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(lone.PATIENCE_SECONDS)
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while screen.program.poll() is None:
            self.assertLess(time.monotonic(), until)
            screen.read()
        screen.read()
        self.assertEqual(screen.program.returncode, 7, screen.written[-3000:])
        self.assertIn("Bascule has been silent for", screen.written)

    def test_where_nobody_answers_it_says_so(self):
        file = self.start_configuration()
        answer = self.ends_with(7, lone.run("watch", "-c", file))
        self.assertIn("no Bascule answers", answer.err)


if __name__ == "__main__":
    lone.main()
