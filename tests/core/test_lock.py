"""One run at a time on a dataset."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from treeoflife.core import lock
from treeoflife.core.lock import Holder, exclusive_lock, read_holder
from treeoflife.engines.run_control import cancel_runs
from treeoflife.errors import BusyError

HOLD = """
import socket, sys, time
from pathlib import Path
from treeoflife.core.lock import exclusive_lock
if len(sys.argv) > 3:
    socket.sethostname(sys.argv[3])
with exclusive_lock(Path(sys.argv[1]), float(sys.argv[2])):
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def other_process(path: Path, host: str = "") -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", HOLD, str(path), "0.1" if host else "5"]
    words = ["unshare", "--uts", *words, host] if host else words
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()


def record(path: Path, **other: object) -> None:
    path.write_text(json.dumps({"host": "elsewhere", "pid": 7, "since": "2026-01-01T00:00:00+00:00", **other}))


def test_a_second_run_says_who_holds_the_lock_and_what_to_do(tmp_path: Path) -> None:
    """The message names host, process, start and the way out."""
    path = tmp_path / ".lock"
    with other_process(path) as process, pytest.raises(BusyError) as caught, exclusive_lock(path):
        pass
    message = str(caught.value)
    assert f"process {process.pid} on {socket.gethostname()}" in message
    assert "since 20" in message
    assert "treeoflife cancel" in message
    assert str(tmp_path) in message


def test_the_same_process_cannot_hold_it_twice(tmp_path: Path) -> None:
    """A lock within a lock is a second run as well."""
    with exclusive_lock(tmp_path / ".lock"), pytest.raises(BusyError), exclusive_lock(tmp_path / ".lock"):
        pass


def test_a_killed_holder_leaves_nothing_to_clean_up(tmp_path: Path) -> None:
    """After SIGKILL the next run starts at once, though the record of the dead one still stands."""
    path = tmp_path / ".lock"
    with other_process(path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert read_holder(path)
    with exclusive_lock(path):
        assert read_holder(path).pid == os.getpid()  # type: ignore[union-attr]


def test_the_record_is_empty_after_the_run(tmp_path: Path) -> None:
    """Nobody is on record when nobody runs, even if the run failed."""
    path = tmp_path / ".lock"
    with pytest.raises(ZeroDivisionError), exclusive_lock(path):
        _ = 1 // 0
    assert read_holder(path) is None


def test_a_living_run_of_another_host_is_detected_by_its_heartbeat(tmp_path: Path) -> None:
    """Where flock works on one host only."""
    path = tmp_path / ".lock"
    record(path)
    stop = threading.Event()

    def beat() -> None:
        count = 0
        while not stop.wait(0.05):
            count += 1
            record(path, beat=count)

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        with pytest.raises(BusyError, match="process 7 on elsewhere"), exclusive_lock(path, beat_seconds=0.5):
            pass
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="gives another host name, as root")
def test_cancel_ends_a_run_of_another_host(tmp_path: Path) -> None:
    """Whatever stage it is at, and whether or not it has jobs."""
    path = tmp_path / ".lock"
    with other_process(path, "elsewhere") as process:
        (message,) = cancel_runs(tmp_path / "jobs", path)
        assert f"asked process {process.pid} on elsewhere" in message
        assert process.wait(60) == -signal.SIGTERM
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_a_request_to_stop_ends_no_later_run(tmp_path: Path) -> None:
    """It names the process that it is for."""
    path = tmp_path / ".lock"
    record(path)
    former = read_holder(path)
    assert former
    path.unlink()
    with exclusive_lock(path, beat_seconds=0.02):
        lock.request_stop(path, former)
        before = _beat(path)
        deadline = time.monotonic() + 60
        while _beat(path) < before + 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _beat(path) >= before + 2


def test_a_run_of_another_host_without_heartbeat_is_dead(tmp_path: Path) -> None:
    """Its record is watched for a while, and then replaced."""
    path = tmp_path / ".lock"
    record(path, beat=3)
    with exclusive_lock(path, beat_seconds=0.05):
        assert read_holder(path).pid == os.getpid()  # type: ignore[union-attr]


