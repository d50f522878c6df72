"""The kinds that a simulated cluster serves, and the discovery documents about them."""
import dataclasses

import description

_K = "io.k8s.api."
_META = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
_TEMPLATE = {"$ref": f"#/definitions/{_K}core.v1.PodTemplateSpec"}
_SELECTOR = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"}


def _described(name):
    return {"$ref": "#/definitions/" + name}


def _loose(spec=None, spec_required=(), required=()):
    """For kinds that the description here does not hold whole."""
    members = {"type": "object", "properties": spec or {}, "required": list(spec_required)}
    return {"type": "object", "required": list(required), "properties": {
        "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _META,
        "spec": members, "status": {"type": "object", "properties": {
            "conditions": {"type": "array", "items": {"type": "object"},
                           "x-kubernetes-patch-strategy": "merge",
                           "x-kubernetes-patch-merge-key": "type"}}}}}


@dataclasses.dataclass(frozen=True)
class Resource:
    group: str
    version: str
    plural: str
    singular: str
    kind: str
    schema: dict = dataclasses.field(hash=False, compare=False)
    namespaced: bool = True
    short: tuple = ()
    has_status: bool = True   # /status, and then status is not written elsewhere
    has_scale: bool = False
    is_custom: bool = False   # no strategic merge; the schema answers 422 for wrong types

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self):
        return f"{self.plural}.{self.group}" if self.group else self.plural


_INTEGER = {"type": "integer", "format": "int32"}
_CLUSTER = {"instances": {**_INTEGER, "minimum": 1, "default": 1},
            "replica": {"type": "object", "properties": {
                "enabled": {"type": "boolean"}, "source": {"type": "string", "minLength": 1},
                "primary": {"type": "string"}, "self": {"type": "string"},
                "promotionToken": {"type": "string"}}, "required": ["source"]}}

ALL = [
    Resource("", "v1", "namespaces", "namespace", "Namespace", _loose(), False, ("ns",)),
    Resource("", "v1", "nodes", "node", "Node", _described(_K + "core.v1.Node"), False, ("no",)),
    Resource("", "v1", "pods", "pod", "Pod",
             _loose(description.DEFINITIONS[_K + "core.v1.PodSpec"]["properties"], ["containers"],
                    ["spec"]), short=("po",)),
    Resource("", "v1", "services", "service", "Service", _loose(), short=("svc",)),
    Resource("", "v1", "configmaps", "configmap", "ConfigMap",
             {"type": "object", "properties": {
                 "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _META,
                 "data": {"type": "object", "additionalProperties": {"type": "string"}},
                 "binaryData": {"type": "object", "additionalProperties": {"type": "string"}},
                 "immutable": {"type": "boolean"}}}, short=("cm",), has_status=False),
    Resource("", "v1", "events", "event", "Event",
             {"type": "object", "properties": {"metadata": _META}}, short=("ev",),
             has_status=False),
    Resource("apps", "v1", "deployments", "deployment", "Deployment",
             _described(_K + "apps.v1.Deployment"), short=("deploy",), has_scale=True),
    Resource("apps", "v1", "replicasets", "replicaset", "ReplicaSet",
             _loose({"replicas": _INTEGER, "selector": _SELECTOR, "template": _TEMPLATE,
                     "minReadySeconds": _INTEGER}, ["selector"], ["spec"]),
             short=("rs",), has_scale=True),
    Resource("batch", "v1", "jobs", "job", "Job",
             _loose({"template": _TEMPLATE, "backoffLimit": _INTEGER, "completions": _INTEGER,
                     "parallelism": _INTEGER, "activeDeadlineSeconds": {"type": "integer"},
                     "ttlSecondsAfterFinished": _INTEGER, "suspend": {"type": "boolean"},
                     "selector": _SELECTOR}, ["template"], ["spec"])),
    Resource("networking.k8s.io", "v1", "ingresses", "ingress", "Ingress",
             _described(_K + "networking.v1.Ingress"), short=("ing",)),
    Resource("gateway.networking.k8s.io", "v1", "httproutes", "httproute", "HTTPRoute",
             _described("io.k8s.networking.gateway.v1.HTTPRoute"), is_custom=True),
    Resource("postgresql.cnpg.io", "v1", "clusters", "cluster", "Cluster",
             _loose(_CLUSTER, ["instances"], ["spec"]), is_custom=True),
]
SCALE_SCHEMA = _described(_K + "autoscaling.v1.Scale")


def find(group, version, plural, left_out=()):
    """The kind behind a path; None for one that is not served here."""
    return next((each for each in ALL if (each.group, each.version, each.plural) ==
                 (group, version, plural) and each.qualified not in left_out), None)


def groups(left_out=()):
    names = []
    for each in ALL:
        if each.group and each.group not in names and each.qualified not in left_out:
            names.append(each.group)
    return names


def group_document(group, left_out=()):
    version = next(each.version for each in ALL
                   if each.group == group and each.qualified not in left_out)
    named = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [named], "preferredVersion": named}


def resource_list(group, version, left_out=()):
    """What /api/v1 and /apis/GROUP/VERSION answer; None where there is no such group."""
    verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
    listed = []
    for each in ALL:
        if (each.group, each.version) != (group, version) or each.qualified in left_out:
            continue
        listed.append({"name": each.plural, "singularName": each.singular,
                       "namespaced": each.namespaced, "kind": each.kind, "verbs": verbs,
                       "shortNames": list(each.short)})
        few = ["get", "patch", "update"]
        if each.has_status:
            listed.append({"name": each.plural + "/status", "singularName": "",
                           "namespaced": each.namespaced, "kind": each.kind, "verbs": few})
        if each.has_scale:
            listed.append({"name": each.plural + "/scale", "singularName": "",
                           "namespaced": each.namespaced, "group": "autoscaling", "version": "v1",
                           "kind": "Scale", "verbs": few})
        if each.plural == "pods":
            listed.append({"name": "pods/log", "singularName": "", "namespaced": True,
                           "kind": "Pod", "verbs": ["get"]})
    if not listed:
        return None
    return {"kind": "APIResourceList", "apiVersion": "v1", "resources": listed,
            "groupVersion": f"{group}/{version}" if group else version}
