"""The authoritative name server of the demo: Knot, or BIND where Knot is not installed.

Serves the zone shop.test. on 127.0.0.1 and takes updates (RFC 2136) that are signed with the
TSIG key bascule-key. At the start the name www has amsterdam's address and nobody has taken a
generation yet.
"""
import base64
import os
import secrets
import shutil
import subprocess
import time

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import build
import machine
import settings

KEY_NAME = "bascule-key."
ANSWERS_WITHIN_SECONDS = 15

ZONE_TEXT = """\
$ORIGIN shop.test.
$TTL 1
@    SOA ns hostmaster 1 3600 600 86400 1
@    NS  ns
ns   A   127.0.0.1
www  A   {address}
"""

def program():
    """(name, path) of the name server that is installed."""
    for name in ("knotd", "named"):
        path = shutil.which(name, path="/usr/local/sbin:/usr/sbin:/usr/local/bin:/usr/bin")
        if path:
            return name, path
    raise build.BuildError("no name server is installed: apt-get install knot (or bind9)")


def users():
    """Whom the name server may run as, best first."""
    return ("knot", "nobody") if program()[0] == "knotd" else ("bind", "nobody")


def start(world):
    """Starts the server and returns its name when it answers for the shop."""
    name, path = program()
    folder = world.path("dns")
    build.make_folder(folder, world.dns_user, 0o750)
    secret = base64.b64encode(secrets.token_bytes(32)).decode()
    build.write_private(world.path("tsig.secret"), secret + "\n")
    with open(os.path.join(folder, "shop.test.zone"), "w", encoding="ascii") as file:
        file.write(ZONE_TEXT.format(address=next(iter(settings.SITES.values()))))
    build.give(file.name, world.dns_user)
    configuration = write_configuration(world, name, folder, secret)
    arguments = [path, "-c", configuration] + (["-f"] if name == "named" else [])
    with open(world.path("log", "dns.log"), "a", encoding="utf-8") as output:
        server = subprocess.Popen(arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, start_new_session=True,
                                  env=machine.environment(), **machine.identity(world.dns_user))
    wait_for_answer(world, server)
    return {"knotd": "Knot", "named": "BIND"}[name]


def write_configuration(world, name, folder, secret):
    """The server's configuration with the values of this world; returns its path."""
    with open(os.path.join(build.HERE, name + ".conf"), encoding="utf-8") as file:
        text = file.read()
    values = {"PORT": world.dns_port, "FOLDER": folder, "KEY": KEY_NAME, "SECRET": secret,
              "CONTROLS": "", "SIGNS": "off" if name == "knotd" else "none"}
    for word, value in values.items():
        text = text.replace(f"@{word}@", str(value))
    path = os.path.join(folder, name + ".conf")
    build.write_private(path, text, world.dns_user)
    return path


def wait_for_answer(world, server):
    deadline = time.monotonic() + ANSWERS_WITHIN_SECONDS
    while True:
        try:
            if address(world):
                return
        except (dns.exception.DNSException, OSError):
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            log = world.path("log", "dns.log")
            raise build.BuildError(f"the name server does not answer, see {log}")
        time.sleep(0.02)


def ask(world, name, kind):
    """The record set of that name, or None. Raises OSError or DNSException without an answer."""
    question = dns.message.make_query(name, kind)
    answer = dns.query.udp(question, "127.0.0.1", port=world.dns_port, timeout=0.5)
    for records in answer.answer:
        if records.rdtype == dns.rdatatype.from_text(kind):
            return records
    return None


def address(world):
    """The address that the front door shows now, or None."""
    records = ask(world, settings.FRONT_DOOR, "A")
    return records[0].address if records else None
