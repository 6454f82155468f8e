"""A mapping as the published ones are: an SQLite file with a table per source, and one of splits."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from itertools import chain, islice
from pathlib import Path
from typing import Any

import polars as pl

from ..core.files import replacing
from ..errors import InputError
from ..sources.base import Source

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


def absent(path: Path, source: Source) -> str:
    """What the mapping lacks of a source's table, in words; empty if nothing."""
    return _absent(path, source.name, [*source.columns, ID])


def without_splits(path: Path) -> str:
    """What the mapping lacks of its splits, in words; empty if nothing."""
    return _absent(path, "split", [ID, "is_val", "is_train_small"])


def _absent(path: Path, table: str, columns: list[str]) -> str:
    with reading(path) as db:
        there = {row[1] for row in db.execute(f'PRAGMA table_info("{table}")')}
    missing = [column for column in columns if column not in there]
    if not missing:
        return ""
    return f"no column {missing} in its table '{table}'" if there else f"no table '{table}'"


def batches(path: Path, source: Source, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """The images of a source: these of its columns, and ``treeoflife_id``."""
    names = list(columns)
    schema = {**{column: _TYPES[source.columns[column]] for column in names}, "treeoflife_id": pl.String}
    return _batches(path, source.name, [*names, ID], schema)


def ids(path: Path) -> Iterator[pl.Series]:
    """All ids, whatever their sources."""
    with reading(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        having = [
            one
            for one in tables
            if one != "split" and ID in {row[1] for row in db.execute(f'PRAGMA table_info("{one}")')}
        ]
    if not having:
        raise InputError(f"{path} is not a mapping: no table has a column {ID}")
    for one in having:
        for batch in _batches(path, one, [ID], {"treeoflife_id": pl.String}):
            yield batch["treeoflife_id"]


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    """The split of every image that has one."""
    schema = {"treeoflife_id": pl.String, "is_val": pl.Int64, "is_train_small": pl.Int64}
    for batch in _batches(path, "split", [ID, *list(schema)[1:]], schema):
        yield batch.with_columns(pl.col("is_val", "is_train_small") != 0)


def count(path: Path, source: Source) -> int:
    """How many images of a source there are."""
    with reading(path) as db:
        if not _has(db, source.name):
            return 0
        return int(db.execute(f'SELECT count(*) FROM "{source.name}"').fetchone()[0])  # noqa: S608 - the name is ours


def _has(db: sqlite3.Connection, table: str) -> bool:
    return bool(db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone())


def _batches(path: Path, table: str, columns: list[str], schema: dict[str, Any]) -> Iterator[pl.DataFrame]:
    """The rows in the order in which they lie; an index that has the columns would give them in another."""
    names = ", ".join(f'"{column}"' for column in columns)
    yield pl.DataFrame(schema=schema)
    with reading(path) as db:
        if not _has(db, table):
            return
        rows = db.execute(f'SELECT {names} FROM "{table}" NOT INDEXED')  # noqa: S608 - the names are ours
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
    """What a stage recorded about its inputs when it wrote the mapping; None if it did not."""
    with reading(path) as db:
        if not _has(db, "made_from"):
            return None
        row = db.execute("SELECT inputs FROM made_from WHERE stage = ?", (stage,)).fetchone()
    return json.loads(row[0]) if row else None


def write_mapping(path: Path, tables: Iterable[tuple[Source, pl.DataFrame]], inputs: Any) -> None:
    """Write a mapping without splits."""

    def fill(db: sqlite3.Connection) -> None:
        for source, frame in tables:
            kinds = ", ".join(f'"{column}" {_SQL_TYPES[kind]} NOT NULL' for column, kind in source.columns.items())
            keys = ", ".join(f'"{column}"' for column in source.key)
            db.execute(f'CREATE TABLE "{source.name}" ({kinds}, {ID} TEXT NOT NULL PRIMARY KEY)')
            _insert(db, source.name, frame.select(*source.columns, "treeoflife_id"))
            db.execute(f'CREATE UNIQUE INDEX "{source.name}_key" ON "{source.name}" ({keys})')
        _record(db, "mapping", inputs)

    _replace(path, fill, start=None)


def write_splits(path: Path, splits: pl.DataFrame, inputs: Any) -> None:
    """Give a mapping these splits, in place of others."""

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
    db.execute("DELETE FROM made_from WHERE stage = ?", (stage,))  # replacing would give the row a number of its own
    db.execute("INSERT INTO made_from VALUES (?, ?)", (stage, json.dumps(inputs, sort_keys=True)))


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
        db.execute("PRAGMA schema_version = 1")
        db.close()
        _forget_changes(temporary)


def _forget_changes(path: Path) -> None:
    """Have the file count as changed once: how often tables were replaced before must not show in its bytes.

    The change counter stands at byte 24 of the header, and once more at byte 92 (https://www.sqlite.org/fileformat2.html).
    """
    with path.open("r+b") as file:
        for place in (24, 92):
            file.seek(place)
            file.write((1).to_bytes(4))
