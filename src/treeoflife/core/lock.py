"""One run at a time on a dataset, on one computer or on many that share a file system.

Two means, since neither is enough. ``flock`` ends with the process that holds it, however it ends, and
over most shared file systems it holds between hosts; but some (Lustre with ``localflock``, and mounts
that refuse locks) hold it for one host alone, or not at all. So the holder also writes who it is into
the file, with a count that grows every few seconds. Whoever finds the record of another host watches
it: a count that grows is a living run, a count that stands still is a dead one. No clocks are compared.

A run on another computer is ended by a request in a file beside the lock, which its holder looks for at every count.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..errors import BusyError

BEAT_SECONDS = 5.0
WATCH_BEATS = 4
_NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works on a dataset.

    Attributes:
        host: the computer's name.
        pid: the process there.
        since: when it began, UTC.
        job: its Slurm job, if it runs in one.
        birth: what tells this process from another with the same pid.
        beat: grows while the process lives.
    """

    host: str
    pid: int
    since: str
    job: str = ""
    birth: str = ""
    beat: int = 0

    def __str__(self) -> str:
        job = f" (Slurm job {self.job})" if self.job else ""
        return f"process {self.pid} on {self.host}{job}, since {self.since}"

    def here(self) -> bool:
        """Whether it is, or was, a process of this computer since it was last started."""
        boot = _birth(os.getpid()).partition(":")[0]
        return self.host == socket.gethostname() and self.birth.partition(":")[0] == boot

    def alive_here(self) -> bool:
        """Whether it is a living process of this computer."""
        return self.here() and bool(self.birth) and _birth(self.pid) == self.birth


def holder(path: Path) -> Holder | None:
    """Who is on record in the lock at ``path``; the record of a killed run stands until the next run."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def ask_to_stop(path: Path, found: Holder) -> None:
    """Ask a process on another computer to end, which holds the lock at ``path``; it does within two beats."""
    _request(path).write_text(json.dumps(asdict(replace(found, beat=0))), encoding="utf-8")


@contextmanager
def locked(path: Path, beat_seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """Hold the lock at ``path``, or say who holds it. A killed holder does not hold it any longer.

    Args:
        path: a file that stays there, empty, when nobody holds the lock.
        beat_seconds: how often the holder shows that it lives; the same for all runs.

    Raises:
        BusyError: another run holds it.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), ".lock")
    >>> with locked(path):
    ...     holder(path).pid == os.getpid()
    True
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    stop = threading.Event()
    try:
        certain = _flock(fd, path)
        _outwait(path, certain, beat_seconds)
        me = _myself()
        _write(fd, me)
        _request(path).unlink(missing_ok=True)
        if not certain:
            _confirm(path, me, beat_seconds)
        beats = threading.Thread(target=_beat, args=(fd, path, me, beat_seconds, stop), daemon=True)
        beats.start()
        try:
            yield
        finally:
            stop.set()
            beats.join()
            os.ftruncate(fd, 0)
    finally:
        os.close(fd)


@contextmanager
def shared(path: Path, beat_seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """Hold the lock at ``path`` together with others that share it. Nobody can have it alone meanwhile.

    Raises:
        BusyError: somebody has it alone.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), ".lock")
    >>> with shared(path), shared(path), locked(path):
    ...     pass
    Traceback (most recent call last):
    treeoflife.errors.BusyError: another run works on ...
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _outwait(path, _flock(fd, path, fcntl.LOCK_SH), beat_seconds)
        yield
    finally:
        os.close(fd)


def _flock(fd: int, path: Path, how: int = fcntl.LOCK_EX) -> bool:
    """Take the lock of the file system; False where it has none."""
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(_message(path, holder(path))) from None
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return False
        raise
    return True


def _outwait(path: Path, certain: bool, beat_seconds: float) -> None:
    """Return once it is sure that the process on record is dead.

    Raises:
        BusyError: it lives.
    """
    found = holder(path)
    if found is None:
        return
    if found.here():
        if not certain and found.alive_here():
            raise BusyError(_message(path, found))
        return
    end = time.monotonic() + WATCH_BEATS * beat_seconds
    while time.monotonic() < end:
        time.sleep(beat_seconds / 2)
        now = holder(path)
        if now is not None and now != found:
            raise BusyError(_message(path, now))


def _confirm(path: Path, me: Holder, beat_seconds: float) -> None:
    """Without locks, of two that write at the same moment the later one has it."""
    time.sleep(beat_seconds)
    now = holder(path)
    if now != me:
        raise BusyError(_message(path, now))


def _beat(fd: int, path: Path, me: Holder, seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        me = replace(me, beat=me.beat + 1)
        with suppress(OSError):
            _write(fd, me)
            _obey(path, me)


def _obey(path: Path, me: Holder) -> None:
    """End this process if it is asked to. On NFS, to list a folder is what shows the files of other hosts at once."""
    request = _request(path)
    if request in path.parent.iterdir() and holder(request) == replace(me, beat=0):
        request.unlink(missing_ok=True)
        os.kill(os.getpid(), signal.SIGTERM)


def _request(path: Path) -> Path:
    return path.with_name(f"{path.name}.stop")


def _write(fd: int, record: Holder) -> None:
    data = json.dumps(asdict(record)).encode()
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def _myself() -> Holder:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    job = os.environ.get("SLURM_JOB_ID", "")
    return Holder(socket.gethostname(), os.getpid(), now, job, _birth(os.getpid()))


def _birth(pid: int) -> str:
    """When a process of this computer began, in the kernel's count since boot, and which boot; empty if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[19]}"
    except OSError:
        return ""


def _message(path: Path, found: Holder | None) -> str:
    who = str(found) if found else "one that has not said who it is, or scripts of 'treeoflife export-slurm'"
    return (
        f"another run works on {path.parent}: {who}. "
        "Wait for it, or end it with 'treeoflife cancel'; a run that was killed needs no clearing away"
    )
