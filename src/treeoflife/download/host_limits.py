"""Limits of requests to each host: how many at once and how often, robots.txt, and giving up hosts that are down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from .http_client import backoff_seconds

_ROBOTS_AGENT = "treeoflife"
# Several times the requests that are open at once, so that an outage of a moment does not rule a host out.
_MAX_FAILURES = 50
# RFC 9309, 2.5: a crawler must parse at least 500 kibibytes, and may ignore the rest.
_MAX_ROBOTS_CHARACTERS = 500 << 10
_FORBID_ALL = ("User-agent: *", "Disallow: /")


class NetworkDownError(Exception):
    """No host answers any more. Going on would record every image as missing because the network is down."""


class HostDownError(Exception):
    """One host does not answer any more, while others do."""


@dataclass(frozen=True)
class HostLimits:
    """How many requests a host may get: open at once, and per second (0 sets no limit).

    With ``robots``, robots.txt is obeyed; it is requested up to ``tries`` times, first ``wait_seconds`` apart.
    """

    connections: int
    per_second: float
    robots: bool
    tries: int
    wait_seconds: float


class Hosts:
    """The hosts that one task sends requests to; ``answers`` counts the responses of all of them."""

    def __init__(self, client: httpx.Client, limits: HostLimits) -> None:
        self.client, self.limits, self.answers = client, limits, 0
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
        self._robots: RobotFileParser | None = None

    @contextmanager
    def request_slot(self) -> Iterator[None]:
        """Wait until a request may be sent, and count it as open for the duration of the context.

        Raises:
            HostDownError: the host does not answer any more.
        """
        with self._slots:
            self._check_up()
            with self._lock:
                now = time.monotonic()
                wait, self._next_request = (
                    max(0.0, self._next_request - now),
                    max(self._next_request, now) + self._interval,
                )
            time.sleep(wait)
            yield

    def _check_up(self) -> None:
        if self._failures >= _MAX_FAILURES:
            raise HostDownError(f"{self._name} did not answer {_MAX_FAILURES} requests in a row")

    def pause(self, seconds: float) -> None:
        """Send it no request for so many seconds."""
        with self._lock:
            self._next_request = max(self._next_request, time.monotonic() + seconds)

    def record_answer(self) -> None:
        """Count a response, which may also be an error."""
        with self._lock:
            self._failures, self._hosts.answers = 0, self._hosts.answers + 1

    def record_silence(self) -> None:
        """Count a request that got no response.

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

    def allows(self, url: str) -> bool:
        """Whether robots.txt allows fetching an address.

        Raises:
            HostDownError, NetworkDownError: the host does not answer.
        """
        if not self._hosts.limits.robots:
            return True
        with self._robots_lock:  # one thread fetches it, while the others wait
            if self._robots is None:
                self._check_up()
                self._robots = self._fetch_robots()
        return self._robots.can_fetch(_ROBOTS_AGENT, url)

    def _fetch_robots(self) -> RobotFileParser:
        """The rules by RFC 9309, 2.3.1: without the file all is allowed, after server errors alone nothing."""
        limits = self._hosts.limits
        for attempt in range(limits.tries):
            time.sleep(backoff_seconds(limits.wait_seconds, attempt))
            try:
                response = self._hosts.client.get(f"{self._name}/robots.txt")
            except httpx.TransportError:
                self.record_silence()
                continue
            except httpx.TooManyRedirects:
                return _parse_robots(())
            self.record_answer()
            if response.status_code < 500:
                text = response.text[:_MAX_ROBOTS_CHARACTERS] if response.status_code < 400 else ""
                rules = _parse_robots(text.splitlines())
                self._interval = max(self._interval, float(rules.crawl_delay(_ROBOTS_AGENT) or 0))
                return rules
        if self._failures:
            raise HostDownError(f"{self._name}/robots.txt cannot be fetched")
        return _parse_robots(_FORBID_ALL)


def _parse_robots(lines: Iterable[str]) -> RobotFileParser:
    rules = RobotFileParser()
    rules.modified()  # otherwise the parser takes the file for one that was never read, and forbids all
    rules.parse(lines)
    return rules
