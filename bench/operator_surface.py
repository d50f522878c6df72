#!/usr/bin/python3 -B
"""The speed of what an operator and his tools ask of a daemon: /metrics with ten thousand checks, a
thousand readers of the event stream, a status of a thousand groups. Prints each figure beside what
is required of it; bench/README.md keeps results.

    bench/operator_surface.py [scrape] [stream] [status]

All clients run in this one process. Its share of each figure is said where it is not small.
"""
import json
import os
import resource
import selectors
import socket
import subprocess
import sys
import time
import urllib.request

import world
from world import Connection, milliseconds, wait_for

MIB = 1 << 20
SECONDS_OF_A_PHASE = 30
READERS, DEAF = 1000, 100
RECORDS = 1500
LATENESS = "bascule_lateness_seconds_bucket"


def say(what, measured, required=""):
    print(f"  {what:<44} {measured}{f'   (required: {required})' if required else ''}", flush=True)


def lateness_between(before, after):
    """How late the loop and its looks were, the worst of each second, from two scrapes."""
    bounds = sorted((float(name.split('"')[1]), name) for name in after
                    if name.startswith(LATENESS))
    seconds = after["bascule_lateness_seconds_count"] - before["bascule_lateness_seconds_count"]
    parts, worst = [], "none"
    for bound, name in bounds:
        within = after[name] - before[name]
        if bound in (0.025, 0.1):
            parts.append(f"{within:.0f} of {seconds:.0f} s within {bound * 1e3:.0f} ms")
        if within >= seconds:
            worst = f"worst below {bound * 1e3:.0f} ms"
            break
    return ", ".join([*parts, worst])


def total(series, name):
    return sum(value for text, value in series.items() if text.startswith(name))


def scrape():
    print("/metrics with 10 000 checks, half of kind tcp and half http, every 10 s")
    with world.World(groups=200, checks_per_site=25, interval=10) as there:
        say("configuration", f"{there.bytes / MIB:.2f} MiB, 200 groups of 2 sites")
        say("from the start until all checks are known", f"{there.wait_until_known():.1f} s")
        phases, shares = {}, {}
        for name, every in (("without scrapes", None), ("a scrape each second", 1)):
            before, used = there.metrics(), there.processor()
            began = time.monotonic()
            phases[name] = []
            connection = Connection(there.api)
            while time.monotonic() - began < SECONDS_OF_A_PHASE:
                due = time.monotonic() + (every or SECONDS_OF_A_PHASE)
                if every:
                    asked = time.monotonic()
                    text = connection.get("/metrics")
                    phases[name].append(time.monotonic() - asked)
                time.sleep(max(0, due - time.monotonic()))
            seconds = time.monotonic() - began
            used = there.processor() - used
            shares[name] = used / seconds
            after = there.metrics()
            looks = total(after, "bascule_check_looks_total{") - \
                total(before, "bascule_check_looks_total{")
            say(f"{name}: looks",
                f"{looks / seconds:.0f}/s, {used / seconds * 100:.0f} % of a core", "1000/s")
            say(f"{name}: lateness", lateness_between(before, after),
                "no check is late because of scrapes" if every else "")
        took = phases["a scrape each second"]
        own = (shares["a scrape each second"] - shares["without scrapes"]) * \
            SECONDS_OF_A_PHASE / len(took)
        say("/metrics", milliseconds(took), "under 100 ms")
        say("its processor time", f"{own * 1e3:.0f} ms a scrape")
        series = sum(not line.startswith(b"#") for line in text.splitlines())
        say("its size", f"{len(text) / MIB:.1f} MiB, {series} series")
        say("memory of the daemon", f"{there.resident() / MIB:.0f} MiB")
        peer(there)


def peer(there):
    """The same series, written by Prometheus: it scrapes them once, and federates them."""
    port, = world.ports.pick([["127.0.0.1"]])
    file = os.path.join(there.folder.name, "prometheus.yml")
    with open(file, "w", encoding="utf-8") as out:
        json.dump({"global": {"scrape_interval": "5s"}, "scrape_configs": [
            {"job_name": "bascule", "static_configs": [{"targets": [f"127.0.0.1:{there.api}"]}]}]},
            out)
    try:
        there.start(["/usr/bin/prometheus", f"--config.file={file}", "--log.level=error",
                     f"--storage.tsdb.path={os.path.join(there.folder.name, 'prometheus')}",
                     f"--web.listen-address=127.0.0.1:{port}"], "prometheus.log")
    except FileNotFoundError:
        say("peer", "Prometheus is not installed")
        return

    def has_scraped():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?query="
                                        "scrape_samples_scraped", timeout=30) as answer:
                found = json.load(answer)["data"]["result"]
            return found and float(found[0]["value"][1]) > 0
        except OSError:
            return False
    wait_for("Prometheus has scraped", has_scraped, world.PATIENCE_SECONDS, every=0.5)
    took, ours = [], []
    for _ in range(10):
        asked = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/federate?match[]="
                                    "%7Bjob%3D%22bascule%22%7D", timeout=60) as answer:
            answer.read()
        took.append(time.monotonic() - asked)
        asked = time.monotonic()
        with urllib.request.urlopen(f"http://127.0.0.1:{there.api}/metrics", timeout=60) as answer:
            answer.read()
        ours.append(time.monotonic() - asked)
    say("the same series by Prometheus' /federate", milliseconds(took))
    say("ours, in the same seconds, by the same client", milliseconds(ours))
    say("a peer's time to ours, by the medians", f"{sorted(took)[5] / sorted(ours)[5]:.1f}")


