"""One run at a time on a dataset, on one computer or on many that share a file system.

It combines two mechanisms, since neither is enough. ``flock`` is released when its process ends, in whatever way, and
on most shared file systems it works across hosts; but on some (Lustre with ``localflock``, mounts that refuse locks) it
works on one host only, or not at all. So the holder also writes a record of itself into the file, with a heartbeat: a
count that grows every few seconds. A run that finds the record of another host watches it: if the count grows, that
run is alive; if not, it is dead. Clocks are never compared, since those of two hosts differ.

A holder that was paused for longer than that (a stopped process, a virtual machine that was suspended) may find that
another run has taken over. It looks before every heartbeat, and when it is continued, and ends.

To stop a run on another computer, a request is written to a file beside the lock; its holder reads that at each beat.
"""

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

from ..errors import BusyError, InputError
from .files import is_no_file
from .json_reader import UnreadableError, read_json_file
from .system import boot_id, start_ticks

BEAT_SECONDS = 5.0
"""Time between heartbeats: rare enough to cost a shared file system nothing."""
_MAX_RECORD_BYTES = 1 << 16
_WATCH_BEATS = 4  # a network file system may show a change seconds late, and a busy holder may miss a heartbeat
FLOCK_UNSUPPORTED = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds the lock of a dataset."""

    host: str  # the name of its computer
    pid: int  # its process id there
    since: str  # when it took the lock, as an ISO 8601 time in UTC
    job: str = ""  # its Slurm job id
    birth: str = ""  # its boot and start time, which distinguish it from a later process with the same pid
    beat: int = 0  # the number of heartbeats so far

    def __str__(self) -> str:
        job = f" (Slurm job {self.job})" if self.job else ""
        return f"process {self.pid} on {self.host}{job}, since {self.since}"

    def is_here(self) -> bool:
        """Whether it is, or was, a process of this computer since the last boot."""
        boot = _birth(os.getpid()).partition(":")[0]
        return self.host == socket.gethostname() and self.birth.partition(":")[0] == boot

    def is_alive_here(self) -> bool:
        """Whether it is a process of this computer that still runs."""
        return self.is_here() and bool(self.birth) and _birth(self.pid) == self.birth


def read_holder(path: Path) -> Holder | None:
    """The holder on record in the lock at ``path``, or None. The record of a killed run remains until the next run."""
    if is_no_file(path):
        return None
    try:
        holder = Holder(**read_json_file(path, _MAX_RECORD_BYTES))
    except (FileNotFoundError, UnreadableError, TypeError):
        return None
    types = {"host": str, "pid": int, "since": str, "job": str, "birth": str, "beat": int}
    return holder if all(isinstance(getattr(holder, name), kind) for name, kind in types.items()) else None


def request_stop(path: Path, target: Holder) -> None:
    """Ask ``target``, which holds the lock at ``path`` on another computer, to end; it does within two heartbeats."""
    _request_path(path).write_text(json.dumps(asdict(replace(target, beat=0))), encoding="utf-8")


class Hold:
    """An exclusive lock that this process has taken."""

    def __init__(self, fd: int, path: Path, own: Holder) -> None:
        self._fd, self._path, self._own = fd, path, own

    def is_lost(self) -> bool:
        """Whether the record in the lock is that of another run by now, or is gone."""
        current = read_holder(self._path)
        return current is None or replace(current, beat=0) != replace(self._own, beat=0)

    def check(self) -> None:
        """Check that the lock is still held; call it before anything is written that another run must not find.

        Raises:
            BusyError: another run has taken over.
        """
        if self.is_lost():
            other = read_holder(self._path)
            raise BusyError(
                f"this run was paused for so long that the lock of {self._path.parent} went to another run: "
                f"{other or 'one that has ended since, or somebody removed the lock'}. This run ends and writes "
                "nothing more; once no other runs, the same command goes on"
            )

    def send_heartbeat(self) -> None:
        """Show other hosts that this run is alive, unless one of them has taken over."""
        if not self.is_lost():
            self._own = replace(self._own, beat=self._own.beat + 1)
            _write(self._fd, self._own)

    def obey_request(self) -> None:
        """End this process if another computer asks for it."""
        request = _request_path(self._path)
        # Listing the folder makes NFS show new files of other hosts at once; a lookup by name may be cached.
        if request in self._path.parent.iterdir() and read_holder(request) == replace(self._own, beat=0):
            request.unlink(missing_ok=True)
            os.kill(os.getpid(), signal.SIGTERM)

    def release(self) -> None:
        """Empty the lock, unless it is another's."""
        if not self.is_lost():
            os.ftruncate(self._fd, 0)


