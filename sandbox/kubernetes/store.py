"""The objects of one cluster with their resource versions, and the history that watches read.

All calls happen under `changed`, the one lock of the cluster; who waits for changes waits on it.
"""
import copy
import json
import threading
import uuid

import description
import ownership
import patches
import resources

HISTORY_MAX = 20_000


class Failure(Exception):
    """An answer that is a Status object."""

    def __init__(self, code, reason, message, details=None, retry_after=None):
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message
        self.details, self.retry_after = details, retry_after

    def status(self):
        details = dict(self.details or {})
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        answer = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                  "message": self.message, "reason": self.reason, "code": self.code}
        if details:
            answer["details"] = details
        return answer


def _details(resource, name):
    return {"name": name, "group": resource.group, "kind": resource.plural}


def not_found(resource, name):
    return Failure(404, "NotFound", f'{resource.qualified} "{name}" not found',
                   _details(resource, name))


def invalid(resource, name, field, what, is_type=False):
    if is_type and not resource.is_custom:
        return Failure(400, "BadRequest", f'{resource.kind} in version "{resource.version}" cannot '
                       f'be handled as a {resource.kind}: {field}: {what}')
    details = {**_details(resource, name), "kind": resource.kind,
               "causes": [{"reason": "FieldValueInvalid", "message": what, "field": field}]}
    return Failure(422, "Invalid",
                   f'{resource.kind}.{resource.group} "{name}" is invalid: {field}: {what}'
                   if resource.group else f'{resource.kind} "{name}" is invalid: {field}: {what}',
                   details)


