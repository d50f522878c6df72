#!/usr/bin/python3 -B
"""Bascule dies, or is stopped, in the middle of a failover, and goes on at its next start.

Each test kills it within another step. Afterwards the run is done, exactly one promotion was made,
never two sites took writes, and the journal is whole.
"""
import signal

import cases  # first: it finds the modules of the demo
import processes
import scene
import slow_wire

class Deaths(cases.WithScene):
    @classmethod
    def setUpClass(cls):
        """Here each test has a world of its own."""

    def setUp(self):
        self.scene = scene.Scene()
        self.addCleanup(self.scene.close)
        super().setUp()

    def begin_failover(self):
        """The source is lost; from here on Bascule acts by itself."""
        self.watch = self.watch_writers()
        scene.wait_for("rows are written at home", lambda: self.watch.count(scene.HOME), 10)
        self.before = self.scene.last_seq()
        self.scene.crash(scene.HOME)

    def kill_within(self, step):
        """kill -9 as soon as the journal announces that step. Returns what it held then."""
        self.scene.wait_step(step, after=self.before)
        self.scene.bascule.process.kill()
        self.scene.bascule.process.wait(5)
        return self.scene.records(self.before)

    def goes_on_to_the_end(self, run="r-0001"):
        """The next start ends the run, and the world is as after any failover."""
        self.scene.start(steady=None)
        self.assertEqual(self.scene.wait_end(run).data["state"], "done")
        self.is_as_after_a_failover(run)

    def is_as_after_a_failover(self, run="r-0001"):
        scene.wait_for("rows are written", lambda: self.watch.count(scene.OTHER), 10)
        self.assertEqual(self.watch.end(), [])
        self.only_writer(scene.OTHER)
        self.front_door_shows(scene.OTHER)
        self.assertEqual((self.scene.timeline(scene.OTHER), self.scene.promotions(scene.OTHER)),
                         (2, 1))
        records = self.scene.records(self.before)
        self.assertEqual([record.data["run"] for record in records if record.type == "RunOpened"],
                         [run])
        self.assertEqual([record.data["site"] for record in records
                          if record.type == "ActiveSiteChanged"], [scene.OTHER])
        self.ends_with(0, self.scene.run("audit", "verify"))
        self.assertEqual(self.scene.json("show", run)["state"], "done")

    def test_killed_within_the_claim_it_goes_on(self):
        self.scene.start()
        self.begin_failover()
        self.kill_within("claim/generation")
        self.goes_on_to_the_end()

    def test_killed_within_the_fence_it_does_not_start_the_hook_beside_its_orphan(self):
        self.scene.delay_power()
        self.scene.start()
        self.begin_failover()
        self.kill_within("fence/cut")
        self.assertEqual(self.scene.writers(), [])
        self.scene.start(steady=None)
        self.scene.let_power_go()
        self.assertEqual(self.scene.wait_end("r-0001").data["state"], "done")
        self.is_as_after_a_failover()

    def test_killed_within_the_promotion_it_promotes_no_second_time(self):
        self.scene.start()
        self.begin_failover()
        startup = [process for process in processes.inside(self.scene.world.path(scene.OTHER,
                                                                                 "data"))
                   if "startup" in title(process)]
        self.assertEqual(len(startup), 1)
        processes.send(startup, signal.SIGSTOP)  # the promotion cannot end
        records = self.kill_within("activate/promote")
        self.assertFalse(any(record.type == "ActiveSiteChanged" for record in records))
        self.assertEqual(self.scene.writers(), [])
        processes.send(startup, signal.SIGCONT)
        self.goes_on_to_the_end()

    def test_killed_within_the_front_door_it_goes_on(self):
        self.scene.start()
        self.begin_failover()
        self.kill_within("front_door/address")
        self.goes_on_to_the_end()

    def test_stopped_in_the_middle_it_ends_cleanly_and_the_next_start_goes_on(self):
        self.scene.delay_power()
        self.scene.start()
        self.begin_failover()
        self.scene.wait_step("fence/cut", after=self.before)
        self.assertEqual(self.scene.stop(), 0)
        self.assertIn("what is under way goes on at the next start", self.scene.log())
        self.assertFalse(any(record.type == "RunEnded" for record in self.scene.records()))
        self.front_door_shows(scene.HOME)
        self.scene.let_power_go()
        self.goes_on_to_the_end()

    def test_killed_again_and_again_it_still_ends(self):
        self.scene.start()
        self.begin_failover()
        self.kill_within("claim/generation")
        for step in ("activate/promote", "front_door/address"):
            self.scene.bascule.start()
            self.kill_within(step)
        self.goes_on_to_the_end()


class LateWrites(Deaths):
    """What a Bascule that died has sent to the name server arrives after its successor has acted:
    the front door is written as compare-and-set, so it is refused (S03, S33)."""

    def setUp(self):
        super().setUp()
        self.wire = slow_wire.SlowWire(self.scene.world.dns_port)
        self.addCleanup(self.wire.close)
        text = self.scene.configure()
        server = f'servers: ["127.0.0.1:{self.scene.world.dns_port}"]'
        self.assertIn(server, text)
        self.scene.write_configuration(
            text.replace(server, f'servers: ["127.0.0.1:{self.wire.port}"]'))

    def dies_with_a_write_on_the_wire(self):
        self.assertTrue(self.wire.held.wait(20))
        self.scene.bascule.process.kill()
        self.scene.bascule.process.wait(5)

    def test_a_late_claim_is_refused(self):
        self.scene.start()
        self.wire.hold_next()
        self.begin_failover()
        self.dies_with_a_write_on_the_wire()
        self.assertEqual(self.scene.generation(), (1, scene.HOME))
        self.goes_on_to_the_end()
        self.assertIn(self.wire.release(), ("NXRRSET", "YXRRSET"))
        self.front_door_shows(scene.OTHER)

    def test_a_late_switch_is_refused(self):
        self.scene.start()
        self.begin_failover()
        self.scene.wait_step("claim/generation", "StepEnded", after=self.before)
        self.wire.hold_next()
        self.dies_with_a_write_on_the_wire()
        self.front_door_shows(scene.HOME)
        self.only_writer(scene.OTHER)
        self.goes_on_to_the_end()
        self.assertIn(self.wire.release(), ("NXRRSET", "YXRRSET"))
        self.front_door_shows(scene.OTHER)


def title(process):
    """What the process calls itself; empty when it has ended meanwhile."""
    try:
        with open(f"/proc/{process}/cmdline", encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def load_tests(loader, _tests, _pattern):
    """LateWrites does not repeat what it inherits."""
    suite = loader.loadTestsFromTestCase(Deaths)
    suite.addTests(LateWrites(name) for name in loader.getTestCaseNames(LateWrites)
                   if name in vars(LateWrites))
    return suite


if __name__ == "__main__":
    cases.main()
