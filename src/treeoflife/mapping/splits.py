"""Which images are for validation, and which make the small training set; images of one picture are on one side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.tables import Splits
from ..core.tables import Array
from ..sources.base import Source
from .shuffle import shuffle_key, shuffle_order
from .store import read_ids, write_splits

STEP_VERSION = 2


def choose(ids: pl.DataFrame, settings: Splits, seed: int, sides: pl.DataFrame | None = None) -> pl.DataFrame:
    """Split the images of one source.

    Of n images, ``n * val_percent // 100`` go to val; of the n_train others, ``n_train * train_small_percent // 100``
    are in train_small as well. Both are exact while there are enough images that are free to go to either side.

    Args:
        ids: a column ``treeoflife_id``.
        settings: the percentages.
        seed: of the shuffles.
        sides: ``treeoflife_id`` and ``is_val`` of images whose side is given.

    Returns:
        ``treeoflife_id``, ``is_val``, ``is_train_small``.
    """
    all_ids = ids["treeoflife_id"]
    order = shuffle_order(all_ids, seed, "val")
    is_val = _given(all_ids, sides)
    free = order[np.isnan(is_val[order])]
    n_val = max(0, len(order) * settings.val_percent // 100 - int(np.nansum(is_val)))
    is_val[free[:n_val]], is_val[free[n_val:]] = 1, 0
    train = order[is_val[order] == 0]
    n_small = len(train) * settings.train_small_percent // 100
    is_train_small = np.zeros(len(order), bool)
    is_train_small[train[shuffle_order(all_ids.gather(train), seed, "train_small")[:n_small]]] = True
    return pl.DataFrame({"treeoflife_id": all_ids, "is_val": is_val == 1, "is_train_small": is_train_small})


def _given(ids: pl.Series, sides: pl.DataFrame | None) -> Array:
    """1 for val and 0 for train, of images whose side is given; for the others no number."""
    if sides is None:
        return np.full(len(ids), np.nan)
    own = ids.to_frame().join(sides, on="treeoflife_id", how="left", maintain_order="left")
    return own["is_val"].cast(pl.Float64).to_numpy(writable=True)


def write(
    path: Path,
    sources: Iterable[Source],
    settings: Splits,
    seed: int,
    inputs: Any,
    grouped: pl.DataFrame | None = None,
) -> dict[str, int]:
    """Split all images of a mapping, source by source, and write the table ``split``.

    Args:
        path: the mapping.
        sources: its sources.
        settings: the percentages.
        seed: of the shuffles.
        inputs: what splits are made from, to be recorded.
        grouped: ``treeoflife_id`` and ``group`` of images that must be on one side.

    Returns:
        How many images are in train, val and train_small.
    """
    images = [(source.name, read_ids(path, source)) for source in sources]
    sides = _sides(images, settings, seed, grouped) if grouped is not None and grouped.height else None
    splits = pl.concat([choose(ids, settings, seed, sides) for _, ids in images])
    write_splits(path, splits, inputs)
    n_val, n_small = int(splits["is_val"].sum()), int(splits["is_train_small"].sum())
    return {"train": splits.height - n_val, "val": n_val, "train_small": n_small}


def _sides(
    images: Sequence[tuple[str, pl.DataFrame]], settings: Splits, seed: int, grouped: pl.DataFrame
) -> pl.DataFrame:
    """The side of every image of a group: the one that the shuffle gave it, but where that would tear the group."""
    plain = [choose(ids, settings, seed).with_columns(source=pl.lit(name)) for name, ids in images]
    members = pl.concat([one.join(grouped, on="treeoflife_id", how="inner", maintain_order="left") for one in plain])
    moved = unite(members.select("treeoflife_id", "source", "group", "is_val"), seed)
    return members.select("treeoflife_id", "is_val").update(moved, on="treeoflife_id")


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
    sides = _sides_of(torn, seed)
    schema = pl.Schema({"group": torn.schema["group"], "side": pl.Boolean()})
    moved = torn.join(pl.DataFrame(sides, schema=schema, orient="row"), on="group", how="inner")
    moved = moved.filter(pl.col("side") != pl.col("is_val")).sort("treeoflife_id")
    return moved.select("treeoflife_id", is_val="side")


def _sides_of(torn: pl.DataFrame, seed: int) -> list[tuple[int, bool]]:
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
