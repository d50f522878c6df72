#!/usr/bin/python3 -B
"""Two people at once: at one daemon, at one journal, at two machines, and beside a run that was
stopped in the middle. One wins, the other is told; a target is promoted once."""
import http.client
import json
import signal

import cases  # first: it finds the modules of the demo
import desk
import scene
from waiting import wait_for

SECONDS = 60


def is_step(name):
    return lambda record: record.type == "StepStarted" and record.data["step"] == name


class AtOneDaemon(cases.WithScene):
    """One story, each part a test."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.delay_power()
        cls.scene.start()

    def post_move(self, key):
        """The answer to a move that is asked for without the command line."""
        token = scene.read_text(self.scene.world.path("journal.db.token")).strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.scene.world.api_port, timeout=60)
        body = {"move": "failover", "to": scene.OTHER, "reason": "test", "actor": "ana",
                "idempotency_key": key}
        connection.request("POST", "/api/v1/groups/shop/moves", json.dumps(body),
                           {"Authorization": f"Bearer {token}"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())

    def test_1_without_a_name_server_nothing_is_fenced(self):
        self.scene.freeze("dns")
        self.addCleanup(self.scene.thaw)
        after = self.scene.last_seq()
        answer = self.scene.run("failover", "shop", "--to", scene.OTHER, "--reason", "x", limit=120)
        self.assertEqual(answer.code, 1, answer.out + answer.err)
        fenced = [record for record in self.scene.records(after) if is_step("fence/seal")(record) or
                  is_step("fence/cut")(record)]
        self.assertEqual(fenced, [])
        self.only_writer(scene.HOME)
        self.scene.thaw()

    def test_2_the_second_is_refused_and_the_same_starts_nothing_twice(self):
        after = self.scene.last_seq()
        first = self.scene.begin("failover", "shop", "--to", scene.OTHER, "--reason", "ana")
        run = self.scene.wait_run(after, SECONDS)
        self.scene.wait_record("the cut begins", is_step("fence/cut"), after, SECONDS)
        answer = self.ends_with(3, self.scene.run("failover", "shop", "--to", scene.OTHER,
                                                  "--reason", "ben"))
        self.assertIn(f"bascule abort {run}", answer.err)
        # Its terminal closes: the run goes on.
        first.send_signal(signal.SIGHUP)
        _, err = first.communicate(timeout=SECONDS)
        self.assertEqual(first.returncode, 6, err)
        self.assertIn(f"run {run} goes on", " ".join(err.split()))
        self.scene.let_power_go()
        self.assertEqual(self.scene.wait_end(run, SECONDS).data["state"], "done")
        self.only_writer(scene.OTHER)
        self.assertEqual(self.scene.promotions(scene.OTHER), 1)

    def test_3_a_repeated_request_finds_its_run(self):
        self.scene.power("on", scene.HOME)
        self.scene.wait_steady(scene.OTHER, SECONDS)
        opened = [record.data["run"] for record in self.scene.records()
                  if record.type == "RunOpened"]
        keys = [record.data["idempotency_key"] for record in self.scene.records()
                if record.type == "RunOpened"]
        status, answer = self.post_move(keys[-1])
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["run"]["run"], opened[-1])
        self.assertIn("was started by this command already", answer["text"])
        self.only_writer(scene.OTHER)


class AtTwoMachines(cases.WithScene):
    def test_one_claim_wins(self):
        watch = self.watch_writers()
        desks = [desk.Desk(self.scene, "north"), desk.Desk(self.scene, "south")]
        running = [one.begin("failover", "shop", "--to", scene.OTHER) for one in desks]
        ended = [(one.communicate(timeout=120), one.returncode) for one in running]
        codes = sorted(code for _, code in ended)
        self.assertEqual(watch.end(), [])
        self.assertEqual(codes[0], 0, ended)
        self.assertIn(codes[1], (2, 3, 5), ended)
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.assertEqual(self.scene.promotions(scene.OTHER), 1)


class AtOneJournal(cases.WithScene):
    def test_the_second_is_told_who_holds_it_and_a_closed_terminal_ends_nothing(self):
        self.scene.delay_power()
        place = desk.Desk(self.scene, "west")
        watch = self.watch_writers()
        first = place.begin("failover", "shop", "--to", scene.OTHER)
        self.addCleanup(first.kill)
        wait_for("the cut begins", lambda: any(is_step("fence/cut")(record)
                                               for record in place.records()), SECONDS)
        answer = self.ends_with(7, place.local("hold", "shop", "--confirm", scene.HOME))
        self.assertIn("held by west", " ".join(answer.err.split()))
        first.send_signal(signal.SIGHUP)
        self.scene.let_power_go()
        out, err = first.communicate(timeout=120)
        self.assertEqual(first.returncode, 0, out + err)
        self.assertEqual(watch.end(), [])
        self.only_writer(scene.OTHER)
        self.assertEqual(self.scene.promotions(scene.OTHER), 1)


class BesideARunThatWasStopped(cases.WithScene):
    """The daemon hangs in the middle of a run, after its claim."""

    def test_nobody_adopts_by_himself_and_both_lead_to_one_site(self):
        self.scene.delay_power()
        self.scene.start()
        wait_for("the daemon has claimed the front door", self.scene.generation, SECONDS)
        place = desk.Desk(self.scene, "desk")
        watch = self.watch_writers()
        after = self.scene.last_seq()
        self.ends_with(0, self.scene.run("failover", "shop", "--to", scene.OTHER, "--reason",
                                         "ana", "--no-wait"))
        run = self.scene.wait_run(after, SECONDS)
        self.scene.wait_record("the cut begins", is_step("fence/cut"), after, SECONDS)
        self.scene.bascule.process.send_signal(signal.SIGSTOP)
        self.addCleanup(self.scene.bascule.process.send_signal, signal.SIGCONT)
        self.scene.let_power_go()
        answer = place.local("failover", "shop", "--to", scene.OTHER, "--confirm", scene.HOME)
        self.assertNotEqual(answer.code, 0)
        self.assertIn("bascule adopt shop", answer.err)
        self.assertEqual(self.scene.promotions(scene.OTHER), 0)
        self.ends_with(0, place.local("adopt", "shop", "--active", scene.HOME, "--confirm",
                                      scene.HOME))
        # The seal of the stopped run has reached berlin too: it cannot be asked.
        self.ends_with(0, place.local("failover", "shop", "--to", scene.OTHER, "--override",
                                      "target", "--override", "data_loss", "--confirm",
                                      scene.HOME))
        self.only_writer(scene.OTHER)
        self.scene.bascule.process.send_signal(signal.SIGCONT)
        self.scene.wait_parked(run, after, SECONDS)
        self.assertEqual(watch.end(), [])
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.assertEqual(self.scene.promotions(scene.OTHER), 1)
        # It ends without touching anything, and then it can be told.
        self.scene.run("abort", run, "--reason", "done by hand")
        self.assertEqual(self.scene.json("show", run)["state"], "aborted")
        path = place.export("desk.jsonl")
        self.ends_with(0, self.scene.run("import", path, "--reason", "by hand"))
        self.only_writer(scene.OTHER)


if __name__ == "__main__":
    cases.main()
