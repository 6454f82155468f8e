"""A server that sends exactly the bytes that a test gives it, at the pace that the test chooses."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Connection = socket.socket
Reply = Callable[[str, dict[str, str], Connection], object]
"""Receives the path, the headers in lower case, and the connection to write to, which is closed afterwards."""


class RawServer(socketserver.ThreadingTCPServer):
    """Reads the head of each request, and leaves the rest to ``reply``; ``requests`` has the paths and headers."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, reply: Reply, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), _Handler)
        self.reply = reply
        self.requests: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def paths(self) -> list[str]:
        return [path for path, _ in self.requests]

    def handle_error(self, request: object, client_address: object) -> None:
        pass


class _Handler(socketserver.StreamRequestHandler):
    server: RawServer

    def handle(self) -> None:
        path = self.rfile.readline().split()[1].decode()
        lines = iter(self.rfile.readline, b"\r\n")
        headers = {
            key.strip().lower(): value.strip() for key, _, value in (one.decode().partition(":") for one in lines)
        }
        self.server.requests.append((path, headers))
        with suppress(OSError):  # the client has closed the connection
            self.server.reply(path, headers, self.connection)


@contextmanager
def raw_server(reply: Reply, host: str = "127.0.0.1") -> Iterator[RawServer]:
    server = RawServer(reply, host)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def response(body: bytes = b"", status: str = "200 OK", version: str = "1.1", **headers: object) -> bytes:
    """A whole response. Its length is that of the body, unless ``content_length`` is given; None leaves it out."""
    fields = {"content_length": len(body), "connection": "close"} | headers
    lines = [f"{key.replace('_', '-')}: {value}" for key, value in fields.items() if value is not None]
    return "\r\n".join([f"HTTP/{version} {status}", *lines, "", ""]).encode("latin-1") + body


def trickle(connection: Connection, data: bytes, seconds: float = 0.05) -> None:
    """Send byte by byte."""
    wait = threading.Event()
    for number in range(len(data)):
        connection.sendall(data[number : number + 1])
        wait.wait(seconds)


def flood(connection: Connection, head: bytes, piece: bytes = bytes(1 << 16)) -> int:
    """Send a body without end; returns the bytes that the client took until it closed the connection."""
    sent = 0
    with suppress(OSError):
        connection.sendall(head)
        while sent < 400_000_000:
            connection.sendall(piece)
            sent += len(piece)
    return sent
