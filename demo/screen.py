"""What a person sees: plain lines, colour only on a terminal and only as support, an ASCII twin
for every sign."""
import os
import sys

COLOURS = {"green": "32", "yellow": "33", "red": "31", "bold": "1", "faint": "2"}
SIGNS = {"⚡": "!", "✔": "+", "✘": "x", "·": "|", "…": "...", "→": "->", "●": "*", "○": "o",
         "─": "-"}
WIDTH = 100


class Screen:
    """Writes to standard output. A passing line says what is being waited for; it exists only on
    a terminal."""

    def __init__(self, stream=None, environment=None):
        self.stream = stream or sys.stdout
        environment = os.environ if environment is None else environment
        terminal = self.stream.isatty() and environment.get("TERM") != "dumb"
        self.coloured = terminal and not environment.get("NO_COLOR")
        self.passing_lines = terminal
        self.unicode = (self.stream.encoding or "").lower().replace("-", "") == "utf8"
        self.passing = ""

    def write(self, text):
        """A reader that went away (`demo | head`) must not keep the demo from cleaning up."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            self.stream = sys.stdout = open(os.devnull, "w", encoding="utf-8")

    def paint(self, text, colour):
        return f"\x1b[{COLOURS[colour]}m{text}\x1b[0m" if self.coloured else text

    def plain(self, text):
        if self.unicode:
            return text
        for sign, twin in SIGNS.items():
            text = text.replace(sign, twin)
        return text.encode("ascii", "replace").decode()

    def line(self, text="", colour=None):
        self.clear()
        text = self.plain(text)
        self.write((self.paint(text, colour) if colour else text) + "\n")

    def moment(self, when, text, colour=None):
        """A line of the story with its time in front, right-aligned to ten columns."""
        self.line(f"{when:>9}  {text}", colour)

    def passing_line(self, text):
        """Shown until the next line; tells what is going on and is not worth keeping."""
        text = self.plain("        … " + text)[:WIDTH]
        if self.passing_lines and text != self.passing:
            self.clear()
            self.write(self.paint(text, "faint"))
            self.passing = text

    def clear(self):
        if self.passing:
            self.write("\r\x1b[K")
            self.passing = ""
