"""Messages from workers to the driver, through growing files on a shared file system.

A file has one writer and consists of frames: eight bytes of length, then a pickle. A frame that a dying writer left
unfinished is never read. Each start of a job writes a new file. See docs/decisions/slurm-streams.md.
"""

import os
import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import BufferedTick, Done, Failed

_LENGTH = struct.Struct("<Q")
# Progress is shown to people, and each frame is a write to a network file system.
_TICK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class JobStarted:
    """A job started, or started again after Slurm had requeued it."""

    host: str
    job: str


@dataclass(frozen=True, slots=True)
class JobFinished:
    """A job finished: this is its last message."""


Message = int | JobStarted | JobFinished | Done[Any] | Failed
"""A number of finished items, the start or end of a job, or the outcome of a task."""


class MessageWriter:
    """Appends messages to a new file.

    Attributes:
        tick: counts finished items, and sends their number now and then.

    Raises:
        FileExistsError: the file exists.
    """

    def __init__(self, path: Path) -> None:
        self._fd = path.open("xb")
        self.tick = BufferedTick(self._append, _TICK_SECONDS)

    def write(self, message: Message) -> None:
        """Append a message, after the items that were not sent yet, and sync the file."""
        self.tick.flush()
        self._append(message)
        os.fsync(self._fd.fileno())

    def _append(self, message: Message) -> None:
        data = pickle.dumps(message)
        self._fd.write(_LENGTH.pack(len(data)) + data)
        self._fd.flush()

    def close(self) -> None:
        """Close the file."""
        self._fd.close()


class MessageReader:
    """Reads the messages that were appended to a file since the last call."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def read(self) -> Iterator[Message]:
        """The new messages."""
        # NFS guarantees only to a file that is opened anew that it shows what another host has written.
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


def message_path(folder: Path, batch: int, start: int) -> Path:
    """The file that the job of a batch writes when it is started for the nth time, from 0."""
    return folder / f"{batch:06d}.{start}"


def read_all_messages(folder: Path, batch: int) -> list[Message]:
    """The messages of all starts of the job of a batch."""
    return [message for path in sorted(folder.glob(f"{batch:06d}.*")) for message in MessageReader(path).read()]
