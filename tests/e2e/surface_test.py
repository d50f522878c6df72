#!/usr/bin/python3 -B
"""What an operator sees of a site that is lost: watched live, explained, replayed, reported."""
import json
import os
import signal
import subprocess
import sys

import cases  # first: it finds the modules of the demo
import machine
import scene
from waiting import wait_for

sys.path.insert(0, os.path.join(scene.ROOT, "tests", "command_line"))
import screen  # noqa: E402


class Incident(cases.WithScene):
    """One failover by itself, watched by a terminal and by a program; what is left of it is looked
    at from every side."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.kept = cls.scene.world.path("reports")
        text = scene.read_text(cls.scene.file)
        cls.scene.write_configuration(text.replace(
            "    sites: ", f"    report: [{{folder: {{path: {cls.kept}}}}}]\n    sites: ", 1))
        cls.scene.start()
        bascule = cls.scene.bascule.program
        cls.drawn = screen.Screen(40, bascule, "watch", "-c", cls.scene.file)
        cls.addClassCleanup(cls.drawn.close)
        cls.lines = cls.begin_watch("lines", "shop")
        cls.views = cls.begin_watch("views", "-o", "json")
        wait_for("the terminal shows the group", lambda: cls.pictured("ctrl-c leaves"), 30)
        cls.scene.crash(scene.HOME)
        cls.run_id = cls.scene.wait_run()
        cls.scene.wait_end(cls.run_id)
        wait_for("the terminal keeps the run's record",
                 lambda: cls.pictured("ctrl-c leaves") and "✔ done after" in cls.drawn.written, 30)
        for name, watch, words in (("lines", cls.lines, f"{cls.run_id} is done"),
                                   ("views", cls.views, '"state":"done"')):
            wait_for(f"{name} tell the end",
                     lambda name=name, words=words: words in cls.written(name), 30)
            watch.send_signal(signal.SIGINT)
            watch.wait(30)

    @classmethod
    def begin_watch(cls, name, *words):
        with open(cls.scene.world.path(name), "wb") as file:
            watch = subprocess.Popen(
                [cls.scene.bascule.program, "watch", *words, "-c", cls.scene.file], stdout=file,
                stdin=subprocess.DEVNULL, cwd=cls.scene.world.folder,
                env=machine.environment(USER="ana"))
        cls.addClassCleanup(watch.wait)
        cls.addClassCleanup(watch.kill)
        return watch

    @classmethod
    def written(cls, name):
        return scene.read_text(cls.scene.world.path(name))

    @classmethod
    def pictured(cls, words):
        cls.drawn.read()
        return words in "\n".join(cls.drawn.picture())

    def test_the_terminal_kept_a_record(self):
        written = self.drawn.written
        record = written[written.rindex(f"run {self.run_id} · failover of shop"):]
        for words in ("power is off, proved", "✔ activate", "✔ front door", "✔ done after",
                      "outage", "berlin is active"):
            self.assertIn(words, record)
        self.assertNotIn("\x1b[", record[:record.index("✔ done after")])

    def test_a_program_was_told_line_by_line(self):
        self.assertEqual(self.lines.returncode, 0)
        told = self.written("lines")
        self.assertNotIn("\x1b", told)
        self.assertRegex(told.splitlines()[0], r"^\S+Z shop is HEALTHY, active amsterdam")
        for words in (f"critical {self.run_id} started by itself",
                      "activate/promote started: no way back from here",
                      f"critical {self.run_id} is done"):
            self.assertIn(words, told)

    def test_views_are_lines_of_json(self):
        self.assertEqual(self.views.returncode, 0)
        views = [json.loads(line) for line in self.written("views").splitlines()]
        self.assertEqual(views[0]["kind"], "status")
        self.assertEqual({view["kind"] for view in views}, {"status", "told", "run"})
        ended = [view["run"] for view in views
                 if view["kind"] == "run" and view["run"]["state"] == "done"]
        self.assertEqual(ended[0]["run"], self.run_id)

    def test_explain_says_why_it_did_it_and_what_that_cost(self):
        flat = " ".join(self.ends_with(0, self.scene.run("explain", "shop")).out.split())
        self.assertRegex(flat, rf"Last move: {self.run_id} \(failover, amsterdam → berlin\) was "
                               r"started \S+ ago by Bascule, by itself: database is down: ")
        for words in ("it rested on: ", "it was done after ", "clients were without it for ",
                      "it lost at most "):
            self.assertIn(words, flat)

    def test_the_report_is_a_page_that_loads_nothing(self):
        path = self.scene.world.path("report.html")
        self.ends_with(0, self.scene.run("report", self.run_id, "--out", path))
        page = scene.read_text(path)
        self.assertTrue(page.startswith("<!doctype html>"))
        for words in ("activate/promote", "end of the outage", "bascule audit verify --head"):
            self.assertIn(words, page)
        for loads in ("<script", "src=", "href", "url(", "@import", "http:", "https:"):
            self.assertNotIn(loads, page)

    def test_the_report_is_kept_and_again_with_the_exact_loss(self):
        page = os.path.join(self.kept, self.run_id + ".html")
        kept = os.path.join(self.kept, self.run_id + ".json")
        wait_for("the report is kept", lambda: os.path.exists(page), 30)
        wait_for("the report is kept as data", lambda: os.path.exists(kept), 30)
        self.scene.power("on", scene.HOME)
        wait_for("the exact loss stands in it",
                 lambda: json.loads(scene.read_text(kept))["run"]["loss"]["exact_bytes"]
                 is not None, 120, every=0.2)
        wait_for("and on the page", lambda: "exactly" in scene.read_text(page), 30)
        self.assertEqual([name for name in os.listdir(self.kept)
                          if name not in (self.run_id + ".json", self.run_id + ".html")], [])

    def test_replay_by_the_same_rules_finds_nothing(self):
        answer = self.ends_with(0, self.scene.run("replay"))
        self.assertRegex(answer.out, r"\d+ decisions: \d+ the same, 0 otherwise, 0 not decidable")
        self.assertEqual(self.scene.json("replay")["counts"]["differs"], 0)

    def test_replay_by_other_thresholds_says_where_it_differs(self):
        text = scene.read_text(self.scene.file)
        other = self.scene.world.path("other.yaml")
        with open(other, "w", encoding="utf-8") as file:
            file.write(scene.replace_value(text, "mode", "manual"))
        exported = self.scene.world.path("exported.jsonl")
        self.ends_with(0, self.scene.run("audit", "export", "--out", exported))
        for words in ([], ["--journal", exported]):
            answer = self.ends_with(1, self.scene.run_plain("replay", "-c", other, *words))
            flat = " ".join(answer.out.split())
            self.assertIn(f"{self.run_id} (failover of shop, amsterdam → berlin) was started by "
                          "bascule other.yaml: in mode manual nothing would have been done", flat)
        answer = self.ends_with(0, self.scene.run_plain("replay", "--journal", exported,
                                                        "--run", self.run_id))
        self.assertIn("was enough to begin activate/promote", " ".join(answer.out.split()))

    def test_replay_refuses_what_it_cannot_read(self):
        exported = self.scene.world.path("tail.jsonl")
        self.ends_with(0, self.scene.run("audit", "export", "--after", "3", "--out", exported))
        answer = self.ends_with(2, self.scene.run_plain("replay", "--journal", exported))
        self.assertIn("record 1 is missing", answer.err)
        with open(exported, "w", encoding="ascii") as file:
            file.write("nonsense\n")
        self.ends_with(2, self.scene.run_plain("replay", "--journal", exported))
        self.ends_with(2, self.scene.run_plain("replay", "--journal", "/nowhere/journal.db"))
        answer = self.ends_with(2, self.scene.run("replay", "--run", "r-9999"))
        self.assertIn("there is no run `r-9999`", answer.err)


if __name__ == "__main__":
    cases.main()
