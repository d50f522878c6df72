"""One simulated cluster: its objects, what it does by itself, who may ask, and its faults."""
import collections
import re
import threading
import time

import controllers
import description
import resources
import store

REASONS = {400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound",
           409: "Conflict", 410: "Expired", 415: "UnsupportedMediaType", 422: "Invalid",
           429: "TooManyRequests", 500: "InternalError", 503: "ServiceUnavailable",
           504: "Timeout"}
FAULTS = ("status", "half", "lost", "hang", "garbage")
VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0-sandbox", "gitCommit": "",
           "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "none",
           "compiler": "none", "platform": "sandbox"}


class Cluster:
    """Its controllers take a step every `pace` seconds for as long as something changes."""

    def __init__(self, name, pace=0.02):
        self.name, self.pace = name, pace
        self.store = store.Store()
        self.controllers = controllers.Controllers(self.store)
        self.tokens = {}       # token -> user; empty: everybody may ask
        self.needs_user = False
        self.forbidden = []    # {"user", "verb", "resource"}: regular expressions
        self.left_out = set()  # "httproutes.gateway.networking.k8s.io": not served
        self.bookmark_seconds = 5.0
        self.watch_seconds = None  # each watch is closed after so long
        self.requests = collections.deque(maxlen=1000)
        self._faults = []
        self._released = threading.Event()
        self.poke_pending = False
        with self.store.changed:
            for namespace in ("default", "kube-system"):
                self.store.create(resources.find("", "v1", "namespaces"), "",
                                  {"metadata": {"name": namespace}, "spec": {},
                                   "status": {"phase": "Active"}})
            self.add_nodes(3)
        threading.Thread(target=self._run_controllers, daemon=True).start()

    def _run_controllers(self):
        seen = 0
        while True:
            with self.store.changed:
                while self.store.version() == seen and not self.poke_pending:
                    self.store.changed.wait()
                seen, self.poke_pending = self.store.version(), False
                self.controllers.step()
            time.sleep(self.pace)

    def poke(self):
        """Lets the controllers look again although no object changed."""
        with self.store.changed:
            self.poke_pending = True
            self.store.changed.notify_all()

    def add_nodes(self, count):
        """Brings the number of nodes to `count`, named node-1, node-2 and so on."""
        resource = resources.find("", "v1", "nodes")
        with self.store.changed:
            there = {node["metadata"]["name"] for node in self.store.list(resource)}
            wanted = {f"node-{number}" for number in range(1, count + 1)}
            for name in there - wanted:
                self.store.delete(resource, "", name)
            for name in sorted(wanted - there, key=lambda text: int(text[5:])):
                status = {"capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                          "nodeInfo": _node_info(), "addresses": [
                              {"type": "InternalIP", "address": "192.0.2.1"},
                              {"type": "Hostname", "address": name}]}
                self.store.create(resource, "", {
                    "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
                    "spec": {}, "status": status})
            for name in wanted:
                self.set_ready(name, True)

    def set_ready(self, name, is_ready):
        """`is_ready`: True, False, or None for a node that is not heard of any more."""
        resource = resources.find("", "v1", "nodes")
        with self.store.changed:
            node = self.store.get(resource, "", name)
            reason = {True: "KubeletReady", False: "KubeletNotReady", None: "NodeStatusUnknown"}
            controllers.condition(node["status"], "Ready", is_ready, reason[is_ready],
                                  lastHeartbeatTime=description.now())
            self.store.replace(resource, "", name, node, part="all")

    # --- who may ask

    def user_of(self, authorization, certificate_user):
        """Who asks; raises 401."""
        if authorization and authorization.startswith("Bearer "):
            user = self.tokens.get(authorization[len("Bearer "):])
            if user:
                return user
            if self.tokens or self.needs_user:
                raise self.failure(401, "Unauthorized")
        if certificate_user:
            return certificate_user
        if self.tokens or self.needs_user:
            raise self.failure(401, "Unauthorized")
        return "system:anonymous"

    def check_allowed(self, user, verb, resource, namespace, name):
        for rule in self.forbidden:
            if all(re.fullmatch(rule.get(key, ".*"), value) for key, value in
                   (("user", user), ("verb", verb), ("resource", resource))):
                where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
                raise store.Failure(403, "Forbidden", f'{resource} "{name}" is forbidden: User '
                                    f'"{user}" cannot {verb} resource "{resource}" in API group'
                                    f'{where}', {"name": name, "kind": resource})

    @staticmethod
    def failure(code, message=None, retry_after=None):
        return store.Failure(code, REASONS.get(code, "Unknown"),
                             message or REASONS.get(code, "Unknown"), retry_after=retry_after)

    # --- faults

    def add_fault(self, fault):
        if fault.get("do", "status") not in FAULTS:
            raise ValueError(f"no fault {fault.get('do')}: choose from {', '.join(FAULTS)}")
        re.compile(fault.get("path", ""))
        with self.store.changed:
            self._faults.append(dict(fault))

    def clear_faults(self):
        with self.store.changed:
            self._faults.clear()
            self.watch_seconds = None
            self._released.set()
            self._released = threading.Event()
            self.store.changed.notify_all()

    def fault_for(self, method, path):
        """The fault that hits this request; one with `times` is used up by it."""
        with self.store.changed:
            for fault in self._faults:
                if not re.fullmatch(fault.get("method", ".*"), method):
                    continue
                if not re.search(fault.get("path", ""), path):
                    continue
                if "times" in fault:
                    fault["times"] -= 1
                    if fault["times"] <= 0:
                        self._faults.remove(fault)
                return fault
        return None

    def hang(self):
        """Waits until the faults are cleared."""
        self._released.wait()


def _node_info():
    keys = ("machineID", "systemUUID", "bootID", "kernelVersion", "osImage",
            "containerRuntimeVersion", "kubeletVersion", "kubeProxyVersion", "operatingSystem",
            "architecture")
    return {**dict.fromkeys(keys, "sandbox"), "kubeletVersion": VERSION["gitVersion"]}
