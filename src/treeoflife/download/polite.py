"""Asking hosts politely: few requests at once, not too often, what robots.txt allows, and waiting when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from .answers import retry_after

AGENT = "treeoflife"
_PATIENCE = 50
_NOTHING = ("User-agent: *", "Disallow: /")


class HostError(Exception):
    """A host answers nothing any more: going on would bury all its images among the failures."""


class Host:
    """What is known of one host, and when it may be asked next."""

    def __init__(self, connections: int, per_second: float) -> None:
        self._slots = threading.Semaphore(connections)
        self._lock = threading.Lock()
        self._gap = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._failures = 0
        self.robots: RobotFileParser | None = None
        self.asked = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One request."""
        with self._slots:
            with self._lock:
                now = time.monotonic()
                wait, self._next = max(0.0, self._next - now), max(self._next, now) + self._gap
            if wait:
                time.sleep(wait)
            yield

    def pause(self, seconds: float) -> None:
        """Ask nothing of it for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def slower(self, gap: float) -> None:
        """Leave at least so many seconds between requests."""
        self._gap = max(self._gap, gap)

    def answered(self, ok: bool) -> None:
        """Count whether it answered at all.

        Raises:
            HostError: it did not, many times in a row.
        """
        with self._lock:
            self._failures = 0 if ok else self._failures + 1
            if self._failures >= _PATIENCE:
                raise HostError(f"{_PATIENCE} requests in a row had no answer")


class Hosts:
    """All hosts that are asked in one task."""

    def __init__(self, client: httpx.Client, connections: int, per_second: float, *, robots: bool) -> None:
        self._client, self._connections, self._per_second, self._robots = client, connections, per_second, robots
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> Host:
        """The host of an address."""
        parts = urlsplit(url)
        name = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            host = self._hosts.setdefault(name, Host(self._connections, self._per_second))
            if self._robots and not host.asked:
                host.robots, host.asked = self._rules(host, name), True
        return host

    def _rules(self, host: Host, name: str) -> RobotFileParser:
        """RFC 9309: no file allows all, a host that fails to answer forbids all."""
        rules = RobotFileParser()
        rules.modified()
        try:
            answer = self._client.get(f"{name}/robots.txt")
            if answer.status_code >= 500:
                rules.parse(_NOTHING)
            elif answer.status_code >= 400:
                rules.parse(())
            else:
                rules.parse(answer.text[:500_000].splitlines())
                delay = rules.crawl_delay(AGENT)
                host.slower(float(delay or 0))
        except (httpx.HTTPError, ValueError):
            rules.parse(_NOTHING)
        return rules


def told_to_wait(answer: httpx.Response) -> float | None:
    """For how long an answer says to leave the host alone."""
    return retry_after(answer.headers)
