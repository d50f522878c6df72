#!/usr/bin/python3 -B
"""Who may use the API: tokens with roles, TLS with certificates that are renewed while the daemon
runs, and what is refused."""
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import time
import unittest
import urllib.error
import urllib.request

import lone


def make_certificate(folder, name, serial, days=30):
    """A self-signed certificate for api.test, and its key."""
    pem, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=api.test",
         "-addext", "subjectAltName=DNS:api.test", "-days", str(days),
         "-set_serial", str(serial), "-keyout", key + ".new", "-out", pem + ".new"],
        check=True, capture_output=True)
    # As renewing programs do: each file whole, one after the other.
    os.replace(key + ".new", key)
    os.replace(pem + ".new", pem)
    return pem, key


class Access(lone.Lone):
    def setUp(self):
        super().setUp()
        self.file = self.start_configuration("--http")
        with open(self.file, encoding="utf-8") as file:
            self.plain = file.read()
        self.port = int(re.search(r"listen: 127\.0\.0\.1:(\d+)", self.plain).group(1))

    def token(self, name, role, *words):
        made = json.loads(self.ends_with(0, lone.run("token", "create", name, "--role", role,
                                                     *words, "-o", "json")).out)
        line = f'      - {{name: {name}, role: {role}, hash: "{made["hash"]}"'
        if made["expires"]:
            line += f', expires: "{made["expires"]}"'
        return made["token"], line + "}\n"

    def configure(self, lines="", tls=None, listen=None):
        text = self.plain
        if listen:
            text = text.replace("listen: 127.0.0.1:", f"listen: {listen}:")
        access = ""
        if lines:
            access += f"  tokens:\n{lines}"
        if tls:
            access += f"  tls: {{cert: {tls[0]}, key: {tls[1]}}}\n"
        if access:
            text = text.replace("groups:", f"access:\n{access}groups:", 1)
        self.write("start.yaml", text)

    def ask(self, method, path, token=None, context=None, body=None, host="127.0.0.1"):
        scheme = "https" if context else "http"
        request = urllib.request.Request(f"{scheme}://{host}:{self.port}{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        if token:
            request.add_header("Authorization", "Bearer " + token)
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def log(self):
        with open(self.path("log"), encoding="utf-8") as file:
            return file.read()

    def wait_until(self, holds, what):
        until = time.monotonic() + lone.PATIENCE_SECONDS
        while not holds():
            if time.monotonic() > until:
                self.fail(f"{what}\n{self.log()}")
            time.sleep(0.05)

    def reload(self):
        pid = next(int(word) for word in os.listdir("/proc") if word.isdigit()
                   and self.is_daemon(word))
        os.kill(pid, signal.SIGHUP)

    def is_daemon(self, pid):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            return False
        return b"serve" in words and self.file.encode() in words


class Tokens(Access):
    def test_a_token_is_made_once_and_only_its_hash_is_kept(self):
        answer = self.ends_with(0, lone.run("token", "create", "oncall", "--role", "operator"))
        token = re.search(r"bsc_[0-9a-f]{64}", answer.out).group(0)
        self.assertIn("sha256:", answer.out)
        self.assertIn("{name: oncall, role: operator, hash:", answer.err)
        self.assertNotIn(token, answer.err)
        out = self.path("wall.token")
        answer = self.ends_with(0, lone.run("token", "create", "wall", "--role", "viewer",
                                            "--out", out))
        self.assertNotIn("bsc_", answer.out + answer.err)
        self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)
        self.ends_with(3, lone.run("token", "create", "wall", "--role", "viewer", "--out", out))

    def test_what_cannot_be_a_token_is_refused(self):
        for words in (("token", "create"), ("token", "create", "a b", "--role", "viewer"),
                      ("token", "create", "local", "--role", "viewer"),
                      ("token", "create", "x"), ("token", "create", "x", "--role", "root"),
                      ("token", "create", "x", "--role", "viewer", "--expires", "soon")):
            answer = self.ends_with(2, lone.run(*words))
            self.assertIn("bascule:", answer.err)

    def test_roles_expiry_and_records(self):
        viewer, first = self.token("wall", "viewer")
        operator, second = self.token("oncall", "operator")
        self.configure(first + second)
        self.serve(self.file)
        hold = {"actor": "ana", "reason": "looking"}
        self.assertEqual(self.ask("GET", "/api/v1/status", viewer)[0], 200)
        status, text = self.ask("POST", "/api/v1/groups/shop/hold", viewer, body=hold)
        self.assertEqual(status, 403)
        self.assertIn("the token wall is of a viewer; this needs an operator", text)
        server = ("--server", f"127.0.0.1:{self.port}")
        answer = lone.run("hold", "shop", "--reason", "x", *server, env={"BASCULE_TOKEN": viewer})
        self.assertNotEqual(answer.code, 0)
        self.assertIn("the token wall is of a viewer; this needs an operator",
                      " ".join(answer.err.split()))
        self.assertEqual(self.ask("POST", "/api/v1/groups/shop/hold", operator, body=hold)[0], 200)
        status, text = self.ask("POST", "/api/v1/groups/shop/adopt", operator,
                                body={**hold, "active": "amsterdam"})
        self.assertEqual(status, 403)
        self.assertIn("this needs an admin", text)
        # What is done with a token is recorded under its name, whatever its bearer calls himself.
        exported = self.ends_with(0, lone.run("audit", "export", "-c", self.file)).out
        self.assertIn('"actor":"ana (oncall)"', exported)
        self.assertEqual(self.ask("GET", "/api/v1/status")[0], 401)
        self.assertEqual(self.ask("GET", "/api/v1/status", "bsc_wrong")[0], 401)
        # A token that is taken out of the configuration is good no longer, one that is added is.
        guest, third = self.token("guest", "viewer", "--expires", "1h")
        self.configure(second + third)
        self.reload()
        self.wait_until(lambda: self.ask("GET", "/api/v1/status", guest)[0] == 200, "guest")
        self.assertEqual(self.ask("GET", "/api/v1/status", viewer)[0], 401)
        past = third.split("expires:")[0] + 'expires: "2020-01-01T00:00:00Z"}\n'
        self.configure(second + past)
        self.reload()
        self.wait_until(lambda: self.ask("GET", "/api/v1/status", guest)[0] == 401, "expiry")
        self.assertIn("has expired on 2020-01-01", self.ask("GET", "/api/v1/status", guest)[1])


