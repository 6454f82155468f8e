"""Fetching one file over HTTP: in ranges over several connections, resumed, hashed while it comes in."""

from __future__ import annotations

import hashlib
import random
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import getproxies_environment

import httpx

from ..config.download import DownloadTable
from ..errors import InputError
from .answers import RestartError, TemporaryError, check, content_range, identity_of, magic_of, sniff
from .part import Identity, Part, finished

_HASHED_AT_ONCE = 1 << 20
_GLANCE_SECONDS = 0.02
_MD5_LENGTH = 32
_LEAST_PER_SECOND = 1024
_LONGEST_WAIT = 60.0
_WORTH_TELLING = 5.0
_CHANGED = "the file changed on the server while it was fetched"
_MIRRORS = 3


@dataclass(frozen=True)
class Wanted:
    """A file to fetch.

    Attributes:
        url: where it is.
        path: where it goes.
        length: how many bytes it must have; None if that is not known.
        digest: what its MD5 or SHA-256 must be; empty if that is not known.
        headers: what to send along, such as a token; never written to disk.
    """

    url: str
    path: Path
    length: int | None = None
    digest: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Fetched:
    """A file that came in whole: its length, its SHA-256, and how many bytes came in this run."""

    size: int
    sha256: str
    received: int


@dataclass(frozen=True)
class Told:
    """Who hears of a file while it comes in.

    Attributes:
        tick: hears of bytes that came in, and of bytes (below zero) that proved useless.
        note: hears in words of what goes wrong, and how long until another try.
    """

    tick: Callable[[int], None] = lambda _: None
    note: Callable[[str], None] = lambda _: None


def fetch(wanted: Wanted, client: httpx.Client, settings: DownloadTable, told: Told = Told()) -> Fetched:
    """Fetch a file, or the rest of it; it takes its name only when it is whole.

    The record of it stays beside it until :func:`.part.forget`.

    Raises:
        InputError: it cannot be fetched; what is of use is kept for the next run.
    """
    if finished(wanted.path) and (there := _proven(wanted)):
        return there
    part, ranges, wasted = Part(wanted.path), True, 0
    reasons: list[str] = []
    try:
        while len(reasons) < settings.tries:
            transfer = _Transfer(wanted, client, settings, told, part, ranges)
            try:
                done = transfer.run()
                part.finish(wanted.path)
                return Fetched(done.size, done.sha256, done.received + wasted)
            except RestartError as error:
                reasons.append(str(error))
                told.note(f"begun anew: {error}")
                # Mirrors behind one address may each have a tag of their own: then all is to come from one of them.
                ranges = ranges and error.ranges and reasons[-_MIRRORS:] != _MIRRORS * [_CHANGED]
                told.tick(-part.received)
                wasted += transfer.received
                part.reset(None)
                if reasons[-2:] == 2 * [str(error)] and error.final:
                    break
                time.sleep(_patience(settings, len(reasons) - 1, None))
        raise InputError(f"{wanted.url} cannot be fetched whole: {reasons[-1]}, {len(reasons)} times in a row")
    finally:
        part.close()


def _proven(wanted: Wanted) -> Fetched | None:
    """The file that is there, unless its checksum is not the published one."""
    with wanted.path.open("rb") as fd:
        digest = hashlib.file_digest(fd, "sha256").hexdigest()
        fd.seek(0)
        other = hashlib.file_digest(fd, "md5").hexdigest() if len(wanted.digest) == _MD5_LENGTH else digest
    return Fetched(wanted.path.stat().st_size, digest, 0) if wanted.digest in ("", other) else None


@dataclass
class _Piece:
    """What one connection is to fetch: from ``at`` up to ``stop``, or to the end of the file if that is None."""

    at: int
    stop: int | None


