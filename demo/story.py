"""The demo's story: steady state, the loss of a site, its return, the way home, and the proof of
each.

Every wait is for a condition with a deadline. The first thing that is not as promised ends the
story with StoryFailed, which says what it was.
"""
import json
import os
import time

import bascule_view
import build
import by_hand
import measure
import programs
import settings
from waiting import wait_for

ROWS_BEFORE_FAULT = 150
STEADY_SECONDS, FAILOVER_SECONDS, RETURN_SECONDS, FAILBACK_SECONDS = 40, 40, 60, 40
CLOCK_GRAIN_SECONDS = 0.001  # of the journal's times


class StoryFailed(Exception):
    """A promise was not kept."""


def require(condition, sentence):
    if not condition:
        raise StoryFailed(sentence)


class Story:
    """What is known while the story goes on: times are seconds since 1970."""

    def __init__(self, screen, world):
        self.screen = screen
        self.world = world
        self.home, self.other = settings.SITES
        self.bascule = bascule_view.Bascule(world)
        self.client = None
        self.record = None
        self.began = 0.0
        self.fault = 0.0
        self.failover = None
        self.lost = set()

    # Steady state

    def begin(self):
        self.client, self.record = programs.start_client(self.world)
        self.bascule.start()
        self.began = time.time()
        wait_for(f"bascule says that {self.home} is active, healthy and protected, and "
                 f"{ROWS_BEFORE_FAULT} rows are written", self.is_steady, STEADY_SECONDS)
        self.moment(f"steady: {self.home} serves, {self.other} follows {self.bytes_behind()} B "
                    f"behind, {len(self.record.acknowledged())} rows written")

    def is_steady(self):
        situation = self.bascule.situation()
        rows = len(self.record.read_on().acknowledged())
        self.screen.passing_line(f"{rows} rows written; bascule: "
                                 f"{situation.sentence if situation else 'no answer yet'}")
        require(self.client.alive(), "the client ended")
        return rows >= ROWS_BEFORE_FAULT and situation is not None and situation.steady(self.home)

    def bytes_behind(self):
        rows = build.query(self.world, self.home,
                           "SELECT min(pg_wal_lsn_diff(sent_lsn, replay_lsn))::bigint "
                           "FROM pg_stat_replication")
        return rows[0][0] if rows and rows[0][0] is not None else "?"

    def moment(self, text):
        self.screen.moment(f"{time.time() - self.began:.1f}s", text)

    # The loss of the active site

    def lose_a_site(self):
        before = self.last_seq()
        self.moment(f"⚡ kill -9 of everything in {self.home}")
        self.fault = time.time()
        by_hand.kill_without_switch(self.world, self.home)
        self.failover = wait_for("bascule decides a failover",
                                 lambda: self.opened("failover", before),
                                 FAILOVER_SECONDS)
        outage = wait_for(f"the client writes at {self.other}",
                          lambda: measure.outage(self.record.read_on(), self.fault, self.other),
                          FAILOVER_SECONDS)
        self.finish(self.failover, FAILOVER_SECONDS)
        require(self.failover.trigger == "automatic", "the failover was not automatic")
        require((self.failover.source, self.failover.target) == (self.home, self.other),
                f"it went from {self.failover.source} to {self.failover.target}")
        self.show_timeline(outage)
        self.count_losses(outage)

    def last_seq(self):
        records = self.bascule.read_on()
        return records[-1].seq if records else 0

    def opened(self, move, after_seq):
        return bascule_view.first_move(self.bascule.read_on(), move, after_seq)

    def finish(self, run, seconds):
        def ended():
            self.bascule.read_on()
            return run.ended()
        wait_for(f"run {run.id} ends", ended, seconds)
        require(run.is_done(), f"run {run.id} did not end well: {run.complaint()}")

    def show_timeline(self, outage):
        entries = bascule_view.timeline(self.failover)
        entries.append((outage.after.done_at, f"first write at {self.other}", ""))
        for at, word, sentence in sorted(entries, key=lambda entry: entry[0]):
            self.screen.moment(f"{at - self.fault:+.3f}s", f"{word:<12} {sentence}".rstrip()[:88])

    def count_losses(self, outage):
        """Replication is asynchronous: what was acknowledged in the last instant may be gone,
        but never more than the bound that the decision rested on."""
        missing = measure.lost_rows(self.world, self.record, self.other, outage.after.done_at)
        self.lost = {attempt.id for attempt in missing}
        self.screen.line(f"{'':>11}outage as the client saw it {outage.seconds:.2f}s · "
                         f"acknowledged rows lost {len(missing)}", "bold")
        bound = self.failover.loss_bound_seconds()
        beyond = [attempt for attempt in missing if attempt.done_at < self.fault - bound]
        require(not beyond,
                f"{len(beyond)} rows were lost that are older than the bound of {bound:.3f} s")

    # The return of the old site

    def bring_it_back(self):
        before = self.last_seq()
        intruder = programs.start_intruder(self.world, self.home)
        code, _, said = by_hand.switch(self.world, "on", self.home)
        require(code == 0, said)
        back = time.time()
        seen = bascule_view.Return

        def settled():
            self.screen.passing_line(f"{self.home} is back as it was killed: a primary; "
                                     "an intruder writes to it")
            return seen(self.bascule.read_on(), self.home, before).settled()
        wait_for(f"{self.home} is sealed and rejoins as a standby", settled, RETURN_SECONDS)
        self.refused_for_sure(intruder)
        intruder.stop()
        self.judge_return(seen(self.bascule.records, self.home, before), intruder, back)

    def refused_for_sure(self, intruder):
        """The intruder must have been turned away since, so that its silence is no accident."""
        moment = time.time()
        path = intruder.record_path + ".refused"

        def turned_away():
            with open(path, encoding="utf-8") as file:
                return json.load(file)["at"] > moment
        wait_for("the intruder is turned away", lambda: os.path.exists(path) and turned_away(), 10)

    def judge_return(self, seen, intruder, back):
        """From Bascule's first look on the site takes no write: none whose commit was asked for
        later may have succeeded. How many came before that look is the intruder's luck."""
        look = seen.first_look()
        require(look is not None and seen.sealed() is not None, f"{self.home} was not sealed")
        with open(intruder.record_path, encoding="utf-8") as file:
            successes = [json.loads(line)["sent_at"] for line in file]
        after = [sent_at - look for sent_at in successes if sent_at > look + CLOCK_GRAIN_SECONDS]
        require(not after, f"{self.home} took {len(after)} writes after Bascule had seen it, "
                           f"the last {max(after, default=0):.3f} s later")
        require(build.streaming(self.world, self.home), f"{self.home} does not stream")
        rows = build.query(self.world, self.other, "SELECT count(*) FROM orders WHERE id < 0")
        require(rows == [(0,)], "rows of the intruder reached the active site")
        up = min(successes + [back])
        self.screen.line()
        lead = f"  {self.home} comes back … "
        self.screen.line(f"{lead}sealed on sight after {max(0, look - up):.2f}s; direct writes: "
                         f"{len(successes)} before that, 0 since")
        self.screen.line(f"{'':>{len(lead)}}rejoined as standby of {self.other} after "
                         f"{seen.rejoined() - up:.1f}s")

    # The way home

    def go_home(self):
        def ready():
            situation = self.bascule.situation()
            return situation is not None and situation.steady(self.other)
        wait_for(f"bascule says that {self.other} is healthy and protected", ready, RETURN_SECONDS)
        before, began = self.last_seq(), time.time()
        code, output, complaints = self.bascule.command("failback", bascule_view.GROUP, "--reason",
                                                        f"{self.home} is repaired",
                                                        limit=FAILBACK_SECONDS)
        require(code == 0, f"bascule failback ended with {code}: {(output + complaints).strip()}")
        run = wait_for("the failback is in the journal", lambda: self.opened("failback", before), 5)
        self.finish(run, FAILBACK_SECONDS)
        pause = wait_for(f"the client writes at {self.home}",
                         lambda: measure.outage(self.record.read_on(), began, self.home),
                         FAILBACK_SECONDS)
        missing = measure.lost_rows(self.world, self.record, self.home, time.time())
        lost = [attempt for attempt in missing if attempt.id not in self.lost]
        self.screen.line("  failback … drained, caught up to the last byte, moved: "
                         f"{pause.seconds:.2f}s pause, {len(lost)} rows lost")
        require(not lost, f"{len(lost)} acknowledged rows were lost in a move that loses nothing")

    def protected_again(self):
        def steady():
            self.screen.passing_line(f"{self.other} becomes a standby again")
            situation = self.bascule.situation()
            return situation is not None and situation.steady(self.home)
        wait_for(f"{self.other} is a standby again and bascule says so", steady, RETURN_SECONDS)
        require(build.streaming(self.world, self.other), f"{self.other} does not stream")

    def verify_journal(self):
        intact, found = self.bascule.verify_journal()
        require(intact, f"bascule audit verify: {found}")
        self.screen.line(f"  journal … {found} records, chain intact")


