"""Builds the world of a demo: folder, secrets, programs, two sites and the configuration.

Afterwards amsterdam runs as primary with an empty table and berlin follows it. Whoever calls
this ends it again with teardown.py, also when building failed half way.
"""
import os
import py_compile
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time

import psycopg2

import machine
import ports
import settings

HERE = os.path.dirname(os.path.realpath(__file__))
PREFIX = "bascule-demo-"
LIBRARY = ("processes.py", "settings.py", "machine.py", "service.py", "client.py", "intruder.py")
PROGRAMS = ("power", "rejoin")
FOLLOW_WITHIN_SECONDS = 30

POSTGRES_SETTINGS = """\
# Small and quick to start, but as durable as in production: fsync and commit as by default.
listen_addresses = '{address}'
port = {port}
cluster_name = '{site}'
unix_socket_directories = ''
hba_file = '{folder}/pg_hba.conf'
max_connections = 60
shared_buffers = 32MB
dynamic_shared_memory_type = mmap       # leaves nothing behind when it is killed
wal_level = replica
wal_log_hints = on                      # pg_rewind needs it
wal_keep_size = 256MB                   # instead of an archive
wal_receiver_status_interval = 1s
hot_standby = on
log_line_prefix = '%m [%p] %q%u '
log_min_messages = warning
"""

ACCESS = """\
# Only by password, also from this machine.
host all         all        127.0.0.0/8 scram-sha-256
host replication replicator 127.0.0.0/8 scram-sha-256
"""


class BuildError(Exception):
    """Something the demo needs is missing or did not work; the message says what to do."""


def find_postgres():
    newest_first = sorted(os.listdir("/usr/lib/postgresql"), key=float, reverse=True) \
        if os.path.isdir("/usr/lib/postgresql") else []
    for version in ["15"] + newest_first:
        folder = f"/usr/lib/postgresql/{version}/bin"
        if os.access(os.path.join(folder, "postgres"), os.X_OK):
            return folder
    raise BuildError("PostgreSQL is not installed: apt-get install postgresql-15")


def user_if_root(*names):
    """The first of these users that exists, for root; empty for staying who one is."""
    if os.geteuid() != 0:
        return ""
    for name in names:
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise BuildError(f"there is no user {names[0]} on this machine")


def make_world(dns_user_names, place=None):
    """An empty world in a new folder below `place` (default: where temporary files go), with free
    ports."""
    sites = list(settings.SITES.values())
    postgres_bin = find_postgres()
    postgres_user = user_if_root("postgres")
    service_user = user_if_root("nobody", "daemon")
    dns_user = user_if_root(*dns_user_names)
    postgres_port, http_port, dns_port, api_port = ports.pick(
        [sites, sites, ["127.0.0.1"], ["127.0.0.1"]])
    folder = tempfile.mkdtemp(prefix=PREFIX, dir=place)
    try:
        os.chmod(folder, 0o755)
        world = settings.World(folder, postgres_port, http_port, dns_port, api_port, postgres_bin,
                               postgres_user, service_user, dns_user)
        world.save()
        install(world)
        make_secrets(world)
        return world
    except BaseException:  # a signal too: nobody else knows the folder yet
        shutil.rmtree(folder, ignore_errors=True)
        raise


def install(world):
    """Copies the programs of the sites into the folder: their users may not read this one."""
    os.mkdir(world.path("lib"))
    os.mkdir(world.path("log"))
    for name in LIBRARY:
        shutil.copyfile(os.path.join(HERE, name), world.path("lib", name))
        py_compile.compile(world.path("lib", name))
    for name in PROGRAMS:
        shutil.copyfile(os.path.join(HERE, name), world.path(name))
        os.chmod(world.path(name), 0o755)


def write_private(path, text, user=""):
    """A file that only its owner can read, from its first byte on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
    give(path, user)


def give(path, user):
    if user:
        entry = pwd.getpwnam(user)
        os.chown(path, entry.pw_uid, entry.pw_gid)


def make_folder(path, user="", mode=0o755):
    os.mkdir(path)
    os.chmod(path, mode)
    give(path, user)


def make_secrets(world):
    for role in ("admin", "monitor", "app", "replicator", "rewinder"):
        write_private(world.path(f"{role}.password"), secrets.token_urlsafe(24) + "\n")


def prepare_site(world, site):
    """The site's folder with everything but its data."""
    make_folder(world.path(site))
    for name, user in (("service", world.service_user), ("log", "")):
        make_folder(world.path(site, name), user)
    write_private(world.path(site, "app.password"), world.secret("app.password") + "\n",
                  world.service_user)
    lines = "".join(f"*:*:*:{role}:{world.secret(role + '.password')}\n"
                    for role in ("replicator", "rewinder"))
    write_private(world.path(site, "pgpass"), lines, world.postgres_user)
    with open(world.path(site, "postgresql.conf"), "w", encoding="utf-8") as file:
        file.write(POSTGRES_SETTINGS.format(address=settings.SITES[site], port=world.postgres_port,
                                            site=site, folder=world.path(site)))
    with open(world.path(site, "pg_hba.conf"), "w", encoding="utf-8") as file:
        file.write(ACCESS)
    make_folder(world.path(site, "data"), world.postgres_user, 0o700)


