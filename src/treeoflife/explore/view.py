"""What the page needs to find samples fast: samples sorted by lineage, so that a taxon is a range of rows.

Then a count is a difference of two running sums, and the images of a taxon under any filter are a search in one. The
arrays are mapped into memory from the dataset's ``.view`` folder; what they take does not grow with what is looked at.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from ..core.values import RANKS
from ..selection.findings import Findings
from ..shards.locations import Array
from ..shards.reader import Reader
from .names import Names
from .prepare import CODES, levels, prepare

_ROWS_KEPT = 6


@dataclass(frozen=True)
class Filter:
    """What is to be seen: each a set of codes, empty for all."""

    split: frozenset[int] = frozenset()
    source: frozenset[int] = frozenset()
    licence: frozenset[int] = frozenset()
    depth: frozenset[int] = frozenset()
    finding: frozenset[int] = frozenset()


@dataclass
class View:
    """A dataset in the order of lineages.

    Attributes:
        taxa: a row per lineage, sorted; ``start`` is its first row.
        levels: for each rank, the numbers of the lineages at which another taxon of that rank begins.
        number: the place of each row among all samples.
        codes: for each filter, the code of each row.
        values: what the codes mean.
        counts: how many rows have each.
        meanings: what each kind of finding means.
        names: the search.
        findings: the files of findings about single samples.
    """

    taxa: pl.DataFrame
    levels: list[Array]
    number: Array
    codes: dict[str, Array]
    values: dict[str, list[str]]
    counts: dict[str, list[int]]
    meanings: dict[str, str]
    names: Names
    findings: Sequence[Findings] = ()
    _sums: OrderedDict[Filter, Array] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self.number)

    @property
    def starts(self) -> Array:
        """The first row of each lineage, and the number of rows."""
        return np.append(self.taxa["start"].to_numpy(), len(self))

    def span(self, node: str) -> tuple[int, int]:
        """The lineages of a taxon, which is written ``level.place``; of all, for the empty text."""
        if not node:
            return 0, self.taxa.height
        level, place = (int(part) for part in node.split(".", 1))
        if not (0 <= level < len(RANKS) and 0 <= place < len(self.levels[level])):
            raise ValueError(node)
        begins = np.append(self.levels[level], self.taxa.height)
        return int(begins[place]), int(begins[place + 1])

    def sums(self, wanted: Filter) -> Array | None:
        """How many rows up to each are wanted; None where all are."""
        if wanted == Filter():
            return None
        if wanted not in self._sums:
            self._sums[wanted] = np.concatenate([[0], np.cumsum(self._mask(wanted), dtype=np.uint32)])
            while len(self._sums) > _ROWS_KEPT:
                self._sums.popitem(last=False)
        self._sums.move_to_end(wanted)
        return self._sums[wanted]

    def _mask(self, wanted: Filter) -> Array:
        mask = np.ones(len(self), dtype=bool)
        for name in ("split", "source", "licence", "depth"):
            if codes := getattr(wanted, name):
                table = np.isin(np.arange(256), list(codes))
                mask &= table[self.codes[name]]
        if wanted.split and 2 in wanted.split:
            mask |= self._in_small() & self._mask(Filter(**{**vars(wanted), "split": frozenset()}))
        if wanted.finding:
            mask &= (self.codes["finding"] & np.uint64(sum(1 << code for code in wanted.finding))) != 0
        return mask

    def _in_small(self) -> Array:
        inside: Array = self.codes["small"] != 0
        return inside

    def count(self, first: int, last: int, sums: Array | None) -> int:
        """The wanted rows from ``first`` up to ``last``."""
        return last - first if sums is None else int(sums[last]) - int(sums[first])

    def rows(self, first: int, last: int, wanted: Filter, offset: int, limit: int) -> list[int]:
        """Wanted rows between two, from the ``offset``-th on."""
        sums = self.sums(wanted)
        if sums is None:
            return list(range(min(first + offset, last), min(first + offset + limit, last)))
        at = int(sums[first]) + offset + 1 + np.arange(min(limit, max(0, int(sums[last]) - int(sums[first]) - offset)))
        return [int(row) for row in np.searchsorted(sums, at, "left") - 1]

    def row_of(self, number: int) -> int | None:
        """The row of a sample by its place among all; None where it stands for none, as in train_small."""
        found = (self.number == number).nonzero()[0]
        return int(found[0]) if len(found) else None

    def kinds_of(self, row: int) -> list[str]:
        """The kinds of finding that a row has."""
        bits = int(self.codes["finding"][row])
        return [kind for code, kind in enumerate(self.values["finding"]) if bits >> code & 1]

    def taxon_of(self, row: int) -> dict[str, str]:
        """The names of a row's lineage."""
        place = int(np.searchsorted(self.taxa["start"].to_numpy(), row, "right")) - 1
        return self.taxa.row(place, named=True)


def open_view(reader: Reader) -> View:
    """The view of a dataset; it is made first, if it is not there or of other shards, licences or findings."""
    folder, found = prepare(reader)
    meta = json.loads((folder / "known.json").read_text(encoding="utf-8"))
    taxa = pl.read_parquet(folder / "taxa.parquet")
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*CODES, "number")}
    number, names = arrays.pop("number"), Names.open(folder)
    told = meta["values"], meta["counts"], meta["meanings"]
    return View(taxa, levels(taxa), number, arrays, *told, names, found)
