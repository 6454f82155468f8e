"""Asking hosts politely: few requests at once, not too often, what robots.txt allows, and waiting when told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

import httpx

from .answers import retry_after

AGENT = "treeoflife"
_PATIENCE = 50
_NOTHING = ("User-agent: *", "Disallow: /")


class HostError(Exception):
    """Nothing answers any more, so it is the line: going on would bury all images among the failures."""


class DeadError(Exception):
    """This host answers nothing any more, and others do."""


@dataclass(frozen=True)
class Manners:
    """How a host is asked.

    Attributes:
        connections: requests that are open at once.
        per_second: requests a second; 0 sets no limit.
        robots: whether to keep to robots.txt.
        tries: how often its robots.txt is asked for.
        wait: seconds between these tries.
    """

    connections: int
    per_second: float
    robots: bool
    tries: int
    wait: float


class Hosts:
    """All hosts that are asked in one task."""

    def __init__(self, client: httpx.Client, manners: Manners) -> None:
        self.client, self.manners, self.answers = client, manners, 0
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()

    def of(self, url: str) -> Host:
        """The host of an address."""
        parts = urlsplit(url)
        name = f"{parts.scheme}://{parts.netloc}"
        with self._lock:
            return self._hosts.setdefault(name, Host(name, self))


class Host:
    """What is known of one host, and when it may be asked next."""

    def __init__(self, name: str, hosts: Hosts) -> None:
        manners = hosts.manners
        self._name, self._hosts = name, hosts
        self._slots = threading.Semaphore(manners.connections)
        self._lock, self._first = threading.Lock(), threading.Lock()
        self._gap = 1 / manners.per_second if manners.per_second else 0.0
        self._next = 0.0
        self._failures = self._heard = 0
        self._rules: RobotFileParser | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One request.

        Raises:
            DeadError: the host has stopped to answer.
        """
        with self._slots:
            self._alive()
            with self._lock:
                now = time.monotonic()
                wait, self._next = max(0.0, self._next - now), max(self._next, now) + self._gap
            if wait:
                time.sleep(wait)
            yield

    def _alive(self) -> None:
        if self._failures >= _PATIENCE:
            raise DeadError(f"{self._name} did not answer {_PATIENCE} requests in a row")

    def pause(self, seconds: float) -> None:
        """Ask nothing of it for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)

    def answered(self, ok: bool) -> None:
        """Count whether it answered at all, be it with an error.

        Raises:
            HostError: it did not, many times in a row, and no other host did meanwhile.
        """
        with self._lock:
            if ok:
                self._failures, self._hosts.answers = 0, self._hosts.answers + 1
                return
            if not self._failures:
                self._heard = self._hosts.answers
            self._failures += 1
            if self._failures >= _PATIENCE and self._heard == self._hosts.answers:
                raise HostError(f"{self._name} did not answer {_PATIENCE} requests in a row, nor did another host")

    def allows(self, url: str) -> bool:
        """Whether robots.txt allows to ask for an address.

        Raises:
            DeadError, HostError: it does not answer.
        """
        if not self._hosts.manners.robots:
            return True
        with self._first:
            if self._rules is None:
                self._alive()
                self._rules = self._ask()
        return self._rules.can_fetch(AGENT, url)

    def _ask(self) -> RobotFileParser:
        """RFC 9309: no file allows all, a server that answers nothing but errors forbids all."""
        for attempt in range(self._hosts.manners.tries):
            time.sleep(attempt and self._hosts.manners.wait * 2.0 ** (attempt - 1))
            try:
                answer = self._hosts.client.get(f"{self._name}/robots.txt")
            except httpx.TransportError:
                self.answered(False)
                continue
            except httpx.TooManyRedirects:
                return _parsed(())
            self.answered(True)
            if answer.status_code < 500:
                rules = _parsed(answer.text[:500_000].splitlines() if answer.status_code < 400 else ())
                self._gap = max(self._gap, float(rules.crawl_delay(AGENT) or 0))
                return rules
        if self._failures:
            raise DeadError(f"{self._name}/robots.txt cannot be had")
        return _parsed(_NOTHING)


def _parsed(lines: Iterable[str]) -> RobotFileParser:
    rules = RobotFileParser()
    rules.modified()
    rules.parse(lines)
    return rules


def told_to_wait(answer: httpx.Response) -> float | None:
    """For how long an answer says to leave the host alone."""
    return retry_after(answer.headers)
