"""What a worker has to say to the driver, through one growing file on the file system that they share.

A file has one writer and is made of frames: eight bytes of length, then a pickle. A frame that a dying
writer left unfinished is never read. Each start of a job writes a file of its own.
"""

from __future__ import annotations

import os
import pickle
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import Done, Failed

_LENGTH = struct.Struct("<Q")
_TICK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Ticked:
    """So many items were done."""

    items: int


@dataclass(frozen=True, slots=True)
class Began:
    """A job began, or began anew after Slurm had put it back into the queue."""

    host: str
    job: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A job came to its end: nothing follows."""


Word = Ticked | Began | Ended | Done[Any] | Failed


class Writer:
    """Appends frames to a new file."""

    def __init__(self, path: Path) -> None:
        self._fd = path.open("xb")
        self._ticks, self._last = 0, time.monotonic()

    def put(self, word: Word) -> None:
        """Write a frame, and what ticks there are before it."""
        self.tick(0)
        self._put(word)
        os.fsync(self._fd.fileno())

    def tick(self, items: int) -> None:
        """Count items; they are written every so often, and at once when called with 0."""
        self._ticks += items
        if self._ticks and (not items or time.monotonic() - self._last > _TICK_SECONDS):
            self._put(Ticked(self._ticks))
            self._ticks, self._last = 0, time.monotonic()

    def _put(self, word: Word) -> None:
        data = pickle.dumps(word)
        self._fd.write(_LENGTH.pack(len(data)) + data)
        self._fd.flush()

    def close(self) -> None:
        """Close the file."""
        self._fd.close()


class Reader:
    """Reads the frames that were added to a file since the last time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def read(self) -> Iterator[Word]:
        """The new frames. The file is opened each time: on NFS, that is what shows the writes of another host."""
        with self.path.open("rb") as fd:
            size = os.fstat(fd.fileno()).st_size
            while size - self._offset >= _LENGTH.size:
                fd.seek(self._offset)
                (length,) = _LENGTH.unpack(fd.read(_LENGTH.size))
                if size - self._offset < _LENGTH.size + length:
                    return
                data = fd.read(length)
                self._offset += _LENGTH.size + length
                yield pickle.loads(data)  # noqa: S301 - written by our own workers inside OUT


def path_of(folder: Path, group: int, start: int) -> Path:
    """The file of the group's job, started for the nth time."""
    return folder / f"{group:06d}.{start}"


def said(folder: Path, group: int) -> list[Word]:
    """All that the group's jobs have said."""
    return [word for path in sorted(folder.glob(f"{group:06d}.*")) for word in Reader(path).read()]
