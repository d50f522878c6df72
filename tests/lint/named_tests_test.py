#!/usr/bin/python3
"""Every test that docs/failures.md and the README of the scenarios name is where they say."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = [path for folder in ("src", "tests") for path in sorted((ROOT / folder).rglob("*"))
         if path.is_file() and re.search(r"test|scenarios/.*\.txt$", str(path.relative_to(ROOT)))]

# "*disk* is `src/journals/sqlite/sqlite_disk_test.cpp`, …": what a chapter calls its files.
ALIAS = re.compile(r"\*([\w ]+)\*")
# A file, an alias, or a name of a test: of a class or a case, in full or as far as its "…".
WORD = re.compile(r"`(?P<file>[^`]+)`|\*(?P<alias>[\w ]+)\*|"
                  r"(?P<name>\b[A-Z]\w*…?|\b[a-z]+\w*_\w*…?)")


def files_of(written):
    """The test files that a path, a folder or a bare name means."""
    found = [path for path in TESTS if str(path.relative_to(ROOT)) == written]
    if not found and written.endswith("/"):
        found = [path for path in TESTS if str(path.relative_to(ROOT)).startswith(written)]
    if not found and "/" not in written:
        found = [path for path in TESTS if path.name == written]
    return found


def is_file_name(written):
    return bool(re.fullmatch(r"[\w./-]+(\.cpp|\.h|\.py|\.txt)|(src|tests)/[\w./-]*", written))


def aliases_of(paragraph):
    """What stands behind each alias of a paragraph that begins with "Tests:"."""
    aliases = {}
    parts = ALIAS.split(paragraph)
    for alias, text in zip(parts[1::2], parts[2::2]):
        written = [each for each in re.findall(r"`([^`]+)`", text) if is_file_name(each)]
        aliases[alias] = [path for each in written for path in files_of(each)]
    return aliases


def complaints_of_cell(cell, aliases):
    """What a cell names and is not there."""
    inside = TESTS
    for word in WORD.finditer(cell):
        if word["file"]:
            if not is_file_name(word["file"]):
                continue
            inside = files_of(word["file"])
            if not inside:
                yield f"there is no test file {word['file']}"
        elif word["alias"]:
            inside = aliases.get(word["alias"]) or TESTS
        elif word["name"]:
            name = word["name"].rstrip("…")
            pattern = re.compile(r"\b" + re.escape(name) + ("" if "…" in word["name"] else r"\b"))
            if inside and not any(pattern.search(path.read_text()) for path in inside):
                yield f"there is no test {word['name']} in {', '.join(p.name for p in inside[:4])}"


def complaints(text, column):
    """Of a page in Markdown whose tables name tests in that column (-1: the last)."""
    aliases = {}
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("## "):
            aliases = {}
        if block.startswith("Tests:"):
            aliases = aliases_of(block)
            for written in re.findall(r"`([^`]+)`", block):
                if is_file_name(written) and not files_of(written):
                    yield f"there is no test file {written}"
        rows = [line for line in block.splitlines() if line.startswith("|")]
        for row in rows[2:]:
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
            if not cells[column] and column == -1:
                yield f"no test is named: {row[:80]}"
            yield from complaints_of_cell(cells[column], aliases)


class NamedTests(unittest.TestCase):
    def test_those_of_the_failures_are_there(self):
        self.assertEqual(list(complaints((ROOT / "docs/failures.md").read_text(), -1)), [])

    def test_those_of_the_real_outages_are_there(self):
        text = (ROOT / "tests/scenarios/README.md").read_text()
        table = text[text.index("## Real outages"):]
        self.assertEqual(list(complaints(table, 2)), [])

    def test_every_scenario_that_carries_a_number_is_in_the_table(self):
        text = (ROOT / "tests/scenarios/README.md").read_text()
        rows = dict(re.findall(r"^\| (S\d\d) \|(.*)$", text, re.MULTILINE))
        for path in sorted((ROOT / "tests/scenarios").glob("*.txt")):
            comment = re.match(r"(?:#.*\n)*", path.read_text())[0]
            for number in re.findall(r"\bS\d\d\b", comment.split(":")[0]):
                self.assertIn(path.name, rows.get(number, ""), f"{number} of {path.name}")

    def test_what_is_not_there_is_missed(self):
        head = ("Tests: *gate* is `src/engine/gates/gate_test.cpp`.\n\n"
                "| what | test |\n| --- | --- |\n")
        cases = {
            "| x | *gate* waits_after_an_automatic_move… |": "",
            "| x | *gate* waits_after_a_lunch… |": "there is no test waits_after_a_lunch…",
            "| x | *gate* WhatBlocks… |": "there is no test WhatBlocks…",
            "| x | `src/engine/gates/none_test.cpp` |": "there is no test file",
            "| x | `two_writers.txt` |": "",
            "| x | `three_writers.txt` |": "there is no test file",
            "| x | |": "no test is named",
        }
        for row, expected in cases.items():
            with self.subTest(row):
                found = list(complaints(head + row, -1))
                self.assertEqual(len(found), 1 if expected else 0, found)
                self.assertIn(expected, "".join(found))


if __name__ == "__main__":
    unittest.main()
