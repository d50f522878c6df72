#!/usr/bin/python3 -B
"""Runs that cannot go on: a fence that cannot be done, a service that does not answer, a step that
fails before the point of no return."""
import json
import signal

import cases  # first: it finds the modules of the demo
import build
import processes
import scene

BROKEN_SWITCH = 'echo "no answer from rack-1" >&2; exit 3'


class TheSourceCannotBeFenced(cases.WithScene):
    """One story, each part a test: they build on each other."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.break_power(BROKEN_SWITCH)
        cls.scene.start()

    def test_1_the_run_parks_and_nothing_is_promoted(self):
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        run = self.scene.wait_run(before)
        followed = self.ends_with(5, self.scene.run("show", run, "--follow"))
        self.assertIn("parked: a person must act (amsterdam cannot be fenced: needs cut",
                      " ".join(followed.out.split()))
        self.assertIn("no answer from rack-1", followed.out)
        self.assertEqual(self.scene.writers(), [])
        self.front_door_shows(scene.HOME)
        self.assertEqual(self.scene.promotions(scene.OTHER), 0)
        self.assertEqual(self.scene.json("show", run)["state"], "parked")

    def test_2_explain_shows_the_ninth_gate_and_how_to_attest(self):
        answer = self.ends_with(0, self.scene.run("explain", "shop"))
        self.assertRegex(answer.out, r"9 fence +✘ needs cut: amsterdam/seal ended with")
        self.assertIn("bascule attest shop --site amsterdam --reason", answer.out)
        explained = self.scene.json("explain", "shop")
        gate = explained["gates"][8]
        self.assertEqual((gate["name"], gate["holds"]), ("fence", False))
        self.assertIn("no answer from rack-1", gate["because"])
        self.assertTrue(any(command.startswith("bascule attest shop --site amsterdam")
                            for command in explained["what_helps"]))

    def test_3_the_fence_is_owed_and_tried_again(self):
        group, = self.scene.json("status")["groups"]
        owed, = group["obligations"]
        self.assertEqual((owed["kind"], owed["site"]), ("fence", scene.HOME))
        self.assertIn("owed: fence of amsterdam", self.scene.run("status").out)

    def test_4_another_move_is_refused_while_it_is_open(self):
        answer = self.ends_with(3, self.scene.run("failover", "shop", "--reason", "impatient"))
        self.assertIn("r-0001 is parked", answer.err)
        self.assertIn("bascule abort r-0001", answer.err)

    def test_5_without_yes_nobody_vouches_by_accident(self):
        answer = self.ends_with(2, self.scene.run("attest", "shop", "--site", "amsterdam",
                                                  "--reason", "seen"))
        self.assertIn("--yes", answer.err)

    def test_6_attested_it_goes_on_to_its_end(self):
        self.ends_with(0, self.scene.run("attest", "shop", "--site", "amsterdam", "--yes",
                                         "--reason", "rack is off, seen by ana"))
        followed = self.ends_with(0, self.scene.run("show", "r-0001", "--follow"))
        self.assertIn("✔ done after", followed.out)
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.assertEqual(self.scene.promotions(scene.OTHER), 1)
        again = self.ends_with(0, self.scene.run("attest", "shop", "--site", "amsterdam", "--yes",
                                                 "--reason", "seen"))
        self.assertEqual(len(self.scene.json("runs")), 1, again.out)

    def test_7_repaired_the_site_becomes_a_standby_and_nothing_is_owed(self):
        self.scene.mend_power()
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER)
        self.only_writer(scene.OTHER)
        self.assertEqual(self.scene.json("status")["groups"][0]["obligations"], [])


class TheFenceIsRepaired(cases.WithScene):
    def test_a_switch_that_answers_again_is_used_without_being_asked(self):
        self.scene.break_power(BROKEN_SWITCH)
        self.scene.start()
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        run = self.scene.wait_run(before)
        self.scene.wait_parked(run)
        self.scene.mend_power()
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)


class TheServiceDoesNotAnswer(cases.WithScene):
    """After the point of no return a run only goes forward."""

    policy = {"mode": "manual"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        text = cls.scene.configure(mode="manual")
        cls.scene.write_configuration(text.replace("attempts: 20", "attempts: 3"))
        cls.scene.start()
        service = cls.scene.world.path(scene.OTHER, "service")
        processes.send(processes.inside(service), signal.SIGKILL)

    def test_1_it_is_parked_after_the_promotion(self):
        answer = self.ends_with(5, self.scene.run("failover", "shop", "--to", scene.OTHER,
                                                  "--reason", "test"))
        self.assertIn("verify/answers failed", " ".join(answer.out.split()))
        self.assertIn("next: bascule resume r-0001", answer.out)
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        shown = self.scene.json("show", "r-0001")
        self.assertEqual((shown["state"], shown["past_no_return"]), ("parked", True))
        self.assertIn("bascule resume r-0001", shown["next"])

    def test_2_it_cannot_be_taken_back(self):
        self.ends_with(5, self.scene.run("abort", "r-0001", "--reason", "test"))
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)

    def test_3_a_step_is_resolved_only_by_a_name_and_an_outcome_that_exist(self):
        for words, code, text in (
                (("--step", "verify/answer", "--as", "done"), 1, "r-0001 has no step"),
                (("--step", "verify/answers", "--as", "well"), 2, "done, failed or retry")):
            answer = self.ends_with(code, self.scene.run("resume", "r-0001", "--reason", "test",
                                                         *words))
            self.assertIn(text, " ".join(answer.err.split()))
        self.assertEqual(self.scene.json("show", "r-0001")["state"], "parked")

    def test_4_resumed_it_tries_again_and_parks_again(self):
        self.ends_with(5, self.scene.run("resume", "r-0001", "--reason", "perhaps now"))

    def test_5_a_person_says_that_it_is_done(self):
        answer = self.ends_with(0, self.scene.run("resume", "r-0001", "--step", "verify/answers",
                                                  "--as", "done", "--reason", "seen by ana"))
        self.assertIn("verify/answers counts as done", answer.out)
        self.assertIn("✔ done after", answer.out)
        step = self.scene.json("show", "r-0001")["steps"][-1]
        self.assertEqual((step["id"], step["state"]), ("verify/answers", "done"))
        self.assertIn("ana@", step["because"])
        again = self.ends_with(2, self.scene.run("resume", "r-0001", "--reason", "again"))
        self.assertIn("r-0001 has ended: done", again.err)


class AStepFailsBeforeThePointOfNoReturn(cases.WithScene):
    """Everything is as it was before."""

    def set_up(self, **policy):
        """berlin gets a step before its promotion that fails."""
        if self.scene.alive():
            self.scene.stop()
        text = self.scene.configure(mode="manual", **policy)
        head, site, tail = text.partition("- name: berlin")
        step = ("          - {name: prepare, uses: hook, timeout: 2s, retries: 0, with: {run: "
                "[/bin/false], undo: [/bin/true], delivery: at_least_once}}\n")
        self.scene.write_configuration(
            head + site + tail.replace("        activate:\n", "        activate:\n" + step, 1))
        self.scene.start()

    def is_as_before(self):
        scene.wait_for("the source takes writes again",
                       lambda: self.scene.takes_writes(scene.HOME), 20)
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)
        self.assertEqual(self.scene.promotions(scene.OTHER), 0)
        setting = build.query(self.scene.world, scene.HOME, "SHOW default_transaction_read_only")
        self.assertEqual(setting, [("off",)])
        self.scene.wait_steady(scene.HOME)

    def test_a_failover_and_a_switchover_are_taken_back(self):
        self.set_up()
        self.scene.write(scene.HOME, 5)
        for move, run in (("switchover", "r-0001"), ("failover", "r-0002")):
            answer = self.ends_with(4, self.scene.run(move, "shop", "--to", scene.OTHER,
                                                      "--reason", "test"))
            self.assertIn("/bin/false ended with code 1", answer.out)
            self.is_as_before()
            self.assertIn(5, self.scene.rows(scene.HOME))
            self.assertEqual(self.scene.json("show", run)["state"], "rolled_back")
            # What was claimed stays claimed, so that a late write would be refused.
            self.assertGreater(self.scene.generation()[0], 1)
            self.assertEqual(self.scene.generation()[1], scene.HOME)

    def test_for_a_program_the_run_is_the_answer(self):
        self.set_up()
        answer = self.ends_with(4, self.scene.run("switchover", "shop", "--to", scene.OTHER,
                                                  "--reason", "test", "-o", "json"))
        self.assertEqual(json.loads(answer.out)["state"], "rolled_back")
        self.is_as_before()


class InTheMiddle(cases.WithScene):
    """A person looks away from a run, or takes it back, while its fence is being done."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.configure(mode="manual")
        cls.scene.delay_power()
        cls.scene.start()

    def begin(self):
        """A failover that waits for its power switch, and the process that follows it."""
        before = self.scene.last_seq()
        follower = self.scene.begin("failover", "shop", "--to", scene.OTHER, "--reason", "test")
        run = self.scene.wait_run(before)
        self.scene.wait_step("fence/cut", after=before)
        self.scene.wait_step("fence/seal", "StepEnded", after=before)
        return run, follower

    def test_1_before_the_point_of_no_return_it_is_taken_back(self):
        run, follower = self.begin()
        self.assertFalse(self.scene.takes_writes(scene.HOME))
        answer = self.ends_with(0, self.scene.run("abort", run, "--reason", "wrong site"))
        self.assertIn(f"{run} is taken back", answer.out)
        self.assertEqual(follower.wait(20), 4)
        self.assertEqual(self.scene.json("show", run)["state"], "rolled_back")
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)
        self.assertEqual(self.scene.promotions(scene.OTHER), 0)
        self.scene.wait_steady(scene.HOME)

    def test_2_whoever_stops_following_leaves_the_run_alone(self):
        run, follower = self.begin()
        self.ends_with(6, self.scene.run("show", run, "--follow", "--timeout", "200ms"))
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(20), 6)
        self.assertIn(run, follower.stderr.read())
        self.assertEqual(self.scene.json("show", run)["state"], "running")
        self.scene.let_power_go()
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)


if __name__ == "__main__":
    cases.main()
