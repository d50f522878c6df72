#!/usr/bin/python3
"""The simulated Kubernetes API against its official description: objects, patches, watches, errors.
"""
import json
import os
import sys
import unittest

import jsonschema  # Debian's python3-jsonschema

import clusters
from clusters import APPLY, JSON_PATCH, MERGE, STRATEGIC

DESCRIPTION = os.path.join(os.path.dirname(clusters.SERVE), "description.json")
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
WEB = DEPLOYMENTS + "/web"
INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
ROUTES = "/apis/gateway.networking.k8s.io/v1/namespaces/default/httproutes"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
CNPG = "/apis/postgresql.cnpg.io/v1/namespaces/default/clusters"
SERVICES = "/api/v1/namespaces/default/services"
NODES = "/api/v1/nodes"


def closed(schema):
    """The same schema, without room for members that it does not know."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("format") == "int-or-string":
        return {}
    result = {key: closed(value) for key, value in schema.items() if key not in (
        "format", "default")}
    if "properties" in schema and "additionalProperties" not in schema:
        result["additionalProperties"] = False
    return result


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(DESCRIPTION, encoding="utf-8") as file:
            cls.definitions = closed(json.load(file)["definitions"])

    def setUp(self):
        self.sandbox = clusters.Clusters("east", "west")
        self.addCleanup(self.sandbox.stop)
        self.ask = self.sandbox.ask

    def create(self, path, value):
        status, answer = self.ask("POST", path, value)
        self.assertEqual(status, 201, answer)
        return answer

    def get(self, path):
        status, answer = self.ask("GET", path)
        self.assertEqual(status, 200, answer)
        return answer

    def until(self, path, holds):
        """Waits on a watch until the object is as wanted; returns it."""
        item = self.get(path)
        collection, name = path.rsplit("/", 1)
        version = item["metadata"]["resourceVersion"]
        if holds(item):
            return item
        for event in self.sandbox.watch(
                f"{collection}?watch=1&fieldSelector=metadata.name%3D{name}"
                f"&resourceVersion={version}&timeoutSeconds={clusters.PATIENCE_SECONDS}"):
            if event["type"] != "BOOKMARK" and holds(event["object"]):
                return event["object"]
        raise AssertionError(f"{path} does not become so: {self.get(path)}")

    @staticmethod
    def is_complete(item):
        status = item.get("status", {})
        return (status.get("observedGeneration") == item["metadata"]["generation"] and
                status.get("updatedReplicas", 0) == item["spec"]["replicas"] ==
                status.get("availableReplicas", 0) == status.get("replicas", 0))

    def assert_described(self, value, name):
        jsonschema.validate(value, {"$ref": "#/definitions/" + name,
                                    "definitions": self.definitions})

    def assert_failure(self, answered, code, reason):
        status, answer = answered
        self.assertEqual((status, answer["kind"], answer["status"], answer["reason"]),
                         (code, "Status", "Failure", reason), answer)
        self.assert_described(answer, "io.k8s.apimachinery.pkg.apis.meta.v1.Status")

    # --- objects

    def test_what_it_answers_is_as_described(self):
        self.create(DEPLOYMENTS, clusters.deployment())
        self.create(INGRESSES, {"metadata": {"name": "shop"}, "spec": {"defaultBackend": {
            "service": {"name": "web", "port": {"number": 80}}}}})
        for name in ("blue", "green"):
            self.create(SERVICES, clusters.service(name))
        self.create(ROUTES, clusters.route())
        web = self.until(WEB, self.is_complete)
        route = self.until(ROUTES + "/shop", lambda item: item.get("status", {}).get("parents"))
        api, gateway = "io.k8s.api.", "io.k8s.networking.gateway.v1."
        for value, name in (
                (web, api + "apps.v1.Deployment"), (route, gateway + "HTTPRoute"),
                (self.get(DEPLOYMENTS), api + "apps.v1.DeploymentList"),
                (self.get(WEB + "/scale"), api + "autoscaling.v1.Scale"),
                (self.get(INGRESSES + "/shop"), api + "networking.v1.Ingress"),
                (self.get(NODES), api + "core.v1.NodeList"),
                (self.get(NODES + "/node-1"), api + "core.v1.Node"),
                (self.get("/version"), "io.k8s.apimachinery.pkg.version.Info")):
            with self.subTest(name=name):
                if name.startswith(gateway):
                    value = {**value, "metadata": {}}
                self.assert_described(value, name)
        for event in self.sandbox.watch(NODES + "?watch=1&timeoutSeconds=1"):
            self.assert_described(event["object"], api + "core.v1.Node")

    def test_versions_go_up_and_a_stale_write_is_refused(self):
        made = self.create(DEPLOYMENTS, clusters.deployment())
        done = self.until(WEB, self.is_complete)
        self.assertGreater(int(done["metadata"]["resourceVersion"]),
                           int(made["metadata"]["resourceVersion"]))
        self.assert_failure(self.ask("PUT", WEB, made), 409, "Conflict")
        stale = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}}
        self.assert_failure(self.ask("PATCH", WEB, stale, MERGE), 409, "Conflict")
        self.assert_failure(self.ask("POST", DEPLOYMENTS, made), 409, "AlreadyExists")
        status, after = self.ask("PUT", WEB, done)
        self.assertEqual((status, after), (200, done), "what changes nothing is no new version")

    def test_what_does_not_fit_is_refused(self):
        self.create(DEPLOYMENTS, clusters.deployment())
        self.create(ROUTES, clusters.route())
        route = ROUTES + "/shop"
        for method, path, body, kind, code, reason in (
                ("GET", DEPLOYMENTS + "/none", None, MERGE, 404, "NotFound"),
                ("GET", "/apis/nonsense/v1/things", None, MERGE, 404, "NotFound"),
                ("POST", "/apis/apps/v1/namespaces/none/deployments", clusters.deployment(),
                 "application/json", 404, "NotFound"),
                ("PATCH", WEB, {"spec": {}}, "application/json", 415, "UnsupportedMediaType"),
                ("PATCH", route, {"spec": {}}, STRATEGIC, 415, "UnsupportedMediaType"),
                ("PATCH", WEB, {"spec": {"replicas": -1}}, MERGE, 422, "Invalid"),
                ("PATCH", WEB, {"spec": {"replicas": "many"}}, MERGE, 400, "BadRequest"),
                ("PATCH", WEB, {"spec": {"selector": {"matchLabels": {"a": "b"}}}}, MERGE, 422,
                 "Invalid"),
                ("PATCH", WEB, {"metadata": {"annotations": {"a": 1}}}, MERGE, 400, "BadRequest"),
                ("PATCH", WEB, {"spec": {"template": None}}, MERGE, 422, "Invalid"),
                ("PATCH", WEB, [{"op": "test", "path": "/spec/replicas", "value": 7}], JSON_PATCH,
                 422, "Invalid"),
                ("PATCH", WEB, {"spec": {"template": {"spec": {"containers": [{"image": "x"}]}}}},
                 STRATEGIC, 400, "BadRequest"),
                ("PATCH", route, {"spec": {"rules": [{"backendRefs": [
                    {"name": "blue", "weight": 1000001}]}]}}, MERGE, 422, "Invalid"),
                ("PATCH", WEB, clusters.deployment(), APPLY, 400, "BadRequest"),
                ("POST", JOBS, {"metadata": {"name": "j"}, "spec": {"template": {"spec": {
                    "containers": [{"name": "c", "image": "i"}]}}}}, "application/json", 422,
                 "Invalid"),
                ("PATCH", WEB, b"{", MERGE, 400, "BadRequest")):
            with self.subTest(method=method, path=path, body=body):
                self.assert_failure(self.ask(method, path, body, kind), code, reason)
        unknown = {"spec": {"replica": 3}}
        self.assert_failure(self.ask("PATCH", WEB + "?fieldValidation=Strict", unknown, MERGE),
                            400, "BadRequest")

    # --- patches

    def test_each_patch_changes_what_it_names(self):
        self.create(DEPLOYMENTS, clusters.deployment())
        containers = {"spec": {"template": {"spec": {"containers": [
            {"name": "proxy", "image": "proxy:1"}, {"name": "shop", "image": "shop:2"}]}}}}
        _, after = self.ask("PATCH", WEB, containers, STRATEGIC)
        self.assertEqual([(each["name"], each["image"]) for each in
                          after["spec"]["template"]["spec"]["containers"]],
                         [("shop", "shop:2"), ("proxy", "proxy:1")])
        gone = {"spec": {"template": {"spec": {"containers": [
            {"name": "proxy", "$patch": "delete"}]}}}}
        _, after = self.ask("PATCH", WEB, gone, STRATEGIC)
        self.assertEqual(len(after["spec"]["template"]["spec"]["containers"]), 1)
        _, after = self.ask("PATCH", WEB, {"metadata": {"annotations": {"a/b": "1", "c": "2"}}},
                            MERGE)
        _, after = self.ask("PATCH", WEB, [
            {"op": "replace", "path": "/metadata/annotations/a~1b", "value": "3"},
            {"op": "remove", "path": "/metadata/annotations/c"}], JSON_PATCH)
        annotations = after["metadata"]["annotations"]
        self.assertEqual((annotations.get("a/b"), annotations.get("c")), ("3", None))
        _, scale = self.ask("PATCH", WEB + "/scale", {"spec": {"replicas": 0}}, MERGE)
        self.assertEqual((scale["kind"], scale["spec"]), ("Scale", {}))
        condition = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
        _, node = self.ask("PATCH", NODES + "/node-1/status", condition, STRATEGIC)
        self.assertEqual([(each["type"], each["status"]) for each in node["status"]["conditions"]],
                         [("Ready", "False")])
        _, node = self.ask("PATCH", NODES + "/node-1", {"status": {"conditions": None}}, MERGE)
        self.assertEqual(node["status"]["conditions"][0]["status"], "False", "only by /status")

    def test_fields_have_managers(self):
        self.create(DEPLOYMENTS + "?fieldManager=owner", clusters.deployment())
        mine = {"metadata": {"annotations": {"run": "7"}}, "spec": {"replicas": 5}}
        applied = {"apiVersion": "apps/v1", "kind": "Deployment", **mine}
        path = WEB + "?fieldManager=bascule"
        status, answer = self.ask("PATCH", path, applied, APPLY)
        self.assertEqual((status, answer["reason"]), (409, "Conflict"))
        self.assertEqual([(each["reason"], each["field"]) for each in answer["details"]["causes"]],
                         [("FieldManagerConflict", ".spec.replicas")])
        status, after = self.ask("PATCH", path + "&force=true", applied, APPLY)
        self.assertEqual((status, after["spec"]["replicas"]), (200, 5))
        self.assertEqual(after["metadata"]["annotations"]["run"], "7")
        del applied["metadata"]
        status, after = self.ask("PATCH", path, applied, APPLY)
        self.assertNotIn("run", after["metadata"].get("annotations", {}), "nobody wants it now")
        self.assertEqual(after["spec"]["template"]["spec"]["containers"][0]["image"], "shop:1")

    # --- lists and watches

    def test_long_lists_come_in_pieces(self):
        self.sandbox.order("nodes", {"count": 12})
        names, token = [], ""
        while True:
            page = self.get(f"{NODES}?limit=5&continue={token}")
            names += [node["metadata"]["name"] for node in page["items"]]
            token = page["metadata"].get("continue")
            if not token:
                break
        self.assertEqual(len(set(names)), 12)
        token = self.get(NODES + "?limit=5")["metadata"]["continue"]
        self.sandbox.order("node", {"name": "node-1", "ready": False})
        self.sandbox.order("compact", {})
        self.assert_failure(self.ask("GET", f"{NODES}?limit=5&continue={token}"), 410, "Expired")

    def test_a_watch_resumes_and_ends_in_410_when_it_is_too_old(self):
        version = self.get(NODES)["metadata"]["resourceVersion"]
        for ready in (False, True, None):
            self.sandbox.order("node", {"name": "node-2", "ready": ready})
        path = f"{NODES}?watch=1&allowWatchBookmarks=true&resourceVersion="
        seen = []
        for event in self.sandbox.watch(f"{path}{version}&timeoutSeconds=30"):
            seen.append(event)
            if len(seen) == 2:
                break
        rest = [event for event in self.sandbox.watch(
            f"{path}{seen[1]['object']['metadata']['resourceVersion']}&timeoutSeconds=1")]
        self.assertEqual([event["object"]["status"]["conditions"][0]["status"]
                          for event in seen + rest[:1]], ["False", "True", "Unknown"])
        self.assertEqual(rest[-1]["type"], "BOOKMARK")
        self.sandbox.order("compact", {})
        event = next(self.sandbox.watch(f"{path}{version}"))
        self.assertEqual((event["type"], event["object"]["code"], event["object"]["reason"]),
                         ("ERROR", 410, "Expired"))

    def test_a_watch_with_a_selector_tells_who_leaves_it(self):
        self.create(DEPLOYMENTS, clusters.deployment())
        path = f"{DEPLOYMENTS}?watch=1&labelSelector=side%20in%20(blue)&timeoutSeconds=30"
        events = self.sandbox.watch(
            path + "&resourceVersion=" + self.get(DEPLOYMENTS)["metadata"]["resourceVersion"])
        for labels in ({"side": "blue"}, {"side": "green"}):
            self.ask("PATCH", WEB, {"metadata": {"labels": labels}}, MERGE)
        seen = []
        for event in events:
            seen.append(event["type"])
            if event["type"] == "DELETED":
                break
        self.assertEqual((seen[0], seen[-1]), ("ADDED", "DELETED"))

    # --- what a cluster does by itself

    def test_a_rollout_progresses_fails_or_stalls_as_it_is_told(self):
        self.create(DEPLOYMENTS, clusters.deployment())
        self.until(WEB, self.is_complete)
        reason = {}
        for behaviour in ("fail", "stall", "progress"):
            self.sandbox.order("behaviour", {"resource": "deployments", "name": "web",
                                             "do": behaviour})
            image = {"spec": {"template": {"spec": {"containers": [
                {"name": "shop", "image": "shop:" + behaviour}]}}}}
            self.ask("PATCH", WEB, image, STRATEGIC)
            wanted = {"fail": "ProgressDeadlineExceeded", "stall": "ReplicaSetUpdated",
                      "progress": "NewReplicaSetAvailable"}[behaviour]

            def progressing(item, wanted=wanted):
                return (item["status"].get("observedGeneration") == item["metadata"]["generation"]
                        and any(each["type"] == "Progressing" and each["reason"] == wanted
                                for each in item["status"]["conditions"]))
            reason[behaviour] = self.until(WEB, progressing)["status"]
            self.assertGreaterEqual(reason[behaviour]["availableReplicas"], 2,
                                    "the old ones go on")
        self.assertEqual(reason["progress"]["updatedReplicas"], 3)

    def test_jobs_run_and_leave_a_log(self):
        job = {"metadata": {"name": "copy"}, "spec": {"backoffLimit": 1, "template": {"spec": {
            "restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}}}}
        self.sandbox.order("log", {"name": "copy", "text": "one\ntwo\nthree\n"})
        self.create(JOBS, job)
        done = self.until(JOBS + "/copy", lambda item: item.get("status", {}).get("succeeded"))
        self.assertEqual(done["status"]["conditions"][0]["type"], "Complete")
        pods = self.get("/api/v1/namespaces/default/pods?labelSelector=job-name%3Dcopy")["items"]
        log = f"/api/v1/namespaces/default/pods/{pods[0]['metadata']['name']}/log?tailLines=2"
        self.assertEqual(self.get(log), "two\nthree\n")
        self.sandbox.order("behaviour", {"resource": "jobs", "name": "bad", "do": "fail"})
        self.create(JOBS, {**job, "metadata": {"name": "bad"}})
        bad = self.until(JOBS + "/bad", lambda item: item.get("status", {}).get("conditions"))
        self.assertEqual((bad["status"]["failed"], bad["status"]["conditions"][0]["type"]),
                         (2, "Failed"))

    def test_routes_are_accepted_rejected_or_taken_back(self):
        self.create(SERVICES, clusters.service("blue"))
        self.create(ROUTES, clusters.route())

        def resolved(item, wanted):
            return any(each["type"] == "ResolvedRefs" and each["status"] == wanted and
                       each["observedGeneration"] == item["metadata"]["generation"]
                       for parent in item.get("status", {}).get("parents", [])
                       for each in parent["conditions"])
        self.until(ROUTES + "/shop", lambda item: resolved(item, "False"))
        self.create(SERVICES, clusters.service("green"))
        self.until(ROUTES + "/shop", lambda item: resolved(item, "True"))
        self.sandbox.order("own_route", {"name": "shop"})
        weight = [{"op": "replace", "path": "/spec/rules/0/backendRefs/0/weight", "value": 1}]
        _, patched = self.ask("PATCH", ROUTES + "/shop", weight, JSON_PATCH)
        back = self.until(ROUTES + "/shop", lambda item: item["metadata"]["generation"] >
                          patched["metadata"]["generation"])
        self.assertEqual(back["spec"]["rules"][0]["backendRefs"][0]["weight"], 100)

    def test_a_replica_cluster_of_cloudnativepg_is_promoted(self):
        self.create(CNPG, {"metadata": {"name": "db"}, "spec": {"instances": 2, "replica": {
            "enabled": True, "source": "west"}}})
        self.until(CNPG + "/db", lambda item: item.get("status", {}).get("readyInstances") == 2)
        _, patched = self.ask("PATCH", CNPG + "/db", {"spec": {"replica": {"enabled": False}}},
                              MERGE)
        phases = set()
        for event in self.sandbox.watch(
                f"{CNPG}?watch=1&timeoutSeconds=30&resourceVersion="
                f"{patched['metadata']['resourceVersion']}"):
            phases.add(event["object"]["status"]["phase"])
            if len(phases) == 2:
                break
        self.assertEqual(phases, {"Promoting to primary cluster", "Cluster in healthy state"})

    # --- who may ask, and what goes wrong

    def test_tokens_and_rules_are_asked_for(self):
        self.sandbox.order("tokens", {"secret": "bascule"})
        self.assert_failure(self.ask("GET", NODES), 401, "Unauthorized")
        wrong, right = {"Authorization": "Bearer no"}, {"Authorization": "Bearer secret"}
        self.assert_failure(self.ask("GET", NODES, headers=wrong), 401, "Unauthorized")
        self.assertEqual(self.ask("GET", NODES, headers=right)[0], 200)
        self.sandbox.order("forbid", [{"verb": "list", "resource": "nodes"}])
        self.assert_failure(self.ask("GET", NODES, headers=right), 403, "Forbidden")
        self.assertEqual(self.ask("GET", NODES, cluster="west")[0], 200, "each has its own")

    def test_faults_come_as_ordered(self):
        self.create(DEPLOYMENTS, clusters.deployment())
        for code, reason in ((401, "Unauthorized"), (409, "Conflict"), (410, "Expired"),
                             (500, "InternalError")):
            self.sandbox.order("fault", {"code": code, "times": 1, "path": "deployments"})
            self.assert_failure(self.ask("GET", WEB), code, reason)
            self.assertEqual(self.ask("GET", WEB)[0], 200, "it was meant for one request")
        self.sandbox.order("fault", {"code": 429, "retry_after": 3, "times": 1})
        status, answer = self.ask("GET", WEB)
        self.assertEqual((status, answer["details"]["retryAfterSeconds"]), (429, 3))
        for what in ("half", "lost"):
            self.sandbox.order("fault", {"do": what, "times": 1, "method": "PATCH"})
            with self.assertRaises(OSError if what == "lost" else Exception):
                self.ask("PATCH", WEB, {"metadata": {"annotations": {"done": what}}}, MERGE)
            self.assertEqual(self.get(WEB)["metadata"]["annotations"]["done"], what)
        self.sandbox.order("watches", {"close_after": 0.1})
        self.assertEqual(list(self.sandbox.watch(
            f"{NODES}?watch=1&resourceVersion={self.get(NODES)['metadata']['resourceVersion']}")),
            [])
        self.assertEqual(self.ask("POST", "/sandbox/fault", {"do": "nonsense"})[0], 400)
        self.sandbox.order("leave_out", ["httproutes.gateway.networking.k8s.io"])
        self.assert_failure(self.ask("GET", ROUTES), 404, "NotFound")
        self.assertNotIn("gateway", json.dumps(self.get("/apis")))


if __name__ == "__main__":
    sys.exit(unittest.main())
