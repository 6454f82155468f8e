"""Mappings of others as one Parquet file: a row per image of all sources, with the columns of the catalog.

The functions without a docstring are those of :class:`.published.Format`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database
from ..core.tables import PARQUET_ERRORS, parquet_schema
from ..core.text import reason
from ..errors import InputError
from ..sources.base import Source
from .images import MAPPING_COLUMNS, row_schema

_FLAGS = ["is_val", "is_train_small"]
# Rows in memory at once: a few row groups of a Parquet file, some 100 MB.
_ROWS_AT_ONCE = 1_000_000


def is_mapping(path: Path) -> bool:
    """Whether a Parquet file says of each row which source it is of, as catalogs do not."""
    return "source" in _scan(path).collect_schema()


def describe_missing(path: Path, sources: Sequence[Source]) -> str:
    rows = _scan(path)
    schema, wanted = rows.collect_schema(), dict.fromkeys(MAPPING_COLUMNS)
    wanted |= dict.fromkeys(name for source in sources for name in source.catalog)
    if missing := [column for column in wanted if column not in schema]:
        return f"no columns {missing}"
    present = _collect(path, rows.select(pl.col("source").cast(pl.String).unique())).to_series()
    if absent := [source.name for source in sources if source.name not in present]:
        return f"no row of the source '{absent[0]}'"
    without = _collect(path, rows.select(_has_no_split().any())).item()
    return f"images without {_FLAGS}" if without else ""


def open_rows(database: Database, path: Path, sources: Sequence[Source]) -> list[str]:
    schema, present = row_schema(sources), _scan(path).collect_schema()
    names = [source.name for source in sources if present.keys() >= set(source.catalog)]
    values = [pl.col(name) if name in present else pl.lit(None).alias(name) for name in schema]
    rows = _scan(path).select(values).cast(schema).with_columns(pl.when(~_has_no_split()).then(pl.col(_FLAGS)))
    own = (piece.filter(pl.col("source").is_in(names)) for piece in _pieces(path, rows))
    database.spool("published_row", own, schema)
    return []


def ids(path: Path) -> Iterator[pl.Series]:
    yield pl.Series("treeoflife_id", [], pl.String)
    for rows in _pieces(path, _scan(path).select("treeoflife_id")):
        yield rows["treeoflife_id"]


def _has_no_split() -> pl.Expr:
    return pl.any_horizontal(pl.col(_FLAGS).is_null())


def _pieces(path: Path, rows: pl.LazyFrame) -> Iterator[pl.DataFrame]:
    """All rows in order, ``_ROWS_AT_ONCE`` at a time."""
    for start in range(0, _collect(path, _scan(path).select(pl.len())).item(), _ROWS_AT_ONCE):
        yield _collect(path, rows.slice(start, _ROWS_AT_ONCE))


def _scan(path: Path) -> pl.LazyFrame:
    """The rows of the file; an InputError if it cannot be read."""
    try:
        parquet_schema(path)
    except PARQUET_ERRORS as error:
        raise InputError(f"{path} cannot be read as a mapping: {reason(error)}") from None
    return pl.scan_parquet(path, glob=False)


def _collect(path: Path, rows: pl.LazyFrame) -> pl.DataFrame:
    try:
        return rows.collect()
    except PARQUET_ERRORS as error:
        raise InputError(f"{path} cannot be read as a mapping: {reason(error)}") from None
