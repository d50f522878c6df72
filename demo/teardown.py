"""Ends a demo: nothing of it runs afterwards, and its folder is removed unless somebody wants to
look at it."""
import glob
import os
import shutil
import signal
import tempfile

import build
import machine
import processes
import settings

GENTLY_SECONDS = 5


def stop_everything(world):
    """Ends every process of this world: first with a request, so that servers clean up, then by
    force. True when nothing is left."""
    sites = [machine.Machine(world, site) for site in settings.SITES]
    servers = [server for server in (one.server_process() for one in sites) if server]
    processes.send(processes.inside(world.path("daemon")), signal.SIGTERM)
    processes.wait_until_gone(world.path("daemon"), GENTLY_SECONDS)
    processes.send(servers, signal.SIGQUIT)
    others = [process for process in processes.inside(world.folder) if not is_postgres(process)]
    processes.send(others, signal.SIGTERM)
    processes.wait_until_gone(world.folder, GENTLY_SECONDS)
    clean = processes.kill_all(world.folder, GENTLY_SECONDS)
    for one in sites:
        one.forget_old_server()
    return clean


def is_postgres(process):
    """Its processes end with their server; asked one by one they would make it think that one
    crashed."""
    try:
        return os.path.basename(os.readlink(f"/proc/{process}/exe")).startswith("postgres")
    except OSError:
        return False


def remove_folder(world):
    shutil.rmtree(world.folder, ignore_errors=True)


def kept_folders():
    """Folders of demos that were left running or left behind after a failure."""
    pattern = os.path.join(tempfile.gettempdir(), build.PREFIX + "*", settings.FILE)
    return sorted(os.path.dirname(path) for path in glob.glob(pattern))
