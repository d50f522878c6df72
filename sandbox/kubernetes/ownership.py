"""Who owns which field: the managers that server-side apply goes by.

A field is a path of steps: ("f", NAME) into an object, ("k", KEYS) to the entry of a list that goes
by keys. Lists without keys are one field. The form outside is FieldsV1.
"""
import copy
import json

import description
from patches import PatchError

UNMANAGED = ("apiVersion", "kind", "status")
UNMANAGED_METADATA = ("name", "namespace", "uid", "resourceVersion", "generation", "managedFields",
                      "creationTimestamp", "deletionTimestamp", "selfLink")


def fields_of(value, schema):
    """Every leaf of an object, as {path: value}."""
    found = {}
    _collect(value, description.resolve(schema), (), found)
    return {path: leaf for path, leaf in found.items() if not _is_unmanaged(path)}


def _is_unmanaged(path):
    if path[0][1] in UNMANAGED:
        return True
    return len(path) > 1 and path[0][1] == "metadata" and path[1][1] in UNMANAGED_METADATA


def _collect(value, schema, path, found):
    keys = description.map_keys(schema)
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            _collect(inner, description.property_of(schema, name), path + (("f", name),), found)
    elif isinstance(value, list) and keys and all(isinstance(item, dict) for item in value):
        for item in value:
            step = ("k", json.dumps({key: item[key] for key in keys if key in item},
                                    separators=(",", ":"), sort_keys=True))
            _collect(item, description.resolve(schema.get("items")), path + (step,), found)
    elif path:
        found[path] = value


def to_fields_v1(paths):
    tree = {}
    for path in sorted(paths):
        node = tree
        for kind, name in path:
            node = node.setdefault(f"{kind}:{name}", {})
    return tree


def from_fields_v1(tree, path=()):
    found = set()
    for name, inner in tree.items():
        if name == ".":
            continue
        step = tuple(name.split(":", 1))
        found |= from_fields_v1(inner, path + (step,)) if inner else {path + (step,)}
    return found


def _entries(target):
    return [(entry, from_fields_v1(entry.get("fieldsV1", {})))
            for entry in target["metadata"].get("managedFields", [])]


def _store(target, entries):
    target["metadata"]["managedFields"] = [
        {**entry, "fieldsType": "FieldsV1", "fieldsV1": to_fields_v1(paths)}
        for entry, paths in entries if paths]


def _give(entries, manager, operation, version, paths):
    entry = {"manager": manager, "operation": operation, "apiVersion": version,
             "time": description.now()}
    for index, (before, owned) in enumerate(entries):
        if (before["manager"], before["operation"]) == (manager, operation):
            entries[index] = (entry, owned | paths)
            return
    entries.append((entry, set(paths)))


def note_update(before, after, schema, manager):
    """After a write that was no apply: who wrote owns what it changed."""
    old, new = (fields_of(before, schema) if before else {}), fields_of(after, schema)
    changed = {path for path, value in new.items() if path not in old or old[path] != value}
    entries = [(entry, {path for path in owned if path in new and path not in changed})
               for entry, owned in _entries(after)]
    if changed:
        _give(entries, manager, "Update", after["apiVersion"], changed)
    _store(after, entries)


def apply(before, applied, schema, manager, force):
    """Server-side apply: the object as it is then. Raises PatchError 409 for fields of others."""
    wanted = fields_of(applied, schema)
    live = fields_of(before, schema)
    entries = _entries(before)
    conflicts = []
    for entry, owned in entries:
        if (entry["manager"], entry["operation"]) == (manager, "Apply"):
            continue
        conflicts += [(entry["manager"], path) for path in sorted(owned)
                      if path in wanted and live.get(path) != wanted[path]]
    if conflicts and not force:
        error = PatchError(409, f"Apply failed with {len(conflicts)} conflict(s): " + "; ".join(
            f'conflict with "{who}": {field_text(path)}' for who, path in conflicts))
        error.conflicts = conflicts
        raise error
    mine = next((owned for entry, owned in entries
                 if (entry["manager"], entry["operation"]) == (manager, "Apply")), set())
    lost = {path for _, path in conflicts}
    entries = [(entry, set(wanted) if (entry["manager"], entry["operation"]) == (manager, "Apply")
                else owned - lost) for entry, owned in entries]
    others = set().union(*(owned for entry, owned in entries if entry["manager"] != manager))
    result = copy.deepcopy(before)
    for path in mine - set(wanted) - others:
        _remove(result, path)
    result = _overlay(result, applied, description.resolve(schema))
    _give(entries, manager, "Apply", applied["apiVersion"], set(wanted))
    _store(result, entries)
    return result


def field_text(path):
    text = ""
    for kind, name in path:
        if kind == "f":
            text += "." + name
        else:
            text += "[" + ",".join(f"{key}={json.dumps(value)}"
                                   for key, value in json.loads(name).items()) + "]"
    return text


def _entry_of(items, keys):
    wanted = json.loads(keys)
    return next((item for item in items if isinstance(item, dict) and
                 all(item.get(key) == value for key, value in wanted.items())), None)


def _remove(target, path):
    kind, name = path[0]
    if kind == "f" and isinstance(target, dict) and name in target:
        if len(path) == 1:
            del target[name]
            return
        _remove(target[name], path[1:])
        if not target[name]:
            del target[name]
    elif kind == "k" and isinstance(target, list):
        entry = _entry_of(target, name)
        if entry is not None and len(path) > 1:
            _remove(entry, path[1:])
            if not entry:
                target.remove(entry)


def _overlay(target, applied, schema):
    keys = description.map_keys(schema)
    if isinstance(applied, dict):
        result = dict(target) if isinstance(target, dict) else {}
        for name, value in applied.items():
            result[name] = _overlay(result.get(name), value, description.property_of(schema, name))
        return result
    if isinstance(applied, list) and keys and isinstance(target, list):
        result = list(target)
        for item in applied:
            wanted = json.dumps({key: item[key] for key in keys if key in item})
            before = _entry_of(result, wanted)
            after = _overlay(before, item, description.resolve(schema.get("items")))
            if before is None:
                result.append(after)
            else:
                result[result.index(before)] = after
        return result
    return copy.deepcopy(applied)
