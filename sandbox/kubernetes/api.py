"""The Kubernetes API on top of a cluster: from a request to an answer.

`answer` never touches a socket: it returns an Answer, or a Watch for the server to stream.
"""
import base64
import dataclasses
import json
import urllib.parse

import controllers
import description
import patches
import resources
import selection
import store
import tables

MANAGER = "unknown"
LIMIT_MAX = 500_000


@dataclasses.dataclass
class Answer:
    code: int
    body: object
    headers: dict = dataclasses.field(default_factory=dict)
    is_text: bool = False


@dataclasses.dataclass
class Watch:
    resource: resources.Resource
    namespace: str
    after: int
    matches: object
    bookmarks: bool
    seconds: float
    first: list        # objects that are there already
    as_table: bool = False


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: object  # with get()
    body: bytes
    certificate_user: str = ""

    def flag(self, name):
        return self.query.get(name, "") in ("true", "1")

    def manager(self):
        agent = self.headers.get("User-Agent") or MANAGER
        return self.query.get("fieldManager") or agent.split("/")[0]


@dataclasses.dataclass
class Target:
    resource: resources.Resource
    namespace: str
    name: str
    part: str  # "", "status", "scale", "log"


def parse(target):
    """The path and the query of a request line."""
    path, _, query = target.partition("?")
    return path, dict(urllib.parse.parse_qsl(query, keep_blank_values=True))


def target_of(cluster, path):
    """What a path below /api or /apis means; None for one that is not served."""
    parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = resources.find(group, version, rest[0], cluster.left_out)
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        return None
    part = rest[2] if len(rest) > 2 else ""
    known = {"": True, "status": resource.has_status, "scale": resource.has_scale,
             "log": resource.plural == "pods"}
    if not known.get(part):
        return None
    return Target(resource, namespace, rest[1] if len(rest) > 1 else "", part)


def answer(cluster, request):
    """Raises store.Failure for every answer that is a Status of failure."""
    user = cluster.user_of(request.headers.get("Authorization"), request.certificate_user)
    document = _document(cluster, request.path)
    if document is not None:
        return document
    target = target_of(cluster, request.path)
    if target is None:
        raise store.Failure(404, "NotFound", "the server could not find the requested resource")
    resource = target.resource
    if resource.namespaced and not target.namespace and (target.name or request.method != "GET"):
        raise store.Failure(404, "NotFound", "the server could not find the requested resource")
    verb = _verb(request, target)
    shown = resource.plural + ("/" + target.part if target.part else "")
    cluster.check_allowed(user, verb, shown, target.namespace, target.name)
    with cluster.store.changed:
        return _HANDLERS[verb](cluster, request, target)


def _document(cluster, path):
    path = path.rstrip("/")
    left_out = cluster.left_out
    if path in ("/healthz", "/readyz", "/livez"):
        return Answer(200, "ok", is_text=True)
    if path == "/version":
        from cluster import VERSION  # pylint: disable=import-outside-toplevel
        return Answer(200, VERSION)
    if path == "/api":
        return Answer(200, {"kind": "APIVersions", "versions": ["v1"],
                            "serverAddressByClientCIDRs": []})
    if path == "/apis":
        return Answer(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [
            resources.group_document(group, left_out) for group in resources.groups(left_out)]})
    parts = path.strip("/").split("/")
    listed = None
    if parts == ["api", "v1"]:
        listed = resources.resource_list("", "v1", left_out)
    elif len(parts) == 3 and parts[0] == "apis":
        listed = resources.resource_list(parts[1], parts[2], left_out)
    elif len(parts) == 2 and parts[0] == "apis" and parts[1] in resources.groups(left_out):
        return Answer(200, {"kind": "APIGroup", "apiVersion": "v1",
                            **resources.group_document(parts[1], left_out)})
    return Answer(200, listed) if listed else None


def _verb(request, target):
    if request.method == "GET":
        if target.name:
            return "get"
        return "watch" if request.flag("watch") else "list"
    verbs = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
    verb = verbs.get(request.method)
    is_right = bool(target.name) != (verb == "create") and target.part != "log"
    if verb is None or not is_right:
        raise store.Failure(405, "MethodNotAllowed",
                            "the server does not allow this method on the requested resource")
    return verb


# --- reading

def _wants_table(request):
    return "as=Table" in (request.headers.get("Accept") or "")


def _get(cluster, request, target):
    if target.part == "log":
        return _log(cluster, request, target)
    item = cluster.store.get(target.resource, target.namespace, target.name)
    if target.part == "scale":
        return Answer(200, _scale_of(item))
    if _wants_table(request):
        return Answer(200, tables.table([item], {}, target.resource.kind))
    return Answer(200, item)


