#!/usr/bin/python3 -B
"""A real Prometheus scrapes a real `bascule serve`: the series are there, with the right labels and
values, and as many as the configuration allows."""
import unittest

import definitions
import prometheus
import shop

# What the values of each label can be in this world.
VALUES = {"group": 1, "site": 2, "state": 5, "move": 4, "trigger": 2, "outcome": 3, "phase": 6,
          "channel": 1, "result": 3, "code": 11, "version": 1, "observer": 1}
CHECKS, CHECK_KINDS, OBLIGATION_KINDS = 4, 2, 3
BUCKETS = {"bascule_look_duration_seconds": 14, "bascule_outage_seconds": 14,
           "bascule_step_duration_seconds": 14, "bascule_lateness_seconds": 12}


def expected_series(metric):
    """How many series of that metric there must be, whatever has happened so far."""
    if metric.name in definitions.ABSENT:
        return 0
    number = 1
    if "check" in metric.labels:
        return CHECKS
    for label in metric.labels:
        if label == "kind":
            number *= CHECK_KINDS if metric.type == "histogram" else OBLIGATION_KINDS
        else:
            number *= VALUES[label]
    # A histogram is its buckets, its sum and its count.
    return number * (BUCKETS[metric.name] + 2 if metric.type == "histogram" else 1)


class Scrape(shop.Shop):
    def setUp(self):
        super().setUp()
        self.serve(self.file)
        self.adopt()
        self.prometheus = prometheus.Prometheus(self.folder, f"127.0.0.1:{self.api}")
        self.addCleanup(self.prometheus.stop)
        self.wait("Prometheus answers", self.prometheus.answers)

    def becomes(self, expression, value):
        """Waits until the expression has one series with that value."""
        return self.wait(f"{expression} becomes {value}",
                         lambda: self.prometheus.value(expression) == value)

    def test_it_is_scraped_and_what_it_says_is_true(self):
        self.becomes('up{job="bascule"}', 1)
        self.becomes("bascule_leader", 1)
        self.becomes("bascule_journal_answers", 1)
        self.becomes('bascule_group_state{group="shop",state="HEALTHY"}', 1)
        self.becomes('sum(bascule_group_state{group="shop"})', 1)
        self.becomes('bascule_check_down{group="shop",site="berlin",check="app"}', 1)
        for check in ("app", "port"):
            self.becomes(f'bascule_check_up{{site="amsterdam",check="{check}"}}', 1)
            self.becomes(f'bascule_check_up{{site="berlin",check="{check}"}}', 0)
        self.becomes("sum(bascule_check_unknown)", 0)
        self.assertEqual(self.prometheus.query("bascule_group_active == 1"),
                         [({"group": "shop", "site": "amsterdam"}, 1)])
        self.becomes('rate(bascule_check_looks_total{site="amsterdam",check="app"}[10s]) > bool 0',
                     1)
        self.becomes("time() - max(bascule_check_look_timestamp_seconds) < bool 30", 1)
        self.becomes("time() - process_start_time_seconds < bool 600", 1)
        self.becomes("bascule_build_info", 1)

        self.ends_with(0, self.ask("hold", "shop", "--reason", "test"))
        self.becomes("bascule_group_held", 1)
        self.ends_with(0, self.ask("release", "shop", "--reason", "test"))
        self.becomes("bascule_group_held", 0)
        self.becomes('bascule_notifications_total{channel="log",result="sent"} > bool 0', 1)

    def test_there_are_as_many_series_as_the_configuration_allows(self):
        self.becomes('up{job="bascule"}', 1)
        # Before its configuration is taken there are fewer.
        self.becomes("count(bascule_check_up)", CHECKS)
        self.becomes('count(bascule_check_up{check="app"})', 2)
        for metric in definitions.metrics().values():
            name = f"{metric.name}(_bucket|_sum|_count)?" if metric.type == "histogram" \
                else metric.name
            counted = self.prometheus.value(f'count({{__name__=~"{name}"}})') or 0
            self.assertEqual(counted, expected_series(metric), metric.name)
        named = "|".join(definitions.series_names())
        self.assertEqual(
            self.prometheus.query(f'{{job="bascule",__name__!~"{named}|up|scrape_.+"}}'), [],
            "nothing is served that docs/metrics.md does not list")

    def test_each_series_has_the_labels_that_the_table_says(self):
        self.becomes("count(bascule_check_up)", CHECKS)
        for name, labels in definitions.series_names().items():
            for found, _ in self.prometheus.query(name):
                self.assertEqual(set(found), labels, name)

    def test_promtool_has_nothing_to_say_against_the_metrics(self):
        self.becomes("count(bascule_check_up)", CHECKS)
        code, said = prometheus.promtool("check", "metrics", text_in=self.get("/metrics"))
        self.assertEqual((code, said), (0, ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