class Store:
    def __init__(self):
        self.changed = threading.Condition(threading.RLock())
        self._objects = {}   # (resource, namespace, name) -> object
        self._version = 1
        self._history = []   # (version, type, resource, object, object before)
        self._compacted = 0  # events up to this version are forgotten

    # --- reading

    def version(self):
        return self._version

    def get(self, resource, namespace, name):
        found = self._objects.get((resource, namespace, name))
        if found is None:
            raise not_found(resource, name)
        return copy.deepcopy(found)

    def find(self, plural, namespace, name):
        """Of the controllers: the object, or None."""
        for (resource, space, known), value in self._objects.items():
            if (resource.plural, space, known) == (plural, namespace, name):
                return copy.deepcopy(value)
        return None

    def peek(self, resource, namespace=None):
        """The objects themselves, which nobody may change: they are part of the history."""
        found = [(space, name, value) for (each, space, name), value in self._objects.items()
                 if each == resource and namespace in (None, "", space)]
        return [value for _, _, value in sorted(found, key=lambda entry: entry[:2])]

    def list(self, resource, namespace=None):
        return [copy.deepcopy(value) for value in self.peek(resource, namespace)]

    def events_after(self, version):
        """Raises 410 when some of them are forgotten."""
        if version < self._compacted:
            raise Failure(410, "Expired", f"too old resource version: {version} "
                          f"({self._compacted})")
        start = len(self._history)
        while start > 0 and self._history[start - 1][0] > version:
            start -= 1
        return self._history[start:]

    def compact(self):
        self._compacted = self._version
        self._history.clear()

    # --- writing

    def create(self, resource, namespace, value, manager="sandbox", dry_run=False):
        value = copy.deepcopy(value)
        metadata = value.setdefault("metadata", {})
        if "name" not in metadata and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + uuid.uuid4().hex[:5]
        name = metadata.get("name")
        if not name:
            raise invalid(resource, "", "metadata.name", "Required value: name or generateName "
                          "is required")
        if (resource, namespace, name) in self._objects:
            raise Failure(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists',
                          _details(resource, name))
        if resource.namespaced:
            metadata["namespace"] = namespace
            if self.find("namespaces", "", namespace) is None:
                raise Failure(404, "NotFound", f'namespaces "{namespace}" not found',
                              {"name": namespace, "kind": "namespaces"})
        metadata.update(uid=str(uuid.uuid4()), creationTimestamp=description.now(), generation=1)
        metadata.pop("managedFields", None)
        if resource.has_status and manager != "sandbox":
            value.pop("status", None)
        value["apiVersion"], value["kind"] = resource.api_version, resource.kind
        self._complete(resource, value)
        self._check(resource, value)
        ownership.note_update(None, value, resource.schema, manager)
        return self._put(resource, namespace, name, value, None, dry_run)

    def replace(self, resource, namespace, name, value, manager="sandbox", part="",
                dry_run=False, managed=False):
        """`part`: "" for all but the status, "status" for that alone, "all" for the controllers."""
        before = self._objects.get((resource, namespace, name))
        if before is None:
            raise not_found(resource, name)
        value = copy.deepcopy(value)
        metadata = value.setdefault("metadata", {})
        wanted = metadata.get("resourceVersion")
        if wanted and wanted != before["metadata"]["resourceVersion"]:
            raise Failure(409, "Conflict", f'Operation cannot be fulfilled on {resource.qualified} '
                          f'"{name}": the object has been modified; please apply your changes to '
                          'the latest version and try again', _details(resource, name))
        if metadata.get("name", name) != name:
            raise Failure(400, "BadRequest", f"the name of the object ({metadata['name']}) does "
                          f"not match the name on the URL ({name})")
        if metadata.get("uid", before["metadata"]["uid"]) != before["metadata"]["uid"]:
            raise Failure(409, "Conflict", f'Precondition failed: UID in precondition: '
                          f'{metadata["uid"]}, UID in object meta: {before["metadata"]["uid"]}',
                          _details(resource, name))
        if part == "status":
            value = {**copy.deepcopy(before), "status": value.get("status", {})}
        elif part == "" and resource.has_status:
            value["status"] = before.get("status")
            if value["status"] is None:
                del value["status"]
        self._keep_identity(resource, value, before, managed)
        self._complete(resource, value)
        if value.get("spec") != before.get("spec"):
            value["metadata"]["generation"] = before["metadata"]["generation"] + 1
        self._check(resource, value)
        if not managed and part in ("", "all"):
            ownership.note_update(before, value, resource.schema, manager)
        if _same(value, before):
            return copy.deepcopy(before)  # what changes nothing gets no new version
        return self._put(resource, namespace, name, value, before, dry_run)

    @staticmethod
    def _keep_identity(resource, value, before, managed):
        old = before["metadata"]
        for key in ("name", "namespace", "uid", "creationTimestamp", "generation",
                    "resourceVersion") + (() if managed else ("managedFields",)):
            if key in old:
                value["metadata"][key] = copy.deepcopy(old[key])
        value["apiVersion"], value["kind"] = resource.api_version, resource.kind

    def apply(self, resource, namespace, name, applied, manager, force, dry_run=False):
        applied.setdefault("metadata", {}).setdefault("name", name)
        applied["apiVersion"], applied["kind"] = resource.api_version, resource.kind
        before = self._objects.get((resource, namespace, name))
        if before is None:
            empty = {"metadata": {}}
            created = self.create(resource, namespace, applied, manager, dry_run)
            if dry_run:
                return created
            managed = ownership.apply({**created, **empty, "metadata": {
                **created["metadata"], "managedFields": []}}, applied, resource.schema, manager,
                force)
            created["metadata"]["managedFields"] = managed["metadata"]["managedFields"]
            return self.replace(resource, namespace, name, created, manager, managed=True)
        try:
            after = ownership.apply(copy.deepcopy(before), applied, resource.schema, manager, force)
        except patches.PatchError as error:
            causes = [{"reason": "FieldManagerConflict", "message": f'conflict with "{who}"',
                       "field": ownership.field_text(path)} for who, path in error.conflicts]
            raise Failure(409, "Conflict", error.what, {"causes": causes}) from error
        after["metadata"].setdefault("resourceVersion", before["metadata"]["resourceVersion"])
        return self.replace(resource, namespace, name, after, manager, dry_run=dry_run,
                            managed=True)

    def delete(self, resource, namespace, name, preconditions=None, dry_run=False):
        found = self._objects.get((resource, namespace, name))
        if found is None:
            raise not_found(resource, name)
        for key, wanted in (preconditions or {}).items():
            if found["metadata"].get(key) != wanted:
                raise Failure(409, "Conflict", f"Precondition failed: {key} in precondition: "
                              f"{wanted}, {key} in object meta: {found['metadata'].get(key)}",
                              _details(resource, name))
        if not dry_run:
            before = self._objects.pop((resource, namespace, name))
            gone = copy.deepcopy(before)
            self._note("DELETED", resource, gone, before)
            self._delete_owned(gone["metadata"]["uid"])
        return copy.deepcopy(found)

    def _delete_owned(self, uid):
        for resource, namespace, name in [
                key for key, value in self._objects.items()
                if any(owner["uid"] == uid for owner in
                       value["metadata"].get("ownerReferences", []))]:
            self.delete(resource, namespace, name)

    @staticmethod
    def _complete(resource, value):
        """The defaults that the API server puts in."""
        if resource.is_custom:
            description.fill_defaults(value, resource.schema)
        spec = value.get("spec")
        if not isinstance(spec, dict):
            return
        if resource.plural == "deployments":
            spec.setdefault("replicas", 1)
            spec.setdefault("progressDeadlineSeconds", 600)
            spec.setdefault("revisionHistoryLimit", 10)
            spec.setdefault("strategy", {"type": "RollingUpdate", "rollingUpdate": {
                "maxSurge": "25%", "maxUnavailable": "25%"}})
        if resource.plural == "jobs":
            for key, otherwise in (("backoffLimit", 6), ("completions", 1), ("parallelism", 1)):
                spec.setdefault(key, otherwise)

    @staticmethod
    def _check(resource, value):
        name = value["metadata"]["name"]
        try:
            description.check(value, resource.schema)
        except description.Complaint as complaint:
            raise invalid(resource, name, complaint.path, complaint.what,
                          complaint.is_type) from complaint
        for key, text in (value["metadata"].get("annotations") or {}).items():
            if not isinstance(text, str):
                raise invalid(resource, name, f"metadata.annotations.{key}", "not a string", True)
        spec = value.get("spec") or {}
        if resource.plural == "deployments":
            labels = spec["template"].get("metadata", {}).get("labels") or {}
            wanted = spec["selector"].get("matchLabels") or {}
            if not wanted.items() <= labels.items():
                raise invalid(resource, name, "spec.template.metadata.labels", "Invalid value: "
                              f"{json.dumps(labels)}: `selector` does not match template `labels`")
        if resource.has_scale and spec.get("replicas", 0) < 0:
            raise invalid(resource, name, "spec.replicas", f"Invalid value: {spec['replicas']}: "
                          "must be greater than or equal to 0")
        if resource.plural == "jobs" and spec["template"]["spec"].get("restartPolicy") not in (
                "Never", "OnFailure"):
            raise invalid(resource, name, "spec.template.spec.restartPolicy", 'Required value: '
                          'valid values: "OnFailure", "Never"')

    def _put(self, resource, namespace, name, value, before, dry_run):
        if dry_run:
            value["metadata"].setdefault("resourceVersion", str(self._version))
            return copy.deepcopy(value)
        self._note("MODIFIED" if before else "ADDED", resource, value, before)
        self._objects[(resource, namespace, name)] = value
        return copy.deepcopy(value)

    def _note(self, kind, resource, value, before):
        self._version += 1
        value["metadata"]["resourceVersion"] = str(self._version)
        self._history.append((self._version, kind, resource, value, before))
        if len(self._history) > HISTORY_MAX:
            self._compacted = self._history[HISTORY_MAX // 2][0]
            del self._history[:HISTORY_MAX // 2 + 1]
        self.changed.notify_all()


def _same(one, other):
    def bare(value):
        metadata = {key: inner for key, inner in value["metadata"].items()
                    if key not in ("managedFields", "resourceVersion")}
        return {**value, "metadata": metadata}
    return bare(one) == bare(other) and (
        one["metadata"].get("managedFields") == other["metadata"].get("managedFields"))


__all__ = ["Failure", "Store", "invalid", "not_found", "resources"]
