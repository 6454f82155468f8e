"""Telling a network that is down from hosts that are: otherwise a wrong name server makes a million images missing."""

from __future__ import annotations

import socket
import threading
from urllib.parse import urlsplit

from ..web.proxies import proxy_for
from ..web.web_address import Address

# Requests without any answer, after which the network is checked; at the beginning, a list may have dead hosts first.
_SUSPICIOUS, _SUSPICIOUS_AT_FIRST = 20, 100
_CHECK_SECONDS = 5.0
_PROXY_PORT = 80
_REMEMBERED = 8  # hosts that answered last
# Names that are always there: they are looked up, and nothing is sent to them.
_KNOWN_NAMES = ("example.com", "www.gbif.org", "www.wikipedia.org")


class NetworkWatch:
    """Counts requests without an answer since the last answer of any host.

    While there are any, ``is_silent``: an image that could not be had may be there, and its network down.
    """

    def __init__(self, *, retry: bool) -> None:
        """Begin; with ``retry``, hosts that do not answer are expected, since they did not before."""
        self._retry = retry
        self._lock = threading.Lock()
        self._answered: dict[tuple[str, str, int], Address] = {}
        self._silent: dict[tuple[str, str, int], Address] = {}
        self._failures = self._checked_at = 0
        self._looks_local = ""  # what a failure said that points to this computer's network

    @property
    def is_silent(self) -> bool:
        """Whether no host has answered since the last failure."""
        return self._failures > 0

    @property
    def is_suspicious(self) -> bool:
        """Whether there were so many failures since the last answer or check that it is time for a check."""
        enough = _SUSPICIOUS if self._answered else _SUSPICIOUS_AT_FIRST
        return self._failures - self._checked_at >= enough

    def record_answer(self, address: Address) -> None:
        """Count a response, which may also be an error."""
        with self._lock:
            self._failures = self._checked_at = 0
            self._silent.clear()
            self._looks_local = ""
            if next(reversed(self._answered), None) != address.site:
                self._answered.pop(address.site, None)
                self._answered[address.site] = address
                if len(self._answered) > _REMEMBERED:
                    del self._answered[next(iter(self._answered))]

    def record_silence(self, address: Address, local: str = "") -> None:
        """Count a request without a response; ``local`` says what points to this computer's own network."""
        with self._lock:
            # One connection that was refused has shown that other hosts can be reached.
            self._looks_local = local if self._looks_local or not self._failures else ""
            self._failures += 1
            self._silent[address.site] = address

    def problem(self) -> str:
        """Why the network must be down, as a sentence; empty if only hosts are."""
        with self._lock:
            self._checked_at = self._failures
            silent, failures, local = list(self._silent.values()), self._failures, self._looks_local
            others = [one for site, one in self._answered.items() if site not in self._silent]
            answered_before = any(site in self._answered for site in self._silent)
        if not failures or any(_can_be_reached(one) for one in reversed(others)):
            return ""
        if others or answered_before:
            return f"{silent[-1].name} did not answer {failures} requests in a row, nor did another host"
        # No host has ever answered.
        if self._retry or not local or _names_are_known():
            return ""
        return f"no host was reached, nor are well-known names found ({silent[-1].name}: {local}): is the network down?"


def _can_be_reached(address: Address) -> bool:
    """Whether a host that answered before, or the proxy on the way to it, still takes connections."""
    proxy = urlsplit(proxy_for(address.scheme, address.authority))
    try:
        server = (proxy.hostname, proxy.port or _PROXY_PORT) if proxy.hostname else (address.host, address.port)
        socket.create_connection(server, _CHECK_SECONDS).close()
    except (OSError, ValueError):
        return False
    return True


def _names_are_known() -> bool:
    for name in _KNOWN_NAMES:
        try:
            socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)
        except OSError:
            continue
        return True
    return False
