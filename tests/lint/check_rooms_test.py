#!/usr/bin/python3
"""Proves that the table of rooms is enforced: what it allows passes, everything else is refused."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts"))

import check_rooms  # noqa: E402  (needs the path above)

TABLE = """# room: rooms it may include
base:
engine: base
ports: base
providers: base ports
"""


def complaints(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in {"cmake/rooms.txt": TABLE, **files}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return list(check_rooms.complaints(root, check_rooms.read_table(root / "cmake/rooms.txt")))


class Rooms(unittest.TestCase):
    def test_what_the_table_allows_passes(self):
        self.assertEqual(complaints({
            "src/engine/decide.cpp": '#include "engine/decide.h"\n#include "base/result.h"\n'
                                     "#include <vector>\n",
            "src/providers/dns/record.cpp": '#include "providers/dns/record.h"\n'
                                            '#include "ports/action.h"\n',
        }), [])

    def test_what_the_table_does_not_allow_is_refused(self):
        cases = {
            "ports/ (allowed: base)": ("src/engine/a.cpp", '#include "ports/action.h"\n'),
            "(allowed: nothing)": ("src/base/a.h", '  #  include "engine/decide.h"\n'),
            "providers/dns may not include providers/http": (
                "src/providers/dns/a.cpp", '#include "providers/http/client.h"\n'),
            "the engine is pure": ("src/engine/a.cpp", "#include <thread>\n"),
            "no ..": ("src/engine/a.cpp", '#include "base/../base/result.h"\n'),
            'write the include from src/: "engine/b.h"': (
                "src/engine/a_test.cpp", '#include "b.h"\n'),
            "is not a room": ("src/tools/a.cpp", "\n"),
        }
        for words, (path, text) in cases.items():
            with self.subTest(path=path, text=text):
                (complaint,) = complaints({path: text})
                self.assertIn(words, complaint)
                self.assertTrue(complaint.startswith(f"{path}:1: "), complaint)


if __name__ == "__main__":
    unittest.main()
