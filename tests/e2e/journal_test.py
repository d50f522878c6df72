#!/usr/bin/python3 -B
"""The journal's faults, with the real daemon: a disk that is full, a file that a stranger has
locked, an end that was lost, a record of a later version, a place that cannot hold a journal.

The full disk and the read-only one are small file systems of the test's own, mounted where nobody
else sees them; that takes root, and without it those tests are skipped.
"""
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import unittest

import cases  # first: it finds the modules of the demo
import scene
from waiting import wait_for

PRIVATE = "BASCULE_TEST_HAS_PRIVATE_MOUNTS"
MEBIBYTE = 1 << 20


def enter_private_mounts():
    """Starts this program anew where its mounts are its own and go with it."""
    if os.geteuid() == 0 and PRIVATE not in os.environ:
        os.environ[PRIVATE] = "1"
        command = ["unshare", "-m", "--propagation", "private", sys.executable, "-B", *sys.argv]
        os.execvp(command[0], command)


def mount(folder, size):
    os.makedirs(folder, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "bascule-test", folder],
                   check=True)


class WithFault(cases.WithScene):
    """Each test has a world of its own."""

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        self.scene = scene.Scene()
        self.addCleanup(self.scene.close)
        super().setUp()

    def put_store(self, path):
        self.scene.journal = path
        text = self.scene.configure()
        before = self.scene.world.path("journal.db")
        self.assertIn(before, text)
        self.scene.write_configuration(text.replace(before, path))

    def begin_failover(self):
        """The source is lost; from here on Bascule would act by itself."""
        self.watch = self.watch_writers()
        scene.wait_for("rows are written at home", lambda: self.watch.count(scene.HOME), 10)
        self.scene.crash(scene.HOME)

    def trouble(self):
        answer = self.scene.run("status", "-o", "json")
        return json.loads(answer.out)["trouble"] if answer.code == 0 else None

    def stands_still(self, words):
        """Nothing is done, and everybody is told why."""
        # At first it may only be known that the journal does not answer.
        wait_for("the daemon tells its trouble", lambda: words in (self.trouble() or ""), 30,
                 every=0.2)
        self.assertIn(words, flat(self.scene.run("status").out))
        wait_for("the log tells it", lambda: "laptop can do nothing" in self.scene.log(), 10)
        refused = self.ends_with(7, self.scene.run("hold", "shop", "--reason", "test"))
        self.assertIn("the journal cannot be written", flat(refused.err))
        self.assertIn(words, flat(refused.err))
        with open(self.scene.world.path("notifications.jsonl"), encoding="utf-8") as file:
            self.assertIn("laptop can do nothing", file.read())
        self.assertEqual([record.type for record in self.scene.records()
                          if record.type in ("RunOpened", "AutomationHeld")], [])
        self.front_door_shows(scene.HOME)
        self.assertEqual(self.scene.writers(), [])

    def goes_on_by_itself(self):
        run = self.scene.wait_run()
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        self.assertEqual(self.watch.end(), [])
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        wait_for("the log says that it is over",
                 lambda: "laptop can act again" in self.scene.log(), 10)
        self.assertIsNone(self.trouble())
        self.ends_with(0, self.scene.run("audit", "verify"))


def flat(text):
    """What was wrapped to fit a terminal, on one line."""
    return " ".join(text.split())


