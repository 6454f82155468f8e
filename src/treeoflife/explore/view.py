"""What the page needs to find samples fast: samples sorted by lineage, so that a taxon is a range of rows.

Then a count is a difference of two running sums, and the images of a taxon under any filter are a search in one. The
arrays are mapped into memory from the dataset's ``.view`` folder; what they take does not grow with what is looked at.
"""

from __future__ import annotations

import json
import shutil
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..files import fingerprint, stamp
from ..places import Array, Places, id_hashes, known_shards, write_arrays
from ..reader import Reader
from ..records import RANKS, SPLITS
from .names import Names, build_names

STEP_VERSION = 2
NAMED = [*RANKS, "common"]
DEPTHS = ("none", *RANKS)
FINDINGS = ("hole", "no-kingdom", "no-common-name", "several-words")
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
        names: the search.
    """

    taxa: pl.DataFrame
    levels: list[Array]
    number: Array
    codes: dict[str, Array]
    values: dict[str, list[str]]
    names: Names
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
            mask &= (self.codes["finding"] & sum(1 << code for code in wanted.finding)) != 0
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

    def taxon_of(self, row: int) -> dict[str, str]:
        """The names of a row's lineage."""
        place = int(np.searchsorted(self.taxa["start"].to_numpy(), row, "right")) - 1
        return self.taxa.row(place, named=True)


def open_view(reader: Reader) -> View:
    """The view of a dataset; it is made first, if it is not there or of other shards."""
    folder = reader.paths.view / "tree"
    licences = stamp(reader.paths.licences) if reader.paths.licences.exists() else ""
    known = fingerprint([STEP_VERSION, known_shards(reader.places.shards), licences])
    if _known(folder) != known:
        shutil.rmtree(folder, ignore_errors=True)
        _build(folder, reader, known)
    meta = json.loads((folder / "known.json").read_text(encoding="utf-8"))
    taxa = pl.read_parquet(folder / "taxa.parquet")
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*_CODES, "number")}
    number = arrays.pop("number")
    return View(taxa, _levels(taxa), number, arrays, meta["values"], Names.open(folder))


_CODES = ("split", "source", "licence", "depth", "finding", "small")


def _known(folder: Path) -> str | None:
    marker = folder / "known.json"
    return str(json.loads(marker.read_text(encoding="utf-8"))["known"]) if marker.exists() else None


def _levels(taxa: pl.DataFrame) -> list[Array]:
    """Where taxa of each rank begin."""
    levels, changed = [], pl.Series([True] * min(1, taxa.height) + [False] * (taxa.height - 1))
    for rank in RANKS:
        column = taxa[rank]
        changed = changed | (column != column.shift(1)).fill_null(value=True)
        levels.append(np.flatnonzero(changed.to_numpy()))
    return levels


def _frames(reader: Reader) -> Any:
    """The names of each shard's samples, one shard at a time."""
    for shard in reader.places.shards:
        there = pl.read_parquet_schema(shard.index)
        frame = pl.read_parquet(shard.index, columns=[*NAMED, *(["source"] if "source" in there else [])])
        yield shard, frame.with_columns(pl.col(NAMED).fill_null(""))


