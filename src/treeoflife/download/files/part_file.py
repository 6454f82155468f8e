"""A file that is being downloaded: ``FILE.part`` holds its bytes, ``FILE.part.state`` says which of them are valid.

The first line of the state is the version of the file on its server; each further line is a range of bytes, written
after these bytes are on disk. So the state is true at whatever moment the process is killed; a line that was cut off
is ignored.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO

from ...core.files import rename_synced
from ...core.json_reader import parse_json

Range = tuple[int, int]
"""The first byte of a range, and the first byte after it."""


@dataclass(frozen=True)
class FileVersion:
    """What distinguishes one version of a file on a server from another.

    Attributes:
        url: the address that was requested.
        total: its length in bytes; None if the server does not say.
        etag: its entity tag, as sent; empty if there is none.
        modified: its Last-Modified date, as sent; empty if there is none.
        settled: whether this date lies so far back that no second change can have the same one.
        path: the path of the address that redirects led to.
    """

    url: str
    total: int | None
    etag: str = ""
    modified: str = ""
    settled: bool = False
    path: str = ""

    @property
    def validator(self) -> str:
        """What no other version has, for If-Range: a strong entity tag, or else a settled date; empty without either.

        See RFC 9110, 8.8 and 13.1.5.
        """
        if self.etag.startswith('"'):
            return self.etag
        return self.modified if self.settled else ""

    def continues(self, other: FileVersion) -> bool:
        """Whether bytes of this version may be joined with those of the other: both have the same validator.

        Nothing else that both say may differ either.
        """
        return bool(self.validator) and self.validator == other.validator and self._may_equal(other)

    def _may_equal(self, other: FileVersion) -> bool:
        pairs = ((self.total, other.total), (self.etag, other.etag), (self.modified, other.modified),
                 (self.path, other.path))  # fmt: skip
        return all(mine == theirs for mine, theirs in pairs if mine not in (None, "") and theirs not in (None, ""))


class PartFile:
    """The part of ``path`` that was received so far. Its methods may be called by several threads."""

    def __init__(self, path: Path) -> None:
        self._path, self._state_path = _part_path(path), _state_path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._lock, self._closed = threading.Lock(), False
        self.resets = 0
        """How many times all bytes were discarded: bytes that were read before are not those of the file any more."""
        self.version, ranges = _read_state(self._state_path)
        self._data = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        self._ranges = _clip(ranges, os.fstat(self._data).st_size)
        self._state = os.open(self._state_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def reset(self, version: FileVersion | None) -> None:
        """Discard all bytes, and start over with a version of the file; None if it is not known yet."""
        with self._lock:
            self.resets += 1
            os.ftruncate(self._state, 0)
            os.ftruncate(self._data, 0)
            self._ranges, self.version = [], version
            if version:
                os.write(self._state, json.dumps(asdict(version)).encode() + b"\n")
            # Otherwise a power failure could join the old state with new bytes.
            os.fsync(self._state)

    def write(self, offset: int, data: bytes) -> None:
        """Write bytes, which count as received only when :meth:`record` has been called for them."""
        view = memoryview(data)
        with self._lock:
            self._check_open()
            while view:
                written = os.pwrite(self._data, view, offset)
                view, offset = view[written:], offset + written

    def record(self, start: int, stop: int) -> None:
        """Sync the file, and record that the bytes from ``start`` up to ``stop`` were received."""
        (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(self._data)  # macOS has no fdatasync
        with self._lock:
            self._check_open()
            os.write(self._state, f"[{start},{stop}]\n".encode())
            self._ranges = merge_ranges([*self._ranges, (start, stop)])

    def read(self, offset: int, size: int) -> bytes:
        """Bytes that were received."""
        return os.pread(self._data, size, offset)

    @property
    def prefix(self) -> int:
        """The number of bytes received from the beginning of the file up to the first gap."""
        with self._lock:
            return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    @property
    def received(self) -> int:
        """The number of bytes received."""
        with self._lock:
            return _total(self._ranges)

    def missing(self, total: int, assigned: Iterable[Range] = ()) -> list[Range]:
        """The ranges of a file of ``total`` bytes that were neither received nor ``assigned`` to a connection."""
        with self._lock:
            ranges = merge_ranges([*self._ranges, *assigned])
        edges = pairwise([(0, 0), *ranges, (total, total)])
        return [(before[1], after[0]) for before, after in edges if before[1] < after[0]]

    def open(self) -> IO[bytes]:
        """The file, to be read."""
        return self._path.open("rb")

    def finish(self, target: Path) -> None:
        """Give the complete file its name. Its state remains until :func:`remove_state`."""
        rename_synced(self._path, target)

    def close(self) -> None:
        """Close the files, which remain."""
        with self._lock:
            self._closed = True
            os.close(self._data)
            os.close(self._state)

    def _check_open(self) -> None:
        # A connection may outlive an interrupted run; by then its file descriptor may belong to another file.
        if self._closed:
            raise ValueError("the file is closed")


def is_complete(path: Path, url: str) -> bool:
    """Whether ``path`` is the complete file from ``url``, whose state a killed run could not remove any more."""
    version, ranges = _read_state(_state_path(path))
    if version is None or version.url != url or _part_path(path).exists() or not path.is_file():
        return False
    return version.total == path.stat().st_size and ranges == [(0, version.total)]


def remove_state(path: Path) -> None:
    """Remove the state of a file that is complete and recorded elsewhere."""
    _state_path(path).unlink(missing_ok=True)


def bytes_received(path: Path) -> int:
    """The number of bytes of a file that earlier runs received, and from which another can go on."""
    part, (version, ranges) = _part_path(path), _read_state(_state_path(path))
    if version is None or not version.validator:
        return 0
    return _total(_clip(ranges, part.stat().st_size if part.exists() else 0))


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """Ranges in order, with those that touch or overlap merged.

    >>> merge_ranges([(4, 8), (0, 4), (10, 12), (11, 14)])
    [(0, 8), (10, 14)]
    """
    merged: list[Range] = []
    for start, stop in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _part_path(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _state_path(path: Path) -> Path:
    return path.with_name(path.name + ".part.state")


def _total(ranges: Iterable[Range]) -> int:
    return sum(stop - start for start, stop in ranges)


def _clip(ranges: Iterable[Range], size: int) -> list[Range]:
    """The parts of ranges that lie within a file: after a power failure it may be shorter than its state says."""
    return [(start, min(stop, size)) for start, stop in ranges if start < size]


def _read_state(state: Path) -> tuple[FileVersion | None, list[Range]]:
    try:
        lines = state.read_bytes().split(b"\n")
        version = FileVersion(**parse_json(lines[0]))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None, []
    texts = (version.url, version.etag, version.modified, version.path)
    if not all(isinstance(text, str) for text in texts) or not isinstance(version.total, int | None):
        return None, []
    ranges: list[Range] = []
    for line in lines[1:-1]:  # what follows the last newline was cut off
        with suppress(ValueError, TypeError):
            start, stop = map(int, parse_json(line))
            if 0 <= start < stop:
                ranges.append((start, stop))
    return version, merge_ranges(ranges)
