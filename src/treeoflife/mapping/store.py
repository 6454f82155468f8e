"""Reading and writing ``mapping.sqlite``. A published one is only ever read; ours is replaced as a whole."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from ..errors import InputError
from ..files import replacing
from ..sources import Source

ID = "evobio10m_id"
"""What the published mapping calls the treeoflife id."""

_ROWS_AT_ONCE = 100_000
_ROWS_A_STATEMENT = 250
_CACHE_KB = 600_000
"""Room for the ids of ten million images: they come in no order, and their index would be read from disk for each."""
_TYPES = {int: pl.Int64, str: pl.String}
_SQL_TYPES = {int: "INT", str: "TEXT"}


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection.

    Raises:
        InputError: there is no such file, or it is not a mapping.
    """
    if not path.is_file():
        raise InputError(f"there is no mapping at {path}")
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            yield db
    except sqlite3.DatabaseError as error:
        raise InputError(f"{path} is not a mapping that can be read: {error}") from None


def check(path: Path, sources: Iterable[Source]) -> None:
    """See that a mapping has the tables and columns of all sources, and of the splits.

    Raises:
        InputError: one is missing; the message names it.
    """
    expected = {source.name: [*source.columns, ID] for source in sources}
    expected["split"] = [ID, "is_val", "is_train_small"]
    with reading(path) as db:
        for table, columns in expected.items():
            there = {row[1] for row in db.execute(f'PRAGMA table_info("{table}")')}
            if missing := [column for column in columns if column not in there]:
                what = f"no table '{table}'" if not there else f"no column {missing} in its table '{table}'"
                raise InputError(f"the mapping {path} has {what}; a mapping has {list(expected)}")


def read_source(path: Path, source: Source) -> pl.DataFrame:
    """All images of a source: its columns, and ``treeoflife_id``. Empty where the mapping lacks its table."""
    return read_table(path, source.name, source.columns)


def read_table(path: Path, table: str, columns: Mapping[str, type[int] | type[str]]) -> pl.DataFrame:
    """All rows of the table of a source: these columns, and ``treeoflife_id``."""
    schema = {**{column: _TYPES[kind] for column, kind in columns.items()}, "treeoflife_id": pl.String}
    return _read(path, table, [*columns, ID], schema)


