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
from urllib.parse import quote, unquote

import numpy as np
import polars as pl

from ..core.tables import Array
from ..core.values import NAME_COLUMNS, RANKS, SPLITS
from ..selection.findings import Findings
from ..selection.mark_rows import VERDICTS
from ..selection.scores.score_file import ScoreFile
from .name_search import NameSearch, normalize

# The running totals of a filter take 4 bytes an image: 40 MB at ten million images. A handful lets a person switch
# between a few filters without waiting.
_CACHED_FILTERS = 6
_TRAIN_SMALL = SPLITS.index("train_small")
_CACHED_SELECTIONS = 4  # sorted selections take 4 bytes an image, too
FACETS = ("split", "source", "licence", "depth", "finding")
"""What images can be filtered by. A row has a code for each; for ``finding``, one bit per kind."""
MARKED = ("no mark", *VERDICTS)
"""What images can be filtered by as to marks, by code."""
FILTERED = (*FACETS, "marked")
"""The facets of a filter."""


@dataclass(frozen=True)
class Filter:
    """Which images to show: for each facet the accepted codes; an empty set accepts all.

    Attributes:
        marked: the accepted codes of :data:`MARKED`.
        text: is part of a scientific or common name; empty for all images.
        ranges: numbers, each with the least and the greatest value that is shown.
        marks_version: changes with the marks, where ``marked`` restricts anything.
    """

    split: frozenset[int] = frozenset()
    source: frozenset[int] = frozenset()
    licence: frozenset[int] = frozenset()
    depth: frozenset[int] = frozenset()
    finding: frozenset[int] = frozenset()
    marked: frozenset[int] = frozenset()
    text: str = ""
    ranges: tuple[tuple[str, float, float], ...] = ()
    marks_version: int = 0

    def facets(self) -> dict[str, frozenset[int]]:
        """The accepted codes of each facet that is restricted."""
        return {name: codes for name in FILTERED if (codes := getattr(self, name))}

    def without(self, facet: str) -> "Filter":
        """The filter that accepts all codes of a facet."""
        values: dict[str, Any] = {**vars(self), facet: frozenset()}
        return Filter(**values)


