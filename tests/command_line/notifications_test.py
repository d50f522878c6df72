#!/usr/bin/python3 -B
"""Channels of a daemon that runs: one that hangs, one that refuses, a death between delivery and
its note, and notes that mean nothing; and docs/notifications.md, whose examples are taken as they
stand there."""
import collections
import http.server
import json
import os
import re
import signal
import threading
import time
import unittest
import urllib.request

import lone

PAGE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../docs/notifications.md")
SECRET = "s1gning-secret"
Delivery = collections.namedtuple("Delivery", "id type headers body")


class Receiver:
    """Takes webhooks; `answer` says what becomes of each: a status, or None for none at all."""

    def __init__(self, test, answer=lambda delivery: 204, reason=""):
        self.deliveries = []
        self.answer = answer
        self.closing = threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = json.loads(body)
                delivery = Delivery(self.headers["Bascule-Delivery"], message["data"].get("type"),
                                    self.headers, body)
                receiver.deliveries.append(delivery)
                status = receiver.answer(delivery)
                if status is None:
                    receiver.closing.wait()
                    self.close_connection = True
                    return
                text = b"" if status == 204 else reason.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *request: None  # whoever asked has died
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.close)

    def close(self):
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()

    def of(self, *types):
        return [delivery for delivery in list(self.deliveries) if delivery.type in types]

    def settings(self, path="/in"):
        return f'webhook: {{url: "http://127.0.0.1:{self.port}{path}", secret: {SECRET}}}'


def blocks(language):
    """What the page shows as that language."""
    with open(PAGE, encoding="utf-8") as file:
        return re.findall(rf"```{language}\n(.*?)```", file.read(), re.DOTALL)


class Told(lone.Lone):
    def configuration(self, *channels):
        file = self.start_configuration("--http")
        with open(file, encoding="utf-8") as opened:
            text = opened.read()
        entries = "".join(f"  - {channel}\n" for channel in channels)
        text = re.sub(r"notify:.*?\n\n", lambda _: f"notify:\n{entries}\n", text, flags=re.DOTALL)
        return self.write("start.yaml", text)

    def until(self, what, condition):
        end = time.monotonic() + lone.PATIENCE_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), end, f"{what} did not come\n{self.log()}")
            time.sleep(0.02)

    def log(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read()

    def hold_and_release(self, file):
        for command in ("hold", "release"):
            self.ends_with(0, lone.run(command, "shop", "--reason", "a test", "-c", file))

    def stop(self, daemon):
        daemon.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(lone.PATIENCE_SECONDS), 0, self.log())


