#!/usr/bin/python3 -B
"""Moves that a person starts, and what is answered when they may not be."""
import json
import shlex

import cases  # first: it finds the modules of the demo
import measure
import programs
import scene


class Refusals(cases.WithScene):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        text = cls.scene.configure(mode="manual")
        promote = "uses: postgres.promote, with: {check: database}"
        cls.scene.write_configuration(text.replace(promote, promote + ", timeout: 2s"))
        cls.scene.start()

    def setUp(self):
        super().setUp()
        self.addCleanup(self.nothing_has_moved)

    def nothing_has_moved(self):
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)

    def test_1_a_wrong_name_is_answered_with_the_right_ones(self):
        for words, code, text in (
                (("failover", "shp"), 1, "there is no group shp; configured: shop"),
                (("failover", "shop", "--to", "paris"), 1,
                 "shop has no site paris; it has amsterdam, berlin"),
                (("abort", "r-0099"), 1, "there is no run r-0099; none is open"),
                (("resume", "r-0099"), 1, "there is no run r-0099"),
                (("resume", "r-0001", "--step", "fence/cut"), 2, "--step and --as"),
                (("attest", "shop", "--site", "paris", "--yes"), 1, "it has amsterdam, berlin"),
                (("attest", "shop", "--site", "berlin"), 2, "--yes"),
                (("failover", "shop", "--override", "mode", "--confirm", "amsterdam"), 2,
                 "gate `mode` binds automation only"),
                (("failover", "shop", "--timeout", "5 sheep"), 2, "5 sheep")):
            answer = self.ends_with(code, self.scene.run(*words, "--reason", "test"))
            self.assertIn(text, " ".join(answer.err.split()))
            self.assertEqual(answer.out, "")

    def test_2_a_site_that_takes_writes_cannot_be_attested_to_be_stopped(self):
        answer = self.ends_with(2, self.scene.run("attest", "shop", "--site", "amsterdam", "--yes",
                                                  "--reason", "test"))
        self.assertIn("its database answers and accepts writes", answer.err)

    def test_3_a_gate_that_refuses_prints_the_whole_command_that_would_do_it(self):
        self.scene.crash(scene.OTHER)
        self.scene.wait_record("the other site is down", lambda record:
                               record.type == "VerdictChanged" and record.data["down"] and
                               record.data["check"]["site"] == scene.OTHER)
        answer = self.ends_with(3, self.scene.run("switchover", "shop", "--reason", "test"))
        self.assertEqual(answer.out, "")
        self.assertIn("refused by gate", answer.err)
        command = answer.err[answer.err.index("bascule switchover"):].strip()
        self.assertRegex(command, r"^bascule switchover shop --to berlin( --override \w+)+ "
                         r"--reason TEXT --confirm amsterdam$")
        refused = json.loads(self.ends_with(3, self.scene.run(
            "failover", "shop", "--reason", "test", "-o", "json")).out)
        self.assertFalse(refused["accepted"])
        self.assertIn(refused["refused_by"], ("controller", "target"))
        self.assertEqual(set(refused["error"]), {"code", "message", "what_to_do"})
        self.assertIn("--override target", refused["error"]["what_to_do"])
        self.assertEqual(self.scene.json("runs"), [])

    def test_4_an_override_needs_the_name_of_the_site_that_is_given_up(self):
        words = ("failover", "shop", "--override", "target", "--override", "controller",
                 "--reason", "test")
        self.ends_with(2, self.scene.run(*words))
        answer = self.ends_with(2, self.scene.run(*words, "--confirm", "berlin"))
        self.assertIn("amsterdam", answer.err)
        self.assertEqual(self.scene.json("runs"), [])

    def test_5_the_command_that_a_refusal_prints_is_accepted_as_it_stands(self):
        refused = json.loads(self.scene.run("failover", "shop", "--to", scene.OTHER, "--reason",
                                            "test", "-o", "json").out)
        command = shlex.split(refused["error"]["what_to_do"].replace("TEXT", "test"))
        before = self.scene.last_seq()
        answer = self.scene.run(*command[1:])
        run = self.scene.wait_run(before, seconds=5)
        opened = self.scene.wait_record("it is open", lambda record: record.type == "RunOpened",
                                        before)
        self.assertEqual(sorted(opened.data["overrides"]), ["controller", "target"])
        # There is nothing to promote: everything is taken back.
        self.ends_with(4, answer)
        self.assertEqual(self.scene.wait_end(run).data["state"], "rolled_back")
        scene.wait_for("the source takes writes again",
                       lambda: self.scene.takes_writes(scene.HOME), 20)


