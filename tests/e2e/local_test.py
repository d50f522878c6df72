#!/usr/bin/python3 -B
"""Moves without the daemon, at another machine: while it lives, hangs, is dead, comes back, has
lost its journal or was given an old one. After each of them one site takes writes."""
import os
import signal

import cases  # first: it finds the modules of the demo
import desk
import scene
from waiting import wait_for

SECONDS = 60


class AtAnotherMachine(cases.WithScene):
    """One story, each part a test: they build on each other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.desk = desk.Desk(cls.scene, "desk")
        cls.journal = cls.scene.world.path("journal.db")
        cls.old_journal = cls.scene.world.path("old.db")
        cls.scene.start()
        wait_for("the daemon has claimed the front door", cls.scene.generation, SECONDS)

    def held(self, after):
        self.scene.wait_record("the daemon finds the front door taken",
                               lambda record: record.type == "FrontDoorDrifted" and
                               record.data["kind"] == "superseded", after, SECONDS)
        wait_for("automation is held", lambda: self.scene.json("status")["groups"][0]["hold"],
                 SECONDS)

    def test_1_beside_a_daemon_that_answers_it_is_refused(self):
        answer = self.ends_with(3, self.scene.run("failover", "shop", "--local", "--reason", "x"))
        self.assertIn("Bascule answers at", answer.err)
        self.assertIn("--confirm amsterdam", answer.err)
        self.only_writer(scene.HOME)

    def test_2_what_cannot_be_seen_is_told_by_the_front_door(self):
        before = self.scene.generation()
        answer = self.ends_with(3, self.desk.local("failover", "shop"))
        self.assertRegex(" ".join(answer.err.split()), r"generation \d+ of www.shop.test was taken "
                         r"by o-0001@[0-9a-f]+ of another journal")
        self.assertIn("--confirm amsterdam", answer.err)
        answer = self.ends_with(3, self.desk.local("failover", "shop", "--confirm", "paris"))
        self.assertIn("paris is not the active site", answer.err)
        self.assertEqual(self.scene.generation(), before)
        self.only_writer(scene.HOME)

    def test_3_confirmed_it_moves_and_the_daemon_holds(self):
        desk.copy_journal(self.journal, self.old_journal)
        watch = self.watch_writers()
        after = self.scene.last_seq()
        self.ends_with(0, self.desk.local("failover", "shop", "--confirm", scene.HOME))
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.held(after)
        answer = self.ends_with(3, self.scene.run("failover", "shop", "--to", scene.OTHER,
                                                  "--reason", "x"))
        self.assertIn("bascule import FILE", answer.err)
        self.assertEqual(watch.end(), [])
        self.only_writer(scene.OTHER)

    def test_4_import_brings_it_in(self):
        path = self.desk.export("desk.jsonl")
        text = scene.read_text(path)
        broken = self.scene.world.path("broken.jsonl")
        with open(broken, "w", encoding="utf-8") as file:
            file.write(text.replace("by hand at desk", "by hand at dusk", 1))
        answer = self.ends_with(1, self.scene.run("import", broken, "--reason", "x"))
        self.assertIn("does not fit its hash", " ".join(answer.err.split()))
        for content, code in (("", 2), ("{}\n", 1), ("no journal\n", 1)):
            with open(broken, "w", encoding="utf-8") as file:
                file.write(content)
            self.ends_with(code, self.scene.run("import", broken, "--reason", "x"))
        answer = self.ends_with(0, self.scene.run("import", path, "--reason", "by hand"))
        self.assertIn("berlin is the active site of shop", answer.out)
        self.assertIn("bascule release shop", answer.out)
        answer = self.ends_with(0, self.scene.run("import", path, "--reason", "again"))
        self.assertIn("nothing has changed", answer.out)
        self.ends_with(0, self.scene.run("release", "shop", "--reason", "all is known"))
        # What the local run owed is the daemon's now: amsterdam comes back as a standby.
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER, SECONDS)
        self.only_writer(scene.OTHER)

    def test_5_the_daemon_moves_it_again(self):
        watch = self.watch_writers()
        self.ends_with(0, self.scene.run("failback", "shop", "--reason", "home", limit=90))
        self.assertEqual(watch.end(), [])
        self.only_writer(scene.HOME)
        self.scene.wait_steady(scene.HOME, SECONDS)

    def test_6_an_old_copy_of_the_journal_moves_nothing(self):
        newest = desk.Desk(self.scene, "newest")
        self.scene.stop()
        desk.copy_journal(self.journal, newest.store)
        path = newest.export("newest.jsonl")
        desk.remove_journal(self.journal)
        os.replace(self.old_journal, self.journal)
        before = self.scene.generation()
        after = self.scene.last_seq()
        self.scene.start(steady=None)
        self.held(after)
        self.only_writer(scene.HOME)
        self.assertEqual(self.scene.generation(), before)
        self.ends_with(0, self.scene.run("import", path, "--reason", "what happened since"))
        self.ends_with(0, self.scene.run("release", "shop", "--reason", "all is known"))
        self.ends_with(0, self.scene.run("release", "--reason", "all is known"))
        self.scene.wait_steady(scene.HOME, SECONDS)

    def test_7_a_lost_journal_is_begun_anew(self):
        self.scene.stop(signal.SIGKILL)
        desk.remove_journal(self.journal)
        before, target = self.scene.generation()
        self.assertEqual(target, scene.HOME)
        self.scene.start()
        wait_for("the daemon has claimed the front door again",
                 lambda: self.scene.generation() == (before + 1, scene.HOME), SECONDS)
        self.only_writer(scene.HOME)


class BesideADaemonThatHangs(cases.WithScene):
    """One story, each part a test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.desk = desk.Desk(cls.scene, "desk")
        cls.scene.start()
        wait_for("the daemon has claimed the front door", cls.scene.generation, SECONDS)
        cls.scene.bascule.process.send_signal(signal.SIGSTOP)
        cls.addClassCleanup(cls.scene.bascule.process.send_signal, signal.SIGCONT)

    def test_1_its_journal_is_not_taken_from_it(self):
        answer = self.ends_with(3, self.scene.run("failover", "shop", "--local", "--reason", "x"))
        self.assertIn("gives no answer", answer.err)
        answer = self.ends_with(7, self.scene.run("failover", "shop", "--local", "--reason", "x",
                                                  "--confirm", scene.HOME))
        self.assertIn("laptop", answer.err)
        self.only_writer(scene.HOME)

    def test_2_it_wakes_up_after_a_move_at_another_machine(self):
        watch = self.watch_writers()
        after = self.scene.last_seq()
        self.ends_with(0, self.desk.local("failover", "shop", "--confirm", scene.HOME))
        self.only_writer(scene.OTHER)
        self.scene.bascule.process.send_signal(signal.SIGCONT)
        self.scene.wait_record("the daemon finds the front door taken",
                               lambda record: record.type == "FrontDoorDrifted" and
                               record.data["kind"] == "superseded", after, SECONDS)
        self.assertEqual(watch.end(), [])
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.assertEqual(self.scene.promotions(scene.OTHER), 1)

    def test_3_what_may_not_be_read_or_written_is_said(self):
        answer = self.ends_with(2, self.scene.run("status", "--token-file",
                                                  self.scene.world.folder))
        self.assertIn("its token", answer.err)
        nowhere = desk.Desk(self.scene, "nowhere", folder="/proc/nowhere")
        answer = self.desk_fails(nowhere)
        self.assertIn("/proc/nowhere", answer.err)
        self.only_writer(scene.OTHER)

    def desk_fails(self, place):
        answer = place.local("failover", "shop", "--confirm", scene.OTHER)
        self.assertNotEqual(answer.code, 0)
        return answer


if __name__ == "__main__":
    cases.main()
