"""Fetching a list of URLs into an archive: a plain tar, and beside it an index with a row per URL.

While the archive is written, a journal beside it records each URL that is done. Whatever was recorded survives the
death of the process, and nothing of it is requested again; every few seconds both files are forced to disk, so that a
power failure costs no more than the URLs of these seconds.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from ...config.fetch import FetchTable
from ...core import tar_writer
from ...core.files import rename_synced, replacing
from ...core.json_reader import parse_json
from ...engines.base import Tick
from ...errors import KEPT, ContainerError, InputError
from ...sources.withdrawn import WITHDRAWN
from . import archive_journal
from .archive_journal import SYNCED, end_of, read_line
from .fetch_reasons import REFUSED
from .host_limits import HostLimits
from .url_fetcher import UrlFetcher
from .url_request import FetchedUrl

INDEX_COLUMNS = {
    "url": pl.String, "final_url": pl.String, "status": pl.Int32, "reason": pl.String, "detail": pl.String,
    "offset": pl.Int64, "size": pl.Int64, "sha256": pl.Binary, "md5": pl.Binary, "content_type": pl.String,
    "fetched_at": pl.String,
}  # fmt: skip
"""The columns of the index. ``reason`` is null where the image is there: ``size`` bytes of the tar from ``offset``.
Of an address that was forgotten (:mod:`.withdrawn_images`), ``url`` is null and ``reason`` says so."""

_SYNC_SECONDS = 5.0
_PIECE = 256 << 10
_ENDINGS = {"JPEG": ".jpg", "PNG": ".png", "GIF": ".gif", "WebP": ".webp", "TIFF": ".tif", "BMP": ".bmp",
            "PPM": ".ppm", "JPEG 2000": ".jp2", "AVIF": ".avif", "HEIC": ".heic"}  # fmt: skip


@dataclass(frozen=True)
class FetchTask:
    """An archive to make of the URLs in a table, with this task's part of the requests that a host may get.

    Attributes:
        urls: a Parquet file with a column ``url``, whose values are distinct; null for one that was forgotten.
        archive: the tar to write, ``NNNNNN.tar``; its index is the Parquet file of the same name.
        retry: these URLs failed before: that no host of theirs answers says nothing about the network.
    """

    urls: Path
    archive: Path
    settings: FetchTable
    limits: HostLimits
    retry: bool = False

    @property
    def label(self) -> str:
        """Its name in messages."""
        return self.archive.name

    @property
    def index(self) -> Path:
        """The table with a row per URL."""
        return self.archive.with_suffix(".parquet")


@dataclass(frozen=True)
class FetchedArchive:
    """What a finished archive holds.

    Attributes:
        images: how many URLs gave an image.
        reasons: how many gave none, by reason.
        answered: how many got an answer of their host, be it an error.
        bytes: the length of the archive.
        notes: sentences for people, such as that a host refused.
    """

    images: int
    reasons: dict[str, int]
    answered: int
    bytes: int
    notes: tuple[str, ...] = ()


def fetch_archive(task: FetchTask, tick: Tick) -> FetchedArchive:
    """The task: fetch the URLs that are not there yet, and finish the archive. ``tick`` counts URLs.

    Raises:
        InputError: the archive is there, and was made from other URLs.
        ContainerError: the network is down. What was fetched is kept.
    """
    urls = pl.read_parquet(task.urls, columns=["url"], glob=False)["url"].to_list()
    digest = archive_journal.digest(urls)
    if finished := _finished(task, digest):
        return finished
    with (
        _ArchiveWriter(task, urls, digest) as writer,
        UrlFetcher(task.settings, task.limits, retry=task.retry) as fetcher,
    ):
        tick(len(writer.done))
        remaining = [(number, url) for number, url in enumerate(urls) if number not in writer.done]

        def record(fetched: FetchedUrl) -> None:
            writer.append(fetched)
            tick(1)

        try:
            fetcher.fetch(remaining, record)
        except ContainerError as error:
            raise ContainerError(f"{error}; {len(writer.done):,} of {len(urls):,} addresses are done, {KEPT}") from None
        return writer.finish(fetcher.notes, fetcher.refusing_hosts)


def _finished(task: FetchTask, digest: str) -> FetchedArchive | None:
    """What the index records of the archive; None if the two are not both there."""
    try:
        meta = parse_json(pl.read_parquet_metadata(task.index)["treeoflife"])
        size = task.archive.stat().st_size
    except FileNotFoundError:
        return None
    if meta["urls"] != digest:
        raise InputError(f"{task.archive} was made from other addresses than those in {task.urls}: remove one of them")
    finished = FetchedArchive(**{key: meta[key] for key in ("images", "reasons", "answered", "bytes")})
    if size != finished.bytes:
        raise InputError(f"{task.archive} has {size:,} bytes, and had {finished.bytes:,}: remove it and {task.index}")
    archive_journal.journal_of(task.archive).unlink(missing_ok=True)
    return finished


class _ArchiveWriter:
    """Appends images to the archive, and a line to its journal for each URL; ``done`` has the numbers of those."""

    def __init__(self, task: FetchTask, urls: Sequence[str | None], digest: str) -> None:
        self._task, self._urls, self._digest = task, urls, digest
        self._part = archive_journal.part_of(task.archive)
        self._journal_path = archive_journal.journal_of(task.archive)
        self.done = {number: _forgotten_row(number) for number, url in enumerate(urls) if url is None}
        task.archive.parent.mkdir(parents=True, exist_ok=True)
        if task.archive.exists() and not self._part.exists():  # killed before its index was written
            task.archive.rename(self._part)
        self._part.touch()
        # Without buffers: what was handed to the system survives the death of this process.
        self._tar = self._part.open("r+b", buffering=0)
        self._journal = self._journal_path.open("a+b", buffering=0)
        self._size = self._recover()
        self._synced_at = time.monotonic()

    def __enter__(self) -> _ArchiveWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()
        self._journal.close()

    def _recover(self) -> int:
        """Take over what the journal records and the archive has, and cut off the rest; returns the tar's length."""
        first = archive_journal.first_line(self._digest)
        self._journal.seek(0)
        lines = self._journal.read().splitlines(keepends=True)
        kept, size, length = 0, 0, os.fstat(self._tar.fileno()).st_size
        if lines[:1] == [first]:
            kept = len(first)
            synced = max((number for number, line in enumerate(lines) if line == SYNCED), default=0)
            for number, line in enumerate(lines[1:], 1):
                row = read_line(line)
                if row is None or end_of(row) > length or (number > synced and row and not self._has(row)):
                    break
                kept += len(line)
                if row:
                    self.done[row[0]] = row
                    size = max(size, end_of(row))
        self._tar.truncate(size)
        self._tar.seek(size)
        self._journal.truncate(kept)
        if not kept:
            _write(self._journal, first)
        return size

    def _has(self, row: list[Any]) -> bool:
        """Whether the archive has the image that a line of the journal promises: after a power failure it may not."""
        offset, size, sha256 = row[6:9]
        if offset is None:
            return True
        self._tar.seek(offset)
        digest, left = hashlib.sha256(), size
        while left and (piece := self._tar.read(min(left, _PIECE))):
            digest.update(piece)
            left -= len(piece)
        return not left and digest.hexdigest() == sha256

    def append(self, fetched: FetchedUrl) -> None:
        """Record a URL, and its image if it has one."""
        offset = self._append_member(fetched) if fetched.data else None
        image = (offset, fetched.size, fetched.sha256, fetched.md5) if fetched.data else (None,) * 4
        row = [
            fetched.number, fetched.final_url, fetched.status, fetched.reason, fetched.detail or None,
            self._urls[fetched.number], *image, fetched.content_type or None, fetched.fetched_at or None,
        ]  # fmt: skip
        self.done[fetched.number] = row
        _write(self._journal, json.dumps(row, ensure_ascii=True).encode() + b"\n")
        if time.monotonic() - self._synced_at > _SYNC_SECONDS:
            self._sync()

    def _append_member(self, fetched: FetchedUrl) -> int:
        """Write a member; returns where its data begins."""
        assert fetched.data
        name = f"{fetched.number:08d}{_ENDINGS.get(fetched.kind, '')}"
        offset, padded = self._size + tar_writer.BLOCK, tar_writer.padded_size(fetched.size)
        fetched.data.seek(0)
        piece = tar_writer.encode_header(name, fetched.size) + fetched.data.read(_PIECE)
        while rest := fetched.data.read(_PIECE):
            _write(self._tar, piece)
            piece = rest
        _write(self._tar, piece + bytes(padded - fetched.size))
        fetched.data.close()
        self._size = offset + padded
        return offset

    def _sync(self) -> None:
        os.fsync(self._tar.fileno())
        _write(self._journal, SYNCED)
        os.fsync(self._journal.fileno())
        self._synced_at = time.monotonic()

    def finish(self, notes: Sequence[str], refusing: set[str]) -> FetchedArchive:
        """End the archive and give it its name, then write its index.

        Args:
            refusing: the hosts that were given up in this run because they refuse.
        """
        _blame_hosts(self.done.values(), refusing)
        _write(self._tar, tar_writer.end_marker(self._size))
        self._tar.close()
        os.fsync(self._journal.fileno())
        rows = [self.done[number] for number in range(len(self._urls))]
        index = pl.DataFrame([_index_row(row) for row in rows], schema=INDEX_COLUMNS, orient="row")
        rename_synced(self._part, self._task.archive)
        reasons = Counter(row[3] for row in rows if row[3] not in (None, WITHDRAWN))
        finished = FetchedArchive(
            sum(row[3] is None for row in rows), dict(sorted(reasons.items())), sum(row[2] is not None for row in rows),
            self._task.archive.stat().st_size, tuple(notes),
        )  # fmt: skip
        self._write_index(index, finished)
        return finished

    def _write_index(self, index: pl.DataFrame, finished: FetchedArchive) -> None:
        meta = {
            "urls": self._digest, "images": finished.images, "reasons": finished.reasons,
            "answered": finished.answered, "bytes": finished.bytes,
        }  # fmt: skip
        with replacing(self._task.index) as temporary:
            index.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta)})
        self._journal_path.unlink()


