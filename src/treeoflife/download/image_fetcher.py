"""Fetching the images of rows of the media manifest: every row ends as an image, or as a reason why there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from tempfile import SpooledTemporaryFile

import httpx

from ..config.download import EolImagesTable
from ..errors import ContainerError
from ..images.unopened import format_of
from .eol_manifest import ManifestRow
from .file_end import missing_end
from .host_limits import MAX_WAIT_SECONDS, Host, HostBusyError, HostDownError, HostLimits, Hosts, NetworkDownError
from .http_client import backoff_seconds, make_client, retry_after
from .pace import read_body
from .redirects import RedirectError, Step, next_step, send
from .responses import shows_its_end
from .row_result import RowResult, start_result

# A batch of 200 images is held until it is written: 50 MB of memory at most; larger images go to temporary files.
_MAX_IN_MEMORY = 256 << 10
_POLL_SECONDS = 0.2
_PLAIN = {"Accept-Encoding": "identity"}  # compression would hide the length, and make the MD5 depend on the server
_DOWNGRADED = "a redirect led from https to http"
_NO_END = "files of its kind do not show where they end"

FindExisting = Callable[[RowResult], RowResult | None]
"""Gives the image of a row if it was fetched earlier."""
Outcome = tuple[RowResult, float | None]
"""The result of a request, and the least seconds after which another one may succeed; None if none will."""


class ImageFetcher:
    """Fetches the images of batches of rows, several at once. Its context closes the connections."""

    def __init__(self, table: EolImagesTable, limits: HostLimits) -> None:
        self._table, self._wait_seconds, self._stall_seconds = table, limits.wait_seconds, limits.stall_seconds
        self._client = make_client(table.connections + 1, limits.stall_seconds, table.contact)  # one for robots.txt
        self._hosts = Hosts(self._client, limits)
        self._pool = ThreadPoolExecutor(table.connections)

    def __enter__(self) -> ImageFetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._hosts.stopped.set()  # nobody waits any more, if the run was interrupted
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def fetch_batch(
        self, batch: Sequence[ManifestRow], used_names: set[str], find_existing: FindExisting = lambda _: None
    ) -> list[RowResult]:
        """The results of the rows, in their order.

        Args:
            used_names: the names of the images of earlier batches; those of this batch are added.
            find_existing: called for one row after the other, before any is fetched.

        Raises:
            ContainerError: no host answers any more.
        """
        started = [start_result(row, used_names) for row in batch]
        try:
            allowed = self._map(self._check_robots, started)
            reused = [result if result.reason else find_existing(result) or result for result in allowed]
            return self._map(self._fetch, reused)
        except NetworkDownError as error:
            raise ContainerError(str(error)) from None

    def _map(self, step: Callable[[RowResult], RowResult], results: Sequence[RowResult]) -> list[RowResult]:
        futures = [self._pool.submit(step, result) for result in results]
        pending = set(futures)
        while pending:
            # In short waits, because Ctrl-C does not end a longer one: Polars' handler of it lets system calls go on.
            done, pending = wait(pending, _POLL_SECONDS, FIRST_EXCEPTION)
            for future in done:
                future.result()
        return [future.result() for future in futures]

    def _check_robots(self, result: RowResult) -> RowResult:
        if result.reason:
            return result
        with _reasons(result) as failures:
            if refusal := self._hosts.of(result.row.url).refusal(result.row.url):
                return result.failed("robots", refusal)
        return failures[0] if failures else result

    def _fetch(self, result: RowResult) -> RowResult:
        """Request an image until it arrives, or fails for good."""
        if result.reason or result.data:
            return result
        outcome = result
        for failures in range(1, self._table.tries + 1):
            outcome, seconds = self._request(result)
            if seconds is None:
                break
            if failures < self._table.tries:
                self._hosts.stopped.wait(backoff_seconds(self._wait_seconds, failures, seconds))
        return outcome

    def _request(self, result: RowResult) -> Outcome:
        with _reasons(result) as failures:
            reached: Step | Outcome = Step(self._client.build_request("GET", result.row.url, headers=_PLAIN))
            while isinstance(reached, Step):
                reached = self._take(reached, result)
            return reached
        return failures[0], None

    def _take(self, step: Step, result: RowResult) -> Step | Outcome:
        """The outcome of a request, or the next one if it is answered by a redirect."""
        url = str(step.request.url)
        host = self._hosts.of(url)
        if step.redirects and (refusal := host.refusal(url)):
            return result.failed("robots", f"{refusal}: {url}"), None
        try:
            with host.request_slot(), send(self._client, step) as response:
                host.record_answer()
                reached = next_step(response, step) or self._judge(response, result, host, step)
        except httpx.UnsupportedProtocol:
            raise
        except httpx.TransportError as error:
            host.record_silence()
            return result.failed("no-answer", f"{type(error).__name__}: {error}"), 0.0
        host.record_end()
        return reached

    def _judge(self, response: httpx.Response, result: RowResult, host: Host, step: Step) -> Outcome:
        status = response.status_code
        if status == 200:
            return self._receive(response, replace(result, detail=_DOWNGRADED) if step.downgraded else result), None
        failed = result.failed(f"http-{status}", response.reason_phrase)
        if status not in (408, 429) and status < 500:
            return failed, None
        seconds = retry_after(response.headers) or 0.0
        host.pause(seconds)
        if seconds > MAX_WAIT_SECONDS:
            return result.failed(f"http-{status}", f"the host asks to wait for {seconds:,.0f} seconds"), None
        return failed, seconds

    def _receive(self, response: httpx.Response, result: RowResult) -> RowResult:
        encoding = response.headers.get("content-encoding", "").strip() or "identity"
        if encoding.lower() != "identity":
            return result.failed("compressed", f"sent as {encoding!r:.50} although the request excludes that")
        digest, size = hashlib.md5(usedforsecurity=False), 0
        data = SpooledTemporaryFile(max_size=_MAX_IN_MEMORY)  # noqa: SIM115 - closed when it is in the archive
        for chunk in read_body(response, self._stall_seconds):
            size += len(chunk)
            if self._hosts.stopped.is_set():
                return result.failed("no-answer", "the run was stopped")
            if size > self._table.max_bytes:
                return result.failed("too-many-bytes", f"more than {self._table.max_bytes}")
            digest.update(chunk)
            data.write(chunk)
        data.seek(0)
        start = data.read(16)
        if format_of(start) is None:
            return result.failed("not-an-image", f"it begins with {start!r}")
        if not shows_its_end(response) and (problem := missing_end(data, "")) != "":
            return result.failed("incomplete", f"the server did not say its length, and {problem or _NO_END}")
        return replace(result, data=data, size=size, md5=digest.hexdigest())


@contextmanager
def _reasons(result: RowResult) -> Iterator[list[RowResult]]:
    """Receives the result of a row whose image cannot be requested, instead of the exception that says so."""
    failures: list[RowResult] = []
    try:
        yield failures
    except HostDownError as error:
        failures.append(result.failed("no-answer", str(error)))
    except HostBusyError as error:
        failures.append(result.failed("host-busy", str(error)))
    except RedirectError as error:
        failures.append(result.failed("bad-redirect", str(error)))
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        failures.append(result.failed("bad-address", f"{type(error).__name__}: {error}"))