def test_without_flock_a_living_process_of_this_host_is_detected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a mount that refuses flock, the record alone keeps two runs of one host apart."""
    path = tmp_path / ".lock"

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    with other_process(path):
        monkeypatch.setattr(lock.fcntl, "flock", refuse)
        with pytest.raises(BusyError), exclusive_lock(path, beat_seconds=0.05):
            pass
    with exclusive_lock(path, beat_seconds=0.05):
        assert read_holder(path)


def test_the_holder_sends_heartbeats(tmp_path: Path) -> None:
    """The count in the record grows."""
    path = tmp_path / ".lock"
    with exclusive_lock(path, beat_seconds=0.02):
        deadline = time.monotonic() + 60
        while _beat(path) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert _beat(path) >= 2


def _beat(path: Path) -> int:
    holder: Holder | None = read_holder(path)
    return holder.beat if holder else -1


ELSEWHERE = """
import fcntl, socket, sys, time
from pathlib import Path
from treeoflife.core.lock import exclusive_lock
from treeoflife.errors import BusyError

def refuse(*_):
    raise OSError(38, "Function not implemented")

socket.gethostname = lambda: "elsewhere"
fcntl.flock = refuse
out = Path(sys.argv[1])
try:
    with exclusive_lock(out / ".lock", float(sys.argv[2])):
        while True:
            (out / "written").write_text(str(time.monotonic_ns()))
            print("works", flush=True)
            time.sleep(600 if len(sys.argv) > 3 else 0.05)
except BusyError as error:
    print(error, flush=True)
"""
"""A run on another computer, on a file system without flock: it writes until it is told that it is alone no longer."""


@contextmanager
def run_elsewhere(out: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """Its process, once it works."""
    words = (sys.executable, "-c", ELSEWHERE, str(out), *words)
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "works\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has none."""

    def refuse(*_: object) -> None:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", refuse)


@pytest.mark.usefixtures("without_flock")
@pytest.mark.parametrize("words", [("0.1",), ("0.1", "sleeps")])
def test_a_run_that_was_paused_for_too_long_ends_when_it_goes_on(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It says so, writes nothing more, and leaves the lock to the run that has it."""
    with run_elsewhere(tmp_path, *words) as process:
        process.send_signal(signal.SIGSTOP)
        with exclusive_lock(tmp_path / ".lock", 0.1):
            ours = read_holder(tmp_path / ".lock")
            (tmp_path / "written").unlink()
            process.send_signal(signal.SIGCONT)
            said = process.communicate(timeout=60)[0]
            assert f"process {os.getpid()} on {socket.gethostname()}" in said
            assert "writes nothing more" in said
            assert not (tmp_path / "written").exists()
            now = read_holder(tmp_path / ".lock")
            assert ours
            assert now
            assert (now.pid, now.host, now.since) == (ours.pid, ours.host, ours.since)


@pytest.mark.usefixtures("without_flock")
def test_a_run_whose_successor_has_ended_ends_too(tmp_path: Path) -> None:
    """What it knows of the dataset is of earlier; the lock stays free."""
    with run_elsewhere(tmp_path, "0.1") as process:
        process.send_signal(signal.SIGSTOP)
        with exclusive_lock(tmp_path / ".lock", 0.1):
            pass
        process.send_signal(signal.SIGCONT)
        assert "has ended since" in process.communicate(timeout=60)[0]
        assert (tmp_path / ".lock").read_bytes() == b""


@pytest.mark.parametrize("replacement", [None, b"", b"[" * 100_000, b'{"host": 1, "pid": "x", "since": []}'])
def test_a_run_whose_lock_was_removed_or_replaced_ends(tmp_path: Path, replacement: bytes | None) -> None:
    """Another could begin at once; without a signal, the heartbeat notices."""
    path = tmp_path / ".lock"
    with run_elsewhere(tmp_path, "0.1", "sleeps") as process:
        path.unlink()
        if replacement is not None:
            path.write_bytes(replacement)
        assert "somebody removed the lock" in process.communicate(timeout=60)[0]
        assert (path.read_bytes() if path.exists() else None) == replacement


@pytest.mark.usefixtures("without_flock")
def test_a_short_pause_ends_nothing(tmp_path: Path) -> None:
    """A run that is continued while the lock is still its own goes on."""
    with run_elsewhere(tmp_path, "0.1") as process:
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGCONT)
        before = _beat(tmp_path / ".lock")
        deadline = time.monotonic() + 60
        while _beat(tmp_path / ".lock") < before + 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.poll() is None
