"""Groups of images that show the same picture: the connected components of the links between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...core.components import connected_components

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
"""The table of groups: a row for each image that is in one.

``link`` says why the image belongs to the group: ``bytes`` (identical files), ``pixels`` (identical encoded images),
``near`` or ``mirrored`` (similar perceptual hashes, and the same picture by comparison); empty for the first image.
``distance`` is the smallest number of bits, of 256, in which its hash differs from one that it is linked to."""


@dataclass(frozen=True)
class Links:
    """Links of one kind between rows: lower rows, higher rows, and the number of bits in which the hashes differ."""

    kind: str
    first: NDArray[Any]
    second: NDArray[Any]
    distance: NDArray[Any] | None = None


def link_equal_values(values: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Link the rows that have the same value: returns the first row with the value, and each later one.

    >>> [rows.tolist() for rows in link_equal_values(np.array([7, 5, 7, 7]))]
    [[0, 0], [2, 3]]
    """
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    first = first[inverse]
    later = np.flatnonzero(first != np.arange(len(values)))
    return first[later], later


def group_rows(count: int, links: Sequence[Links]) -> pl.DataFrame:
    """Group rows by links.

    Args:
        count: the number of rows that the links refer to.
        links: the kinds of links, the most certain first; a row that has links of several kinds is given the first.

    Returns:
        ``row``, ``group``, ``link`` and ``distance`` (see :data:`COLUMNS`) of the rows that are in a group. Groups are
        numbered in the order of their first rows.
    """
    ends = (np.concatenate([getattr(kind, end) for kind in links]) for end in ("first", "second"))
    label = connected_components(count, *ends)
    members = np.flatnonzero(np.bincount(label, minlength=count)[label] > 1)
    rows = pl.DataFrame({"row": members, "label": label[members]}).with_columns(group=pl.col("label").rank("dense") - 1)
    ties = pl.concat([_ties(rank, kind) for rank, kind in enumerate(links)])
    ties = ties.sort("row", "rank", "distance").unique("row", keep="first", maintain_order=True)
    rows = rows.join(ties, on="row", how="left").sort("group", "row")
    is_first = pl.col("row") == pl.col("label")
    rows = rows.with_columns(pl.when(~is_first).then(pl.col("link", "distance")))
    return rows.select("row", *(pl.col(name).cast(COLUMNS[name]) for name in ("group", "link", "distance")))


def _ties(rank: int, links: Links) -> pl.DataFrame:
    """A row for each end of each link: ``row``, ``distance``, ``rank`` and ``link``."""
    rows = pl.DataFrame({"row": np.concatenate([links.first, links.second]).astype(np.int64)})
    distance = pl.lit(None, pl.Int64) if links.distance is None else pl.Series(np.tile(links.distance, 2))
    return rows.with_columns(distance=distance.cast(pl.Int64), rank=pl.lit(rank), link=pl.lit(links.kind))
