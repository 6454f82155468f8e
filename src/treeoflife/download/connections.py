"""Connections to web servers that serve one request after another."""

from __future__ import annotations

import io
import os
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any, cast

from .addresses import network_of
from .http_reader import PIECE, Head, HttpError, read_head, read_pieces
from .pace import PaceCheck
from .web_address import Address

# Servers send a few kilobytes of head. The limit also bounds interim responses, of which there may be any number, and
# what follows the last chunk of a body.
_MAX_HEAD_BYTES = 256 << 10


class Connection:
    """A connection. ``peer`` is the network of its server, ``reused`` whether it served an earlier request."""

    def __init__(self, address: Address, stall_seconds: float, tls: Tls) -> None:
        """Connect.

        Raises:
            OSError, ValueError: that is not possible.
        """
        self.site, self.reused, self._stall_seconds = address.site, False, stall_seconds
        opened = socket.create_connection((address.host, address.port), stall_seconds)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peer = network_of(str(opened.getpeername()[0]))
            self._socket = tls.wrap(opened, address.host) if address.scheme == "https" else opened
        except BaseException:
            opened.close()
            raise
        self._incoming = _Incoming(self._socket, PaceCheck(stall_seconds))
        self._reader: io.BufferedReader = io.BufferedReader(cast(io.RawIOBase, self._incoming), PIECE)
        self._head: Head | None = None
        self._hurries = self._at_end = False

    def ask(self, request: bytes) -> Head:
        """Send a request; its response is read up to its body.

        Raises:
            HttpError, OSError: there is none, or one that breaks the rules of HTTP.
        """
        self._at_end = False
        if self._hurries:
            self._socket.settimeout(self._stall_seconds)
            self._hurries = False
        self._incoming.restart()
        self._socket.sendall(request)
        self._head = read_head(self._reader)
        self._incoming.delivered()
        return self._head

    def pieces(self) -> Iterator[bytes]:
        """The body of the last response as it is sent, in pieces of at most 64 KiB.

        Raises:
            HttpError, OSError: it does not come to its end.
        """
        assert self._head
        for piece in read_pieces(self._reader, self._head):
            self._incoming.delivered()
            yield piece
        self._at_end = True

    def hurry(self, seconds: float) -> None:
        """Wait no longer than so for what is left of the last response."""
        self._socket.settimeout(min(seconds, self._stall_seconds))
        self._hurries = True

    @property
    def can_serve_more(self) -> bool:
        """Whether the last response was read to its end, and its server does not close the connection."""
        return self._at_end and self._head is not None and self._head.keeps_open

    @property
    def is_open(self) -> bool:
        """Whether nothing has come since the last response: neither the end of the connection nor what nobody asked."""
        poll = select.poll()  # select() refuses the descriptors of a process that has more than a thousand
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def abort(self) -> None:
        """End whatever waits for this connection, from another thread."""
        with suppress(OSError):  # it has ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Incoming(io.RawIOBase):
    """Receives bytes, measures their pace, and counts those that were not delivered: heads, and what frames chunks."""

    def __init__(self, source: socket.socket, pace: PaceCheck) -> None:
        self._source, self._pace = source, pace
        self._undelivered = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._source.recv_into(buffer)
        self._undelivered += size
        if self._undelivered > _MAX_HEAD_BYTES + PIECE:
            raise HttpError(f"the head of its response is longer than {_MAX_HEAD_BYTES} bytes")
        self._pace.add(size)
        return size

    def restart(self) -> None:
        """Begin with the response to another request."""
        self._pace.restart()
        self._undelivered = 0

    def delivered(self) -> None:
        """What has come was of use."""
        self._undelivered = 0


class Tls:
    """Secures connections, by the certificates that this computer trusts, or those that SSL_CERT_FILE names."""

    def __init__(self) -> None:
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def wrap(self, opened: socket.socket, host: str) -> socket.socket:
        """The same connection, secured."""
        with self._lock:  # reading the certificates takes a while, and not every list has https in it
            self._context = self._context or _tls_context()
        return self._context.wrap_socket(opened, server_hostname=host)


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
        with suppress(ImportError):  # some Pythons know no certificates
            context.load_verify_locations(import_module("certifi").where())
    context.set_alpn_protocols(["http/1.1"])
    return context


class IdleConnections:
    """Connections that wait for their next request, ``most`` at most: then the host that was idle longest loses one."""

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0
        self._by_site: dict[tuple[str, str, int], list[Connection]] = {}
        self._lock = threading.Lock()

    def take(self, site: tuple[str, str, int]) -> Connection | None:
        """A connection to a server that is still open; None if there is none."""
        while True:
            with self._lock:
                waiting = self._by_site.get(site)
                if not waiting:
                    return None
                connection = waiting.pop()
                self._count -= 1
                if not waiting:
                    del self._by_site[site]
            if connection.is_open:
                connection.reused = True
                return connection
            connection.close()

    def put(self, connection: Connection) -> None:
        """Keep a connection for later."""
        surplus = None
        with self._lock:
            waiting = self._by_site.pop(connection.site, [])
            waiting.append(connection)
            self._by_site[connection.site] = waiting  # the last in the dictionary's order
            self._count += 1
            if self._count > self._most:
                site, oldest = next(iter(self._by_site.items()))
                surplus = oldest.pop(0)
                self._count -= 1
                if not oldest:
                    del self._by_site[site]
        if surplus:
            surplus.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for connection in (one for waiting in self._by_site.values() for one in waiting):
                connection.close()
            self._by_site, self._count = {}, 0
