#!/usr/bin/python3 -B
"""Somebody else edits the front door: it is noticed, told, and set back where that is wanted."""
import cases  # first: it finds the modules of the demo
import scene


class Drift(cases.WithScene):
    policy = {"mode": "manual"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def wait_drift(self, before, kind):
        return self.scene.wait_record("the drift is noticed", lambda record: record.type ==
                                      "FrontDoorDrifted" and record.data["kind"] == kind, before)

    def wait_restored(self, before):
        return self.scene.wait_record("it is as it should be again", lambda record:
                                      record.type == "FrontDoorRestored", before)

    def group(self):
        return self.scene.json("status")["groups"][0]

    def test_1_an_edited_address_is_told_and_left_until_a_person_takes_it_back(self):
        before = self.scene.last_seq()
        generation = self.scene.generation()
        self.scene.lead_clients_to(scene.OTHER)
        drift = self.wait_drift(before, "address")
        self.assertEqual(drift.data["expected"], scene.ADDRESS[scene.HOME])
        self.assertEqual(drift.data["found"], scene.ADDRESS[scene.OTHER])
        shown = self.group()["drift"]
        self.assertEqual((shown["kind"], shown["found"]),
                         ("address", scene.ADDRESS[scene.OTHER]))
        text = " ".join(self.ends_with(0, self.scene.run("status")).out.split())
        self.assertIn("www.shop.test shows 127.0.1.2 (berlin), not 127.0.1.1 (amsterdam)", text)
        command = "bascule adopt shop --active amsterdam"
        self.assertIn(command, text)
        self.assertIn(command, self.ends_with(0, self.scene.run("explain", "shop")).out)
        self.front_door_shows(scene.OTHER)
        self.ends_with(0, self.scene.run("adopt", "shop", "--active", scene.HOME,
                                         "--reason", "an old script ran"))
        self.wait_restored(before)
        self.front_door_shows(scene.HOME)
        self.assertGreater(self.scene.generation(), generation)
        self.assertIsNone(self.group()["drift"])

    def test_2_a_lost_claim_is_drift_of_its_own_kind(self):
        before = self.scene.last_seq()
        self.scene.remove_claim()
        self.assertIn("_bascule.www.shop.test is gone",
                      self.wait_drift(before, "claim").data["because"])
        self.ends_with(0, self.scene.run("adopt", "shop", "--active", scene.HOME,
                                         "--reason", "the zone was cleaned"))
        self.wait_restored(before)
        self.assertEqual(self.scene.generation()[1], scene.HOME)

    def test_3_where_the_policy_says_so_it_is_set_back(self):
        self.scene.stop()
        self.scene.configure(mode="manual", reassert_front_door="true")
        before = self.scene.last_seq()
        self.scene.start()
        self.scene.lead_clients_to(scene.OTHER)
        self.wait_drift(before, "address")
        self.wait_restored(before)
        self.front_door_shows(scene.HOME)
        self.assertRegex(self.ends_with(0, self.scene.run("audit", "verify")).out, r"^OK ")


if __name__ == "__main__":
    cases.main()
