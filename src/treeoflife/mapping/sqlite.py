"""Mappings in the published format: an SQLite file with a table per source, and one of splits.

The functions without a docstring are those of :class:`.published.Format`.
"""

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any

import polars as pl

from ..core.database import Database, column, quoted
from ..core.files import replacing
from ..core.sqlite_files import system_error, system_errors
from ..core.text import reason
from ..errors import InputError
from ..sources.base import Source
from .images import catalog_names

ID = "evobio10m_id"
"""The column of the treeoflife id in published mappings."""

_FLAGS = ["is_val", "is_train_small"]
# Rows that are Python objects at once: some tens of megabytes.
_ROWS_AT_ONCE = 100_000
# Values per INSERT, of several rows: that takes half the time of one row each. 16,000 values take a third more time:
# their statement is too large for the processor's cache.
_VALUES_PER_INSERT = 3_000
_TYPES = {int: pl.Int64, str: pl.String}
_SQL_TYPES = {int: "INT", str: "TEXT"}


@contextmanager
def open_readonly(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection.

    Raises:
        InputError: it is no database.
        OSError: the disk fails; or, where the rows are copied, is full.
    """
    # immutable: a published mapping may be on a read-only disk, where SQLite could not create a lock or a journal.
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise (system_error(error, path) or InputError(f"{path} cannot be read as a mapping: {error}")) from None


def describe_missing(path: Path, sources: Sequence[Source]) -> str:
    tables = {source.name: [*source.columns, ID] for source in sources} | {"split": [ID, *_FLAGS]}
    with open_readonly(path) as db:
        for table, columns in tables.items():
            present = _columns(db, table)
            if not present:
                return f"no table '{table}'"
            if missing := [column for column in columns if column not in present]:
                return f"no column {missing} in its table '{table}'"
    return ""


def open_rows(database: Database, path: Path, sources: Sequence[Source]) -> list[str]:
    database.spool("published_split", _splits(path))
    images = []
    for number, source in enumerate(sources):
        schema = {"treeoflife_id": pl.String, **{column: _TYPES[kind] for column, kind in source.columns.items()}}
        batches = _batches(path, source.name, [ID, *source.columns], schema)
        names = catalog_names(source)
        database.spool(f"published_{number}", (batch.rename(names) for batch in batches))
        images.append(f"SELECT {quoted(source.name)} AS source, * FROM published_{number}")
    database.run(f"""
        CREATE OR REPLACE VIEW published_row AS
        FROM ({" UNION ALL BY NAME ".join(images)})
        LEFT JOIN published_split USING (treeoflife_id)
    """)  # fmt: skip
    return []


def _splits(path: Path) -> Iterator[pl.DataFrame]:
    schema = {"treeoflife_id": pl.String, **dict.fromkeys(_FLAGS, pl.Int64)}
    for batch in _batches(path, "split", [ID, *_FLAGS], schema):
        yield batch.with_columns(pl.col(_FLAGS) != 0)


def ids(path: Path) -> Iterator[pl.Series]:
    with open_readonly(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        sources = [table for table in tables if table != "split" and ID in _columns(db, table)]
    if not sources:
        raise InputError(f"{path} is not a mapping: no table has a column {ID}")
    for table in sources:
        for batch in _batches(path, table, [ID], {"treeoflife_id": pl.String}):
            yield batch["treeoflife_id"]


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    """The columns of a table; none if there is no such table."""
    return {row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))}


def _batches(path: Path, table: str, columns: list[str], schema: dict[str, Any]) -> Iterator[pl.DataFrame]:
    names = ", ".join(map(column, columns))
    yield pl.DataFrame(schema=schema)
    with open_readonly(path) as db:
        if not _columns(db, table):
            return
        # NOT INDEXED gives the rows in stored order; an index that covers the columns would give them in its own.
        rows = db.execute(f"SELECT {names} FROM {column(table)} NOT INDEXED")
        while batch := rows.fetchmany(_ROWS_AT_ONCE):
            yield _frame(path, table, batch, schema)


def _frame(path: Path, table: str, rows: list[Any], schema: dict[str, Any]) -> pl.DataFrame:
    columns = zip(schema.items(), zip(*rows, strict=True), strict=True)
    try:
        return pl.DataFrame([pl.Series(name, values, dtype=kind) for (name, kind), values in columns])
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the table '{table}' of {path} has a value of the wrong type: {reason(error)}") from None


def export(database: Database, path: Path, sources: Sequence[Source]) -> None:
    """Write the dataset's mapping in the published format: same mapping, same bytes.

    Rows come in the order of the primary key, so that its index is only appended to: in random order, an index that
    does not fit into memory would be read and written once for each row.

    Args:
        database: has the table ``image``.
    """
    with replacing(path) as temporary, system_errors(path), closing(_create(temporary)) as db:
        db.execute("BEGIN")
        for source in sources:
            kinds = ", ".join(f'"{column}" {_SQL_TYPES[kind]} NOT NULL' for column, kind in source.columns.items())
            db.execute(f'CREATE TABLE "{source.name}" ({kinds}, {ID} TEXT NOT NULL PRIMARY KEY)')
            _insert(db, source.name, _images_of(database, source))
        _insert(db, "split", _splits_of(database, sources))
        db.execute("COMMIT")


def _images_of(database: Database, source: Source) -> Iterator[pl.DataFrame]:
    """The images of a source, in the order of the mapping, which is that of their ids."""
    for rows in database.read("mapping", ["source", *source.catalog, "treeoflife_id"]):
        yield rows.filter(source=source.name).drop("source")


def _splits_of(database: Database, sources: Sequence[Source]) -> Iterator[pl.DataFrame]:
    """The splits of all images, in the order of their ids: that of the mapping, where it has but one source."""
    if len(sources) > 1:
        yield from database.pieces("""
            SELECT treeoflife_id, is_val::TINYINT, is_train_small::TINYINT
            FROM image
            ORDER BY treeoflife_id
        """)
        return
    for rows in database.read("mapping", ["source", "treeoflife_id", *_FLAGS]):
        yield rows.filter(pl.col("source").is_in([one.name for one in sources])).select(
            "treeoflife_id", pl.col(_FLAGS).cast(pl.Int8)
        )


def _create(path: Path) -> sqlite3.Connection:
    """A new file without tables of sources."""
    db = sqlite3.connect(path, isolation_level=None)
    # No journal and no fsync: a killed run leaves only a temporary file, and replacing() syncs the whole one.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
        db.execute(f"PRAGMA {pragma}")
    db.executescript(files(__package__).joinpath("schema.sql").read_text(encoding="utf-8"))
    return db


def _insert(db: sqlite3.Connection, table: str, pieces: Iterable[pl.DataFrame]) -> None:
    # While SQLite inserts rows, which needs no Python, a thread makes the next rows into Python's values.
    ahead = deque[tuple[pl.DataFrame, Future[list[Any]]]]()
    with ThreadPoolExecutor(1) as pool:
        for frame in pieces:
            for rows in frame.iter_slices(_VALUES_PER_INSERT // frame.width):
                ahead.append((rows, pool.submit(_values, rows)))
                if len(ahead) > 1:
                    _insert_rows(db, table, *ahead.popleft())
        for rows, values in ahead:
            _insert_rows(db, table, rows, values)


def _values(rows: pl.DataFrame) -> list[Any]:
    return list(chain.from_iterable(rows.iter_rows()))


def _insert_rows(db: sqlite3.Connection, table: str, rows: pl.DataFrame, values: Future[list[Any]]) -> None:
    row = f"({', '.join('?' * rows.width)})"
    db.execute(f'INSERT INTO "{table}" VALUES {", ".join([row] * rows.height)}', values.result())
