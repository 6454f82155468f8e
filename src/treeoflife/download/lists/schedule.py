"""Which URL is requested next: each host has a queue of its own, so that a slow one keeps no other waiting."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable
from itertools import count
from typing import NamedTuple

from .host_limits import HostLimits
from .hosts import Host, Job, Problem
from .robots import Rules

_MAX_SLEEP_SECONDS = 0.5


class Assignment(NamedTuple):
    """A job to do now; with a ``problem``, no request is to be sent, and none was counted."""

    job: Job
    host: Host
    problem: Problem | None


class Schedule:
    """The queues of all hosts. Each connection takes its next job here; a host gets no more than its limits allow.

    ``remaining`` is the number of URLs that have no outcome yet.
    """

    def __init__(self, limits: HostLimits) -> None:
        self._limits = limits
        self._hosts: dict[tuple[str, str, int], Host] = {}
        # When a host may get its next request. An entry that is not that of its host's attribute is out of date.
        self._turns: list[tuple[float, int, Host]] = []
        self._delayed: list[tuple[float, int, Job]] = []
        self._number = count()
        self._changed = threading.Condition()
        self.remaining = 0
        self._stopped = False

    def start(self, jobs: Iterable[Job]) -> None:
        """Add URLs."""
        with self._changed:
            for job in jobs:
                self.remaining += 1
                self._enqueue(job)
            self._changed.notify_all()

    def take(self) -> Assignment | None:
        """Wait for the next job; None when there is nothing left to do."""
        with self._changed:
            while self.remaining and not self._stopped:
                now = time.monotonic()
                self._wake_delayed(now)
                if assignment := self._pick(now):
                    return assignment
                self._changed.wait(self._pause(now))
            return None

    def _pick(self, now: float) -> Assignment | None:
        while self._turns and self._turns[0][0] <= now:
            due, _, host = heapq.heappop(self._turns)
            if due != host.turn:  # it has come to its turn by an earlier entry
                continue
            host.turn = None
            if not host.may_send():
                continue
            assignment = None
            job = (host.urgent or host.waiting)[0]
            problem = host.refusal(job, now)
            sends = job.sends and not problem
            if sends and host.is_full:
                continue  # its turn comes with the end of a request
            if not sends or host.next_time <= now:
                (host.urgent or host.waiting).popleft()
                if sends:
                    host.reserve(now)
                assignment = Assignment(job, host, problem)
            self._offer(host, now)
            if assignment is None:
                continue
            if self._turns and self._turns[0][0] <= now:
                self._changed.notify()  # there is work for one more
            return assignment
        return None

    def _offer(self, host: Host, now: float) -> None:
        """Give a host its turn, if it has jobs and may get a request."""
        if not host.may_send():
            return
        at_once = host.problem or host.must_wait_too_long(now)
        due = 0.0 if at_once else host.next_time
        if (at_once or not host.is_full) and (host.turn is None or due < host.turn):
            host.turn = due
            heapq.heappush(self._turns, (due, next(self._number), host))

    def _enqueue(self, job: Job) -> None:
        host = self._host(job)
        (host.urgent if job.robots_of else host.waiting).append(job)
        if not host.rules and not host.asks_robots and not host.problem:
            host.asks_robots = True
            robots = job.address.at("/robots.txt")
            host.urgent.append(Job(-1, str(robots), robots, robots_of=host))
        self._offer(host, time.monotonic())

    def _host(self, job: Job) -> Host:
        host = self._hosts.get(job.address.site)
        if host is None:
            host = self._hosts[job.address.site] = Host(job.address.name, self._limits)
        return host

    def _wake_delayed(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            self._enqueue(heapq.heappop(self._delayed)[2])

    def _pause(self, now: float) -> float:
        """Seconds until something is due at the latest."""
        due = [queue[0][0] for queue in (self._turns, self._delayed) if queue]
        return min([max(0.0, one - now) for one in due] + [_MAX_SLEEP_SECONDS])

    def add(self, job: Job) -> None:
        """Go on with a job that was taken, such as after a redirect to another host."""
        with self._changed:
            self._enqueue(job)
            self._changed.notify()

    def delay(self, job: Job, seconds: float) -> None:
        """Go on with a job later."""
        with self._changed:
            heapq.heappush(self._delayed, (time.monotonic() + seconds, next(self._number), job))
            self._changed.notify()

    def release(self, host: Host, status: int | None, pause: float = 0.0) -> None:
        """End a request.

        Args:
            status: that of its response; None if there was none, or one that did not come to its end.
            pause: the seconds that the host asked to wait.
        """
        with self._changed:
            now = time.monotonic()
            host.open -= 1
            if status is None:
                host.record_silence(now)
            else:
                host.record_answer(status, now)
            host.pause(pause, now)
            self._offer(host, now)
            self._changed.notify()

    def set_rules(self, host: Host, rules: Rules | None, problem: Problem | None = None) -> None:
        """Record the robots.txt of a host; with a problem, none of its URLs can be requested."""
        with self._changed:
            if rules:
                host.obey(rules)
            else:
                host.problem = host.problem or problem
            self._offer(host, time.monotonic())
            self._changed.notify_all()

    def finish(self) -> None:
        """Count a URL that has its outcome."""
        with self._changed:
            self.remaining -= 1
            if not self.remaining:
                self._changed.notify_all()

    def notes(self) -> list[str]:
        """Sentences about hosts that were given up."""
        with self._changed:
            return [host.note for host in self._hosts.values() if host.note]

    def refusing_hosts(self) -> set[str]:
        """The names of hosts that were given up because they refuse."""
        with self._changed:
            known = [host for host in self._hosts.values() if host.problem]
            return {host.name for host in known if host.problem and host.problem.reason == "host-refused"}

    def stop(self) -> None:
        """End all waiting."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
