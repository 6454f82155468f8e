"""A file is whole or absent, and is known again."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.files import (
    TEMPORARY,
    fingerprint,
    read_json,
    remove_leftovers,
    replacing,
    sha256,
    stamp,
    write_json,
    write_text,
)
from treeoflife.core.hash_cache import HashCache


def test_a_failed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    """And nothing else."""
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half" * (1 // 0))
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_library_that_cannot_write_is_heard_by_what_the_system_says(tmp_path: Path) -> None:
    """Polars calls a full disk a file out of specification."""
    path, before = tmp_path / "a.parquet", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as found, replacing(path):
            raise pl.exceptions.ComputeError("transport error")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert found.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


def test_a_killed_writer_leaves_what_was_there(tmp_path: Path) -> None:
    """What it began is removed by the next run."""
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import os, sys; from pathlib import Path; from treeoflife.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as t: t.write_text('half'); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    assert path.read_text() == "old"
    assert len(list(tmp_path.glob(f"*{TEMPORARY}*"))) == 1
    assert remove_leftovers(tmp_path) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_share_a_temporary_file(tmp_path: Path) -> None:
    """The last to finish has it."""
    path = tmp_path / "a.txt"
    with replacing(path) as one, replacing(path) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"


def test_json_that_is_none_is_nothing(tmp_path: Path) -> None:
    """Absent, cut short or not UTF-8."""
    path = tmp_path / "a.json"
    assert read_json(path) is None
    path.write_bytes(b'{"a": ')
    assert read_json(path) is None
    path.write_bytes(b"\xff\xfe")
    assert read_json(path) is None
    write_json(path, {"ü": [1]})
    assert read_json(path) == {"ü": [1]}


def test_fingerprints_do_not_depend_on_the_order_of_keys() -> None:
    """But on every value."""
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})


def test_a_known_file_is_hashed_again_when_it_changed(tmp_path: Path) -> None:
    """By size, time or inode: a name alone is never trusted."""
    path, known = tmp_path / "a", HashCache(tmp_path / "known.sqlite")
    path.write_bytes(b"one")
    assert known.sha256(path) == sha256(path)
    path.write_bytes(b"two")
    assert known.sha256(path) == sha256(path)
    when = path.stat().st_mtime_ns
    other = tmp_path / "b"
    other.write_bytes(b"six")
    os.utime(other, ns=(when, when))
    before = stamp(path)
    other.replace(path)
    assert stamp(path) != before
    assert known.sha256(path) == sha256(path)
    known.close()


def test_a_known_file_is_not_hashed_twice(tmp_path: Path) -> None:
    """What is on record is used, also by the next run."""
    path = tmp_path / "a"
    path.write_bytes(b"one")
    known = HashCache(tmp_path / "known.sqlite")
    known.remember(str(path), stamp(path), "on record")
    known.close()
    again = HashCache(tmp_path / "known.sqlite")
    assert again.sha256(path) == "on record"
    again.close()


def test_a_damaged_record_is_begun_anew(tmp_path: Path) -> None:
    """It is a cache."""
    (tmp_path / "known.sqlite").write_bytes(b"rubbish" * 1000)
    known = HashCache(tmp_path / "known.sqlite")
    assert known.recall("a", "b") is None
    known.close()
