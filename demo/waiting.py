"""Waiting for a condition with a deadline: the demo's only way to wait."""
import time

LOOK_EVERY_SECONDS = 0.02


class NotInTime(Exception):
    """A condition did not come true in time; the message says which."""


def wait_for(what, condition, seconds, every=LOOK_EVERY_SECONDS):
    """The first true value of condition(). Raises NotInTime, which names `what` was waited for."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise NotInTime(f"waited {seconds} s in vain: {what}")
        time.sleep(every)
