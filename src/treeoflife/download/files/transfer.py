"""Fetching one file over HTTP: in ranges over several connections, resumable, and hashed while it is received."""

import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.request import getproxies_environment

import httpx

from ...config.download import DownloadTable
from ...core.progress import Listener, SilentListener
from ...errors import InputError
from ..web import responses
from ..web.redirect_rules import RedirectError
from ..web.redirects import follow
from ..web.responses import RestartError, TemporaryError, read_body
from ..web.waits import backoff_seconds, wait
from .digests import PrefixDigest, matching_sha256
from .file_end import missing_end
from .part_file import FileVersion, PartFile, Range, is_complete

# How often the main thread checks for new bytes to hash, so that hashing hardly lags behind the download.
_POLL_SECONDS = 0.02
# Shorter waits are not reported: nobody wonders about them.
_REPORTED_WAIT_SECONDS = 5.0
# A request that brings less has failed: byte by byte, a file would never end.
_MIN_PROGRESS_BYTES = 16 << 10
# After so many changes in a row the file hardly changed: mirrors behind one address each send a tag of their own.
_MAX_CHANGES = 3
_CHANGED = "the file changed on the server while it was fetched"
# A file of unknown length may never end: it must not fill the disk.
_RESERVE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class FileRequest:
    """A file to fetch.

    Attributes:
        length: its length in bytes, where it is published; otherwise None.
        digest: its MD5 or SHA-256, where it is published; otherwise empty.
        headers: further headers of the requests, such as a token; never written to disk.
    """

    url: str
    path: Path
    length: int | None = None
    digest: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class FetchedFile:
    """A complete file: its length, its SHA-256, and the number of bytes that this run received for it."""

    size: int
    sha256: str
    received: int


def fetch_file(
    request: FileRequest, client: httpx.Client, settings: DownloadTable, listener: Listener | None = None
) -> FetchedFile:
    """Fetch a file, or the rest of it. It gets its name only when it is complete.

    The state of the part file remains beside it until :func:`.part_file.remove_state` is called. ``listener`` receives
    the bytes as they arrive (a negative number if they proved useless), and notes on failures and waits.

    Raises:
        InputError: it cannot be fetched; valid bytes are kept for the next run.
    """
    listener = listener or SilentListener()
    if is_complete(request.path, request.url) and (sha256 := matching_sha256(request.path, request.digest)):
        return FetchedFile(request.path.stat().st_size, sha256, 0)
    part, use_ranges, wasted = PartFile(request.path), True, 0
    reasons: list[str] = []
    try:
        while len(reasons) < settings.tries:
            transfer = _Transfer(request, client, settings, listener, part, use_ranges)
            try:
                fetched = transfer.run()
                part.finish(request.path)
                return replace(fetched, received=fetched.received + wasted)
            except RestartError as error:
                reasons.append(str(error))
                listener.note(f"starting over: {error}")
                # One stream comes from one mirror.
                use_ranges = use_ranges and error.ranges and reasons[-_MAX_CHANGES:] != _MAX_CHANGES * [_CHANGED]
                listener.advance(-part.received)
                wasted += transfer.received
                part.reset(None)
                if reasons[-2:] == 2 * [str(error)] and error.final:
                    break
                wait(backoff_seconds(settings.wait_seconds, len(reasons) - 1), listener)
        raise InputError(f"{request.url} cannot be fetched: {reasons[-1]}, {len(reasons)} times in a row")
    finally:
        part.close()


@dataclass
class _Segment:
    """What one connection fetches: the bytes from ``offset`` up to ``stop``, or to the end of the file if None."""

    offset: int
    stop: int | None


