"""Bascule as the demo sees it: starts `bascule serve`, asks it, and reads its journal.

Everything that knows the shape of Bascule's commands, answers and records is in this file; the
story only uses what these functions return.

Journal records are {v, seq, at, term, actor, reason, type, data}; times are RFC 3339 in UTC with
milliseconds and come out of here as seconds since 1970, like the client's.
"""
import datetime
import http.client
import json
import os
import subprocess

import build
import machine

HERE = os.path.dirname(os.path.realpath(__file__))
PLACES = ("build/release/bascule", "build/release/src/bascule", "build/release/bin/bascule",
          "build/dev/src/bascule")
COMMAND_SECONDS = 30
GROUP = "shop"


class BasculeFailed(Exception):
    """Bascule is missing, ended, or gave an answer that the demo cannot use."""


def find_program():
    named = os.environ.get("BASCULE")
    root = os.path.dirname(HERE)
    for place in [named] if named else [os.path.join(root, place) for place in PLACES]:
        if os.access(place, os.X_OK) and not os.path.isdir(place):
            return os.path.realpath(place)
    raise BasculeFailed(f"{named} is not a program" if named
                        else "bascule is not built: make build")


def seconds(text):
    """An RFC 3339 time as seconds since 1970; None stays None."""
    if not text:
        return None
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Bascule:
    """The one `bascule serve` of a world, and questions to it."""

    def __init__(self, world):
        self.world = world
        self.program = find_program()
        self.process = None
        self.records = []

    # The daemon

    def start(self):
        folder = self.world.path("daemon")
        if not os.path.isdir(folder):
            build.make_folder(folder)
        self.install_command()
        with open(self.log_path(), "a", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [self.program, "serve", "-c", self.world.path("shop.yaml")], cwd=folder,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, env=machine.environment())

    def install_command(self):
        """FOLDER/bascule: the command line for this installation, for people to try."""
        path = self.world.path("bascule")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\nexec {self.program} \"$@\" -c {self.world.path('shop.yaml')}\n")
        os.chmod(path, 0o755)

    def log_path(self):
        return self.world.path("log", "bascule.log")

    def require_alive(self):
        if self.process.poll() is not None:
            raise BasculeFailed(
                f"bascule serve ended with {self.process.returncode}, see {self.log_path()}")

    # Commands

    def command(self, *words, limit=COMMAND_SECONDS):
        """(exit code, output, complaints) of a command that ends by itself."""
        try:
            done = subprocess.run([self.world.path("bascule"), *words], capture_output=True,
                                  text=True, timeout=limit, check=False,
                                  env=machine.environment(NO_COLOR="1"))
        except subprocess.TimeoutExpired:
            raise BasculeFailed(
                f"`bascule {' '.join(words)}` did not end within {limit} s") from None
        return done.returncode, done.stdout, done.stderr

    def answer(self, *words):
        """The JSON that a command prints, or None while it has no answer yet."""
        _, output, _ = self.command(*words, "-o", "json")
        try:
            return json.loads(output)
        except ValueError:
            return None

    def situation(self):
        """Where the group stands, or None while there is no answer."""
        self.require_alive()
        answer = self.answer("explain", GROUP)
        if not isinstance(answer, dict) or "state" not in answer:
            return None
        return Situation(answer)

    def run(self, run_id):
        """Outage and loss of a run as Bascule measured them."""
        answer = self.answer("show", run_id)
        if not isinstance(answer, dict):
            raise BasculeFailed(f"`bascule show {run_id} -o json` gave no answer")
        return answer

    def verify_journal(self):
        """(true, number of records) when the chain of hashes is intact, else (false, the
        complaint)."""
        code, output, complaints = self.command("audit", "verify")
        words = output.split()
        if code == 0 and len(words) >= 2 and words[0] == "OK" and words[1].isdigit():
            return True, int(words[1])
        return False, (output + complaints).strip()

    # The journal

    def read_on(self):
        """All records so far, oldest first."""
        self.require_alive()
        after = self.records[-1].seq if self.records else 0
        self.records.extend(Record(entry) for entry in self.journal_after(after))
        return self.records

    def journal_after(self, seq):
        connection = http.client.HTTPConnection("127.0.0.1", self.world.api_port, timeout=5)
        try:
            connection.request("GET", f"/api/v1/journal?after={seq}",
                               headers={"Authorization": "Bearer " + self.token()})
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise BasculeFailed(
                    f"the journal was answered with {response.status}: {body[:200]!r}")
            answer = json.loads(body)
        except (OSError, ValueError, http.client.HTTPException):
            return []  # not up yet, or just then gone: the caller's deadline decides
        finally:
            connection.close()
        return answer["records"] if isinstance(answer, dict) else answer

    def token(self):
        with open(self.world.path("journal.db.token"), encoding="ascii") as file:
            return file.read().strip()


class Situation:
    """Where a group stands."""

    def __init__(self, answer):
        self.active = answer.get("active")
        self.state = (answer.get("state") or "").upper()
        self.protection = answer.get("protection") or ""
        self.sentence = answer.get("sentence") or ""

    def steady(self, active):
        return (self.active, self.state, self.protection) == (active, "HEALTHY", "protected")


