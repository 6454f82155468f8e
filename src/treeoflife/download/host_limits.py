"""Limits of requests to each host: how many at once and how often, robots.txt, and giving up hosts that are down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from .http_client import backoff_seconds
from .redirects import RedirectError, follow
from .robots import Rules, UnreadableError, parse_robots, read_robots

_ROBOTS_AGENT = "treeoflife"
_PLAIN = {"Accept-Encoding": "identity"}
# Several times the requests that are open at once, so that an outage of a moment does not rule a host out.
_MAX_FAILURES = 50
# A host that wants a longer wait would keep the rows of all other hosts waiting with its own.
MAX_WAIT_SECONDS = 600.0


class NetworkDownError(Exception):
    """No host answers any more. Going on would record every image as missing because the network is down."""


class HostDownError(Exception):
    """One host does not answer any more, while others do."""


class HostBusyError(Exception):
    """A host wants its next request so late that this run does not wait for it."""


@dataclass(frozen=True)
class HostLimits:
    """How many requests a host may get: open at once, and per second (0 sets no limit).

    With ``robots``, robots.txt is obeyed; it is requested up to ``tries`` times, first ``wait_seconds`` apart. It may
    stall for ``stall_seconds``.
    """

    connections: int
    per_second: float
    robots: bool
    tries: int
    wait_seconds: float
    stall_seconds: float = 30.0


class Hosts:
    """The hosts that one task sends requests to; ``answers`` counts the responses of all of them."""

    def __init__(self, client: httpx.Client, limits: HostLimits) -> None:
        self.client, self.limits, self.answers = client, limits, 0
        self.stopped = threading.Event()  # set when nobody needs the images any more: it ends all waits
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> Host:
        """The host of an address."""
        parts = urlsplit(url)
        name = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            return self._hosts.setdefault(name, Host(name, self))


class Host:
    """One host: its limits, its robots.txt, and whether it still answers."""

    def __init__(self, name: str, hosts: Hosts) -> None:
        limits = hosts.limits
        self._name, self._hosts = name, hosts
        self._slots = threading.Semaphore(limits.connections)
        self._lock, self._robots_lock = threading.Lock(), threading.Lock()
        self._interval = 1 / limits.per_second if limits.per_second else 0.0
        self._next_request = 0.0
        self._failures = self._answers_before = 0
        self._robots: Rules | None = None
        self._wish = ""  # what the host said about its next request

    @contextmanager
    def request_slot(self) -> Iterator[None]:
        """Wait until a request may be sent, and count it as open for the duration of the context.

        Raises:
            HostDownError: the host does not answer any more.
            HostBusyError: it wants no request for long.
        """
        with self._slots:
            self._check_up()
            if self._hosts.stopped.wait(self._reserve()):
                raise HostBusyError("the run was stopped")
            yield

    def _reserve(self) -> float:
        """The seconds to wait before the next request, whose time is then taken."""
        with self._lock:
            now = time.monotonic()
            wait = max(0.0, self._next_request - now)
            if wait > MAX_WAIT_SECONDS:
                raise HostBusyError(f"{self._wish}, and {wait:,.0f} seconds are left of that")
            self._next_request = max(self._next_request, now) + self._interval
            return wait

    def _check_up(self) -> None:
        if self._failures >= _MAX_FAILURES:
            raise HostDownError(f"{self._name} did not answer {_MAX_FAILURES} requests in a row")

    def pause(self, seconds: float) -> None:
        """Send it no request for so many seconds, as it asked."""
        with self._lock:
            self._next_request = max(self._next_request, time.monotonic() + seconds)
            self._wish = f"{self._name} asked to wait for {seconds:,.0f} seconds"

    def record_answer(self) -> None:
        """Count a response, which may also be an error."""
        with self._lock:
            self._hosts.answers += 1

    def record_end(self) -> None:
        """Count a response that came to its end: the host works."""
        with self._lock:
            self._failures = 0

    def record_silence(self) -> None:
        """Count a request that got no response, or one that did not come to its end.

        Raises:
            NetworkDownError: it was one of many in a row, and meanwhile no other host answered either.
        """
        with self._lock:
            if not self._failures:
                self._answers_before = self._hosts.answers
            self._failures += 1
            if self._failures >= _MAX_FAILURES and self._answers_before == self._hosts.answers:
                raise NetworkDownError(
                    f"{self._name} did not answer {_MAX_FAILURES} requests in a row, nor did another host"
                )

    def refusal(self, url: str) -> str:
        """Why robots.txt does not allow fetching an address; empty if it does.

        Raises:
            HostDownError, NetworkDownError: the host does not answer.
        """
        if not self._hosts.limits.robots:
            return ""
        with self._robots_lock:  # one thread fetches it, while the others wait
            if self._robots is None:
                self._check_up()
                self._robots = self._fetch_robots()
                self._obey_delay(self._robots.delay)
        if self._robots.allow(url):
            return ""
        return self._robots.problem or "the host's robots.txt forbids it"

    def _obey_delay(self, seconds: float) -> None:
        with self._lock:
            if seconds > self._interval:
                self._interval = seconds
                self._wish = f"{self._name}/robots.txt asks for {seconds:,.0f} seconds between requests"

    def _fetch_robots(self) -> Rules:
        """The rules by RFC 9309, 2.3.1: without the file all is allowed, after server errors alone nothing."""
        limits, problem = self._hosts.limits, ""
        for attempt in range(limits.tries):
            self._hosts.stopped.wait(backoff_seconds(limits.wait_seconds, attempt))
            try:
                with follow(self._hosts.client, f"{self._name}/robots.txt", _PLAIN) as response:
                    self.record_answer()
                    rules = _read_rules(response, limits.stall_seconds)
                self.record_end()
                if rules:
                    return rules
                problem = "its server has only errors for robots.txt"
            except RedirectError:  # to be treated as if there were none (2.3.1.2)
                return Rules()
            except UnreadableError as error:
                return Rules(problem=f"its robots.txt cannot be read: {error}")
            except httpx.TransportError:
                problem = ""
                self.record_silence()
        if not problem:
            raise HostDownError(f"{self._name}/robots.txt cannot be fetched")
        return Rules(problem=problem)


def _read_rules(response: httpx.Response, stall_seconds: float) -> Rules | None:
    """The rules in a response; None if it is an error of the server."""
    if response.status_code >= 500:
        return None
    found = 200 <= response.status_code < 300
    return parse_robots(read_robots(response, stall_seconds), _ROBOTS_AGENT) if found else Rules()
