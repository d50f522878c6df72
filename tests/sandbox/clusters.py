"""Simulated clusters for a test, and what is asked of them over plain HTTP."""
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.realpath(__file__))
SERVE = os.path.join(HERE, "..", "..", "sandbox", "kubernetes", "serve.py")
PATIENCE_SECONDS = 60
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"


def make_certificates(folder):
    """An authority, a certificate of it for this machine and one for the user `operator`."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder,
                       timeout=PATIENCE_SECONDS)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2",
            "-subj", "/CN=sandbox")
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("server", "operator"):
        openssl("req", *key, "-keyout", name + ".key", "-out", name + ".csr", "-subj",
                "/CN=" + name)
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", name + ".pem", "-days", "1", "-extfile", "names")


class Clusters:
    """One process; runs until stop(). `urls` has the URL of each."""

    def __init__(self, *names, more=()):
        self.process = subprocess.Popen(
            [sys.executable, "-B", SERVE, *names, "--until-input-ends", *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the sandbox ended with {self.process.wait()}")
        self.urls = json.loads(line)
        self.tls = None  # of the requests of a test

    def stop(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE_SECONDS)

    def ask(self, method, path, body=None, kind="application/json", cluster=None, headers=None):
        """(status, answer as JSON or text)."""
        url = self.urls[cluster or next(iter(self.urls))] + path
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(url, data, {"Content-Type": kind, **(headers or {})},
                                         method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS,
                                        context=self.tls) as answer:
                return answer.status, _read(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _read(error)

    def order(self, name, body, cluster=None):
        status, answer = self.ask("POST", "/sandbox/" + name, body, cluster=cluster)
        if status != 200:
            raise AssertionError(answer)

    def watch(self, path, headers=None):
        """The events of a watch, one after the other."""
        request = urllib.request.Request(next(iter(self.urls.values())) + path,
                                         headers=headers or {})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            for line in answer:
                yield json.loads(line)


def _read(answer):
    text = answer.read().decode()
    return json.loads(text) if "json" in answer.headers.get("Content-Type", "") else text


def deployment(name="web", replicas=3, image="shop:1"):
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "shop", "image": image}]}}}}


def route(name="shop", weights=None):
    weights = {"blue": 100, "green": 0} if weights is None else weights
    return {"metadata": {"name": name}, "spec": {"parentRefs": [{"name": "gate"}], "rules": [
        {"backendRefs": [{"name": each, "port": 80, "weight": weight}
                         for each, weight in weights.items()]}]}}


def service(name):
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
