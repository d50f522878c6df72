#!/usr/bin/python3 -B
"""audit export and audit verify: from the store, from a daemon, and from what was exported."""
import hashlib
import json
import os
import unittest

import lone


# A line of the export ends with a line feed and nothing else: what else Unicode calls the end of a
# line (and str.splitlines) may stand in a reason.


class Export(lone.Lone):
    def setUp(self):
        super().setUp()
        self.file = self.start_configuration("--http")
        self.serve(self.file)
        for i in range(3):
            self.ends_with(0, lone.run("hold", "shop", "--reason", f"no. {i} \u00fc\u2028",
                                       "-c", self.file))
            self.ends_with(0, lone.run("release", "shop", "--reason", "x", "-c", self.file))

    def export(self, name, *words):
        out = self.path(name)
        answer = self.ends_with(0, lone.run("audit", "export", "--out", out, *words))
        self.assertIn("the chain is whole", answer.out)
        with open(out, encoding="utf-8") as file:
            return out, file.read()

    def server(self):
        """Where the daemon is, without its configuration: nothing but the API can be asked."""
        with open(self.file, encoding="utf-8") as file:
            listen = next(line.split()[1] for line in file if line.startswith("listen:"))
        return ("--server", listen, "--token-file", self.path("journal.db.token"))

    def test_anybody_can_follow_the_chain_from_the_file_alone(self):
        _, text = self.export("all.jsonl", "-c", self.file)
        before = bytes(32)
        for number, line in enumerate(text[:-1].split("\n"), 1):
            entry = json.loads(line)
            self.assertEqual(entry["seq"], number)
            self.assertEqual(entry["record"]["seq"], number)
            self.assertEqual(entry["previous"], before.hex())
            stored = json.dumps(entry["record"], sort_keys=True, separators=(",", ":"),
                                ensure_ascii=False).encode()
            before = hashlib.sha256(before + stored).digest()
            self.assertEqual(entry["hash"], before.hex())
        self.assertGreater(number, 6)

    def test_the_daemon_exports_what_its_store_holds(self):
        _, of_store = self.export("store.jsonl", "-c", self.file)
        _, of_daemon = self.export("daemon.jsonl", *self.server())
        shorter = min(len(of_store), len(of_daemon))
        self.assertEqual(of_store[:shorter], of_daemon[:shorter])
        to_standard_output = self.ends_with(0, lone.run("audit", "export", "-c", self.file))
        self.assertTrue(to_standard_output.out.startswith(of_store))
        self.assertIn("the chain is whole", to_standard_output.err)

    def test_what_was_exported_is_verified_and_a_change_is_found(self):
        out, text = self.export("all.jsonl", "-c", self.file)
        answer = self.ends_with(0, lone.run("audit", "verify", out))
        last = json.loads(text[:-1].split("\n")[-1])
        self.assertEqual(answer.out, f"OK {last['seq']} {last['hash']}\n")
        self.ends_with(1, lone.run("audit", "verify", self.write("changed", text.replace(
            "no. 1", "no. 7"))))
        lines = text[:-1].split("\n")
        for what, damaged in (("a line is gone", lines[:2] + lines[3:]),
                              ("two are swapped", [lines[1], lines[0], *lines[2:]]),
                              ("a line is something else", [*lines[:3], "nonsense", *lines[3:]])):
            with self.subTest(what):
                damaged_file = self.write("damaged", "\n".join(damaged) + "\n")
                answer = self.ends_with(1, lone.run("audit", "verify", damaged_file))
                self.assertTrue(answer.out.startswith("BAD "), answer.out)
        answer = self.ends_with(1, lone.run("audit", "verify", self.write("cut", text[:-9])))
        self.assertIn("was cut off", answer.out)
        head = f"{last['seq'] + 1}:{'0' * 64}"
        self.ends_with(1, lone.run("audit", "verify", out, "--head", head))

    def test_a_piece_begins_after_a_record(self):
        _, text = self.export("all.jsonl", "-c", self.file)
        for words in (("-c", self.file), self.server()):
            out, piece = self.export("piece.jsonl", "--after", "4", *words)
            rest = "\n".join(text.split("\n")[4:])
            self.assertEqual(piece[:len(rest)], rest[:len(piece)])
            self.ends_with(0, lone.run("audit", "verify", out))
            answer = self.ends_with(1, lone.run("audit", "export", "--after", "99999", *words))
            self.assertIn("has no record 99999", answer.err)

    def test_a_file_is_there_as_a_whole_or_not_at_all(self):
        out, text = self.export("all.jsonl", "-c", self.file)
        self.ends_with(1, lone.run("audit", "export", "--out", out, "--after", "99999",
                                   "-c", self.file))
        with open(out, encoding="utf-8") as file:
            self.assertEqual(file.read(), text)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith("all.")],
                         ["all.jsonl"])
        answer = lone.run("audit", "export", "--out", "/nowhere/all.jsonl", "-c", self.file)
        self.assertEqual(answer.code, 1)
        self.assertIn("/nowhere/all.jsonl", answer.err)


if __name__ == "__main__":
    unittest.main()