def tell(screen, world, _server):
    """Tells it all. Returns 0; whatever is not as promised raises."""
    screen.line("Two sites, two PostgreSQL servers, one DNS name, "
                "one client writing 50 rows a second.")
    screen.line("Nothing here is simulated.")
    screen.line()
    story = Story(screen, world)
    story.begin()
    story.lose_a_site()
    story.bring_it_back()
    story.go_home()
    story.protected_again()
    story.verify_journal()
    require(story.client.alive(), "the client ended")
    screen.line()
    if os.environ.get("KEEP", "") in ("", "0"):
        screen.line("PASS   explore it: make demo KEEP=1", "green")
    else:
        screen.line("PASS", "green")
        explore(screen, story)
    return 0


def explore(screen, story):
    """Five commands to try, as they have to be typed."""
    screen.line()
    screen.line("It goes on running. Five commands to try:")
    screen.line()
    screen.line(f"  cd {story.world.folder}")
    for command, what in (
            ("./bascule status", "where things stand"),
            ("./bascule explain shop", "every gate, and why nothing is being done"),
            (f"./bascule show {story.failover.id}", "what the failover did, step by step"),
            (f"./bascule switchover shop --to {story.other} --reason trying",
             "a move that loses nothing"),
            (f"./power off {story.home}", "break a site yourself, then look at the status")):
        screen.line(f"  {command:<62} {what}")
    screen.line()
    program = os.path.join(bascule_view.HERE, "demo")
    screen.line(f"Stop it with: make demo-stop    (or {program} stop)")
