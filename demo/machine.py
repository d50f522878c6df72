"""One site as a machine: starts and stops its PostgreSQL server and its HTTP service.

Layout of FOLDER/SITE: data (PostgreSQL), service (where the service works), postgresql.conf,
pg_hba.conf, pgpass, power.state, log/. The configuration lives outside the data folder, so that
pg_rewind and pg_basebackup, which copy the other site's files, never bring its address along.
Decides nothing about roles: it starts what is on disk.
"""
import ctypes
import os
import signal
import subprocess
import sys
import time

import processes
import settings

START_WITHIN_SECONDS = 60
STOP_WITHIN_SECONDS = 20


class MachineError(Exception):
    """A server did not start or stop; the message says which and where its log is."""


class Machine:
    """A site of a world. Needs the rights to act as the site's users (as root, or where
    everything is one user)."""

    def __init__(self, world, site):
        self.world = world
        self.site = site
        self.address = settings.SITES[site]
        self.data = world.path(site, "data")
        self.service_folder = world.path(site, "service")

    def path(self, *parts):
        return self.world.path(self.site, *parts)

    def program(self, name):
        return os.path.join(self.world.postgres_bin, name)

    def as_postgres(self, arguments, log, seconds=120):
        """Runs a program of PostgreSQL to its end for this site; its output goes to the log."""
        with open(self.path("log", log), "a", encoding="utf-8") as output:
            return subprocess.run(arguments, cwd=self.path(), stdin=subprocess.DEVNULL,
                                  stdout=output, stderr=subprocess.STDOUT, timeout=seconds,
                                  check=False,
                                  env=environment(PGPASSFILE=self.path("pgpass")),
                                  **identity(self.world.postgres_user)).returncode

    # PostgreSQL

    def server_arguments(self):
        return [self.program("postgres"), "-D", self.data, "-c",
                "config_file=" + self.path("postgresql.conf")]

    def start_postgres(self):
        """Starts the server unless it runs and returns when it takes connections."""
        server = None
        if not processes.inside(self.data):
            self.forget_old_server()
            server = self.spawn(self.server_arguments(), self.data, "postgres.log",
                                self.world.postgres_user, PGPASSFILE=self.path("pgpass"))
        log = self.path("log", "postgres.log")
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while self.server_status() != "ready":
            ended = server.poll() is not None if server else not processes.inside(self.data)
            if ended:
                how = f" (it ended with {server.returncode})" if server else ""
                raise MachineError(f"{self.site}: PostgreSQL did not start{how}, see {log}")
            if time.monotonic() > deadline:
                raise MachineError(f"{self.site}: PostgreSQL is not ready in time, see {log}")
            time.sleep(0.005)

    def stop_postgres(self):
        """Stops the server in an orderly way, so that pg_rewind can work on its data; by force
        where it will not."""
        for number, seconds in ((signal.SIGINT, STOP_WITHIN_SECONDS), (signal.SIGQUIT, 5)):
            server = self.server_process()
            if server:
                processes.send([server], number)
            if processes.wait_until_gone(self.data, seconds):
                return
        if not processes.kill_all(self.data, 5):
            raise MachineError(f"{self.site}: PostgreSQL does not stop")

    def server_lines(self):
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as file:
                return file.read().split("\n")
        except FileNotFoundError:
            return []

    def server_process(self):
        """The id of the running server, or None: what a killed one left does not count."""
        lines = self.server_lines()
        return int(lines[0]) if lines and int(lines[0]) in processes.inside(self.data) else None

    def server_status(self):
        """What the server last said of itself ("starting", "ready", …), or empty when it does
        not run."""
        lines = self.server_lines()
        return lines[7].strip() if len(lines) > 7 and self.server_process() else ""

    def forget_old_server(self):
        """Removes what a killed server leaves behind: its lock file and its shared memory."""
        lines = self.server_lines()
        if len(lines) > 6 and len(lines[6].split()) == 2:
            remove_shared_memory(int(lines[6].split()[1]))
        if lines:
            os.unlink(os.path.join(self.data, "postmaster.pid"))

    # The service

    def start_service(self):
        """Starts the HTTP service unless it runs and returns when it listens."""
        if not processes.inside(self.service_folder):
            program = self.world.path("lib", "service.py")
            self.spawn([sys.executable, "-IB", program, self.world.folder, self.site],
                       self.service_folder,
                       "service.log", self.world.service_user)
        deadline = time.monotonic() + START_WITHIN_SECONDS
        while not processes.listeners(self.address, {self.world.http_port}):
            if time.monotonic() > deadline or not processes.inside(self.service_folder):
                log = self.path("log", "service.log")
                raise MachineError(f"{self.site}: the service did not start, see {log}")
            time.sleep(0.005)

    def spawn(self, arguments, folder, log, user, **variables):
        """Starts a program that outlives its starter, in a session of its own; the folder it
        works in marks it."""
        with open(self.path("log", log), "a", encoding="utf-8") as output:
            return subprocess.Popen(arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                    stderr=subprocess.STDOUT, start_new_session=True,
                                    env=environment(**variables), **identity(user))


def identity(user):
    """Arguments of subprocess for running as this user; none for staying who one is."""
    return {"user": user, "group": user_group(user), "extra_groups": []} if user else {}


def user_group(user):
    import pwd
    return pwd.getpwnam(user).pw_gid


def environment(**more):
    """A small environment, the same whoever started the demo."""
    return {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
            "HOME": "/nonexistent",
            **more}


def remove_shared_memory(identifier):
    """Frees a System V segment that a killed server left; one that is gone already is no error."""
    library = ctypes.CDLL(None, use_errno=True)
    ipc_remove = 0
    library.shmctl(ctypes.c_int(identifier), ctypes.c_int(ipc_remove), None)
