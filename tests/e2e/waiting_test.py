#!/usr/bin/python3 -B
"""Runs that do not begin at once: one that waits for an approval, one that is set for later, one
that follows a saved plan, and one that takes the place of a parked run."""
import json

import cases  # first: it finds the modules of the demo
import scene

BROKEN_SWITCH = 'if [ "$1" = off ]; then echo "no answer from rack-1" >&2; exit 3; fi\n' \
                'exec ./power.real "$@"'


class Waiting(cases.WithScene):
    """One story, each part a test: they build on each other."""

    policy = {"mode": "approve", "approve": "{timeout: 2s, on_timeout: abort}"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def test_1_what_nobody_approves_is_aborted_and_not_proposed_again(self):
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        run = self.scene.wait_run(before)
        ended = self.scene.wait_end(run)
        self.assertEqual(ended.data["state"], "aborted")
        self.assertEqual(ended.data["because"], "nobody approved it in 2s")
        self.assertTrue(ended.data["declined"])
        self.assertEqual(self.scene.writers(), [])
        self.front_door_shows(scene.HOME)
        self.assertEqual(self.scene.promotions(scene.OTHER), 0)
        answer = self.ends_with(3, self.scene.run("approve", run, "--reason", "too late"))
        self.assertIn("bascule failover shop --to berlin --reason TEXT", answer.err)
        self.assertIn(f"{run} was proposed in this failure and not approved",
                      " ".join(self.scene.run("explain", "shop").out.split()))
        self.assertEqual(len(self.scene.json("runs")), 1)
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.HOME)

    def test_2_approved_it_begins_and_is_followed_to_its_end(self):
        self.assertEqual(self.scene.stop(), 0)
        self.scene.configure(mode="approve", approve="{timeout: 10m, on_timeout: abort}")
        self.scene.start()
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        run = self.scene.wait_run(before)
        status = self.ends_with(0, self.scene.run("status"))
        self.assertIn(f"bascule approve {run} --reason TEXT", status.out)
        group, = self.scene.json("status")["groups"]
        self.assertEqual([waiting["run"] for waiting in group["waiting_runs"]], [run])
        self.assertIsNone(group["open_run"])
        followed = self.ends_with(0, self.scene.run("approve", run, "--reason", "it is dark"))
        self.assertIn("✔ done after", followed.out)
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        shown = self.scene.json("show", run)
        self.assertEqual(shown["trigger"], "automatic")
        self.assertEqual(shown["wait"]["begun_because"], "it is dark")
        self.ends_with(0, self.scene.run("approve", run, "--reason", "again", "--no-wait"))

    def test_3_a_move_is_set_for_later_and_begins_by_itself(self):
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER)
        answer = self.ends_with(2, self.scene.run("failback", "shop", "--at", "25:00", "--reason",
                                                  "home"))
        self.assertIn("+30m", answer.err)
        cancelled = json.loads(self.ends_with(0, self.scene.run(
            "failback", "shop", "--at", "+1h", "--reason", "home", "-o", "json")).out)
        run = cancelled["run"]["run"]
        self.assertEqual(cancelled["run"]["state"], "waiting")
        self.assertIn(run, self.scene.run("status").out)
        self.ends_with(0, self.scene.run("abort", run, "--reason", "not today"))
        self.ends_with(0, self.scene.run("abort", run, "--reason", "not today"))
        before = self.scene.last_seq()
        answer = self.ends_with(0, self.scene.run("failback", "shop", "--at", "+2s", "--reason",
                                                  "home", "--ticket", "CHG-77"))
        self.assertIn("begins at", answer.out)
        run = self.scene.wait_run(before)
        self.ends_with(0, self.scene.run("show", run, "--follow"))
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)
        opened, begun, ended = (
            self.scene.wait_record(kind, lambda record, kind=kind: record.type == kind and
                                   record.data["run"] == run, before)
            for kind in ("RunOpened", "RunBegun", "RunEnded"))
        self.assertEqual(begun.data["because"], "its time has come")
        self.assertGreaterEqual(begun.seq, opened.seq)
        self.assertEqual(ended.data["state"], "done")
        self.scene.wait_steady(scene.HOME)

    def test_4_a_saved_plan_is_executed_as_long_as_it_holds(self):
        path = self.scene.world.path("plan.json")
        plan = self.ends_with(0, self.scene.run("plan", "shop", "--move", "switchover", "--to",
                                                scene.OTHER, "-o", "json")).out
        for content, text in (("", "is empty"), (plan[:len(plan) // 2], "is not JSON"),
                              ("{}", "not a plan")):
            self.write(path, content)
            answer = self.ends_with(2, self.scene.run("switchover", "--plan", path, "--reason",
                                                      "as planned"))
            self.assertIn(text, answer.err)
        self.write(path, plan)
        answer = self.ends_with(2, self.scene.run("failover", "--plan", path, "--reason", "test"))
        self.assertIn("is the plan of a switchover", " ".join(answer.err.split()))
        self.ends_with(0, self.scene.run("switchover", "--plan", path, "--reason", "as planned"))
        self.only_writer(scene.OTHER)
        self.scene.wait_steady(scene.OTHER)
        self.ends_with(0, self.scene.run("failback", "shop", "--reason", "home"))
        self.scene.wait_steady(scene.HOME)
        answer = self.ends_with(3, self.scene.run("switchover", "--plan", path, "--reason",
                                                  "as planned"))
        self.assertIn("the saved plan does not hold any more: the last run is",
                      " ".join(answer.err.split()))
        self.assertIn("bascule plan shop --to berlin --move switchover -o json > FILE", answer.err)
        self.only_writer(scene.HOME)

    def test_5_a_parked_run_is_superseded_by_name(self):
        self.scene.break_power(BROKEN_SWITCH)
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        self.ends_with(5, self.scene.run("failover", "shop", "--reason", "INC-2041"))
        parked = self.scene.wait_record(
            "it is parked", lambda record: record.type == "RunParked", before).data["run"]
        answer = self.ends_with(3, self.scene.run("failover", "shop", "--reason", "INC-2041"))
        self.assertIn(f"bascule failover shop --to berlin --supersede {parked} --reason TEXT",
                      answer.err)
        self.ends_with(5, self.scene.run("failover", "shop", "--supersede", parked, "--reason",
                                         "INC-2041"))
        runs = self.scene.json("runs")
        self.assertEqual((runs[1]["run"], runs[1]["state"], runs[1]["because"]),
                         (parked, "aborted", f"superseded by {runs[0]['run']}"))
        self.assertEqual((runs[0]["state"], runs[0]["supersedes"]), ("parked", parked))
        self.assertEqual(self.scene.writers(), [])
        self.scene.mend_power()
        scene.wait_for("the run goes on and ends", lambda: self.scene.json(
            "show", runs[0]["run"])["state"] == "done", 60)
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)

    def write(self, path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    cases.main()