def _log(cluster, request, target):
    pod = cluster.store.get(target.resource, target.namespace, target.name)
    lines = cluster.controllers.log_of(pod).splitlines(keepends=True)
    if "tailLines" in request.query:
        tail = int(request.query["tailLines"])
        lines = lines[-tail:] if tail else []
    text = "".join(lines)
    if "limitBytes" in request.query:
        text = text.encode()[:int(request.query["limitBytes"])].decode(errors="ignore")
    return Answer(200, text, is_text=True)


def _matches(request):
    try:
        return selection.selector(request.query.get("labelSelector"),
                                  request.query.get("fieldSelector"))
    except ValueError as error:
        raise store.Failure(400, "BadRequest", str(error)) from error


def _list(cluster, request, target):
    resource = target.resource
    matches = _matches(request)
    found = [item for item in cluster.store.peek(resource, target.namespace) if matches(item)]
    metadata = {"resourceVersion": str(cluster.store.version())}
    limit = min(int(request.query.get("limit") or 0) or LIMIT_MAX, LIMIT_MAX)
    if request.query.get("continue"):
        version, last = _continued(request.query["continue"])
        cluster.store.events_after(version)  # 410 when the list is too old to go on
        metadata["resourceVersion"] = str(version)
        found = [item for item in found if _key(item) > last]
    if len(found) > limit:
        token = json.dumps([int(metadata["resourceVersion"]), _key(found[limit - 1])])
        metadata["continue"] = base64.urlsafe_b64encode(token.encode()).decode()
        if not (request.query.get("labelSelector") or request.query.get("fieldSelector")):
            metadata["remainingItemCount"] = len(found) - limit
        found = found[:limit]
    if _wants_table(request):
        return Answer(200, tables.table(found, metadata, resource.kind))
    if not resource.is_custom:  # in a list the built-in kinds do not say what they are
        found = [{key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
                 for item in found]
    return Answer(200, {"kind": resource.kind + "List", "apiVersion": resource.api_version,
                        "metadata": metadata, "items": found})


def _key(item):
    return [item["metadata"].get("namespace", ""), item["metadata"]["name"]]


def _continued(token):
    try:
        version, last = json.loads(base64.urlsafe_b64decode(token))
        return int(version), last
    except ValueError as error:
        raise store.Failure(400, "BadRequest", "continue key is not valid") from error


def _watch(cluster, request, target):
    text = request.query.get("resourceVersion", "")
    if text and not text.isdigit():
        raise store.Failure(400, "BadRequest", f'invalid resource version "{text}"')
    after = int(text or 0)
    matches, first = _matches(request), []
    if after == 0:
        after = cluster.store.version()
        first = [item for item in cluster.store.list(target.resource, target.namespace)
                 if matches(item)]
    return Watch(target.resource, target.namespace, after, matches,
                 request.flag("allowWatchBookmarks"),
                 float(request.query.get("timeoutSeconds") or 1800), first, _wants_table(request))


def watch_events(watch, entries):
    """The events that a watcher is told of these entries of the history."""
    for _, kind, resource, value, before in entries:
        if resource != watch.resource:
            continue
        if watch.namespace and value["metadata"].get("namespace") != watch.namespace:
            continue
        is_in = kind != "DELETED" and watch.matches(value)
        was_in = before is not None and watch.matches(before)
        if is_in:
            yield {"type": "MODIFIED" if was_in else "ADDED", "object": value}
        elif was_in:
            yield {"type": "DELETED", "object": value}


# --- writing

def _body(request):
    try:
        value = json.loads(request.body)
    except ValueError as error:
        raise store.Failure(400, "BadRequest", "the object provided is unrecognized (must be of "
                            f"type Object): {error}") from error
    return value


def _object(request, resource):
    kind = (request.headers.get("Content-Type") or "application/json").split(";")[0].strip()
    if kind != "application/json":
        raise store.Failure(415, "UnsupportedMediaType", "the body of the request was in an "
                            "unknown format - accepted media types include: application/json")
    value = _body(request)
    if not isinstance(value, dict):
        raise store.Failure(400, "BadRequest", "the object provided is unrecognized")
    for key, wanted in (("kind", resource.kind), ("apiVersion", resource.api_version)):
        if value.get(key, wanted) != wanted:
            raise store.Failure(400, "BadRequest", f"the {key} of the object ({value[key]}) is "
                                f"not that of the URL ({wanted})")
    _check_strictly(request, value, resource.schema)
    return value


def _check_strictly(request, value, schema):
    if request.query.get("fieldValidation") != "Strict":
        return
    unknown = description.unknown_members(value, schema)
    if unknown:
        raise store.Failure(400, "BadRequest", "strict decoding error: " + ", ".join(
            f'unknown field "{path}"' for path in unknown))


def _dry_run(request):
    if request.query.get("dryRun", "All") != "All":
        raise store.Failure(422, "Invalid", "dryRun: Unsupported value")
    return "dryRun" in request.query


def _create(cluster, request, target):
    value = _object(request, target.resource)
    return Answer(201, cluster.store.create(target.resource, target.namespace, value,
                                            request.manager(), _dry_run(request)))


def _update(cluster, request, target):
    if target.part == "scale":
        return _set_scale(cluster, request, target, _body(request))
    return Answer(200, cluster.store.replace(
        target.resource, target.namespace, target.name, _object(request, target.resource),
        request.manager(), target.part, _dry_run(request)))


def _delete(cluster, request, target):
    options = _body(request) if request.body else {}
    gone = cluster.store.delete(target.resource, target.namespace, target.name,
                                options.get("preconditions"), _dry_run(request))
    return Answer(200, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                        "details": {"name": target.name, "kind": target.resource.plural,
                                    "group": target.resource.group,
                                    "uid": gone["metadata"]["uid"]}})


