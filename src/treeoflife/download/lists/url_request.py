"""One request for a URL, and what its response means: an image, another request, or a reason why there is none."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import IO

from ...config.fetch import RequestRules
from ...images.unopened import format_of
from ..files.file_end import missing_end
from ..web.redirect_rules import Place, RedirectError, follow_redirect
from ..web.waits import retry_after
from ..web.web_address import join_address, parse_address
from ..web.web_client import BadAddressError, NoAnswerError, NoNameError, NoRouteError, WebClient, WebResponse
from .host_limits import HostLimits
from .hosts import MAX_WAIT_SECONDS, Host, Job, Problem
from .network_watch import NetworkWatch
from .placeholders import MAX_TINY_BYTES, is_placeholder_address, tiny_size
from .robots import Rules, UnreadableError, forbidden_use, parse_robots, read_robots

# Larger images go to temporary files until they are written.
_MAX_IN_MEMORY = 256 << 10
_DOWNGRADED = "a redirect led from https to http"
_NO_END = "files of its kind do not show where they end"
_AGENT = "treeoflife"
_TEMPORARY_STATUS = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class FetchedUrl:
    """What became of the URL ``number``: its image, or the reason why there is none.

    Attributes:
        final_url: the address that was requested last, after redirects.
        status: that of its response; None if there was none.
        reason: a word of :mod:`.fetch_reasons`; ``detail`` is a sentence for people.
        kind: the format of the image, by its bytes.
        sha256: in hex, as ``md5``.
        fetched_at: the time in UTC; empty if nothing was requested.
    """

    number: int
    final_url: str
    status: int | None = None
    reason: str | None = None
    detail: str = ""
    data: IO[bytes] | None = None
    size: int = 0
    kind: str = ""
    sha256: str = ""
    md5: str = ""
    content_type: str = ""
    fetched_at: str = ""

    def failed(self, reason: str, detail: str) -> FetchedUrl:
        """The result of the same URL without an image."""
        return replace(self, reason=reason, detail=detail[:300])


@dataclass(frozen=True, slots=True)
class Retry:
    """The request may succeed after so many seconds; ``result`` is the outcome if it is not repeated."""

    result: FetchedUrl | Problem | Rules
    seconds: float = 0.0


Outcome = FetchedUrl | Job | Rules | Problem | Retry
"""What a request led to: a result, the request to which it is redirected, or what is known of a robots.txt."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The outcome of a request, and what it says about its host.

    ``status`` is None without a response that came to its end; ``pause`` is how many seconds the host asks to wait.
    """

    outcome: Outcome
    status: int | None = None
    pause: float = 0.0


class Requester:
    """Sends requests, for several threads at once. ``stopped`` is set when nobody needs the images any more."""

    def __init__(self, rules: RequestRules, limits: HostLimits, watch: NetworkWatch) -> None:
        self._rules, self._watch = rules, watch
        self._client = WebClient(rules.connections, limits.stall_seconds, rules.contact)
        self.stopped = threading.Event()

    def stop(self) -> None:
        """End all requests."""
        self.stopped.set()
        self._client.abort()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(self, job: Job, host: Host) -> Answer:
        """Send the request of a job."""
        begun = _begin(job)
        answered = False
        try:
            with self._client.get(job.address, job.way) as response:
                self._watch.record_answer(job.address)
                answered = True
                begun = _begin(job, response.status, response.header("content-type"))
                return self._judge(job, response, begun)
        except NoAnswerError as error:
            return Answer(self._silence(job, host, error, _begin(job), answered=answered))
        except RedirectError as error:
            # A robots.txt that cannot be reached so is to be treated as if there were none (RFC 9309, 2.3.1.2).
            return Answer(Rules() if job.robots_of else begun.failed("bad-redirect", str(error)), begun.status or 200)
        except BadAddressError as error:
            failed = begun.failed("bad-address", str(error))
            return Answer(Problem(*(failed.reason or "", failed.detail)) if job.robots_of else failed, 200)

    def _silence(self, job: Job, host: Host, error: NoAnswerError, begun: FetchedUrl, *, answered: bool) -> Outcome:
        if not answered:
            local = str(error) if isinstance(error, NoNameError | NoRouteError) else ""
            self._watch.record_silence(job.address, local)
        reason = "no-dns" if isinstance(error, NoNameError) else "no-answer"
        if job.robots_of:
            return Retry(Problem(reason if reason == "no-dns" else "host-down",
                                 f"{host.name}/robots.txt cannot be fetched: {error}"))  # fmt: skip
        return Retry(begun.failed(reason, str(error)))

    def _judge(self, job: Job, response: WebResponse, begun: FetchedUrl) -> Answer:
        status = response.status
        if response.location is not None:
            return Answer(_redirected(job, response, response.location), status)
        if status == 200 and not job.robots_of:
            return Answer(self._receive(response, begun), status)
        seconds = (retry_after({"retry-after": response.header("retry-after")}) or 0.0) if status >= 400 else 0.0
        pause = seconds if status in _TEMPORARY_STATUS or status >= 500 else 0.0
        if job.robots_of:
            return Answer(_read_rules(response), status, pause)
        failed = begun.failed(f"http-{status}", response.phrase)
        if status not in _TEMPORARY_STATUS and status < 500:
            return Answer(failed, status)
        if seconds > MAX_WAIT_SECONDS:
            wish = f"the host asks to wait for {seconds:,.0f} seconds"
            return Answer(begun.failed(f"http-{status}", wish), status, pause)
        return Answer(Retry(failed, seconds), status, pause)

    def _receive(self, response: WebResponse, begun: FetchedUrl) -> FetchedUrl:
        """The image in a response with status 200, or why it is none."""
        if problem := self._refuse_by_head(response, begun.final_url):
            return begun.failed(*problem)
        sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
        data = SpooledTemporaryFile(max_size=_MAX_IN_MEMORY)  # noqa: SIM115 - closed when it is in the archive
        for piece in response.pieces():
            size += len(piece)
            if self.stopped.is_set():
                return begun.failed("no-answer", "the run was stopped")
            if size > self._rules.max_bytes:
                return begun.failed("too-many-bytes", f"more than {self._rules.max_bytes}")
            sha256.update(piece)
            md5.update(piece)
            data.write(piece)
        kind = _judge_bytes(data, size, shows_its_end=response.shows_its_end)
        if isinstance(kind, Problem):
            return begun.failed(*kind)
        return replace(begun, data=data, size=size, kind=kind, sha256=sha256.hexdigest(), md5=md5.hexdigest())

    def _refuse_by_head(self, response: WebResponse, url: str) -> Problem | None:
        """Why the body of a response is not to be read; None if it is."""
        if use := forbidden_use(response.headers("x-robots-tag"), self._rules.noai, _AGENT):
            return Problem("noai", f"the header X-Robots-Tag says {use}")
        if is_placeholder_address(url):
            return Problem("placeholder", "the address is that of a picture that says that there is none")
        encoding = response.header("content-encoding").strip() or "identity"
        if encoding.lower() != "identity":
            return Problem("compressed", f"sent as {encoding!r:.50} although the request excludes that")
        return None


def _begin(job: Job, status: int | None = None, content_type: str = "") -> FetchedUrl:
    """The result of a request, as far as it is known before its body was read."""
    return FetchedUrl(
        job.number, str(job.address), status, detail=_DOWNGRADED if job.way.downgraded else "",
        content_type=content_type[:200], fetched_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )  # fmt: skip


def _judge_bytes(data: IO[bytes], size: int, *, shows_its_end: bool) -> str | Problem:
    """The format of an image that was received, or why it is none."""
    data.seek(0)
    start = data.read(16)
    kind = format_of(start)
    if kind is None:
        return Problem("not-an-image", f"it begins with {start!r}" if size else "the response is empty")
    if not shows_its_end and (problem := missing_end(data, "")) != "":
        return Problem("incomplete", f"the server did not say its length, and {problem or _NO_END}")
    if size <= MAX_TINY_BYTES:
        data.seek(0)
        if pixels := tiny_size(data.read()):
            return Problem("placeholder", f"the picture has {pixels} pixels")
    return kind


def _redirected(job: Job, response: WebResponse, location: str) -> Outcome:
    """The request to which a response leads.

    Raises:
        RedirectError: it must not be followed.
    """
    try:
        url = join_address(job.address, location)
        address = parse_address(url)
    except ValueError as error:
        raise RedirectError(
            f"a redirect leads to {location!r:.200}, which is no address of the web: {error}"
        ) from error
    origin = Place(job.address.scheme, job.address.host, str(job.address))
    way = follow_redirect(job.way, origin, response.peer, Place(address.scheme, address.host, url))
    return replace(job, address=address, way=way)


def _read_rules(response: WebResponse) -> Outcome:
    """The rules by RFC 9309, 2.3.1: without the file all is allowed, after server errors alone nothing."""
    if response.status >= 500:
        return Retry(Rules(problem="its server has only errors for robots.txt"))
    if not 200 <= response.status < 300:
        return Rules()
    try:
        return parse_robots(read_robots(response.pieces(), response.header("content-encoding")), _AGENT)
    except UnreadableError as error:
        return Rules(problem=f"its robots.txt cannot be read: {error}")
