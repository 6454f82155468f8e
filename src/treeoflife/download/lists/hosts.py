"""What is known of a host while its URLs are fetched: its limits, its robots.txt, and whether it still answers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..web.redirect_rules import Way
from ..web.waits import backoff_seconds
from ..web.web_address import Address, parse_address
from .host_limits import HostLimits
from .robots import Rules

# A host that wants a longer wait would keep a task, and so the images of all other hosts, waiting with its own.
MAX_WAIT_SECONDS = 600.0
# A host is asked more and more slowly while it does not answer, so that this is an outage of half a minute at least.
_MAX_SILENCES = 20
_MAX_DOUBLINGS = 4  # of the wait between two such requests, or two that are refused with 429
# Single images may be forbidden, and a store such as S3 answers 403 for what it does not have; not for twenty in a row.
_MAX_REFUSALS = 20
REFUSALS = frozenset({401, 403, 429, 451})
"""The statuses with which a host refuses whoever asks."""


class Problem(NamedTuple):
    """Why a URL gives no image: a reason of :mod:`.fetch_reasons`, and a sentence."""

    reason: str
    detail: str


@dataclass(slots=True)
class Job:
    """A URL that is still to be fetched, or the robots.txt of the host ``robots_of``.

    Attributes:
        address: what to request next; after a redirect it is another than ``url``.
        way: the redirects that led to it.
        failures: how many requests have failed.
        asks: whether an image is wanted; if not, only whether robots.txt allows to request it.
    """

    number: int
    url: str
    address: Address
    way: Way = Way()
    failures: int = 0
    robots_of: Host | None = None
    asks: bool = True

    @property
    def sends(self) -> bool:
        """Whether a request is to be sent for it."""
        return self.asks or self.robots_of is not None

    def restarted(self) -> Job:
        """The same job from the beginning, after one more failure."""
        address = parse_address(self.url)
        return replace(self, address=address, way=Way(), failures=self.failures + 1)


class Host:
    """One host. Whoever changes it holds the lock of its schedule; times are those of ``time.monotonic``.

    Attributes:
        open: the number of requests that are open.
        next_time: when the next request may be sent.
        turn: the time at which its schedule will look after it; None if it has nothing to do.
        urgent: requests for robots.txt, its own or after a redirect; ``waiting``: all others.
        rules: its robots.txt; None as long as that is not known.
        problem: why none of its URLs is requested any more.
        note: the same as a sentence for the summary, once.
    """

    def __init__(self, name: str, limits: HostLimits) -> None:
        self.name, self._limits = name, limits
        self.open, self.next_time = 0, 0.0
        self.turn: float | None = None
        self.urgent, self.waiting = deque[Job](), deque[Job]()
        self.rules: Rules | None = None if limits.robots else Rules()
        self.asks_robots = False
        self.problem: Problem | None = None
        self.note = ""
        self._interval = 1 / limits.per_second if limits.per_second else 0.0
        self._silences = self._refusals = 0
        self._wish = ""  # what the host said about its next request

    def may_send(self) -> bool:
        """Whether one of its jobs could be taken, if its time has come."""
        return bool(self.urgent or (self.waiting and (self.rules or self.problem)))

    @property
    def is_full(self) -> bool:
        """Whether as many requests are open as it may get."""
        return self.open >= self._limits.connections

    def refusal(self, job: Job, now: float) -> Problem | None:
        """Why a job of this host is not to be requested; None if it is."""
        if self.problem:
            return self.problem
        if job.robots_of is None and self.rules and (forbidden := _forbidden(self.rules, job)):
            return forbidden
        if job.sends and self.must_wait_too_long(now):
            return Problem("host-busy", f"{self._wish}, and {self.next_time - now:,.0f} seconds are left of that")
        return None

    def must_wait_too_long(self, now: float) -> bool:
        """Whether its next request lies so far in the future that this run does not wait for it."""
        return self.next_time - now > MAX_WAIT_SECONDS

    def reserve(self, now: float) -> None:
        """Count a request that is sent now."""
        self.open += 1
        self.next_time = max(self.next_time, now) + self._interval

    def pause(self, seconds: float, now: float) -> None:
        """Send it no request for so many seconds, as it asked."""
        if seconds > 0:
            self.next_time = max(self.next_time, now + seconds)
            self._wish = f"{self.name} asked to wait for {seconds:,.0f} seconds"

    def obey(self, rules: Rules) -> None:
        """Take over its robots.txt."""
        self.rules = rules
        if rules.delay > self._interval:
            # The request for robots.txt itself does not count: it told of the delay.
            self._interval = rules.delay
            self._wish = f"{self.name}/robots.txt asks for {rules.delay:,.0f} seconds between requests"

    def record_answer(self, status: int, now: float) -> None:
        """Count a response that came to its end."""
        self._silences = 0
        if status not in REFUSALS:
            self._refusals = 0
            return
        self._refusals += 1
        if status == 429:
            self._slow_down(self._refusals, now)
        if self._refusals >= _MAX_REFUSALS and not self.problem:
            self._give_up("host-refused", f"refused {_MAX_REFUSALS} requests in a row, the last with status {status}")

    def record_silence(self, now: float) -> None:
        """Count a request that got no answer, or one that did not come to its end."""
        self._silences += 1
        if self._silences > 2:
            self._slow_down(self._silences, now)
        if self._silences >= _MAX_SILENCES and not self.problem:
            self._give_up("host-down", f"did not answer {_MAX_SILENCES} requests in a row")

    def _slow_down(self, failures: int, now: float) -> None:
        seconds = backoff_seconds(self._limits.wait_seconds, min(failures, _MAX_DOUBLINGS))
        self.next_time = max(self.next_time, now + seconds)

    def _give_up(self, reason: str, why: str) -> None:
        self.problem = Problem(reason, f"{self.name} {why}")
        self.note = f"{self.name} {why}: it is not asked any more in this run"


def _forbidden(rules: Rules, job: Job) -> Problem | None:
    if rules.allow(str(job.address)):
        return None
    where = f": {job.address}" if job.way.redirects else ""
    if rules.problem:
        return Problem("no-robots", rules.problem + where)
    return Problem("robots", f"the host's robots.txt forbids it{where}")
