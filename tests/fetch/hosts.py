"""Hosts with pictures: real servers on addresses of this computer, which record what they were asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Host(ThreadingHTTPServer):
    """One host: ``pages`` has the status and the body of each path, ``asked`` the paths in order, robots.txt aside."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.asked: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{self.server_address[0]}:{self.server_address[1]}"

    def put(self, path: str, body: bytes, status: int = 200) -> str:
        """Serve a page; returns its address."""
        self.pages[path] = (status, body)
        return self.url + path

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may go away."""

    def taken(self) -> list[str]:
        """The paths that were asked since the last call."""
        with self.lock:
            asked, self.asked = self.asked, []
        return sorted(asked)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Host

    def do_GET(self) -> None:
        if self.path != "/robots.txt":
            with self.server.lock:
                self.server.asked.append(self.path)
        status, body = self.server.pages.get(self.path, (404, b"nothing here"))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "image/jpeg" if status == 200 else "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


@contextmanager
def serving(*addresses: str) -> Iterator[list[Host]]:
    """Hosts at these addresses."""
    hosts = [Host(address) for address in addresses]
    threads = [threading.Thread(target=host.serve_forever, args=(0.02,), daemon=True) for host in hosts]
    for thread in threads:
        thread.start()
    try:
        yield hosts
    finally:
        for host, thread in zip(hosts, threads, strict=True):
            host.shutdown()
            thread.join()
            host.server_close()
