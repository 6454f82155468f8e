"""Groups of images that are the same picture: what links make; pure functions of tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

STEP_VERSION = 1
COLUMNS: dict[str, Any] = {
    "group": pl.UInt32,
    "source": pl.String,
    "container": pl.String,
    "position": pl.UInt32,
    "file": pl.String,
    "link": pl.String,
    "distance": pl.UInt8,
}
"""A row for each image of a group. ``link`` says what ties it to the group: ``bytes`` (the file is the same),
``pixels`` (the resized pixels are), ``near``, ``mirrored``, and nothing for the first; ``distance``, of a link by hash,
in how many of 256 bits the two hashes differ that are nearest."""


def components(count: int, first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.int64]:
    """For each of ``count`` rows, the lowest row that it is linked to, however many links lie between.

    >>> components(5, np.array([3, 1]), np.array([4, 3])).tolist()
    [0, 1, 2, 1, 1]
    """
    label = np.arange(count)
    while True:
        one, other = label[first], label[second]
        low = np.minimum(one, other)
        np.minimum.at(label, one, low)
        np.minimum.at(label, other, low)
        while not np.array_equal(label, shorter := label[label]):
            label = shorter
        if np.array_equal(label[first], label[second]):
            return label


@dataclass(frozen=True)
class Link:
    """Links of one kind between rows: the lower rows, the higher rows, and in how many bits their hashes differ."""

    name: str
    first: NDArray[Any]
    second: NDArray[Any]
    distance: NDArray[Any] | None = None


def same_values(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Links of the rows that have a value in common: the first row that has it, and each other.

    >>> [rows.tolist() for rows in same_values(np.array([7, 5, 7, 7]))]
    [[0, 0], [2, 3]]
    """
    order = np.argsort(values, kind="stable")
    begins = np.flatnonzero(np.append(True, values[order][1:] != values[order][:-1])) if len(values) else order
    lengths = np.diff(np.append(begins, len(values)))
    first = np.empty(len(values), dtype=np.int64)
    first[order] = np.repeat(order[begins], lengths)
    again = np.flatnonzero(first != np.arange(len(values)))
    return first[again], again


def group(count: int, links: Sequence[Link]) -> pl.DataFrame:
    """The groups that links make.

    Args:
        count: links are between as many rows.
        links: kinds of link, the surest first.

    Returns:
        ``row``, ``group``, ``link`` and ``distance`` (see :data:`COLUMNS`) of the rows that are in a group; groups are
        numbered in the order of their first rows.
    """
    label = components(count, *(np.concatenate([getattr(one, end) for one in links]) for end in ("first", "second")))
    members = np.flatnonzero(np.bincount(label, minlength=count)[label] > 1)
    found = pl.DataFrame({"row": members, "label": label[members]})
    found = found.with_columns(group=pl.col("label").rank("dense") - 1)
    ties = pl.concat([_ties(rank, one) for rank, one in enumerate(links)])
    ties = ties.sort("row", "rank", "distance").unique("row", keep="first", maintain_order=True)
    found = found.join(ties, on="row", how="left").sort("group", "row")
    head = pl.col("row") == pl.col("label")
    found = found.with_columns(pl.when(~head).then(pl.col("link", "distance")))
    return found.select("row", *(pl.col(one).cast(COLUMNS[one]) for one in ("group", "link", "distance")))


def _ties(rank: int, link: Link) -> pl.DataFrame:
    rows, far = np.concatenate([link.first, link.second]), link.distance
    tied = pl.DataFrame({"row": rows.astype(np.int64)}).with_columns(rank=pl.lit(rank), link=pl.lit(link.name))
    if far is None:
        return tied.with_columns(distance=pl.lit(None, pl.Int64))
    return tied.with_columns(distance=pl.Series(np.concatenate([far, far]).astype(np.int64)))
