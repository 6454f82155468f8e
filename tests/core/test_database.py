"""DuckDB for the driver's tables: the same bytes on every computer, little memory, and nothing left behind."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import treeoflife
from helpers import seldom, small_disk
from treeoflife.core import system
from treeoflife.core.database import Database, open_database
from treeoflife.errors import StoreError, TreeoflifeError

SAMPLES = Path(__file__).with_name("database_samples.py")
PACKAGE = Path(treeoflife.__file__).parent
OTHER_PYTHON = "TREEOFLIFE_OTHER_DUCKDB"
"""The variable that names another Python, with another version of DuckDB and the packages of this one."""
LONG = "SELECT number, md5(number::VARCHAR) AS id, repeat(md5(number::VARCHAR), 4) AS text FROM range({}) AS n(number)"
"""Rows of about 170 bytes."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "scratch", 0.25, 2) as opened:
        yield opened


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    with small_disk(tmp_path / "disk", "4m") as folder:
        yield folder


def samples(folder: Path, threads: int, memory_gb: float, python: str = sys.executable) -> Any:
    """What queries like those of the stages write, in a process of its own."""
    variables = os.environ | {"PYTHONPATH": str(PACKAGE.parent), "POLARS_MAX_THREADS": str(threads)}
    words = [python, SAMPLES, folder, str(threads), str(memory_gb)]
    return json.loads(subprocess.run(words, env=variables, check=True, stdout=subprocess.PIPE).stdout)


@pytest.fixture(scope="module")
def with_two_threads(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return samples(tmp_path_factory.mktemp("samples") / "2", 2, 0.5)


@pytest.mark.parametrize(("threads", "memory_gb"), [(8, 1), *seldom((1, 0.5))])
def test_results_have_the_same_bytes_with_any_number_of_threads(
    tmp_path: Path, with_two_threads: Any, threads: int, memory_gb: float
) -> None:
    assert samples(tmp_path / "out", threads, memory_gb)["hashes"] == with_two_threads["hashes"]
    assert len(with_two_threads["hashes"]) > 12


def test_results_have_the_same_bytes_where_they_do_not_fit_into_memory(tmp_path: Path, with_two_threads: Any) -> None:
    little = samples(tmp_path / "out", 1, 0.1)
    assert little["spilled"] > 1_000_000
    assert little["hashes"] == with_two_threads["hashes"]


@pytest.mark.skipif(OTHER_PYTHON not in os.environ, reason=f"{OTHER_PYTHON} names no Python with another DuckDB")
def test_results_have_the_same_bytes_with_another_version(tmp_path: Path, with_two_threads: Any) -> None:
    python = os.environ[OTHER_PYTHON]
    asked = subprocess.run([python, "-c", "import duckdb; print(duckdb.__version__)"], check=True, capture_output=True)
    assert asked.stdout.decode().strip() != duckdb.__version__
    assert samples(tmp_path / "out", 2, 0.5, python)["hashes"] == with_two_threads["hashes"]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT number, md5(number::VARCHAR) AS id FROM range(800000) AS n(number) ORDER BY id",
        """
        WITH one AS (SELECT number, md5(number::VARCHAR) AS id FROM range(500000) AS n(number))
        SELECT one.number, other.number AS further FROM one JOIN one AS other ON one.id = md5(other.number::VARCHAR)
        """,
    ],
    ids=["sort", "join"],
)
def test_what_does_not_fit_into_memory_goes_to_the_scratch_folder(tmp_path: Path, sql: str) -> None:
    with open_database(tmp_path / "scratch", 64 / 1024, 1) as database:
        seen, done = set[str](), threading.Event()

        def watch() -> None:
            while not done.wait(0.002):
                seen.update(path.name for path in (tmp_path / "scratch").glob("*/duckdb_temp*"))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            database.make("sorted", sql)
        finally:
            done.set()
            watcher.join()
        assert any("storage" in name or "block" in name for name in seen)
        assert database.value("SELECT count(*) FROM sorted") in (500_000, 800_000)
    assert not [*(tmp_path / "scratch").iterdir()]


