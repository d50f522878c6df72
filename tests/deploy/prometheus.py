"""A real Prometheus, started for a test on a port of its own, and what is asked of it."""
import json
import os
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import shop

PROMETHEUS, PROMTOOL = "/usr/bin/prometheus", "/usr/bin/promtool"
SCRAPE_SECONDS = 1


def promtool(*words, text_in=None):
    """Runs promtool to its end; returns (exit code, everything it printed)."""
    done = subprocess.run([PROMTOOL, *words], capture_output=True, text=True, check=False,
                          timeout=shop.PATIENCE_SECONDS, input=text_in)
    return done.returncode, done.stdout + done.stderr


class Prometheus:
    """Scrapes one target until stop(). Everything it writes lies in `folder`."""

    def __init__(self, folder, target, rules=()):
        self.port, = shop.ports.pick([["127.0.0.1"]])
        settings = {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": "1s",
                       "evaluation_interval": f"{SCRAPE_SECONDS}s"},
            "rule_files": list(rules),
            "scrape_configs": [{"job_name": "bascule", "static_configs": [{"targets": [target]}]}]}
        file = os.path.join(folder, "prometheus.yml")
        with open(file, "w", encoding="utf-8") as out:
            json.dump(settings, out)  # JSON is YAML
        self.log_path = os.path.join(folder, "prometheus.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [PROMETHEUS, f"--config.file={file}",
                 f"--storage.tsdb.path={os.path.join(folder, 'prometheus')}",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                stdout=log, stderr=log)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(shop.PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def ask(self, path, **parameters):
        """What its HTTP API answers; raises AssertionError when it answers an error."""
        self.require_alive()
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=shop.PATIENCE_SECONDS) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, expression):
        """The series that the expression has now: their labels, without the target's, and value."""
        found = []
        for series in self.ask("query", query=expression)["result"]:
            labels = {name: value for name, value in series["metric"].items()
                      if name not in ("__name__", "job", "instance")}
            found.append((labels, float(series["value"][1])))
        return found

    def value(self, expression):
        """The value of the one series that the expression has; None when there is none."""
        found = self.query(expression)
        if len(found) > 1:
            raise AssertionError(f"{expression} has {len(found)} series: {found}")
        return found[0][1] if found else None

    def answers(self):
        """Whether it is ready: before that it listens, and answers nothing but 503."""
        self.require_alive()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready",
                                        timeout=shop.PATIENCE_SECONDS):
                return True
        except OSError:  # an HTTPError, too
            return False

    def require_alive(self):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8") as log:
                raise AssertionError(f"Prometheus has ended: {log.read()}")
