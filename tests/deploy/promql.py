"""What a PromQL expression names: its metrics, the labels it asks them for, its selectors. Knows as
much of the language as rules and dashboard use; promtool reads all of it."""
import re

SELECTOR = re.compile(r"\b((?:bascule|process)_\w+|up)\b(\{[^}]*\})?")
MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
# Of the target, not of the program.
TARGET_LABELS = {"job", "instance"}


def selectors(expression):
    """Every selector of a metric of Bascule, as (name, labels it asks for, its text)."""
    return [(match[1], set(MATCHER.findall(match[2] or "")), match[0])
            for match in SELECTOR.finditer(expression)]


def grouping_labels(expression):
    return {label.strip() for match in GROUPING.finditer(expression)
            for label in match[1].split(",") if label.strip()}


def mistakes(expression, series_names):
    """What the expression names that the program's table does not have. `series_names`: the table,
    name by name with its labels."""
    found = []
    known = set(TARGET_LABELS)
    for name, labels, text in selectors(expression):
        if name == "up":
            continue
        if name not in series_names:
            found.append(f"there is no metric {name}")
            continue
        known |= series_names[name]
        for label in labels - series_names[name] - TARGET_LABELS:
            found.append(f"{text}: {name} has no label {label}")
    for label in grouping_labels(expression) - known:
        found.append(f"{expression}: nothing in it has the label {label}")
    if not selectors(expression):
        found.append(f"{expression}: it names no metric of Bascule")
    return found