def _patch(cluster, request, target):
    kind = (request.headers.get("Content-Type") or "").split(";")[0].strip()
    resource = target.resource
    allowed = [each for each in description.PATCH_TYPES
               if not (resource.is_custom and "strategic" in each)]
    if kind not in allowed:
        raise store.Failure(415, "UnsupportedMediaType", "the body of the request was in an "
                            "unknown format - accepted media types include: " +
                            ", ".join(allowed))
    patch = _body(request)
    if kind == "application/apply-patch+yaml":
        return _apply(cluster, request, target, patch)
    before = cluster.store.get(resource, target.namespace, target.name)
    schema = resource.schema
    if target.part == "scale":
        before, schema = _scale_of(before), resources.SCALE_SCHEMA
    try:
        if kind == "application/json-patch+json":
            after = patches.json_patch(before, patch)
        elif not isinstance(patch, dict):
            raise patches.PatchError(400, "the patch is not an object")
        elif kind == "application/merge-patch+json":
            after = patches.merge(before, patch)
        else:
            after = patches.strategic(before, patch, schema)
    except patches.PatchError as error:
        if error.code == 422:
            raise store.Failure(422, "Invalid", "the server rejected our request due to an error "
                                f"in our request: {error.what}") from error
        raise store.Failure(400, "BadRequest", error.what) from error
    if not isinstance(after, dict):
        raise store.Failure(422, "Invalid", "the patch leaves no object")
    _check_strictly(request, after, schema)
    if target.part == "scale":
        return _set_scale(cluster, request, target, after)
    return Answer(200, cluster.store.replace(resource, target.namespace, target.name, after,
                                             request.manager(), target.part, _dry_run(request)))


def _apply(cluster, request, target, applied):
    if not request.query.get("fieldManager"):
        raise store.Failure(400, "BadRequest", "PatchOptions.meta.k8s.io \"\" is invalid: "
                            "fieldManager: Required value: is required for apply patch")
    if target.part:
        raise store.Failure(405, "MethodNotAllowed", "apply serves whole objects here")
    if not isinstance(applied, dict):
        raise store.Failure(400, "BadRequest", "what is applied is not an object")
    _check_strictly(request, applied, target.resource.schema)
    existed = cluster.store.find(target.resource.plural, target.namespace, target.name)
    done = cluster.store.apply(target.resource, target.namespace, target.name, applied,
                               request.query["fieldManager"], request.flag("force"),
                               _dry_run(request))
    return Answer(200 if existed else 201, done)


# --- /scale

def _scale_of(item):
    metadata = {key: item["metadata"][key] for key in
                ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")}
    labels = (item["spec"].get("selector") or {}).get("matchLabels") or {}
    scale = {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": {},
             "status": {"replicas": (item.get("status") or {}).get("replicas", 0),
                        "selector": ",".join(f"{key}={value}" for key, value in
                                             sorted(labels.items()))}}
    if item["spec"].get("replicas"):
        scale["spec"]["replicas"] = item["spec"]["replicas"]  # zero is left out, as Go does
    return scale


def _set_scale(cluster, request, target, scale):
    resource = target.resource
    try:
        description.check(scale, resources.SCALE_SCHEMA)
    except description.Complaint as complaint:
        raise store.Failure(400, "BadRequest", "Scale in version \"v1\" cannot be handled as a "
                            f"Scale: {complaint}") from complaint
    item = cluster.store.get(resource, target.namespace, target.name)
    metadata = scale.get("metadata") or {}
    for key in ("resourceVersion", "uid"):
        if key in metadata:
            item["metadata"][key] = metadata[key]
        elif key == "resourceVersion":
            item["metadata"].pop(key)
    item["spec"]["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
    done = cluster.store.replace(resource, target.namespace, target.name, item, request.manager(),
                                 dry_run=_dry_run(request))
    return Answer(200, _scale_of(done))


_HANDLERS = {"get": _get, "list": _list, "watch": _watch, "create": _create, "update": _update,
             "patch": _patch, "delete": _delete}
BEHAVIOURS = controllers.BEHAVIOURS
