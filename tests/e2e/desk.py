"""Another machine in a test: the same configuration with a journal of its own, and no way to the
daemon, whose API listens on its own loopback address."""
import json
import os
import sqlite3
import subprocess

import machine
import scene


class Desk:
    """A person's machine. Its journal begins empty."""

    def __init__(self, world, name, folder=None):
        self.scene = world
        self.name = name
        self.store = os.path.join(folder or world.world.folder, name + ".db")
        self.file = world.world.path(name + ".yaml")
        text = scene.read_text(world.file)
        for old, new in ((world.world.path("journal.db"), self.store),
                         (f"127.0.0.1:{world.world.api_port}", "127.0.0.1:9"),
                         ("{name: laptop}", f"{{name: {name}}}")):
            if old not in text:
                raise AssertionError(f"{old} is not in the configuration")
            text = text.replace(old, new, 1)
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)

    def run(self, *words, limit=90):
        return self.scene.run_plain(*words, "-c", self.file, limit=limit)

    def local(self, *words, limit=90):
        """A command without a daemon, with a reason."""
        return self.run(*words, "--local", "--reason", f"by hand at {self.name}", limit=limit)

    def begin(self, *words):
        return subprocess.Popen([self.scene.bascule.program, *words, "--local", "--reason",
                                 f"by hand at {self.name}", "-c", self.file],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, cwd=self.scene.world.folder,
                                env=machine.environment(USER="ana"))

    def records(self):
        """What its journal holds by now, oldest first."""
        if not os.path.exists(self.store):
            return []
        connection = sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT bytes FROM journal ORDER BY seq").fetchall()
        except sqlite3.OperationalError:  # not made yet
            return []
        finally:
            connection.close()
        return [scene.bascule_view.Record(json.loads(row[0])) for row in rows]

    def export(self, name):
        """Exports its journal to a file of that name, and returns the file's path."""
        path = self.scene.world.path(name)
        answer = self.run("audit", "export", "--out", path)
        if answer.code != 0:
            raise AssertionError(f"audit export: {answer.code}: {answer.err}")
        return path


def copy_journal(source, target):
    """A journal as it is now, also while somebody writes it."""
    for ending in ("", "-wal", "-shm"):
        if os.path.exists(target + ending):
            os.remove(target + ending)
    with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as before, \
            sqlite3.connect(target) as after:
        before.backup(after)


def remove_journal(path):
    for name in os.listdir(os.path.dirname(path)):
        if name.startswith(os.path.basename(path)) and not name.endswith(".token"):
            os.remove(os.path.join(os.path.dirname(path), name))
