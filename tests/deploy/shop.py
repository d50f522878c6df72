"""The cheapest real service to watch: two sites on loopback, one that answers and one that does
not, and a `bascule serve` over them. No database and no name server: what is tested here is how
Bascule is operated, not what it moves."""
import http.server
import os
import sys
import threading
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "demo"), os.path.join(ROOT, "tests", "command_line")]

import lone  # noqa: E402
import ports  # noqa: E402
from waiting import wait_for  # noqa: E402

HOME, OTHER = "amsterdam", "berlin"
ANSWERS, SILENT = "127.0.0.1", "127.0.0.2"
PATIENCE_SECONDS = 90

CONFIGURATION = """\
version: 1
cluster: deployed
observer: {{name: tower, at: outside}}
store: sqlite://{folder}/journal.db
listen: 127.0.0.1:{api}
notify:
  - log: {{path: {folder}/notifications.jsonl}}
groups:
  - name: shop
    policy:
      mode: manual
      failover_when: [app]
      detect: {{interval: 1s, timeout: 900ms, failures: 3, window: 10s, recoveries: 2}}
    sites:
      - name: amsterdam
        at: amsterdam
        vars: {{ip: {answers}}}
        checks:
"""
CHECKS = """\
          - {{name: app, http: {{url: "http://{ip}:{http}/health", expect: {{status: [200]}}}}}}
          - {{name: port, tcp: "{ip}:{http}"}}
"""
STEPS = """\
        fence:
          - name: drain
            uses: hook
            with: {{at: outside, rung: sealed, run: [{run}], proof: ["true"]}}
            on_failure: continue
          - name: cut
            uses: hook
            needs: []
            with: {{at: outside, rung: cut, run: [{run}], proof: ["true"]}}
        activate:
          - {{name: start, uses: hook, with: {{at: outside, run: [{run}], proof: ["true"]}}}}
"""


class Service(http.server.BaseHTTPRequestHandler):
    """Answers every question with 200, and keeps quiet about it."""

    def do_GET(self):  # noqa: N802, the library's name
        body = b"ok\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Shop(lone.Lone):
    """One daemon for each test, over a group whose active site is well and whose other site is
    dead."""

    run_by_hooks = '"true"'

    def setUp(self):
        super().setUp()
        self.api, self.http = ports.pick([["127.0.0.1"], [ANSWERS, SILENT]])
        service = http.server.ThreadingHTTPServer((ANSWERS, self.http), Service)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        self.addCleanup(service.server_close)
        self.addCleanup(service.shutdown)
        self.file = self.write("shop.yaml", self.configuration())

    def configuration(self):
        return CONFIGURATION.format(
            folder=self.folder, api=self.api, answers=ANSWERS) + self.site(ANSWERS) + (
            f"      - name: {OTHER}\n        at: {OTHER}\n"
            f"        vars: {{ip: {SILENT}}}\n        checks:\n") + self.site(SILENT)

    def site(self, address):
        return (CHECKS + STEPS).format(ip=address, http=self.http, run=self.run_by_hooks)

    def adopt(self):
        self.ends_with(0, self.ask("adopt", "shop", "--active", HOME, "--reason", "test"))

    def ask(self, *words):
        return lone.run(*words, "-c", self.file)

    def get(self, path, port=None):
        """The body that a server of this test answers with."""
        url = f"http://127.0.0.1:{port or self.api}{path}"
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as answer:
            return answer.read().decode()

    def wait(self, what, condition):
        return wait_for(what, condition, PATIENCE_SECONDS, every=0.1)
