"""One world of real parts for a test: two sites with PostgreSQL and a service, a name server, and
the `bascule` program, driven as a user would.

The parts are the demo's own (demo/*.py). What a test asserts about the world it asks from the
parts themselves, never from Bascule: who takes writes, what the name server answers, which rows
exist. The journal is read from its file, so that it can also be read while no daemon lives.

BASCULE names the program; KEEP=1 leaves the folders of ended worlds, with their logs and journals.
"""
import collections
import json
import os
import signal
import sqlite3
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "demo"))

import dns.exception  # noqa: E402 (Debian's python3-dnspython)
import dns.query  # noqa: E402
import dns.rcode  # noqa: E402
import dns.tsigkeyring  # noqa: E402
import dns.update  # noqa: E402
import psycopg2  # noqa: E402 (Debian's python3-psycopg2)

import bascule_view  # noqa: E402
import build  # noqa: E402
import dns_server  # noqa: E402
import machine  # noqa: E402
import processes  # noqa: E402
import settings  # noqa: E402
import teardown  # noqa: E402
from waiting import wait_for  # noqa: E402

GROUP = bascule_view.GROUP
HOME, OTHER = settings.SITES
ADDRESS = settings.SITES
STEADY_SECONDS = 40
STOP_SECONDS = 15
LINES_OF_A_LOG = 25
MEMORY = "/dev/shm"
NEEDED_BYTES = 2 << 30

Answer = collections.namedtuple("Answer", "code out err")


