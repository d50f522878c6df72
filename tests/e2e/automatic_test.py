#!/usr/bin/python3 -B
"""A site that is lost while Bascule watches: held, released, failed over by itself, back again."""
import json
import re

import cases  # first: it finds the modules of the demo
import measure
import programs
import scene

GATES = ["mode", "controller", "verdict", "not_everything", "cooldown", "target", "data_loss",
         "one_at_a_time", "fence"]
GATE = {"number", "name", "binds", "holds", "because", "evidence", "since", "until"}
RUN = {"run", "group", "move", "source", "target", "trigger", "actor", "reason", "ticket", "state",
       "started_at", "ended_at", "term", "generation", "outage", "loss", "obligations", "next"}
STEP = {"id", "state", "attempts", "started_at", "ended_at", "because", "request_ids"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Watching(cases.WithScene):
    """Everything is well, and nothing is done."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def test_status_shows_the_active_site_and_every_check(self):
        answer = self.ends_with(0, self.scene.run("status"))
        self.assertRegex(answer.out, r"cluster demo · observer laptop leads \(term \d+\)")
        self.assertRegex(answer.out, r"shop +HEALTHY +amsterdam +protected")
        self.assertRegex(answer.out, r"● amsterdam +app +healthy")
        self.assertRegex(answer.out, r"○ berlin +app +healthy")
        status = self.scene.json("status")
        group, = status["groups"]
        self.assertEqual((group["group"], group["state"], group["active"], group["protection"]),
                         ("shop", "HEALTHY", scene.HOME, "protected"))
        self.assertEqual(group["generation"], self.scene.generation()[0])
        self.assertEqual([site["site"] for site in group["sites"]], [scene.HOME, scene.OTHER])

    def test_explain_asks_all_nine_gates(self):
        answer = self.ends_with(0, self.scene.run("explain", "shop"))
        self.assertTrue(answer.out.startswith("shop is HEALTHY"), answer.out)
        for number in range(1, 10):
            self.assertRegex(answer.out, rf"\n  {number} ")
        explained = self.scene.json("explain", "shop")
        self.assertLessEqual({"group", "active", "state", "protection", "automation", "would",
                              "sentence", "gates"}, set(explained))
        self.assertEqual([gate["name"] for gate in explained["gates"]], GATES)
        self.assertEqual([gate["number"] for gate in explained["gates"]], list(range(1, 10)))
        for gate in explained["gates"]:
            self.assertEqual(set(gate), GATE)
            self.assertTrue(gate["because"])
        self.assertEqual(explained["would"], "nothing")

    def test_the_daemon_plans_what_a_command_alone_would(self):
        plan = self.scene.json("plan", "shop", "--to", scene.OTHER)
        self.assertEqual(plan["steps"][0]["change"], "take generation 2 of www.shop.test")
        answer = self.ends_with(0, self.scene.run("plan", "shop"))
        self.assertIn("failover of shop: amsterdam → berlin", answer.out)
        self.assertEqual(answer.err, "")

    def test_there_are_no_runs_yet(self):
        self.assertEqual(self.scene.json("runs"), [])

    def test_a_wrong_name_is_answered_with_the_right_ones(self):
        for words, text in ((("explain", "shp"), "there is no group `shp`"),
                            (("show", "r-0099"), "there is no run `r-0099`"),
                            (("plan", "shop", "--to", "paris"), "paris"),
                            (("hold", "shp", "--reason", "x"), "configured: shop"),
                            (("adopt", "shop", "--active", "paris", "--reason", "x"),
                             "it has amsterdam, berlin")):
            answer = self.scene.run(*words)
            self.assertIn(answer.code, (1, 2))
            self.assertIn(text, answer.err)
            self.assertEqual(answer.out, "")

    def test_a_hold_of_everything_ends_by_a_release_of_everything(self):
        self.ends_with(0, self.scene.run("hold", "--reason", "network change"))
        self.assertEqual(self.scene.json("status")["automation"], "held")
        mode = self.scene.json("explain", "shop")["gates"][0]
        self.assertFalse(mode["holds"])
        self.assertIn("network change", mode["because"])
        self.ends_with(0, self.scene.run("release", "--reason", "over"))
        self.assertEqual(self.scene.json("status")["automation"], "on")

    def test_a_hold_with_an_end_says_when(self):
        self.ends_with(2, self.scene.run("hold", "shop", "--for", "2 sheep", "--reason", "x"))
        self.ends_with(0, self.scene.run("hold", "shop", "--for", "2h", "--reason", "x"))
        self.assertRegex(self.scene.json("status")["groups"][0]["hold"]["until"], TIME)
        self.ends_with(0, self.scene.run("release", "shop", "--reason", "over"))
        self.assertIsNone(self.scene.json("status")["groups"][0]["hold"])

    def test_a_secret_is_in_no_record(self):
        text = json.dumps([record.data for record in self.scene.records()])
        for secret in ("tsig.secret", "admin.password", "monitor.password", "journal.db.token"):
            self.assertNotIn(self.scene.world.secret(secret), text)

    def test_without_its_token_nothing_is_answered(self):
        address = f"127.0.0.1:{self.scene.world.api_port}"
        answer = self.scene.run_plain("status", "--server", address)
        self.assertIn(answer.code, (2, 7))
        self.assertIn("token", answer.err)
        answer = self.ends_with(2, self.scene.run_plain(
            "status", "--server", address, environment={"BASCULE_TOKEN": "wrong"}))
        self.assertIn("token", answer.err)


class TheLossOfASite(cases.WithScene):
    """One story, each part a test: they build on each other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client, cls.record = programs.start_client(cls.scene.world)
        cls.scene.start()
        cls.lost = set()

    def test_1_while_it_is_held_nothing_moves_and_explain_says_how_to_let_it(self):
        before = self.scene.last_seq()
        held = self.ends_with(0, self.scene.run("hold", "shop", "--reason", "maintenance"))
        self.assertIn("automation of shop is held", held.out)
        again = self.ends_with(0, self.scene.run("hold", "shop", "--reason", "maintenance"))
        self.assertRegex(again.out, r"held already, by ana@\S+ since")
        self.scene.crash(scene.HOME)
        self.scene.wait_record("the group is CRITICAL", lambda record:
                               record.type == "GroupStateChanged" and
                               record.data["to"] == "CRITICAL", before)
        answer = self.ends_with(0, self.scene.run("explain", "shop"))
        self.assertIn("shop is CRITICAL and nothing is being done: held by ana@", answer.out)
        self.assertIn("maintenance", answer.out)
        self.assertIn("bascule release shop --reason", answer.out)
        explained = self.scene.json("explain", "shop")
        self.assertEqual([gate["name"] for gate in explained["gates"] if not gate["holds"]],
                         ["mode"])
        self.assertEqual(self.scene.json("runs"), [])
        self.assertEqual(self.scene.writers(), [])
        self.front_door_shows(scene.HOME)

    def test_2_released_it_fails_over_by_itself(self):
        before = self.scene.last_seq()
        watch = self.watch_writers()
        self.ends_with(0, self.scene.run("release", "shop", "--reason", "over"))
        run = self.scene.wait_run(before)
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        scene.wait_for("rows are written at the other site", lambda: watch.count(scene.OTHER), 10)
        self.assertEqual(watch.end(), [])
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.assertEqual(self.scene.generation(), (2, scene.OTHER))
        self.assertEqual((self.scene.timeline(scene.OTHER), self.scene.promotions(scene.OTHER)),
                         (2, 1))
        after = scene.wait_for("the client writes again", lambda: self.record.read_on()
                               .acknowledged_after(0, scene.OTHER), 10)[0]
        bound = self.scene.json("show", run)["loss"]["bound_ms"]
        missing = measure.lost_rows(self.scene.world, self.record, scene.OTHER, after.done_at)
        fault = max(attempt.done_at for attempt in self.record.acknowledged()
                    if attempt.site == scene.HOME)
        self.assertEqual([attempt.id for attempt in missing
                          if attempt.done_at < fault - bound / 1000], [])
        type(self).lost = {attempt.id for attempt in missing}

    def test_3_the_run_can_be_read_by_people_and_programs(self):
        run, = self.scene.json("runs")
        self.assertLessEqual(RUN, set(run))
        self.assertNotIn("steps", run)
        shown = self.scene.json("show", run["run"])
        self.assertLessEqual(RUN | {"steps"}, set(shown))
        self.assertEqual((shown["state"], shown["trigger"], shown["actor"], shown["move"]),
                         ("done", "automatic", "bascule", "failover"))
        self.assertRegex(shown["started_at"], TIME)
        self.assertEqual([step["id"] for step in shown["steps"] if step["state"] == "failed"],
                         ["fence/seal"])
        for step in shown["steps"]:
            self.assertLessEqual(STEP, set(step))
        outage = shown["outage"]
        self.assertEqual(set(outage), {"began_at", "ended_at", "measured_ms", "detection_ms",
                                       "decision_ms", "steps_ms"})
        self.assertEqual(outage["measured_ms"], outage["detection_ms"] + outage["decision_ms"] +
                         outage["steps_ms"])
        self.assertEqual(set(shown["loss"]), {"bound_ms", "bound_bytes", "exact_rows",
                                              "exact_bytes"})
        text = self.ends_with(0, self.scene.run("show", run["run"])).out
        self.assertIn("run r-0001 · failover of shop · amsterdam → berlin · by bascule", text)
        self.assertIn("✔ done after", text)
        self.assertIn("power is off, proved", text)
        self.assertRegex(self.ends_with(0, self.scene.run("runs")).out,
                         r"r-0001 +shop +failover +amsterdam → berlin +done")
        self.assertRegex(self.ends_with(0, self.scene.run("show", "r-0001", "--follow")).out,
                         r"done after")

    def test_4_an_acknowledgement_ends_the_cool_down(self):
        cooling = self.scene.json("explain", "shop")["gates"][4]
        self.assertEqual((cooling["name"], cooling["holds"]), ("cooldown", False))
        self.assertRegex(cooling["until"], TIME)
        self.assertIn("`bascule ack shop", cooling["because"])
        self.assertEqual(self.scene.json("show", "r-0001")["next"],
                         "bascule ack shop --reason TEXT")
        self.ends_with(0, self.scene.run("ack", "shop", "--reason", "seen"))
        self.assertEqual(self.scene.json("show", "r-0001")["next"], "bascule status")
        self.assertTrue(self.scene.json("explain", "shop")["gates"][4]["holds"])
        self.ends_with(0, self.scene.run("ack", "shop", "--reason", "seen"))

    def test_5_the_site_comes_back_is_sealed_and_becomes_a_standby(self):
        before = self.scene.last_seq()
        intruder = programs.start_intruder(self.scene.world, scene.HOME)
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER)
        intruder.stop()
        self.assertTrue(self.scene.streaming(scene.HOME))
        self.only_writer(scene.OTHER)
        kinds = [record.type for record in self.scene.records(before)]
        self.assertIn("LossMeasured", kinds)
        sealed = next(record for record in self.scene.records(before)
                      if record.is_step("StepEnded", record.data.get("run"), "fence") and
                      record.succeeded())
        with open(intruder.record_path, encoding="utf-8") as file:
            written = [json.loads(line)["sent_at"] for line in file]
        self.assertEqual([at for at in written if at > sealed.at + 0.001], [])
        self.assertEqual([row for row in self.scene.rows(scene.OTHER) if row < 0], [])
        self.assertEqual(self.scene.json("status")["groups"][0]["obligations"], [])
        self.assertIsNotNone(self.scene.json("show", "r-0001")["loss"]["exact_bytes"])

    def test_6_it_goes_home_and_loses_nothing(self):
        answer = self.ends_with(0, self.scene.run("failback", "shop", "--reason", "repaired"))
        self.assertIn("failback of shop · berlin → amsterdam · by ana@", answer.out)
        self.assertIn("✔ done after", answer.out)
        self.front_door_shows(scene.HOME)
        self.only_writer(scene.HOME)
        self.scene.wait_steady(scene.HOME)
        self.assertTrue(self.scene.streaming(scene.OTHER))
        scene.wait_for("the client writes at home again", lambda: self.record.read_on()
                       .attempts[-1].site == scene.HOME, 10)
        last = self.record.acknowledged()[-1].done_at
        missing = measure.lost_rows(self.scene.world, self.record, scene.HOME, last)
        self.assertLessEqual({attempt.id for attempt in missing}, self.lost)
        self.assertTrue(self.client.alive())

    def test_7_the_journal_of_all_this_is_whole(self):
        self.assertRegex(self.ends_with(0, self.scene.run("audit", "verify")).out,
                         r"^OK \d+ [0-9a-f]{64}\n$")


if __name__ == "__main__":
    cases.main()
