#!/usr/bin/python3 -B
"""What Bascule prints, stores, serves and sends while a site dies and comes back: as the API's own
description says, and without a secret, of which every kind is planted and half of the ways to
people are broken."""
import glob
import http.server
import json
import os
import sys
import threading
import unittest
import urllib.request

import cases  # first: it finds the modules of the demo
import scene

sys.path.insert(0, os.path.join(scene.ROOT, "tests", "command_line"))
import api  # noqa: E402

MARK = "PLANTED"


class Receiver:
    """Takes what is sent to people: half of it is answered 500 with what came in, as careless
    servers do."""

    def __init__(self):
        self.received = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append((self.path, dict(self.headers), body))
                answer = json.dumps({"you_said": self.path, "with": dict(self.headers),
                                     "errors": [body.decode("utf-8", "replace")]}).encode()
                self.send_response(500 if "broken" in self.path else 200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Outputs(cases.WithScene):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.receiver = Receiver()
        cls.addClassCleanup(cls.receiver.close)
        cls.said = {}  # where it was seen → text
        cls.scene.write_configuration(cls.with_secrets(cls.scene.configure()))

    @classmethod
    def plant(cls, name):
        """A file with a secret, as the configuration refers to it."""
        path = cls.scene.world.path(name + ".secret")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"{MARK}-{name}-0123456789\n")
        return f'"${{file:{path}}}"'

    @classmethod
    def with_secrets(cls, text):
        at = cls.receiver.address
        hooks = f"{at}/hook?token={MARK}-in-url"
        ways = f"""notify:
  - webhook: {{url: "{hooks}", secret: {cls.plant("hmac")}}}
  - webhook: {{url: "{hooks}&broken", secret: "{MARK}-inline"}}
  - slack: {{webhook: "{at}/services/T0/B0/{MARK}-slack-broken"}}
  - pagerduty: {{routing_key: {cls.plant("routing")}, endpoint: "{at}/broken"}}
  - datadog: {{api_key: {cls.plant("datadog")}, endpoint: "{at}/broken"}}
  - grafana: {{url: "{at}/broken", token: {cls.plant("grafana")}}}
  - webhook: {{url: "https://127.0.0.1:1/{MARK}-refused"}}
"""
        text = text.replace("notify:\n", ways, 1)
        text = text.replace("headers: {}", f'headers: {{X-Key: {cls.plant("header")}}}', 1)
        talkative = ('{name: plugin, hook: {run: [sh, -c, "echo $KEY; echo $KEY >&2; exit 1"], '
                     f'environment: {{KEY: {cls.plant("hook")}}}}}}}')
        return text.replace("    checks: []", f"    checks: [{talkative}]", 1)

    def marks(self):
        """The planted ones, and the real ones of the world."""
        world = self.scene.world
        real = [world.secret(name)
                for name in ("tsig.secret", "monitor.password", "admin.password")]
        token = scene.read_text(world.path("journal.db.token")).strip()
        return [MARK, token, *real]

    def keep(self, where, answer):
        self.said[where] = answer.out + answer.err
        return answer

    def api(self):
        token = scene.read_text(self.scene.world.path("journal.db.token")).strip()
        return api.Api(f"http://127.0.0.1:{self.scene.world.api_port}", token)

    def hold_to_description(self, server, when, run=None):
        """Every question that can be asked now is answered as described, and its answer kept."""
        for method, path, operation in server.operations():
            content = operation["responses"]["200"]["content"]
            if method != "GET" or "application/json" not in content:
                continue
            if "{run}" in path and not run:
                continue
            place = path.format(group=scene.GROUP, run=run)
            if path.endswith("/journal"):
                place += "?told=true"
            status, answer = server.ask(method, place)
            self.said[f"{when}: {place}"] = json.dumps(answer)
            with self.subTest(place, when=when):
                self.assertEqual(server.mistakes(operation, status, answer), [])
                if "plan" not in path and "preflight" not in path:
                    self.assertEqual(status, 200, answer)

    def test_1_what_is_served_is_what_is_described(self):
        self.scene.start()
        server = self.api()
        self.hold_to_description(server, "steady")
        status, answer = server.ask("POST", "/api/v1/groups/shop/hold",
                                    {"actor": "ana", "reason": "to see", "for_ms": 3_600_000})
        self.assertEqual(status, 200, answer)
        self.hold_to_description(server, "held")
        server.ask("POST", "/api/v1/groups/shop/release", {"actor": "ana", "reason": "seen"})
        after = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        run = self.scene.wait_run(after)
        self.hold_to_description(server, "while it moves", run)
        self.scene.wait_end(run)
        self.hold_to_description(server, "moved", run)
        self.scene.lead_clients_to(scene.HOME)
        self.scene.wait_record("drift", lambda record: record.type == "FrontDoorDrifted", after)
        self.hold_to_description(server, "led astray", run)
        self.scene.lead_clients_to(scene.OTHER)
        self.said["metrics"] = self.read("/metrics")

    def read(self, path):
        address = f"http://127.0.0.1:{self.scene.world.api_port}{path}"
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read().decode()

    def test_2_commands_and_what_they_refuse(self):
        run = self.scene.json("runs")[0]["run"]
        page = self.scene.world.path("report.html")
        for words in (("status",), ("status", "-o", "yaml"), ("explain", "shop"), ("runs",),
                      ("show", run), ("show", run, "-o", "json"), ("plan", "shop"), ("check",),
                      ("check", "-o", "json"), ("preflight", "shop"), ("audit", "export"),
                      ("audit", "verify"), ("report", run, "--out", page),
                      ("config", "validate", self.scene.file), ("config", "schema"),
                      ("failover", "shop", "--reason", "x"),
                      ("status", "--local"), ("hold", "shop", "--reason", "x", "--local")):
            self.keep(" ".join(words), self.scene.run(*words))
        self.said["report page"] = scene.read_text(page)
        # A secret that stands where it does not belong, or beside a mistake.
        broken = self.scene.world.path("broken.yaml")
        text = scene.read_text(self.scene.file)
        for old, new in (("routing_key:", f'routing_kye: "{MARK}-misspelt", routing_key:'),
                         ("secret: ", f'secrt: "{MARK}-beside", secret: '),
                         ("cluster: demo", f"cluster: {self.plant('cluster')}")):
            with open(broken, "w", encoding="utf-8") as file:
                file.write(text.replace(old, new, 1))
            answer = self.scene.run_plain("config", "validate", broken)
            self.ends_with(2, self.keep("validate: " + new, answer))

    def test_3_no_secret_is_in_anything(self):
        self.scene.stop()
        world = self.scene.world
        self.said["log of the daemon"] = self.scene.log()
        files = [path for path in glob.glob(world.folder + "/journal.db*")
                 if not path.endswith(".token")]
        self.assertTrue(files)
        for path in [*files, world.path("notifications.jsonl")]:
            with open(path, "rb") as file:
                self.said[path] = file.read().decode("latin-1")
        self.assertGreater(len(self.said), 40)
        for where, text in self.said.items():
            for mark in self.marks():
                with self.subTest(where):
                    at = text.find(mark)
                    self.assertEqual(at, -1, text[max(0, at - 200):at + 40].replace(mark, "…"))

    def test_4_the_receivers_got_theirs(self):
        """The search above would find nothing where nothing was planted or sent."""
        sent = repr(self.receiver.received)
        for mark in ("in-url", "slack", "routing", "datadog", "grafana"):
            self.assertIn(f"{MARK}-{mark}", sent)
        self.assertIn("sha256=", sent)
        self.assertNotIn(f"{MARK}-hmac", sent)
        # What was refused is told with its reason, which is how it could leak.
        self.assertIn("answered 500", self.said["preflight shop"])
        self.assertIn("(secret)", self.said["check"])


if __name__ == "__main__":
    cases.main()
