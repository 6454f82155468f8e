"""Mappings of others as one Parquet file: a row per image of all sources, with the columns of the catalog.

The functions without a docstring are those of :class:`.published.Format`.
"""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..core.tables import parquet_schema
from ..core.text import reason
from ..errors import InputError
from ..sources.base import Source
from .images import catalog_names

_TYPES = {int: pl.Int64, str: pl.String}
_FLAGS = ["is_val", "is_train_small"]
_COMMON = ("source", "treeoflife_id", *_FLAGS)
# Rows in memory at once: a few row groups of a Parquet file, some 100 MB.
_ROWS_AT_ONCE = 1_000_000


def describe_missing(path: Path, source: Source) -> str:
    rows = _scan(path)
    schema = rows.collect_schema()
    if missing := [column for column in [*_COMMON, *source.catalog] if column not in schema]:
        return f"no columns {missing}"
    count = _collect(path, rows.filter(source=source.name).select(pl.len())).item()
    return "" if count else f"no row of the source '{source.name}'"


def describe_missing_splits(path: Path) -> str:
    without = _collect(path, _scan(path).select(_has_no_split().any())).item()
    return f"images without {_FLAGS}" if without else ""


def batches(path: Path, source: Source) -> Iterator[pl.DataFrame]:
    names = catalog_names(source)
    types = {name: _TYPES[kind] for name, kind in source.columns.items()}
    yield pl.DataFrame(schema={**types, "treeoflife_id": pl.String})
    if set(source.catalog) <= _scan(path).collect_schema().keys():
        values = [pl.col(names[name]).cast(kind).alias(name) for name, kind in types.items()]
        for rows in _pieces(path, [*source.catalog, "source", "treeoflife_id"]):
            yield rows.filter(source=source.name).select(*values, "treeoflife_id")


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    for rows in _pieces(path, ["treeoflife_id", *_FLAGS]):
        yield rows.filter(~_has_no_split()).select("treeoflife_id", *_FLAGS)


def ids(path: Path) -> Iterator[pl.Series]:
    yield pl.Series("treeoflife_id", [], pl.String)
    for rows in _pieces(path, ["treeoflife_id"]):
        yield rows["treeoflife_id"]


def _has_no_split() -> pl.Expr:
    return pl.any_horizontal(pl.col(_FLAGS).is_null())


def _pieces(path: Path, columns: list[str]) -> Iterator[pl.DataFrame]:
    """These columns of all rows in order, ``_ROWS_AT_ONCE`` at a time."""
    rows = _scan(path).select(columns)
    for start in range(0, _collect(path, _scan(path).select(pl.len())).item(), _ROWS_AT_ONCE):
        yield _collect(path, rows.slice(start, _ROWS_AT_ONCE))


def _scan(path: Path) -> pl.LazyFrame:
    """The rows of the file.

    Raises:
        InputError: there is no such file, or it is not a mapping.
    """
    if not path.is_file():
        raise InputError(f"there is no mapping at {path}")
    try:
        schema = parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as a mapping: {reason(error)}") from None
    if "treeoflife_id" not in schema or "source" not in schema:
        raise InputError(f"{path} is not a mapping: it needs the columns {['source', 'treeoflife_id']}")
    return pl.scan_parquet(path, glob=False)


def _collect(path: Path, rows: pl.LazyFrame) -> pl.DataFrame:
    try:
        return rows.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as a mapping: {reason(error)}") from None
