#!/usr/bin/python3
"""The house rules that neither the compiler nor clang-tidy knows. Usage:

    house_rules.py [--root ROOT] [FILE...]   (all files of the tree when none is named)
    house_rules.py --rules                   (what is checked)

Each complaint reads FILE:LINE: RULE: what is wrong, and what to write instead. Where a rule is
wrong for one line, that line or a comment line above it says so, with a reason:

    // house-rules: allow RULE because REASON

An allowance that allows nothing is a complaint itself. The rules look at text, not at meaning: what
they refuse is meant to be easy to recognise, for people as well.
"""
import argparse
import ast
import pathlib
import re
import subprocess
import sys
import unicodedata

import house_text

LONGEST_LINE = 100
LONGEST_FUNCTION = 70
LONGEST_FILE = 500

CPP = {".h", ".cpp"}
# The one file that makes randomness, and the one that asks the system for the time.
RANDOM_FILE = "src/async/random.cpp"
CLOCK_FILE = "src/async/clock.cpp"
# It speaks when nothing else can any more.
ASSERT_FILE = "src/base/assert.cpp"

# A free function called by name: not a member, and not our own coroutine or declaration of that
# name, which follow a type or co_await.
CALL = r"(?:^|[;{{}}(=!&|,?]|(?<!:):(?!:)|\breturn)\s*(?:::|std::)?(?:{0})\s*\("


def is_test(path):
    return path.endswith("_test.cpp") or path.startswith(("tests/", "bench/"))


def in_room(*rooms):
    return lambda path: path.startswith(tuple(f"src/{room}/" for room in rooms))


def anywhere(path):
    return True


def product(path):
    return path.startswith("src/") and not is_test(path)


class Ban:
    """A pattern that C++ code may not contain where `applies(path)`, and what to write instead."""

    def __init__(self, rule, pattern, instead, applies=anywhere):
        self.rule = rule
        self.pattern = re.compile(pattern, re.MULTILINE)
        self.instead = instead
        self.applies = applies


BANS = [
    Ban("sleep",
        r"\bthis_thread::sleep_(?:for|until)\b|" + CALL.format("sleep|usleep|nanosleep"),
        "wait on a Clock (async/clock.h), or for the condition itself with a deadline"),
    Ban("shell",
        CALL.format("system|popen|v?fork|exec[lv]p?e?|posix_spawnp?"),
        "run it as a process group of its own with a deadline: async/child_process",
        lambda path: not in_room("async")(path)),
    Ban("resolver",
        r"\b(?:tcp|udp|icmp)::resolver\b|\basync_resolve\b|\bgethostbyname\w*\b|"
        + CALL.format("getaddrinfo"),
        "net/resolver (c-ares): Asio's resolver is one serial thread that nothing cancels"),
    Ban("now",
        r"\b(?:system|steady|high_resolution)_clock::now\b|\bgettimeofday\b|\bclock_gettime\b|"
        r"\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)",
        f"take `now` as an argument, or ask a Clock; only {CLOCK_FILE} asks the system",
        lambda path: product(path) and path != CLOCK_FILE),
    Ban("now",
        r"\bsystem_clock::now\b|\bgettimeofday\b",
        "a wall clock jumps: measure with steady_clock, or use a simulated Clock",
        is_test),
    Ban("random",
        r"\brandom_device\b|" + CALL.format("s?rand|s?random|arc4random"),
        f"take the number or the seed as an argument; only {RANDOM_FILE} draws",
        lambda path: path != RANDOM_FILE),
    Ban("environment",
        CALL.format("(?:secure_)?getenv"),
        "the environment is read once, by config/ and app/, and handed down as settings",
        lambda path: product(path) and not in_room("config", "app")(path)),
    Ban("print",
        r"\bstd::(?:cout|cerr|clog)\b|\bfmt::print\b|"
        + CALL.format("v?f?printf|puts|fputs|putchar"),
        "return what is to be said; only app/ writes to the terminal",
        lambda path: product(path) and not in_room("app")(path) and path != ASSERT_FILE),
    Ban("awaitable-or",
        r"\bawaitable_operators\b",
        "with_deadline (async/): `op || timer` swallows errors and waits for the timer"),
    Ban("thread",
        r"\bstd::(?:thread|jthread|async)\b(?!::)|\.detach\(\)|\bpthread_create\b",
        "the pool of async/, which is bounded and joined; everything else runs on the one loop",
        lambda path: product(path) and not in_room("async")(path)),
    Ban("order",
        r"\bunordered_(?:multi)?(?:map|set)\b",
        "std::map or std::set: the order must be the same in every replay",
        in_room("model", "engine")),
    Ban("cancel-query",
        r"\bPQcancel\s*\(",
        "statement_timeout, and close the connection: PQcancel blocks and is not encrypted"),
    Ban("assert",
        CALL.format("assert"),
        "BASCULE_ASSERT (base/assert.h), which is on in every build and says why",
        product),
    Ban("using-namespace",
        r"^\s*using\s+namespace\b",
        "name what is meant: a header's words reach everybody who includes it",
        lambda path: path.endswith(".h")),
    Ban("name",
        r"\b(?:class|struct|union|concept|using|enum(?:\s+class)?|namespace)\s+"
        r"(?:\w*(?:Manager|Helper|Util|Utils|Utility)\b|(?:utils?|helpers?|managers?)\b)",
        "say what it does; the glossary of ARCHITECTURE.md has the words"),
]

