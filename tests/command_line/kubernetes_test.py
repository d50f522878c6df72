#!/usr/bin/python3 -B
"""The configurations of docs/kubernetes.md, and a cluster that is looked at from the command line.
"""
import json
import os
import re
import sys
import unittest

import lone

HERE = os.path.dirname(os.path.abspath(__file__))
DOCUMENT = os.path.join(HERE, "../../docs/kubernetes.md")
sys.path.insert(0, os.path.join(HERE, "../sandbox"))
import clusters  # noqa: E402  pylint: disable=wrong-import-position


class Kubernetes(lone.Lone):
    def test_the_examples_of_the_document_are_valid(self):
        with open(DOCUMENT, encoding="utf-8") as file:
            examples = re.findall(r"```yaml\n(version:.*?)```", file.read(), re.DOTALL)
        self.assertEqual(len(examples), 2)
        for number, example in enumerate(examples):
            done = lone.run("config", "validate", "-c", self.write(f"{number}.yaml", example))
            self.assertEqual(done.code, 0, done.out + done.err)
        self.assertIn("retired", done.out + done.err)

    def setUp(self):
        super().setUp()
        self.sandbox = clusters.Clusters("east", "west")
        self.addCleanup(self.sandbox.stop)
        config = {"apiVersion": "v1", "kind": "Config", "users": [{"name": "u", "user": {}}],
                  "clusters": [{"name": name, "cluster": {"server": url}}
                               for name, url in self.sandbox.urls.items()],
                  "contexts": [{"name": name, "context": {"cluster": name, "user": "u"}}
                               for name in self.sandbox.urls]}
        self.kubeconfig = self.write("kubeconfig", json.dumps(config))

    def shop(self):
        """Two clusters as the sites of a group; a program of ours stands for a fence."""
        def site(name):
            return {"name": name, "checks": [{"name": "cluster", "kubernetes": {"context": name}}],
                    "preflight": [{"name": "nodes", "uses": "kubernetes.nodes_ready",
                                   "with": {"contexts": [name]}}],
                    "fence": [{"name": "cut", "uses": "hook", "with": {
                        "rung": "cut", "run": ["true"], "proof": ["true"]}}],
                    "activate": [
                        {"name": "scale", "uses": "kubernetes.scale", "with": {
                            "context": name, "deployment": "web", "replicas": 5}},
                        {"name": "restart", "uses": "kubernetes.rollout_restart", "with": {
                            "context": name, "deployment": "web"}}]}
        return self.write("shop.yaml", json.dumps({
            "version": 1, "observer": {"name": "desk", "at": "office"},
            "store": f"sqlite://{self.path('journal.db')}",
            "listen": f"127.0.0.1:{lone.free_port()}",
            "kubernetes": {"contexts": {name: {"kubeconfig": self.kubeconfig}
                                        for name in self.sandbox.urls}},
            "groups": [{"name": "shop", "sites": [site("east"), site("west")],
                        "policy": {"detect": {"interval": "1s", "timeout": "900ms"}}}]}))

    def test_a_cluster_is_looked_at(self):
        self.sandbox.order("node", {"name": "node-2", "ready": False}, cluster="west")
        done = lone.run("check", "-c", self.shop())
        self.assertIn("3 of 3 nodes ready", done.out + done.err)
        self.assertIn("2 of 3 nodes ready (not: node-2)", done.out + done.err)

    def test_a_group_moves_from_cluster_to_cluster(self):
        deployments = "/apis/apps/v1/namespaces/default/deployments"
        for name in ("east", "west"):
            made, _ = self.sandbox.ask("POST", deployments, clusters.deployment(replicas=2),
                                       cluster=name)
            self.assertEqual(made, 201)
        file = self.shop()
        self.serve(file)
        why = ("--reason", "to see it", "-c", file)
        self.ends_with(0, lone.run("adopt", "shop", "--active", "east", *why))
        plan = self.ends_with(0, lone.run("plan", "shop", "--to", "west", "-c", file)).out
        plan = " ".join(plan.split())  # it is broken into lines as the screen wants it
        self.assertIn("spec.replicas from 2 to 5", plan)
        self.assertIn("restart deployments default/web of west (2 pods)", plan)
        self.ends_with(0, lone.run("failover", "shop", "--to", "west", "--yes", *why))
        status, web = self.sandbox.ask("GET", deployments + "/web", cluster="west")
        self.assertEqual(status, 200)
        self.assertEqual(web["status"]["availableReplicas"], 5)
        annotations = web["spec"]["template"]["metadata"]["annotations"]
        self.assertIn("bascule.dev/restarted-by", annotations)
        _, web = self.sandbox.ask("GET", deployments + "/web", cluster="east")
        self.assertEqual(web["spec"]["replicas"], 2, "nothing was asked of the other cluster")


if __name__ == "__main__":
    unittest.main()
