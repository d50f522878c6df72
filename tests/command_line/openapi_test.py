#!/usr/bin/python3 -B
"""The description of the API and the server that is held to it: what is answered, who may ask, and
what becomes of requests that are not as described."""
import http.client
import json
import re
import socket
import unittest

import jsonschema

import api
import lone

# Who may do what, written down apart from the program. Each is asked with a body that is refused
# for what it lacks, so that nothing is done: who may ask is decided before.
ROLES = {
    "getStatus": "viewer", "listGroups": "viewer", "getGroup": "viewer", "explainGroup": "viewer",
    "planMove": "viewer", "listRuns": "viewer", "getRun": "viewer", "getReport": "viewer",
    "readJournal": "viewer", "followEvents": "viewer",
    "runPreflight": "operator", "startMove": "operator", "holdGroup": "operator",
    "releaseGroup": "operator", "acknowledgeMove": "operator", "attestSite": "operator",
    "holdEverything": "operator", "releaseEverything": "operator", "approveRun": "operator",
    "abortRun": "operator", "resumeRun": "operator",
    "adoptGroup": "admin", "importJournal": "admin",
}
ORDER = ["viewer", "operator", "admin"]
OPEN = {"isAlive", "isReady", "scrape", "describe", "shouldGetTraffic", "mustBeDrained"}


