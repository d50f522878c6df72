"""C++ as text: comments and literals blanked out, functions, catches and co_await found by their
brackets. It is no parser; it knows just enough for scripts/house_rules.py, and gives up silently on
what it does not understand, because the compiler is the judge of that.
"""
import bisect
import re

RAW_STRING = re.compile(r'R"([^()\\\s]{0,16})\(')
FUNCTION_END = re.compile(
    r"\)\s*(?:(?:const|volatile|mutable|override|final|try|&&?|noexcept(?:\s*\([^()]*\))?)\s*)*"
    r"(?:->[^;{}=]*)?$")
INITIALISER_LIST = re.compile(r"\)\s*(?:noexcept\s*)?:(?!:)")
SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b")
CATCH = re.compile(r"\bcatch\s*\(([^)]*)\)\s*\{")
TREATED = re.compile(r"\b(?:throw|return|co_return|current_exception|rethrow_exception|abort|"
                     r"terminate|assertion_failed|BASCULE_ASSERT|FAIL|ADD_FAILURE)\b|[^=!<>]=[^=]")
DUMP = re.compile(r"(?:\.|->)\s*dump\s*\(")
COROUTINE = re.compile(r"\bawaitable<[^;{}()]*>\s+[~\w:]+\s*\(")
BOUND = re.compile(r"^const\b.*&\s*\w*$|&&\s*\w*$", re.DOTALL)
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = set(OPENING.values())


def find_or_end(text, what, at):
    found = text.find(what, at)
    return len(text) if found < 0 else found


def end_of_literal(text, at):
    """The index after the string or character literal that starts at `at`."""
    quote = text[at]
    i = at + 1
    while i < len(text) and text[i] != quote and text[i] != "\n":
        i += 2 if text[i] == "\\" else 1
    return min(i + 1, len(text))


def split_at_commas(text):
    """(where it starts, argument) of each argument of a list, templates and brackets respected."""
    depth = 0
    start = 0
    for i, character in enumerate(text + ","):
        if character in "<([{":
            depth += 1
        elif character in ">)]}":
            depth -= 1
        elif character == "," and depth <= 0:
            argument = text[start:i]
            yield start + len(argument) - len(argument.lstrip()), argument.strip()
            start = i + 1


