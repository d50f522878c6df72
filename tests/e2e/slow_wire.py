"""A wire between Bascule and its name server that can hold a message back: what was sent before
its sender died and arrives long after.

Questions (UDP) pass at once. Updates come over TCP, one message per connection; hold_next() keeps
the next one on the wire, also when whoever sent it is dead, until release() delivers it.
"""
import socket
import struct
import threading

import dns.rcode

ANSWER_SECONDS = 5
LARGEST = 65535


class SlowWire:
    """Listens on a port of its own at 127.0.0.1, and leads to the server at `server_port`."""

    def __init__(self, server_port):
        self.server = ("127.0.0.1", server_port)
        self.holds_next = False
        self.held = threading.Event()
        self.released = threading.Event()
        self.delivered = threading.Event()
        self.late_answer = None
        self.questions, self.updates = self.open_port()
        self.port = self.updates.getsockname()[1]
        for work in (self.pass_questions, self.take_updates):
            threading.Thread(target=work, daemon=True).start()

    @staticmethod
    def open_port():
        import ports
        port = ports.pick([["127.0.0.1"]])[0]
        questions = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        questions.bind(("127.0.0.1", port))
        updates = socket.create_server(("127.0.0.1", port))
        return questions, updates

    def close(self):
        self.released.set()
        for one in (self.questions, self.updates):
            try:
                one.shutdown(socket.SHUT_RDWR)  # wakes whoever waits for it
            except OSError:
                pass
            one.close()

    def hold_next(self):
        self.released.clear()
        self.held.clear()
        self.delivered.clear()
        self.holds_next = True

    def release(self):
        """Delivers what is held and returns the server's answer to it, as text."""
        self.released.set()
        if not self.delivered.wait(ANSWER_SECONDS):
            raise AssertionError("the held update was not delivered")
        return self.late_answer

    def pass_questions(self):
        while True:
            try:
                question, who = self.questions.recvfrom(LARGEST)
            except OSError:
                return
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as onward:
                onward.settimeout(ANSWER_SECONDS)
                try:
                    onward.sendto(question, self.server)
                    self.questions.sendto(onward.recv(LARGEST), who)
                except OSError:
                    continue

    def take_updates(self):
        while True:
            try:
                connection, _ = self.updates.accept()
            except OSError:
                return
            threading.Thread(target=self.pass_update, args=(connection,), daemon=True).start()

    def pass_update(self, connection):
        with connection:
            try:
                message = read_message(connection)
            except OSError:
                return
            late = self.holds_next
            self.holds_next = False
            if late:
                self.held.set()
                self.released.wait()
            with socket.create_connection(self.server, timeout=ANSWER_SECONDS) as onward:
                onward.sendall(struct.pack("!H", len(message)) + message)
                answer = read_message(onward)
            if late:
                self.late_answer = dns.rcode.to_text(answer[3] & 0x0F)
                self.delivered.set()
            try:
                connection.sendall(struct.pack("!H", len(answer)) + answer)
            except OSError:  # who asked is gone
                pass


def read_message(connection):
    length = struct.unpack("!H", read_exactly(connection, 2))[0]
    return read_exactly(connection, length)


def read_exactly(connection, size):
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("the other side has closed the connection")
        data += more
    return data
