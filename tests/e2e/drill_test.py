#!/usr/bin/python3 -B
"""A drill: there, and back by itself."""
import cases  # first: it finds the modules of the demo
import scene


class Drill(cases.WithScene):
    policy = {"mode": "manual"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.scene.start()

    def group(self):
        return self.scene.json("status")["groups"][0]

    def wait_type(self, kind, before, seconds=60):
        return self.scene.wait_record(kind, lambda record: record.type == kind, before, seconds)

    def test_1_a_drill_without_a_way_back_is_no_drill(self):
        answer = self.ends_with(2, self.scene.run("drill", "shop", "--reason", "test"))
        self.assertIn("--back-after", answer.err)
        self.ends_with(2, self.scene.run("drill", "shop", "--back-after", "2h", "--deadline", "1h",
                                         "--reason", "test"))
        self.only_writer(scene.HOME)

    def test_2_there_and_back(self):
        before = self.scene.last_seq()
        there = self.watch_writers()
        # As it was planned and looked through: what differs from that would be refused.
        saved = self.scene.world.path("drill.json")
        with open(saved, "w", encoding="utf-8") as file:
            file.write(self.ends_with(0, self.scene.run("plan", "shop", "--to", scene.OTHER,
                                                        "--move", "drill", "-o", "json")).out)
        self.ends_with(0, self.scene.run("drill", "--plan", saved, "--back-after", "5s",
                                         "--deadline", "10m", "--reason", "quarterly drill"))
        begun = self.wait_type("DrillBegun", before)
        self.assertEqual((begun.data["site"], begun.data["home"]), (scene.OTHER, scene.HOME))
        self.assertEqual(there.end(), [])
        back = self.watch_writers()
        self.front_door_shows(scene.OTHER)
        drill = self.group()["drill"]
        self.assertEqual(drill["home"], scene.HOME)
        ended = self.wait_type("DrillEnded", before, 120)
        self.assertTrue(ended.data["succeeded"], ended.data["because"])
        self.assertEqual(back.end(), [])
        self.front_door_shows(scene.HOME)
        self.only_writer(scene.HOME)
        self.assertIsNone(self.group()["drill"])
        self.assertIn("last good drill", self.ends_with(0, self.scene.run("status")).out)
        self.assertEqual([(run["move"], run["state"]) for run in self.scene.json("runs")],
                         [("switchover", "done"), ("drill", "done")])
        answer = self.ends_with(3, self.scene.run("drill", "--plan", saved, "--back-after", "5s",
                                                  "--reason", "again"))
        self.assertIn("plan", answer.err)
        self.assertRegex(self.ends_with(0, self.scene.run("audit", "verify")).out, r"^OK ")


if __name__ == "__main__":
    cases.main()
