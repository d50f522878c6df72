#!/usr/bin/python3 -B
"""`bascule` where no daemon runs: what can be asked, and what each command says when it cannot."""
import json
import os

import cases
import scene

HEALTH = {"group", "site", "check", "kind", "health", "latency_ms", "timing_ms", "at", "detail",
          "evidence", "error"}
STEP = {"id", "phase", "name", "uses", "needs", "reversible", "rung", "state", "change", "settings"}


class Configuration(cases.WithScene):
    def broken(self):
        """A configuration with two mistakes, and where they are."""
        with open(self.scene.file, encoding="utf-8") as file:
            text = file.read()
        text = text.replace("      cooldown: 10m ", "      cooldwon: 10m ")
        text = text.replace("degraded_lag: 30s ", "degraded_lag: 30 ")
        path = self.scene.world.path("broken.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        lines = text.split("\n")
        places = []
        for word in ("cooldwon", "degraded_lag: 30"):
            number = next(n for n, line in enumerate(lines) if word in line)
            column = lines[number].index(word) + 1
            places.append((number + 1, column + (len("degraded_lag: ") if ":" in word else 0)))
        return path, places

    def test_a_good_file_is_accepted_with_its_warnings(self):
        answer = self.ends_with(0, self.scene.run_plain("config", "validate", self.scene.file))
        self.assertNotIn(" error: ", answer.out)
        self.assertRegex(answer.out, r"shop\.yaml:\d+:\d+: warning: .*threshold of 3s")
        self.assertIn("2 warnings", answer.out)
        problems = json.loads(self.scene.run_plain("config", "validate", self.scene.file, "-o",
                                                   "json").out)
        self.assertEqual({problem["severity"] for problem in problems}, {"warning"})

    def test_a_broken_file_is_refused_with_every_mistake_its_place_and_a_hint(self):
        path, places = self.broken()
        answer = self.ends_with(2, self.scene.run_plain("config", "validate", path))
        for line, column in places:
            self.assertIn(f"{path}:{line}:{column}: error: ", answer.out)
        self.assertIn("unknown key `cooldwon`", answer.out)
        self.assertRegex(answer.out, r"\n +\| +\^{8}\n +hint: .*`cooldown`")
        self.assertRegex(answer.out, r"`?30`? has no unit")
        self.assertIn("2 errors", answer.out)

    def test_for_a_program_each_mistake_is_an_object(self):
        path, places = self.broken()
        answer = self.ends_with(2, self.scene.run_plain("config", "validate", path, "-o", "json"))
        problems = json.loads(answer.out)
        for problem in problems:
            self.assertEqual(set(problem), {"severity", "file", "line", "column", "code", "message",
                                            "hint"})
        errors = [(one["line"], one["column"]) for one in problems if one["severity"] == "error"]
        self.assertEqual(sorted(errors), sorted(places))
        self.assertTrue(all(one["file"] == path for one in problems))

    def test_every_command_refuses_a_broken_file(self):
        path, _ = self.broken()
        for words in (("check",), ("serve",), ("status",), ("plan", "shop", "--local"),
                      ("failover", "shop", "--reason", "test", "--local")):
            answer = self.ends_with(2, self.scene.run_plain(*words, "-c", path))
            self.assertIn("unknown key `cooldwon`", answer.err)
            self.assertEqual(answer.out, "")

    def test_a_file_that_is_not_there_is_named(self):
        answer = self.ends_with(2, self.scene.run_plain("check", "-c", "/nowhere/shop.yaml"))
        self.assertIn("/nowhere/shop.yaml", answer.err)


class Looking(cases.WithScene):
    def test_check_asks_every_check_once(self):
        answer = self.ends_with(0, self.scene.run("check"))
        self.assertIn("4 checks: 4 healthy", answer.out)
        self.assertRegex(answer.out, r"amsterdam +app +healthy")
        self.assertRegex(answer.out, r"database +healthy .*primary, timeline 1")
        self.assertRegex(answer.out, r"database +healthy .*replica")
        checks = self.scene.json("check")
        self.assertEqual([(one["site"], one["check"]) for one in checks],
                         [(scene.HOME, "app"), (scene.HOME, "database"), (scene.OTHER, "app"),
                          (scene.OTHER, "database")])
        for one in checks:
            self.assertLessEqual(HEALTH, set(one))
            self.assertLessEqual({"lookup", "connect", "tls", "first_byte"}, set(one["timing_ms"]))
            self.assertGreater(one["latency_ms"], 0)
            self.assertIsNone(one["error"])

    def test_check_says_no_when_a_site_is_off(self):
        self.scene.power("off", scene.OTHER)
        self.addCleanup(self.scene.power, "on", scene.OTHER)
        answer = self.ends_with(1, self.scene.run("check"))
        self.assertIn("4 checks: 2 healthy, 2 failed", answer.out)
        self.assertIn("connection refused", answer.out)
        answer = self.ends_with(1, self.scene.run("check", "-o", "json"))
        failed = [one for one in json.loads(answer.out) if one["health"] == "failed"]
        self.assertEqual({one["site"] for one in failed}, {scene.OTHER})
        for one in failed:
            self.assertIsNone(one["latency_ms"])
            self.assertEqual(one["error"]["code"], "unavailable")

    def test_plan_is_read_from_the_providers_and_changes_nothing(self):
        answer = self.ends_with(0, self.scene.run("plan", "shop", "--to", scene.OTHER))
        self.assertIn("failover of shop: amsterdam → berlin", answer.out)
        self.assertIn("nothing has been changed", answer.out)
        self.assertIn("take generation 1 of www.shop.test", answer.out)
        self.assertIn("A 127.0.1.1 → 127.0.1.2", answer.out)
        self.assertIn("no way back from here", answer.out)
        self.assertIn("this is asked from here", answer.err)
        self.only_writer(scene.HOME)
        self.front_door_shows(scene.HOME)
        self.assertIsNone(self.scene.generation())
        self.assertFalse(os.path.exists(self.scene.world.path("journal.db")))

    def test_plan_for_a_program_names_every_step_and_no_secret(self):
        answer = self.ends_with(0, self.scene.run("plan", "shop", "--to", scene.OTHER, "-o",
                                                  "json"))
        plan = json.loads(answer.out)
        self.assertLessEqual({"group", "move", "source", "target", "because", "fingerprint",
                              "exposures", "steps", "estimate"}, set(plan))
        self.assertEqual((plan["move"], plan["source"], plan["target"]),
                         ("failover", scene.HOME, scene.OTHER))
        self.assertEqual([step["id"] for step in plan["steps"]],
                         ["claim/generation", "fence/seal", "fence/cut", "activate/promote",
                          "front_door/address", "verify/answers"])
        for step in plan["steps"]:
            self.assertLessEqual(STEP, set(step))
        self.assertEqual([step["id"] for step in plan["steps"] if not step["reversible"]],
                         ["activate/promote"])
        self.assertEqual({step["rung"] for step in plan["steps"]}, {None, "sealed", "cut"})
        self.assertEqual(plan["steps"][0]["settings"]["key"]["secret"], "<secret>")
        self.assertNotIn(self.scene.world.secret("tsig.secret"), answer.out)
        self.assertNotIn(self.scene.world.secret("admin.password"), answer.out)

    def test_plan_can_tell_by_its_exit_code_that_there_are_changes(self):
        self.ends_with(10, self.scene.run("plan", "shop", "--to", scene.OTHER,
                                          "--detailed-exitcode"))

    def test_a_switchover_is_planned_without_cutting_the_source_off(self):
        plan = self.scene.json("plan", "shop", "--to", scene.OTHER, "--move", "switchover")
        steps = [step["id"] for step in plan["steps"]]
        self.assertIn("fence/seal", steps)
        self.assertNotIn("fence/cut", steps)
        self.assertLess(steps.index("activate/caught-up"), steps.index("activate/promote"))


class Asking(cases.WithScene):
    COMMANDS = ("serve", "check", "plan", "failover", "switchover", "failback", "status", "explain",
                "runs", "show", "resume", "abort", "hold", "release", "ack", "attest", "adopt",
                "config validate", "audit verify", "audit export", "import",
                "version")

    def test_without_a_daemon_a_question_ends_with_7_and_says_what_to_do(self):
        for words in (("status",), ("explain", "shop"), ("runs",), ("show", "r-0001"),
                      ("hold", "shop", "--reason", "test"),
                      ("failover", "shop", "--reason", "test")):
            answer = self.ends_with(7, self.scene.run(*words))
            self.assertEqual(answer.out, "")
            self.assertIn(f"no Bascule answers at 127.0.0.1:{self.scene.world.api_port}",
                          answer.err)
            self.assertIn("bascule serve -c FILE", answer.err)

    def test_for_a_program_the_reason_is_on_standard_output(self):
        answer = self.ends_with(7, self.scene.run("status", "-o", "json"))
        error = json.loads(answer.out)["error"]
        self.assertEqual(set(error), {"code", "message", "what_to_do"})
        self.assertEqual(error["code"], "unavailable")

    def test_without_any_configuration_the_default_address_is_asked(self):
        answer = self.ends_with(7, self.scene.run_plain("status", environment={
            "BASCULE_SERVER": "127.0.0.1:1"}))
        self.assertIn("127.0.0.1:1", answer.err)

    def test_what_is_not_known_ends_with_2_and_a_suggestion(self):
        for words, text in ((("staus",), "did you mean: bascule status"),
                            (("frobnicate",), "there is no command `frobnicate`"),
                            (("status", "--frobnicate"), "--frobnicate"),
                            (("plan",), "`plan` needs GROUP"),
                            (("failover", "shop"), "--reason TEXT"),
                            (("status", "-o", "xml"), "xml"),
                            (("failover", "shop", "--reason", "x", "--override", "fnce"),
                             "there is no gate `fnce`")):
            answer = self.ends_with(2, self.scene.run_plain(*words))
            self.assertEqual(answer.out, "")
            self.assertIn(text, answer.err)

    def test_help_of_every_command_has_an_example(self):
        overview = self.ends_with(0, self.scene.run_plain("--help")).out
        for command in self.COMMANDS:
            self.assertIn(f"\n  {command} ", overview)
            answer = self.ends_with(0, self.scene.run_plain(*command.split(), "--help"))
            self.assertIn(f"usage: bascule {command}", answer.out)
            self.assertRegex(answer.out, rf"Examples?\n  bascule {command}")
            self.assertEqual(answer.err, "")
            self.assertLessEqual(max(len(line) for line in answer.out.split("\n")), 120)


if __name__ == "__main__":
    cases.main()
