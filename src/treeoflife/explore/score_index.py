"""An index of scores for the page: images sorted by a score, and those whose scores are in a range.

For each column of numbers there are two arrays, mapped into memory from the dataset's ``.view`` folder: the value of
each row of the lineage index, NaN where there is none; and the rows in the order of their values, those without one
last. So a sorted page of a taxon is a look at each of these once, and the next page is a slice of what was found.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.config import load
from ..core.files import fingerprint, stamp
from ..core.json_reader import read_json_file
from ..core.tables import Array
from ..errors import InputError
from ..selection.scores.score_file import ID, ScoreFile, score_files
from ..shards import locations
from ..shards.reader import Dataset
from ..shards.view_folder import cache_folder, replacing_folder
from .lineage_index import Filter, LineageIndex

STEP_VERSION = 1
_BINS = 20
_IDS_AT_ONCE = 1_000_000
_CACHED_SELECTIONS = 4  # of 4 bytes an image each


@dataclass(frozen=True)
class Selection:
    """Which images to show beyond the filter of facets, and in what order.

    Attributes:
        sort: the column by whose values images are sorted, such as ``detector.animal``; empty for their lineage.
        descending: the highest first. Images without a value come last either way.
        ranges: columns, each with the least and the greatest value that is shown.
    """

    sort: str = ""
    descending: bool = False
    ranges: tuple[tuple[str, float, float], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.sort or self.ranges)


@dataclass
class ScoreIndex:
    """The scores of the images of a dataset.

    Attributes:
        index: the lineage index, whose rows these are.
        files: the files of scores.
        values: for each column, called ``NAME.COLUMN``, the value of each row.
        order: for each column, the rows by their values.
        counts: for each column, what :meth:`describe` says.
    """

    index: LineageIndex
    files: Sequence[ScoreFile]
    values: dict[str, Array]
    order: dict[str, Array]
    counts: dict[str, dict[str, Any]]
    _selected: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._selected = lru_cache(_CACHED_SELECTIONS)(self._select)

    def describe(self) -> list[dict[str, Any]]:
        """Each column: its name, how many images have a value, the least and the greatest, and a histogram of them."""
        return [{"name": name, **counts} for name, counts in self.counts.items()]

    def of_row(self, row: int, treeoflife_id: str) -> dict[str, float | str]:
        """The scores of an image by column: numbers, and texts as their files have them."""
        found: dict[str, float | str] = {}
        for name, values in self.values.items():
            if math.isfinite(value := float(values[row])):
                found[name] = value
        for file in self.files:
            texts = [one for one, about in file.columns.items() if about.kind == "text"]
            if texts:
                rows = file.scan().filter(pl.col(ID) == treeoflife_id).select(texts).head(1).collect()
                found |= {f"{file.name}.{one}": str(rows[one][0]) for one in texts if rows.height and rows[one][0]}
        return found

    def rows(
        self, node: str, image_filter: Filter, selection: Selection, offset: int, limit: int
    ) -> tuple[int, list[int]]:
        """How many images of a taxon pass a filter and the ranges; and some of their rows, in order.

        Raises:
            InputError: there is no such column.
        """
        for name in (selection.sort, *(one for one, _, _ in selection.ranges)):
            if name and name not in self.values:
                raise InputError(f"there is no score '{name}'; there are {', '.join(self.values) or 'none'}")
        selected = self._selected(node, image_filter, selection)
        return len(selected), [int(row) for row in selected[offset : offset + limit]]

    def _select(self, node: str, image_filter: Filter, selection: Selection) -> Array:
        (first, last), passing = self.index.row_range(node), self.index.passing(image_filter)
        wanted = np.zeros(len(self.index), dtype=bool)
        wanted[first:last] = True if passing is None else passing[first:last]
        for name, least, greatest in selection.ranges:
            values = self.values[name][first:last]
            wanted[first:last] &= (values >= least) & (values <= greatest)
        if not selection.sort:
            return np.flatnonzero(wanted).astype(np.uint32)
        order = np.asarray(self.order[selection.sort])
        if selection.descending:
            valued = self.counts[selection.sort]["images"]
            order = np.concatenate([order[:valued][::-1], order[valued:]])
        selected: Array = order[wanted[order]]
        return selected


def open_scores(dataset: Dataset, index: LineageIndex) -> ScoreIndex:
    """Open the index of the scores of a dataset; it is built first if it is missing or out of date.

    Raises:
        InputError: a file of scores cannot be read.
    """
    paths, folder = dataset.paths, cache_folder(dataset.paths) / "scores"
    configured = list(load(paths.config).scores) if paths.config.exists() else []
    files = score_files(paths, configured)
    tree = locations.recorded_fingerprint(cache_folder(paths) / "tree")
    made_from = fingerprint([STEP_VERSION, tree, [[file.name, stamp(file.path)] for file in files]])
    if locations.recorded_fingerprint(folder) != made_from:
        with replacing_folder(folder) as new:
            _build(new, dataset, index, files, made_from)
    counts = read_json_file(folder / "known.json")["counts"]
    arrays = [
        {name: np.load(folder / f"{kind}-{number}.npy", mmap_mode="r") for number, name in enumerate(counts)}
        for kind in ("values", "order")
    ]
    return ScoreIndex(index, files, arrays[0], arrays[1], counts)


def _build(folder: Path, dataset: Dataset, index: LineageIndex, files: Sequence[ScoreFile], made_from: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    row_of = np.full(len(dataset), -1, np.int64)
    row_of[np.asarray(index.number)] = np.arange(len(index))
    counts: dict[str, dict[str, Any]] = {}
    for file in files:
        columns = _values(dataset, file, row_of, len(index)) if file.numbers else {}
        for name, values in columns.items():
            order = np.argsort(values, kind="stable").astype(np.uint32)  # NaN comes last
            number = len(counts)
            counts[f"{file.name}.{name}"] = _counts(values)
            arrays = {f"values-{number}": values, f"order-{number}": order}
            locations.write_arrays(folder, arrays, {"known": None})
    locations.write_arrays(folder, {}, {"known": made_from, "counts": counts})


def _values(dataset: Dataset, file: ScoreFile, row_of: Array, images: int) -> dict[str, Array]:
    """The value of each row, for each column of numbers."""
    values = {name: np.full(images, np.nan) for name in file.numbers}
    scores = file.scan().select(ID, *file.numbers)
    total = int(scores.select(pl.len()).collect().item())
    for first in range(0, total, _IDS_AT_ONCE):
        piece = scores.slice(first, _IDS_AT_ONCE).collect()
        numbers = dataset.locations.find(piece[ID].to_list(), range(len(dataset)))
        present = np.flatnonzero(numbers >= 0)
        rows = row_of[numbers[present]]
        for name, own in values.items():
            own[rows[rows >= 0]] = piece[name].fill_null(np.nan).to_numpy()[present][rows >= 0]
    return values


def _counts(values: Array) -> dict[str, Any]:
    """How many images have a value, the least and the greatest finite one, and how many are in each of equal bins."""
    finite = values[np.isfinite(values)]
    images = int(np.count_nonzero(~np.isnan(values)))
    if not len(finite):
        return {"images": images, "least": None, "greatest": None, "bins": []}
    bins, _ = np.histogram(finite, _BINS)
    return {"images": images, "least": float(finite.min()), "greatest": float(finite.max()), "bins": bins.tolist()}
