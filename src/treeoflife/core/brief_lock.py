"""A lock that is held for moments: while a small file that several programs change is read and replaced.

Unlike the lock of a dataset (:mod:`.lock`), whoever finds it held waits. Nothing has to be cleaned up after a holder
that was killed.
"""

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import BusyError
from .lock import FLOCK_UNSUPPORTED

_POLL_SECONDS = 0.01
# Where the file system knows no locks, threads of one process are kept apart all the same.
_OF_THREADS = threading.Lock()


@contextmanager
def brief_lock(path: Path, patience: float = 30.0) -> Iterator[None]:
    """Hold the lock in the file ``path``, which is made if it is not there and remains.

    It holds between threads and processes, and between hosts where the file system supports ``flock``.

    Args:
        patience: seconds to wait for another holder.

    Raises:
        BusyError: another program held it all the time.
        OSError: the file cannot be made, as on a read-only disk.

    >>> import tempfile
    >>> with brief_lock(Path(tempfile.mkdtemp(), ".lock.marks")):
    ...     pass
    """
    if not _OF_THREADS.acquire(timeout=patience):
        raise BusyError(_message(path, patience))
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            _flock(fd, path, patience)
            yield
        finally:
            os.close(fd)  # releases the lock
    finally:
        _OF_THREADS.release()


def _flock(fd: int, path: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                raise BusyError(_message(path, patience)) from None
        except OSError as error:
            if error.errno in FLOCK_UNSUPPORTED:
                return None
            raise
        time.sleep(_POLL_SECONDS)


def _message(path: Path, patience: float) -> str:
    return f"another program has held {path} for {patience:.0f} seconds; try again when it has finished"