class Tls(Access):
    def serial(self):
        """Of the certificate that is shown now."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            with context.wrap_socket(plain) as stream:
                pem = ssl.DER_cert_to_PEM_cert(stream.getpeercert(binary_form=True))
        shown = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=pem, text=True,
                               capture_output=True, check=True).stdout
        return int(shown.strip().split("=")[1], 16)

    def test_beyond_this_machine_only_with_tokens_and_tls(self):
        tls = make_certificate(self.folder, "api", 1)
        token, line = self.token("oncall", "operator")
        for lines, pair, lacks in (("", None, "tokens and TLS"), (line, None, "TLS"),
                                   ("", tls, "tokens")):
            self.configure(lines, pair, "0.0.0.0")
            answer = self.ends_with(2, lone.run("serve", "-c", self.file))
            self.assertIn(f"listening beyond this machine needs {lacks}", answer.err)
        self.configure(line, tls, "0.0.0.0")
        self.serve(self.file)
        # On the same machine nothing has to be said: the configuration names the certificate.
        status = json.loads(self.ends_with(0, lone.run("status", "-c", self.file, "-o",
                                                       "json")).out)
        self.assertEqual(status["cluster"], "prod")
        # From elsewhere, by the certificate's name and its authority.
        context = ssl.create_default_context(cafile=tls[0])
        context.check_hostname = False
        self.assertEqual(self.ask("GET", "/api/v1/status", token, context)[0], 200)
        server = f"https://127.0.0.1:{self.port}"
        variables = {"BASCULE_TOKEN": token}
        answer = lone.run("status", "--server", server, "--ca", tls[0], env=variables)
        self.ends_with(7, answer)
        self.assertIn("host name mismatch: certificate is for api.test", answer.err)
        answer = self.ends_with(7, lone.run("status", "--server", server, env=variables))
        self.assertIn("self-signed certificate", answer.err)
        # Plain text gets no answer, and harms nobody.
        answer = self.ends_with(7, lone.run("status", "--server", f"127.0.0.1:{self.port}",
                                            "--token-file", self.path("journal.db.token")))
        self.assertIn("https://", answer.err)
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as stream:
            stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertNotIn(b"200", stream.recv(4096))
        self.ends_with(0, lone.run("status", "-c", self.file))

    def test_a_certificate_is_renewed_while_the_daemon_runs(self):
        tls = make_certificate(self.folder, "api", 1, days=5)
        self.configure(tls=tls)
        self.serve(self.file)
        self.assertEqual(self.serial(), 1)
        self.assertIn("the API's certificate expires on", self.log())
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as plain:
            context = ssl.create_default_context(cafile=tls[0])
            with context.wrap_socket(plain, server_hostname="api.test") as held:
                # One file without the other: the old certificate stays.
                pem, _ = make_certificate(self.folder, "other", 2)
                os.replace(pem, tls[0])
                self.reload()
                self.wait_until(lambda: "does not belong to certificate" in self.log(), "mismatch")
                self.assertEqual(self.serial(), 1)
                make_certificate(self.folder, "api", 3)
                # Found without being told.
                self.wait_until(lambda: self.serial() == 3, "renewal")
                # Who was connected before stays connected.
                held.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn(b"200 OK", held.recv(4096))
        self.ends_with(0, lone.run("status", "-c", self.file))
        scraped = self.ask("GET", "/metrics", context=self.unverified())[1]
        self.assertIn("bascule_api_certificate_expiry_timestamp_seconds 1", scraped)

    @staticmethod
    def unverified():
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def test_a_certificate_that_expires_while_running_is_told(self):
        tls = make_certificate(self.folder, "api", 1)
        self.configure(tls=tls)
        self.serve(self.file)
        # openssl makes none that ends in a second; one whose end has passed is the same to clients.
        subprocess.run(["openssl", "x509", "-in", tls[0], "-signkey", tls[1], "-days", "-1", "-out",
                        tls[0] + ".new"], check=True, capture_output=True)
        os.replace(tls[0] + ".new", tls[0])
        self.wait_until(lambda: "the API's certificate has expired on" in self.log(), "expiry")
        answer = self.ends_with(7, lone.run("status", "-c", self.file))
        self.assertIn("certificate has expired on", answer.err)
        # The daemon goes on, and a new certificate is all it takes.
        make_certificate(self.folder, "api", 4)
        self.wait_until(lambda: lone.run("status", "-c", self.file).code == 0, "renewal")

    def test_a_command_without_the_daemon_sees_the_one_behind_tls(self):
        tls = make_certificate(self.folder, "api", 1)
        self.configure(tls=tls)
        self.serve(self.file)
        answer = lone.run("hold", "shop", "--reason", "x", "--local", "-c", self.file)
        self.ends_with(3, answer)
        self.assertIn("Bascule answers at", answer.err)
        # Also where it cannot be asked, because what it shows is not what is expected.
        pem, key = make_certificate(self.folder, "other", 2)
        self.configure(tls=(pem, key))
        answer = lone.run("hold", "shop", "--reason", "x", "--local", "-c", self.file)
        self.ends_with(3, answer)
        self.assertIn("cannot be asked whether it is a Bascule", answer.err)


if __name__ == "__main__":
    lone.main()
