"""A real HTTP server that misbehaves on demand, and records its requests and the bytes that it sent."""

from __future__ import annotations

import hashlib
import re
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass
class Request:
    """A request, and the bytes of the body that were handed to the connection in response."""

    path: str
    headers: dict[str, str]
    start: int = 0
    sent: int = 0


@dataclass
class Resource:
    """A file on the server, and how the server misbehaves when it is requested.

    Attributes:
        ranges: whether ranges are sent.
        faults: what happens to the first requests, in order; see :class:`Handler`.
        rate: bytes a second; 0 sets no limit.
    """

    data: bytes
    etag: str | None = None
    modified: str = ""
    ranges: bool = True
    kind: str = "application/octet-stream"
    faults: list[str] = field(default_factory=list)
    rate: int = 0
    honours_if_range: bool = True
    says_length: bool = True

    def __post_init__(self) -> None:
        if self.etag is None:
            self.etag = f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'


class Server(socketserver.ThreadingTCPServer):
    """Serves ``files`` by path, and records ``requests``."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512

    def __init__(self, host: str = "127.0.0.1") -> None:
        super().__init__((host, 0), Handler)
        self.files: dict[str, Resource] = {}
        self.requests: list[Request] = []
        self.lock = threading.Lock()
        self.answer: Callable[[Handler], bool] = lambda _: False

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_address[1]}"

    def put(self, path: str, resource: Resource) -> str:
        self.files[path] = resource
        return self.url + path

    def sent(self) -> int:
        return sum(request.sent for request in self.requests)

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[Server]:
    """A server on a free port of an address of this computer."""
    server = Server(host)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Handler(BaseHTTPRequestHandler):
    """Sends a file, or does what the first of its faults says:

    drop:N close after N bytes of the body; stall:N send N bytes, then nothing; long:N declare N bytes more than are
    sent; short:N declare N bytes less; STATUS[:retry-after] an error; html an error page with status 200; change:DATA
    become another file; redirect:URL; ignore send the whole file, whatever the range; wrong-range send another range;
    gzip declare it compressed; garbage send no HTTP.
    """

    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.server.answer(self):
            return
        resource = self.server.files.get(self.path)
        request = Request(self.path, {key.lower(): value for key, value in self.headers.items()})
        with self.server.lock:
            self.server.requests.append(request)
            fault = resource.faults.pop(0) if resource and resource.faults else ""
        if resource is None:
            self.error(404, request)
        elif not self.misbehave(fault, resource, request):
            self.send(resource, request, fault)

    do_HEAD = do_GET  # noqa: N815

    def misbehave(self, fault: str, resource: Resource, request: Request) -> bool:
        kind, _, value = fault.partition(":")
        if kind.isdigit():
            self.error(int(kind), request, value)
        elif kind == "html":
            self.page(200, b"<!DOCTYPE html><html><body><h1>Down for maintenance</h1></body></html>", request)
        elif kind == "redirect":
            self.page(302, b"", request, {"Location": value})
        elif kind == "garbage":
            self.wfile.write(b"SSH-2.0-not-a-web-server\r\n\r\n")
            self.close_connection = True
        else:
            if kind == "change":
                resource.data = value.encode() * 1000
                resource.etag = f'"{hashlib.sha256(resource.data).hexdigest()[:16]}"'
            return False
        return True

    def error(self, status: int, request: Request, retry_after: str = "") -> None:
        self.page(status, b"<html>error</html>", request, {"Retry-After": retry_after} if retry_after else {})

    def page(self, status: int, body: bytes, request: Request, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": "text/html", "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def send(self, resource: Resource, request: Request, fault: str) -> None:
        kind, _, value = fault.partition(":")
        data, etag = resource.data, resource.etag or ""
        start, stop, status = 0, len(data), 200
        match = _RANGE.fullmatch(request.headers.get("range", ""))
        if_range = request.headers.get("if-range")
        fits = if_range in (None, etag, resource.modified) or not resource.honours_if_range
        if match and resource.ranges and fits and kind != "ignore":
            start, stop = int(match[1]), min(int(match[2] or len(data) - 1) + 1, len(data))
            status = 206
            if start >= len(data):
                self.page(416, b"", request, {"Content-Range": f"bytes */{len(data)}"})
                return
        if kind == "wrong-range":
            start = min(start + 1, stop - 1)
        length = stop - start + (int(value) if kind == "long" else -int(value) if kind == "short" else 0)
        request.start = start
        self.send_response(status)
        self.send_header("Content-Type", resource.kind)
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
        if resource.says_length:
            self.send_header("Content-Length", str(length))
        else:
            self.close_connection = True
            self.send_header("Connection", "close")
        for key, header in (("ETag", etag), ("Last-Modified", resource.modified)):
            if header:
                self.send_header(key, header)
        if kind == "gzip":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if self.command == "HEAD":
            return
        limit = int(value) if kind in ("drop", "stall") else length
        self.body(memoryview(data)[start:stop][:limit], resource, request)
        if kind == "stall":
            time.sleep(30)
        if kind in ("drop", "long", "stall"):
            self.close_connection = True

    def body(self, data: memoryview, resource: Resource, request: Request) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        step = 1 << 16
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            self.connection.sendall(piece)
            request.sent += len(piece)
            if resource.rate:
                time.sleep(len(piece) / resource.rate)

    def log_message(self, *args: object) -> None:
        pass
