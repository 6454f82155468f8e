"""A file that is being fetched: ``FILE.part`` with its bytes, and ``FILE.part.state`` saying which of them are there.

The record is a line per piece of the file, written after the bytes are on disk, so a process that is killed at any
moment leaves a record that is true. A last line that was cut off is not counted.
"""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

SUFFIX = ".part"
STATE = ".part.state"


@dataclass(frozen=True)
class Identity:
    """What tells one version of a file on a server from another.

    Attributes:
        url: where it was asked for.
        total: its length; None if the server does not say.
        etag: its entity tag, as sent; empty without.
        modified: when the server says it was changed; empty without.
    """

    url: str
    total: int | None
    etag: str = ""
    modified: str = ""

    @property
    def validator(self) -> str:
        """What an If-Range header may hold: a strong entity tag, or else the date; empty without either."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def same_file(self, other: Identity) -> bool:
        """Whether both can be the same bytes: equal lengths and tags, as far as both are known."""
        pairs = ((self.total, other.total), (self.etag, other.etag), (self.modified, other.modified))
        return all(mine == theirs for mine, theirs in pairs if mine not in (None, "") and theirs not in (None, ""))


class Part:
    """The bytes of ``path`` that are there so far. Its methods may be called by several threads."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + SUFFIX)
        self.state = path.with_name(path.name + STATE)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock, self._closed = threading.Lock(), False
        self.identity, self._done = _read(self.state)
        self._data = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
        self._clip()
        self._log = os.open(self.state, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def _clip(self) -> None:
        """Bytes that the record speaks of and the file lacks are not there."""
        size = os.fstat(self._data).st_size
        self._done = [(start, min(stop, size)) for start, stop in self._done if start < size]

    def reset(self, identity: Identity | None) -> None:
        """Begin anew, with what may be another version of the file."""
        with self._lock:
            os.ftruncate(self._log, 0)
            os.ftruncate(self._data, 0)
            self._done, self.identity = [], identity
            if identity:
                os.write(self._log, json.dumps(asdict(identity)).encode() + b"\n")

    def write(self, offset: int, data: bytes) -> None:
        """Put bytes in their place. They count once they are recorded."""
        view = memoryview(data)
        with self._lock:
            self._usable()
            while view:
                written = os.pwrite(self._data, view, offset)
                view, offset = view[written:], offset + written

    def record(self, start: int, stop: int) -> None:
        """Put on record that the bytes from ``start`` up to ``stop`` are there."""
        _flush(self._data)
        with self._lock:
            self._usable()
            os.write(self._log, f"[{start},{stop}]\n".encode())
            self._done = merged([*self._done, (start, stop)])

    def read(self, offset: int, size: int) -> bytes:
        """Bytes that are there."""
        return os.pread(self._data, size, offset)

    @property
    def prefix(self) -> int:
        """How many bytes are there from the beginning on without a gap."""
        with self._lock:
            return self._done[0][1] if self._done and self._done[0][0] == 0 else 0

    @property
    def received(self) -> int:
        """How many bytes are there."""
        with self._lock:
            return sum(stop - start for start, stop in self._done)

    def missing(self, total: int) -> list[tuple[int, int]]:
        """The gaps, up to the length ``total``."""
        with self._lock:
            edges = [(0, 0), *self._done, (total, total)]
        return [(before[1], after[0]) for before, after in pairwise(edges) if before[1] < after[0]]

    def finish(self, target: Path) -> None:
        """Give the whole file its name. The record stays until :func:`forget`."""
        os.fsync(self._data)
        self.path.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def close(self) -> None:
        """Close the files; what is there stays."""
        with self._lock:
            self._closed = True
            os.close(self._data)
            os.close(self._log)

    def _usable(self) -> None:
        """A connection that outlives an interrupted run must not write into whatever has the file's number then."""
        if self._closed:
            raise ValueError("the file is closed")


def _flush(fd: int) -> None:
    (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(fd)


def finished(path: Path) -> bool:
    """Whether ``path`` is what its record speaks of: a run was killed after it gave the file its name."""
    state, bytes_ = path.with_name(path.name + STATE), path.with_name(path.name + SUFFIX)
    identity, done = _read(state)
    if identity is None or bytes_.exists() or not path.is_file():
        return False
    return identity.total == path.stat().st_size and done == [(0, identity.total)]


def forget(path: Path) -> None:
    """Remove the record of a file that is whole and on record elsewhere."""
    path.with_name(path.name + STATE).unlink(missing_ok=True)


def there(path: Path) -> int:
    """How many bytes of a file are there from an earlier run."""
    part = path.with_name(path.name + SUFFIX)
    size = part.stat().st_size if part.exists() else 0
    return sum(max(0, min(stop, size) - start) for start, stop in _read(path.with_name(path.name + STATE))[1])


def merged(pieces: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The pieces in order, those that touch or overlap as one.

    >>> merged([(4, 8), (0, 4), (10, 12), (11, 14)])
    [(0, 8), (10, 14)]
    """
    found: list[tuple[int, int]] = []
    for start, stop in sorted(pieces):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def _read(state: Path) -> tuple[Identity | None, list[tuple[int, int]]]:
    try:
        lines = state.read_bytes().split(b"\n")
        identity = Identity(**json.loads(lines[0]))
    except (OSError, ValueError, TypeError):
        return None, []
    pieces: list[tuple[int, int]] = []
    for line in lines[1:-1]:
        with suppress(ValueError, TypeError):
            start, stop = json.loads(line)
            pieces.append((int(start), int(stop)))
    return identity, merged(pieces)