class OpenApi(lone.Lone):
    @classmethod
    def setUpClass(cls):
        # One daemon for all: none of the tests leaves a trace that another one would meet.
        cls.keeper = cls("serve_for_all")
        lone.Lone.setUp(cls.keeper)
        cls.addClassCleanup(cls.keeper.doCleanups)
        cls.tokens, lines = {}, ""
        for role in ORDER:
            made = json.loads(lone.run("token", "create", role + "-1", "--role", role, "-o",
                                       "json").out)
            cls.tokens[role] = made["token"]
            lines += f'    - {{name: {role}-1, role: {role}, hash: "{made["hash"]}"}}\n'
        file = cls.keeper.start_configuration("--http")
        with open(file, encoding="utf-8") as before:
            text = before.read().replace("groups:", f"access:\n  tokens:\n{lines}groups:", 1)
        cls.keeper.write("start.yaml", text)
        cls.port = int(re.search(r"listen: 127\.0\.0\.1:(\d+)", text).group(1))
        cls.keeper.serve(file)
        with open(cls.keeper.path("journal.db.token"), encoding="utf-8") as token:
            cls.api = api.Api(f"http://127.0.0.1:{cls.port}", token.read().strip())

    def serve_for_all(self):
        """Not a test: the name of the one that keeps the daemon."""

    def test_it_is_an_openapi_description(self):
        described = self.api.description
        self.assertEqual(described["openapi"], "3.1.0")
        for name, schema in described["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
        for method, path, operation in self.api.operations():
            with self.subTest(method + " " + path):
                named = set(re.findall(r"\{(\w+)\}", path))
                in_path = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
                self.assertEqual(named, in_path)
                self.assertEqual(method == "POST", "requestBody" in operation)
                self.assertIn("200", operation["responses"])

    def test_every_operation_asks_for_its_role(self):
        asked = {operation["operationId"] for _, _, operation in self.api.operations()}
        self.assertEqual(asked, set(ROLES) | OPEN)
        for method, path, operation in self.api.operations():
            name = operation["operationId"]
            if name in OPEN:
                continue
            place = path.format(group="shop", run="r-none")
            body = {} if method == "POST" else None
            for token, role in [(None, None), ("bsc_wrong", None),
                                *((self.tokens[role], role) for role in ORDER)]:
                with self.subTest(operation=name, role=role):
                    if name == "followEvents" and role:
                        status = self.first_status(place, token)
                    else:
                        status, answer = self.api.ask(method, place, body, token)
                        self.assertEqual(self.api.mistakes(operation, status, answer), [])
                    if role is None:
                        self.assertIn(status, (401,) if token is None else (401, 429))
                    elif ORDER.index(role) < ORDER.index(ROLES[name]):
                        self.assertEqual(status, 403)
                    else:
                        self.assertNotIn(status, (401, 403))
        # Wrong tokens of this address are slowed down by now, right ones are not.
        self.assertEqual(self.api.ask("GET", "/api/v1/status", token="bsc_wrong")[0], 429)
        self.assertEqual(self.api.ask("GET", "/api/v1/status")[0], 200)

    def first_status(self, path, token):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.request("GET", path, headers={"Authorization": "Bearer " + token})
        status = connection.getresponse().status
        connection.close()
        return status

    def test_what_is_answered_is_what_is_described(self):
        for method, path, operation in self.api.operations():
            content = operation["responses"]["200"]["content"]
            if method != "GET" or "application/json" not in content:
                continue
            for group, run in (("shop", "r-none"), ("nowhere", "../x")):
                place = path.format(group=group, run=run)
                status, answer = self.api.ask("GET", place)
                with self.subTest(place, status=status):
                    self.assertEqual(self.api.mistakes(operation, status, answer), [])

    def test_commands_answer_as_described(self):
        who = {"actor": "ana", "reason": "to see"}
        steps = [("/groups/{group}/hold", {"for_ms": 60000}, 200),
                 ("/groups/{group}/release", {}, 200),
                 ("/groups/{group}/attest", {"site": "nowhere"}, None),
                 ("/groups/{group}/moves", {"move": "failover", "to": "nowhere"}, None),
                 ("/groups/{group}/moves", {"move": "dance"}, 400),
                 ("/groups/{group}/ack", {}, None), ("/runs/{run}/abort", {}, 404),
                 ("/hold", {}, 200), ("/release", {}, 200), ("/import", {"journal": {}}, 400)]
        paths = self.api.description["paths"]
        for path, body, expected in steps:
            operation = paths["/api/v1" + path]["post"]
            place = "/api/v1" + path.format(group="shop", run="r-none")
            status, answer = self.api.ask("POST", place, {**who, **body})
            with self.subTest(place, body=body):
                self.assertEqual(self.api.mistakes(operation, status, answer), [])
                if expected:
                    self.assertEqual(status, expected, answer)

    def test_one_idempotency_key_is_one_command(self):
        body = {"actor": "ana", "reason": "to see", "move": "failover", "to": "berlin",
                "at": "2099-01-01T00:00:00Z", "idempotency_key": "k-1"}
        status, groups = self.api.ask("GET", "/api/v1/groups")
        body["to"] = groups[0]["sites"][1]["site"]
        first = self.api.ask("POST", "/api/v1/groups/shop/moves", body)
        again = self.api.ask("POST", "/api/v1/groups/shop/moves", body)
        if first[0] != 200:  # refused by a gate: nothing was started, twice
            self.assertEqual(first[0], again[0])
            self.assertEqual(self.api.ask("GET", "/api/v1/runs")[1], [])
            return
        self.assertEqual(first[1]["run"]["run"], again[1]["run"]["run"])
        status, _ = self.api.ask("POST", f"/api/v1/runs/{first[1]['run']['run']}/abort",
                                 {"actor": "ana", "reason": "enough"})
        self.assertEqual(status, 200)

    def test_requests_that_are_not_as_described(self):
        who = {"actor": "ana", "reason": "x"}
        rows = [
            ("POST", "/api/v1/groups/shop/hold", {**who, "for": "2h"}, 400, "`for` is not known"),
            ("POST", "/api/v1/groups/shop/hold", {**who, "for_ms": "2h"}, 400, "a whole number"),
            ("POST", "/api/v1/groups/shop/hold", {"actor": "ana"}, 400, "`reason` is missing"),
            ("POST", "/api/v1/groups/shop/hold", [], 400, "not a JSON object"),
            ("GET", "/api/v1/journal?after=x", None, 400, "a whole number"),
            ("GET", "/api/v1/runs?limit=1&limit=2", None, 400, "given twice"),
            ("GET", "/api/v1/events?from=1", None, 400, "`from` is not known"),
            ("DELETE", "/api/v1/groups/shop", None, 405, "DELETE has no meaning there"),
            ("GET", "/api/v1/groups/shop/moves", None, 405, "use POST"),
            ("POST", "/metrics", {}, 405, "POST has no meaning there"),
            ("PUT", "/steer/shop/one", {}, 405, "PUT has no meaning there"),
            ("DELETE", "/healthz", None, 405, "use GET"),
            ("GET", "/steering", None, 404, "nothing at"),
            ("GET", "/api/v1/../../etc/passwd", None, 404, "nothing at"),
            ("GET", "/api/v1/groups/%2e%2e%2f%2e%2e%2fetc%2fpasswd", None, 404, "no group"),
            ("GET", "/api/v1/groups/shop%00", None, None, ""),
            ("GET", "/api/v1/groups/%ff%fe", None, None, ""),
            ("GET", "/../../etc/passwd", None, 404, "nothing at"),
        ]
        for method, path, body, expected, said in rows:
            with self.subTest(path, body=body):
                status, answer = self.api.ask(method, path, body)
                if expected:
                    self.assertEqual(status, expected, answer)
                else:
                    self.assertIn(status, (400, 404))
                if answer is not None:
                    self.assertIn(said, json.dumps(answer, ensure_ascii=False))
        answer = self.raw("DELETE /api/v1/groups/shop/moves HTTP/1.1\r\nHost: x\r\nAuthorization: "
                          f"Bearer {self.api.token}\r\n\r\n")
        self.assertIn("405", answer)
        self.assertIn("Allow: POST", answer)

    def raw(self, text, then_close=True):
        """What is answered to these bytes until the other side closes, or has no more to say."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as stream:
            stream.sendall(text if isinstance(text, bytes) else text.encode("latin-1"))
            if then_close:
                stream.shutdown(socket.SHUT_WR)
            answer = b""
            while True:
                try:
                    piece = stream.recv(65536)
                except ConnectionResetError:
                    break
                if not piece:
                    break
                answer += piece
        return answer.decode("utf-8", "replace")

    def test_hostile_bytes_end_in_an_answer_and_harm_nobody(self):
        token = f"Authorization: Bearer {self.api.token}\r\n"
        post = f"POST /api/v1/hold HTTP/1.1\r\nHost: x\r\n{token}"
        deep = "[" * 100_000
        rows = [
            ("a request cut in half", "GET /api/v1/sta", ""),
            ("a header cut in half", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-", ""),
            ("a body cut in half", post + "Content-Length: 100\r\n\r\n{\"actor\":", ""),
            ("a broken body", post + "Content-Length: 9\r\n\r\n{\"actor\":", "400"),
            ("a body that goes deep", post + f"Content-Length: {len(deep)}\r\n\r\n{deep}", "400"),
            ("a huge body", post + "Content-Length: 99999999999\r\n\r\n", "413"),
            ("a negative length", post + "Content-Length: -5\r\n\r\n", "400"),
            ("two lengths", post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "400"),
            ("a length and chunks", post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
             "0\r\n\r\n", "400"),
            ("a huge header", "GET /healthz HTTP/1.1\r\nX: " + "x" * 100_000 + "\r\n\r\n", "431"),
            ("many headers", "GET /healthz HTTP/1.1\r\n" + "A: b\r\n" * 20_000 + "\r\n", "431"),
            ("a header of two lines", "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", ""),
            ("a bare line feed in a header",
             "GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\nSet: c\r\n\r\n", ""),
            ("another protocol", "SSH-2.0-OpenSSH_9.2\r\n", "400"),
            ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", ""),
            ("an odd method", "BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "405"),
            ("HTTP/3.0", "GET /healthz HTTP/3.0\r\nHost: x\r\n\r\n", ""),
            ("a target with a line feed",
             "GET /steer/a%0d%0aSet-Cookie:%20x/b HTTP/1.1\r\nHost: x\r\n\r\n", ""),
            ("nothing at all", "", ""),
        ]
        for name, text, expected in rows:
            with self.subTest(name):
                answer = self.raw(text)
                if expected:
                    self.assertIn(f" {expected} ", answer.split("\r\n")[0])
                head = answer.split("\r\n\r\n")[0].lower()
                self.assertNotIn("set-cookie", head)
                self.assertNotIn("\nset:", head)
                self.assertEqual(self.api.ask("GET", "/api/v1/status")[0], 200)

    def test_requests_one_behind_the_other_are_answered_in_order(self):
        token = f"Authorization: Bearer {self.api.token}\r\n"
        first = f"GET /api/v1/groups HTTP/1.1\r\nHost: x\r\n{token}\r\n"
        second = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        third = f"GET /api/v1/nothing HTTP/1.1\r\nHost: x\r\n{token}Connection: close\r\n\r\n"
        answer = self.raw(first + second + third, then_close=False)
        self.assertEqual(re.findall(r"HTTP/1\.1 (\d+)", answer), ["200", "200", "404"])


if __name__ == "__main__":
    lone.main()