def _build(folder: Path, reader: Reader, known: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    places = reader.places
    taxa = _taxa(reader)
    numbered = taxa.select(RANKS).with_row_index("taxon")
    taxon, split, source, sources = [], [], [], list[str]()
    for shard, frame in _frames(reader):
        found = frame.join(numbered, on=list(RANKS), how="left", maintain_order="left")["taxon"]
        taxon.append(found.to_numpy().astype(np.uint32))
        split.append(np.full(frame.height, SPLITS.index(shard.split), np.uint8))
        source.append(_codes(frame["source"] if "source" in frame.columns else None, frame.height, sources))
    whole = {"taxon": np.concatenate(taxon), "split": np.concatenate(split), "source": np.concatenate(source)}
    kept, small = _once(places, whole["split"])
    order = kept[np.argsort(whole["taxon"][kept], kind="stable")].astype(np.uint32)
    counts = np.bincount(whole["taxon"][order], minlength=taxa.height)
    taxa = taxa.with_columns(
        start=pl.Series(np.concatenate([[0], np.cumsum(counts)[:-1]]), dtype=pl.Int64), images=pl.Series(counts)
    )
    depth, finding = _depth(taxa), _findings(taxa)
    licence, licences = _licences(reader, order)
    arrays = {"number": order, "split": whole["split"][order], "source": whole["source"][order], "licence": licence}
    arrays |= {"depth": np.repeat(depth, counts), "finding": np.repeat(finding, counts), "small": small[order]}
    taxa.write_parquet(folder / "taxa.parquet")
    build_names(folder, taxa, _levels(taxa))
    values = {
        "split": list(SPLITS),
        "source": sources,
        "licence": licences,
        "depth": list(DEPTHS),
        "finding": list(FINDINGS),
    }
    write_arrays(folder, arrays, {"known": known, "values": values})


def _taxa(reader: Reader) -> pl.DataFrame:
    """Every lineage, sorted, with the common name that most of its images have."""
    counted: pl.DataFrame | None = None
    waiting: list[pl.DataFrame] = []
    for _, frame in _frames(reader):
        waiting.append(frame.group_by(NAMED).agg(pl.len().cast(pl.Int64).alias("n")))
        if len(waiting) >= 50:
            counted, waiting = _together(counted, waiting), []
    counted = _together(counted, waiting)
    best = counted.sort("n", "common", descending=[True, False]).unique(list(RANKS), keep="first", maintain_order=True)
    return best.drop("n").sort(RANKS)


def _together(counted: pl.DataFrame | None, more: list[pl.DataFrame]) -> pl.DataFrame:
    every = [*([counted] if counted is not None else []), *more]
    return pl.concat(every).group_by(NAMED).agg(pl.col("n").sum())


def _codes(column: pl.Series | None, count: int, values: list[str]) -> Array:
    """A number for each value of a column; new values are added to ``values``."""
    if column is None:
        column = pl.Series(["unknown"]).extend_constant("unknown", count - 1)
    values += [one for one in column.unique().sort().to_list() if one not in values]
    return column.replace_strict(values, list(range(len(values))), return_dtype=pl.UInt8).to_numpy()


def _once(places: Places, split: Array) -> tuple[Array, Array]:
    """The rows that stand for an image, each image once; and for each row whether its image is in train_small too."""
    hashes, order = np.asarray(places.hashes), np.asarray(places.order)
    again = np.concatenate([[False], hashes[1:] == hashes[:-1]])
    again &= split[order] == SPLITS.index("train_small")
    small = np.zeros(len(order), np.uint8)
    small[order[np.flatnonzero(again) - 1]] = 1
    keep = np.ones(len(order), dtype=bool)
    keep[order[again]] = False
    return np.flatnonzero(keep), small


def _depth(taxa: pl.DataFrame) -> Array:
    depth = np.zeros(taxa.height, np.uint8)
    for at, rank in enumerate(RANKS, 1):
        depth[(taxa[rank] != "").to_numpy()] = at
    return depth


def _findings(taxa: pl.DataFrame) -> Array:
    """A bit for each of FINDINGS."""
    holes = [
        (pl.col(rank) == "") & pl.any_horizontal(pl.col(below) != "" for below in RANKS[at + 1 :])
        for at, rank in enumerate(RANKS[:-1])
    ]
    scientific = pl.concat_str("genus", "species", separator=" ")
    lineage = pl.concat_str(list(RANKS), separator=" ").str.replace_all(" +", " ").str.strip_chars()
    wrong = [
        pl.any_horizontal(holes),
        pl.col("kingdom") == "",
        (pl.col("common") == "") | (pl.col("common") == scientific) | (pl.col("common") == lineage),
        pl.col("species").str.contains(" "),
    ]
    bits = pl.sum_horizontal(one.cast(pl.UInt8) * (1 << at) for at, one in enumerate(wrong))
    return taxa.select(bits.cast(pl.UInt8))[:, 0].to_numpy()


def _licences(reader: Reader, order: Array) -> tuple[Array, list[str]]:
    """The licence of each row, as licences.csv has it."""
    path = reader.paths.licences
    if not path.exists():
        return np.zeros(len(order), np.uint8), ["not provided"]
    table = pl.read_csv(path, columns=["treeoflife_id", "license_name"], infer_schema=False)
    values = [
        "not provided",
        *(one for one in table["license_name"].unique().sort().to_list() if one != "not provided"),
    ]
    codes = table["license_name"].replace_strict(values, list(range(len(values))), return_dtype=pl.UInt8, default=0)
    of_row = np.zeros(len(reader.places), np.uint8)
    hashes = np.asarray(reader.places.hashes)
    wanted = id_hashes(table["treeoflife_id"])
    at = np.minimum(np.searchsorted(hashes, wanted), len(hashes) - 1)
    there = hashes[at] == wanted
    of_row[np.asarray(reader.places.order)[at[there]]] = codes.to_numpy()[there]
    return of_row[order], values
