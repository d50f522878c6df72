"""What a cluster does by itself: deployments progress or fail, jobs run, routes are accepted.

Each pass moves every object by one step, so that who watches sees what lies between. How an object
behaves is told over the control path; by itself everything goes well.
"""
import copy
import hashlib
import json

import description
import resources

# What can be told of each kind; the first is what happens untold.
BEHAVIOURS = {
    "deployments": ("progress", "fail", "stall", "ignore"),
    "jobs": ("succeed", "fail", "stall", "ignore"),
    "httproutes": ("accept", "reject", "unresolved", "ignore", "revert"),
    "clusters": ("promote", "ignore"),
}
POD_HASH = "pod-template-hash"


def _resource(plural):
    return next(each for each in resources.ALL if each.plural == plural)


def condition(status, kind, is_true, reason, message="", **more):
    """Sets a condition; its time of transition changes only with it."""
    known = status.setdefault("conditions", [])
    before = next((each for each in known if each["type"] == kind), None)
    word = {True: "True", False: "False", None: "Unknown"}[is_true]
    since = before.get("lastTransitionTime") if before and before["status"] == word else None
    after = {"type": kind, "status": word, "reason": reason, "message": message,
             "lastTransitionTime": since or description.now(), **more}
    if before is None:
        known.append(after)
    else:
        known[known.index(before)] = after


