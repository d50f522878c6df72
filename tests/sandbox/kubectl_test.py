#!/usr/bin/python3
"""The real kubectl against the simulated Kubernetes API, as an operator would use it."""
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest

import clusters

KUBECTL = os.environ.get("KUBECTL") or shutil.which("kubectl")


@unittest.skipUnless(KUBECTL, "kubectl is not installed: apt-get install kubernetes-client")
class Kubectl(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        clusters.make_certificates(self.folder)
        # Over plain HTTP kubectl keeps its token to itself.
        self.sandbox = clusters.Clusters("east:tls", "west:tls", more=[
            "--certificate", self.path("server.pem"), "--key", self.path("server.key"),
            "--client-authority", self.path("ca.pem")])
        self.addCleanup(self.sandbox.stop)
        self.sandbox.tls = ssl.create_default_context(cafile=self.path("ca.pem"))
        names = list(self.sandbox.urls)
        self.write("config", {
            "apiVersion": "v1", "kind": "Config", "current-context": "east",
            "users": [{"name": "token", "user": {"token": "secret"}},
                      {"name": "certificate", "user": {
                          "client-certificate": self.path("operator.pem"),
                          "client-key": self.path("operator.key")}}],
            "clusters": [{"name": name, "cluster": {"server": self.sandbox.urls[name],
                                                    "certificate-authority": self.path("ca.pem")}}
                         for name in names],
            "contexts": [{"name": name, "context": {"cluster": name, "user": user}} for name, user
                         in zip(names, ("token", "certificate"))]})
        for name in names:
            self.sandbox.order("tokens", {"secret": "operator"}, cluster=name)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, value):
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as file:
            json.dump(value, file)  # JSON is YAML
        return path

    def run_kubectl(self, *words, context="east"):
        return subprocess.run(
            [KUBECTL, "--kubeconfig", self.path("config"), "--context", context, "--cache-dir",
             self.path("cache"), *words],
            capture_output=True, text=True, check=False, timeout=clusters.PATIENCE_SECONDS,
            env={"HOME": self.folder, "PATH": os.environ["PATH"]})

    def kubectl(self, *words, context="east"):
        done = self.run_kubectl(*words, context=context)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def create(self, value):
        self.kubectl("create", "--validate=false", "-f", self.write("object.json", value))

    def test_an_operator_s_day(self):
        nodes = self.kubectl("get", "nodes")
        self.assertIn("node-3", nodes)
        self.assertIn("STATUS", nodes)
        self.create(clusters.deployment())
        self.assertIn("successfully rolled out",
                      self.kubectl("rollout", "status", "deployment/web", "--timeout=30s"))
        self.assertIn("scaled", self.kubectl("scale", "deployment/web", "--replicas=5"))
        self.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        self.assertIn("5/5", self.kubectl("get", "deployments"))
        image = {"spec": {"template": {"spec": {"containers": [
            {"name": "shop", "image": "shop:2"}]}}}}
        for kind in ("strategic", "merge"):
            self.assertIn("patched", self.kubectl(
                "patch", "deployment", "web", "--type", kind, "-p", json.dumps(image)))
        self.kubectl("rollout", "restart", "deployment/web")
        self.assertIn("successfully rolled out",
                      self.kubectl("rollout", "status", "deployment/web", "--timeout=30s"))
        self.kubectl("annotate", "deployment", "web", "who=me")
        web = json.loads(self.kubectl("get", "deployment", "web", "-o", "json"))
        self.assertEqual(web["metadata"]["annotations"]["who"], "me")
        self.assertEqual(web["status"]["availableReplicas"], 5)
        self.kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")
        self.assertIn("deleted", self.kubectl("delete", "deployment", "web", "--wait=false"))
        self.assertIn("No resources", self.run_kubectl("get", "deployments").stderr)
        self.assertNotIn("web", self.kubectl("get", "deployments", "-A", context="west"))

    def test_a_rollout_that_fails_is_told(self):
        self.create(clusters.deployment())
        self.kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        self.sandbox.order("behaviour", {"resource": "deployments", "name": "web", "do": "fail"})
        self.kubectl("rollout", "restart", "deployment/web")
        done = self.run_kubectl("rollout", "status", "deployment/web", "--timeout=30s")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("exceeded its progress deadline", done.stderr)

    def test_routes_and_jobs(self):
        for name in ("blue", "green"):
            self.create({"apiVersion": "v1", "kind": "Service", **clusters.service(name)})
        self.create({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
                     **clusters.route()})
        self.kubectl("patch", "httproute", "shop", "--type", "json", "-p", json.dumps([
            {"op": "test", "path": "/spec/rules/0/backendRefs/0/name", "value": "blue"},
            {"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 20}]))
        self.assertEqual(self.kubectl("get", "httproute", "shop", "-o", "jsonpath="
                                      "{.spec.rules[0].backendRefs[0].weight}"), "20")
        self.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "copy"},
                     "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
                         {"name": "c", "image": "i"}]}}}})
        self.kubectl("wait", "--for=condition=Complete", "job/copy", "--timeout=30s")
        pod = self.kubectl("get", "pods", "-l", "job-name=copy", "-o", "name").strip()
        self.assertIn("ran", self.kubectl("logs", pod))

    def test_a_wrong_token_is_refused(self):
        self.sandbox.order("tokens", {"other": "operator"})
        done = self.run_kubectl("get", "nodes")
        self.assertEqual(done.returncode, 1)
        self.assertIn("must be logged in", done.stderr + done.stdout)


if __name__ == "__main__":
    sys.exit(unittest.main())
