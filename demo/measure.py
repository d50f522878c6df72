"""Reads what the client recorded and measures with it: outage, pause, lost rows. Times are
seconds since 1970."""
import json

import build


class Attempt:
    """One write as the client saw it; `site` is None when it failed."""

    def __init__(self, line):
        values = json.loads(line)
        self.id = values["id"]
        self.sent_at = values["sent_at"]
        self.done_at = values["done_at"]
        self.site = values["site"]
        self.why = values["why"]


class Record:
    """The client's file, read on as it grows."""

    def __init__(self, path):
        self.path = path
        self.position = 0
        self.attempts = []

    def read_on(self):
        """Takes in the lines that have been completed since the last time."""
        with open(self.path, encoding="utf-8") as file:
            file.seek(self.position)
            text = file.read()
        complete = text[:text.rfind("\n") + 1]
        self.position += len(complete.encode())
        self.attempts.extend(Attempt(line) for line in complete.splitlines())
        return self

    def acknowledged(self):
        return [attempt for attempt in self.attempts if attempt.site is not None]

    def acknowledged_after(self, moment, site=None):
        return [attempt for attempt in self.acknowledged()
                if attempt.done_at > moment and site in (None, attempt.site)]


class Outage:
    """From the last row acknowledged before to the first one after."""

    def __init__(self, before, after):
        self.before = before
        self.after = after
        self.seconds = after.done_at - before.done_at


def outage(record, moment, new_site):
    """The outage around a move that began at `moment`: up to the first row that the new site
    took. None while there is none yet."""
    after = record.acknowledged_after(moment, new_site)
    if not after:
        return None
    before = [attempt for attempt in record.acknowledged() if attempt.done_at < after[0].done_at]
    return Outage(before[-1], after[0]) if before else None


def lost_rows(world, record, active_site, until):
    """The attempts acknowledged up to `until` whose rows are not in the active site's database."""
    present = {row[0]
               for row in build.query(world, active_site, "SELECT id FROM orders WHERE id > 0")}
    return [attempt for attempt in record.acknowledged() if attempt.done_at <= until and
            attempt.id not in present]
