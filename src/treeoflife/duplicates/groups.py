"""Groups of images that are the same picture, and what is done about them: pure functions of tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..records import RANKS
from ..splits import shuffle_key

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


def same_values(column: pl.Series) -> tuple[NDArray[Any], NDArray[Any]]:
    """Links of the rows that have a value in common: each to the first that has it. Null is no value."""
    rows = pl.DataFrame({"value": column}).with_row_index("row").drop_nulls()
    found = rows.with_columns(first=pl.col("row").min().over("value")).filter(pl.col("first") != pl.col("row"))
    return found["first"].to_numpy().astype(np.int64), found["row"].to_numpy().astype(np.int64)


def table(files: pl.DataFrame, links: Sequence[tuple[str, NDArray[Any], NDArray[Any], NDArray[Any] | None]]) -> pl.DataFrame:  # fmt: skip # noqa: E501
    """The groups that links make.

    Args:
        files: ``source``, ``container``, ``position``, ``file``; links are between its rows.
        links: kinds of link, the surest first: its name, the lower rows, the higher rows, and their distances.

    Returns:
        The columns of :data:`COLUMNS`; groups are numbered in the order of their first files.
    """
    firsts, seconds = (np.concatenate([one[place] for one in links]).astype(np.int64) for place in (1, 2))
    label = components(files.height, firsts, seconds)
    members = pl.DataFrame({"row": np.arange(files.height), "label": label})
    members = members.filter(pl.len().over("label") > 1).with_columns(group=pl.col("label").rank("dense") - 1)
    ties = pl.concat([_ties(rank, *link) for rank, link in enumerate(links)])
    ties = ties.sort("row", "rank", "distance").unique("row", keep="first", maintain_order=True)
    found = members.join(ties, on="row", how="left").sort("group", "row")
    head = pl.col("row") == pl.col("label")
    found = found.with_columns(pl.when(~head).then(pl.col("link", "distance")))
    return pl.concat([found, files[found["row"]]], how="horizontal").select(list(COLUMNS)).cast(pl.Schema(COLUMNS))


def _ties(
    rank: int, name: str, first: NDArray[Any], second: NDArray[Any], distance: NDArray[Any] | None
) -> pl.DataFrame:
    far = distance if distance is not None else np.full(len(first), -1)
    rows, both = np.concatenate([first, second]), np.concatenate([far, far])
    columns = {"row": rows.astype(np.int64), "distance": both.astype(np.int64)}
    tied = pl.DataFrame(columns).with_columns(rank=pl.lit(rank), link=pl.lit(name))
    return tied.with_columns(pl.when(pl.col("distance") >= 0).then("distance").alias("distance"))


def unite(images: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Which images change sides so that no group is in train and in val.

    Each group goes, the largest first, to the side that leaves val of every source nearest to the size it had;
    where both are as near, to train.

    Args:
        images: ``treeoflife_id``, ``source``, ``group`` (null for most), ``is_val``.
        seed: orders groups that are equally large.

    Returns:
        ``treeoflife_id`` and the new ``is_val`` of those that move.

    >>> rows = {"treeoflife_id": ["a", "b", "c"], "source": ["s"] * 3, "group": [0, 0, 0], "is_val": [True, False, False]}
    >>> unite(pl.DataFrame(rows), 17).rows()
    [('a', False)]
    """  # noqa: E501
    grouped = images.filter(pl.col("group").is_not_null())
    torn = grouped.filter(pl.col("is_val").any().over("group") & ~pl.col("is_val").all().over("group"))
    sides = _sides(torn, seed)
    schema = pl.Schema({"group": torn.schema["group"], "side": pl.Boolean()})
    moved = torn.join(pl.DataFrame(sides, schema=schema, orient="row"), on="group", how="inner")
    moved = moved.filter(pl.col("side") != pl.col("is_val")).sort("treeoflife_id")
    return moved.select("treeoflife_id", is_val="side")


