"""Tables (meta.k8s.io/v1), which kubectl asks for to print lists."""
import datetime


def _age(item):
    made = item["metadata"].get("creationTimestamp")
    if not made:
        return "<unknown>"
    since = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(
        made.replace("Z", "+00:00"))
    return f"{int(since.total_seconds())}s"


def _status(item, key):
    return (item.get("status") or {}).get(key, 0)


def _node(item):
    ready = next((each["status"] for each in item["status"].get("conditions", [])
                  if each["type"] == "Ready"), "Unknown")
    return ["Ready" if ready == "True" else "NotReady"]


def _deployment(item):
    wanted = item["spec"].get("replicas", 1)
    return [f"{_status(item, 'readyReplicas')}/{wanted}", _status(item, "updatedReplicas"),
            _status(item, "availableReplicas")]


_COLUMNS = {
    "Node": ([("Status", "string")], _node),
    "Deployment": ([("Ready", "string"), ("Up-to-date", "integer"), ("Available", "integer")],
                   _deployment),
    "Pod": ([("Status", "string")], lambda item: [_status(item, "phase") or "Unknown"]),
    "Job": ([("Succeeded", "integer"), ("Failed", "integer")],
            lambda item: [_status(item, "succeeded"), _status(item, "failed")]),
}


def table(items, metadata, kind):
    """The table of these objects."""
    columns, cells = _COLUMNS.get(kind, ([], lambda item: []))
    names = [("Name", "string"), *columns, ("Age", "string")]
    return {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
            "columnDefinitions": [
                {"name": name, "type": form, "format": "name" if name == "Name" else "",
                 "description": name, "priority": 0} for name, form in names],
            "rows": [{"cells": [item["metadata"]["name"], *cells(item), _age(item)],
                      "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                                 "metadata": item["metadata"]}} for item in items]}
