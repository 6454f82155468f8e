"""Mappings as one Parquet file: a row per image of all sources, with the columns of the catalog.

No stage looks up single rows, so there is no index: writing is sequential, and reading takes only the columns it needs.
SQLite is too slow beyond some ten million images; docs/scale.md compares both.

The functions without a docstring are those of :class:`.store.Format`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from ..core.tables import parquet_schema, write_parquet
from ..core.text import reason
from ..errors import InputError
from ..sources.base import Source

_TYPES = {int: pl.Int64, str: pl.String}
_FLAGS = ["is_val", "is_train_small"]
_COMMON = {"source": pl.String, "treeoflife_id": pl.String, "is_val": pl.Boolean, "is_train_small": pl.Boolean}
# Rows in memory at once: a few row groups of a Parquet file, some 100 MB.
_ROWS_AT_ONCE = 1_000_000


def describe_missing(path: Path, source: Source) -> str:
    schema = _schema(path)
    if missing := [column for column in [*_COMMON, *source.catalog] if column not in schema]:
        return f"no columns {missing}"
    return "" if count(path, source) else f"no row of the source '{source.name}'"


def describe_missing_splits(path: Path) -> str:
    return f"images without {_FLAGS}" if _scan(path).select(_has_no_split().any()).collect().item() else ""


def batches(path: Path, source: Source, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    catalog_names = dict(zip(source.columns, source.catalog, strict=True))
    types = {name: _TYPES[source.columns[name]] for name in columns}
    yield pl.DataFrame(schema={**types, "treeoflife_id": pl.String})
    if set(source.catalog) <= _schema(path).keys():
        values = [pl.col(catalog_names[name]).cast(kind).alias(name) for name, kind in types.items()]
        yield _collect(path, _scan(path).filter(source=source.name).select(*values, "treeoflife_id"))


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    for rows in _pieces(path):
        yield rows.filter(~_has_no_split()).select("treeoflife_id", *_FLAGS)


def ids(path: Path) -> Iterator[pl.Series]:
    yield _collect(path, _scan(path).select("treeoflife_id"))["treeoflife_id"]


def count(path: Path, source: Source) -> int:
    return int(_collect(path, _scan(path).filter(source=source.name).select(pl.len())).item())


def write_mapping(path: Path, tables: Iterable[tuple[Source, pl.DataFrame]]) -> None:
    frames = []
    for source, frame in tables:
        keys = [pl.col(name).alias(new) for name, new in zip(source.columns, source.catalog, strict=True)]
        frames.append(frame.select(pl.lit(source.name).alias("source"), "treeoflife_id", *keys))
    schema = pl.Schema(_COMMON | {name: kind for frame in frames for name, kind in frame.schema.items()})
    empty = pl.DataFrame(schema=schema)

    def pieces() -> Iterator[pl.DataFrame]:
        for frame in frames:
            for piece in frame.iter_slices(_ROWS_AT_ONCE):
                yield pl.concat([empty, piece], how="diagonal")

    write_parquet(path, schema, pieces)


def write_splits(path: Path, splits: pl.DataFrame) -> None:
    # The file is rewritten row by row: splits that are not in the order of its rows are refused rather than joined.
    schema = _schema(path)
    mismatch = InputError(f"{path} holds other images than those that were split; run the build again")

    def pieces() -> Iterator[pl.DataFrame]:
        left = splits
        for rows in _pieces(path):
            part, left = left[: rows.height], left[rows.height :]
            if not rows["treeoflife_id"].equals(part["treeoflife_id"]):
                raise mismatch
            yield rows.with_columns(part[flag].cast(pl.Boolean) for flag in _FLAGS)
        if left.height:
            raise mismatch

    write_parquet(path, schema, pieces)


def _has_no_split() -> pl.Expr:
    return pl.any_horizontal(pl.col(_FLAGS).is_null())


def _pieces(path: Path) -> Iterator[pl.DataFrame]:
    """All rows in order, ``_ROWS_AT_ONCE`` at a time."""
    rows = _scan(path).select(pl.len()).collect().item()
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield _collect(path, _scan(path).slice(start, _ROWS_AT_ONCE))


def _scan(path: Path) -> pl.LazyFrame:
    _schema(path)
    return pl.scan_parquet(path, glob=False)


def _schema(path: Path) -> pl.Schema:
    """The columns of the file.

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
    return schema


def _collect(path: Path, rows: pl.LazyFrame) -> pl.DataFrame:
    try:
        return rows.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read as a mapping: {reason(error)}") from None
