"""`demo parts`: the demo's own parts put to the test, with a failover by hand in the place of
Bascule.

The same two sites, client, switch, rejoin and name server: cut, promote, change the name, bring
the old site back, rejoin. It shows that what the demo measures and proves about Bascule rests on
parts that work.
"""
import os
import subprocess
import time

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import psycopg2

import build
import dns_server
import machine
import measure
import processes
import programs
import settings
from waiting import wait_for


class PartFailed(Exception):
    """A part did not do what the demo relies on."""


def require(condition, sentence):
    if not condition:
        raise PartFailed(sentence)


def switch(world, *arguments):
    """(exit code, milliseconds, output) of the power switch."""
    return run([world.path("power"), *arguments])


def run(arguments):
    began = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, (time.monotonic() - began) * 1000, (done.stdout + done.stderr).strip()


def point_name_at(world, address, expected):
    """A signed update with the old address as prerequisite. The answer's code as text."""
    key = {dns_server.KEY_NAME: (dns.tsig.HMAC_SHA256, world.secret("tsig.secret"))}
    update = dns.update.UpdateMessage(settings.ZONE, keyring=key_ring(key))
    update.present("www", "A", expected)
    update.replace("www", 1, "A", address)
    answer = dns.query.udp(update, "127.0.0.1", port=world.dns_port, timeout=2)
    return dns.rcode.to_text(answer.rcode())


def key_ring(keys):
    import dns.name
    return {dns.name.from_text(name): dns.tsig.Key(name, secret, algorithm)
            for name, (algorithm, secret) in keys.items()}


def promote(world, site):
    """Asked again until it takes writes: one request alone may sleep for 5 s when it comes right
    after the loss."""
    def writable():
        try:
            if not build.query(world, site, "SELECT pg_is_in_recovery()")[0][0]:
                return True
            build.query(world, site, "SELECT pg_promote(false)")
        except psycopg2.Error:
            pass
        return False
    wait_for(f"{site} takes writes", writable, 30, every=0.03)


def kill_without_switch(world, site):
    """kill -9 of everything in a site: the fault. The switch stays on, as it does when a machine
    crashes."""
    processes.kill_all(world.path(site), 5)
    return time.time()


def check_switch(screen, world, site):
    kill_without_switch(world, site)
    code, _, said = switch(world, "is-off", site)
    require(code == 1, f"a dead site whose switch is on may not count as off: {said}")
    first, off_ms, said = switch(world, "off", site)
    second = switch(world, "off", site)[0]
    code, proof_ms, proof = switch(world, "is-off", site)
    require((first, second, code) == (0, 0, 0), f"switching {site} off: {said}; {proof}")
    screen.line(f"  switch      off {off_ms:.0f} ms, proof {proof_ms:.0f} ms: {proof}")
    return max(off_ms, proof_ms)


def check_failover(screen, world, record, old, new):
    fault = kill_without_switch(world, old)
    check_switch(screen, world, old)
    promote(world, new)
    refused = point_name_at(world, settings.SITES[new], "127.0.9.9")
    require(refused == "NXRRSET", f"a wrong prerequisite was answered with {refused}")
    answer = point_name_at(world, settings.SITES[new], settings.SITES[old])
    require(answer == "NOERROR", f"the name server answered {answer}")
    seen = wait_for(f"a row at {new}", lambda: measure.outage(record.read_on(), fault, new), 15)
    lost = measure.lost_rows(world, record, new, seen.after.done_at)
    screen.line(f"  failover    outage {seen.seconds * 1000:.0f} ms by hand, "
                f"{len(record.acknowledged())} rows acknowledged, {len(lost)} lost")
    require(len(lost) <= 1, f"{len(lost)} rows lost")


def check_return(screen, world, old, new):
    """The old primary comes back as a primary, takes an intruder's rows, and is made a standby."""
    intruder = programs.start_intruder(world, old)
    code, milliseconds, said = switch(world, "on", old)
    require(code == 0, said)
    screen.line(f"  power on    {milliseconds:.0f} ms: {said}")
    require(build.query(world, old, "SELECT pg_is_in_recovery()") == [(False,)],
            f"{old} did not come back as primary")
    wait_for("the intruder gets in", lambda: os.path.getsize(intruder.record_path), 10)
    build.query(world, old, "ALTER SYSTEM SET default_transaction_read_only = on")
    code, milliseconds, said = run([world.path("rejoin"), old, settings.SITES[new]])
    require(code == 0, said)
    screen.line(f"  rejoin      {milliseconds:.0f} ms: {said}")
    wait_for(f"{old} streams", lambda: build.streaming(world, old), 20)
    intruder.stop()
    require(build.query(world, old, "SELECT count(*) FROM orders WHERE id < 0") == [(0,)],
            "rows of the intruder left")
    left = build.query(world, old, "SHOW default_transaction_read_only")
    require(left == [("off",)], "the setting of the fence was left behind")
    code, milliseconds, said = run([world.path("rejoin"), old, settings.SITES[new]])
    require(code == 0 and "nothing to do" in said, f"repeated: {said}")
    screen.line(f"  again       {milliseconds:.0f} ms: {said}")


def check_copy(screen, world, site, active):
    """Where pg_rewind cannot work, rejoin copies."""
    one = machine.Machine(world, site)
    one.stop_postgres()
    os.unlink(os.path.join(one.data, "global", "pg_control"))
    code, milliseconds, said = run([world.path("rejoin"), site, settings.SITES[active]])
    require(code == 0 and "pg_basebackup" in said, said)
    wait_for(f"{site} streams", lambda: build.streaming(world, site), 20)
    screen.line(f"  copy        {milliseconds:.0f} ms: {said}")


def check_refusals(screen, world, site, active):
    code, _, said = run([world.path("rejoin"), active, settings.SITES[active]])
    require(code == 1, f"a site may not follow itself: {said}")
    code, _, said = run([world.path("rejoin"), active, settings.SITES[site]])
    require(code == 1 and "itself a standby" in said, said)
    require(switch(world, "is-off", site)[0] == 1, "a running site counts as off")
    require(switch(world, "is-off", "paris")[0] == 2, "an unknown site is not a usage error")
    os.rename(world.path(settings.FILE), world.path("world.away"))
    code = switch(world, "is-off", site)[0]
    os.rename(world.path("world.away"), world.path(settings.FILE))
    require(code == 3, f"without its world the switch said {code}, not that it cannot tell")
    require(switch(world, "off", site)[0] == 0, "not switched off")
    code, _, said = run([world.path("rejoin"), site, settings.SITES[active]])
    require(code == 1 and "switched off" in said, said)
    screen.line("  refusals    as they should be")


def tell(screen, world):
    """The whole test; raises PartFailed or NotInTime."""
    old, new = settings.SITES
    client, record = programs.start_client(world)
    wait_for("100 rows", lambda: len(record.read_on().acknowledged()) >= 100, 20)
    screen.line(f"  steady      {old} serves, {new} streams, {len(record.acknowledged())} rows in "
                f"{record.attempts[-1].done_at - record.attempts[0].sent_at:.1f} s")
    check_failover(screen, world, record, old, new)
    check_return(screen, world, old, new)
    check_copy(screen, world, old, new)
    check_refusals(screen, world, old, new)
    require(client.alive(), f"the client ended, see {world.path('log', 'client.log')}")
    lost = measure.lost_rows(world, record.read_on(), new, time.time())
    require(len(lost) <= 1, f"{len(lost)} rows lost")
