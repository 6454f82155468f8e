"""Connections to web servers that serve one request after another, by the standard library's parser of HTTP/1.1."""

from __future__ import annotations

import io
import os
import re
import select
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse, IncompleteRead
from importlib import import_module
from typing import Any, cast

from .addresses import network_of
from .pace import PaceCheck
from .web_address import Address

# Servers send a few kilobytes of head. The limit also bounds interim responses, of which there may be any number, and
# what follows the last chunk of a body.
_MAX_HEAD_BYTES = 256 << 10
_PIECE = 64 << 10
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)


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
        self._reader = _Reader(self._incoming, _PIECE)
        self._response: HTTPResponse | None = None
        self._at_end = False

    @property
    def response(self) -> HTTPResponse:
        """The last response."""
        assert self._response
        return self._response

    def ask(self, request: bytes) -> None:
        """Send a request; its response is read up to its body.

        Raises:
            HTTPException, OSError: there is none, or one that breaks the rules of HTTP.
        """
        self._at_end = False
        self._socket.settimeout(self._stall_seconds)
        self._incoming.restart()
        self._socket.sendall(request)
        while True:
            # It asks for nothing else of a socket than a file to read from.
            response = HTTPResponse(cast(socket.socket, self), method="GET")
            response.begin()
            if self._incoming.ended:
                raise HTTPException("the connection ended within the head of its response")
            if not 100 <= response.status < 200:
                break
        _check_framing(response)
        self._response = response
        self._incoming.delivered()

    def pieces(self) -> Iterator[bytes]:
        """The body of the last response as it is sent, in pieces of at most 64 KiB.

        Raises:
            HTTPException, OSError: it does not come to its end.
        """
        response = self.response
        while response.length != 0 and (piece := response.read1(_PIECE)):
            self._incoming.delivered()
            yield piece
        if response.length:
            raise IncompleteRead(b"", response.length)
        self._at_end = True

    def hurry(self, seconds: float) -> None:
        """Wait no longer than so for what is left of the last response."""
        self._socket.settimeout(min(seconds, self._stall_seconds))

    @property
    def can_serve_more(self) -> bool:
        """Whether the last response was read to its end, and its server does not close the connection."""
        return self._at_end and self._response is not None and not self._response.will_close

    @property
    def is_open(self) -> bool:
        """Whether nothing has come since the last response: neither the end of the connection nor what nobody asked."""
        poll = select.poll()  # select() refuses the descriptors of a process that has more than a thousand
        poll.register(self._socket, select.POLLIN)
        return not poll.poll(0)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What :class:`http.client.HTTPResponse` reads from."""
        return self._reader

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Reader(io.BufferedReader):
    """The bytes of a connection. It outlives the responses, each of which closes what it was read from."""

    def close(self) -> None:
        pass


class _Incoming(io.RawIOBase):
    """Receives bytes, measures their pace, and counts those that were not delivered: heads, and what frames chunks."""

    def __init__(self, source: socket.socket, pace: PaceCheck) -> None:
        self._source, self._pace = source, pace
        self._undelivered, self.ended = 0, False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._source.recv_into(buffer)
        self.ended = not size
        self._undelivered += size
        if self._undelivered > _MAX_HEAD_BYTES + _PIECE:
            raise HTTPException(f"the head of its response is longer than {_MAX_HEAD_BYTES} bytes")
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


def _check_framing(response: HTTPResponse) -> None:
    """Check that the head says in one way where the body ends.

    Raises:
        HTTPException: it does not; the parser would take one of the ways, or read on until the connection closes.
    """
    codings = response.headers.get_all("Transfer-Encoding") or []
    if codings and [one.strip().lower() for one in codings] != ["chunked"]:
        raise HTTPException(f"its Transfer-Encoding is {', '.join(codings)!r:.80}")
    lengths = set(response.headers.get_all("Content-Length") or [])
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(one.strip()) for one in lengths):
        raise HTTPException(f"its Content-Length is {', '.join(sorted(lengths))!r:.80}")
