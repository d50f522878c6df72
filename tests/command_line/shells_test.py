#!/usr/bin/python3 -B
"""Completion in real shells, and manual pages that a formatter accepts."""
import os
import shlex
import shutil
import subprocess
import unittest

import lone

COMMANDS = ("status", "failover", "hold", "preflight", "audit", "config", "completion")


class Shell(lone.Lone):
    def setUp(self):
        super().setUp()
        self.file = self.start_configuration()
        # The shells find it by its name.
        os.symlink(os.path.abspath(lone.BASCULE), self.path("bascule"))
        self.variables = {**os.environ, "LC_ALL": "C.UTF-8", "HOME": self.folder,
                          "PATH": self.folder + ":" + os.environ["PATH"],
                          "BASCULE_SERVER": "127.0.0.1:1"}

    def shell(self, words, script):
        done = subprocess.run([*words, script], capture_output=True, text=True, timeout=60,
                              env=self.variables, cwd=self.folder, check=False)
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def bash(self, *words):
        quoted = " ".join(shlex.quote(word) for word in words)
        return self.shell(["bash", "--norc", "-c"], f"""
            source <(bascule completion bash)
            COMP_WORDS=(bascule {quoted}) COMP_CWORD={len(words)}
            _bascule 2>&1
            printf '%s\\n' "${{COMPREPLY[@]}}\"""")

    def zsh(self, *words):
        quoted = " ".join(shlex.quote(word) for word in words)
        return [line.split(":")[0] for line in self.shell(["zsh", "-f", "-c"], f"""
            compdef() {{ :; }}
            _files() {{ print -l -- *(N) }}
            _describe() {{ print -l -- "${{(@P)2}}" }}
            source <(bascule completion zsh)
            words=(bascule {quoted}) CURRENT={len(words) + 1}
            _bascule""")]

    def fish(self, *words):
        line = " ".join(["bascule", *words])
        return [each.split("\t")[0] for each in self.shell(["fish", "--no-config", "-c"], f"""
            bascule completion fish | source
            complete -C {shlex.quote(line)}""")]

    def shells(self):
        for name in ("bash", "zsh", "fish"):
            if shutil.which(name) is None:
                self.fail(f"{name} is not installed: scripts/install-packages test")
            with self.subTest(shell=name):
                yield getattr(self, name)

    def test_commands(self):
        for complete in self.shells():
            offered = complete("")
            for command in COMMANDS:
                self.assertIn(command, offered)
            self.assertEqual(complete("failo"), ["failover"])
            self.assertEqual(sorted(complete("config", "")), ["init", "schema", "validate"])
            self.assertEqual(complete("audit", "ver"), ["verify"])

    def test_options_of_a_command_and_of_every_command(self):
        for complete in self.shells():
            offered = complete("failover", "shop", "--")
            for option in ("--to", "--reason", "--override", "--config", "--output"):
                self.assertIn(option, offered)
            self.assertNotIn("--detailed-exitcode", offered)
            self.assertEqual(complete("plan", "--det"), ["--detailed-exitcode"])

    def test_names_of_the_configuration_that_is_on_the_line(self):
        for complete in self.shells():
            at = ("-c", self.file)
            self.assertEqual(complete("explain", *at, ""), ["shop"])
            self.assertEqual(sorted(complete("failover", *at, "shop", "--to", "")),
                             ["amsterdam", "berlin"])
            self.assertEqual(complete("attest", "shop", *at, "--site", "b"), ["berlin"])
            self.assertEqual(sorted(complete("status", "-o", "")), ["json", "table", "yaml"])
            self.assertEqual(complete("failover", "shop", "--override", "f"), ["fence"])

    def test_names_of_files(self):
        for complete in self.shells():
            self.assertIn("start.yaml", complete("config", "validate", "st"))
            self.assertIn("start.yaml", complete("status", "-c", "st"))

    def test_nothing_is_offered_and_nothing_is_said_where_nobody_answers(self):
        for complete in self.shells():
            self.assertEqual([name for name in complete("explain", "") if name], [])

    def test_names_of_the_daemon(self):
        self.serve(self.file)
        with open(self.file, encoding="utf-8") as file:
            listen = next(line.split()[1] for line in file if line.startswith("listen:"))
        with open(self.path("journal.db.token"), encoding="utf-8") as file:
            token = file.read().strip()
        self.variables.update(BASCULE_SERVER=listen, BASCULE_TOKEN=token)
        for complete in self.shells():
            self.assertEqual(complete("explain", ""), ["shop"])
            self.assertEqual(complete("plan", "shop", "--to", "ber"), ["berlin"])


class Manual(lone.Lone):
    def lint(self, page):
        path = self.write("page.1", page)
        done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", path], capture_output=True,
                              text=True, timeout=60, check=False)
        # A page made from the program has no date, and refers to pages that are not installed.
        return [line for line in done.stdout.splitlines()
                if "missing date" not in line and "outdated mandoc.db" not in line]

    def test_every_page_is_accepted_by_the_formatter(self):
        self.assertEqual(self.lint(self.ends_with(0, lone.run("man")).out), [])
        for command in ("failover", "config validate", "audit export", "status", "completion"):
            page = self.ends_with(0, lone.run("man", *command.split())).out
            with self.subTest(command):
                self.assertEqual(self.lint(page), [])

    def test_the_page_says_what_help_says(self):
        page = self.write("page.1", lone.run("man", "audit", "export").out)
        read = subprocess.run(["mandoc", "-T", "ascii", page], capture_output=True, text=True,
                              timeout=60, check=True).stdout
        import re
        read = re.sub(".\b", "", read)
        for text in ("bascule audit export", "--after SEQ", "EXIT STATUS", "SHA-256",
                     "bascule audit export -c shop.yaml --out journal.jsonl"):
            self.assertIn(text, read)

    def test_a_command_that_is_none_has_no_page(self):
        self.ends_with(2, lone.run("man", "frobnicate"))


if __name__ == "__main__":
    unittest.main()
