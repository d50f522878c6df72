"""Which processes belong to a part of the demo, and how they are ended.

Everything of a part works in that part's folder, and a child inherits it: PostgreSQL enters its
data folder, the services enter theirs. So a folder names a set of processes that survives a new
session, a changed name and a lost parent, which process groups, titles and pid files do not. A
shell that a person opened in there is spared. Imports only what starts within a millisecond or
two: the power switch depends on it.
"""
import os
import signal
import time

OURS = ("postgres", "pg_", "python", "knotd", "named", "bascule")


def inside(folder):
    """Ids of the living processes that work in this folder or below it, without the caller."""
    folder = os.path.realpath(folder)
    below = folder + "/"
    found = []
    me = str(os.getpid())
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or entry == me:
            continue
        try:
            place = os.readlink(f"/proc/{entry}/cwd")
        except OSError:  # ended, or a zombie; or another user's, and then not of this demo
            continue
        if (place == folder or place.startswith(below) or
            place == folder + " (deleted)") and not spared(entry):
            found.append(int(entry))
    return found


def spared(entry):
    """Is it a person's own program with a terminal, such as a shell, psql or an editor?"""
    try:
        program = os.path.basename(os.readlink(f"/proc/{entry}/exe"))
        with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
            terminal = file.read().rpartition(")")[2].split()[4]
    except (OSError, IndexError):
        return False
    return terminal != "0" and not program.startswith(OURS)


def send(process_ids, number):
    for process_id in process_ids:
        try:
            os.kill(process_id, number)
        except ProcessLookupError:
            pass


def kill_all(folder, seconds):
    """kill -9 for everything inside, again for what was being born meanwhile. True when nothing
    is left."""
    deadline = time.monotonic() + seconds
    while True:
        found = inside(folder)
        if not found:
            return True
        send(found, signal.SIGKILL)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.001)


def wait_until_gone(folder, seconds):
    """True as soon as nothing works in there any more."""
    deadline = time.monotonic() + seconds
    while inside(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def listeners(address, ports):
    """Which of these TCP ports somebody listens on at this IPv4 address, or at all of them."""
    number = "".join(f"{int(part):02X}" for part in reversed(address.split(".")))
    here = {number, "0" * 8, "0" * 32, "0" * 16 + "FFFF0000" + number}
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as file:
                lines = file.readlines()[1:]
        except FileNotFoundError:  # no IPv6 in this kernel
            if table.endswith("6"):
                continue
            raise
        for line in lines:
            words = line.split()
            where, _, port = words[1].partition(":")
            if words[3] == "0A" and where in here and int(port, 16) in ports:
                found.add(int(port, 16))
    return found
