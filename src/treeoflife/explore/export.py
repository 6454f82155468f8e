"""A selection as a file: ids, or a table that a spreadsheet, a program or a hold-out list takes."""

import re
from collections.abc import Iterator

import numpy as np
import polars as pl

from ..core.tables import Array, escape_formulas
from ..core.values import NAME_COLUMNS
from .live import View
from .queries import Selection

FORMS = {"ids": "text/plain", "csv": "text/csv", "holdout": "text/csv"}
"""The forms of an export, and their media types."""
_ROWS_AT_ONCE = 50_000
_UNUSED = ("position", "offset", "size", "sha256", "start")


def file_name(selection: Selection, form: str) -> str:
    """What the file of a selection is called, such as ``Plantae-ids.txt``: letters, digits and hyphens alone."""
    path = selection.index.path(selection.node)
    taxon = "-".join(re.findall("[A-Za-z0-9]+", path[-1]["name"]))[:60] if path else "all"
    return f"{taxon or 'images'}-{'ids.txt' if form == 'ids' else 'holdout.csv' if form == 'holdout' else 'images.csv'}"


def export(view: View, selection: Selection, form: str) -> Iterator[str]:
    """The text of a selection, in its order, piece by piece.

    Args:
        view: the dataset.
        selection: some of its images.
        form: ``ids``, one a line; ``csv``, with all columns of the catalog and all numbers; or ``holdout``, a list for
            ``[[holdout]]`` with ``by = "images"``.
    """
    rows = selection.rows()
    if form == "holdout":
        yield "treeoflife_id\n"
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE]
        if form == "csv":
            yield escape_formulas(_table(view, part)).write_csv(include_header=first == 0)
        else:
            yield "".join(f"{one}\n" for one in view.ids(part))


def _table(view: View, rows: Array) -> pl.DataFrame:
    """A row for each image: id, split, names, the other columns of its shard's index, and numbers."""
    locations = view.dataset.locations
    numbers = view.index.number[rows]
    shards, tables = locations.shard[numbers], []
    for shard in np.unique(shards):
        here = np.flatnonzero(shards == shard)
        index = pl.read_parquet(locations.shards[int(shard)].index, glob=False)
        index = index.drop([name for name in index.columns if name in _UNUSED or "." in name])
        picked = index[locations.row[numbers[here]]]
        tables.append(picked.with_columns(split=pl.lit(locations.shards[int(shard)].split), _place=pl.Series(here)))
    table = pl.concat(tables, how="diagonal_relaxed").sort("_place").drop("_place")
    further = {name: values[rows] for name, values in view.index.numbers.items() if name not in table.columns}
    table = table.with_columns(pl.Series(name, values).fill_nan(None) for name, values in further.items())
    first = ["treeoflife_id", "split", *(name for name in NAME_COLUMNS if name in table.columns)]
    return table.select(*first, pl.exclude(first))
