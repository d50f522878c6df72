#!/usr/bin/python3 -B
"""The journal and who may write it: a second daemon, a move without a daemon, and the proof that
nothing was changed in it."""
import json
import os
import shutil
import sqlite3

import cases  # first: it finds the modules of the demo
import ports
import scene


def other_configuration(one, name, *changes):
    """The configuration with another address to listen on, and with these texts replaced."""
    with open(one.file, encoding="utf-8") as file:
        text = file.read()
    listen = f"listen: 127.0.0.1:{one.world.api_port}"
    port = ports.pick([["127.0.0.1"]])[0]
    for old, new in ((listen, f"listen: 127.0.0.1:{port}"), *changes):
        if old not in text:
            raise AssertionError(f"{old} is not in the configuration")
        text = text.replace(old, new)
    path = one.world.path(name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


class OneWriter(cases.WithScene):
    """One story, each part a test: they build on each other."""

    policy = {"mode": "manual"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def holder(self):
        return f"held by laptop (pid {self.scene.bascule.process.pid})"

    def test_1_a_second_daemon_is_refused_by_the_name_of_the_first(self):
        answer = self.ends_with(7, self.scene.run("serve"))
        self.assertIn(self.holder(), answer.err)
        other = other_configuration(self.scene, "other.yaml")
        answer = self.ends_with(7, self.scene.run_plain("serve", "-c", other))
        self.assertIn(self.holder(), answer.err)
        self.assertTrue(self.scene.alive())
        self.scene.wait_steady(scene.HOME)

    def test_2_another_cluster_does_not_get_its_journal(self):
        other = other_configuration(self.scene, "stranger.yaml",
                                    ("cluster: demo ", "cluster: production "))
        answer = self.ends_with(2, self.scene.run_plain("serve", "-c", other))
        self.assertIn("demo", answer.err)
        self.assertIn("production", answer.err)

    def test_3_a_local_move_is_refused_while_the_daemon_lives(self):
        plain = self.scene.run("failover", "shop", "--to", scene.OTHER, "--reason", "test",
                               "--local")
        self.assertIn("Bascule answers at", self.ends_with(3, plain).err)
        # Who insists finds the journal in the hands of the daemon.
        insisting = self.scene.run("failover", "shop", "--to", scene.OTHER, "--reason", "test",
                                   "--local", "--confirm", scene.HOME)
        self.assertIn(self.holder(), self.ends_with(7, insisting).err)
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)
        self.assertEqual(self.scene.json("runs"), [])

    def test_4_with_the_daemon_dead_a_person_moves_the_group_alone(self):
        self.scene.bascule.process.kill()
        self.scene.bascule.process.wait(5)
        self.ends_with(7, self.scene.run("failover", "shop", "--to", scene.OTHER, "--reason",
                                         "test"))
        looked = self.ends_with(0, self.scene.run("explain", "shop", "--local"))
        self.assertIn("shop is HEALTHY", looked.out)
        answer = self.ends_with(0, self.scene.run("failover", "shop", "--to", scene.OTHER,
                                                  "--reason", "the daemon is dead", "--local"))
        self.assertIn("✔ done after", answer.out)
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)

    def test_5_the_next_daemon_knows_what_was_done(self):
        self.scene.start(steady=None)
        run, = self.scene.json("runs")
        self.assertEqual((run["state"], run["reason"]), ("done", "the daemon is dead"))
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER)
        self.only_writer(scene.OTHER)
        self.ends_with(0, self.scene.run("audit", "verify"))


