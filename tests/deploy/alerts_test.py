#!/usr/bin/python3 -B
"""The alert rules: they name only metrics that exist, promtool accepts them, and each fires when it
should and is silent before and otherwise."""
import collections
import json
import os
import re
import unittest

import definitions
import prometheus
import promql
import shop  # it finds the modules of other tests
import yaml

RULES = os.path.join(shop.ROOT, "deploy", "prometheus", "bascule-alerts.yaml")
SEVERITIES = {"page", "ticket"}
HOST = {"job": "bascule", "instance": "tower:8420"}
SHOP = {"group": "shop"}
DAY = 86400

# A case: the values that make it fire, when it does and when not yet (None: it waits for nothing),
# values that leave it silent, its labels beside the target's, and what its $value reads.
Case = collections.namedtuple("Case", "series fires early calm labels value",
                              defaults=({}, "1"))


def gauge(name, bad, well, fires, early, labels=None, value="1"):
    labels = labels or {}
    return Case([(name, labels, f"{bad}x1000")], fires, early,
                [(name, labels, f"{well}x1000")], labels, value)


def of_group(name, bad, well, fires, early, **labels):
    return gauge(name, bad, well, fires, early, {**SHOP, **labels})


CHANNEL = {"channel": "slack", "result": "failed"}
CHECK = {**SHOP, "site": "berlin", "check": "app"}
AUTOMATIC = {**SHOP, "move": "failover", "trigger": "automatic"}
SWITCHED = {**SHOP, "move": "switchover", "outcome": "rolled_back"}
ENDED = {**SHOP, "move": "switchover", "outcome": "done"}
OTHER_STATE = {**SHOP, "state": "HEALTHY"}