@contextmanager
def exclusive_lock(path: Path, beat_seconds: float = BEAT_SECONDS) -> Iterator[Hold]:
    """Hold the lock at ``path``. A holder that was killed does not hold it any longer.

    The file remains, empty, when nobody holds the lock. The time between heartbeats must be the same for all runs. If
    this process finds that another run has taken over, a BusyError is raised in the main thread wherever it is.

    Raises:
        BusyError: another run holds it; the message names that run.
        InputError: a pipe or a folder is in its place.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), ".lock")
    >>> with exclusive_lock(path):
    ...     read_holder(path).pid == os.getpid()
    True
    """
    with _lock_file(path, fcntl.LOCK_EX, beat_seconds) as (fd, has_flock):
        own = _own_record()
        _write(fd, own)
        _request_path(path).unlink(missing_ok=True)
        if not has_flock:  # another run may have written its record at the same moment: the later writer has the lock
            time.sleep(beat_seconds)
            if (current := read_holder(path)) != own:
                raise BusyError(_message(path, current))
        hold, stop = Hold(fd, path, own), threading.Event()
        heartbeat = threading.Thread(target=_send_heartbeats, args=(hold, beat_seconds, stop), daemon=True)
        heartbeat.start()
        try:
            with _checked_when_continued(hold):
                yield hold
        finally:
            stop.set()
            heartbeat.join()
            hold.release()


@contextmanager
def _checked_when_continued(hold: Hold) -> Iterator[None]:
    """Check the lock at each SIGCONT: the system sends it to a process that was stopped, and the heartbeat to this one.

    Python runs a signal's handler before anything else that the main thread does next.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGCONT, lambda *_: hold.check())
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before or signal.SIG_DFL)


def _send_heartbeats(hold: Hold, seconds: float, stop: threading.Event) -> None:
    while not stop.wait(seconds):
        with suppress(OSError):  # a file system that fails for a moment must not end the heartbeat
            if hold.is_lost():
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGCONT)
            hold.send_heartbeat()
            hold.obey_request()


@contextmanager
def shared_lock(path: Path, beat_seconds: float = BEAT_SECONDS) -> Iterator[None]:
    """Hold the lock at ``path`` together with others that share it; no run can hold it exclusively meanwhile.

    Raises:
        BusyError: a run holds it exclusively.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), ".lock")
    >>> with shared_lock(path), shared_lock(path), exclusive_lock(path):
    ...     pass
    Traceback (most recent call last):
    treeoflife.errors.BusyError: another run works on ...
    """
    with _lock_file(path, fcntl.LOCK_SH, beat_seconds):
        yield


@contextmanager
def _lock_file(path: Path, mode: int, beat_seconds: float) -> Iterator[tuple[int, bool]]:
    """The open lock file, after any other holder was found dead, and whether the file system supports flock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if is_no_file(path):
        raise InputError(f"the lock {path} is no file, but a folder, a pipe or the like: move it away")
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        has_flock = _flock(fd, path, mode)
        _check_holder_is_dead(path, has_flock, beat_seconds)
        yield fd, has_flock
    finally:
        os.close(fd)


def _flock(fd: int, path: Path, mode: int) -> bool:
    """Take the lock of the file system; False if it supports none."""
    try:
        fcntl.flock(fd, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BusyError(_message(path, read_holder(path))) from None
    except OSError as error:
        if error.errno in FLOCK_UNSUPPORTED:
            return False
        raise
    return True


def _check_holder_is_dead(path: Path, has_flock: bool, beat_seconds: float) -> None:
    """Return once the process on record is certainly dead, else raise; watching another host's takes 20 seconds."""
    if (recorded := read_holder(path)) is None:
        return
    if recorded.is_here():
        # On one host flock is decisive: a living holder would have kept it.
        if not has_flock and recorded.is_alive_here():
            raise BusyError(_message(path, recorded))
        return
    end = time.monotonic() + _WATCH_BEATS * beat_seconds
    while time.monotonic() < end:
        time.sleep(beat_seconds / 2)
        if (current := read_holder(path)) and current != recorded:
            raise BusyError(_message(path, current))


def _request_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.stop")


def _write(fd: int, record: Holder) -> None:
    data = json.dumps(asdict(record)).encode()
    os.pwrite(fd, data, 0)
    os.ftruncate(fd, len(data))


def _own_record() -> Holder:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    job = os.environ.get("SLURM_JOB_ID", "")
    return Holder(socket.gethostname(), os.getpid(), since, job, _birth(os.getpid()))


def _birth(pid: int) -> str:
    """The id of the current boot and the start of a process in clock ticks since then; empty if unknown."""
    boot, ticks = boot_id(), start_ticks(pid)
    return f"{boot}:{ticks}" if boot and ticks is not None else ""


def _message(path: Path, other: Holder | None) -> str:
    name = str(other) if other else "one that has not recorded itself yet, or scripts of 'treeoflife export-slurm'"
    return (
        f"another run works on {path.parent}: {name}. "
        "Wait for it, or end it with 'treeoflife cancel'; after a run that was killed there is nothing to clean up"
    )