class Disk(WithFault):
    @unittest.skipUnless(PRIVATE in os.environ, "mounting takes root")
    def test_a_full_disk_stops_it_and_room_lets_it_go_on(self):
        disk = self.scene.world.path("disk")
        mount(disk, 16 * MEBIBYTE)
        self.put_store(os.path.join(disk, "journal.db"))
        self.scene.start()
        filler = os.path.join(disk, "filler")
        with open(filler, "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while True:
                    file.write(bytes(4096))
        self.begin_failover()
        self.stands_still("the disk is full")
        os.remove(filler)
        self.goes_on_by_itself()

    def test_a_stranger_who_locks_the_file_is_waited_for(self):
        self.scene.start()
        stranger = sqlite3.connect(self.scene.journal, isolation_level=None)
        self.addCleanup(stranger.close)
        stranger.execute("BEGIN IMMEDIATE")
        self.begin_failover()
        self.stands_still("the file stayed locked by another process")
        stranger.execute("ROLLBACK")
        self.goes_on_by_itself()


class Places(WithFault):
    """Where no journal can be, `serve` says so and ends."""

    def serve_ends(self, code, words):
        answer = self.ends_with(code, self.scene.run("serve"))
        self.assertIn(words, answer.err)
        self.assertIn(self.scene.journal, answer.err)

    def test_places_that_cannot_hold_a_journal(self):
        world = self.scene.world
        with self.subTest("a folder that is not there"):
            self.put_store(world.path("nowhere/deep/journal.db"))
            self.serve_ends(1, "No such file or directory")
        with self.subTest("a path that is a folder"):
            os.mkdir(world.path("folder.db"))
            self.put_store(world.path("folder.db"))
            self.serve_ends(2, "it is a folder")
        with self.subTest("a folder that is a file"):
            with open(world.path("file"), "w", encoding="ascii") as file:
                file.write("text")
            self.put_store(world.path("file/journal.db"))
            self.serve_ends(2, "Not a directory")
        with self.subTest("something else than a journal"):
            with open(world.path("text.db"), "w", encoding="ascii") as file:
                file.write("nonsense\n" * 1000)
            self.put_store(world.path("text.db"))
            self.serve_ends(1, "the file is damaged")

    @unittest.skipUnless(PRIVATE in os.environ, "mounting takes root")
    def test_a_disk_that_is_read_only(self):
        disk = self.scene.world.path("disk")
        mount(disk, MEBIBYTE)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        self.put_store(os.path.join(disk, "journal.db"))
        self.serve_ends(1, "Read-only file system")


class Evidence(WithFault):
    def test_an_end_that_was_lost_is_noticed_and_automation_is_held(self):
        self.scene.start()
        self.scene.bascule.process.kill()
        self.scene.bascule.process.wait(5)
        records = self.scene.records()
        # One bit, in the last record of the write-ahead log: SQLite drops it without a word.
        log = self.scene.journal + "-wal"
        with open(log, "r+b") as file:
            file.seek(-1000, os.SEEK_END)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        with open(self.scene.journal + ".head", encoding="ascii") as file:
            noted = file.read().split(":")[0]
        self.assertEqual(int(noted), records[-1].seq)
        answer = self.ends_with(1, self.scene.run("audit", "verify"))
        self.assertIn(noted, answer.out)

        self.scene.start(steady=None)
        hold = self.scene.wait_record("automation is held",
                                      lambda record: record.type == "AutomationHeld").reason
        self.assertIn("the end of the journal was lost", hold)
        self.assertIn(f"record {noted} had been written", hold)
        self.assertIn("the end of the journal was lost", self.scene.log())
        self.assertIn("the end of the journal was lost", flat(self.scene.run("status").out))
        self.ends_with(0, self.scene.run("release", "--reason", "seen, nothing was under way"))
        self.scene.wait_steady(scene.HOME)
        self.ends_with(0, self.scene.run("audit", "verify"))

        before = self.scene.last_seq()
        self.assertEqual(self.scene.stop(), 0)
        self.scene.start()
        self.assertEqual([record for record in self.scene.records(before)
                          if record.type == "AutomationHeld"], [], "it is said once")

    def test_a_record_of_a_later_version_is_not_read_past(self):
        self.scene.start()
        self.assertEqual(self.scene.stop(), 0)
        connection = sqlite3.connect(self.scene.journal)
        seq, digest = connection.execute(
            "SELECT seq, hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()
        record = json.dumps({"actor": "bascule", "at": "2030-01-01T00:00:00.000Z", "data": {},
                             "reason": "", "seq": seq + 1, "term": 1, "type": "SiteTeleported",
                             "v": 9}, separators=(",", ":")).encode()
        connection.execute("INSERT INTO journal(seq, hash, bytes) VALUES (?, ?, ?)",
                           (seq + 1, hashlib.sha256(digest + record).digest(), record))
        connection.commit()
        connection.close()
        answer = self.ends_with(2, self.scene.run("serve"))
        self.assertIn(f"record {seq + 1} has type SiteTeleported, written by version 9", answer.err)
        self.assertIn("newer build", answer.err)

    def test_another_record_than_was_written_stops_it(self):
        self.scene.start()
        self.assertEqual(self.scene.stop(), 0)
        note = self.scene.journal + ".head"
        with open(note, encoding="ascii") as file:
            seq = file.read().split(":")[0]
        with open(note, "w", encoding="ascii") as file:
            file.write(f"{seq}:{'0' * 64}\n")
        answer = self.ends_with(1, self.scene.run("serve"))
        self.assertIn(f"record {seq} is not the one that was written", answer.err)
        self.assertIn(note, answer.err)
        self.ends_with(1, self.scene.run("audit", "verify"))


if __name__ == "__main__":
    enter_private_mounts()
    cases.main()
