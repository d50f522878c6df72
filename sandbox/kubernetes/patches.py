"""The four ways to patch an object: JSON Patch, merge, strategic merge; and what apply needs.

Each takes the object as it is and returns a new one. PatchError carries the HTTP status with which
the API server refuses a patch: 400 for one that cannot be read, 422 for one that does not fit.
"""
import copy

import description


class PatchError(Exception):
    def __init__(self, code, what):
        super().__init__(what)
        self.code, self.what = code, what


def merge(target, patch):
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


# --- RFC 6902

def json_patch(target, operations):
    if not isinstance(operations, list):
        raise PatchError(400, "a JSON Patch is a list of operations")
    result = copy.deepcopy(target)
    for operation in operations:
        if not isinstance(operation, dict) or not isinstance(operation.get("path"), str):
            raise PatchError(400, "an operation of a JSON Patch has an op and a path")
        result = _operate(result, operation)
    return result


def _operate(document, operation):
    kind, path = operation.get("op"), _pointer(operation["path"])
    if kind in ("add", "replace", "test"):
        if "value" not in operation and kind != "test":
            raise PatchError(400, f"{kind} without a value")
        value = copy.deepcopy(operation.get("value"))
    elif kind in ("copy", "move"):
        source = _pointer(operation.get("from", ""))
        value = copy.deepcopy(_look(document, source))
        if kind == "move":
            document = _change(document, source, "remove", None)
        kind = "add"
    elif kind == "remove":
        value = None
    else:
        raise PatchError(400, f"Unexpected kind: {kind}")
    if kind == "test":
        if not _same(_look(document, path), value):
            raise PatchError(422, f"testing path {operation['path']} failed")
        return document
    return _change(document, path, kind, value)


def _same(one, other):
    return type(one) is type(other) and one == other


def _pointer(text):
    if text == "":
        return []
    if not text.startswith("/"):
        raise PatchError(400, f"{text} is no path")
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _index(items, part, may_append):
    if part == "-" and may_append:
        return len(items)
    if not part.isdigit() or int(part) > len(items) - (0 if may_append else 1):
        raise PatchError(422, f"the list has no {part}")
    return int(part)


def _look(document, path):
    for part in path:
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list):
            document = document[_index(document, part, False)]
        else:
            raise PatchError(422, f"there is no {part}")
    return document


def _change(document, path, kind, value):
    if not path:
        return value
    parent, last = _look(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        at = _index(parent, last, kind == "add")
        if kind == "add":
            parent.insert(at, value)
        elif kind == "replace":
            parent[at] = value
        else:
            del parent[at]
    elif isinstance(parent, dict):
        if kind != "add" and last not in parent:
            raise PatchError(422, f"there is no {last}")
        if kind == "remove":
            del parent[last]
        else:
            parent[last] = value
    else:
        raise PatchError(422, f"{last} is inside of no object")
    return document


# --- strategic merge

def strategic(target, patch, schema):
    """The patch of the built-in kinds: lists are merged as the description says."""
    if not isinstance(patch, dict):
        raise PatchError(400, "a strategic merge patch is an object")
    return _strategic_object(target if isinstance(target, dict) else {}, patch, schema)


def _strategic_object(target, patch, schema):
    if patch.get("$patch") == "replace":
        return {key: copy.deepcopy(value) for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target)
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for name, value in patch.items():
        if name.startswith("$setElementOrder/") or name in ("$retainKeys", "$patch"):
            continue
        if name.startswith("$deleteFromPrimitiveList/"):
            plain = name.split("/", 1)[1]
            result[plain] = [item for item in result.get(plain, []) if item not in value]
            continue
        inner = description.property_of(schema, name)
        if value is None:
            result.pop(name, None)
        elif isinstance(value, dict):
            before = result.get(name)
            result[name] = _strategic_object(before if isinstance(before, dict) else {}, value,
                                             inner)
        elif isinstance(value, list) and description.merge_key(inner) is not None:
            result[name] = _strategic_list(result.get(name) or [], value, inner)
        else:
            result[name] = copy.deepcopy(value)
    return result


def _strategic_list(target, patch, schema):
    key = description.merge_key(schema)
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [copy.deepcopy(item) for item in patch if item.get("$patch") != "replace"]
    result = list(target)
    for item in patch:
        if not isinstance(item, dict):
            if item not in result:
                result.append(item)
            continue
        if key not in item:
            raise PatchError(400, f"map: {item} does not contain declared merge key: {key}")
        at = next((index for index, before in enumerate(result)
                   if isinstance(before, dict) and before.get(key) == item[key]), None)
        if item.get("$patch") == "delete":
            if at is not None:
                del result[at]
        elif at is None:
            result.append(_strategic_object({}, item, schema.get("items")))
        else:
            result[at] = _strategic_object(result[at], item, schema.get("items"))
    return result