OTHER_RULES = {
    "json-dump": "to_text (model/json.h), or dump(-1, ' ', false, error_handler_t::replace): the "
                 "default throws on bytes that are not UTF-8",
    "coroutine-argument": "take it by value: a temporary that is bound to it is gone after the "
                          "first co_await; a service that outlives the loop is a plain reference",
    "lambda-in-await": "bind the lambda to a named local first: as a temporary beside co_await it "
                       "may be gone before the coroutine is",
    "swallow": "return an Error, rethrow or store the exception: nothing fails in silence",
    "line-length": f"break it: a line has at most {LONGEST_LINE} columns",
    "function-length": f"split it: a function has at most {LONGEST_FUNCTION} lines",
    "file-length": f"split it: a file has at most {LONGEST_FILE} lines",
    "opening": "start with a comment: what it is, why it exists, what it refuses to do",
    "pragma-once": "write #pragma once",
    "todo": "do it now, or open an issue and name it in the documentation",
    "machine-path": "a path of one machine: use a relative path or a setting",
    "white-space": "make format, or an editor that reads .editorconfig",
    "encoding": "store the file as UTF-8, with line feeds, without a byte order mark",
    "allowance": "// house-rules: allow RULE because REASON",
}

UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$~}/-])/(?:root|home|Users|work|workspace|mnt)/[\w.-]+")
BAD_FILE_NAME = re.compile(r"(?:^|_)(?:utils?|helpers?|managers?)(?:_|\.|$)")
ALLOWANCE = r"{0}\s*house-rules:\s*(.*?)\s*(?:-->)?\s*$"
COMMENT = {".h": "//", ".cpp": "//", ".ts": "//", ".md": "<!--", ".sql": "--"}
ALLOWED = re.compile(r"allow ([a-z-]+) because \S.*")


def all_rules():
    return {**{ban.rule: ban.instead for ban in BANS}, **OTHER_RULES}


class File:
    """One file under examination; collects complaints as (line, rule, message)."""

    def __init__(self, path, data):
        self.path = path
        self.suffix = pathlib.PurePath(path).suffix
        self.found = []
        try:
            self.text = data.decode("utf-8")
        except UnicodeDecodeError as problem:
            line = data.count(b"\n", 0, problem.start) + 1
            self.complain(line, "encoding", "these bytes are not UTF-8")
            self.text = data.decode("utf-8", errors="replace")
        self.lines = self.text.split("\n")

    def complain(self, line, rule, what):
        self.found.append((line, rule, f"{what}; {all_rules()[rule]}"))

    def is_script(self):
        return self.suffix in {".py", ".sh"} or self.text.startswith("#!")


def check_text(file):
    if file.text.startswith("\ufeff"):
        file.complain(1, "encoding", "a byte order mark")
    for number, line in enumerate(file.lines, 1):
        if line.endswith("\r"):
            file.complain(number, "encoding", "the line ends with a carriage return")
        elif line != line.rstrip():
            file.complain(number, "white-space", "white space at the end of the line")
        found = UNFINISHED.search(line)
        if found:
            file.complain(number, "todo", f"`{found.group()}`")
        found = MACHINE_PATH.search(line)
        if found:
            file.complain(number, "machine-path", f"`{found.group()}`")
    if file.text and not file.text.endswith("\n"):
        file.complain(len(file.lines), "white-space", "no line feed at the end of the file")
    elif file.text.endswith("\n\n"):
        file.complain(len(file.lines) - 1, "white-space", "empty lines at the end of the file")
    if BAD_FILE_NAME.search(pathlib.PurePath(file.path).name):
        file.complain(1, "name", f"the file name `{pathlib.PurePath(file.path).name}` says nothing")


