"""Label and field selectors, as they stand in a query."""
import re

_SET = re.compile(r"\s*([\w./-]+)\s+(in|notin)\s+\(([^)]*)\)\s*\Z")
_FIELDS = {"metadata.name": ("metadata", "name"), "metadata.namespace": ("metadata", "namespace"),
           "spec.nodeName": ("spec", "nodeName"), "status.phase": ("status", "phase"),
           "involvedObject.name": ("involvedObject", "name"),
           "involvedObject.namespace": ("involvedObject", "namespace"),
           "involvedObject.kind": ("involvedObject", "kind"),
           "involvedObject.uid": ("involvedObject", "uid")}


def _split(text):
    """At commas outside of brackets."""
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label_test(part):
    found = _SET.match(part)
    if found:
        words = {word.strip() for word in found[3].split(",")}
        if found[2] == "in":
            return lambda labels: labels.get(found[1]) in words
        return lambda labels: labels.get(found[1]) not in words
    part = part.strip()
    for sign in ("!=", "==", "="):
        if sign in part:
            key, value = (side.strip() for side in part.split(sign, 1))
            if sign == "!=":
                return lambda labels: labels.get(key) != value
            return lambda labels: labels.get(key) == value
    if part.startswith("!"):
        return lambda labels: part[1:].strip() not in labels
    if not re.fullmatch(r"[\w./-]+", part):
        raise ValueError(f"unable to parse requirement: {part}")
    return lambda labels: part in labels


def _field_test(part):
    sign = "!=" if "!=" in part else "="
    key, value = (side.strip("= ") for side in part.split(sign, 1))
    if key not in _FIELDS:
        raise ValueError(f"field label not supported: {key}")
    outer, inner = _FIELDS[key]
    return lambda item: ((item.get(outer) or {}).get(inner, "") == value) == (sign == "=")


def selector(labels, fields):
    """A test of objects; raises ValueError for what cannot be read."""
    by_label = [_label_test(part) for part in _split(labels or "")]
    by_field = [_field_test(part) for part in _split(fields or "")]

    def matches(item):
        known = item["metadata"].get("labels") or {}
        return all(test(known) for test in by_label) and all(test(item) for test in by_field)
    return matches