CASES = {
    "BasculeDown": gauge("up", 0, 1, "2m", "0m"),
    "BasculeAbsent": Case([("up", {"job": "other"}, "1x1000")], "6m", "2m",
                          [("up", {}, "0x1000")]),
    "BasculeDoesNotLead": gauge("bascule_leader", 0, 1, "3m", "1m"),
    "BasculeJournalSilent": Case(
        [("bascule_journal_answers", {}, "0x1000"), ("bascule_leader", {}, "1x1000")], "2m", "0m",
        # Who does not lead has an alarm of its own.
        [("bascule_journal_answers", {}, "0x1000"), ("bascule_leader", {}, "0x1000")]),
    "BasculeJournalSlow": gauge("bascule_journal_append_seconds", "0.6", "0.05", "11m", "9m",
                                value="600ms"),
    "BasculeLate": Case(
        [("bascule_lateness_seconds_bucket", {"le": "0.5"}, "0+48x100"),
         ("bascule_lateness_seconds_count", {}, "0+60x100")], "12m", "4m",
        [("bascule_lateness_seconds_bucket", {"le": "0.5"}, "0+58x100"),
         ("bascule_lateness_seconds_count", {}, "0+60x100")], value="20%"),
    "BasculeBeginsAgainAndAgain": Case([("bascule_term", {}, "1 2 3 4 5x100")], "6m", "3m",
                                       [("bascule_term", {}, "1 1 2 3 4x100")], value="4"),
    "BasculeClockUnsteady": gauge("bascule_clock_steady", 0, 1, "3m", "1m"),
    "BasculeCutOff": Case(
        [("bascule_reference_answers", {}, "0x1000"), ("bascule_leader", {}, "1x1000")], "3m", "1m",
        [("bascule_reference_answers", {}, "1x1000"), ("bascule_leader", {}, "1x1000")]),
    "BasculeConfigurationRefused": gauge("bascule_configuration_refused", 1, 0, "6m", "4m"),
    "BasculeTellsNobody": Case(
        [("bascule_notification_retries_total", {"channel": "slack"}, "0+1x100")], "20m", "10m",
        # It has worked since.
        [("bascule_notification_retries_total", {"channel": "slack"}, "0 3x100")],
        {"channel": "slack"}),
    "BasculeMessageLost": Case(
        [("bascule_notifications_total", CHANNEL, "0 0 1x100")], "3m", None,
        [("bascule_notifications_total", {**CHANNEL, "result": "sent"}, "0 0 1x100"),
         ("bascule_notifications_total", CHANNEL, "7x100")], CHANNEL),
    "BasculeCertificateEnds": Case(
        [("bascule_api_certificate_expiry_timestamp_seconds", {}, "600000x100")], "16m", "14m",
        [("bascule_api_certificate_expiry_timestamp_seconds", {}, "6000000x100")]),
    "BasculeDescriptorsShort": Case(
        [("process_open_fds", {}, "900x100"), ("process_max_fds", {}, "1000x100")], "11m", "9m",
        [("process_open_fds", {}, "700x100"), ("process_max_fds", {}, "1000x100")], value="90%"),

    "BasculeTwoWriters": of_group("bascule_group_two_writers", 1, 0, "0m", None),
    "BasculeGroupCritical": of_group("bascule_group_state", 1, 0, "2m", "0m", state="CRITICAL"),
    "BasculeGroupUnknown": of_group("bascule_group_state", 1, 0, "6m", "4m", state="UNKNOWN"),
    "BasculeGroupDegraded": of_group("bascule_group_state", 1, 0, "31m", "29m", state="DEGRADED"),
    "BasculeGroupExposed": of_group("bascule_group_protected", 0, 1, "31m", "29m"),
    "BasculeLossBeyondLimit": Case(
        [("bascule_loss_bound_seconds", {**SHOP, "site": "berlin"}, "90x1000"),
         ("bascule_loss_bound_seconds", {**SHOP, "site": "cairo"}, "60x1000"),
         ("bascule_loss_limit_seconds", SHOP, "30x1000")], "16m", "14m",
        # One good candidate is enough.
        [("bascule_loss_bound_seconds", {**SHOP, "site": "berlin"}, "90x1000"),
         ("bascule_loss_bound_seconds", {**SHOP, "site": "cairo"}, "1x1000"),
         ("bascule_loss_limit_seconds", SHOP, "30x1000")], SHOP, "1m 0s"),
    "BasculeCheckUnknown": gauge("bascule_check_unknown", 1, 0, "16m", "14m", CHECK),
    "BasculeHeldForLong": of_group("bascule_group_held", 1, 0, "721m", "719m"),
    "BasculeFrontDoorDrifted": of_group("bascule_front_door_drifted", 1, 0, "6m", "4m"),
    "BasculeDrillOpenForLong": of_group("bascule_drill_open", 1, 0, "241m", "239m"),
    # Simulated time begins in 1970: the last good drill was long before.
    "BasculeDrillOverdue": of_group("bascule_last_good_drill_timestamp_seconds",
                                    f"-{91 * DAY}", f"-{89 * DAY}", "61m", "59m"),

    "BasculeRunParked": of_group("bascule_run_parked", 1, 0, "2m", "0m"),
    "BasculeRunAwaitsApproval": of_group("bascule_run_awaits_approval", 1, 0, "0m", None),
    "BasculeRunOpenForLong": of_group("bascule_run_running", 1, 0, "31m", "29m"),
    "BasculeFailedOver": Case(
        [("bascule_runs_started_total", AUTOMATIC, "0 0 1x100")], "3m", None,
        # By a person, and one that began before Prometheus came.
        [("bascule_runs_started_total", {**AUTOMATIC, "trigger": "manual"}, "0 0 1x100"),
         ("bascule_runs_started_total", AUTOMATIC, "1x100")], AUTOMATIC),
    "BasculeRunRolledBack": Case([("bascule_runs_ended_total", SWITCHED, "0 0 1x100")], "3m", None,
                                 [("bascule_runs_ended_total", ENDED, "0 0 1x100")], SWITCHED),
    "BasculeFenceOwed": of_group("bascule_obligations", 1, 0, "16m", "14m", kind="fence"),
    "BasculeFrontDoorOwed": of_group("bascule_obligations", 1, 0, "16m", "14m",
                                     kind="front_door"),
    "BasculeStandbyOwed": of_group("bascule_obligations", 2, 0, "121m", "119m", kind="standby"),
}


def read_rules():
    with open(RULES, encoding="utf-8") as file:
        return [rule for group in yaml.safe_load(file)["groups"] for rule in group["rules"]]


def series_text(name, labels):
    everything = {**HOST, **labels}
    return name + "{" + ",".join(f'{key}="{value}"' for key, value in everything.items()) + "}"


