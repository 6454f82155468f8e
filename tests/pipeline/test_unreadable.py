"""What cannot be read is no sign that it was never made: an error of the disk ends a command."""

from __future__ import annotations

import errno
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from helpers import cli, sentence
from treeoflife.core import hash_cache
from treeoflife.core.files import exists, sha256
from treeoflife.core.hash_cache import HashCache
from treeoflife.core.json_reader import read_json
from treeoflife.core.parquet_meta import read_meta
from treeoflife.core.sqlite_files import read_rows, system_error
from treeoflife.engines.run_folder import RunFolder
from treeoflife.pipeline.opening import inspecting
from treeoflife.pipeline.stage_records import StageRecords
from treeoflife.pipeline.workspace import open_workspace

SHIM = Path(__file__).parents[1] / "faults" / "shim.c"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes reads of one file fail."""
    if not shutil.which("gcc"):
        pytest.skip("no compiler")
    path = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", path, SHIM, "-ldl"], check=True)
    return path


def test_an_index_that_cannot_be_read_ends_a_build(build_copy: Path, shim: Path) -> None:
    """Terabytes would be encoded again for one bad sector; read again later, there is nothing to do."""
    index = next((build_copy / "encoded").rglob("*.parquet"))
    shutil.rmtree(build_copy / ".state")
    (build_copy / ".known.sqlite").unlink()
    before = index.stat().st_ino
    faults = {"LD_PRELOAD": str(shim), "FAULT_FILE": str(index), "FAULT_BYTE": "0"}
    for command in ("build", "wds"):
        sentence(cli(command, "--config", build_copy / "dataset.toml", **faults), "input/output error", str(index))
    assert index.stat().st_ino == before
    done = cli("build", "--config", build_copy / "dataset.toml")
    assert "0 images encoded" in done.stderr, done.stderr
    assert index.stat().st_ino == before


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path)


READERS: tuple[Callable[[Path], object], ...] = (
    read_meta,
    read_json,
    sha256,
    lambda path: read_rows(path, "SELECT name FROM known"),
    lambda path: StageRecords(path, writable=False),
    StageRecords,
)


@pytest.mark.parametrize("make", [_folder, _loop])
@pytest.mark.parametrize("read", READERS)
def test_only_what_is_not_there_reads_as_not_made(
    tmp_path: Path, read: Callable[[Path], object], make: Callable[[Path], None]
) -> None:
    """A folder or a loop of links in its place is an error that names it."""
    path = tmp_path / "file"
    make(path)
    with pytest.raises(OSError, match="file") as caught:
        read(path)
    assert caught.value.errno in (errno.EISDIR, errno.ELOOP, errno.EACCES, errno.EIO)


def test_what_is_not_there_or_damaged_reads_as_not_made(tmp_path: Path) -> None:
    """Also below a file that is where its folder should be."""
    (tmp_path / "file").write_bytes(b"junk" * 100)
    for path in (tmp_path / "none", tmp_path / "file", tmp_path / "file" / "below"):
        assert read_meta(path) is None
        assert read_json(path) is None
        assert read_rows(path, "SELECT name FROM known") == []
    assert not exists(tmp_path / "file" / "below")
    _loop(tmp_path / "loop")
    with pytest.raises(OSError, match="loop"):
        exists(tmp_path / "loop")


def test_a_run_that_cannot_be_read_is_not_taken_for_one_without_jobs(tmp_path: Path) -> None:
    """Its jobs would go on beside those of the next run."""
    (tmp_path / "run.json").mkdir()
    with pytest.raises(IsADirectoryError):
        _ = RunFolder(tmp_path).info
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(IsADirectoryError):
        list(RunFolder(tmp_path).events())


def test_a_cache_that_another_process_has_locked_is_left_alone(
    build_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command goes on without it, after a while; nothing is deleted."""
    monkeypatch.setattr(hash_cache, "_SECONDS_TO_WAIT", 0.1)
    known = build_copy / ".known.sqlite"
    before = known.stat().st_ino
    with closing(sqlite3.connect(known, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        cache = HashCache(known)
        cache.put("a", "1", "digest")
        assert cache.get("a", "1") == "digest"
        cache.close()
        db.execute("ROLLBACK")
        assert known.stat().st_ino == before
        assert db.execute("SELECT count(*) FROM known").fetchone()[0] > 10


def test_a_full_disk_is_told_by_the_cache_and_the_records(tmp_path: Path) -> None:
    """As what it is, with the file."""
    for kind in (HashCache, StageRecords):
        path = tmp_path / kind.__name__
        with closing(kind(path)) as one:
            one._db.execute("PRAGMA max_page_count = 4")
            with pytest.raises(OSError, match=str(path)) as caught:
                _fill(one)
            assert caught.value.errno == errno.ENOSPC


def _fill(one: HashCache | StageRecords) -> None:
    from treeoflife.pipeline.stage_records import Record

    for number in range(10_000):
        if isinstance(one, HashCache):
            one.put(str(number), "stamp", "digest" * 20)
        else:
            one.put("stage", str(number), Record({"a": "b" * 100}))


def test_an_error_of_sqlite_that_is_not_the_computers_has_no_cause() -> None:
    """A wrong query, or a file that is none."""
    with closing(sqlite3.connect(":memory:")) as db, pytest.raises(sqlite3.OperationalError) as caught:
        db.execute("SELECT nothing FROM nowhere")
    assert system_error(caught.value) is None


def test_a_look_at_a_dataset_makes_no_file(drawn_build: Path, tmp_path: Path) -> None:
    """Not even where nothing was built yet: what is there afterwards was there before."""
    shutil.copy(drawn_build / "dataset.toml", tmp_path)
    done = cli("status", "--config", tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["dataset.toml"]
    with inspecting(open_workspace(tmp_path)) as session:
        assert not session.state("encode").fresh
