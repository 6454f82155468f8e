"""A mapping as one Parquet file: a row per image, of all sources, with the columns that the catalog has.

Nothing in it is looked up by key, so no index is kept: writing is sequential and reading takes only what is asked
for. That is what SQLite is too slow for beyond some ten million images (docs/scale.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from ..core.tables import write_parquet
from ..errors import InputError
from ..sources.base import Source

_TYPES = {int: pl.Int64, str: pl.String}
_FLAGS = ["is_val", "is_train_small"]
_COMMON = {"source": pl.String, "treeoflife_id": pl.String, "is_val": pl.Boolean, "is_train_small": pl.Boolean}
_ROWS_AT_ONCE = 1_000_000


def absent(path: Path, source: Source) -> str:
    """What the mapping lacks of a source's table, in words; empty if nothing."""
    schema = _schema(path)
    if missing := [column for column in [*_COMMON, *source.catalog] if column not in schema]:
        return f"no columns {missing}"
    return "" if count(path, source) else f"no row of the source '{source.name}'"


def without_splits(path: Path) -> str:
    """What the mapping lacks of its splits, in words; empty if nothing."""
    return f"images without {_FLAGS}" if _scan(path).select(_unsplit().any()).collect().item() else ""


def batches(path: Path, source: Source, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """The images of a source: these of its columns, and ``treeoflife_id``."""
    called = dict(zip(source.columns, source.catalog, strict=True))
    yield pl.DataFrame(schema={**{name: _TYPES[source.columns[name]] for name in columns}, "treeoflife_id": pl.String})
    if set(source.catalog) <= _schema(path).keys():
        wanted = [pl.col(called[name]).cast(_TYPES[source.columns[name]]).alias(name) for name in columns]
        yield _collected(path, _scan(path).filter(source=source.name).select(*wanted, "treeoflife_id"))


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    """The split of every image that has one."""
    for rows in _pieces(path):
        yield rows.filter(~_unsplit()).select("treeoflife_id", *_FLAGS)


def ids(path: Path) -> Iterator[pl.Series]:
    """All ids, whatever their sources."""
    yield _collected(path, _scan(path).select("treeoflife_id"))["treeoflife_id"]


def count(path: Path, source: Source) -> int:
    """How many images of a source there are."""
    return int(_collected(path, _scan(path).filter(source=source.name).select(pl.len())).item())


def made_from(path: Path, stage: str) -> Any:
    """What a stage recorded about its inputs when it wrote the mapping; None if it did not."""
    return _record(path).get(stage)


def write_mapping(path: Path, tables: Iterable[tuple[Source, pl.DataFrame]], inputs: Any) -> None:
    """Write a mapping without splits."""
    frames = [_as_catalogued(source, frame) for source, frame in tables]
    schema = pl.Schema(_COMMON | {name: kind for frame in frames for name, kind in frame.schema.items()})
    nothing = pl.DataFrame(schema=schema)

    def pieces() -> Iterator[pl.DataFrame]:
        for frame in frames:
            for piece in frame.iter_slices(_ROWS_AT_ONCE):
                yield pl.concat([nothing, piece], how="diagonal")

    write_parquet(path, schema, pieces, lambda: {"mapping": inputs})


def write_splits(path: Path, splits: pl.DataFrame, inputs: Any) -> None:
    """Give a mapping these splits, in place of others; they come in the order of its rows.

    Raises:
        InputError: they are of other images, or in another order.
    """
    schema, record = _schema(path), _record(path)
    other = InputError(f"{path} has other images than those that were split; run again")

    def pieces() -> Iterator[pl.DataFrame]:
        left = splits
        for rows in _pieces(path):
            part, left = left[: rows.height], left[rows.height :]
            if not rows["treeoflife_id"].equals(part["treeoflife_id"]):
                raise other
            yield rows.with_columns(part[flag].cast(pl.Boolean) for flag in _FLAGS)
        if left.height:
            raise other

    write_parquet(path, schema, pieces, lambda: record | {"splits": inputs})


def _as_catalogued(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    called = [pl.col(name).alias(new) for name, new in zip(source.columns, source.catalog, strict=True)]
    return frame.select(pl.lit(source.name).alias("source"), "treeoflife_id", *called)


def _unsplit() -> pl.Expr:
    return pl.any_horizontal(pl.col(_FLAGS).is_null())


def _pieces(path: Path) -> Iterator[pl.DataFrame]:
    """All rows in order, a few row groups at a time."""
    rows = _scan(path).select(pl.len()).collect().item()
    for start in range(0, rows, _ROWS_AT_ONCE):
        yield _collected(path, _scan(path).slice(start, _ROWS_AT_ONCE))


def _scan(path: Path) -> pl.LazyFrame:
    _schema(path)
    return pl.scan_parquet(path)


def _schema(path: Path) -> pl.Schema:
    """The columns.

    Raises:
        InputError: there is no such file, or it is not a mapping.
    """
    if not path.is_file():
        raise InputError(f"there is no mapping at {path}")
    try:
        schema = pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} is not a mapping that can be read: {error}") from None
    if "treeoflife_id" not in schema or "source" not in schema:
        raise InputError(f"{path} is not a mapping: it lacks the columns {['source', 'treeoflife_id']}")
    return pl.Schema(schema)


def _record(path: Path) -> dict[str, Any]:
    _schema(path)
    record = json.loads(pl.read_parquet_metadata(path).get("treeoflife") or "{}")
    return record if isinstance(record, dict) else {}


def _collected(path: Path, rows: pl.LazyFrame) -> pl.DataFrame:
    try:
        return rows.collect()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} is not a mapping that can be read: {error}") from None
