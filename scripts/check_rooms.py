#!/usr/bin/python3
"""Refuses an include that the table of rooms does not allow. Usage: check_rooms.py ROOT

The table is cmake/rooms.txt; ARCHITECTURE.md says what each room is for. Unit tests beside the
sources follow the same rows. Folders of providers/, journals/ and notifiers/ may not include a
sibling folder. Runs before every build, so it reads each file once and parses nothing.
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
FOLDERS_ARE_SEPARATE = {"providers", "journals", "notifiers"}
IMPURE_HEADERS = re.compile(
    r"^\s*#\s*include\s+<(boost/|thread|mutex|condition_variable|future|unordered_map|"
    r"unordered_set|random|filesystem|fstream|sys/|unistd\.h)")


def read_table(path):
    table = {}
    for line in path.read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            room, allowed = line.split(":", 1)
            table[room.strip()] = set(allowed.split())
    return table


def complaints(root, table):
    source = root / "src"
    for file in sorted(source.rglob("*")):
        if file.suffix not in {".h", ".cpp"}:
            continue
        parts = file.relative_to(source).parts
        room = parts[0]
        where = file.relative_to(root)
        if room not in table:
            yield f"{where}:1: src/{room}/ is not a room; add a row to cmake/rooms.txt (and an ADR)"
            continue
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1):
            if room == "engine" and IMPURE_HEADERS.match(line):
                yield (f"{where}:{number}: the engine is pure: {line.strip()} brings I/O, threads "
                       f"or unordered containers")
            found = INCLUDE.match(line)
            if not found:
                continue
            included = found.group(1).split("/")
            if ".." in included:
                yield f"{where}:{number}: write includes from src/ (no ..): {found.group(1)}"
            if len(included) < 2:
                yield f"{where}:{number}: write the include from src/: \"{room}/{found.group(1)}\""
                continue
            target = included[0]
            if target == room:
                separate = room in FOLDERS_ARE_SEPARATE and min(len(parts), len(included)) > 2
                if separate and included[1] != parts[1]:
                    yield (f"{where}:{number}: {room}/{parts[1]} may not include "
                           f"{room}/{included[1]}: what both need belongs into a room above")
            elif target not in table[room]:
                allowed = ", ".join(sorted(table[room])) or "nothing"
                yield f"{where}:{number}: {room}/ may not include {target}/ (allowed: {allowed})"


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(complaints(root, read_table(root / "cmake" / "rooms.txt")))
    for complaint in found:
        print(f"{complaint}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