@dataclass
class _Transfer:
    """One attempt at a file: each thread fetches segments until none is missing, and the main thread hashes them.

    ``changed`` guards what the threads share, and tells them that the first response has come, with the file's version.
    """

    request: FileRequest
    client: httpx.Client
    settings: DownloadTable
    listener: Listener
    part: PartFile
    use_ranges: bool
    changed: threading.Condition = field(default_factory=threading.Condition)
    ended: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None  # the first of any thread
    received: int = 0
    first_requested: bool = False
    unranged: bool = False  # the server sends the whole file in one stream
    shows_its_end: bool = True  # whether its server says how long the file is
    notes: set[str] = field(default_factory=set)  # made once for a file, not for each of its segments
    assigned: list[Range] = field(default_factory=list)  # segments that threads have taken

    def run(self) -> FetchedFile:
        """Fetch what is missing.

        Raises:
            RestartError: the received bytes are of no use.
            InputError: the file cannot be fetched.
        """
        version = self.part.version
        # Of another address, or without a validator, nothing shows that the rest will be that of the same file.
        known = version is not None and version.url == self.request.url and version.validator
        if version is None or version.total is None or not known or not self.use_ranges:
            self.part.reset(None)
        digest = PrefixDigest(self.part, self.request.digest)
        self._run_threads(digest)
        while digest.update():
            pass
        (sha256, checksum), published = digest.hexdigests(), self.request.digest
        if published not in ("", checksum):
            raise RestartError(f"its checksum is {checksum}, published is {published}", final=True)
        if not published:
            self._check_whole(digest.size)
        return FetchedFile(digest.size, sha256, self.received)

    def _check_whole(self, size: int) -> None:
        """Check by its beginning and its end that a file is what its name says, and whole.

        Raises:
            RestartError: it is not, or nothing shows that it is.
        """
        name = self.request.path.name
        if not size and self.request.length != 0 and not responses.may_be_empty(name):
            raise RestartError("the server sent nothing", final=True)
        try:
            responses.check_first_bytes(name, self.part.read(0, 512))
        except TemporaryError as error:
            raise RestartError(str(error), final=True) from None
        with self.part.open() as file:
            problem = missing_end(file, name)
        if problem:
            raise RestartError(f"it is not whole, {problem}", final=True)
        if problem is None and not self.shows_its_end and self.request.length is None:
            raise InputError(
                f"{self.request.url} cannot be fetched: its server sent {size} bytes, but does not say how many there "
                "are, and nothing in a file of this kind shows where it ends, so it may be cut off. If that is its "
                f"length, say so with bytes = {size} in [download.components.NAME] of dataset.toml"
            )

    def _run_threads(self, digest: PrefixDigest) -> None:
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self.settings.connections)]
        for thread in threads:
            thread.start()
        try:
            while any(thread.is_alive() for thread in threads):
                if self.ended.is_set() or not digest.update():
                    wait(_POLL_SECONDS, self.listener)
        finally:
            self.ended.set()
        if self.error:
            raise self.error

    def _work(self) -> None:
        """Fetch segments until none is left."""
        try:
            while not self.ended.is_set() and (segment := self._take_segment()) is not None:
                self._fetch_segment(segment)
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            with self.changed:
                self.error = self.error or error
            self.ended.set()
        finally:
            with self.changed:
                self.changed.notify_all()

    def _take_segment(self) -> _Segment | None:
        """The next segment that no thread has taken; waits until the first response has told the file's version."""
        with self.changed:
            while self.first_requested and self.part.version is None and not self.ended.is_set():
                self.changed.wait(0.1)  # a time-out, because setting `ended` notifies nobody
            if self.ended.is_set() or self.unranged:
                return None
            version, size = self.part.version, self.settings.segment_bytes
            if version is None or version.total is None:
                self.first_requested = True
                return _Segment(0, size if self.use_ranges else None)
            if not (missing := self.part.missing(version.total, self.assigned)):
                return None
            start, stop = missing[0]
            self.assigned.append((start, min(stop, start + size)))
            return _Segment(*self.assigned[-1])

    def _fetch_segment(self, segment: _Segment) -> None:
        """Request a segment until it is complete, or until too many requests in a row bring nothing.

        Raises:
            InputError: the latter.
        """
        start, failures = segment.offset, 0
        while not self.ended.is_set() and (error := self._try_request(segment)):
            progress = segment.stop is not None and segment.offset - start >= _MIN_PROGRESS_BYTES
            failures = 0 if progress else failures + 1
            if failures >= self.settings.tries:
                raise InputError(f"{self.request.url} cannot be fetched: {error}, {failures} times in a row")
            self._wait(error, failures)
            if segment.stop is None and segment.offset:  # without ranges, only the whole file can be requested
                self.listener.advance(-segment.offset)
                segment.offset = 0
                self.part.reset(self.part.version)
            start = segment.offset

    def _try_request(self, segment: _Segment) -> TemporaryError | None:
        """Request the rest of a segment; returns the reason if it is still incomplete."""
        try:
            self._send_request(segment)
        except TemporaryError as error:
            return error
        except (RedirectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise InputError(f"{self.request.url} cannot be fetched: {error}") from error
        except httpx.TransportError as error:
            return TemporaryError(_describe(error))
        complete = segment.stop is None or segment.offset >= segment.stop
        return None if complete else TemporaryError("the connection brings nothing")

    def _wait(self, error: TemporaryError, failures: int) -> None:
        seconds = backoff_seconds(self.settings.wait_seconds, failures, error.wait)
        if seconds >= _REPORTED_WAIT_SECONDS and not self.ended.is_set():
            wish = f" and asks to wait for {error.wait:,.0f} seconds" if error.wait and error.wait > seconds else ""
            self.listener.note(f"{error}{wish}; again in {seconds:.0f} seconds")
        self.ended.wait(seconds)

    def _send_request(self, segment: _Segment) -> None:
        headers = {**self.request.headers, "Accept-Encoding": "identity"}
        if segment.stop is not None:
            headers["Range"] = f"bytes={segment.offset}-{segment.stop - 1}"
            if self.part.version and self.part.version.validator:
                headers["If-Range"] = self.part.version.validator
        with follow(self.client, self.request.url, headers, self._note_once) as response:
            responses.check_response(response, self.request.url, self.request.path.name)
            if self._accept(response, segment):
                self._receive(response, segment)

    def _note_once(self, text: str) -> None:
        with self.changed:
            new = text not in self.notes
            self.notes.add(text)
        if new:
            self.listener.note(text)

    def _accept(self, response: httpx.Response, segment: _Segment) -> bool:
        """Compare a response with what is known of the file; False if it has no bytes to receive.

        Raises:
            RestartError, TemporaryError: it does not fit.
        """
        current = self.part.version
        if response.status_code == 416:
            if current is None and response.headers.get("content-range", "").endswith("*/0"):
                self._start_version(FileVersion(self.request.url, 0), segment)
                segment.stop = segment.offset
                return False
            raise RestartError("the server does not have the missing range", ranges=segment.offset > 0)
        version = responses.file_version(response, self.request.url)
        if response.status_code == 206:
            return self._accept_range(responses.content_range(response), version, segment)
        if current is not None and segment.stop is not None:
            reason = "the server sends no ranges of it" if version.validator == current.validator else _CHANGED
            raise RestartError(reason, ranges=reason == _CHANGED)
        segment.stop = None
        self.shows_its_end = responses.shows_its_end(response)
        self._start_version(version, segment)
        return True

    def _accept_range(self, sent: responses.ContentRange, version: FileVersion, segment: _Segment) -> bool:
        current = self.part.version
        if segment.stop is None:
            raise RestartError("the server sends a range of it, although the whole was requested", final=True)
        if not version.validator and (current is not None or sent.stop < sent.total):
            raise RestartError("the server does not say how its versions can be told apart", ranges=False)
        if current is not None and not current.continues(version):
            raise RestartError(_CHANGED)
        if sent.start != segment.offset:
            raise TemporaryError("the server sent another range than the requested one")
        if current is None:
            self._start_version(version, segment)
        return True

    def _start_version(self, version: FileVersion, segment: _Segment) -> None:
        """Start the part file with the version of the first response; the other threads can then take segments."""
        self._check_length(version.total)
        with self.changed:
            self.part.reset(version)
            if segment.stop is not None and version.total is not None:
                segment.stop = min(segment.stop, version.total)
                self.assigned.append((segment.offset, segment.stop))
            self.unranged = segment.stop is None
            self.changed.notify_all()

    def _check_length(self, total: int | None) -> None:
        expected, folder = self.request.length, self.request.path.parent
        if expected is not None and total not in (None, expected):
            raise InputError(
                f"{self.request.url} has {total} bytes, the list of components says {expected}; if the provider "
                "changed the file, set bytes (or size) in [download.components.NAME] of dataset.toml"
            )
        free = shutil.disk_usage(folder).free
        if total and total > free:
            raise InputError(f"{self.request.url} has {total / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free")

    def _receive(self, response: httpx.Response, segment: _Segment) -> None:
        recorded = segment.offset
        limit = self._known_length()
        try:
            for data in read_body(response, self.settings.stall_seconds):
                if segment.offset == 0:
                    responses.check_first_bytes(self.request.path.name, data)
                if self.ended.is_set():
                    return
                useful = data if segment.stop is None else data[: segment.stop - segment.offset]
                if segment.stop is None:
                    self._check_limit(segment.offset + len(useful), limit)
                self.part.write(segment.offset, useful)
                segment.offset += len(useful)
                with self.changed:
                    self.received += len(useful)
                    self.listener.advance(len(useful))
                if segment.offset - recorded >= self.settings.chunk_bytes:
                    self.part.record(recorded, segment.offset)
                    recorded = segment.offset
                if segment.offset == segment.stop:
                    break  # some servers send more than the range, even without end
        finally:
            if segment.offset > recorded:
                self.part.record(recorded, segment.offset)
        if segment.stop is None and limit not in (None, segment.offset):
            raise TemporaryError(f"the server closed the connection after {segment.offset} of {limit} bytes")

    def _known_length(self) -> int | None:
        """The length of the file as its server or the list of components says; None if neither does."""
        version = self.part.version
        return version.total if version and version.total is not None else self.request.length

    def _check_limit(self, size: int, length: int | None) -> None:
        """Check that a stream without a stated end has not brought more than there can be.

        Raises:
            InputError: it has.
        """
        if length is not None and size > length:
            raise InputError(
                f"{self.request.url} cannot be fetched: its server sends more than the {length} bytes that it or the "
                "list of components says; if the provider changed the file, set bytes in [download.components.NAME] of "
                "dataset.toml"
            )
        folder = self.request.path.parent
        if length is None and shutil.disk_usage(folder).free < _RESERVE_BYTES:
            raise InputError(
                f"{self.request.url} cannot be fetched: its server does not say how long it is, {size} bytes have "
                f"come, and {folder} has less than {_RESERVE_BYTES / 1e9:.0f} GB free"
            )


def _describe(error: httpx.TransportError) -> str:
    """An error in words. The address of a proxy is left out, since it may contain a password."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    proxies = sorted(getproxies_environment()) if isinstance(error, httpx.ConnectError | httpx.ProxyError) else []
    return f"{text} (the environment sets a proxy for: {', '.join(proxies)})" if proxies else text