class Reader:
    """One reader of the event stream."""

    def __init__(self, there, token, reads):
        self.socket = socket.socket()
        if not reads:  # as little as the kernel allows is taken for it
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        self.socket.connect(("127.0.0.1", there.api))
        self.socket.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer "
                            f"{token}\r\n\r\n".encode())
        self.socket.setblocking(False)
        self.tail = b""

    def take(self):
        """Numbers of the events that have come."""
        text = self.tail + self.socket.recv(1 << 16)
        found, end = [], 0
        while (at := text.find(b"\nid: ", end)) >= 0:
            line_end = text.find(b"\n", at + 5)
            if line_end < 0:
                break
            found.append(int(text[at + 5:line_end]))
            end = line_end
        self.tail = text[end:] if len(text) - end < 4096 else text[-64:]
        return found


def stream():
    print(f"{READERS} readers of the event stream, {DEAF} of which never read")
    with world.World(groups=1, checks_per_site=2, interval=10) as there:
        there.wait_until_known()
        token = there.token()
        alone = there.resident()
        readers = [Reader(there, token, i >= DEAF) for i in range(READERS)]
        selector = selectors.DefaultSelector()
        for reader in readers[DEAF:]:
            selector.register(reader.socket, selectors.EVENT_READ, reader)
        connected = there.resident()
        drain(selector, 1.0, {}, None)
        commander = Connection(there.api, token)
        delays, spread, memory = [], [], []
        for i in range(RECORDS):
            what = ("hold", "release")[i % 2]
            body = json.dumps({"reason": "bench", "actor": "bench"}).encode()
            asked = time.monotonic()
            commander.ask("POST", f"/api/v1/groups/g0/{what}", body)
            durable = time.monotonic()
            came = {}
            drain(selector, 2.0, came, READERS - DEAF)
            # From the answer to the command, which comes after its record is durable.
            delays += [max(0, moment - durable) for moment in came.values()]
            delays += [2.0] * (READERS - DEAF - len(came))
            spread.append(max(came.values(), default=asked + 2) - asked)
            if (i + 1) % (RECORDS // 3) == 0:
                memory.append(f"{there.resident() / MIB:.0f}")
        say("a record to each of the others", milliseconds(delays), "within 50 ms")
        say("from the command to the last of the readers", milliseconds(spread))
        say("memory without readers, and with them", f"{alone / MIB:.0f}, "
            f"{connected / MIB:.0f} MiB")
        say(f"after each third of {RECORDS} records", f"{', '.join(memory)} MiB", "bounded")
        series = there.metrics()
        say("readers now, and cut off", f"{series['bascule_event_stream_readers']:.0f}, "
            f"{series['bascule_event_stream_dropped_total']:.0f}")
        for reader in readers:
            reader.socket.close()


def drain(selector, seconds, came, wanted):
    """Reads what comes until `wanted` readers have had an event, or for that long. `came`: when."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and (wanted is None or len(came) < wanted):
        for key, _ in selector.select(0.2):
            try:
                events = key.data.take()
            except OSError:
                selector.unregister(key.fileobj)
                continue
            if events:
                came.setdefault(key.data, time.monotonic())


def status():
    print("a status of 1 000 groups, 2 000 checks every 10 s")
    with world.World(groups=1000, checks_per_site=1, interval=10) as there:
        there.wait_until_known()
        connection = Connection(there.api, there.token())
        began, used = time.monotonic(), there.processor()
        time.sleep(there.interval)
        idle = (there.processor() - used) / (time.monotonic() - began)
        for name, pause, times in (("asked ten times a second", 0.1, 200),
                                   ("asked each second", 1.0, 30)):
            before, took = there.metrics(), []
            began, used = time.monotonic(), there.processor()
            for _ in range(times):
                asked = time.monotonic()
                text = connection.get("/api/v1/status")
                took.append(time.monotonic() - asked)
                time.sleep(pause)
            own = there.processor() - used - idle * (time.monotonic() - began)
            say(name, milliseconds(took), "99 % under 20 ms")
            say(f"{name}: processor time", f"{own / times * 1e3:.1f} ms an answer")
            say(f"{name}: lateness", lateness_between(before, there.metrics()))
        say("its size", f"{len(text) / MIB:.1f} MiB")
        say("memory of the daemon", f"{there.resident() / MIB:.0f} MiB")


def machine():
    with open("/proc/cpuinfo", encoding="ascii") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")),
                     "unknown processor")
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    version = subprocess.run([world.BASCULE, "version"], capture_output=True, text=True,
                             check=True).stdout.strip().splitlines()[0]
    print(f"{version} · {os.cpu_count()} × {model} · load {load}")


def main():
    every = {"scrape": scrape, "stream": stream, "status": status}
    wanted = sys.argv[1:] or list(every)
    if unknown := [name for name in wanted if name not in every]:
        raise SystemExit(f"{unknown[0]}: choose from {', '.join(every)}")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    machine()
    for name in wanted:
        every[name]()


if __name__ == "__main__":
    main()