class Moves(cases.WithScene):
    policy = {"mode": "manual"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client, cls.record = programs.start_client(cls.scene.world)
        cls.scene.start()

    def newest(self):
        return self.record.read_on().attempts[-1]

    def lost(self, site):
        scene.wait_for(f"the client writes at {site}", lambda: self.newest().site == site, 10)
        last = self.record.acknowledged()[-1].done_at
        return measure.lost_rows(self.scene.world, self.record, site, last)

    def test_1_a_switchover_there_and_back_loses_nothing(self):
        for target, source in ((scene.OTHER, scene.HOME), (scene.HOME, scene.OTHER)):
            watch = self.watch_writers()
            answer = self.ends_with(0, self.scene.run("switchover", "shop", "--to", target,
                                                      "--reason", "kernel update", "--ticket",
                                                      "CHG-77"))
            self.assertIn("CHG-77: kernel update", answer.out)
            scene.wait_for("rows are written", lambda: watch.count(target), 10)
            self.assertEqual(watch.end(), [])
            self.front_door_shows(target)
            self.assertEqual(self.lost(target), [])
            self.only_writer(target)
            self.scene.wait_steady(target)
            self.assertTrue(self.scene.streaming(source))
        self.assertEqual([(run["run"], run["move"], run["state"], run["ticket"])
                          for run in self.scene.json("runs")],
                         [("r-0002", "switchover", "done", "CHG-77"),
                          ("r-0001", "switchover", "done", "CHG-77")])

    def test_2_a_failover_of_a_living_source_stops_it_first(self):
        before = self.scene.last_seq()
        watch = self.watch_writers()
        answer = self.ends_with(0, self.scene.run("failover", "shop", "--to", scene.OTHER,
                                                  "--reason", "amsterdam is given up"))
        scene.wait_for("rows are written", lambda: watch.count(scene.OTHER), 10)
        self.assertEqual(watch.end(), [])
        self.assertIn("✔ fence: cut", answer.out)
        self.assertIn("power is off, proved", " ".join(answer.out.split()))
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        records = self.scene.records(before)
        order = [record.data["step"] for record in records if record.type == "StepEnded" and
                 record.data["run"] == "r-0003"]
        self.assertLess(order.index("fence/cut"), order.index("activate/promote"))
        started = [record.data["step"] for record in records if record.type == "StepStarted"]
        self.assertIn("fence/seal", started)
        self.assertEqual(self.scene.json("explain", "shop")["gates"][4]["because"],
                         "no automatic move yet")

    def test_3_asking_again_for_what_is_so_already_changes_nothing(self):
        before = len(self.scene.json("runs"))
        answer = self.ends_with(0, self.scene.run("failover", "shop", "--to", scene.OTHER,
                                                  "--reason", "again"))
        self.assertIn("berlin is the active site of shop already", answer.out)
        self.assertEqual(len(self.scene.json("runs")), before)
        self.only_writer(scene.OTHER)

    def test_4_the_site_that_was_given_up_comes_back_as_a_standby(self):
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER)
        self.assertTrue(self.scene.streaming(scene.HOME))
        self.only_writer(scene.OTHER)

    def test_5_two_that_start_the_same_move_at_once_start_it_once(self):
        before = self.scene.last_seq()
        both = [self.scene.begin("switchover", "shop", "--to", scene.HOME, "--reason", "home")
                for _ in range(2)]
        codes = sorted(self.wait_for_end(one)[0] for one in both)
        self.assertEqual(codes[0], 0)
        self.assertIn(codes[1], (0, 3))  # it was refused, or came when it was done
        opened = [record for record in self.scene.records(before) if record.type == "RunOpened"]
        self.assertEqual(len(opened), 1)
        self.assertEqual(self.lost(scene.HOME), [])
        self.only_writer(scene.HOME)
        self.scene.wait_steady(scene.HOME)

    def test_6_a_run_goes_on_when_nobody_follows_it(self):
        answer = self.ends_with(0, self.scene.run("switchover", "shop", "--to", scene.OTHER,
                                                  "--reason", "test", "--no-wait", "-o", "json"))
        run = json.loads(answer.out)["run"]["run"]
        followed = self.ends_with(0, self.scene.run("show", run, "--follow"))
        self.assertIn("✔ done after", followed.out)
        self.front_door_shows(scene.OTHER)

    def wait_for_end(self, process):
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err


if __name__ == "__main__":
    cases.main()