def _sides(torn: pl.DataFrame, seed: int) -> list[tuple[int, bool]]:
    """The side of each torn group: True is val."""
    counts = torn.group_by("group", "source").agg(
        val=pl.col("is_val").sum().cast(pl.Int64), all=pl.len().cast(pl.Int64)
    )
    names = torn.group_by("group").agg(pl.col("treeoflife_id").min(), pl.len())
    key = {group: (-size, shuffle_key(seed, "groups", name)) for group, name, size in names.iter_rows()}
    by_group: dict[int, list[tuple[str, int, int]]] = {}
    for group, source, val, every in counts.sort("source").iter_rows():
        by_group.setdefault(group, []).append((source, val, every))
    off: dict[str, int] = {}
    sides = []
    for group in sorted(by_group, key=lambda one: key[one]):
        parts = by_group[group]
        into_train = {source: -val for source, val, _ in parts}
        into_val = {source: every - val for source, val, every in parts}
        to_val = _error(off, into_val) < _error(off, into_train)
        for source, change in (into_val if to_val else into_train).items():
            off[source] = off.get(source, 0) + change
        sides.append((group, to_val))
    return sides


def _error(off: dict[str, int], change: dict[str, int]) -> int:
    return sum(abs(off.get(source, 0) + more) for source, more in change.items())


def surplus(images: pl.DataFrame, keep: str) -> pl.DataFrame:
    """Which images of groups are left out, and for which one.

    The best is kept: the one with most ranks, then with a common name of its own, then with most pixels, then the
    lowest id.

    Args:
        images: ``treeoflife_id``, ``group``, ``is_val``, the ranks, ``width``, ``height``.
        keep: ``best`` keeps one of a group, ``best-per-split`` one of a group in train and one in val.

    Returns:
        ``treeoflife_id``, and ``kept``: the image that stays in its place.
    """
    within = ["group"] if keep == "best" else ["group", "is_val"]
    ranks = pl.sum_horizontal(pl.col(rank).fill_null("") != "" for rank in RANKS)
    pixels = pl.col("width").cast(pl.Int64) * pl.col("height").cast(pl.Int64)
    ordered = (
        images.filter(pl.col("group").is_not_null())
        .with_columns(ranks=ranks, pixels=pixels)
        .sort("ranks", "pixels", "treeoflife_id", descending=[True, True, False])
        .with_columns(kept=pl.col("treeoflife_id").first().over(within))
    )
    return (
        ordered.filter(pl.col("kept") != pl.col("treeoflife_id")).select("treeoflife_id", "kept").sort("treeoflife_id")
    )


def beyond_cap(images: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Which images are more than ``most`` of their species in train; val is left as it is.

    Which are kept depends on the seed and the ids alone. Images without a species are of no species, and are kept.

    Args:
        images: ``treeoflife_id``, ``is_val``, the ranks.
        most: the most images of a species.
        seed: of the choice.

    Returns:
        ``treeoflife_id``, ``species_images`` (how many the species has in train).
    """
    of_species = (pl.col("species").fill_null("") != "") & (pl.col("genus").fill_null("") != "")
    train = images.filter(of_species & ~pl.col("is_val"))
    train = train.with_columns(species_images=pl.len().over(RANKS)).filter(pl.col("species_images") > most)
    keys = [shuffle_key(seed, "cap", one) for one in train["treeoflife_id"]]
    train = train.with_columns(pl.Series("shuffle", keys, dtype=pl.UInt64)).sort("shuffle", "treeoflife_id")
    return train.filter(pl.int_range(pl.len()).over(RANKS) >= most).select("treeoflife_id", "species_images")


def conflicts(images: pl.DataFrame) -> pl.DataFrame:
    """Images of one group that have different names.

    Args:
        images: ``treeoflife_id``, ``group``, the ranks; other columns are kept.

    Returns:
        The images of the groups in which names differ, with ``shared``: the deepest rank down to which all agree,
        empty if they agree in none. Where one name ends before the others and agrees that far, they do not conflict.
    """
    grouped = images.filter(pl.col("group").is_not_null()).with_columns(pl.col(RANKS).fill_null(""))
    values = [pl.col(rank).replace("", None).drop_nulls().n_unique() for rank in RANKS]
    counts = grouped.group_by("group").agg(value.alias(rank) for value, rank in zip(values, RANKS, strict=True))
    torn = counts.filter(pl.any_horizontal(pl.col(rank) > 1 for rank in RANKS))
    agreed = [pl.all_horizontal(pl.col(one) <= 1 for one in RANKS[: place + 1]) for place in range(len(RANKS))]
    deepest = [pl.when(same & (pl.col(rank) == 1)).then(pl.lit(rank)) for same, rank in zip(agreed, RANKS, strict=True)]
    shared = pl.coalesce(*reversed(deepest)).fill_null("")
    torn = torn.select("group", shared=shared)
    return grouped.join(torn, on="group", how="inner").sort("group", "treeoflife_id")
