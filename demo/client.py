"""A client of the shop: finds it by name, writes a row every 20 ms, records every attempt.

It is an ordinary, impatient client: it honours the time to live of the DNS answer, asks again
after a failure, and waits 250 ms for anything. Identifiers grow and are never used twice, so
every acknowledged row can be looked for later. Each attempt is one line of JSON: id, sent_at,
done_at (seconds since 1970), site (null if it failed), why.

Usage: client.py FOLDER RECORD-FILE
"""
import http.client
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import dns.exception  # noqa: E402 (Debian's python3-dnspython)
import dns.flags  # noqa: E402
import dns.message  # noqa: E402
import dns.query  # noqa: E402
import dns.rdatatype  # noqa: E402

import settings  # noqa: E402

EVERY_SECONDS = 0.02
PATIENCE_SECONDS = 0.25


class NoAddress(Exception):
    """The name server gave no address for the shop."""


class FrontDoor:
    """The address behind the shop's name, asked from its name server and kept no longer than it
    says."""

    def __init__(self, port):
        self.port = port
        self.address = None
        self.good_until = 0.0

    def look_up(self):
        if self.address is None or time.monotonic() >= self.good_until:
            question = dns.message.make_query(settings.FRONT_DOOR, "A")
            answer = dns.query.udp(question, "127.0.0.1", port=self.port, timeout=PATIENCE_SECONDS)
            for records in answer.answer:
                if records.rdtype == dns.rdatatype.A:
                    self.address = records[0].address
                    self.good_until = time.monotonic() + records.ttl
                    return self.address
            raise NoAddress("the name has no address")
        return self.address

    def forget(self):
        self.address = None


class Shop:
    """Writes rows, over one kept connection to whichever address the front door shows."""

    def __init__(self, world):
        self.world = world
        self.front_door = FrontDoor(world.dns_port)
        self.connection = None

    def write(self, identifier):
        """The site that took the row. Raises what went wrong; the next write then starts afresh."""
        try:
            address = self.front_door.look_up()
            if self.connection is not None and self.connection.host != address:
                self.connection.close()
                self.connection = None
            if self.connection is None:
                self.connection = http.client.HTTPConnection(address, self.world.http_port,
                                                             timeout=PATIENCE_SECONDS)
            self.connection.request("POST", "/rows", json.dumps({"id": identifier}))
            response = self.connection.getresponse()
            answer = json.loads(response.read())
            if response.status != 200:
                raise http.client.HTTPException(f"{response.status} {answer.get('error', '')}")
            return answer["site"]
        except Exception:
            self.front_door.forget()
            if self.connection is not None:
                self.connection.close()
                self.connection = None
            raise


def write_for_ever(shop, record):
    identifier = 0
    due = time.monotonic()
    while True:
        identifier += 1
        sent_at = time.time()
        site, why = None, None
        try:
            site = shop.write(identifier)
        except (OSError, ValueError, http.client.HTTPException, dns.exception.DNSException,
                NoAddress) as error:
            why = f"{type(error).__name__}: {error}"
        record.write(json.dumps({"id": identifier, "sent_at": sent_at, "done_at": time.time(),
                                 "site": site, "why": why}) + "\n")
        # Late ones are not made up for: that would be a burst.
        due = max(due + EVERY_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    with open(sys.argv[2], "w", encoding="utf-8", buffering=1) as file:
        write_for_ever(Shop(settings.load(sys.argv[1])), file)
