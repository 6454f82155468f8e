"""A file is whole or absent; a changed file has another fingerprint."""

from __future__ import annotations

import errno
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.files import (
    fingerprint,
    is_temporary,
    remove_leftovers,
    replacing,
    write_json,
    write_text,
)
from treeoflife.core.json_reader import read_json


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
    (left,) = (one for one in tmp_path.iterdir() if one != path)
    assert is_temporary(left.name)
    assert remove_leftovers([tmp_path]) == 1
    assert list(tmp_path.iterdir()) == [path]


HOST = socket.gethostname()[:40]
NEVER = 4_100_000  # more than the kernel gives to a process


@pytest.mark.parametrize(
    "name",
    [
        "my.writing-thesis.txt",
        "oak.writing-desk.jpg",
        f"a.txt.writing-{HOST}-{NEVER}",
        f"a.txt.writing-{HOST}-{NEVER}-0A1B2C3D",
        f"a.txt.writing-{HOST}-{NEVER}-0a1b2c3d.bak",
        f"a.txt.writing-{NEVER}-0a1b2c3d",
        f".writing-{HOST}-{NEVER}-0a1b2c3d",
    ],
)
def test_a_name_that_only_resembles_one_of_ours_is_left_alone(tmp_path: Path, name: str) -> None:
    """Whoever wrote it: it is not known to be a leftover."""
    (tmp_path / name).write_text("mine")
    assert remove_leftovers([tmp_path], [tmp_path / "a.txt"]) == 0
    assert (tmp_path / name).read_text() == "mine"


def test_links_and_folders_that_are_named_as_leftovers_are_left_alone(tmp_path: Path) -> None:
    """This program makes neither; behind a link may be anything."""
    mine = tmp_path / "thesis.txt"
    mine.write_text("mine")
    link, folder = (tmp_path / f"a.txt.writing-{HOST}-{NEVER}-{end}" for end in ("0a1b2c3d", "1a1b2c3d"))
    link.symlink_to(mine)
    folder.mkdir()
    assert remove_leftovers([tmp_path], [tmp_path / "a.txt"]) == 0
    assert link.is_symlink()
    assert folder.is_dir()


def test_what_a_living_process_writes_is_left_alone(tmp_path: Path) -> None:
    """Until it ends; of another process that got the same number since, a file of earlier times says so."""
    code = (
        "import sys, time; from pathlib import Path; from treeoflife.core.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as t: t.write_text('half'); print(t, flush=True); time.sleep(600)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, tmp_path / "a"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        temporary = Path(process.stdout.readline().strip())
        assert remove_leftovers([tmp_path]) == 0
        assert temporary.exists()
        os.utime(temporary, (10**9, 10**9))  # long before the process of this number began
        assert remove_leftovers([tmp_path]) == 1
        temporary.write_text("half")
    finally:
        process.kill()
        process.wait()
    assert remove_leftovers([tmp_path]) == 1


def test_in_a_folder_of_anything_only_leftovers_of_named_files_go(tmp_path: Path) -> None:
    """And nothing below it; in a folder of the dataset's own, everything that bears such a name, at any depth."""
    ours, theirs = (tmp_path / f"{name}.writing-{HOST}-{NEVER}-0a1b2c3d" for name in ("SHA256SUMS", "notes.txt"))
    below = tmp_path / "photos" / ours.name
    below.parent.mkdir()
    for path in (ours, theirs, below):
        path.write_text("half")
    assert remove_leftovers([], [tmp_path / "SHA256SUMS"]) == 1
    assert not ours.exists()
    assert theirs.exists()
    assert remove_leftovers([tmp_path / "photos"]) == 1


def test_leftovers_of_another_host_go_since_the_lock_is_held(tmp_path: Path) -> None:
    """A task that was killed on a node of a cluster leaves them."""
    (tmp_path / "a.tar.writing-node-7.cluster-4711-0a1b2c3d").write_text("half")
    assert remove_leftovers([tmp_path]) == 1


def test_another_dataset_below_keeps_its_own(tmp_path: Path) -> None:
    """Its run has a lock of its own."""
    other = tmp_path / "reports" / "other"
    other.mkdir(parents=True)
    (other / "dataset.toml").touch()
    left = other / "metadata" / "names.parquet.writing-node-4711-0a1b2c3d"
    left.parent.mkdir()
    left.touch()
    assert remove_leftovers([tmp_path / "reports"]) == 0
    assert left.exists()


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
