"""A build that has nothing to do looks, reads next to nothing, and does not depend on what is written for people."""

from __future__ import annotations

import ctypes
import os
import shutil
import struct
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from helpers import cli, digests
from treeoflife.pipeline.discover import discover
from treeoflife.testing.world import draw_world

STAGES = ("encode", "mapping", "plan", "pack", "check-wds", "catalog", "check-taxa", "credits", "card", "checksums")
IN_OPEN, IN_CLOSE, IN_ISDIR, EVENT = 0x20, 0x18, 0x40000000, "iIII"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that is built."""
    folder = tmp_path_factory.mktemp("built")
    draw_world(folder / "world", natural=True)
    out = folder / "out"
    out.mkdir()
    (out / "dataset.toml").write_text(discover("original", folder / "world").text)
    done = cli("build", "--config", out)
    assert done.returncode == 0, done.stderr
    return out


@contextmanager
def opened(folders: list[Path]) -> Iterator[Counter[str]]:
    """How often each file in some folders is opened, whoever opens it."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.inotify_init1(os.O_NONBLOCK)
    assert fd >= 0
    # With its closing in between, a second opening is not dropped as a repetition of the first.
    watches = {libc.inotify_add_watch(fd, os.fsencode(one), IN_OPEN | IN_CLOSE): one for one in folders}
    counts: Counter[str] = Counter()
    yield counts
    size = struct.calcsize(EVENT)
    while events := _read(fd):
        while events:
            watch, mask, _, length = struct.unpack(EVENT, events[:size])
            name, events = events[size : size + length].rstrip(b"\0"), events[size + length :]
            if mask & IN_OPEN and not mask & IN_ISDIR:
                counts[str(watches[watch] / os.fsdecode(name))] += 1
    os.close(fd)


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 20)
    except BlockingIOError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_no_index_is_opened_more_than_once(built: Path) -> None:
    folders = sorted({path.parent for name in ("index", "encoded") for path in (built / name).rglob("*.parquet")})
    assert len(folders) >= 4
    for command in ("build", "status"):
        with opened(folders) as counts:
            done = cli(command, "--config", built)
        assert done.returncode == 0, done.stderr
        assert max(counts.values(), default=0) <= 1, (command, counts.most_common(3))


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_the_test_sees_what_is_opened(built: Path) -> None:
    index = next((built / "index").rglob("*.parquet"))
    with opened([index.parent]) as counts:
        index.read_bytes()
        index.read_bytes()
    assert counts == {str(index): 2}


def test_logs_decide_nothing(built: Path) -> None:
    before = digests(built)
    shutil.rmtree(built / "logs")
    status = cli("status", "--config", built).stdout
    assert "to do" not in status
    assert "waiting" not in status
    done = cli("build", "--config", built)
    assert done.returncode == 0
    assert not any(line.startswith(f"{stage}:") for line in done.stderr.splitlines() for stage in STAGES), done.stderr
    assert digests(built) == before


def test_what_comes_after_stale_work_is_shown_as_waiting(built: Path) -> None:
    config = (built / "dataset.toml").read_text()
    (built / "dataset.toml").write_text(config.replace("seed = 17", "seed = 18"))
    try:
        lines = {line.split()[0]: line for line in cli("status", "--config", built).stdout.splitlines()}
    finally:
        (built / "dataset.toml").write_text(config)
    assert "done" in lines["encode"].split()[1]
    assert "to do" in lines["splits"]
    assert "seed" in lines["splits"]
    for stage in ("metadata", "plan", "pack", "check-wds", "catalog", "check-taxa", "credits", "card", "checksums"):
        assert lines[stage].split()[1] == "waiting", lines[stage]


def test_without_records_the_same_is_made_again(built: Path) -> None:
    """Records may be lost with a disk: images are not encoded anew, and every file has the same bytes afterwards."""
    before = digests(built)
    shutil.rmtree(built / ".state")
    done = cli("build", "--config", built)
    assert done.returncode == 0, done.stderr
    assert "0 images encoded" in done.stderr
    assert digests(built) == before