class Audit(cases.WithScene):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def copy(self):
        """A copy of the journal as it stands, to tamper with."""
        path = self.scene.world.path(self.id().rpartition(".")[2] + ".db")
        source = sqlite3.connect(f"file:{self.scene.world.path('journal.db')}?mode=ro", uri=True)
        target = sqlite3.connect(path)
        source.backup(target)
        source.close()
        target.execute("PRAGMA journal_mode = DELETE")
        target.close()
        return path

    def verify(self, path, *words):
        return self.scene.run_plain("audit", "verify", path, *words)

    def test_a_whole_journal_is_proved_while_the_daemon_writes(self):
        answer = self.ends_with(0, self.scene.run("audit", "verify"))
        self.assertRegex(answer.out, r"^OK \d+ [0-9a-f]{64}\n$")
        view = self.scene.json("audit", "verify")
        self.assertEqual((view["intact"], view["first_bad"], view["because"]), (True, None, None))
        self.assertRegex(view["head"]["hash"], "^[0-9a-f]{64}$")

    def test_a_changed_byte_is_found_with_the_number_of_its_record(self):
        path = self.copy()
        self.ends_with(0, self.verify(path))
        with open(path, "rb") as file:
            content = file.read()
        connection = sqlite3.connect(path)
        seq, stored = connection.execute("SELECT seq, bytes FROM journal WHERE instr(bytes, "
                                         "CAST('ActiveSiteChanged' AS BLOB)) > 0").fetchone()
        connection.close()
        place = content.index(bytes(stored)) + bytes(stored).index(b"amsterdam")
        with open(path, "r+b") as file:
            file.seek(place)
            file.write(b"A")
        answer = self.ends_with(1, self.verify(path))
        self.assertNotIn("OK", answer.out)
        self.assertIn(f"record {seq}", answer.out)
        view = json.loads(self.ends_with(1, self.verify(path, "-o", "json")).out)
        self.assertEqual((view["intact"], view["first_bad"]), (False, seq))
        self.assertTrue(view["because"])

    def test_a_record_that_was_taken_out_is_missed(self):
        path = self.copy()
        connection = sqlite3.connect(path)
        connection.execute("DELETE FROM journal WHERE seq = 5")
        connection.commit()
        connection.close()
        self.assertIn("5", self.ends_with(1, self.verify(path)).out)

    def test_a_tail_that_was_cut_off_is_seen_with_a_head_that_somebody_kept(self):
        path = self.copy()
        seq, digest = self.ends_with(0, self.verify(path)).out.split()[1:]
        head = f"{seq}:{digest}"
        self.ends_with(0, self.verify(path, "--head", head))
        self.ends_with(0, self.scene.run("audit", "verify", "--head", head))
        connection = sqlite3.connect(path)
        connection.execute("DELETE FROM journal WHERE seq = ?", (seq,))
        connection.commit()
        connection.close()
        self.ends_with(0, self.verify(path))
        answer = self.ends_with(1, self.verify(path, "--head", head))
        self.assertIn(seq, answer.out + answer.err)
        self.ends_with(1, self.scene.run("audit", "verify", "--head", f"{seq}:{'0' * 64}"))
        self.ends_with(2, self.verify(path, "--head", "nonsense"))

    def test_what_is_no_journal_is_said_to_be_none(self):
        path = self.scene.world.path("nonsense.db")
        with open(path, "w", encoding="ascii") as file:
            file.write("nonsense\n" * 1000)
        self.assertIn(path, self.ends_with(1, self.verify(path)).err)
        self.assertIn("there is no journal", self.ends_with(1, self.verify("/nowhere.db")).err)

    def test_a_daemon_does_not_start_on_a_journal_that_was_changed(self):
        path = self.copy()
        folder = self.scene.world.path("tampered")
        os.mkdir(folder)
        shutil.move(path, os.path.join(folder, "journal.db"))
        connection = sqlite3.connect(os.path.join(folder, "journal.db"))
        connection.execute("UPDATE journal SET bytes = CAST(replace(CAST(bytes AS TEXT), "
                           "'amsterdam', 'rotterdam') AS BLOB) WHERE seq = 3")
        connection.commit()
        connection.close()
        other = other_configuration(self.scene, "tampered.yaml", (
            self.scene.world.path("journal.db"), os.path.join(folder, "journal.db")))
        answer = self.ends_with(1, self.scene.run_plain("serve", "-c", other))
        self.assertIn("record 3", answer.err)


if __name__ == "__main__":
    cases.main()