class Record:
    """One line of the journal."""

    def __init__(self, entry):
        self.seq = entry["seq"]
        self.at = seconds(entry["at"])
        self.type = entry["type"]
        self.data = entry["data"]
        self.reason = entry.get("reason") or ""

    def is_step(self, kind, owner, phase):
        """Is it such a record of that run or obligation, of a step in that phase?"""
        return (self.type == kind and self.data.get("run") == owner and
                self.data.get("step", "").partition("/")[0].replace(" ", "_") == phase)

    def sees(self, site):
        """Does it say that the site's database, which had failed, answers?"""
        return (self.type == "VerdictChanged" and self.data["check"]["site"] == site and
                self.data["check"]["check"] == "database" and self.data["from"] == "failed" and
                self.data["to"] != "failed")

    def succeeded(self):
        return self.data.get("state") in ("done", "unchanged")


class Move:
    """One run as the journal tells it. Works on a growing list of records."""

    def __init__(self, records, opened):
        self.records = records
        self.opened = opened
        self.id = opened.data["run"]
        plan = opened.data["plan"]
        self.move, self.source, self.target = plan["move"], plan["source"], plan["target"]
        self.trigger = opened.data.get("trigger")

    def ended(self):
        """The record that ended or parked it, or None."""
        return next((record for record in self.records
                     if record.type in ("RunEnded", "RunParked") and
                     record.data["run"] == self.id), None)

    def is_done(self):
        end = self.ended()
        return end is not None and end.type == "RunEnded" and end.data["state"] == "done"

    def step_ends(self, phase):
        return [record for record in self.records if record.is_step("StepEnded", self.id, phase)]

    def complaint(self):
        """Why it did not end well."""
        end = self.ended()
        return f"{end.type}: {end.data.get('because', '')}" if end else "it did not end"

    def loss_bound_seconds(self):
        return (self.opened.data.get("loss_bound_ms") or 0) / 1000


def first_move(records, move, after_seq):
    """The first run of that kind opened after the record `after_seq`, or None."""
    for record in records:
        if record.seq > after_seq and record.type == "RunOpened":
            if record.data["plan"]["move"] == move:
                return Move(records, record)
    return None


def timeline(move):
    """What happened, as (seconds since 1970, word, sentence), in the order of time."""
    data = move.opened.data
    first_sign = seconds(data.get("first_sign_at"))
    first_failed = seconds(data.get("first_failed_at"))
    verdict = next((record for record in reversed(move.records)
                    if record.type == "VerdictChanged" and
                    record.data.get("down") and record.seq < move.opened.seq), None)
    entries = [
        (first_sign if first_sign != first_failed else None, "first sign",
         "the held database connection broke"),
        (first_failed, "look failed", "the first of the looks that count"),
        (seconds(data.get("verdict_at")), "verdict",
         verdict.data["because"] if verdict else "the database is down"),
        (move.opened.at, "decision", f"{move.move} {move.source} → {move.target}; all gates hold"),
    ]
    for phase, word in (("claim", "claimed"), ("fence", "fenced"), ("activate", "promoted"),
                        ("front_door", "front door"), ("verify", "verified")):
        entries += [(record.at, word, outcome(move.records, record))
                    for record in move.step_ends(phase) if record.succeeded()]
    return sorted((entry for entry in entries if entry[0] is not None), key=lambda entry: entry[0])


def outcome(records, ended):
    """What a step's end says about itself, else what it announced to do, else its name."""
    announced = [record.data["change"] for record in records
                 if record.type == "StepStarted" and record.data["run"] == ended.data["run"] and
                 record.data["step"] == ended.data["step"] and record.data.get("change")]
    return (ended.data.get("because") or (announced[-1] if announced else "") or
            ended.data["step"].partition("/")[2])


class Return:
    """What happened to a site that came back: sealed on sight, then made a standby again."""

    def __init__(self, records, site, after_seq):
        self.site = site
        self.records = [record for record in records if record.seq > after_seq]
        settled_before = {record.data["obligation"] for record in records
                          if record.type == "ObligationEnded" and record.seq <= after_seq}
        # What it owes was written down when the move ended, while the site was away.
        self.owners = {record.data["obligation"] for record in records
                       if record.type == "ObligationOpened" and record.data["site"] == site}
        self.owners -= settled_before

    def first_look(self):
        """When Bascule first learned what came back, by its own records, or None: whichever came
        first of an answer to the seal's first request (`answered_at`, which shuts ordinary roles
        out before it answers), an inspection of the site (a fence step that starts, and is not
        announced `unseen`), and a look of the database check that is not a failed one.
        """
        moments = []
        for record in self.records:
            fence_of = [owner for owner in self.owners
                        if record.is_step(record.type, owner, "fence")]
            if record.type == "StepApplied" and fence_of:
                moments.append(seconds(record.data["outputs"].get("answered_at")) or record.at)
            elif record.type == "StepStarted" and fence_of and not record.data.get("unseen"):
                moments.append(record.at)
            elif record.sees(self.site):
                moments.append(record.at)
        return min(moments, default=None)

    def sealed(self):
        """When it was proved sealed, or None."""
        return self.first("StepEnded", "fence")

    def rejoined(self):
        """When it was proved to stream again, or None."""
        return self.first("StepEnded", "protect")

    def first(self, kind, phase):
        for record in self.records:
            if any(record.is_step(kind, owner, phase) for owner in self.owners) and \
                    (kind != "StepEnded" or record.succeeded()):
                return record.at
        return None

    def settled(self):
        """Is nothing owed any more?"""
        ended = {record.data["obligation"] for record in self.records
                 if record.type == "ObligationEnded"}
        return bool(self.owners) and self.owners <= ended
