#!/usr/bin/python3 -B
"""What can happen to the process, with the real daemon and the real command line: it is stopped for
some seconds, it runs out of descriptors, it is told to stop twice, its reader or its terminal goes
away."""
import os
import pty
import resource
import signal
import subprocess
import time

import cases  # first: it finds the modules of the demo
import machine
import scene
from waiting import wait_for

STOPPED_SECONDS = 7  # longer than the five that a process may be absent


class Process(cases.WithScene):
    """Each test leaves home active and the group steady."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def since(self, after, *types):
        return [record for record in self.scene.records(after) if record.type in types]

    def steady_and_nothing_done(self, after):
        self.scene.wait_steady(scene.HOME)
        self.assertEqual(self.since(after, "RunOpened"), [])
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)

    def test_stopped_for_seconds_it_begins_another_term_and_acts_on_no_old_news(self):
        before = self.scene.last_seq()
        self.scene.bascule.process.send_signal(signal.SIGSTOP)
        continued = time.monotonic() + STOPPED_SECONDS
        wait_for("it was stopped for long", lambda: time.monotonic() > continued, 20)
        self.scene.bascule.process.send_signal(signal.SIGCONT)
        self.scene.wait_record("another term", lambda record: record.type == "TermOpened", before)
        self.assertIn("this process did not run for", self.scene.log())
        self.steady_and_nothing_done(before)
        self.assertEqual(len(self.since(before, "TermOpened")), 1)

    def test_without_descriptors_it_takes_no_site_for_dead(self):
        before = self.scene.last_seq()
        process = self.scene.bascule.process.pid
        limits = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            wait_for("it says so", lambda: "looks cannot be made" in self.scene.log(), 30)
            self.scene.wait_record("the group is unknown", lambda record: record.type ==
                                   "GroupStateChanged" and record.data["to"] == "UNKNOWN", before)
            self.assertEqual([record for record in self.since(before, "VerdictChanged")
                              if record.data["down"] or record.data["to"] == "failed"], [])
        finally:
            resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
        self.assertIn("oo many open files", self.scene.log())
        wait_for("it says that it is over", lambda: "can act again" in self.scene.log(), 40)
        self.steady_and_nothing_done(before)


class Stops(cases.WithScene):
    def test_told_to_stop_twice_it_ends_at_once_and_the_next_one_goes_on(self):
        self.scene.delay_power()
        self.scene.start()
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        self.scene.wait_step("fence/cut", after=before)
        process = self.scene.bascule.process
        # It may end after the first already: then that was in good order.
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        self.assertIn(process.wait(scene.STOP_SECONDS), (0, 128 + signal.SIGTERM))
        self.scene.let_power_go()
        self.scene.start(steady=None)
        self.assertEqual(self.scene.wait_end("r-0001").data["state"], "done")
        self.only_writer(scene.OTHER)
        self.ends_with(0, self.scene.run("audit", "verify"))


class Readers(cases.WithScene):
    """The command line, when whoever reads it goes away."""

    policy = {"mode": "manual"}
    questions = (["status"], ["explain", "shop"], ["runs"], ["plan", "shop", "--to", "berlin"],
                 ["check"], ["audit", "verify"], ["version"], ["help"], ["status", "--help"])

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def into(self, output, *words):
        done = subprocess.run([self.scene.bascule.program, *words], stdout=output,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL, cwd=self.scene.world.folder,
                              env=machine.environment(USER="ana"))
        return scene.Answer(done.returncode, "", done.stderr)

    def each_question(self):
        for words in self.questions:
            for form in ([], ["-o", "json"]):
                configured = [] if words[0] in ("version", "help") else ["-c", self.scene.file]
                yield [*words, *configured, *form]

    def test_a_reader_that_has_read_enough_changes_nothing(self):
        for words in self.each_question():
            with self.subTest(" ".join(words)):
                reader, writer = os.pipe()
                os.close(reader)
                try:
                    answer = self.ends_with(0, self.into(writer, *words))
                finally:
                    os.close(writer)
                self.assertEqual(answer.err, "")

    def test_a_disk_that_takes_no_output_is_said(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            for words in self.each_question():
                with self.subTest(" ".join(words)):
                    answer = self.ends_with(1, self.into(full, *words))
                    self.assertIn("what was printed is not complete: No space left on device",
                                  answer.err)

    def test_a_terminal_that_closes_ends_the_following_and_not_the_run(self):
        before = self.scene.last_seq()
        master, slave = pty.openpty()
        follower = subprocess.Popen(
            [self.scene.bascule.program, "switchover", "shop", "--to", scene.OTHER, "--reason",
             "test", "--yes", "-c", self.scene.file], stdin=slave, stdout=slave, stderr=slave,
            start_new_session=True, cwd=self.scene.world.folder,
            preexec_fn=take_terminal, env=machine.environment(USER="ana", TERM="xterm"))
        os.close(slave)
        run = self.scene.wait_run(before)
        shown = b""
        while run.encode() not in shown:  # now it follows; cases.main() ends a wait in vain
            shown += os.read(master, 4096)
        os.close(master)
        self.assertIn(follower.wait(30), (0, 6), "it ends by itself, and is not killed")
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        self.scene.wait_steady(scene.OTHER)


def take_terminal():
    """The terminal at standard input becomes that of the session: closing it hangs up."""
    import fcntl
    import termios
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


if __name__ == "__main__":
    cases.main()
