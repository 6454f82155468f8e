"""DuckDB for the driver's tables: SQL over Parquet, within a memory limit, with a scratch folder for what exceeds it.

A dataset must have the same bytes on every computer (law 1). For SQL that means: whatever is written is ordered by a
total key; hashes are MD5 or SHA-256, since DuckDB's own ``hash()`` may change with its version; and no sum of
floating-point numbers decides anything. docs/decisions/tables-in-duckdb.md has the reasons.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from ..errors import StoreError, TreeoflifeError
from .database_errors import out_of_memory, system_error
from .files import remove_left_folders, replacing, require_file, temporary_folder, write_errors
from .parquet import COMPRESSION_LEVEL, ROW_GROUP_SIZE
from .system import cores, memory_bytes

if TYPE_CHECKING:  # imported where it is used: workers need none of it, and would start a sixth of a second later
    import duckdb

T = TypeVar("T")

_LARGEST_DEFAULT = 8 << 30  # more memory than this makes no step faster
_OTHERS = 1 << 30  # what Python, Polars and the rest of the process take beside DuckDB
_BYTES_A_THREAD = 128 << 20  # a thread that sorts or writes needs about half of it
_ROWS_A_PART, _BYTES_A_PART = 1_000_000, 64 << 20
_SPILLED = f"FORMAT parquet, ROW_GROUP_SIZE {ROW_GROUP_SIZE}, COMPRESSION uncompressed, DICTIONARY_SIZE_LIMIT 1000"
"""A file that is read once: compressing it, and looking for repetitions in columns of ids, would take twice as long."""
_POLL_SECONDS = 0.1
_FOLDER = "treeoflife"
_PATTERN = re.compile(r"[*?[]")
_READ_ALL = "SELECT max(hash(stored)) FROM read_parquet($path, hive_partitioning = false) AS stored"
_OF_WRONG_SQL = ("ParserException", "BinderException", "CatalogException", "ConversionException")
_LACKED_BY_PARQUET = re.compile(r"\bU?HUGEINT\b")


class Database:
    """A connection to DuckDB, without tables at first.

    Parameters stand in SQL as ``$name``. A path as a parameter, alone or in a list, is the name of this one file. SQL
    that reads files itself does so with ``read_parquet($paths, hive_partitioning = false)``: otherwise a folder named
    ``a=1`` above them adds a column. A table is a file of Parquet, or one that an earlier statement made.

    Every method raises:

    - OSError: a file is missing or cannot be read, or the scratch folder is full or cannot be written.
    - StoreError: a file of Parquet is damaged.
    - TreeoflifeError: the memory limit is too small.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, pool: ThreadPoolExecutor, scratch: Path) -> None:
        self._connection, self._pool, self._scratch = connection, pool, scratch
        self._count = 0
        self._files = dict[str, list[Path]]()  # of each view
        self._made = set[str]()  # the tables

    @property
    def scratch(self) -> Path:
        """A folder for files of whoever uses the database; it is removed with it."""
        return self._scratch

    def run(self, sql: str, **parameters: Any) -> None:
        """Run a statement."""
        self._do(lambda plain: self._connection.execute(sql, plain), parameters)

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query as Python values; for few rows."""
        return self._do(lambda plain: self._connection.execute(sql, plain).fetchall(), parameters)

    def value(self, sql: str, **parameters: Any) -> Any:
        """The one value of a query that has one row and one column."""
        ((value,),) = self.rows(sql, **parameters)
        return value

    def frame(self, sql: str, **parameters: Any) -> pl.DataFrame:
        """The rows of a query as a table in memory."""
        return self._do(lambda plain: pl.DataFrame(self._connection.sql(sql, params=plain)), parameters)

    def load(self, name: str, table: pl.DataFrame) -> None:
        """Make a table of Polars known as ``name``, in place of an earlier one of this name."""
        self.view(name, [self._keep(table)])

    def spool(self, name: str, frames: Iterable[pl.DataFrame], schema: pl.Schema | None = None) -> None:
        """Make tables of Polars that come one by one known as one table ``name``; few of them are in memory at once.

        Args:
            schema: of all of them; needed where there may be none.
        """
        parts, held = list[Path](), [pl.DataFrame(schema=schema)] if schema else []
        rows, size = 0, 0.0
        for frame in frames:
            held.append(frame)
            rows, size = rows + frame.height, size + frame.estimated_size()
            if rows >= _ROWS_A_PART or size >= _BYTES_A_PART:
                parts.append(self._keep(pl.concat(held)))
                held, rows, size = [], 0, 0.0
        if held:
            parts.append(self._keep(pl.concat(held)))
        self.view(name, parts)

    def view(self, name: str, paths: Iterable[Path], *, rows: bool = False, named: str = "") -> None:
        """Make files of Parquet that have the same columns known as the table ``name``.

        Args:
            rows: whether to add the column ``file_row_number``, which counts the rows of a file from 0 on.
            named: a further column, with the path of a row's file. The files may then have different columns; where
                one lacks a column, its values are null.
        """
        files = list(paths)
        listed = ", ".join(quoted(_plain(path)) for path in files)
        options = f"hive_partitioning = false{', file_row_number = true' if rows else ''}"
        if named:
            options += f", union_by_name = true, filename = {quoted(named)}"
        if name in self._made:
            self.run(f"DROP TABLE {name}")
            self._made.remove(name)
        former, self._files[name] = self._files.get(name, []), files
        self.run(f"CREATE OR REPLACE VIEW {name} AS FROM read_parquet([{listed}], {options})")
        self._remove([path for path in former if path not in files])

    def _forget(self, name: str) -> None:
        self.run(f"DROP VIEW {name}")
        self._remove(self._files.pop(name))

    def _remove(self, files: Iterable[Path]) -> None:
        for path in files:
            if path.parent == self._scratch:
                path.unlink(missing_ok=True)

    def make(self, name: str, sql: str, **parameters: Any) -> None:
        """Make the rows of a query known as the table ``name``; what does not fit into memory goes to scratch."""
        # Under another name first: the query may read a table of this one.
        self.run(f"CREATE OR REPLACE TABLE being_made AS {sql}", **parameters)
        if name in self._made:
            self.run(f"DROP TABLE {name}")
        elif name in self._files:
            self._forget(name)
        self.run(f"ALTER TABLE being_made RENAME TO {name}")
        self._made.add(name)

    def sort(self, name: str, sql: str, *, rows: bool = False, **parameters: Any) -> None:
        """The same as a file of Parquet.

        For a query that orders its rows, so that :meth:`read` can give them in this order; or for many rows of which
        later steps read a few columns each: a table that exceeds the memory is written anew after each of them.

        Args:
            rows: whether to add the column ``file_row_number``, which counts the rows from 0 on.
        """
        self.view(name, [self._spill(sql, parameters)], rows=rows)

    def write(
        self, path: Path, sql: str, meta: Mapping[str, Any] | None = None, row_group_size: int = ROW_GROUP_SIZE,
        **parameters: Any,
    ) -> int:  # fmt: skip
        """Write the rows of a query as Parquet, whole or not at all; returns how many there are.

        Args:
            sql: orders the rows by a total key. A sum has to be cast: DuckDB gives it a type that Parquet lacks.
            meta: goes into the metadata of the file, as JSON under the key ``treeoflife``.
        """
        # DuckDB writes its version into each file, and may change how it encodes columns: Polars writes what stays.
        with self._spilled(sql, parameters) as rows, replacing(path) as temporary:
            metadata = {"treeoflife": json.dumps(meta or {}, sort_keys=True)}
            scanned = pl.scan_parquet(rows, glob=False)
            scanned.sink_parquet(
                temporary,
                compression_level=COMPRESSION_LEVEL,
                row_group_size=row_group_size,
                maintain_order=True,
                metadata=metadata,
            )
            return int(scanned.select(pl.len()).collect().item())

    def write_csv(self, path: Path, sql: str, **parameters: Any) -> int:
        """Write the rows of a query as CSV with a header, whole or not at all; returns how many there are."""
        with self._spilled(sql, parameters) as rows, replacing(path) as temporary:
            scanned = pl.scan_parquet(rows, glob=False)
            scanned.sink_csv(temporary, maintain_order=True)
            return int(scanned.select(pl.len()).collect().item())

    def pieces(self, sql: str, rows_at_once: int = _ROWS_A_PART, **parameters: Any) -> Iterator[pl.DataFrame]:
        """The rows of a query in order, as tables of Polars of which one is in memory at a time; the first is empty."""
        with self._spilled(sql, parameters) as rows:
            yield from _pieces(pl.scan_parquet(rows, glob=False), slice(None), rows_at_once)

    def read(
        self, name: str, columns: Iterable[str] | None = None, part: slice = slice(None)
    ) -> Iterator[pl.DataFrame]:
        """The rows of a table that is one file of Parquet, in their order; as :meth:`pieces`.

        Args:
            part: which of the rows.
        """
        (path,) = self._files[name]
        rows = pl.scan_parquet(path, glob=False)
        return _pieces(rows.select(columns) if columns else rows, part, _ROWS_A_PART)

    def gather(self, name: str, columns: Iterable[str], numbers: pl.Series) -> pl.DataFrame:
        """Rows of a table that is one file of Parquet; of their numbers, which count from 0 on, none is below the last.

        So only numbers need to be sorted where rows are wide, and are in the order of the file.
        """
        first, last = (int(numbers[0]), int(numbers[-1])) if len(numbers) else (0, -1)
        return pl.concat(self.read(name, columns, slice(first, last + 1)))[numbers - first]

    @contextmanager
    def _spilled(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Path]:
        path = self._spill(sql, parameters)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _spill(self, sql: str, parameters: Mapping[str, Any]) -> Path:
        """Write the rows of a query to a file of Parquet in the scratch folder."""
        for name, kind, *_ in self.rows(f"DESCRIBE {sql}", **parameters):
            if _LACKED_BY_PARQUET.search(kind):  # DuckDB would write a floating-point number in its place
                raise TypeError(f"the column {name} is a {kind}, which Parquet lacks: cast it to BIGINT")
        path = self._new_file()
        self.run(f"COPY ({sql}) TO {quoted(str(path))} ({_SPILLED})", **parameters)
        return path

    def _keep(self, table: pl.DataFrame) -> Path:
        """Write a table to a file of Parquet in the scratch folder."""
        path = self._new_file()
        with write_errors(path):
            table.write_parquet(path, compression="lz4")
        return path

    def _new_file(self) -> Path:
        self._count += 1
        return self._scratch / f"{self._count}.parquet"

    def _do(self, work: Callable[[dict[str, Any]], T], parameters: Mapping[str, Any]) -> T:
        """The result of work for DuckDB, which is done in a thread of its own, so that a stop is raised here at once.

        In the main thread DuckDB notices Ctrl-C or SIGTERM up to 20 seconds later, and raises an error of its own in
        place of what the signal's handler raised.
        """
        import duckdb

        plain = {name: _plain(value) for name, value in parameters.items()}
        future = self._pool.submit(work, plain)
        try:
            return _result(future)
        except duckdb.Error as error:
            raise self._translated(error, _paths(parameters)) from error
        except BaseException:
            self._stop(future)
            raise

    def _stop(self, future: Future[Any]) -> None:
        while not future.done():
            self._connection.interrupt()  # has no effect on a query that is about to begin
            wait([future], timeout=_POLL_SECONDS)

    def _translated(self, error: duckdb.Error, paths: list[Path]) -> Exception:
        """An error of DuckDB as what it is; errors in SQL stay as they are."""
        import duckdb

        if cause := system_error(error, self._scratch):
            return cause
        reason = str(error).splitlines()[0]
        if isinstance(error, duckdb.OutOfMemoryException):
            return TreeoflifeError(out_of_memory(reason, self._scratch))
        if type(error).__name__ not in _OF_WRONG_SQL and (path := self._find_damaged(paths, reason)):
            advice = "if a build made it, delete it, and run again"
            return StoreError(f"{path} is damaged and cannot be read; {advice} ({reason})")
        return error

    def _find_damaged(self, paths: list[Path], reason: str) -> Path | None:
        """The file that cannot be read; DuckDB does not always name it."""
        files = [*paths, *(one for files in self._files.values() for one in files)]
        named = (path for path in files if str(path) in reason)
        tests = ("SELECT 1 FROM parquet_metadata($path) LIMIT 1", _READ_ALL)
        return next(named, None) or next((one for sql in tests for one in files if self._fails(sql, one)), None)

    def _fails(self, sql: str, path: Path) -> bool:
        import duckdb

        try:
            self._connection.execute(sql, {"path": exact(path)}).fetchall()
        except duckdb.Error:
            return True
        return False


@contextmanager
def open_database(scratch: Path, memory_gb: float = 0, threads: int = 0) -> Iterator[Database]:
    """A database of its own for one step.

    Args:
        scratch: a folder for what does not fit into memory; others may use it at the same time. It gets a folder for
            this database, ``treeoflife.writing-…``, which is removed in the end, or by a later database if this
            process is killed. Nothing else in it is touched.
        memory_gb: the memory that DuckDB may take; 0 for half of what this process may have, and at most 8 GB. It is
            never so much that the rest of the process lacks a GB.
        threads: the number of threads; 0 for one per core, if the memory is enough for so many.

    Raises:
        OSError: the folder cannot be made.
        TreeoflifeError: the path of the folder has characters that DuckDB cannot read.

    >>> import tempfile
    >>> with open_database(Path(tempfile.mkdtemp())) as database:
    ...     database.load("birds", pl.DataFrame({"genus": ["Parus", "Pica"]}))
    ...     database.value("SELECT count(*) FROM birds WHERE genus = $genus", genus="Pica")
    1
    """
    _import_duckdb()
    import duckdb

    limit = _memory_limit(memory_gb, memory_bytes())
    exact(scratch)
    with temporary_folder(scratch.absolute() / _FOLDER) as folder:
        # Only what a query orders comes in an order; to keep that of what it reads would take more memory.
        config: dict[str, Any] = {
            "memory_limit": f"{limit >> 20}MiB", "threads": threads or max(1, min(cores(), limit // _BYTES_A_THREAD)),
            "temp_directory": str(folder), "preserve_insertion_order": False, "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }  # fmt: skip
        with duckdb.connect(config=config) as connection, ThreadPoolExecutor(1, "duckdb") as pool:
            connection.execute("SET enable_progress_bar = false")  # it is printed even where there is no terminal
            # A join keeps its right side in memory: whoever writes it knows better than an estimate which one is small.
            connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
            yield Database(connection, pool, folder)


def _import_duckdb() -> None:
    """Import DuckDB in a thread, which no signal reaches: it aborts the process if a handler raises amid its import."""
    with ThreadPoolExecutor(1) as pool:
        _result(pool.submit(import_module, "duckdb"))


def _result(future: Future[T]) -> T:
    """The result of a future; a signal's handler may raise while it is awaited."""
    # Polars' handler of Ctrl-C lets the system resume a wait, so that one without an end notices no signal.
    while not wait([future], timeout=_POLL_SECONDS).done:
        pass
    return future.result()


