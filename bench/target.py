"""What the checks ask: takes every connection, answers every HTTP request with 200 and closes."""
import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"


class Target(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(ANSWER)
        self.transport.close()


async def main():
    server = await asyncio.get_running_loop().create_server(Target, "127.0.0.1", int(sys.argv[1]),
                                                            backlog=4096)
    await server.serve_forever()


asyncio.run(main())
