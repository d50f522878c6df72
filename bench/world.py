"""A real `bascule serve` over as many groups and checks as a measurement wants, on loopback, and
the small things around it: what the checks ask, raw HTTP, figures of the process."""
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
sys.path.insert(0, os.path.join(ROOT, "demo"))

import ports  # noqa: E402
from waiting import wait_for  # noqa: E402

BASCULE = os.environ.get("BASCULE", os.path.join(ROOT, "build", "release", "bascule"))
PATIENCE_SECONDS = 180
HEAD = """\
version: 1
cluster: bench
observer: {{name: tower, at: outside}}
store: sqlite://{folder}/journal.db
listen: 127.0.0.1:{api}
notify: [{{log: {{path: {folder}/notifications.jsonl}}}}]
groups:
"""
GROUP = """\
  - name: g{group}
    policy:
      mode: manual
      failover_when: [c0]
      detect: {{interval: {interval}s, timeout: 3s, failures: 3, window: {window}s, recoveries: 2}}
    sites:
"""
SITE = """\
      - name: {site}
        at: {site}
        fence:
          - {{name: cut, uses: hook, with: {{at: x, rung: cut, run: ["true"], proof: ["true"]}}}}
        activate:
          - {{name: start, uses: hook, with: {{at: x, run: ["true"], proof: ["true"]}}}}
        checks:
"""


class World:
    """Ends with the `with` block: daemon, what it asks, and the folder."""

    def __init__(self, groups, checks_per_site, interval):
        self.checks = groups * 2 * checks_per_site
        self.interval = interval
        self.folder = tempfile.TemporaryDirectory(prefix="bascule-bench-")
        self.api, self.target = ports.pick([["127.0.0.1"], ["127.0.0.1"]])
        self.children = []
        file = os.path.join(self.folder.name, "bench.yaml")
        with open(file, "w", encoding="utf-8") as out:
            out.write(self.configuration(groups, checks_per_site))
        self.bytes = os.path.getsize(file)
        self.start([sys.executable, "-IB", os.path.join(ROOT, "bench", "target.py"),
                    str(self.target)], "target.log")
        self.daemon = self.start([BASCULE, "serve", "-c", file], "bascule.log")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(20)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.folder.cleanup()

    def configuration(self, groups, checks_per_site):
        """Half of the checks are of kind tcp, half of kind http."""
        kinds = [f'tcp: "127.0.0.1:{self.target}"',
                 f'http: {{url: "http://127.0.0.1:{self.target}/"}}']
        parts = [HEAD.format(folder=self.folder.name, api=self.api)]
        for group in range(groups):
            parts.append(GROUP.format(group=group, interval=self.interval,
                                      window=6 * self.interval))
            for site in ("here", "there"):
                parts.append(SITE.format(site=site))
                parts += [f"          - {{name: c{i}, {kinds[i % 2]}}}\n"
                          for i in range(checks_per_site)]
        return "".join(parts)

    def start(self, words, log):
        with open(os.path.join(self.folder.name, log), "wb") as out:
            child = subprocess.Popen(words, stdout=out, stderr=out)
        self.children.append(child)
        return child

    def token(self):
        with open(os.path.join(self.folder.name, "journal.db.token"), encoding="ascii") as file:
            return file.read().strip()

    def metrics(self):
        """Every series by its text, as /metrics has it now."""
        text = Connection(self.api).get("/metrics").decode()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in text.splitlines() if line and not line.startswith("#")}

    def wait_until_known(self):
        """Until every check was looked at, and nothing more is recorded. Returns how long it took,
        from the start of the process."""
        began = time.monotonic()
        wait_for("the API listens", self.listens, PATIENCE_SECONDS, every=0.1)

        def settled():
            before = self.metrics()
            unknown = sum(value for name, value in before.items()
                          if name.startswith("bascule_check_unknown{"))
            return before.get("bascule_leader") == 1 and "bascule_check_up" in " ".join(before) \
                and unknown == 0
        wait_for("every check is known", settled, PATIENCE_SECONDS, every=1)
        return time.monotonic() - began

    def listens(self):
        if self.daemon.poll() is not None:
            with open(os.path.join(self.folder.name, "bascule.log"), encoding="utf-8") as log:
                raise SystemExit("bascule serve has ended:\n" + log.read()[-2000:])
        try:
            socket.create_connection(("127.0.0.1", self.api), 1).close()
            return True
        except OSError:
            return False

    def resident(self):
        """Bytes of the daemon in main memory."""
        with open(f"/proc/{self.daemon.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def processor(self):
        """Seconds of a core that the daemon has used."""
        with open(f"/proc/{self.daemon.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Connection:
    """One kept connection, and no more of HTTP than a measurement needs: what a library does beside
    reading would be measured as well."""

    def __init__(self, port, token=None):
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        self.token = f"Authorization: Bearer {token}\r\n" if token else ""
        self.buffer = bytearray(16 << 20)

    def get(self, path):
        return self.ask("GET", path)

    def ask(self, method, path, body=b""):
        """The body of an answer that was 200; anything else is an error."""
        head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\n{self.token}"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.socket.sendall(head.encode() + b"\r\n" + body)
        view = memoryview(self.buffer)
        filled, begin, whole = 0, -1, None
        while whole is None or filled < whole:
            count = self.socket.recv_into(view[filled:])
            if count == 0:
                raise OSError("the connection was closed")
            filled += count
            if whole is None:
                begin = self.buffer.find(b"\r\n\r\n", 0, filled)
                if begin < 0:
                    continue
                lines = bytes(view[:begin]).decode().split("\r\n")
                if " 200 " not in lines[0]:
                    raise OSError(f"{path}: {lines[0]}")
                length = next(int(line.split(":")[1]) for line in lines
                              if line.lower().startswith("content-length:"))
                whole = begin + 4 + length
        return bytes(view[begin + 4:whole])


def milliseconds(values):
    """p50, p99 and the largest of seconds, as text."""
    ordered = sorted(values)
    if not ordered:
        return "nothing was measured"
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.99)]
    return f"p50 {at[0] * 1e3:.1f} ms · p99 {at[1] * 1e3:.1f} ms · max {ordered[-1] * 1e3:.1f} ms"