class Scene:
    """A world from its building to its end. Everything it starts works inside its folder, so
    close() finds it, also what a killed daemon left behind."""

    def __init__(self):
        self.world = build.make_world(dns_server.users(), place_in_memory())
        self.bascule = bascule_view.Bascule(self.world)
        self.journal = self.world.path("journal.db")
        try:
            build.make_sites(self.world)
            dns_server.start(self.world)
            build.write_configuration(self.world)
            self.bascule.install_command()
        except BaseException:
            print(self.ends_of_logs(), file=sys.stderr)
            self.close()
            raise

    def close(self):
        self.thaw()
        teardown.stop_everything(self.world)
        if os.environ.get("KEEP", "") in ("", "0"):
            teardown.remove_folder(self.world)

    # Configuration

    @property
    def file(self):
        return self.world.path("shop.yaml")

    def configure(self, **changes):
        """Writes the configuration anew with `changes`: mode="manual" changes that key."""
        build.write_configuration(self.world)
        with open(self.file, encoding="utf-8") as file:
            text = file.read()
        for key, value in changes.items():
            text = replace_value(text, key, value)
        self.write_configuration(text)
        return text

    def write_configuration(self, text):
        with open(self.file, "w", encoding="utf-8") as file:
            file.write(text)

    # Commands

    def run(self, *words, limit=60, environment=None):
        """A command with this world's configuration, without a terminal, to its end."""
        return self.run_plain(*words, "-c", self.file, limit=limit, environment=environment)

    def run_plain(self, *words, limit=60, environment=None):
        done = subprocess.run([self.bascule.program, *words], capture_output=True, text=True,
                              timeout=limit, check=False, stdin=subprocess.DEVNULL,
                              cwd=self.world.folder,
                              env=machine.environment(USER="ana", **(environment or {})))
        return Answer(done.returncode, done.stdout, done.stderr)

    def begin(self, *words):
        """A command that goes on while the test does something else; ends with the world."""
        return subprocess.Popen([self.bascule.program, *words, "-c", self.file],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, cwd=self.world.folder,
                                env=machine.environment(USER="ana"))

    def json(self, *words):
        """What a command that succeeds prints with -o json."""
        answer = self.run(*words, "-o", "json")
        if answer.code != 0:
            raise AssertionError(f"bascule {' '.join(words)} ended with {answer.code}: "
                                 f"{answer.out}{answer.err}")
        return json.loads(answer.out)

    # The daemon

    def start(self, steady=HOME):
        """Starts the daemon; returns when the group is healthy and protected (steady=None: when
        the daemon answers)."""
        self.bascule.start()
        wait_for("the daemon answers", self.answers, STEADY_SECONDS)
        if steady:
            self.wait_steady(steady)

    def answers(self):
        self.bascule.require_alive()
        return self.run("status", "-o", "json").code == 0

    def wait_steady(self, active, seconds=STEADY_SECONDS):
        def steady():
            situation = self.bascule.situation()
            return situation is not None and situation.steady(active)
        wait_for(f"{active} is active, healthy and protected", steady, seconds, every=0.1)

    def stop(self, number=signal.SIGTERM):
        """Ends the daemon and returns its exit code."""
        self.bascule.process.send_signal(number)
        return self.bascule.process.wait(STOP_SECONDS)

    def alive(self):
        return self.bascule.process is not None and self.bascule.process.poll() is None

    def log(self):
        return read_text(self.bascule.log_path())

    # The journal

    def records(self, after=0):
        """The records after that number, oldest first."""
        if not os.path.exists(self.journal):
            return []
        connection = sqlite3.connect(f"file:{self.journal}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT bytes FROM journal WHERE seq > ? ORDER BY seq",
                                      (after,)).fetchall()
        except sqlite3.OperationalError:  # not made yet
            return []
        finally:
            connection.close()
        return [bascule_view.Record(json.loads(row[0])) for row in rows]

    def last_seq(self):
        records = self.records()
        return records[-1].seq if records else 0

    def wait_record(self, what, matches, after=0, seconds=30):
        """The first record after that number that matches. Looks often: a test may want to act
        within the step that the record announces."""
        seen = after

        def look():
            nonlocal seen
            for record in self.records(seen):
                seen = record.seq
                if matches(record):
                    return record
            return None
        return wait_for(what, look, seconds, every=0.001)

    def wait_step(self, step, kind="StepStarted", after=0, seconds=30):
        return self.wait_record(f"{kind} of {step}", lambda record: record.type == kind and
                                record.data["step"] == step, after, seconds)

    def wait_run(self, after=0, seconds=30):
        """The first run that is opened after that record."""
        return self.wait_record("a run is opened", lambda record: record.type == "RunOpened",
                                after, seconds).data["run"]

    def wait_end(self, run, seconds=60):
        """The record with which the run ended."""
        return self.wait_record(f"{run} ends", lambda record: record.type == "RunEnded" and
                                record.data["run"] == run, seconds=seconds)

    def wait_parked(self, run, after=0, seconds=60):
        return self.wait_record(f"{run} is parked", lambda record: record.type == "RunParked" and
                                record.data["run"] == run, after, seconds)

    # The world outside

    def takes_writes(self, site):
        """Does an ordinary role get a row into that site's database now? The row is taken back."""
        try:
            connection = connect_as_service(self.world, site)
        except psycopg2.Error:
            return False
        try:
            with connection.cursor() as cursor:
                cursor.execute("BEGIN READ WRITE")
                cursor.execute("INSERT INTO orders (id, site) VALUES (-1, 'e2e')")
                cursor.execute("ROLLBACK")
            return True
        except psycopg2.Error:
            return False
        finally:
            connection.close()

    def writers(self):
        return [site for site in settings.SITES if self.takes_writes(site)]

    def write(self, site, identifier):
        build.query(self.world, site, "INSERT INTO orders (id, site) VALUES (%s, %s)",
                    (identifier, site))

    def rows(self, site):
        return {row[0] for row in build.query(self.world, site, "SELECT id FROM orders")}

    def timeline(self, site):
        """The timeline on which that primary writes: each promotion takes the next."""
        return int(build.query(self.world, site, "SELECT substr(pg_walfile_name("
                               "pg_current_wal_lsn()), 1, 8)")[0][0], 16)

    def promotions(self, site):
        """How often the site's server was promoted, as its own log tells it."""
        return read_text(self.world.path(site, "log", "postgres.log")).count(
            "selected new timeline ID")

    def streaming(self, site):
        return build.streaming(self.world, site)

    def address(self):
        """What the name server answers for the front door; None without an answer."""
        try:
            return dns_server.address(self.world)
        except (OSError, dns.exception.DNSException):
            return None

    def generation(self):
        """(generation, target) as the name server shows them; None before the first."""
        records = dns_server.ask(self.world, "_bascule." + settings.FRONT_DOOR, "TXT")
        if records is None:
            return None
        words = b"".join(records[0].strings).decode().split()
        return int(words[0]), words[3]

    # Others who write the front door

    def edit_front_door(self, edit):
        """Sends what edit(update) has put into it, signed, past Bascule: as another tool would."""
        keys = dns.tsigkeyring.from_text({dns_server.KEY_NAME: self.world.secret("tsig.secret")})
        update = dns.update.Update("shop.test.", keyring=keys, keyalgorithm="hmac-sha256")
        edit(update)
        answer = dns.query.tcp(update, "127.0.0.1", port=self.world.dns_port, timeout=5)
        if answer.rcode() != dns.rcode.NOERROR:
            raise AssertionError(f"the update was refused: {dns.rcode.to_text(answer.rcode())}")

    def lead_clients_to(self, site):
        self.edit_front_door(lambda update: update.replace("www", 1, "A", ADDRESS[site]))

    def remove_claim(self):
        self.edit_front_door(lambda update: update.delete("_bascule.www", "TXT"))

    # Faults

    def power(self, state, site):
        done = subprocess.run([self.world.path("power"), state, site], capture_output=True,
                              text=True, timeout=90, check=False)
        if done.returncode != 0:
            raise AssertionError(f"power {state} {site}: {done.stdout}{done.stderr}")

    def crash(self, site):
        """kill -9 of everything in a site, as when its machine dies; its switch stays on."""
        processes.kill_all(self.world.path(site), 5)

    def break_power(self, body):
        """Puts a shell script in the place of the power switch, and keeps the real one as
        power.real."""
        if not os.path.exists(self.world.path("power.real")):
            os.rename(self.world.path("power"), self.world.path("power.real"))
        temporary = self.world.path("power.new")
        with open(temporary, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncd {self.world.folder}\n{body}\n")
        os.chmod(temporary, 0o755)
        os.replace(temporary, self.world.path("power"))

    def delay_power(self):
        """The power switch waits before it switches off, until let_power_go(), and the next daemon
        has patience with it. It still answers whether a site is off."""
        with open(self.file, encoding="utf-8") as file:
            text = file.read()
        for impatient, patient in (("refuse, timeout: 2s}", "refuse, timeout: 30s}"),
                                   ("}, timeout: 5s}", "}, timeout: 30s}")):
            if impatient not in text:
                raise AssertionError(f"{impatient} is not in the configuration")
            text = text.replace(impatient, patient)
        self.write_configuration(text)
        self.break_power('if [ "$1" = off ]; then while [ ! -e power.go ]; do sleep 0.01; done; fi'
                         '\nexec ./power.real "$@"')

    def let_power_go(self):
        open(self.world.path("power.go"), "w", encoding="ascii").close()

    def mend_power(self):
        if os.path.exists(self.world.path("power.real")):
            os.replace(self.world.path("power.real"), self.world.path("power"))

    def freeze(self, place):
        """Stops every process of that folder in its tracks, until thaw(). What is sent to it
        meanwhile waits in its sockets, as at a machine that hangs."""
        processes.send(processes.inside(self.world.path(place)), signal.SIGSTOP)

    def thaw(self):
        for place in ("dns", *settings.SITES):
            processes.send(processes.inside(self.world.path(place)), signal.SIGCONT)

    # When a test fails

    def ends_of_logs(self):
        paths = [self.bascule.log_path()]
        paths += [self.world.path(site, "log", "postgres.log") for site in settings.SITES]
        text = ""
        for path in paths:
            lines = read_text(path).splitlines()[-LINES_OF_A_LOG:]
            text += f"\n--- end of {os.path.relpath(path, self.world.folder)}\n" + "\n".join(lines)
        return text


def connect_as_service(world, site):
    """A connection with the role of the service, an ordinary one. Raises psycopg2.Error."""
    connection = psycopg2.connect(
        host=ADDRESS[site], port=world.postgres_port, dbname=settings.DATABASE, user="app",
        password=world.secret(f"{site}/app.password"), sslmode="disable", connect_timeout=2,
        application_name="e2e")
    connection.autocommit = True
    return connection


def place_in_memory():
    """Where files are kept in memory, if there is such a place with room: the tests kill
    processes, never the machine, so nothing is lost but the waiting for a disk."""
    try:
        found = os.statvfs(MEMORY)
    except OSError:
        return None
    roomy = found.f_bavail * found.f_frsize >= NEEDED_BYTES
    return MEMORY if roomy and not found.f_flag & os.ST_NOEXEC and os.access(MEMORY, os.W_OK) \
        else None


def replace_value(text, key, value):
    """Sets `key: …` of the policy, a line of its own, to that value."""
    lines = text.split("\n")
    places = [number for number, line in enumerate(lines)
              if line.startswith("      " + key + ":")]
    if len(places) != 1:
        raise AssertionError(f"{key} stands {len(places)} times in the policy")
    lines[places[0]] = f"      {key}: {value}"
    return "\n".join(lines)


def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""