@dataclass
class _Transfer:
    """One try at a file: connections that take pieces until none is missing, while this thread hashes what is there."""

    wanted: Wanted
    client: httpx.Client
    settings: DownloadTable
    told: Told
    part: Part
    ranges: bool
    received: int = 0
    lock: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None
    streaming: bool = False
    asked: bool = False
    taken: list[tuple[int, int]] = field(default_factory=list)

    def run(self) -> Fetched:
        """Fetch what is missing.

        Raises:
            RestartError: what is there is of no use.
            InputError: it cannot be fetched.
        """
        identity = self.part.identity
        moved = identity is not None and identity.url != self.wanted.url and not identity.validator
        if identity is None or identity.total is None or moved or not self.ranges:
            self.part.reset(None)
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self.settings.connections)]
        hashes = _Hashes(self.part, self.wanted.digest)
        for worker in workers:
            worker.start()
        try:
            while any(worker.is_alive() for worker in workers):
                if self.over.is_set() or not hashes.follow():
                    time.sleep(_GLANCE_SECONDS)
        finally:
            self.over.set()
        if self.error:
            raise self.error
        while hashes.follow():
            pass
        return self._whole(hashes)

    def _whole(self, hashes: _Hashes) -> Fetched:
        if hashes.digest() not in ("", self.wanted.digest):
            found = f"its bytes have the checksum {hashes.digest()}, published is {self.wanted.digest}"
            raise RestartError(found, final=True)
        if not hashes.at and magic_of(self.wanted.path.name):
            raise RestartError("the server sent nothing", final=True)
        return Fetched(hashes.at, hashes.sha256.hexdigest(), self.received)

    def _work(self) -> None:
        try:
            while not self.over.is_set() and (piece := self._next()) is not None:
                self._persist(piece)
        except BaseException as error:  # noqa: BLE001 - handed to the thread that waits
            with self.lock:
                self.error = self.error or error
            self.over.set()
        finally:
            with self.lock:
                self.lock.notify_all()

    def _next(self) -> _Piece | None:
        """The next piece that nobody has taken; waits until the first answer says what the file is."""
        with self.lock:
            while self.asked and self.part.identity is None and not self.over.is_set():
                self.lock.wait(0.1)
            identity = self.part.identity
            if self.over.is_set() or self.streaming:
                return None
            if identity is None or identity.total is None:
                self.asked = True
                return _Piece(0, self.settings.segment_bytes if self.ranges else None)
            for start, stop in self._untaken(identity.total):
                piece = (start, min(stop, start + self.settings.segment_bytes))
                self.taken.append(piece)
                return _Piece(*piece)
            return None

    def _untaken(self, total: int) -> list[tuple[int, int]]:
        found = self.part.missing(total)
        for start, stop in self.taken:
            found = [
                rest for gap in found for rest in ((gap[0], min(gap[1], start)), (max(gap[0], stop), gap[1]))
                if rest[0] < rest[1]
            ]  # fmt: skip
        return found

    def _persist(self, piece: _Piece) -> None:
        """Fetch a piece, trying again as often as the settings say without progress."""
        failures = 0
        while not self.over.is_set() and (piece.stop is None or piece.at < piece.stop):
            before = piece.at
            try:
                self._request(piece)
                if piece.stop is None or piece.at >= piece.stop:
                    return
                failed, wait = "the connection brings nothing", None
            except TemporaryError as error:
                failed, wait = str(error), error.wait
            except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
                raise InputError(f"{self.wanted.url} cannot be fetched: {error}") from error
            except httpx.TransportError as error:
                failed, wait = _named(error), None
            brought = piece.stop is not None and piece.at > before
            failures = 0 if brought else failures + 1
            if failures >= self.settings.tries:
                raise InputError(f"{self.wanted.url} cannot be fetched: {failed}, {failures} times in a row")
            self._wait(failed, failures, wait)
            self._again(piece)

    def _wait(self, failed: str, failures: int, asked: float | None) -> None:
        wait = _patience(self.settings, failures, asked)
        if wait >= _WORTH_TELLING and not self.over.is_set():
            self.told.note(f"{failed}; again in {wait:.0f} seconds")
        self.over.wait(wait)

    def _again(self, piece: _Piece) -> None:
        """Without ranges, all begins anew."""
        if piece.stop is None and piece.at:
            self.told.tick(-piece.at)
            piece.at = 0
            self.part.reset(self.part.identity)

    def _request(self, piece: _Piece) -> None:
        headers = {**self.wanted.headers, "Accept-Encoding": "identity"}
        if piece.stop is not None:
            headers["Range"] = f"bytes={piece.at}-{piece.stop - 1}"
            if self.part.identity and self.part.identity.validator:
                headers["If-Range"] = self.part.identity.validator
        with self.client.stream("GET", self.wanted.url, headers=headers) as response:
            check(response, self.wanted.url, self.wanted.path.name)
            if self._meet(response, piece):
                self._pour(response, piece)

    def _meet(self, response: httpx.Response, piece: _Piece) -> bool:
        """Hold an answer against what is known of the file; False if there is nothing to read."""
        if response.status_code == 416:
            if self.part.identity is None and response.headers.get("content-range", "").endswith("*/0"):
                self._learn(Identity(self.wanted.url, 0), piece)
                piece.stop = piece.at
                return False
            raise RestartError("the server does not have the range that is missing", ranges=piece.at > 0)
        found, known = identity_of(response, self.wanted.url), self.part.identity
        if known is not None and not known.same_file(found):
            raise RestartError(_CHANGED)
        if response.status_code == 200 and (piece.at or self.part.received):
            raise RestartError("the server sends no ranges of it", ranges=False)
        if response.status_code == 206 and content_range(response)[0] != piece.at:
            raise TemporaryError("the server sent another range than it was asked for")
        if response.status_code == 200:
            piece.stop = None
        if known is None or known.total is None:
            self._learn(found, piece)
        return True

    def _learn(self, found: Identity, piece: _Piece) -> None:
        """The first answer says what the file is."""
        length = self.wanted.length
        if length is not None and found.total not in (None, length):
            raise InputError(
                f"{self.wanted.url} has {found.total} bytes, the list of components says {length}; if the provider "
                "changed the file, set bytes (or size) in [download.components.NAME] of dataset.toml"
            )
        self._see_room(found)
        with self.lock:
            self.part.reset(found)
            if piece.stop is not None and found.total is not None:
                piece.stop = min(piece.stop, found.total)
                self.taken.append((piece.at, piece.stop))
            self.streaming = piece.stop is None
            self.lock.notify_all()

    def _see_room(self, found: Identity) -> None:
        folder = self.wanted.path.parent
        free = shutil.disk_usage(folder).free
        if (found.total or 0) > free:
            raise InputError(
                f"{self.wanted.url} has {(found.total or 0) / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free"
            )

    def _pour(self, response: httpx.Response, piece: _Piece) -> None:
        recorded, pace = piece.at, _Pace(self.settings.stall_seconds)
        try:
            for data in response.iter_raw():
                if piece.at == 0:
                    sniff(self.wanted.path.name, data)
                if self.over.is_set():
                    return
                whole = data if piece.stop is None else data[: piece.stop - piece.at]
                self.part.write(piece.at, whole)
                piece.at += len(whole)
                with self.lock:
                    self.received += len(whole)
                    self.told.tick(len(whole))
                pace.saw(len(whole))
                if piece.at - recorded >= self.settings.chunk_bytes:
                    self.part.record(recorded, piece.at)
                    recorded = piece.at
                if piece.at == piece.stop:
                    break  # a server may send more than it was asked for, and without end
        finally:
            if piece.at > recorded:
                self.part.record(recorded, piece.at)
        if piece.stop is None:
            self._ended(piece)

    def _ended(self, piece: _Piece) -> None:
        """The end of a file that came as one stream."""
        identity = self.part.identity
        total = identity.total if identity else None
        total = self.wanted.length if total is None else total
        if total is not None and piece.at != total:
            raise TemporaryError(f"the server closed the connection after {piece.at} of {total} bytes")


