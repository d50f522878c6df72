"""`bascule` run by itself, and a daemon over a configuration whose sites do not exist: everything
that can be known without them."""
import collections
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

BASCULE = os.environ.get("BASCULE", "build/release/bascule")
Answer = collections.namedtuple("Answer", "code out err")
PATIENCE_SECONDS = 60


def run(*words, env=None, text_in=None):
    variables = {**os.environ, "LC_ALL": "C.UTF-8", "BASCULE_SERVER": "", **(env or {})}
    done = subprocess.run([BASCULE, *words], capture_output=True, text=True, timeout=60,
                          env=variables, input=text_in, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Lone(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="bascule-lone-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def ends_with(self, code, answer):
        self.assertEqual(answer.code, code, f"\n{answer.out}\n{answer.err}")
        return answer

    def start_configuration(self, *words):
        """What `config init` writes, with places of this machine: a store in the folder, a free
        port, and sites where nothing answers."""
        text = self.ends_with(0, run("config", "init", *words, "-")).out
        text = text.replace("/var/lib/bascule/", self.folder + "/")
        text = text.replace("127.0.0.1:8420", f"127.0.0.1:{free_port()}")
        text = re.sub(r"192\.0\.2\.(\d+)", r"127.0.0.\1", text)
        return self.write("start.yaml", text)

    def serve(self, file):
        """A daemon that answers, as its process; it ends with the test."""
        log = open(self.path("log"), "wb")
        self.addCleanup(log.close)
        daemon = subprocess.Popen([BASCULE, "serve", "-c", file], stdout=log, stderr=log)

        def end():
            daemon.send_signal(signal.SIGTERM)
            try:
                daemon.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

        self.addCleanup(end)
        until = time.monotonic() + PATIENCE_SECONDS
        while run("status", "-c", file).code != 0:
            if daemon.poll() is not None or time.monotonic() > until:
                with open(self.path("log"), encoding="utf-8") as file_log:
                    self.fail("the daemon does not answer:\n" + file_log.read())
        return daemon


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]])
