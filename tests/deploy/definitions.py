"""The program's own table of its metrics, as docs/metrics.md prints it (a unit test holds that page
to src/api/metrics/definitions.cpp)."""
import collections
import os
import re

import shop

Metric = collections.namedtuple("Metric", "name type labels help")
# Absent until there is something to say: the tests' world has no database, no limit to a loss and
# no certificate.
ABSENT = {"bascule_api_certificate_expiry_timestamp_seconds",
          "bascule_replication_lag_seconds", "bascule_replication_lag_bytes",
          "bascule_loss_bound_seconds", "bascule_loss_limit_seconds"}
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \| (.*) \|$")


def metrics():
    """Every metric by its name."""
    with open(os.path.join(shop.ROOT, "docs", "metrics.md"), encoding="utf-8") as page:
        rows = [ROW.match(line) for line in page]
    found = [Metric(row[1], row[2], tuple(filter(None, row[3].split(", "))), row[4])
             for row in rows if row]
    if not found:
        raise AssertionError("docs/metrics.md has no table any more")
    return {metric.name: metric for metric in found}


def series_names():
    """The names under which Prometheus stores them, each with its labels."""
    names = {}
    for metric in metrics().values():
        if metric.type == "histogram":
            names[metric.name + "_bucket"] = {*metric.labels, "le"}
            names[metric.name + "_sum"] = names[metric.name + "_count"] = set(metric.labels)
        else:
            names[metric.name] = set(metric.labels)
    return names