def connect(world, site, user="bascule_admin", password="admin.password",
            database=settings.DATABASE, **options):
    """A connection in autocommit mode. Raises psycopg2.Error."""
    connection = psycopg2.connect(host=settings.SITES[site], port=world.postgres_port,
                                  dbname=database, user=user, password=world.secret(password),
                                  sslmode="disable", connect_timeout=2, application_name="demo",
                                  **options)
    connection.autocommit = True
    return connection


def query(world, site, statement, arguments=(), **options):
    """All rows of one statement over a connection of its own. Raises psycopg2.Error."""
    connection = connect(world, site, **options)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, arguments)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def make_primary(world, site):
    """A new database cluster, as primary, with the roles and the table."""
    one = machine.Machine(world, site)
    password_file = world.path(site, "initial.password")
    write_private(password_file, world.secret("admin.password") + "\n", world.postgres_user)
    code = one.as_postgres([one.program("initdb"), "-D", one.data, "-U", "bascule_admin",
                            "--pwfile", password_file, "--auth=scram-sha-256", "--locale=C",
                            "--encoding=UTF8", "--data-checksums", "--no-sync"], "initdb.log")
    os.unlink(password_file)
    if code != 0:
        raise BuildError(f"initdb failed, see {one.path('log', 'initdb.log')}")
    switch_on(world, site)
    make_roles(world, site)


def make_roles(world, site):
    """Each role may do what it is for: monitor only looks, app only uses its table."""
    connection = connect(world, site, database="postgres")
    with connection.cursor() as cursor:
        for role, rights in (("monitor", "LOGIN"), ("app", "LOGIN"), ("rewinder", "LOGIN"),
                             ("replicator", "LOGIN REPLICATION")):
            cursor.execute(f"CREATE ROLE {role} {rights} PASSWORD %s",
                           (world.secret(f"{role}.password"),))
        cursor.execute("GRANT pg_monitor TO monitor")
        cursor.execute("GRANT pg_checkpoint TO rewinder")
        for function in ("pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)",
                         "pg_read_binary_file(text)",
                         "pg_read_binary_file(text, bigint, bigint, boolean)"):
            cursor.execute(f"GRANT EXECUTE ON FUNCTION pg_catalog.{function} TO rewinder")
        cursor.execute(f"CREATE DATABASE {settings.DATABASE}")
    connection.close()
    connection = connect(world, site)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE orders (id bigint PRIMARY KEY, site text NOT NULL, "
                       "written_at timestamptz NOT NULL DEFAULT clock_timestamp())")
        cursor.execute("ALTER TABLE orders OWNER TO app")
    connection.close()


def make_standby(world, site, source):
    """A standby of the source by base backup."""
    one = machine.Machine(world, site)
    where = (f"host={settings.SITES[source]} port={world.postgres_port} user=replicator "
             f"application_name={site} passfile={one.path('pgpass')} sslmode=disable")
    code = one.as_postgres([one.program("pg_basebackup"), "-D", one.data, "-d", where, "-R", "-X",
                            "stream", "--checkpoint=fast", "--no-password", "--no-sync"],
                           "pg_basebackup.log")
    if code != 0:
        raise BuildError(f"pg_basebackup failed, see {one.path('log', 'pg_basebackup.log')}")
    switch_on(world, site)


def switch_on(world, site):
    done = subprocess.run([world.path("power"), "on", site], capture_output=True, text=True,
                          timeout=90, check=False)
    if done.returncode != 0:
        raise BuildError((done.stdout + done.stderr).strip())


def streaming(world, site):
    """Does the site's database stream from another one now? False also where it cannot be asked."""
    try:
        rows = query(world, site, "SELECT status FROM pg_stat_wal_receiver")
    except psycopg2.Error:
        return False
    return rows == [("streaming",)]


def make_sites(world):
    home, other = settings.SITES
    prepare_site(world, home)
    prepare_site(world, other)
    make_primary(world, home)
    make_standby(world, other, home)
    deadline = time.monotonic() + FOLLOW_WITHIN_SECONDS
    while not streaming(world, other):
        if time.monotonic() > deadline:
            log = world.path(other, "log", "postgres.log")
            raise BuildError(f"{other} does not stream, see {log}")
        time.sleep(0.02)


def write_configuration(world):
    """shop.yaml with the folder and the ports of this world."""
    with open(os.path.join(HERE, "shop.yaml"), encoding="utf-8") as file:
        text = file.read()
    for name, value in (("FOLDER", world.folder), ("POSTGRES_PORT", world.postgres_port),
                        ("HTTP_PORT", world.http_port), ("DNS_PORT", world.dns_port),
                        ("API_PORT", world.api_port)):
        text = text.replace(f"@{name}@", str(value))
    with open(world.path("shop.yaml"), "w", encoding="utf-8") as file:
        file.write(text)
