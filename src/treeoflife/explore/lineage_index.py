"""An index of a dataset's images by lineage, for fast counts and pages of images.

Rows are sorted by lineage, so every taxon is one range of rows. Counting the images of a taxon that pass a filter is
one subtraction of running totals, and finding the n-th of them is one binary search. The arrays are mapped into memory
from the dataset's ``.view`` folder, so memory does not grow with the part of the dataset that is viewed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl

from ..core.json_reader import read_json_file
from ..core.tables import Array
from ..core.values import RANKS, SPLITS
from ..selection.findings import Findings
from ..shards.reader import Dataset
from .index_builder import CODES, ensure_index, taxon_starts
from .name_search import NameSearch

# The running totals of a filter take 4 bytes an image: 40 MB at ten million images. A handful lets a person switch
# between a few filters without waiting.
_CACHED_FILTERS = 6
_TRAIN_SMALL = SPLITS.index("train_small")


@dataclass(frozen=True)
class Filter:
    """Which images to show: for each facet the accepted codes; an empty set accepts all."""

    split: frozenset[int] = frozenset()
    source: frozenset[int] = frozenset()
    licence: frozenset[int] = frozenset()
    depth: frozenset[int] = frozenset()
    finding: frozenset[int] = frozenset()


@dataclass
class LineageIndex:
    """The images of a dataset, sorted by lineage.

    A taxon is written as a *node*, ``level.index``: the index-th taxon of the rank ``RANKS[level]``. The empty text
    means all of life.

    Attributes:
        taxa: one row per lineage, sorted; ``start`` is its first row.
        levels: for each rank, the row numbers in ``taxa`` at which its taxa begin.
        number: the number of each row's sample in the dataset.
        codes: for each facet, the code of each row.
        values: for each facet, what its codes mean.
        counts: for each facet, how many rows have each code.
        meanings: what each kind of finding means.
        names: the search over names.
        findings: the files of findings about single images.
    """

    taxa: pl.DataFrame
    levels: list[Array]
    number: Array
    codes: dict[str, Array]
    values: dict[str, list[str]]
    counts: dict[str, list[int]]
    meanings: dict[str, str]
    names: NameSearch
    findings: Sequence[Findings]
    _totals: Callable[[Filter], Array | None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._totals = lru_cache(_CACHED_FILTERS)(self._running_totals)

    def __len__(self) -> int:
        return len(self.number)

    def row_range(self, node: str) -> tuple[int, int]:
        """The first row of a taxon, and the row after its last."""
        first, last = self._lineages(node)
        return int(self._starts[first]), int(self._starts[last])

    def count(self, first: int, last: int, image_filter: Filter) -> int:
        """How many rows from ``first`` up to, but without, ``last`` pass a filter."""
        totals = self._totals(image_filter)
        return last - first if totals is None else int(totals[last]) - int(totals[first])

    def rows(self, node: str, image_filter: Filter, offset: int, limit: int) -> list[int]:
        """Up to ``limit`` rows of a taxon that pass a filter, without the first ``offset`` of them."""
        (first, last), totals = self.row_range(node), self._totals(image_filter)
        if totals is None:
            return list(range(first, last)[offset : offset + limit])
        count = min(limit, max(0, int(totals[last]) - int(totals[first]) - offset))
        # The n-th row that passes is the one at which the total reaches n. Both sides of the search have the same type,
        # or NumPy would convert all of the totals.
        targets = int(totals[first]) + offset + np.arange(1, count + 1)
        return [int(row) for row in np.searchsorted(totals, targets.astype(totals.dtype), "left") - 1]

    def children(self, node: str, image_filter: Filter) -> list[dict[str, Any]]:
        """The taxa directly below a taxon: node, name, rank and images of each, the largest first.

        A rank that is empty in the whole taxon is passed over.
        """
        level = int(node.split(".")[0]) + 1 if node else 0
        if level >= len(RANKS):
            return []
        first, last = self._lineages(node)
        low, high = self.levels[level].searchsorted([first, last])
        bounds = [*self.levels[level][low:high], last]
        taxa = [
            {"node": f"{level}.{low + number}", "name": self.taxa[RANKS[level]][int(begin)], "rank": RANKS[level],
             "images": self.count(int(self._starts[begin]), int(self._starts[end]), image_filter)}
            for number, (begin, end) in enumerate(pairwise(bounds))
        ]  # fmt: skip
        taxa = [taxon for taxon in taxa if taxon["images"]]
        if len(taxa) == 1 and not taxa[0]["name"]:
            return self.children(taxa[0]["node"], image_filter)
        return sorted(taxa, key=lambda taxon: (not taxon["name"], -taxon["images"], taxon["name"]))

    def path(self, node: str) -> list[dict[str, str]]:
        """The named taxa from the kingdom down to a taxon, that taxon included: node, name and rank of each."""
        if not node:
            return []
        first, _ = self._lineages(node)
        lineage, path = self.taxa.row(first, named=True), []
        for level, rank in enumerate(RANKS[: int(node.split(".")[0]) + 1]):
            index = int(self.levels[level].searchsorted(first, "right")) - 1
            path.append({"node": f"{level}.{index}", "name": lineage[rank], "rank": rank})
        return [taxon for taxon in path if taxon["name"] or taxon["node"] == node]

    def row_of(self, number: int) -> int | None:
        """The row of a sample by its number in the dataset; None for the copy of an image in train_small."""
        rows = (self.number == number).nonzero()[0]
        return int(rows[0]) if len(rows) else None

    def finding_kinds(self, row: int) -> list[str]:
        """The kinds of finding that a row has."""
        bits = int(self.codes["finding"][row])
        return [kind for code, kind in enumerate(self.values["finding"]) if bits >> code & 1]

    def taxon_of(self, row: int) -> dict[str, str]:
        """The lineage of a row: its row of ``taxa``."""
        return self.taxa.row(int(np.searchsorted(self._starts, row, "right")) - 1, named=True)

    def _lineages(self, node: str) -> tuple[int, int]:
        """The range of rows of ``taxa`` that belong to a taxon; ValueError if there is no such taxon."""
        if not node:
            return 0, self.taxa.height
        level, index = (int(part) for part in node.split(".", 1))
        if not (0 <= level < len(RANKS) and 0 <= index < len(self.levels[level])):
            raise ValueError(node)
        bounds = np.append(self.levels[level], self.taxa.height)
        return int(bounds[index]), int(bounds[index + 1])

    @cached_property
    def _starts(self) -> Array:
        """The first row of each lineage, and at the end the number of rows."""
        return np.append(self.taxa["start"].to_numpy(), len(self))

    def passing(self, image_filter: Filter) -> Array | None:
        """Whether each row passes a filter; None for the filter that all pass."""
        if image_filter == Filter():
            return None
        mask = np.ones(len(self), dtype=bool)
        for facet, accepted in vars(image_filter).items():
            if accepted:
                mask &= self._matches(facet, accepted)
        return mask

    def _running_totals(self, image_filter: Filter) -> Array | None:
        """How many rows before each row pass a filter; None for the filter that all pass."""
        if (mask := self.passing(image_filter)) is None:
            return None
        totals = np.zeros(len(self) + 1, np.uint32)
        np.cumsum(mask, dtype=np.uint32, out=totals[1:])
        return totals

    def _matches(self, facet: str, accepted: frozenset[int]) -> Array:
        """Whether each row has one of the accepted codes of a facet."""
        if facet == "finding":  # one bit per kind, since an image may have several findings
            bits = np.uint64(sum(1 << code for code in accepted))
            return np.asarray(self.codes[facet] & bits != 0)
        # Codes are bytes, so looking them up in a table of 256 entries is cheaper than np.isin over all rows.
        matches: Array = np.isin(np.arange(256), list(accepted))[self.codes[facet]]
        if facet == "split" and _TRAIN_SMALL in accepted:
            matches |= self.codes["small"] != 0
        return matches


def open_index(dataset: Dataset) -> LineageIndex:
    """Open the index of a dataset; it is built first if it is missing or out of date."""
    folder, findings = ensure_index(dataset)
    meta = read_json_file(folder / "known.json")
    taxa = pl.read_parquet(folder / "taxa.parquet", glob=False)
    codes = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in CODES}
    number = np.load(folder / "number.npy", mmap_mode="r")
    facets = meta["values"], meta["counts"], meta["meanings"]
    return LineageIndex(taxa, taxon_starts(taxa), number, codes, *facets, NameSearch.open(folder), findings)
