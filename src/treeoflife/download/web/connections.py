"""Connections to web servers that serve one request after another; responses are read by the standard library."""

from __future__ import annotations

import io
import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
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
# A name and its value, or the continuation of a value.
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*(:.*)\n|([ \t]+\S.*)\n", re.DOTALL)


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

    def ask(self, request: bytes) -> HTTPResponse:
        """Send a request; its response is read up to its body.

        Raises:
            HTTPException, OSError: there is none, or one that breaks the rules of HTTP.
        """
        self._at_end = False
        self._socket.settimeout(self._stall_seconds)
        self._incoming.restart()
        self._socket.sendall(request)
        self._response = self._read_head()
        self._incoming.delivered()
        return self._response

    def _read_head(self) -> HTTPResponse:
        """The next response that is not an interim one."""
        self._reader.in_head, status = True, 100
        while 100 <= status < 200:
            # It asks for nothing else of a socket than a file to read from.
            response = HTTPResponse(cast(socket.socket, self), method="GET")
            try:
                response.begin()
            except (TypeError, ValueError, LookupError) as error:  # of some malformed parameters of a Content-Type
                raise HTTPException(f"the head of its response cannot be read: {error}") from error
            status = response.status
        self._reader.in_head = False
        _check_framing(response)
        return response

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What :class:`http.client.HTTPResponse` reads from."""
        return self._reader

    def headers(self, name: str) -> list[str]:
        """The values of a header of the last response, one for each time that it occurs."""
        assert self._response
        values = self._response.headers.get_all(name, [])
        return [" ".join(line.strip(" \t\r") for line in value.split("\n")) for value in values]

    def pieces(self) -> Iterator[bytes]:
        """The body of the last response as it is sent, in pieces of at most 64 KiB, each as soon as it is there.

        Raises:
            HTTPException, OSError: it does not come to its end.
        """
        response = self._response
        assert response
        while response.length != 0:
            # The parser skips two bytes here, whatever they are.
            if response.chunk_left == 0 and not b"\r\n".startswith(self._reader.peek(2)[:2]):
                raise HTTPException("a chunk is longer than it says")
            if not (piece := response.read1(_PIECE)):
                break
            self._incoming.delivered()
            yield piece
        if response.length:
            raise HTTPException(f"the connection ended {response.length} bytes too early")
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
        self._socket.settimeout(0)
        try:
            self._reader.peek(1)  # also what was received together with the last response
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except (HTTPException, OSError):
            pass
        return False

    def abort(self) -> None:
        """End whatever waits for this connection, from another thread."""
        with suppress(OSError):  # it has ended by itself
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


class _Reader(io.BufferedReader):
    """What a response is read from. It outlives the responses, each of which closes it.

    The library's parser of heads is one of e-mails: where a line is no header, or a head is cut off, the body begins.
    Here the former lines are left out, as browsers do, and the latter is an error.
    """

    def __init__(self, raw: io.RawIOBase, size: int) -> None:
        super().__init__(raw, size)
        self.in_head = self._after_status = False

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(size)
        if not self._after_status:
            self._after_status = self.in_head
            return line
        while line not in (b"\r\n", b"\n"):
            if not line.endswith(b"\n"):
                raise HTTPException("the head of its response is cut off, or has a line without end")
            if field := _FIELD.fullmatch(line):
                return b"".join(field.groups(b"")).rstrip(b" \t\r").replace(b"\r", b" ") + b"\r\n"
            line = super().readline(size)
        self._after_status = False
        return line

    def close(self) -> None:
        pass


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


def _check_framing(response: HTTPResponse) -> None:
    """Check that the head says in one way where the body ends.

    Raises:
        HTTPException: it does not; the parser would take one of the ways, or read on until the connection closes.
    """
    codings = response.headers.get_all("Transfer-Encoding", [])
    if codings and not (len(codings) == 1 and response.chunked):
        raise HTTPException(f"its Transfer-Encoding is {', '.join(codings)!r:.80}")
    lengths = set(response.headers.get_all("Content-Length", []))
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(one) for one in lengths):
        raise HTTPException(f"its Content-Length is {', '.join(sorted(lengths))!r:.80}")


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
    """Connections that wait for their next request, ``most`` at most: then the one that waits longest is closed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: list[Connection] = []  # in the order in which they came
        self._lock = threading.Lock()

    def take(self, site: tuple[str, str, int]) -> Connection | None:
        """A connection to a server that is still open; None if there is none."""
        while True:
            with self._lock:
                connection = next((one for one in reversed(self._waiting) if one.site == site), None)
                if not connection:
                    return None
                self._waiting.remove(connection)
            if connection.is_open:
                connection.reused = True
                return connection
            connection.close()

    def put(self, connection: Connection) -> None:
        """Keep a connection for later."""
        with self._lock:
            self._waiting.append(connection)
            surplus = self._waiting.pop(0) if len(self._waiting) > self._most else None
        if surplus:
            surplus.close()

    def close(self) -> None:
        """Close all."""
        with self._lock:
            for connection in self._waiting:
                connection.close()
            self._waiting.clear()
