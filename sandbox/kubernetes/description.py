"""The official description of the Kubernetes API, and objects held against it.

description.json holds the definitions as the API server and the Gateway API publish them. From them
come what an object may look like, and how the lists in it are merged.
"""
import datetime
import json
import os
import re

HERE = os.path.dirname(os.path.realpath(__file__))
with open(os.path.join(HERE, "description.json"), encoding="utf-8") as _file:
    WHOLE = json.load(_file)
DEFINITIONS = WHOLE["definitions"]
# In the order in which the API server names them when it refuses another one.
PATCH_TYPES = [kind for kind in WHOLE["patches"] if not kind.endswith("+cbor")]

_TIMES = {"date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")}
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool}


def resolve(schema):
    """The schema itself where only a reference stands."""
    while schema and "$ref" in schema:
        # Whoever refers may add how a list is patched; the rest is the definition's.
        extra = {key: value for key, value in schema.items() if key != "$ref"}
        schema = {**DEFINITIONS[schema["$ref"].rsplit("/", 1)[1]], **extra}
    return schema or {}


def property_of(schema, name):
    """The schema of one member of an object; empty when nothing is said about it."""
    schema = resolve(schema)
    return resolve(schema.get("properties", {}).get(name) or
                   (schema.get("additionalProperties") or {}))


def merge_key(schema):
    """By which member the entries of a list are one; None for a list that is replaced whole."""
    if "merge" in schema.get("x-kubernetes-patch-strategy", "").split(","):
        return schema.get("x-kubernetes-patch-merge-key", "")
    return None


def map_keys(schema):
    """The same for server-side apply, which goes by the kind of the list."""
    if schema.get("x-kubernetes-list-type") == "map":
        return schema["x-kubernetes-list-map-keys"]
    if schema.get("x-kubernetes-patch-merge-key"):
        return [schema["x-kubernetes-patch-merge-key"]]
    return None


class Complaint(Exception):
    """Why an object is not what the description says: at `path`, of the wrong type or not."""

    def __init__(self, path, what, is_type=False):
        super().__init__(f"{path}: {what}")
        self.path, self.what, self.is_type = path, what, is_type


def check(value, schema, path=""):
    """Raises Complaint for the first thing that does not fit; unknown members are no complaint."""
    schema = resolve(schema)
    if value is None:
        return  # null means absent
    if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise Complaint(path, "must be an integer or a string", True)
        return
    kind = schema.get("type")
    if kind in ("integer", "number"):
        wanted = int if kind == "integer" else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise Complaint(path, f"must be of type {kind}", True)
    elif kind in _TYPES and not isinstance(value, _TYPES[kind]):
        quantity = kind == "string" and path.rsplit(".", 1)[0].endswith(("limits", "requests"))
        if not (quantity and isinstance(value, (int, float))):
            raise Complaint(path, f"must be of type {kind}", True)
    _check_bounds(value, schema, path)
    if isinstance(value, dict):
        _check_members(value, schema, path)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check(item, schema.get("items"), f"{path}[{index}]")


def _check_members(value, schema, path):
    for name in schema.get("required", []):
        if value.get(name) is None:
            raise Complaint(_join(path, name), "Required value")
    for name, inner in value.items():
        check(inner, property_of(schema, name), _join(path, name))


def _check_bounds(value, schema, path):
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{word}"' for word in schema["enum"])
        raise Complaint(path, f'Unsupported value: "{value}": supported values: {supported}')
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", len(value)):
            raise Complaint(path, f"Too long: may not be longer than {schema['maxLength']}")
        if len(value) < schema.get("minLength", 0):
            raise Complaint(path, f"should be at least {schema['minLength']} chars long")
        if "pattern" in schema and not re.search(schema["pattern"], value):
            raise Complaint(path, f"should match '{schema['pattern']}'")
        time = _TIMES.get(schema.get("format"))
        if time and not time.match(value):
            raise Complaint(path, "is not a time as RFC 3339 writes it", True)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        if value > schema.get("maximum", value):
            raise Complaint(path, f"should be less than or equal to {schema['maximum']}")
        if value < schema.get("minimum", value):
            raise Complaint(path, f"should be greater than or equal to {schema['minimum']}")
        if schema.get("format") == "int32" and abs(value) >= 2 ** 31:
            raise Complaint(path, "does not fit into 32 bits", True)
    elif isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            raise Complaint(path, f"Too many: must have at most {schema['maxItems']} items")
        if len(value) < schema.get("minItems", 0):
            raise Complaint(path, f"should have at least {schema['minItems']} items")


def unknown_members(value, schema, path=""):
    """The paths of members that the description does not know."""
    schema = resolve(schema)
    if isinstance(value, list):
        return [found for index, item in enumerate(value)
                for found in unknown_members(item, schema.get("items"), f"{path}[{index}]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    found = []
    for name, inner in value.items():
        if name in schema["properties"] or schema.get("additionalProperties"):
            found += unknown_members(inner, property_of(schema, name), _join(path, name))
        else:
            found.append(_join(path, name))
    return found


def fill_defaults(value, schema):
    """Puts in what the schema of a custom resource says about members that are left out."""
    schema = resolve(schema)
    if isinstance(value, list):
        for item in value:
            fill_defaults(item, schema.get("items"))
    if not isinstance(value, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        if name not in value and "default" in resolve(inner):
            value[name] = json.loads(json.dumps(resolve(inner)["default"]))
    for name, inner in value.items():
        fill_defaults(inner, property_of(schema, name))


def _join(path, name):
    return f"{path}.{name}" if path else name


def now():
    """The time as the API server writes it."""
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