def ids(path: Path) -> pl.Series:
    """All ids of a mapping, whatever its sources."""
    with reading(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        having = [
            one
            for one in tables
            if one != "split" and ID in {row[1] for row in db.execute(f'PRAGMA table_info("{one}")')}
        ]
    if not having:
        raise InputError(f"{path} is not a mapping: no table has a column {ID}")
    return pl.concat([_read(path, one, [ID], {"treeoflife_id": pl.String}) for one in having])["treeoflife_id"]


def read_splits(path: Path) -> pl.DataFrame:
    """The split of every image: ``treeoflife_id``, ``is_val``, ``is_train_small``."""
    return pl.concat(split_batches(path))


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    """The same in batches, of which the first is empty."""
    schema = {"treeoflife_id": pl.String, "is_val": pl.Int64, "is_train_small": pl.Int64}
    for batch in _batches(path, "split", [ID, *list(schema)[1:]], schema):
        yield batch.with_columns(pl.col("is_val", "is_train_small") != 0)


def count(path: Path, table: str) -> int:
    """How many rows a table has; none where the mapping lacks it."""
    with reading(path) as db:
        if not _has(db, table):
            return 0
        return int(db.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - the name is ours


def _has(db: sqlite3.Connection, table: str) -> bool:
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())


def _read(path: Path, table: str, columns: list[str], schema: dict[str, Any]) -> pl.DataFrame:
    return pl.concat(_batches(path, table, columns, schema))


def _batches(path: Path, table: str, columns: list[str], schema: dict[str, Any]) -> Iterator[pl.DataFrame]:
    names = ", ".join(f'"{column}"' for column in columns)
    yield pl.DataFrame(schema=schema)
    with reading(path) as db:
        if not _has(db, table):
            return
        rows = db.execute(f'SELECT {names} FROM "{table}"')  # noqa: S608 - the names are ours
        while batch := rows.fetchmany(_ROWS_AT_ONCE):
            yield _frame(path, table, batch, schema)


def _frame(path: Path, table: str, batch: list[Any], schema: dict[str, Any]) -> pl.DataFrame:
    try:
        return pl.DataFrame(
            [
                pl.Series(name, column, dtype=kind)
                for (name, kind), column in zip(schema.items(), zip(*batch, strict=True), strict=True)
            ]
        )
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the table '{table}' of {path} has a value of the wrong type: {error}") from None


def made_from(path: Path, stage: str) -> Any:
    """What ``stage`` recorded about its inputs when it wrote the mapping; None if it did not."""
    if not path.is_file():
        return None
    with reading(path) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'made_from'").fetchone():
            return None
        row = db.execute("SELECT inputs FROM made_from WHERE stage = ?", (stage,)).fetchone()
    return json.loads(row[0]) if row else None


def write_mapping(path: Path, tables: Iterable[tuple[Source, pl.DataFrame]], inputs: Any) -> None:
    """Write a mapping without splits; rows lie in the order of their natural keys: its bytes depend on them alone.

    Args:
        path: the file, replaced as a whole.
        tables: the images of each source: its columns and ``treeoflife_id``.
        inputs: what they were made from.
    """

    def fill(db: sqlite3.Connection) -> None:
        for source, frame in tables:
            kinds = ", ".join(f'"{column}" {_SQL_TYPES[kind]} NOT NULL' for column, kind in source.columns.items())
            keys = ", ".join(f'"{column}"' for column in source.key)
            db.execute(f'CREATE TABLE "{source.name}" ({kinds}, {ID} TEXT NOT NULL PRIMARY KEY)')
            _insert(db, source.name, frame.sort(source.key).select(*source.columns, "treeoflife_id"))
            db.execute(f'CREATE UNIQUE INDEX "{source.name}_key" ON "{source.name}" ({keys})')
        _record(db, "mapping", inputs)

    _replace(path, fill, start=None)


def write_splits(path: Path, splits: pl.DataFrame, inputs: Any) -> None:
    """Give an existing mapping these splits (``treeoflife_id``, ``is_val``, ``is_train_small``), in place of others."""

    def fill(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM split")
        rows = splits.sort("treeoflife_id").with_columns(pl.col("is_val", "is_train_small").cast(pl.Int8))
        _insert(db, "split", rows)
        _record(db, "splits", inputs)

    _replace(path, fill, start=path)


def _insert(db: sqlite3.Connection, table: str, frame: pl.DataFrame) -> None:
    """Insert all rows, many with one statement: that halves the time."""
    values, row = chain.from_iterable(frame.iter_rows()), f"({', '.join('?' * frame.width)})"
    while some := list(islice(values, frame.width * _ROWS_A_STATEMENT)):
        rows = ", ".join([row] * (len(some) // frame.width))
        db.execute(f'INSERT INTO "{table}" VALUES {rows}', some)  # noqa: S608 - the name is ours


def _record(db: sqlite3.Connection, stage: str, inputs: Any) -> None:
    db.execute("INSERT OR REPLACE INTO made_from VALUES (?, ?)", (stage, json.dumps(inputs, sort_keys=True)))


def _replace(path: Path, fill: Callable[[sqlite3.Connection], None], start: Path | None) -> None:
    """Write a new file, beginning with the tables of ``start``, and put it in the place of ``path``."""
    with replacing(path) as temporary, closing(sqlite3.connect(temporary, isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = OFF")
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        if start:
            with reading(start) as old:
                old.backup(db)
        db.executescript(files(__package__).joinpath("schema.sql").read_text())
        db.execute("BEGIN")
        fill(db)
        db.execute("COMMIT")
        db.execute("VACUUM")
