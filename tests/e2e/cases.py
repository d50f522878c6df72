"""What every end-to-end test case has: one Scene for its class, ended whatever happens, and the
logs of its parts beside a failure."""
import signal
import sys
import unittest

import scene
import two_writers

# Ends a test before ctest does (TIMEOUT 300): ctest kills, and would leave servers behind.
WHOLE_FILE_SECONDS = 280


class Interrupted(BaseException):
    """A signal asks the tests to end, from wherever they are."""


def interrupt(number, _frame):
    raise Interrupted(signal.Signals(number).name)


class WithScene(unittest.TestCase):
    """One world per class. Tests of a class run in the order of their names and each leaves the
    world as it says."""

    policy = {}

    @classmethod
    def setUpClass(cls):
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.configure(**cls.policy)

    def setUp(self):
        self.addCleanup(self.tell_logs)

    def tell_logs(self):
        result = self._outcome.result
        if any(test is self for test, _ in result.failures + result.errors):
            print(self.scene.ends_of_logs(), file=sys.stderr)

    def watch_writers(self):
        """Watches until its end() or the end of the test that never two sites take writes."""
        watch = two_writers.Watch(self.scene.world)
        self.addCleanup(watch.end)
        return watch

    def ends_with(self, code, answer):
        """The command ended with that exit code."""
        self.assertEqual(answer.code, code, f"\n{answer.out}\n{answer.err}")
        return answer

    def only_writer(self, site):
        self.assertEqual(self.scene.writers(), [site])

    def front_door_shows(self, site):
        self.assertEqual(self.scene.address(), scene.ADDRESS[site])


def main():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, interrupt)
    signal.alarm(WHOLE_FILE_SECONDS)
    unittest.main(verbosity=2, warnings="ignore")  # servers outlive their starters on purpose
