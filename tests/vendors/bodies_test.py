#!/usr/bin/python3
"""Holds what the notifiers send to the vendors' own descriptions.

schemas.json holds, for each request, the vendor's schema without its prose (PagerDuty's and
Datadog's OpenAPI descriptions; Slack, Grafana and Alertmanager from their documentation), closed
against properties that it does not know: those are typing errors of ours.
"""
import json
import os
import subprocess
import sys
import unittest

import jsonschema  # Debian's python3-jsonschema

HERE = os.path.dirname(os.path.realpath(__file__))


class Bodies(unittest.TestCase):
    def test_every_body_is_what_its_vendor_describes(self):
        with open(os.path.join(HERE, "schemas.json"), encoding="utf-8") as file:
            schemas = json.load(file)
        printed = subprocess.run([os.environ["BODIES"]], capture_output=True, text=True,
                                 check=True, timeout=60).stdout
        seen = set()
        for line in printed.splitlines():
            sent = json.loads(line)
            seen.add(sent["schema"])
            with self.subTest(schema=sent["schema"]):
                jsonschema.validate(sent["body"], schemas[sent["schema"]])
        self.assertEqual(seen, set(schemas) - {"pagerduty.incident_update"})

    def test_what_a_vendor_does_not_know_is_refused(self):
        with open(os.path.join(HERE, "schemas.json"), encoding="utf-8") as file:
            schemas = json.load(file)
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate({"routing_key": "k", "event_action": "tigger"},
                                schemas["pagerduty.enqueue"])
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate({"text": "t", "timeend": 1}, schemas["grafana.annotation"])


if __name__ == "__main__":
    sys.exit(unittest.main())