class Channels(Told):
    def test_a_channel_that_hangs_delays_no_other_and_not_the_end(self):
        hanging, good = Receiver(self, lambda delivery: None), Receiver(self)
        daemon = self.serve(self.configuration(hanging.settings(), good.settings()))
        file = self.path("start.yaml")
        for _ in range(3):
            self.hold_and_release(file)
        held = ("AutomationHeld", "AutomationReleased")
        self.until("six messages", lambda: len(good.of(*held)) == 6)
        self.assertEqual([delivery.type for delivery in good.of(*held)], [*held] * 3)
        self.assertEqual(len({delivery.id for delivery in good.deliveries}), len(good.deliveries))
        self.assertEqual({delivery.id for delivery in hanging.deliveries},
                         {good.deliveries[0].id}, "the first one holds up its channel")
        self.stop(daemon)

    def test_what_was_taken_and_not_noted_comes_again_and_nothing_else_does(self):
        daemons = []
        deaths = []

        def die_of_a_release(delivery):
            if delivery.type == "AutomationReleased" and not deaths:
                daemons[0].kill()
                deaths.append(daemons[0].wait())
            return 204

        receiver = Receiver(self, die_of_a_release)
        file = self.configuration(receiver.settings())
        daemons.append(self.serve(file))
        self.hold_and_release(file)
        self.until("its death", lambda: deaths == [-signal.SIGKILL])
        daemons.append(self.serve(file))
        self.ends_with(0, lone.run("hold", "shop", "--reason", "again", "-c", file))
        self.until("both holds", lambda: len(receiver.of("AutomationHeld")) == 2)
        released = receiver.of("AutomationReleased")
        self.assertEqual([delivery.id for delivery in released], [released[0].id] * 2)
        others = [delivery.id for delivery in receiver.deliveries
                  if delivery.id != released[0].id]
        self.assertEqual(len(set(others)), len(others))
        order = [int(delivery.id.split("/")[-1]) for delivery in receiver.deliveries
                 if "notice" not in delivery.id]
        self.assertEqual(order, sorted(order))

    def test_notes_that_mean_nothing_here_are_said_and_new_messages_go_on(self):
        receiver = Receiver(self)
        file = self.configuration(receiver.settings())
        daemon = self.serve(file)
        self.hold_and_release(file)
        self.until("the release", lambda: receiver.of("AutomationReleased"))
        self.stop(daemon)
        for text, words in (("nonsense", "does not say what was told"),
                            ('{"journal":"0000beef","told":{"webhook":3}}', "another journal"),
                            ('{"told":{"webhook":4000000}}', "the journal ends at record")):
            with self.subTest(words):
                before = len(receiver.deliveries)
                self.write("journal.db.told", text)
                daemon = self.serve(file)
                self.assertIn(words, self.log())
                self.assertIn(self.path("journal.db.told"), self.log())
                self.assertIn("`bascule runs` shows what happened before", self.log())
                self.hold_and_release(file)
                self.until("a new release",
                           lambda since=before: "AutomationReleased" in
                           [delivery.type for delivery in receiver.deliveries[since:]])
                self.assertIn(b"may not have been told here", receiver.deliveries[before].body)
                self.stop(daemon)

    def test_what_is_refused_is_said_without_a_secret_and_does_not_block(self):
        told = "t0ken-of-the-address"
        receiver = Receiver(self, lambda delivery: 400, f"no {told}, no {SECRET}")
        file = self.configuration(receiver.settings(f"/in?token={told}"))
        self.serve(file)
        self.hold_and_release(file)
        self.until("both", lambda: len(receiver.of("AutomationHeld", "AutomationReleased")) == 2)
        self.until("both in the log", lambda: self.log().count("is given up") >= 2)
        self.assertRegex(
            self.log(), r"notifier webhook: message #\d+ is given up \(automation of shop is held "
            r"by .*\): 127.0.0.1:\d+ answered 400 Bad Request: no <secret>, no <secret>")
        self.assertEqual(len({delivery.id for delivery in receiver.deliveries}),
                         len(receiver.deliveries), "not tried again")
        with open(file, encoding="utf-8") as opened:
            listen = re.search(r"listen: (\S+)", opened.read()).group(1)
        with open(self.path("journal.db.token"), encoding="utf-8") as opened:
            token = opened.read().strip()
        request = urllib.request.Request(f"http://{listen}/metrics",
                                         headers={"Authorization": f"Bearer {token}"})
        with urllib.request.urlopen(request, timeout=lone.PATIENCE_SECONDS) as answer:
            metrics = answer.read().decode()
        self.assertRegex(
            metrics, r'bascule_notifications_total{channel="webhook",result="failed"} [1-9]')
        for text in (self.log(), metrics):
            self.assertNotIn(told, text)
            self.assertNotIn(SECRET, text)


class Page(Told):
    def test_every_example_is_a_configuration(self):
        plain = self.start_configuration("--http")
        with open(plain, encoding="utf-8") as file:
            start = file.read()
        kinds = set()
        for block in blocks("yaml"):
            with self.subTest(block):
                if block.startswith("notify:"):
                    kinds.add(re.search(r"- (\w+):", block).group(1))
                    text = re.sub(r"notify:.*?\n\n", lambda _, block=block: block + "\n", start,
                                  flags=re.DOTALL)
                else:
                    indented = "".join(f"        {line}\n" for line in block.splitlines())
                    text = start.replace("        fence:", indented + "        fence:", 1)
                self.assertNotEqual(text, start)
                file = self.write("example.yaml", text)
                self.ends_with(0, lone.run("config", "validate", file))
        self.assertEqual(kinds, {"log", "webhook", "slack", "pagerduty", "datadog", "grafana",
                                 "alertmanager"})

    def test_the_receiver_that_it_shows_knows_what_is_genuine(self):
        shown = {}
        exec(blocks("python")[0], shown)  # pylint: disable=exec-used
        receiver = Receiver(self)
        file = self.configuration(receiver.settings())
        self.serve(file)
        self.hold_and_release(file)
        self.until("a message", lambda: receiver.of("AutomationReleased"))
        delivery = receiver.of("AutomationReleased")[0]
        is_genuine = shown["is_genuine"]
        self.assertTrue(is_genuine(SECRET, delivery.headers, delivery.body))
        self.assertFalse(is_genuine("another", delivery.headers, delivery.body))
        self.assertFalse(is_genuine(SECRET, delivery.headers, delivery.body + b" "))
        old = {**delivery.headers, "Bascule-Timestamp": "1795449600"}
        self.assertFalse(is_genuine(SECRET, old, delivery.body))
        self.assertEqual(json.loads(delivery.body)["id"], delivery.id)


if __name__ == "__main__":
    lone.main()