class CppText:
    """REQUIRES: nothing of the text; what is not C++ yields few or no findings."""

    def __init__(self, text):
        self.starts = [0] + [found.end() for found in re.finditer("\n", text)]
        self.raw_strings = []
        self.text = text
        self.code = self._blank(text)

    def line_at(self, index):
        return bisect.bisect_right(self.starts, index)

    def lines_in_raw_strings(self):
        return {line for begin, end in self.raw_strings
                for line in range(self.line_at(begin), self.line_at(end) + 1)}

    def _blank(self, text):
        """The text with comments, literals and preprocessor lines as spaces, at the same places."""
        out = list(text)

        def erase(begin, end):
            for k in range(begin, end):
                if out[k] != "\n":
                    out[k] = " "

        i = 0
        line_is_empty = True
        while i < len(text):
            character = text[i]
            end = i + 1
            if character == "\n":
                line_is_empty = True
            elif text.startswith("//", i):
                end = find_or_end(text, "\n", i)
                erase(i, end)
            elif text.startswith("/*", i):
                end = min(find_or_end(text, "*/", i + 2) + 2, len(text))
                erase(i, end)
            elif character == "#" and line_is_empty:
                end = re.compile(r"(?:[^\\\n]|\\[\s\S])*").match(text, i).end()
                # What is included is of interest; the body of a macro is not.
                if not text.startswith("#include", i):
                    erase(i, end)
            elif character == "R" and (raw := RAW_STRING.match(text, i)):
                stop = find_or_end(text, ")" + raw.group(1) + '"', raw.end())
                end = min(stop + len(raw.group(1)) + 2, len(text))
                self.raw_strings.append((i, end - 1))
                erase(i, end)
            elif character == '"' or (character == "'" and not text[i - 1:i].isalnum()):
                end = end_of_literal(text, i)
                erase(i + 1, end - 1)
            if not text[i:end].isspace():
                line_is_empty = False
            i = end
        return "".join(out)

    def _end_of_bracket(self, at):
        """The index of the bracket that closes the one at `at`, or the end of the text."""
        depth = 0
        for i in range(at, len(self.code)):
            if self.code[i] in OPENING:
                depth += 1
            elif self.code[i] in CLOSING:
                depth -= 1
                if depth == 0:
                    return i
        return len(self.code)

    def functions(self):
        """(line where it starts, name, lines from its opening brace to its closing one) of each
        function that is not inside another one."""
        head_start = 0
        depth = 0  # of parentheses since the innermost scope began
        i = 0
        while i < len(self.code):
            character = self.code[i]
            if character == "(":
                depth += 1
            elif character == ")":
                depth = max(0, depth - 1)
            elif character in ";}" and depth == 0:
                head_start = i + 1
            elif character == "{" and depth > 0:
                i = self._end_of_bracket(i)
            elif character == "{":
                head = self.code[head_start:i].strip()
                listed = INITIALISER_LIST.search(head)
                if FUNCTION_END.search(head) or (listed and head.endswith("}")):
                    end = self._end_of_bracket(i)
                    start = head_start + len(self.code[head_start:i]) - len(
                        self.code[head_start:i].lstrip())
                    name = re.search(r"([~\w:]+|operator\W+)\s*\(", head)
                    length = self.line_at(end) - self.line_at(i) + 1
                    yield self.line_at(start), name.group(1) if name else "function", length
                    i = end
                    head_start = i + 1
                elif SCOPE.search(head) and not listed:
                    head_start = i + 1
                else:
                    i = self._end_of_bracket(i)  # an initialiser: the head goes on after it
            i += 1

    def dumps_without_handler(self):
        for found in DUMP.finditer(self.code):
            open_bracket = found.end() - 1
            arguments = self.code[open_bracket:self._end_of_bracket(open_bracket)]
            if "error_handler_t" not in arguments:
                yield self.line_at(found.start())

    def bound_coroutine_arguments(self):
        """(line, text) of arguments that coroutines take as const reference or as rvalue."""
        for found in COROUTINE.finditer(self.code):
            open_bracket = found.end() - 1
            arguments = self.code[open_bracket + 1:self._end_of_bracket(open_bracket)]
            for at, argument in split_at_commas(arguments):
                declared = argument.split("=")[0].strip()
                if BOUND.search(declared):
                    yield self.line_at(open_bracket + 1 + at), " ".join(declared.split())

    def lambdas_in_await(self):
        """The lines of lambdas with captures inside the expression that follows a co_await."""
        for found in re.finditer(r"\bco_await\b", self.code):
            depth = 0
            i = found.end()
            while i < len(self.code):
                character = self.code[i]
                if character == ";" or (character == "{" and depth == 0):
                    break
                if character == "[" and self._introduces_lambda(i):
                    if self.code[i + 1:self._end_of_bracket(i)].strip():
                        yield self.line_at(i)
                        break
                if character == "{":
                    i = self._end_of_bracket(i)
                elif character in OPENING:
                    depth += 1
                elif character in CLOSING:
                    depth -= 1
                    if depth < 0:
                        break
                i += 1

    def _introduces_lambda(self, at):
        words = self.code[max(0, at - 200):at].rstrip()
        before = "" if re.search(r"\b(?:co_await|return)$", words) else words[-1:]
        after = self.code[self._end_of_bracket(at) + 1:].lstrip()[:1]
        subscript = before.isalnum() or (before and before in '_)]"')
        attribute = before == "[" or self.code[at:at + 2] == "[["
        return not subscript and not attribute and bool(after) and after in "({<"

    def swallowing_catches(self):
        """The lines of catch clauses with nothing in them, not even a comment that says why, and of
        catch (...) that neither pass the exception on nor turn it into a value."""
        for found in CATCH.finditer(self.code):
            open_brace = found.end() - 1
            close_brace = self._end_of_bracket(open_brace)
            if found.group(1).strip() == "...":
                swallows = not TREATED.search(self.code[open_brace + 1:close_brace])
            else:
                swallows = not self.text[open_brace + 1:close_brace].strip()
            if swallows:
                yield self.line_at(found.start())
