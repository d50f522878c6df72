#!/usr/bin/python3 -B
"""SIGHUP: the configuration is read again, also in the middle of a run; whatever is wrong with it,
the one before stays in force."""
import json
import signal

import cases  # first: it finds the modules of the demo
import scene
from waiting import wait_for


class Reload(cases.WithScene):
    """Each test leaves the group steady at home, with the demo's configuration in force."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def reload(self, text, words):
        """Writes that configuration, sends SIGHUP, and waits for these words in the log."""
        known = len(self.scene.log())
        self.scene.write_configuration(text)
        self.scene.bascule.process.send_signal(signal.SIGHUP)
        wait_for(f"the log says: {words}", lambda: words in self.scene.log()[known:], 20)
        return self.scene.log()[known:]

    def with_policy(self, **changes):
        text = self.scene.configure()
        for key, value in changes.items():
            text = scene.replace_value(text, key, value)
        return text

    def automation(self):
        # Not by the configuration, which is wrong in some of these tests.
        answer = self.ends_with(0, self.scene.run_plain(
            "status", "-o", "json", "--server", f"127.0.0.1:{self.scene.world.api_port}",
            "--token-file", self.scene.world.path("journal.db.token")))
        return json.loads(answer.out)["groups"][0]["automation"]

    def put_back(self):
        self.reload(self.scene.configure(), "is in force")
        self.assertEqual(self.automation(), "automatic")

    def test_1_a_good_one_is_in_force_without_another_term(self):
        before = self.scene.last_seq()
        self.reload(self.with_policy(mode="manual"), "was read again and is in force")
        self.assertEqual(self.automation(), "manual")
        records = self.scene.records(before)
        self.assertEqual([record.type for record in records
                          if record.type in ("TermOpened", "ConfigurationLoaded")],
                         ["ConfigurationLoaded"])
        self.scene.wait_steady(scene.HOME)
        self.put_back()

    def test_2_mistakes_are_told_with_their_places_and_the_one_before_stays(self):
        text = self.with_policy(mode="manual").replace("      cooldown: ", "      cooldwon: ")
        told = self.reload(text, "was not taken")
        self.assertIn("error: ", told)
        self.assertIn("did you mean `cooldown`?", told)
        self.assertRegex(told, r"shop\.yaml:\d+:\d+: error")
        self.assertEqual(self.automation(), "automatic")
        self.assertTrue(self.scene.alive())
        self.put_back()

    def test_3_what_cannot_change_is_refused_by_name(self):
        text = self.with_policy(mode="manual")
        listen = f"listen: 127.0.0.1:{self.scene.world.api_port}"
        self.assertIn(listen, text)
        text = text.replace(listen, "listen: 127.0.0.1:1").replace("cluster: demo ",
                                                                   "cluster: other ")
        told = self.reload(text, "was not taken")
        self.assertIn("cluster, listen cannot change while it runs", told)
        self.assertEqual(self.automation(), "automatic")
        self.put_back()

    def test_4_another_way_to_people_is_used_from_now_on(self):
        other = self.scene.world.path("other.jsonl")
        text = self.scene.configure()
        before = self.scene.world.path("notifications.jsonl")
        self.assertIn(before, text)
        self.reload(text.replace(before, other), "is in force")
        self.ends_with(0, self.scene.run("hold", "shop", "--for", "1h", "--reason", "test"))
        wait_for("it was told there", lambda: "held" in scene.read_text(other), 10)
        self.ends_with(0, self.scene.run("release", "shop", "--reason", "test"))
        self.put_back()

    def test_5_in_the_middle_of_a_run_the_run_goes_on(self):
        self.scene.delay_power()
        with open(self.scene.file, encoding="utf-8") as file:
            patient = file.read()
        self.reload(patient, "is in force")
        before = self.scene.last_seq()
        self.scene.crash(scene.HOME)
        self.scene.wait_step("fence/cut", after=before)
        renamed = patient.replace("- name: berlin", "- name: bremen")
        self.assertNotEqual(renamed, patient)
        told = self.reload(renamed, "was not taken")
        self.assertIn("run r-0001 is open, and the configuration does not name site berlin of shop "
                      "any more", told)
        self.reload(scene.replace_value(patient, "mode", "manual"), "is in force")
        self.assertEqual(self.automation(), "manual")
        self.assertEqual([record for record in self.scene.records(before)
                          if record.type in ("RunEnded", "TermOpened")], [])
        self.scene.let_power_go()
        run = self.scene.wait_run(before)
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.ends_with(0, self.scene.run("audit", "verify"))


if __name__ == "__main__":
    cases.main()
