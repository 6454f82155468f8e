"""A lean client for very many small requests: GET over HTTP/1.1, with connections that are kept.

A request over httpx takes several times the processor time of everything else that is done with a small picture: see
benchmarks/fetch.py. Requests through a proxy of the environment go over httpx after all.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import TYPE_CHECKING
from urllib.request import getproxies

from ...core.extras import import_extra
from ...core.versions import __version__
from .connections import Connection, IdleConnections, Tls
from .proxies import proxy_for
from .redirect_rules import Way, check_arrival
from .web_address import Address

if TYPE_CHECKING:
    import httpx

_NO_ROUTE = (errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH)
# Of the page of an error: to read so much takes less than to connect again.
_MAX_UNREAD_BYTES = 64 << 10
_MAX_UNREAD_SECONDS = 0.5
_MOST_IDLE = 128  # a process may have 256 descriptors on some systems


class NoAnswerError(Exception):
    """A request got no answer, or none that came to its end."""


class BadAddressError(Exception):
    """An address turned out to be none when it was to be connected to."""


class NoNameError(NoAnswerError):
    """The name of a host could not be looked up."""


class NoRouteError(NoAnswerError):
    """This computer knows no way to the host."""


def user_agent(contact: str) -> str:
    """The header User-Agent; ``contact`` is an address or page by which the owner of a server can reach the user."""
    shown = "".join(character for character in contact if character.isprintable())
    return f"treeoflife/{__version__} (dataset builder{'; ' + shown if shown else ''})"


class WebResponse:
    """A response whose body has not been read yet.

    Attributes:
        status: the number of the status, and ``phrase`` what the server says about it.
        peer: the network of the server; empty if only a proxy is known.
        headers: the values of the header of a name, one for each time that it occurs.
    """

    def __init__(
        self, status: int, phrase: str, headers: Callable[[str], list[str]], peer: str, pieces: Iterator[bytes]
    ) -> None:
        """Describe a response."""
        self.status, self.phrase, self.headers, self.peer = status, phrase, headers, peer
        self._pieces = pieces

    def header(self, name: str) -> str:
        """The values of a header, joined by commas; empty if there is none."""
        return ", ".join(self.headers(name))

    @property
    def location(self) -> str | None:
        """Where a redirect leads; None if this is none."""
        return self.header("location") or None if self.status in (301, 302, 303, 307, 308) else None

    @property
    def shows_its_end(self) -> bool:
        """Whether a connection that is cut off can be told from one that has brought the whole body."""
        return bool(self.headers("content-length") or self.headers("transfer-encoding"))

    def pieces(self) -> Iterator[bytes]:
        """The body as it is sent, not decoded, in pieces of at most 64 KiB.

        Raises:
            NoAnswerError: it ends early, stalls, or trickles.
        """
        return self._pieces


class WebClient:
    """Sends requests, ``connections`` at once. More connections are kept than that, since the hosts take turns."""

    def __init__(self, connections: int, stall_seconds: float, contact: str) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigError: a variable of the environment that sets a proxy is malformed.
        """
        self._stall_seconds, self._tls = stall_seconds, Tls()
        self._idle = IdleConnections(_MOST_IDLE)
        self._busy: set[Connection] = set()
        # Compression would hide the length, and make the digests depend on the server.
        self._headers = f"User-Agent: {user_agent(contact)}\r\nAccept: */*\r\nAccept-Encoding: identity\r\n\r\n"
        self._proxied: httpx.Client | None = None
        if any(getproxies().get(scheme) for scheme in ("http", "https", "all")):
            import_extra("httpx", "download", "fetching through a proxy")
            from .http_client import make_client

            self._proxied = make_client(connections, stall_seconds, contact)

    def abort(self) -> None:
        """End the requests that other threads wait for."""
        for connection in list(self._busy):
            connection.abort()

    def close(self) -> None:
        """Close all connections."""
        self._idle.close()
        if self._proxied:
            self._proxied.close()

    @contextmanager
    def get(self, address: Address, way: Way = Way()) -> Iterator[WebResponse]:  # noqa: B008 - immutable
        """The response to a request; a redirect is not followed.

        Args:
            way: the redirects that led here.

        Raises:
            NoAnswerError: there is none, or its body does not come to its end.
            RedirectError: the server is not where it may be.
            BadAddressError: the address is none.
        """
        if self._proxied and proxy_for(address.scheme, address.authority):
            with self._get_proxied(self._proxied, address) as response:
                yield response
            return
        request = f"GET {address.target} HTTP/1.1\r\nHost: {address.authority}\r\n{self._headers}".encode()
        with _no_answers():
            connection, answer = self._ask(address, way, request)
        pieces = _checked(connection.pieces())
        try:
            yield WebResponse(answer.status, answer.reason, connection.headers, connection.peer, pieces)
        finally:
            self._keep_or_close(connection, pieces)

    def _keep_or_close(self, connection: Connection, pieces: Iterator[bytes]) -> None:
        """Keep a connection for the next request, if what is left of its response is small and comes at once."""
        left, end = _MAX_UNREAD_BYTES, time.monotonic() + _MAX_UNREAD_SECONDS
        try:
            while not connection.can_serve_more and left > 0 and time.monotonic() < end:
                connection.hurry(_MAX_UNREAD_SECONDS)
                if (piece := next(pieces, None)) is None:
                    break
                left -= len(piece)
        except NoAnswerError:
            pass
        if connection.can_serve_more:
            self._busy.discard(connection)
            self._idle.put(connection)
        else:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.close()

    def _ask(self, address: Address, way: Way, request: bytes) -> tuple[Connection, HTTPResponse]:
        """A connection whose response has been read up to its body."""
        while True:
            connection = self._idle.take(address.site) or Connection(address, self._stall_seconds, self._tls)
            self._busy.add(connection)
            try:
                check_arrival(way, address.host, connection.peer)
                return connection, connection.ask(request)
            except BaseException as error:
                self._close(connection)
                # A server may close a connection at the moment at which it is used again.
                if not (connection.reused and isinstance(error, ConnectionError)):
                    raise

    @contextmanager
    def _get_proxied(self, client: httpx.Client, address: Address) -> Iterator[WebResponse]:
        import httpx

        from .responses import read_body

        try:
            headers = {"Accept-Encoding": "identity"}
            with client.stream("GET", str(address), headers=headers, follow_redirects=False) as response:
                pieces = read_body(response, self._stall_seconds)
                yield WebResponse(response.status_code, response.reason_phrase, response.headers.get_list, "", pieces)
        except httpx.TransportError as error:
            raise NoAnswerError(f"{type(error).__name__}: {error}") from error
        except httpx.InvalidURL as error:
            raise BadAddressError(str(error)) from error


def _checked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    with _no_answers():
        yield from pieces


@contextmanager
def _no_answers() -> Iterator[None]:
    """Raise the errors of a connection as those of this module."""
    try:
        yield
    except socket.gaierror as error:
        raise NoNameError(f"the name of the host cannot be looked up: {error.strerror}") from error
    except (OSError, HTTPException) as error:
        kind = NoRouteError if isinstance(error, OSError) and error.errno in _NO_ROUTE else NoAnswerError
        # A BadStatusLine shows what the server sent, with its control characters.
        raise kind(f"{type(error).__name__}: {error}" if str(error).isprintable() else f"{error!r:.200}") from error
    except (ValueError, OverflowError) as error:  # of names that cannot be encoded; a bad certificate is an OSError too
        raise BadAddressError(f"{type(error).__name__}: {error}") from error