def expand(template, labels, value):
    text = re.sub(r"\{\{ \$labels\.(\w+) \}\}", lambda match: labels.get(match[1], ""), template)
    return re.sub(r"\{\{ \$value[^}]*\}\}", value, text)


class Alerts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rules = read_rules()

    def test_promtool_accepts_them(self):
        code, said = prometheus.promtool("check", "rules", "--lint=all", "--lint-fatal", RULES)
        self.assertEqual(code, 0, said)

    def test_they_name_only_what_the_program_has(self):
        names = definitions.series_names()
        for rule in self.rules:
            with self.subTest(rule["alert"]):
                self.assertEqual(promql.mistakes(rule["expr"], names), [])
                selected = {label for name, _, _ in promql.selectors(rule["expr"])
                            for label in names.get(name, ())} | promql.TARGET_LABELS
                for text in rule["annotations"].values():
                    named = set(re.findall(r"\$labels\.(\w+)", text))
                    self.assertLessEqual(named, selected, text)

    def test_a_metric_that_is_renamed_is_noticed(self):
        """The two tests above could not fail if this did not."""
        names = definitions.series_names()
        held = names.pop("bascule_group_held")
        self.assertEqual([rule["alert"] for rule in self.rules
                          if promql.mistakes(rule["expr"], names)], ["BasculeHeldForLong"])
        names["bascule_group_held"] = held
        names["bascule_group_state"] = {"group", "status"}
        self.assertEqual([rule["alert"] for rule in self.rules
                          if promql.mistakes(rule["expr"], names)],
                         ["BasculeGroupCritical", "BasculeGroupUnknown", "BasculeGroupDegraded"])

    def test_each_says_how_long_how_bad_what_it_means_and_what_helps(self):
        for rule in self.rules:
            with self.subTest(rule["alert"]):
                self.assertTrue(rule["alert"].startswith("Bascule"))
                self.assertRegex(rule["for"], r"^[0-9]+[smh]$")
                self.assertIn(rule["labels"]["severity"], SEVERITIES)
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "command"})
                self.assertTrue(rule["annotations"]["description"].endswith("."))

    def test_commands_of_bascule_are_commands(self):
        known = shop.lone.run("--help").out
        for rule in self.rules:
            for words in re.findall(r"bascule (config \w+|\w+)", rule["annotations"]["command"]):
                with self.subTest(rule["alert"], words=words):
                    self.assertIn(f"\n  {words} ", known)

    def test_each_has_a_case(self):
        self.assertEqual(sorted(CASES), sorted(rule["alert"] for rule in self.rules))

    def test_each_fires_when_it_should_and_else_is_silent(self):
        tests = []
        for rule in self.rules:
            tests += self.unit_tests(rule, CASES[rule["alert"]])
        file = {"rule_files": [RULES], "evaluation_interval": "1m", "tests": tests}
        folder = shop.lone.tempfile.TemporaryDirectory(prefix="bascule-rules-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "tests.yaml")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(file, out)  # JSON is YAML
        code, said = prometheus.promtool("test", "rules", path)
        self.assertEqual(code, 0, said)

    def unit_tests(self, rule, case):
        name = rule["alert"]
        # absent() has what its selector says, and nothing of a target.
        target = {"job": "bascule"} if name == "BasculeAbsent" else HOST
        labels = {**target, **case.labels}
        firing = {"exp_labels": {**labels, **rule["labels"]},
                  "exp_annotations": {key: expand(text, labels, case.value)
                                      for key, text in rule["annotations"].items()}}

        def test(what, series, moments):
            return {"name": f"{name} {what}", "interval": "1m",
                    "input_series": [{"series": series_text(name_of_series, its_labels),
                                      "values": values}
                                     for name_of_series, its_labels, values in series],
                    "alert_rule_test": [{"alertname": name, "eval_time": moment,
                                         "exp_alerts": expected}
                                        for moment, expected in moments]}
        moments = [(case.fires, [firing])]
        if case.early:
            moments.insert(0, (case.early, []))
        return [test("fires", case.series, moments), test("is silent", case.calm,
                                                          [(case.fires, [])])]


if __name__ == "__main__":
    unittest.main(verbosity=2)
