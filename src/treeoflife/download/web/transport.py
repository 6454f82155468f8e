"""How requests reach their servers: directly or through the environment's proxies, with limits on a response's head.

httpx's own transport waits for ever for a head that comes byte by byte, and reads interim responses without end. This
one differs in its network streams alone: each measures the pace and the length of every head.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import httpcore
import httpx

from .pace import PaceCheck, TooSlowError
from .proxies import proxy_for

# Servers send a few kilobytes. The HTTP parser limits a single head to 100 KB, but not the number of interim ones.
_MAX_HEAD_BYTES = 256 << 10


def proxy_of(url: httpx.URL) -> str:
    """The address of the proxy that the environment sets for an address; empty if it is asked directly."""
    return proxy_for(url.scheme, f"{url.host}:{url.port}" if url.port else url.host)


class Transport(httpx.BaseTransport):
    """Sends requests over pools of connections: one for servers that are asked directly, and one for each proxy."""

    def __init__(self, limits: httpx.Limits, stall_seconds: float) -> None:
        """Open the pools.

        Raises:
            ValueError, ImportError, OSError: a variable of the environment cannot be used.
        """
        self._limits, self._backend = limits, _Backend(stall_seconds)
        self._ssl = httpx.create_ssl_context()
        proxies = {proxy_of(httpx.URL(f"{scheme}://host.invalid")) for scheme in ("http", "https")}
        self._pools = {proxy: self._open_pool(proxy) for proxy in {"", *proxies}}

    def _open_pool(self, proxy: str) -> httpcore.ConnectionPool:
        limits: dict[str, Any] = {
            "ssl_context": self._ssl, "network_backend": self._backend,
            "max_connections": self._limits.max_connections,
            "max_keepalive_connections": self._limits.max_keepalive_connections,
            "keepalive_expiry": self._limits.keepalive_expiry,
        }  # fmt: skip
        if not proxy:
            return httpcore.ConnectionPool(**limits)
        settings = httpx.Proxy(proxy)
        if settings.url.scheme.startswith("socks5"):
            import_module("socksio")  # which httpcore misses only at the first request
            return httpcore.SOCKSProxy(_core_url(settings.url), proxy_auth=settings.raw_auth, **limits)
        return httpcore.HTTPProxy(
            _core_url(settings.url), proxy_auth=settings.raw_auth, proxy_headers=settings.headers.raw, **limits
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its response is streamed."""
        core = httpcore.Request(
            request.method, _core_url(request.url), headers=request.headers.raw, content=request.stream,
            extensions=request.extensions,
        )  # fmt: skip
        with _httpx_errors():
            response = self._pools.get(proxy_of(request.url), self._pools[""]).handle_request(core)
        stream = response.extensions.get("network_stream")
        if isinstance(stream, _Stream):
            stream.end_head()
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(response), extensions=response.extensions
        )

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()


def _core_url(url: httpx.URL) -> httpcore.URL:
    return httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


@contextmanager
def _httpx_errors() -> Iterator[None]:
    """Raise httpcore's exceptions as those of the same name of httpx, which everybody else catches."""
    try:
        yield
    except Exception as error:
        kind = getattr(httpx, type(error).__name__, None)
        if type(error).__module__.partition(".")[0] != "httpcore" or kind is None:
            raise
        raise kind(str(error)) from error


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _Backend(httpcore.SyncBackend):
    """Opens connections as httpcore does, and measures the heads that come over them."""

    def __init__(self, stall_seconds: float) -> None:
        self._stall_seconds = stall_seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        try:
            stream = super().connect_tcp(host, port, timeout, local_address, socket_options)
        except (UnicodeError, OverflowError) as error:  # no name that can be looked up
            raise httpcore.ConnectError(f"{host!r:.100} is no host name: {error}") from error
        return _Stream(stream, self._stall_seconds)


class _Stream(httpcore.NetworkStream):
    """A connection. What is read after a request was written is the head of its response, until :meth:`end_head`."""

    def __init__(self, stream: httpcore.NetworkStream, stall_seconds: float) -> None:
        self._stream, self._stall_seconds = stream, stall_seconds
        self._head: PaceCheck | None = None
        self._head_bytes = 0

    def end_head(self) -> None:
        """What comes now is a body, whose reader has limits of its own."""
        self._head = None

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._stream.read(max_bytes, timeout)
        if self._head:
            self._head_bytes += len(data)
            if self._head_bytes > _MAX_HEAD_BYTES:
                raise httpcore.RemoteProtocolError(f"the head of its response is longer than {_MAX_HEAD_BYTES} bytes")
            try:
                self._head.add(len(data))
            except TooSlowError as error:
                raise httpcore.ReadTimeout(str(error)) from error
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)
        self._head, self._head_bytes = PaceCheck(self._stall_seconds), 0

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._stall_seconds)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