class _Hashes:
    """The digests of what is there from the beginning on, as it grows."""

    def __init__(self, part: Part, digest: str) -> None:
        self.part, self.at = part, 0
        self.sha256 = hashlib.sha256()
        self.md5 = hashlib.md5(usedforsecurity=False) if len(digest) == _MD5_LENGTH else None
        self.wanted = digest

    def follow(self) -> bool:
        """Hash a few more bytes; False if there are none."""
        stop = self.part.prefix
        if stop < self.at:  # it began anew
            self.__init__(self.part, self.wanted)  # type: ignore[misc]
        data = self.part.read(self.at, min(_HASHED_AT_ONCE, stop - self.at)) if stop > self.at else b""
        self.sha256.update(data)
        if self.md5:
            self.md5.update(data)
        self.at += len(data)
        return bool(data)

    def digest(self) -> str:
        """What is to be held against the published checksum; empty where none is published."""
        if not self.wanted:
            return ""
        return self.md5.hexdigest() if self.md5 else self.sha256.hexdigest()


class _Pace:
    """Notices a connection that brings hardly anything: one that brings nothing is noticed by its time-out."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since, self._bytes = time.monotonic(), 0

    def saw(self, size: int) -> None:
        self._bytes += size
        passed = time.monotonic() - self._since
        if passed < 2 * self._seconds:
            return
        if self._bytes < passed * _LEAST_PER_SECOND:
            raise TemporaryError(f"the connection brought {self._bytes} bytes in {passed:.0f} seconds")
        self._since, self._bytes = time.monotonic(), 0


def _named(error: httpx.TransportError) -> str:
    """The error in words. The address of a proxy is not shown: it may hold a password."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    proxies = sorted(getproxies_environment()) if isinstance(error, httpx.ConnectError | httpx.ProxyError) else []
    return f"{text} (the environment sets a proxy for: {', '.join(proxies)})" if proxies else text


def _patience(settings: DownloadTable, failures: int, asked: float | None) -> float:
    """Seconds to wait: as the server asks, or longer with every failure; never exactly as long as others do."""
    wait = settings.wait_seconds * 2.0 ** (failures - 1) if failures else 0.0
    return max(min(wait, _LONGEST_WAIT) * random.uniform(0.5, 1.5), asked or 0)  # noqa: S311 - not a secret
