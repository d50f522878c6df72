"""HTTP in front of a cluster: requests in, answers and watches out, faults where they were ordered.

Below /sandbox the cluster takes orders from tests and rehearsals instead (see control.py).
"""
import http.server
import json
import select
import ssl
import sys
import time

import api
import control
import store

BODY_MAX = 3 * 1024 * 1024  # as the API server's
IDLE_SECONDS = 600


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    cluster = None
    tls = None

    def get_request(self):
        connection, address = super().get_request()
        if self.tls:
            # The handshake happens in the thread of the connection: who is silent stops nobody.
            connection = self.tls.wrap_socket(connection, server_side=True,
                                              do_handshake_on_connect=False)
        return connection, address

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (OSError, ssl.SSLError)):
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True
    server_version = "sandbox"

    def setup(self):
        super().setup()
        self.certificate_user = ""
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(10)
            self.request.do_handshake()
            self.request.settimeout(self.timeout)
            for field in (self.request.getpeercert() or {}).get("subject", ()):
                if field[0][0] == "commonName":
                    self.certificate_user = field[0][1]

    def log_message(self, *_):
        pass

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            return self.send(api.Answer(413, "too large", is_text=True))
        path, query = api.parse(self.path)
        request = api.Request(self.command, path, query, self.headers, self.rfile.read(length),
                              self.certificate_user)
        if path.startswith("/sandbox/"):
            return self.send(control.answer(self.server.cluster, request))
        return self.serve(request)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

    def serve(self, request):
        cluster = self.server.cluster
        cluster.requests.append({
            "method": request.method, "path": self.path,
            "content_type": request.headers.get("Content-Type") or "",
            "body": request.body.decode(errors="replace")[:4096]})
        fault = cluster.fault_for(request.method, self.path) or {}
        what = fault.get("do", "status") if fault else ""
        if what == "hang":
            cluster.hang()
            self.close_connection = True
            return None
        if what == "garbage":
            return self.send(api.Answer(200, "<html><body>Bad gateway</body></html>",
                                        {"Content-Type": "text/html"}, is_text=True))
        try:
            if what == "status":
                raise cluster.failure(fault.get("code", 500), fault.get("message"),
                                      fault.get("retry_after"))
            answer = api.answer(cluster, request)
        except store.Failure as failure:
            headers = {}
            if failure.retry_after is not None:
                headers["Retry-After"] = str(failure.retry_after)
            answer = api.Answer(failure.code, failure.status(), headers)
        if what == "lost":
            self.close_connection = True
            return None
        if isinstance(answer, api.Watch):
            return self.stream(answer)
        return self.send(answer, what == "half")

    def send(self, answer, half=False):
        if answer.is_text:
            body, kind = str(answer.body).encode(), "text/plain"
        else:
            body, kind = json.dumps(answer.body).encode(), "application/json"
        self.send_response(answer.code)
        for name, value in {"Content-Type": kind, **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2] if half else body)
        self.close_connection = self.close_connection or half

    # --- watches

    def stream(self, watch):
        """Sends what happens until the time is over or nobody listens any more."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cluster = self.server.cluster
        limit = watch.seconds if cluster.watch_seconds is None else min(watch.seconds,
                                                                        cluster.watch_seconds)
        until = time.monotonic() + limit
        next_bookmark = time.monotonic() + cluster.bookmark_seconds
        for item in watch.first:
            self.send_event({"type": "ADDED", "object": item}, watch)
        after = watch.after
        while time.monotonic() < until and not self.is_gone():
            with cluster.store.changed:
                try:
                    entries = cluster.store.events_after(after)
                    if not entries:
                        cluster.store.changed.wait(min(0.25, max(0.0, until - time.monotonic())))
                        entries = cluster.store.events_after(after)
                except store.Failure as failure:
                    self.send_event({"type": "ERROR", "object": failure.status()}, watch)
                    break
                events = list(api.watch_events(watch, entries))
                after = entries[-1][0] if entries else after
            for event in events:
                self.send_event(event, watch)
            if watch.bookmarks and time.monotonic() >= next_bookmark:
                self.send_bookmark(watch, after)
                next_bookmark = time.monotonic() + cluster.bookmark_seconds
        if watch.bookmarks:
            self.send_bookmark(watch, after)
        self.wfile.write(b"0\r\n\r\n")

    def is_gone(self):
        """Whether the other side has closed; while a watch runs it has nothing to send."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable:
            self.close_connection = True
        return bool(readable)

    def send_bookmark(self, watch, version):
        self.send_event({"type": "BOOKMARK", "object": {
            "kind": watch.resource.kind, "apiVersion": watch.resource.api_version,
            "metadata": {"resourceVersion": str(version), "creationTimestamp": None}}}, None)

    def send_event(self, event, watch):
        if watch is not None and watch.as_table and event["type"] != "ERROR":
            event = {**event, "object": api.tables.table([event["object"]], {},
                                                         watch.resource.kind)}
        line = json.dumps(event).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
        self.wfile.flush()


def serve(cluster, port=0, tls=None, address="127.0.0.1"):
    """A server for this cluster, bound and not yet running; its URL is in `url`."""
    server = Server((address, port), Handler)
    server.cluster, server.tls = cluster, tls
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://{address}:{server.server_address[1]}"
    return server
