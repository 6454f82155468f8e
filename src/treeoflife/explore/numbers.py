"""Numbers about images, by which a selection is sorted: the size of the original, measures of quality, and scores.

A number is an array with a value for each sample, by its number in the dataset; NaN where nothing is known. Whatever
has floating-point numbers in the index of the shards is among them without being named here.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.paths import Paths
from ..core.files import exists
from ..core.tables import Array, parquet_schema
from ..selection import quality
from ..selection.scores.score_file import ID, ScoreFile
from ..shards.locations import SampleLocations

_SIZES = ("width", "height")
_PLACE = ("source", "container", "position")
_IDS_AT_ONCE = 1_000_000


def collect_numbers(paths: Paths, samples: SampleLocations, scores: Sequence[ScoreFile]) -> dict[str, Array]:
    """The numbers of all samples, by name; those of which no sample has a value are left out.

    Scores are called ``NAME.COLUMN``, as in the rules over them.
    """
    parts = [_numbers_of(paths, shard.index) for shard in samples.shards]
    columns = pl.concat(parts, how="diagonal").drop("treeoflife_id").fill_null(float("nan"))
    arrays = {name: columns[name].to_numpy().astype(np.float32) for name in columns.columns}
    for file in scores:
        arrays |= _scores_of(samples, file)
    return {name: values for name, values in arrays.items() if not np.isnan(values).all()}


def _scores_of(samples: SampleLocations, file: ScoreFile) -> dict[str, Array]:
    """The columns of numbers of a file of scores, in 32 bits where these hold them exactly; a score may be a date."""
    values = {name: np.full(len(samples), np.nan) for name in file.numbers}
    rows = file.scan().select(ID, *file.numbers)
    total = int(rows.select(pl.len()).collect().item()) if values else 0
    for first in range(0, total, _IDS_AT_ONCE):
        piece = rows.slice(first, _IDS_AT_ONCE).collect()
        found = samples.find(piece[ID].to_list(), range(len(samples)))
        present = np.flatnonzero(found >= 0)
        for name, own in values.items():
            own[found[present]] = piece[name].fill_null(np.nan).to_numpy()[present]
    return {f"{file.name}.{name}": _narrowed(own) for name, own in values.items()}


def _narrowed(values: Array) -> Array:
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    return narrow if np.array_equal(narrow, values, equal_nan=True) else values


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
    return {name: shown for name, array in numbers.items() if (shown := shown_number(array[row])) is not None}


def shown_number(value: np.floating[Any]) -> float | None:
    """A number with no more digits than tell it from the next one of its type; None for NaN and infinities.

    >>> shown_number(np.float32(0.1)), shown_number(np.float64("nan"))
    (0.1, None)
    """
    return float(str(value)) if np.isfinite(value) else None


def ends(values: Array) -> tuple[float | None, float | None]:
    """The least and the greatest value, of which there is at least one; None for infinite ones."""
    return shown_number(np.nanmin(values)), shown_number(np.nanmax(values))


def score_texts(scores: Sequence[ScoreFile], treeoflife_id: str) -> dict[str, str]:
    """The scores of an image that are texts, such as the name that a model gave it."""
    found: dict[str, str] = {}
    for file in scores:
        texts = [name for name, column in file.columns.items() if column.kind == "text"]
        if texts:
            rows = file.scan().filter(pl.col(ID) == treeoflife_id).select(texts).head(1).collect()
            found |= {f"{file.name}.{name}": str(rows[name][0]) for name in texts if rows.height and rows[name][0]}
    return found
