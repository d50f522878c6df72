#!/usr/bin/python3 -B
"""The dashboard of Grafana: a classic model, whose queries name only metrics that exist and are
answered by a real Prometheus that scrapes a real `bascule serve`; and the same for the rules."""
import json
import os
import re
import unittest

import alerts_test
import definitions
import prometheus
import promql
import shop

DASHBOARD = os.path.join(shop.ROOT, "deploy", "grafana", "bascule.json")
# What Grafana puts in the place of its variables.
VARIABLES = {"$__rate_interval": "5m", "$__range": "1h", "$group": ".*", "$instance": ".*"}
CLASSIC = range(16, 42)  # schemaVersion of the classic model, up to Grafana 12
WIDTH = 24


def read_dashboard():
    with open(DASHBOARD, encoding="utf-8") as file:
        return json.load(file)


def expression(target):
    """A target's query as Prometheus gets it."""
    text = target["expr"]
    for name, value in VARIABLES.items():
        text = text.replace(name, value)
    return text


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dashboard = read_dashboard()
        cls.panels = cls.dashboard["panels"]
        cls.targets = [(panel["title"], target) for panel in cls.panels
                       for target in panel.get("targets", [])]

    def test_it_is_a_classic_model_that_can_be_imported(self):
        self.assertIn(self.dashboard["schemaVersion"], CLASSIC)
        self.assertEqual(self.dashboard["uid"], "bascule")
        self.assertIsNone(self.dashboard["id"], "it gets one where it is imported")
        variables = {one["name"]: one for one in self.dashboard["templating"]["list"]}
        self.assertEqual((variables["datasource"]["type"], variables["datasource"]["query"]),
                         ("datasource", "prometheus"))
        everything = json.dumps(self.dashboard)
        used = set(re.findall(r"\$\{?([A-Za-z]\w*)\}?", everything)) - {"0"}
        self.assertLessEqual(used, set(variables), "every variable that is used is there")
        self.assertLessEqual(set(variables), used, "and none that is not used")

    def test_annotations_of_bascule_are_shown(self):
        tags = [one["target"]["tags"] for one in self.dashboard["annotations"]["list"]
                if one.get("target", {}).get("type") == "tags"]
        self.assertEqual(tags, [["bascule"]])

    def test_panels_have_a_place_of_their_own_a_title_and_a_description(self):
        taken = {}
        self.assertEqual(len({panel["id"] for panel in self.panels}), len(self.panels))
        for panel in self.panels:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], WIDTH, panel["title"])
            for across in range(place["x"], place["x"] + place["w"]):
                for down in range(place["y"], place["y"] + place["h"]):
                    self.assertNotIn((across, down), taken,
                                     f"{panel['title']} lies on {taken.get((across, down))}")
                    taken[across, down] = panel["title"]
            self.assertTrue(panel["title"])
            if panel["type"] != "row":
                self.assertTrue(panel["description"], panel["title"])
                self.assertTrue(panel["targets"], panel["title"])

    def test_every_query_goes_to_the_chosen_prometheus(self):
        for title, target in self.targets:
            self.assertEqual(target["datasource"]["uid"], "${datasource}", title)

    def test_queries_name_only_what_the_program_has(self):
        names = definitions.series_names()
        for title, target in self.targets:
            with self.subTest(title, expr=target["expr"]):
                self.assertEqual(promql.mistakes(expression(target), names), [])
        for variable in self.dashboard["templating"]["list"]:
            if variable["type"] == "query":
                asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"])
                self.assertIn(asked[2], names[asked[1]] | promql.TARGET_LABELS)

    def test_every_metric_that_people_look_at_is_shown(self):
        shown = {name for _, target in self.targets
                 for name, _, _ in promql.selectors(expression(target))}
        missing = [metric.name for metric in definitions.metrics().values()
                   if not any(name.startswith(metric.name) for name in shown)]
        self.assertEqual(missing, [], "a metric without a panel is one that nobody sees")

    def test_promtool_accepts_every_query(self):
        rules = [{"record": f"query:{number}", "expr": expression(target)}
                 for number, (_, target) in enumerate(self.targets)]
        folder = shop.lone.tempfile.TemporaryDirectory(prefix="bascule-dashboard-")
        self.addCleanup(folder.cleanup)
        path = os.path.join(folder.name, "rules.yaml")
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, out)
        code, said = prometheus.promtool("check", "rules", path)
        self.assertEqual(code, 0, said)


class Live(shop.Shop):
    """Against the real thing."""

    def setUp(self):
        super().setUp()
        self.serve(self.file)
        self.adopt()
        self.prometheus = prometheus.Prometheus(self.folder, f"127.0.0.1:{self.api}",
                                                [alerts_test.RULES])
        self.addCleanup(self.prometheus.stop)
        self.wait("Prometheus answers", self.prometheus.answers)
        self.wait("a healthy group is scraped", lambda: self.prometheus.value(
            'bascule_group_state{state="HEALTHY"} == 1'))

    def selects(self, text, name):
        """Whether there are such series: a state or an outcome that is misspelt selects none."""
        if any(name.startswith(absent) for absent in definitions.ABSENT):
            return True
        return bool(self.prometheus.query(f"count({text})"))

    def test_every_query_is_answered_and_selects_something(self):
        for panel in read_dashboard()["panels"]:
            for target in panel.get("targets", []):
                query = expression(target)
                with self.subTest(panel["title"], expr=query):
                    found = self.prometheus.query(query)
                    for name, _, text in promql.selectors(query):
                        self.assertTrue(self.selects(text, name), f"{text} selects nothing")
                    for label in re.findall(r"{{(\w+)}}", target.get("legendFormat", "")):
                        for labels, _ in found:
                            known = set(labels) | promql.TARGET_LABELS
                            self.assertIn(label, known)

    def test_the_rules_are_evaluated_and_select_something(self):
        def evaluated():
            groups = self.prometheus.ask("rules")["groups"]
            rules = [rule for group in groups for rule in group["rules"]]
            return rules if all(rule["health"] != "unknown" for rule in rules) else None
        rules = self.wait("all rules were evaluated", evaluated)
        self.assertEqual(len(rules), len(alerts_test.read_rules()))
        self.assertEqual([rule for rule in rules if rule["health"] != "ok"], [])
        for rule in alerts_test.read_rules():
            for name, _, text in promql.selectors(rule["expr"]):
                with self.subTest(rule["alert"]):
                    self.assertTrue(self.selects(text, name), f"{text} selects nothing")

    def test_an_alarm_comes_and_goes(self):
        """The whole way: something happens to the group, and Prometheus has an alert of it."""
        def alert():
            return self.prometheus.value('ALERTS{alertname="BasculeHeldForLong"}')
        self.assertIsNone(alert())
        self.ends_with(0, self.ask("hold", "shop", "--reason", "test"))
        self.wait("it is pending", alert)
        self.ends_with(0, self.ask("release", "shop", "--reason", "test"))
        self.wait("it is over", lambda: alert() is None)


if __name__ == "__main__":
    unittest.main(verbosity=2)
