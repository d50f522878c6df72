"""Watches that never two sites take writes at the same time.

One thread per site asks all the time, as the service's own role, over a connection that it keeps:
an application would not ask more gently. A site that took a write before and after another one
did was writable at the same time.
"""
import threading
import time

import psycopg2

import scene
import settings

EVERY_SECONDS = 0.01


class Watch:
    """Runs from its making until end(). Writes rows with identifiers below -1000 and takes them
    back."""

    def __init__(self, world):
        self.world = world
        self.ending = threading.Event()
        self.taken = []  # (asked at, answered at, site), of the writes that were taken
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.watch, args=(site, number), daemon=True)
                        for number, site in enumerate(settings.SITES)]
        for thread in self.threads:
            thread.start()

    def end(self):
        """Ends watching and returns what contradicts "one writer", as sentences."""
        self.ending.set()
        for thread in self.threads:
            thread.join(5)
        return contradictions(sorted(self.taken))

    def count(self, site):
        with self.lock:
            return sum(1 for entry in self.taken if entry[2] == site)

    def watch(self, site, number):
        connection = None
        while not self.ending.wait(EVERY_SECONDS):
            asked = time.monotonic()
            try:
                connection = connection or scene.connect_as_service(self.world, site)
                with connection.cursor() as cursor:
                    cursor.execute("BEGIN READ WRITE")
                    cursor.execute("INSERT INTO orders (id, site) VALUES (%s, 'watch')",
                                   (-1000 - number,))
                    cursor.execute("ROLLBACK")
            except (psycopg2.Error, OSError):
                if connection is not None:
                    connection.close()
                    connection = None
                continue
            with self.lock:
                self.taken.append((asked, time.monotonic(), site))
        if connection is not None:
            connection.close()


def contradictions(taken):
    """`taken`: (asked, answered, site) in the order of time."""
    found = []
    for site in settings.SITES:
        own = [entry for entry in taken if entry[2] == site]
        others = [entry for entry in taken if entry[2] != site]
        if not own:
            continue
        within = [entry for entry in others
                  if own[0][1] < entry[0] and entry[1] < own[-1][0]]
        if within:
            found.append(f"{within[0][2]} took a write between two of {site}")
    return found