class Controllers:
    """Of one cluster. Calls happen under the store's lock."""

    def __init__(self, store):
        self.store = store
        self.behaviours = {}  # (plural, namespace, name) -> word
        self.logs = {}        # (namespace, name of a job or pod) -> text
        self.owned_routes = {}  # (namespace, name) -> spec that another controller holds to
        self._followers = {}  # uid of a CloudNativePG cluster -> whether it was a replica

    def behaviour(self, plural, value):
        key = (plural, value["metadata"].get("namespace", ""), value["metadata"]["name"])
        return self.behaviours.get(key, BEHAVIOURS[plural][0])

    def step(self):
        """One pass over everything; whether something changed."""
        before = self.store.version()
        for plural, pass_over in (("deployments", self._deployment), ("jobs", self._job),
                                  ("httproutes", self._route), ("clusters", self._cluster)):
            for value in self.store.list(_resource(plural)):
                if self.behaviour(plural, value) != "ignore":
                    pass_over(value)
        return self.store.version() != before

    def _save(self, plural, value):
        metadata = value["metadata"]
        return self.store.replace(_resource(plural), metadata.get("namespace", ""),
                                  metadata["name"], value, part="all")

    # --- deployments

    def _deployment(self, deployment):
        behaviour = self.behaviour("deployments", deployment)
        spec, namespace = deployment["spec"], deployment["metadata"]["namespace"]
        new_hash = self._template_hash(deployment)
        pods = self._pods_of(deployment)
        new = [pod for pod in pods if pod["metadata"]["labels"].get(POD_HASH) == new_hash]
        old = [pod for pod in pods if pod not in new]
        self._replica_set(deployment, new_hash)
        if behaviour == "progress":
            waiting = [pod for pod in pods if not self._is_ready(pod)]
            for pod in waiting:
                self._make_ready(pod)
            if waiting:
                return self._deployment_status(deployment, new_hash, behaviour)
        surge = 0 if spec.get("strategy", {}).get("type") == "Recreate" else max(
            1, self._share(spec, "maxSurge"))
        wanted = spec["replicas"]
        if spec.get("paused") and old:
            wanted_new = len(new)
        else:
            wanted_new = max(len(new), min(wanted, wanted + surge - len(old)))
        for _ in range(wanted_new - len(new)):
            self._create_pod(deployment, new_hash)
        ready = sum(1 for pod in pods if self._is_ready(pod))
        spare = ready - max(0, wanted - self._share(spec, "maxUnavailable"))
        surplus = new[max(wanted, 0):] if len(new) > wanted else []
        broken = [pod for pod in old if not self._is_ready(pod)]
        excess = max(0, len(pods) - wanted) if wanted_new == len(new) else 0
        for pod in (surplus + broken + [pod for pod in old if self._is_ready(pod)][:max(
                0, spare)])[:max(excess, len(surplus))]:
            self.store.delete(_resource("pods"), namespace, pod["metadata"]["name"])
        return self._deployment_status(deployment, new_hash, behaviour)

    @staticmethod
    def _share(spec, name):
        value = spec.get("strategy", {}).get("rollingUpdate", {}).get(name, "25%")
        if isinstance(value, str) and value.endswith("%"):
            share = spec["replicas"] * int(value[:-1])
            return -(-share // 100) if name == "maxSurge" else share // 100
        return int(value)

    @staticmethod
    def _template_hash(deployment):
        text = json.dumps(deployment["spec"]["template"], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def _pods_of(self, owner):
        uid = owner["metadata"]["uid"]
        return [pod for pod in self.store.list(_resource("pods"), owner["metadata"]["namespace"])
                if any(each["uid"] == uid for each in
                       pod["metadata"].get("ownerReferences", []))]

    def _owner(self, value):
        return [{"apiVersion": value["apiVersion"], "kind": value["kind"], "controller": True,
                 "name": value["metadata"]["name"], "uid": value["metadata"]["uid"]}]

    def _replica_set(self, deployment, pod_hash):
        name = f"{deployment['metadata']['name']}-{pod_hash}"
        namespace = deployment["metadata"]["namespace"]
        if self.store.find("replicasets", namespace, name):
            return
        revision = 1 + len([each for each in self.store.list(_resource("replicasets"), namespace)
                            if each["metadata"].get("ownerReferences", [{}])[0].get("uid") ==
                            deployment["metadata"]["uid"]])
        annotations = deployment["metadata"].setdefault("annotations", {})
        annotations["deployment.kubernetes.io/revision"] = str(revision)
        template = copy.deepcopy(deployment["spec"]["template"])
        template.setdefault("metadata", {}).setdefault("labels", {})[POD_HASH] = pod_hash
        self.store.create(_resource("replicasets"), namespace, {
            "metadata": {"name": name, "labels": template["metadata"]["labels"],
                         "annotations": {"deployment.kubernetes.io/revision": str(revision)},
                         "ownerReferences": self._owner(deployment)},
            "spec": {"replicas": deployment["spec"]["replicas"], "template": template,
                     "selector": {"matchLabels": template["metadata"]["labels"]}}})

    def _create_pod(self, owner, pod_hash=None, phase="Pending"):
        template = owner["spec"]["template"]
        namespace = owner["metadata"]["namespace"]
        labels = dict(template.get("metadata", {}).get("labels") or {})
        name = owner["metadata"]["name"] + "-"
        if pod_hash:
            labels[POD_HASH] = pod_hash
            name += pod_hash + "-"
        else:
            labels["job-name"] = labels["batch.kubernetes.io/job-name"] = owner["metadata"]["name"]
        nodes = self.store.list(_resource("nodes"))
        spec = copy.deepcopy(template["spec"])
        if nodes:
            pods = self.store.list(_resource("pods"))
            spec["nodeName"] = nodes[len(pods) % len(nodes)]["metadata"]["name"]
        pod = {"metadata": {"generateName": name, "labels": labels,
                            "annotations": dict(template.get("metadata", {}).get("annotations")
                                                or {}),
                            "ownerReferences": self._owner(owner)},
               "spec": spec, "status": {"phase": phase, "startTime": description.now()}}
        condition(pod["status"], "Ready", False, "ContainersNotReady")
        return self.store.create(_resource("pods"), namespace, pod)

    @staticmethod
    def _is_ready(pod):
        return any(each["type"] == "Ready" and each["status"] == "True"
                   for each in pod.get("status", {}).get("conditions", []))

    def _make_ready(self, pod):
        pod["status"]["phase"] = "Running"
        condition(pod["status"], "Ready", True, "")
        self._save("pods", pod)

    def _deployment_status(self, deployment, new_hash, behaviour):
        pods = self._pods_of(deployment)
        updated = [pod for pod in pods if pod["metadata"]["labels"].get(POD_HASH) == new_hash]
        ready = sum(1 for pod in pods if self._is_ready(pod))
        wanted = deployment["spec"]["replicas"]
        status = copy.deepcopy(deployment.get("status", {}))
        numbers = {"replicas": len(pods), "updatedReplicas": len(updated), "readyReplicas": ready,
                   "availableReplicas": ready, "unavailableReplicas": max(0, wanted - ready)}
        for key, number in numbers.items():
            status.pop(key, None)
            if number:
                status[key] = number  # zero is left out, as Go does
        status["observedGeneration"] = deployment["metadata"]["generation"]
        times = {"lastUpdateTime": description.now()}
        is_enough = ready >= wanted - self._share(deployment["spec"], "maxUnavailable")
        condition(status, "Available", is_enough,
                  "MinimumReplicasAvailable" if is_enough else "MinimumReplicasUnavailable",
                  "Deployment has minimum availability." if is_enough else
                  "Deployment does not have minimum availability.", **times)
        is_done = len(updated) == len(pods) == ready == wanted
        name = f"{deployment['metadata']['name']}-{new_hash}"
        if is_done:
            condition(status, "Progressing", True, "NewReplicaSetAvailable",
                      f'ReplicaSet "{name}" has successfully progressed.', **times)
        elif behaviour == "fail" and len(updated) > 0:
            condition(status, "Progressing", False, "ProgressDeadlineExceeded",
                      f'ReplicaSet "{name}" has timed out progressing.', **times)
        else:
            condition(status, "Progressing", True, "ReplicaSetUpdated",
                      f'ReplicaSet "{name}" is progressing.', **times)
        self._settle(status, deployment.get("status", {}))
        deployment["status"] = status
        self._save("deployments", deployment)

    @staticmethod
    def _settle(status, before):
        """A condition that says the same keeps its time, or nothing would ever come to rest."""
        known = {each["type"]: each for each in before.get("conditions", [])}
        for each in status["conditions"]:
            same = known.get(each["type"])
            if same and all(same.get(key) == each.get(key)
                            for key in ("status", "reason", "message")):
                each["lastUpdateTime"] = same["lastUpdateTime"]

    # --- jobs

    def _job(self, job):
        status = copy.deepcopy(job.get("status", {}))
        if any(each["type"] in ("Complete", "Failed") and each["status"] == "True"
               for each in status.get("conditions", [])) or job["spec"].get("suspend"):
            return
        behaviour = self.behaviour("jobs", job)
        pods = self._pods_of(job)
        running = [pod for pod in pods if pod["status"]["phase"] in ("Pending", "Running")]
        failed = [pod for pod in pods if pod["status"]["phase"] == "Failed"]
        if not running:
            self._create_pod(job, phase="Running")
            status.setdefault("startTime", description.now())
            status["active"] = 1
        elif behaviour == "succeed":
            self._end(running[0], "Succeeded")
            status.pop("active", None)
            status.update(succeeded=1, completionTime=description.now())
            condition(status, "Complete", True, "CompletionsReached")
        elif behaviour == "fail":
            self._end(running[0], "Failed")
            status.pop("active", None)
            status["failed"] = len(failed) + 1
            if status["failed"] > job["spec"]["backoffLimit"]:
                condition(status, "Failed", True, "BackoffLimitExceeded",
                          "Job has reached the specified backoff limit")
        job["status"] = status
        self._save("jobs", job)

    def _end(self, pod, phase):
        pod["status"]["phase"] = phase
        self._save("pods", pod)

    def log_of(self, pod):
        labels = pod["metadata"].get("labels", {})
        namespace = pod["metadata"]["namespace"]
        for name in (pod["metadata"]["name"], labels.get("job-name")):
            if (namespace, name) in self.logs:
                return self.logs[(namespace, name)]
        return f"{pod['metadata']['name']} ran\n"

    # --- HTTPRoute

    def _route(self, route):
        behaviour = self.behaviour("httproutes", route)
        metadata = route["metadata"]
        key = (metadata["namespace"], metadata["name"])
        if behaviour == "revert" and route["spec"] != self.owned_routes.get(key, route["spec"]):
            route["spec"] = copy.deepcopy(self.owned_routes[key])
            self.store.replace(_resource("httproutes"), *key, route, manager="gitops")
            return
        status = copy.deepcopy(route.get("status", {})) or {}
        before = {json.dumps(each["parentRef"], sort_keys=True): each
                  for each in status.get("parents", [])}
        missing = sorted({ref["name"] for rule in route["spec"].get("rules", [])
                          for ref in rule.get("backendRefs", [])
                          if not self.store.find("services", ref.get("namespace", key[0]),
                                                 ref["name"])})
        parents = []
        for reference in route["spec"].get("parentRefs", []):
            parent = copy.deepcopy(before.get(json.dumps(reference, sort_keys=True))) or {
                "parentRef": reference, "controllerName": "sandbox.bascule/gateway"}
            seen = {"observedGeneration": metadata["generation"]}
            is_accepted = behaviour != "reject"
            condition(parent, "Accepted", is_accepted,
                      "Accepted" if is_accepted else "NotAllowedByListeners", **seen)
            if missing or behaviour == "unresolved":
                condition(parent, "ResolvedRefs", False, "BackendNotFound",
                          f"not found: {', '.join(missing) or 'a backend'}", **seen)
            else:
                condition(parent, "ResolvedRefs", True, "ResolvedRefs", **seen)
            parents.append(parent)
        route["status"] = {"parents": parents}
        self._save("httproutes", route)

    # --- CloudNativePG

    def _cluster(self, cluster):
        metadata, spec = cluster["metadata"], cluster["spec"]
        status = copy.deepcopy(cluster.get("status", {}))
        first = f"{metadata['name']}-1"
        replica = spec.get("replica") or {}
        is_replica = replica.get("enabled")
        if is_replica is None:
            is_replica = bool(replica.get("primary")) and replica["primary"] != replica.get(
                "self", metadata["name"])
        was_replica = self._followers.get(metadata["uid"], is_replica)
        status.update(instances=spec["instances"], currentPrimary=first, targetPrimary=first)
        if was_replica and not is_replica and status.get("phase") != "Promoting to primary cluster":
            status.update(phase="Promoting to primary cluster", readyInstances=0)
            condition(status, "Ready", False, "ClusterIsNotReady", "Cluster Is Not Ready")
        else:
            status.update(phase="Cluster in healthy state", readyInstances=spec["instances"])
            self._followers[metadata["uid"]] = is_replica
            condition(status, "Ready", True, "ClusterIsReady", "Cluster is Ready")
            if not is_replica and replica.get("promotionToken"):
                status["lastPromotionToken"] = replica["promotionToken"]
        cluster["status"] = status
        self._save("clusters", cluster)
