"""Starts the demo's programs that belong to no site: the client and the intruder. teardown.py
ends them."""
import os
import signal
import subprocess
import sys

import build
import machine
import measure


class Program:
    """A running program and the file it writes its record to."""

    def __init__(self, world, name, arguments):
        folder = world.path(name)
        if not os.path.isdir(folder):
            build.make_folder(folder)
        self.name = name
        self.record_path = os.path.join(folder, "record.jsonl")
        open(self.record_path, "w", encoding="utf-8").close()
        with open(world.path("log", name + ".log"), "a", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-IB", world.path("lib", name + ".py"), world.folder, *arguments,
                 self.record_path],
                cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, env=machine.environment())

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """Ends it and waits: afterwards its record is complete."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=5)


def start_client(world):
    """The client and the record of what it saw."""
    program = Program(world, "client", [])
    return program, measure.Record(program.record_path)


def start_intruder(world, site):
    return Program(world, "intruder", [site])
