"""Numbers about images, by which a selection is sorted: the size of the original, measures of quality, and scores.

A number is an array with a value for each sample, by its number in the dataset; NaN where nothing is known. Whatever
has floating-point numbers in the index of the shards, such as scores, is among them without being named here.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..config.paths import Paths
from ..core.files import exists
from ..core.tables import Array, parquet_schema
from ..selection import quality

_SIZES = ("width", "height")
_PLACE = ("source", "container", "position")


def collect_numbers(paths: Paths, indexes: Sequence[Path]) -> dict[str, Array]:
    """The numbers of all samples, by name; those of which no sample has a value are left out.

    Args:
        indexes: the index of each shard.
    """
    parts = [_numbers_of(paths, index) for index in indexes]
    table = pl.concat(parts, how="diagonal")
    columns = table.drop("treeoflife_id").fill_null(float("nan"))
    arrays = {name: columns[name].to_numpy().astype(np.float32) for name in columns.columns}
    return {name: values for name, values in arrays.items() if not np.isnan(values).all()}


def _numbers_of(paths: Paths, index: Path) -> pl.DataFrame:
    """A row for each sample of a shard."""
    schema = parquet_schema(index)
    wanted = [name for name, kind in schema.items() if name in _SIZES or kind.is_float()]
    placed = [name for name in _PLACE if name in schema]
    rows = pl.read_parquet(index, columns=["treeoflife_id", *wanted, *placed], glob=False)
    if len(placed) == len(_PLACE):
        rows = _with_measures(paths, rows)
    # The id stays: a table without any number still has its rows.
    return rows.select("treeoflife_id", pl.exclude("treeoflife_id", *_PLACE).cast(pl.Float32))


def _with_measures(paths: Paths, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the measures of quality that the store has of their images."""
    measures = [*_measures(paths, rows)]
    if not measures:
        return rows
    return rows.join(pl.concat(measures, how="diagonal"), on=_PLACE, how="left", maintain_order="left")


def _measures(paths: Paths, rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    for source, container in rows.select("source", "container").unique().sort("source", "container").iter_rows():
        index = paths.encoded_index(source, container)
        if exists(index):
            names = [name for name in quality.COLUMNS if name in parquet_schema(index) and name not in _SIZES]
            table = pl.read_parquet(index, columns=["position", *names], glob=False)
            yield table.with_columns(source=pl.lit(source), container=pl.lit(container)).cast(
                {"position": rows.schema["position"]}
            )


def order_by(values: Array) -> Array:
    """The rows in the order of their values, those without a value last; rows of one value stay in their order.

    >>> order_by(np.array([3, np.nan, 1, 3], np.float32)).tolist()
    [2, 0, 3, 1]
    """
    order: Array = np.argsort(values, kind="stable").astype(np.uint32)  # NumPy sorts NaN last
    return order


def describe(numbers: Mapping[str, Array], row: int) -> dict[str, float]:
    """The numbers of a row that have a value."""
    values = {name: float(array[row]) for name, array in numbers.items()}
    return {name: round(value, 6) for name, value in values.items() if not np.isnan(value)}
