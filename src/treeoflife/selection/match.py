"""Which file of the encoded store is which image of the mapping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from ..core.tables import Array, Lookup
from ..images.store import read_indexes
from ..sources.base import Source

WHERE = ("position", "offset", "size", "sha256", "width", "height")
"""What a plan says of an image's file."""
_WHERE = pl.Schema(
    {
        "position": pl.UInt32,
        "offset": pl.UInt64,
        "size": pl.UInt32,
        "sha256": pl.Binary,
        "width": pl.UInt32,
        "height": pl.UInt32,
        "container": pl.UInt32,
        "bad": pl.Boolean,
    }
)
NONE = np.uint32(0xFFFFFFFF)
_BAD = np.uint64(1 << 63)


@dataclass(frozen=True)
class Index:
    """The store's index of one container."""

    source: Source
    container: str
    path: Path


@dataclass(frozen=True)
class Files:
    """All files of the store, in the order of containers and positions; a file's place is its row.

    Attributes:
        indexes: where the rows come from.
        starts: the first place of each container, and behind the last the number of files.
        where: a row per file: the columns of :data:`WHERE`, the container's number, and whether it is ``bad``.
    """

    indexes: Sequence[Index]
    starts: Array
    where: pl.DataFrame

    def told(self, places: Array) -> pl.DataFrame:
        """Container, name and trouble of the files at these places; read again, since few are ever asked for."""
        places = np.unique(places)
        cuts = np.searchsorted(places, self.starts)
        frames = [pl.DataFrame(schema=_TOLD)]
        for number, index in enumerate(self.indexes):
            own = places[cuts[number] : cuts[number + 1]]
            if len(own):
                rows = pl.read_parquet(index.path, columns=["file", "reason", "detail"])[own - self.starts[number]]
                frames.append(rows.select(place=pl.Series(own, dtype=pl.UInt32), container=pl.lit(index.container),
                                          file="file", file_reason="reason", file_detail="detail"))  # fmt: skip
        return pl.concat(frames)

    def read(self, places: Array, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of the indexes for the files at these places, in their order; read again."""
        order = np.argsort(places, kind="stable")
        sorted_ = places[order]
        cuts = np.searchsorted(sorted_, self.starts)
        frames = [
            pl.read_parquet(index.path, columns=list(columns))[sorted_[cuts[number] : cuts[number + 1]] - start]
            for number, (index, start) in enumerate(zip(self.indexes, self.starts, strict=False))
            if cuts[number] < cuts[number + 1]
        ]
        return pl.concat(frames)[np.argsort(order, kind="stable")] if frames else pl.DataFrame()

    def sources(self, places: Array, sources: Sequence[Source]) -> Array:
        """The number of the source of the files at these places."""
        names = [source.name for source in sources]
        numbers = np.array([names.index(index.source.name) for index in self.indexes], np.uint16)
        chosen: Array = numbers[self.where["container"].to_numpy()[places]]
        return chosen


_TOLD = {"place": pl.UInt32, **dict.fromkeys(("container", "file", "file_reason", "file_detail"), pl.String)}


@dataclass(frozen=True)
class Matched:
    """What matching came to.

    Attributes:
        files: all files.
        place: of each image, the place of its file; ``NONE`` where it has none.
        strangers: ``place`` of each file that is not taken, and ``chosen``, the place of the file that its image is
            taken from; null where it is of no image.
    """

    files: Files
    place: Array
    strangers: pl.DataFrame


def match(indexes: Sequence[Index], images: Sequence[tuple[Source, pl.DataFrame]], ids: Lookup) -> Matched:
    """Find one file for each image that has any: a good one before a bad one, then the first.

    Args:
        indexes: of all containers, in order.
        images: of each source, its columns and ``treeoflife_id``.
        ids: the ids of all images.

    A file whose name is an id is matched by that, any other by its natural key.
    """
    finders = _finders(images)
    wheres, pairs, first, start = [pl.DataFrame(schema=_WHERE)], [_NO_PAIR], 0, 0
    for source, group in groupby(indexes, lambda one: one.source):
        paths = [one.path for one in group]
        for rows in read_indexes(paths, [*WHERE, "reason", "treeoflife_id", *source.key]):
            bad = pl.col("reason").is_not_null()
            wheres.append(rows.select(*WHERE, container=pl.col("container") + first, bad=bad).cast(_WHERE))
            pairs += [_pair(start, *found) for found in _found(rows, source, *finders[source.name], ids)]
            start += rows.height
        first += len(paths)
    where = pl.concat(wheres)
    starts = np.searchsorted(where["container"].to_numpy(), np.arange(first + 1))
    files = Files(indexes, starts, where)
    places, matches = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return _choose(files, places, matches, len(ids))


def _finders(images: Sequence[tuple[Source, pl.DataFrame]]) -> dict[str, tuple[int, Lookup]]:
    """Of each source, the number of its first image, and its natural keys."""
    firsts = np.cumsum([0, *(table.height for _, table in images)]).tolist()
    return {
        source.name: (first, Lookup(table.select(source.key)))
        for (source, table), first in zip(images, firsts, strict=False)
    }


def _found(rows: pl.DataFrame, source: Source, first: int, keys: Lookup, ids: Lookup) -> Iterator[tuple[Array, Array]]:
    """Rows of an index, and the image of each."""
    named = rows["treeoflife_id"].is_not_null().to_numpy()
    by_key, by_id = np.flatnonzero(~named), np.flatnonzero(named)
    if len(by_key):
        ours, theirs = keys.pairs(rows.select(source.key)[by_key])
        yield by_key[ours], theirs.astype(np.int64) + first
    if len(by_id):
        ours, theirs = ids.pairs(rows.select("treeoflife_id")[by_id])
        own = (theirs >= first) & (theirs < first + len(keys))
        yield by_id[ours[own]], theirs[own]


def _pair(start: int, rows: Array, images: Array) -> tuple[Array, Array]:
    return (rows + start).astype(np.uint32), images.astype(np.uint32)


_NO_PAIR = (np.empty(0, np.uint32), np.empty(0, np.uint32))


def _choose(files: Files, places: Array, images: Array, count: int) -> Matched:
    rank = places.astype(np.uint64) | (files.where["bad"].to_numpy()[places] * _BAD)
    best = np.full(count, np.iinfo(np.uint64).max)
    np.minimum.at(best, images, rank)
    place = (best & ~_BAD).astype(np.uint32)
    taken = np.zeros(files.where.height, bool)
    taken[place[place != NONE]] = True
    return Matched(files, place, _strangers(taken, places, place[images]))


def _strangers(taken: Array, places: Array, chosen: Array) -> pl.DataFrame:
    left = pl.DataFrame({"place": np.flatnonzero(~taken).astype(np.uint32)})
    extra = ~taken[places]
    others = pl.DataFrame({"place": places[extra], "chosen": chosen[extra]}).unique("place", keep="first")
    return left.join(others, on="place", how="left").sort("place")
