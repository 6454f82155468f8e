"""Fetching URLs from many hosts at once: each ends as an image, or as a reason why there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from ...config.fetch import RequestRules
from ...errors import ContainerError
from ..web.waits import backoff_seconds
from ..web.web_address import parse_address
from .fetch_reasons import UNANSWERED
from .host_limits import HostLimits
from .hosts import Job, Problem
from .network_watch import NetworkWatch
from .robots import Rules
from .schedule import Schedule
from .url_request import FetchedUrl, Outcome, Requester, Retry

_POLL_SECONDS = 0.2

Record = Callable[[FetchedUrl], None]
"""Takes a result. What it raises ends the run."""


class UrlFetcher:
    """Fetches URLs over several connections. Its context closes them."""

    def __init__(self, rules: RequestRules, limits: HostLimits, *, retry: bool = False) -> None:
        """Connect to nothing yet.

        Args:
            retry: whether the URLs failed before, so that hosts which do not answer are no sign of anything else.

        Raises:
            ConfigError: a variable of the environment that sets a proxy is malformed.
        """
        self._limits, self._connections = limits, rules.connections
        self._schedule = Schedule(limits)
        self._watch = NetworkWatch(retry=retry)
        self._requester = Requester(rules, limits, self._watch)
        self._threads: list[threading.Thread] = []
        self._recording = threading.Lock()  # around all that follows
        self._record: Record = lambda _: None
        self._left = 0
        self._unconfirmed: list[FetchedUrl] = []
        self._error: BaseException | None = None
        self._changed = threading.Event()  # set for the thread that waits for the results

    def __enter__(self) -> UrlFetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()
        self._requester.close()

    @property
    def notes(self) -> list[str]:
        """Sentences about hosts that were given up."""
        return self._schedule.notes()

    @property
    def refusing_hosts(self) -> set[str]:
        """The hosts (``http://museum.example``) that were given up because they refused many requests in a row."""
        return self._schedule.refusing_hosts()

    def fetch(self, urls: Sequence[tuple[int, str]], record: Record) -> None:
        """Fetch URLs, each of which comes with a number of its own.

        Args:
            record: called with each result as soon as it is known, by any thread, but never twice at once. The
                connection that fetched it takes its next URL only afterwards, so that a run which is killed loses no
                more than what was on its way.

        Raises:
            ContainerError: the network is down.
        """
        self._run(urls, record, asks=True)

    def find_forbidden(self, urls: Sequence[tuple[int, str]]) -> list[FetchedUrl]:
        """The URLs that robots.txt forbids, or whose host does not answer for it; no image is requested.

        Raises:
            ContainerError: the network is down.
        """
        found: list[FetchedUrl] = []
        self._run(urls, found.append, asks=False)
        return [one for one in found if one.reason]

    def _run(self, urls: Sequence[tuple[int, str]], record: Record, *, asks: bool) -> None:
        jobs = []
        for number, url in urls:
            try:
                jobs.append(Job(number, url, parse_address(url), asks=asks))
            except ValueError as error:
                record(FetchedUrl(number, url).failed("bad-address", f"{type(error).__name__}: {error}"))
        self._record, self._left = record, len(jobs)
        self._schedule.start(jobs)
        self._threads = [
            threading.Thread(target=self._work, daemon=True) for _ in range(min(self._connections, len(jobs)))
        ]
        try:
            for thread in self._threads:
                thread.start()
            self._wait()
        finally:
            if self._left:
                self._stop()

    def _wait(self) -> None:
        """Wait until all URLs have their results, and look after the network meanwhile."""
        while self._left:
            # In short waits, because Ctrl-C does not end a longer one: Polars' handler lets system calls go on.
            self._changed.wait(_POLL_SECONDS)
            self._changed.clear()
            if self._error:
                raise self._error
            self._confirm(check=self._watch.is_suspicious)
        self._confirm(check=True)

    def _confirm(self, *, check: bool) -> None:
        """Record the results that lack an answer, unless the network may be their cause."""
        if not self._unconfirmed:
            return
        if self._watch.is_silent:
            if not check:
                return
            if problem := self._watch.problem():
                raise ContainerError(problem)
        with self._recording:
            confirmed, self._unconfirmed = self._unconfirmed, []
            for result in confirmed:
                self._record(result)

    def _stop(self) -> None:
        self._schedule.stop()
        self._requester.stop()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _work(self) -> None:
        """What each connection does."""
        try:
            while assignment := self._schedule.take():
                job, host, problem = assignment
                if problem or not job.sends:
                    self._conclude(job, problem or FetchedUrl(job.number, job.url))
                    continue
                answer = self._requester.ask(job, host)
                self._schedule.release(host, answer.status, answer.pause)
                self._conclude(job, answer.outcome)
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits for the results
            self._error = error
            self._changed.set()

    def _conclude(self, job: Job, outcome: Outcome | Problem) -> None:
        if isinstance(outcome, Retry):
            if job.failures + 1 < self._limits.tries:
                seconds = backoff_seconds(self._limits.wait_seconds, job.failures + 1, outcome.seconds)
                self._schedule.delay(job.restarted(), seconds)
                return
            outcome = outcome.result
        if isinstance(outcome, Job):
            self._schedule.add(outcome)
        elif job.robots_of:
            rules = outcome if isinstance(outcome, Rules) else None
            self._schedule.set_rules(job.robots_of, rules, outcome if isinstance(outcome, Problem) else None)
        else:
            assert not isinstance(outcome, Rules)
            result = (
                FetchedUrl(job.number, str(job.address)).failed(*outcome) if isinstance(outcome, Problem) else outcome
            )
            self._schedule.finish()
            self._deliver(result)

    def _deliver(self, result: FetchedUrl) -> None:
        with self._recording:
            if self._requester.stopped.is_set():
                return
            if result.reason in UNANSWERED:
                self._unconfirmed.append(result)
            else:
                self._record(result)
            self._left -= 1
            if not self._left:
                self._changed.set()
