"""A file is whole or absent; a changed file has another fingerprint."""

from __future__ import annotations

import errno
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
    write_json,
    write_text,
)


def test_a_failed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    """And nothing else."""
    path = tmp_path / "deep" / "a.txt"
    write_text(path, "old")
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:
        temporary.write_text("half" * (1 // 0))
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_a_full_disk_is_reported_in_the_words_of_the_system(tmp_path: Path) -> None:
    """Not in those of Polars, which calls it a file out of specification."""
    path, before = tmp_path / "a.parquet", resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, before[1]))
    try:
        with pytest.raises(OSError, match="too large") as caught, replacing(path):
            raise pl.exceptions.ComputeError("transport error")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == errno.EFBIG
    assert not list(tmp_path.iterdir())


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    """What it began is removed by the next run."""
    path = tmp_path / "a.txt"
    write_text(path, "old")
    code = (
        "import os, sys; from pathlib import Path; from treeoflife.core.files import replacing\n"
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
    with replacing(path) as first, replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"


def test_absent_or_damaged_json_reads_as_none(tmp_path: Path) -> None:
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
