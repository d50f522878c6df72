"""The shop's HTTP service at one site: reads and writes the database of its own site only.

GET  /health  200 when it can read its database, be that a primary or a standby; 503 when it cannot
GET  /rows    how many rows there are
POST /rows    {"id": N}: writes that row and answers only when it is committed

It knows nothing of the other site and nothing of Bascule. It reconnects by itself, and after a
failure it answers at once instead of waiting: clients have other places to try.

Usage: service.py FOLDER SITE
"""
import http.server
import json
import os
import socketserver
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import psycopg2  # noqa: E402 (Debian's python3-psycopg2)
import psycopg2.extensions  # noqa: E402

import settings  # noqa: E402

LARGEST_BODY = 4096
STATEMENT_MILLISECONDS = 2000


class Database:
    """One held connection, made again when it broke. Safe to use from several threads, one at a
    time."""

    def __init__(self, **where):
        self.where = where
        self.lock = threading.Lock()
        self.connection = None

    def ask(self, statement, arguments=()):
        """The first row of the answer, or None where there is none. Raises psycopg2.Error."""
        with self.lock:
            try:
                if self.connection is None:
                    self.connection = psycopg2.connect(**self.where)
                    self.connection.autocommit = True
                with self.connection.cursor() as cursor:
                    cursor.execute(statement, arguments)
                    return cursor.fetchone() if cursor.description else None
            except psycopg2.Error:
                self.drop_if_broken()
                raise

    def drop_if_broken(self):
        idle = psycopg2.extensions.TRANSACTION_STATUS_IDLE
        alive = (self.connection is not None and not self.connection.closed and
                 self.connection.info.transaction_status == idle)
        if not alive:
            if self.connection is not None:
                self.connection.close()
            self.connection = None


class Handler(http.server.BaseHTTPRequestHandler):
    """One request. Headers and body leave in one packet: two would wait for each other's
    acknowledgement."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60

    def do_GET(self):
        if self.path == "/health":
            self.guarded(self.health)
        elif self.path == "/rows":
            self.guarded(self.count)
        else:
            self.answer(404, {"error": "there is /health and /rows"})

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self.answer(400, {"error": f"a body of at most {LARGEST_BODY} bytes is needed"})
            return
        body = self.rfile.read(int(length))
        if self.path != "/rows":
            self.answer(404, {"error": "there is /rows"})
            return
        try:
            identifier = json.loads(body)["id"]
            if not isinstance(identifier, int):
                raise ValueError("id is not a whole number")
        except (ValueError, KeyError, TypeError):
            self.answer(400, {"error": "expected {\"id\": NUMBER}"})
            return
        self.guarded(lambda: self.write(identifier))

    def health(self):
        in_recovery, rows = self.server.reader.ask(
            "SELECT pg_is_in_recovery(), (SELECT max(id) FROM orders)")
        self.answer(200, {"status": "ok", "site": self.server.site, "role": "standby"
                          if in_recovery else "primary",
                          "newest_row": rows})

    def count(self):
        self.answer(200, {"site": self.server.site,
                          "rows": self.server.reader.ask("SELECT count(*) FROM orders")[0]})

    def write(self, identifier):
        self.server.writer.ask("INSERT INTO orders (id, site) VALUES (%s, %s)",
                               (identifier, self.server.site))
        self.answer(200, {"id": identifier, "site": self.server.site})

    def guarded(self, work):
        try:
            work()
        except psycopg2.Error as error:
            first_line = (str(error).strip() or type(error).__name__).split("\n")[0]
            self.log_message("%s %s", self.path, first_line)
            self.answer(503,
                        {"status": "unavailable", "site": self.server.site, "error": first_line})

    def answer(self, status, value):
        body = json.dumps(value).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self._headers_buffer.append(b"\r\n" + body)  # as end_headers() does, with the body
        self.flush_headers()

    def log_request(self, code="-", size="-"):
        """Not every request is worth a line, at 50 a second: what failed writes its reason."""


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, world, site):
        self.site = site
        where = {"host": settings.SITES[site], "port": world.postgres_port,
                 "dbname": settings.DATABASE,
                 "user": "app", "password": world.secret(os.path.join(site, "app.password")),
                 "connect_timeout": 2,
                 "sslmode": "disable", "options": f"-c statement_timeout={STATEMENT_MILLISECONDS}"}
        self.reader = Database(application_name="shop reader", **where)
        self.writer = Database(application_name="shop writer", **where)
        super().__init__((settings.SITES[site], world.http_port), Handler)

    def server_bind(self):
        """Binds without the look-up of the host's name that HTTPServer makes: a dead name server
        would stall it."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


if __name__ == "__main__":
    Server(settings.load(sys.argv[1]), sys.argv[2]).serve_forever()
