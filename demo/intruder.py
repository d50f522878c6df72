"""A program that still believes in the old site: writes to its database, past the front door.

An ordinary role, as an application with an old configuration would have: it tries every 10 ms,
over the connection it has or a new one, and asks for a writable transaction by name, because a
read-only default alone would not stop it. Its rows have negative identifiers. Each success is
one line of JSON (id, sent_at, done_at, in seconds since 1970; sent_at is taken just before the
commit is asked for); of the failures only the last is kept, with how many there were, in
RECORD-FILE.refused.

Usage: intruder.py FOLDER SITE RECORD-FILE
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import psycopg2  # noqa: E402 (Debian's python3-psycopg2)

import settings  # noqa: E402

EVERY_SECONDS = 0.01


def connect(world, site):
    connection = psycopg2.connect(
        host=settings.SITES[site], port=world.postgres_port, dbname=settings.DATABASE, user="app",
        password=world.secret(os.path.join(site, "app.password")), sslmode="disable",
        connect_timeout=2,
        application_name="intruder", options="-c statement_timeout=1000")
    connection.autocommit = True
    return connection


def insert(connection, identifier, site):
    """When the commit was asked for: a row that was asked for before a moment may be
    acknowledged after it."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN READ WRITE")
        cursor.execute("INSERT INTO orders (id, site) VALUES (%s, %s)", (identifier, site))
        sent_at = time.time()
        cursor.execute("COMMIT")
    return sent_at


def intrude(world, site, record, refused_file):
    connection, identifier, refused = None, 0, 0
    while True:
        due = time.monotonic() + EVERY_SECONDS
        identifier -= 1
        try:
            connection = connection or connect(world, site)
            sent_at = insert(connection, identifier, site)
            record.write(json.dumps({"id": identifier, "sent_at": sent_at,
                                     "done_at": time.time()}) + "\n")
        except psycopg2.Error as error:
            refused += 1
            if connection is not None:
                connection.close()
                connection = None
            note(refused_file, refused, str(error).strip())
        time.sleep(max(0.0, due - time.monotonic()))


def note(path, refused, why):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump({"refused": refused, "at": time.time(), "why": why.split("\n")[-1]}, file)
    os.replace(path + ".new", path)


if __name__ == "__main__":
    with open(sys.argv[3], "w", encoding="utf-8", buffering=1) as file:
        intrude(settings.load(sys.argv[1]), sys.argv[2], file, sys.argv[3] + ".refused")
