#!/usr/bin/python3 -B
"""`bascule serve` as a service of systemd: what it says on NOTIFY_SOCKET, in order, with the test
in systemd's place; and the unit, read by systemd's own programs."""
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

import shop  # first: it finds the modules of other tests
import lone

UNITS = os.path.join(shop.ROOT, "deploy", "systemd")
INSTALLED = "/usr/local/bin/bascule"
WATCHDOG_SECONDS = 4
# What `systemd-analyze security` may say at most; deploy/README.md names what it says.
EXPOSURE_LIMIT = 20  # tenths


class Service(shop.Shop):
    """A daemon whose starter listens as systemd would."""

    def listen(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        self.socket.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        self.messages = []
        self.name = name

    def start(self, **variables):
        """Starts `serve` as a child with NOTIFY_SOCKET; it is killed with the test."""
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen(
                [lone.BASCULE, "serve", "-c", self.file], stdout=log, stderr=log,
                env={**os.environ, "NOTIFY_SOCKET": self.name, **variables})
        self.addCleanup(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def hear(self):
        """Takes what has come by now, and returns everything since the beginning."""
        self.socket.setblocking(False)
        while True:
            try:
                message = self.socket.recv(65536).decode()
            except BlockingIOError:
                return self.messages
            self.messages.append(dict(line.split("=", 1) for line in message.splitlines()))

    def wait_for_message(self, what, matches, after=0):
        """The place of the first message from `after` on that matches."""
        def look():
            if self.process.poll() is not None and not self.hear():
                with open(self.path("log"), encoding="utf-8") as log:
                    self.fail(f"serve has ended: {log.read()}")
            return next((i + 1 for i, message in enumerate(self.hear())
                         if i >= after and matches(message)), None)
        return self.wait(what, look) - 1

    def wait_for(self, name, after=0):
        return self.wait_for_message(name + "=1", lambda message: message.get(name) == "1", after)

    def reload(self, old, new):
        """Changes the configuration and asks for it; returns the two messages of the reload."""
        with open(self.file, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        self.write("shop.yaml", text.replace(old, new))
        after = len(self.hear())
        self.process.send_signal(signal.SIGHUP)
        begins = self.wait_for("RELOADING", after)
        ends = self.wait_for("READY", begins)
        return self.messages[begins], self.messages[ends]

    def test_a_life_from_its_start_to_its_stop(self):
        self.listen(self.path("notify"))
        self.start()
        ready = self.wait_for("READY")
        # What it says is so: whoever depends on it may ask now.
        self.assertEqual(self.get("/readyz"), "ready\n")
        self.assertIn("shop", self.messages[ready]["STATUS"])
        for message in self.messages[:ready]:
            self.assertNotIn("READY", message)
            self.assertIn("EXTEND_TIMEOUT_USEC", message)

        self.adopt()
        self.wait_for_message("the status follows", lambda message: message.get(
            "STATUS", "").startswith("shop HEALTHY at amsterdam"), ready)

        begins, ends = self.reload("interval: 1s", "interval: 2s")
        self.assertGreater(int(begins["MONOTONIC_USEC"]), 0)
        self.assertLessEqual(int(begins["MONOTONIC_USEC"]), time.monotonic_ns() // 1000)
        self.assertNotIn("refused", ends["STATUS"])
        _, ends = self.reload("interval: 2s", "intervall: 2s")
        self.assertIn("the newest configuration was refused", ends["STATUS"])
        _, ends = self.reload("intervall: 2s", "interval: 2s")
        self.assertNotIn("refused", ends["STATUS"])

        after = len(self.hear())
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.process.wait(shop.PATIENCE_SECONDS), 0)
        stopping = [message for message in self.hear()[after:] if "STOPPING" in message]
        self.assertEqual(len(stopping), 1)
        self.assertEqual([message for message in self.messages if "WATCHDOG" in message], [],
                         "nobody asked for a watchdog")

    def test_a_refused_configuration_shows_in_the_metrics(self):
        self.listen(self.path("notify"))
        self.start()
        self.wait_for("READY")
        self.assertIn("\nbascule_configuration_refused 0\n", self.get("/metrics"))
        self.reload("interval: 1s", "intervall: 1s")
        self.assertIn("\nbascule_configuration_refused 1\n", self.get("/metrics"))

    def test_the_watchdog_hears_nothing_while_the_process_stands_still(self):
        self.listen("@bascule-test-" + os.path.basename(self.folder))
        self.start(WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1_000_000))
        ready = self.wait_for("READY")
        first = self.wait_for("WATCHDOG", ready)
        self.wait_for("WATCHDOG", first + 1)
        self.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        stopped = len(self.hear())
        until = time.monotonic() + 2 * WATCHDOG_SECONDS
        self.wait("twice the watchdog's time", lambda: time.monotonic() > until)
        self.assertEqual(self.hear()[stopped:], [])
        self.process.send_signal(signal.SIGCONT)
        self.wait_for("WATCHDOG", stopped)

    def test_a_watchdog_of_another_process_is_not_answered(self):
        self.listen(self.path("notify"))
        self.start(WATCHDOG_USEC=str(WATCHDOG_SECONDS * 1_000_000), WATCHDOG_PID="1")
        ready = self.wait_for("READY")
        self.adopt()
        self.wait_for_message("its status changes", lambda message: "HEALTHY" in message.get(
            "STATUS", ""), ready)
        self.assertEqual([message for message in self.hear() if "WATCHDOG" in message], [])

    def test_nothing_of_it_reaches_a_hook(self):
        seen = self.path("environment")
        text = self.configuration().replace("        checks:\n", f"""\
        checks:
          - {{name: look, hook: {{run: [sh, -c, "env > {seen}.new; mv {seen}.new {seen}"]}}}}
""", 1)
        self.write("shop.yaml", text)
        self.listen(self.path("notify"))
        self.start(WATCHDOG_USEC="60000000")
        self.wait("a hook has run", lambda: os.path.exists(seen))
        with open(seen, encoding="utf-8") as file:
            variables = file.read()
        self.assertIn("PATH=", variables)
        self.assertNotIn("NOTIFY_SOCKET", variables)
        self.assertNotIn("WATCHDOG", variables)

    def test_a_service_that_cannot_start_never_says_that_it_is_ready(self):
        self.write("shop.yaml", "version: 1\nnonsense: true\n")
        self.listen(self.path("notify"))
        self.start()
        self.assertEqual(self.process.wait(shop.PATIENCE_SECONDS), 2)
        self.assertEqual(self.hear(), [])


class Unit(lone.Lone):
    """The unit as it is installed, but for the place of the program."""

    def setUp(self):
        super().setUp()
        with open(os.path.join(UNITS, "bascule.service"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(INSTALLED, text)
        self.file = self.write("bascule.service",
                               text.replace(INSTALLED, os.path.abspath(lone.BASCULE)))

    def analyze(self, *words):
        done = subprocess.run(["systemd-analyze", *words], capture_output=True, text=True,
                              timeout=shop.PATIENCE_SECONDS, check=False)
        return done.returncode, done.stdout + done.stderr

    def with_sudo(self):
        folder = self.path("bascule.service.d")
        os.mkdir(folder)
        shutil.copy(os.path.join(UNITS, "hooks-with-sudo.conf"), folder)

    def test_systemd_has_nothing_to_say_against_it(self):
        self.assertEqual(self.analyze("verify", self.file), (0, ""))
        self.with_sudo()
        self.assertEqual(self.analyze("verify", self.file), (0, ""))

    def exposure(self):
        code, said = self.analyze("security", "--offline=true", "--no-pager",
                                  f"--threshold={EXPOSURE_LIMIT}", self.file)
        found = re.search(r"Overall exposure level for bascule\.service: ([0-9.]+)", said)
        self.assertTrue(found, said)
        return code, found[1], said

    def test_it_is_hardened_as_the_page_says(self):
        code, level, said = self.exposure()
        self.assertEqual(code, 0, said)
        with open(os.path.join(shop.ROOT, "deploy", "README.md"), encoding="utf-8") as page:
            self.assertIn(f"exposure level of {level}", page.read())

    def test_the_drop_in_for_sudo_takes_back_all_that_forbids_it(self):
        """What implies NoNewPrivileges for an ordinary user, by systemd.exec(5)."""
        with open(os.path.join(UNITS, "hooks-with-sudo.conf"), encoding="utf-8") as file:
            taken_back = {line.split("=")[0] for line in file if "=" in line}
        implying = {"SystemCallFilter", "SystemCallLog", "SystemCallArchitectures",
                    "RestrictAddressFamilies", "RestrictNamespaces", "RestrictFileSystems",
                    "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules",
                    "ProtectKernelLogs", "ProtectClock", "MemoryDenyWriteExecute",
                    "RestrictRealtime", "RestrictSUIDSGID", "LockPersonality", "ProtectHostname",
                    "DynamicUser", "NoNewPrivileges"}
        with open(self.file, encoding="utf-8") as file:
            used = {line.split("=")[0] for line in file if "=" in line and line[0].isupper()}
        self.assertLessEqual(implying & used, taken_back)


if __name__ == "__main__":
    unittest.main(verbosity=2)