def _write(file: IO[bytes], data: bytes) -> None:
    """Write all of ``data``: of a file without buffer, a single write may take a part alone."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _blame_hosts(rows: Iterable[list[Any]], refusing: set[str]) -> None:
    """Give the last refusals of a host that refuses everything that reason: they were not meant for the images alone.

    Args:
        rows: the lines of the journal, in its order; earlier runs may have given up further hosts.
    """
    refusals: dict[str, list[list[Any]]] = {}
    refusing = refusing.copy()
    for row in rows:
        _, url, status, reason = row[:4]
        host = "/".join(url.split("/", 3)[:3])
        if reason == "host-refused":
            refusing.add(host)
        elif reason in REFUSED:
            refusals.setdefault(host, []).append(row)
        elif status is not None:
            refusals.pop(host, None)
    for row in (row for host in refusing for row in refusals.get(host, ())):
        row[3:5] = "host-refused", f"the host refused many requests in a row, this one with {row[3]}"


def _forgotten_row(number: int) -> list[Any]:
    """The line of a journal for an address that is not asked, because it belonged to withdrawn images."""
    return [number, "", None, WITHDRAWN, *[None] * 8]


def _index_row(row: list[Any]) -> tuple[Any, ...]:
    """The values of :data:`INDEX_COLUMNS`."""
    _, final_url, status, reason, detail, url, offset, size, sha256, md5, content_type, fetched_at = row
    digests = (bytes.fromhex(sha256), bytes.fromhex(md5)) if sha256 else (None, None)
    return url, final_url or None, status, reason, detail, offset, size, *digests, content_type, fetched_at
