"""Finds free ports for the demo.

Below 32768, where the kernel takes no ports for outgoing connections, so that nobody sits on one
between choosing and using it. A service has one port number at both sites (a DNS address record
carries no port), so it must be free at all their addresses.
"""
import random
import socket

LOWEST, HIGHEST = 20000, 32000
ATTEMPTS = 500


def is_free(port, addresses):
    for address in addresses:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                try:
                    probe.bind((address, port))
                except OSError:
                    return False
    return True


def pick(wanted):
    """One port for each list of addresses in `wanted`, all different. Raises OSError when there
    are none."""
    chosen = []
    for addresses in wanted:
        for _ in range(ATTEMPTS):
            port = random.randint(LOWEST, HIGHEST)
            if port not in chosen and is_free(port, addresses):
                chosen.append(port)
                break
        else:
            raise OSError(f"no free port between {LOWEST} and {HIGHEST} at {', '.join(addresses)}")
    return chosen