def columns(line):
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in line)
    return len(line) + wide


def check_lengths(file, exempt):
    for number, line in enumerate(file.lines, 1):
        if columns(line) > LONGEST_LINE and number not in exempt:
            file.complain(number, "line-length", f"{columns(line)} columns")
    count = len(file.lines) - 1
    if count > LONGEST_FILE:
        file.complain(1, "file-length", f"{count} lines")


def check_python(file):
    try:
        tree = ast.parse(file.text)
    except SyntaxError:
        return  # whoever runs it will hear of it
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                file.complain(node.lineno, "function-length", f"`{node.name}` has {length} lines")


def check_bans(file, source):
    for ban in BANS:
        if not ban.applies(file.path):
            continue
        for found in ban.pattern.finditer(source.code):
            what = found.group().strip(" \t\n;{}()=!&|,?:")
            line = source.line_at(found.end() - 1)
            file.found.append((line, ban.rule, f"`{' '.join(what.split())}`; {ban.instead}"))


def check_cpp(file):
    source = house_text.CppText(file.text)
    check_bans(file, source)
    for line, name, length in source.functions():
        if length > LONGEST_FUNCTION:
            file.complain(line, "function-length", f"`{name}` has {length} lines")
    for line in source.dumps_without_handler():
        file.complain(line, "json-dump", "dump() without an error handler")
    for line, argument in source.bound_coroutine_arguments():
        file.complain(line, "coroutine-argument", f"`{argument}`")
    for line in source.lambdas_in_await():
        file.complain(line, "lambda-in-await", "a capturing lambda inside a co_await expression")
    for line in source.swallowing_catches():
        file.complain(line, "swallow", "this catch swallows the exception")
    if file.suffix == ".h" and file.path.startswith("src/"):
        if not re.search(r"^#pragma once$", file.text, re.MULTILINE):
            file.complain(1, "pragma-once", "a header without a guard")
        if not file.text.startswith(("//", "/*")):
            file.complain(1, "opening", "the header does not say what it is")
    return source


def apply_allowances(file):
    """Takes out what is allowed, and complains about allowances that are wrong or not needed."""
    allowances = {}
    pattern = re.compile(ALLOWANCE.format(COMMENT.get(file.suffix, "#")))
    for number, line in enumerate(file.lines, 1):
        found = pattern.search(line)
        if not found:
            continue
        words = ALLOWED.fullmatch(found.group(1))
        if not words or words.group(1) not in all_rules():
            file.complain(number, "allowance", f"`{found.group(1)}` is no allowance")
            continue
        alone = not line[:found.start()].strip()
        allowances[number] = (words.group(1), number + 1 if alone else number)
    used = set()

    def allowed(line, rule):
        for number, (allowed_rule, where) in allowances.items():
            if rule == allowed_rule and (where == line or rule == "file-length"):
                used.add(number)
                return True
        return False

    file.found = [entry for entry in file.found if not allowed(entry[0], entry[1])]
    for number in sorted(set(allowances) - used):
        file.complain(number, "allowance", f"nothing here breaks `{allowances[number][0]}`")


def check(path, data):
    """All complaints about one file, as (line, rule, message), in the order of the lines.

    `path` is relative to the root of the tree and decides which rules apply.
    """
    if b"\0" in data:
        return []
    file = File(path, data)
    check_text(file)
    exempt = set()
    if file.suffix in CPP:
        exempt = check_cpp(file).lines_in_raw_strings()
    elif file.suffix == ".py":
        check_python(file)
    if file.suffix in CPP or file.is_script():
        check_lengths(file, exempt)
    apply_allowances(file)
    return sorted(file.found)


def files_of(root):
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, stdout=subprocess.PIPE).stdout
    return sorted(set(listed.decode().split("\0")) - {""})


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--root", type=pathlib.Path,
                           default=pathlib.Path(__file__).resolve().parent.parent)
    arguments.add_argument("--rules", action="store_true", help="list the rules and exit")
    arguments.add_argument("files", nargs="*", metavar="FILE")
    given = arguments.parse_args()
    if given.rules:
        for rule, instead in sorted(all_rules().items()):
            print(f"{rule:18} {instead}")
        return 0
    complaints = 0
    for path in given.files or files_of(given.root):
        file = given.root / path
        if not file.is_file() or file.is_symlink():
            continue
        for line, rule, message in check(path, file.read_bytes()):
            print(f"{path}:{line}: {rule}: {message}", file=sys.stderr)
            complaints += 1
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