def test_a_table_takes_the_place_of_an_earlier_one(database: Database, tmp_path: Path) -> None:
    """Of the same name, however both were made; nothing is kept beside it."""
    for number in range(3):
        database.make("one", f"SELECT {number} AS a")
        database.load("two", pl.DataFrame({"a": [number]}))
        database.spool("three", [pl.DataFrame({"a": [number]})])
        database.sort("four", f"SELECT {number} AS a ORDER BY a")
    assert database.rows("SELECT one.a, two.a, three.a, four.a FROM one, two, three, four") == [(2, 2, 2, 2)]
    assert len([*(tmp_path / "scratch").glob("*/*.parquet")]) == 3
    database.load("one", pl.DataFrame({"a": [7]}))
    database.make("two", "SELECT 8 AS a")
    assert database.rows("SELECT one.a, two.a FROM one, two") == [(7, 8)]
    assert len([*(tmp_path / "scratch").glob("*/*.parquet")]) == 3


def test_a_replaced_view_removes_nobody_elses_file(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    database.view("one", [path])
    database.load("one", pl.DataFrame({"a": [2]}))
    assert path.exists()
    assert database.value("SELECT a FROM one") == 2


def test_a_table_may_be_made_from_the_one_that_it_replaces(database: Database) -> None:
    database.make("one", "SELECT 1 AS a")
    database.make("one", "SELECT a + 1 AS a FROM one")
    assert database.value("SELECT a FROM one") == 2


def test_spooled_tables_are_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treeoflife.core.database._ROWS_A_PART", 1000)
    frames = (pl.DataFrame({"a": range(start, start + 300)}) for start in range(0, 30_000, 300))
    database.spool("number", frames)
    assert database.frame("SELECT a FROM number ORDER BY a")["a"].to_list() == [*range(30_000)]


def test_spooled_tables_of_long_texts_are_not_all_in_memory(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("treeoflife.core.database._BYTES_A_PART", 1 << 20)
    database.spool("text", (pl.DataFrame({"a": ["x" * 100_000]}) for _ in range(50)))
    assert database.value("SELECT sum(length(a))::BIGINT FROM text") == 5_000_000
    assert len([*(tmp_path / "scratch").glob("*/*.parquet")]) > 3


def test_no_spooled_table_is_a_table_without_rows(database: Database) -> None:
    database.spool("nothing", [], pl.Schema({"a": pl.String, "b": pl.List(pl.Int64)}))
    assert database.frame("FROM nothing").schema == {"a": pl.String, "b": pl.List(pl.Int64)}
    assert database.value("SELECT count(*) FROM nothing") == 0


def test_pieces_are_the_rows_in_order_after_an_empty_one(database: Database) -> None:
    pieces = [*database.pieces("SELECT number FROM range($rows) AS n(number) ORDER BY number DESC", 70, rows=200)]
    assert [piece.height for piece in pieces] == [0, 70, 70, 60]
    assert pl.concat(pieces)["number"].to_list() == [*reversed(range(200))]
    assert [piece.height for piece in database.pieces("SELECT 1 AS a WHERE false")] == [0]


def test_pieces_that_nobody_finishes_leave_nothing(database: Database, tmp_path: Path) -> None:
    pieces = database.pieces("SELECT number FROM range(200) AS n(number)", 70)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert not [*(tmp_path / "scratch").glob("*/*.parquet")]


def test_a_file_that_stays_says_nothing_of_duckdb(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "new" / "table.parquet"
    assert database.write(path, "SELECT 'Épée' AS name, [1, 2] AS list", {"b": 1, "a": [2]}) == 1
    assert b"DuckDB" not in path.read_bytes()
    assert pl.read_parquet_metadata(path)["treeoflife"] == '{"a": [2], "b": 1}'
    assert pl.read_parquet(path, glob=False).to_dicts() == [{"name": "Épée", "list": [1, 2]}]


def test_row_groups_have_the_asked_size(database: Database, tmp_path: Path) -> None:
    database.write(tmp_path / "a.parquet", "SELECT number FROM range(1000) AS n(number) ORDER BY 1", row_group_size=300)
    rows = database.rows(
        "SELECT row_group_id, row_group_num_rows FROM parquet_metadata($path) ORDER BY 1", path=tmp_path / "a.parquet"
    )
    assert rows == [(0, 300), (1, 300), (2, 300), (3, 100)]


@pytest.mark.parametrize("sql", ["SELECT sum(1) AS n", "SELECT [sum(1)] AS n", "SELECT {'a': 1::UHUGEINT} AS n"])
def test_a_sum_that_would_become_a_floating_point_number_is_an_error(
    database: Database, tmp_path: Path, sql: str
) -> None:
    with pytest.raises(TypeError, match=r"column n is a .*HUGEINT.*cast it"):
        database.write(tmp_path / "a.parquet", sql)
    assert not (tmp_path / "a.parquet").exists()


# Paths


ODD = [
    "a[12]",
    "[!a]",
    "a*",
    "**",
    "?",
    "it's",
    'say "x"',
    "Épée 😀",
    "%20",
    "a=1",
    "{a,b}",
    "$path",
    "-",
    "a#b",
    "a\nb",
]


@pytest.mark.parametrize("name", ODD)
def test_a_path_means_that_file_and_no_pattern(tmp_path: Path, name: str) -> None:
    """The files, the scratch folder and the outputs; beside them lies what a pattern would find."""
    folder = tmp_path / name
    folder.mkdir()
    for other in ("a1", "a2", "ab", "x"):
        (tmp_path / other).mkdir()
        pl.DataFrame({"v": ["other"]}).write_parquet(tmp_path / other / f"{name}.parquet")
        pl.DataFrame({"v": ["other"]}).write_parquet(folder / f"{other}.parquet")
    path = folder / f"{name}.parquet"
    pl.DataFrame({"v": ["this"]}).write_parquet(path)
    with open_database(folder / f"scratch {name}") as database:
        database.view("one", [path])
        assert database.frame("FROM one").to_dicts() == [{"v": "this"}]
        read = "SELECT * FROM read_parquet($path, hive_partitioning = false)"
        assert database.rows(read, path=path) == database.rows(read, path=[path]) == [("this",)]
        database.make("made", "SELECT v FROM one")
        assert database.write(folder / f"out {name}.parquet", "SELECT v FROM made") == 1
        assert database.write_csv(folder / f"out {name}.csv", "SELECT v FROM made") == 1
    assert (folder / f"out {name}.csv").read_text() == "v\nthis\n"


def test_a_path_that_duckdb_cannot_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a\\b[1].parquet"
    pl.DataFrame({"v": [1]}).write_parquet(path)
    with (
        open_database(tmp_path / "scratch") as database,
        pytest.raises(TreeoflifeError, match=r"backslash.*make a link") as caught,
    ):
        database.view("one", [path])
    assert str(path) in str(caught.value)


def test_all_sql_reads_files_without_taking_columns_from_folders() -> None:
    """A dataset in a folder named ``k=1`` would get a column k."""
    texts = [path.read_text(encoding="utf-8") for path in (*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.sql"))]
    calls = [call for text in texts for call in re.findall(r"(?i)FROM\s+read_parquet\([^)]*", text)]
    assert calls
    assert not [call for call in calls if not re.search(r"hive_partitioning = false|\{options\}", call)]


# Errors


def _read(path: Path) -> Callable[[Database], object]:
    return lambda database: database.view("one", [path]) or database.rows("FROM one")


def test_a_file_that_is_missing_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        _read(tmp_path / "gone.parquet")(database)
    assert caught.value.filename == str(tmp_path / "gone.parquet")


def test_a_folder_in_place_of_a_file_is_not_read(database: Database, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").mkdir()
    pl.DataFrame({"a": [1]}).write_parquet(tmp_path / "a.parquet" / "b.parquet")
    with pytest.raises(IsADirectoryError) as caught:
        _read(tmp_path / "a.parquet")(database)
    assert caught.value.filename == str(tmp_path / "a.parquet")


def _damaged(kind: str, data: bytes) -> bytes:
    middle, length = len(data) // 2, int.from_bytes(data[-8:-4], "little")
    return {
        "empty": b"",
        "text": b"no table at all, but long enough for one",
        "cut": data[:middle],
        "page": data[:1000] + b"\xff" * (middle - 1000) + data[middle:],
        "footer": data[: -8 - length] + b"\xff" * (length // 2) + data[-8 - length + length // 2 :],
        "length": data[:-8] + b"\xff\xff\xff\x7f" + data[-4:],
    }[kind]


@pytest.mark.parametrize("kind", ["empty", "text", "cut", "page", "footer", "length"])
def test_a_damaged_file_is_named(database: Database, tmp_path: Path, kind: str) -> None:
    """Also one of many, by whatever DuckDB notices it."""
    whole, path = tmp_path / "whole.parquet", tmp_path / "damaged.parquet"
    pl.DataFrame({"a": range(100_000)}).with_columns(b=pl.col("a").hash().cast(pl.String)).write_parquet(whole)
    path.write_bytes(_damaged(kind, whole.read_bytes()))

    def read() -> None:
        database.view("one", [whole, path])
        database.rows("SELECT max(a), max(b) FROM one")

    with pytest.raises(StoreError, match="damaged and cannot be read") as caught:
        read()
    assert str(path) in str(caught.value)
    assert str(whole) not in str(caught.value)
    with pytest.raises(StoreError):
        database.rows("SELECT max(b), max(a) FROM read_parquet($paths, hive_partitioning = false)", paths=[path])
    assert database.value("SELECT 1") == 1


def test_a_wrong_query_is_an_error_of_the_program(database: Database) -> None:
    for sql in ("SELEC 1", "SELECT a", "FROM nothing", "SELECT 'x'::INTEGER"):
        with pytest.raises(duckdb.Error):
            database.run(sql)


def test_too_little_memory_is_a_sentence(tmp_path: Path) -> None:
    with (
        open_database(tmp_path / "scratch", 2 / 1024, 1) as database,
        pytest.raises(TreeoflifeError, match=r"\[engine\] driver_memory_gb") as caught,
    ):
        database.write(tmp_path / "a.parquet", LONG.format(300_000) + " ORDER BY id")
    assert str(tmp_path / "scratch") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def _no_space(caught: pytest.ExceptionInfo[OSError], folder: Path) -> None:
    assert caught.value.errno == errno.ENOSPC
    assert str(caught.value.filename).startswith(str(folder))


def test_a_full_scratch_disk_is_named(tmp_path: Path, tiny_disk: Path) -> None:
    """Whether a sort, a result, or a table of Polars fills it."""
    ascending = LONG.format(400_000)
    for sql in (f"{ascending} ORDER BY id", ascending):
        with open_database(tiny_disk, 64 / 1024, 1) as database, pytest.raises(OSError, match="No space") as caught:
            database.write(tmp_path / "a.parquet", sql)
        _no_space(caught, tiny_disk)
    with open_database(tiny_disk) as database:
        table = database.frame(ascending)
        with pytest.raises(OSError, match="No space") as caught:
            database.load("one", table)
        _no_space(caught, tiny_disk)
        with pytest.raises(OSError, match="No space") as caught:
            database.spool("two", [table])
    _no_space(caught, tiny_disk)
    assert not [*tiny_disk.iterdir()]
    assert [path.name for path in tmp_path.iterdir()] == ["disk"]


def test_a_full_disk_of_the_output_is_named(tmp_path: Path, tiny_disk: Path) -> None:
    with open_database(tmp_path / "scratch") as database:
        for write, name in ((database.write, "a.parquet"), (database.write_csv, "a.csv")):
            with pytest.raises(OSError, match="No space") as caught:
                write(tiny_disk / name, LONG.format(400_000))
            _no_space(caught, tiny_disk)
    assert not [*tiny_disk.iterdir()]


def test_a_limit_on_the_scratch_folder_is_a_full_disk(tmp_path: Path) -> None:
    with open_database(tmp_path / "scratch", 64 / 1024, 1) as database:
        database.run("SET max_temp_directory_size = '4MiB'")
        with pytest.raises(OSError, match="No space") as caught:
            database.write(tmp_path / "a.parquet", LONG.format(1_000_000) + " ORDER BY id")
    _no_space(caught, tmp_path / "scratch")
    assert not (tmp_path / "a.parquet").exists()
    assert not [*(tmp_path / "scratch").iterdir()]


def test_a_scratch_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for scratch in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="file") as caught, open_database(scratch):
            pass
        assert str(caught.value.filename).startswith(str(tmp_path / "file"))


# What is left behind


def test_a_scratch_folder_keeps_what_others_have_there(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "1.parquet").touch()
    (tmp_path / "treeoflife").mkdir()
    (tmp_path / "treeoflife.writing-notes").mkdir()
    (tmp_path / "duckdb_temp_storage-0.tmp").touch()
    before = sorted(tmp_path.rglob("*"))
    with open_database(tmp_path, 0.125, 1) as database:
        database.make("one", "SELECT md5(number::VARCHAR) AS id FROM range(800000) AS n(number) ORDER BY id")
    assert sorted(tmp_path.rglob("*")) == before


def test_two_databases_share_a_scratch_folder(tmp_path: Path) -> None:
    with open_database(tmp_path) as one:
        one.make("a", "SELECT 1 AS a")
        with open_database(tmp_path) as other:
            other.make("a", "SELECT 2 AS a")
            assert other.value("SELECT a FROM a") == 2
        assert one.value("SELECT a FROM a") == 1
    assert not [*tmp_path.iterdir()]


CHILD = f"""
import signal, sys
from pathlib import Path
from treeoflife.core.database import open_database
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
with open_database(Path(sys.argv[1]), 64 / 1024, 1) as database:
    print("open", flush=True)
    try:
        database.write(Path(sys.argv[2]), {LONG.format(30_000_000)!r} + " ORDER BY id")
    except BaseException as error:
        print(type(error).__name__, error.args, flush=True)
        raise
"""


def _child(scratch: Path, out: Path) -> subprocess.Popen[str]:
    """A process in the middle of a query that takes a minute, and has files in its scratch folder."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, scratch, out], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    assert child.stdout.readline() == "open\n"
    until = time.monotonic() + 60
    while not any(path.stat().st_size > 1_000_000 for path in scratch.glob("*/duckdb_temp*")):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    return child


def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    child = _child(scratch, tmp_path / "a.parquet")
    with open_database(scratch):  # while the other runs, its files stay
        assert len([*scratch.iterdir()]) == 2
    child.kill()
    child.wait()
    (left,) = scratch.iterdir()
    assert [*left.iterdir()]
    with open_database(scratch) as database:
        assert not left.exists()
        assert database.value("SELECT 1") == 1
    assert not [*scratch.iterdir()]
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]


def test_what_another_host_left_is_removed_after_a_day(tmp_path: Path) -> None:
    """Whether its process runs cannot be asked."""
    new, old = tmp_path / "treeoflife.writing-node7-4711-0a1b2c3d", tmp_path / "treeoflife.writing-node8-4711-0a1b2c3d"
    for folder in (new, old):
        folder.mkdir()
        (folder / "1.parquet").touch()
    for path in (old / "1.parquet", old):
        os.utime(path, (time.time() - 90_000,) * 2)
    with open_database(tmp_path):
        pass
    assert [*tmp_path.iterdir()] == [new]


@pytest.mark.parametrize(
    ("number", "raised", "status"),
    [(signal.SIGINT, "KeyboardInterrupt ()\n", -signal.SIGINT), (signal.SIGTERM, "SystemExit (143,)\n", 143)],
)
def test_a_stop_ends_a_query_at_once_and_stays_what_it_is(
    tmp_path: Path, number: signal.Signals, raised: str, status: int
) -> None:
    """DuckDB would raise an error of its own, up to 20 seconds later."""
    child = _child(tmp_path / "scratch", tmp_path / "a.parquet")
    begun = time.monotonic()
    child.send_signal(number)
    assert child.stdout
    assert child.stdout.read() == raised
    assert child.wait() == status
    assert time.monotonic() - begun < 10
    assert [path.name for path in tmp_path.iterdir()] == ["scratch"]
    assert not [*(tmp_path / "scratch").iterdir()]


STOPPED_IMPORT = """
import enum, os, signal, sys
from pathlib import Path
from treeoflife.core.database import open_database
assert "duckdb" not in sys.modules
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
made = enum.EnumMeta.__call__

def stop(*args, **options):
    enum.EnumMeta.__call__ = made
    os.kill(os.getpid(), signal.SIGTERM)
    return made(*args, **options)

enum.EnumMeta.__call__ = stop  # DuckDB makes some while it is imported
with open_database(Path(sys.argv[1])) as database:
    database.rows("SELECT count(*) FROM range(10_000_000_000)")
"""


def test_a_stop_amid_the_import_of_duckdb_stays_what_it_is(tmp_path: Path) -> None:
    """DuckDB aborts the process if its import raises at a bad moment."""
    words = [sys.executable, "-c", STOPPED_IMPORT, tmp_path]
    child = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (child.returncode, child.stderr) == (143, "")


# Memory and threads


def test_the_memory_of_a_job_is_that_of_its_control_groups(tmp_path: Path) -> None:
    """The least of those above this process; a container may see only its own group."""
    groups, root = tmp_path / "cgroup", tmp_path / "sys"
    for folder, name, text in (
        ("slurm/job_1/step", "memory.max", "max"),
        ("slurm/job_1", "memory.max", "4000"),
        ("slurm", "memory.max", "9000"),
        ("memory/docker/abc", "memory.limit_in_bytes", "3000"),
        ("memory", "memory.limit_in_bytes", "9223372036854771712"),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / name).write_text(f"{text}\n")
    groups.write_text("0::/slurm/job_1/step\n")
    assert min(system.control_group_limits(groups, root)) == 4000
    groups.write_text("5:cpu,memory:/docker/abc\n1:name=systemd:/x:y\n0::/\n")
    assert min(system.control_group_limits(groups, root)) == 3000
    groups.write_text("0::/gone/elsewhere\n")
    assert system.control_group_limits(groups, root) == []
    assert system.control_group_limits(tmp_path / "none", root) == []


@pytest.mark.parametrize(
    ("variables", "megabytes"),
    [
        ({"SLURM_MEM_PER_NODE": "100"}, 100),
        ({"SLURM_MEM_PER_CPU": "30", "SLURM_CPUS_ON_NODE": "4"}, 120),
        ({"SLURM_MEM_PER_CPU": "30"}, None),
        ({"SLURM_MEM_PER_NODE": "0"}, None),
        ({"SLURM_MEM_PER_NODE": "much"}, None),
    ],
)
def test_the_memory_of_a_job_is_what_slurm_gave_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], megabytes: int | None
) -> None:
    for name in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE"):
        monkeypatch.delenv(f"SLURM_{name}", raising=False)
    whole = system.memory_bytes()
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert system.memory_bytes() == (megabytes << 20 if megabytes else whole)


def test_there_are_as_many_threads_as_the_memory_is_enough_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("treeoflife.core.database.cores", lambda: 16)
    for memory_gb, threads, expected in ((0.25, 0, 2), (1, 0, 8), (0.0625, 0, 1), (0.25, 5, 5)):
        with open_database(tmp_path, memory_gb, threads) as database:
            assert database.value("SELECT current_setting('threads')") == expected
