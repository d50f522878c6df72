#!/usr/bin/python3 -B
"""The event stream across restarts of the daemon: who comes back misses nothing."""
import http.client
import json
import re
import signal

import lone


class Reader:
    """A reader of the stream, as browsers read server-sent events."""

    def __init__(self, port, token, last_id=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        headers = {"Authorization": "Bearer " + token, "Accept": "text/event-stream"}
        if last_id is not None:
            headers["Last-Event-ID"] = str(last_id)
        self.connection.request("GET", "/api/v1/events", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.status
        assert self.answer.getheader("Content-Type") == "text/event-stream"

    def event(self):
        """(type, id, data) of the next one; None when the stream has ended."""
        fields = {}
        while True:
            line = self.answer.readline().decode()
            if not line:
                return None
            if line == "\n":
                return (fields.get("event"), fields.get("id") and int(fields["id"]),
                        json.loads(fields["data"]))
            name, value = line.rstrip("\n").split(": ", 1)
            fields[name] = value

    def until(self, kind):
        """All events up to the first of that type."""
        seen = []
        while not seen or seen[-1][0] != kind:
            event = self.event()
            assert event, f"the stream ended before {kind}: {seen}"
            if event[0] != "heartbeat":
                seen.append(event)
        return seen

    def close(self):
        self.connection.close()


class Events(lone.Lone):
    def setUp(self):
        super().setUp()
        self.file = self.start_configuration("--http")
        with open(self.file, encoding="utf-8") as file:
            self.port = int(re.search(r"listen: 127\.0\.0\.1:(\d+)", file.read()).group(1))

    def start(self):
        self.daemon = self.serve(self.file)
        with open(self.path("journal.db.token"), encoding="utf-8") as file:
            self.token = file.read().strip()

    def stop(self, number):
        self.daemon.send_signal(number)
        self.daemon.wait(lone.PATIENCE_SECONDS)

    def read_from(self, last_id=None):
        reader = Reader(self.port, self.token, last_id)
        self.addCleanup(reader.close)
        return reader

    def command(self, *words):
        self.ends_with(0, lone.run(*words, "--reason", "test", "-c", self.file))

    def test_who_comes_back_after_a_restart_misses_nothing(self):
        self.start()
        reader = self.read_from()
        kind, last_id, snapshot = reader.event()
        self.assertEqual(kind, "snapshot")
        self.assertEqual(snapshot["groups"][0]["group"], "shop")
        self.command("hold", "shop")
        last_id = reader.until("AutomationHeld")[-1][1]
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.stop(number)
            while reader.event():  # what was on its way
                pass
            # Nobody reads while this happens.
            self.start()
            self.command("release", "shop")
            self.command("hold", "shop")
            reader = self.read_from(last_id)
            events = reader.until("AutomationReleased") + reader.until("AutomationHeld")
            ids = [event[1] for event in events]
            self.assertEqual(ids, list(range(last_id + 1, last_id + 1 + len(ids))))
            self.assertIn("TermOpened", [event[0] for event in events])
            last_id = ids[-1]
        # And what it was told is what the journal holds.
        exported = self.ends_with(0, lone.run("audit", "export", "-c", self.file)).out
        stored = [json.loads(line)["record"] for line in exported.splitlines()]
        for kind, seq, data in events:
            self.assertEqual(data["record"], stored[seq - 1])
            self.assertEqual(kind, stored[seq - 1]["type"])

    def test_an_id_that_means_nothing_here_gets_a_snapshot(self):
        self.start()
        for last_id in ("999999999", "-1", "x", "18446744073709551616", "", "1; DROP TABLE"):
            with self.subTest(last_id):
                self.assertEqual(self.read_from(last_id).event()[0], "snapshot")


if __name__ == "__main__":
    lone.main()