def remove_left_tables(scratch: Path) -> None:
    """Remove what killed processes left in a scratch folder, whether it is there or not."""
    remove_left_folders(scratch / _FOLDER)


def _memory_limit(memory_gb: float, available: int) -> int:
    """The memory that DuckDB may take, in bytes.

    >>> [_memory_limit(wanted, available << 30) >> 20 for wanted, available in ((0, 4), (0, 64), (2, 64), (32, 8))]
    [2048, 8192, 2048, 7168]
    """
    half = available // 2
    wanted = int(memory_gb * (1 << 30)) or min(half, _LARGEST_DEFAULT)
    return min(wanted, max(half, available - _OTHERS))


def _pieces(rows: pl.LazyFrame, part: slice, rows_at_once: int) -> Iterator[pl.DataFrame]:
    yield rows.collect_schema().to_frame()
    start, stop, _ = part.indices(int(rows.select(pl.len()).collect().item()))
    for first in range(start, stop, rows_at_once):
        yield rows.slice(first, min(rows_at_once, stop - first)).collect()


def exact(path: Path) -> str:
    """The path as DuckDB's readers need it to mean this one file: they take brackets, stars and such for a pattern.

    Raises:
        TreeoflifeError: it has a backslash as well, which patterns cannot have.

    >>> exact(Path("set[12]/birds.parquet"))
    'set[[]12]/birds.parquet'
    """
    text = str(path)
    if not _PATTERN.search(text):
        return text
    if "\\" in text:
        raise TreeoflifeError(
            f"the path {path} has a backslash and a *, ? or [, which DuckDB cannot read: rename it, or make a link to "
            "it and name the link instead"
        )
    return _PATTERN.sub(r"[\g<0>]", text)


def _plain(value: Any) -> Any:
    """A parameter as DuckDB takes it: a path, alone or in a list, is the name of this one file."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, Path):
        return value
    value.stat()  # DuckDB says of a missing file that none matches a pattern,
    require_file(value)  # and reads whatever is in a folder
    return exact(value)


def _paths(parameters: Mapping[str, Any]) -> list[Path]:
    listed = (value if isinstance(value, list) else [value] for value in parameters.values())
    return [one for values in listed for one in values if isinstance(one, Path)]


def column(name: str, table: str = "") -> str:
    """The name of a column as SQL has it: a source may call its columns anything, such as ``end``."""
    return (table and f"{table}.") + '"' + name.replace('"', '""') + '"'


def columns(names: Iterable[str], table: str = "") -> str:
    """Several of them, with commas."""
    return ", ".join(column(name, table) for name in names)


def quoted(text: str) -> str:
    """A text as a literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