@dataclass
class LineageIndex:
    """The images of a dataset, sorted by lineage.

    A taxon is written as a *node*, ``level.index``: the index-th taxon of the rank ``RANKS[level]``. The empty text
    means all of life.

    Attributes:
        taxa: one row per lineage, sorted; ``start`` is its first row.
        levels: for each rank, the row numbers in ``taxa`` at which its taxa begin.
        number: the number of each row's sample in the dataset.
        row: the row of each sample, by its number.
        numbers: numbers about images, by which they are sorted; a value for each row, NaN if it has none.
        orders: for each of these, the rows in its order, those without a value last.
        codes: for each facet, the code of each row.
        values: for each facet, what its codes mean.
        counts: for each facet, how many rows have each code.
        meanings: what each kind of finding means.
        names: the search over names.
        findings: the files of findings about single images.
        scores: the files of scores, whose texts the page shows beside an image.
        made_from: the fingerprint of what the index was made from.
    """

    taxa: pl.DataFrame
    levels: list[Array]
    number: Array
    row: Array
    numbers: dict[str, Array]
    orders: dict[str, Array]
    codes: dict[str, Array]
    values: dict[str, list[str]]
    counts: dict[str, list[int]]
    meanings: dict[str, str]
    names: NameSearch
    findings: Sequence[Findings]
    scores: Sequence[ScoreFile]
    made_from: str
    _totals: Callable[[Filter], Array | None] = field(init=False, repr=False)
    _sorted: Callable[[str, Filter, str], Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._totals = lru_cache(_CACHED_FILTERS)(self._running_totals)
        self._sorted = lru_cache(_CACHED_SELECTIONS)(self._sort)
        self.codes["marked"] = np.zeros(len(self), np.uint8)

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

    def set_marks(self, rows: Array, codes: Array) -> None:
        """Take over the marks: the rows that are marked, and the code of each (see :data:`MARKED`)."""
        marked = np.zeros(len(self), np.uint8)
        marked[rows] = codes
        self.codes["marked"] = marked

    def selection(self, node: str, image_filter: Filter, sort: str = "") -> Array:
        """All rows of a taxon that pass a filter, in order.

        Args:
            sort: one of :attr:`numbers`, with a minus before it for the largest first; empty for the order of names.
        """
        if sort:
            return self._sorted(node, image_filter, sort)
        (first, last), mask = self.row_range(node), self._mask(image_filter)
        return np.arange(first, last) if mask is None else np.flatnonzero(mask[first:last]) + first

    def _sort(self, node: str, image_filter: Filter, sort: str) -> Array:
        name = sort.removeprefix("-")
        order, (first, last) = self.orders[name], self.row_range(node)
        if sort != name:  # the largest first; those without a value stay last
            known = len(order) - int(np.count_nonzero(np.isnan(self.numbers[name])))
            order = np.concatenate([order[:known][::-1], order[known:]])
        mask = self._mask(image_filter)
        if last - first < len(self):
            order = order[(order >= first) & (order < last)]
        return np.asarray(order if mask is None else order[mask[order]])

    def facet_counts(self, node: str, image_filter: Filter) -> dict[str, list[int]]:
        """For each facet, how many images of a taxon there would be of each code, as the other facets are filtered."""
        first, last = self.row_range(node)
        counts = {}
        for facet in FILTERED:
            mask = self._mask(image_filter.without(facet))
            counts[facet] = self._count_codes(facet, slice(first, last), None if mask is None else mask[first:last])
        return counts

    def _count_codes(self, facet: str, rows: slice, mask: Array | None) -> list[int]:
        codes = self.codes[facet][rows] if mask is None else self.codes[facet][rows][mask]
        if facet == "finding":
            bits = (np.uint64(1 << code) for code in range(len(self.values[facet])))
            return [int(np.count_nonzero(codes & bit)) for bit in bits]
        names = MARKED if facet == "marked" else self.values[facet]
        counts = np.bincount(codes, minlength=len(names))
        if facet == "split":
            small = self.codes["small"][rows]
            counts[_TRAIN_SMALL] += int(np.count_nonzero(small if mask is None else small[mask]))
        return [int(count) for count in counts]

    def rows(self, node: str, image_filter: Filter, offset: int, limit: int, sort: str = "") -> list[int]:
        """Up to ``limit`` rows of a taxon that pass a filter, without the first ``offset`` of them."""
        if sort:
            return [int(row) for row in self.selection(node, image_filter, sort)[offset : offset + limit]]
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
             "taxon": self.taxon_path(f"{level}.{low + number}"),
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
            node_above = f"{level}.{index}"
            path.append({"node": node_above, "name": lineage[rank], "rank": rank, "taxon": self.taxon_path(node_above)})
        return [taxon for taxon in path if taxon["name"] or taxon["node"] == node]

    def first_lineage(self, node: str) -> int:
        """The row of ``taxa`` with the first lineage of a taxon."""
        return self._lineages(node)[0]

    def taxon_path(self, node: str) -> str:
        """A taxon by its names from the kingdom down, with slashes between them: how an address has it."""
        if not node:
            return ""
        lineage = self.taxa.row(self._lineages(node)[0])
        return "/".join(quote(name, safe=" ") for name in lineage[: int(node.split(".")[0]) + 1])

    def find_taxon(self, path: str) -> tuple[str, bool]:
        """The node of a :meth:`taxon_path`, or of the lowest taxon above it that there is; and whether it is the taxon.

        So an address holds after a build that renamed what is in it.
        """
        first, last, node = 0, self.taxa.height, ""
        names = [unquote(name) for name in path.split("/")] if path else []
        for level, name in enumerate(names[: len(RANKS)]):
            found = (self.taxa[RANKS[level]][first:last] == name).arg_true()
            if not len(found):
                return node, False
            first, last = first + int(found[0]), first + int(found[-1]) + 1
            node = f"{level}.{int(self.levels[level].searchsorted(first, 'right')) - 1}"
        return node, len(names) <= len(RANKS)

    def row_of(self, number: int) -> int | None:
        """The row of a sample by its number in the dataset; None for the copy of an image in train_small."""
        row = int(self.row[number])
        return row if row < len(self) else None

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

    def _running_totals(self, image_filter: Filter) -> Array | None:
        """How many rows before each row pass a filter; None for the filter that all pass."""
        mask, totals = self._mask(image_filter), np.zeros(len(self) + 1, np.uint32)
        if mask is None:
            return None
        np.cumsum(mask, dtype=np.uint32, out=totals[1:])
        return totals

    def _mask(self, image_filter: Filter) -> Array | None:
        """Whether each row passes a filter; None if all do."""
        matches = [self._matches(facet, accepted) for facet, accepted in image_filter.facets().items()]
        if image_filter.text:
            matches.append(self._names_with(image_filter.text))
        for name, least, greatest in image_filter.ranges:
            values = self.numbers[name]
            matches.append((values >= least) & (values <= greatest))
        return np.logical_and.reduce(matches) if matches else None

    def _names_with(self, text: str) -> Array:
        """Whether a text is part of the names of each row."""
        found = self._searched_names.str.contains(normalize(text), literal=True).to_numpy()
        return np.repeat(found, np.diff(self._starts))

    @cached_property
    def _searched_names(self) -> pl.Series:
        """The lineage and common name of each row of ``taxa``, in one text."""
        return self.taxa.select(pl.concat_str(NAME_COLUMNS, separator=" ").str.to_lowercase()).to_series()

    def _matches(self, facet: str, accepted: frozenset[int]) -> Array:
        """Whether each row has one of the accepted codes of a facet."""
        if facet == "finding":  # one bit per kind, since an image may have several findings
            bits = np.uint64(sum(1 << code for code in accepted if code < 64))
            return np.asarray(self.codes[facet] & bits != 0)
        # Codes are bytes, so looking them up in a table of 256 entries is cheaper than np.isin over all rows.
        matches: Array = np.isin(np.arange(256), list(accepted))[self.codes[facet]]
        if facet == "split" and _TRAIN_SMALL in accepted:
            matches |= self.codes["small"] != 0
        return matches
