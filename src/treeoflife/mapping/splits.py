"""Choose the images for validation and for the small training set; all images of a group get the same split."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..config.tables import Splits
from ..core.tables import Array
from ..sources.base import Source
from .shuffle import shuffle_key, shuffle_order
from .store import read_ids, write_splits

STEP_VERSION = 2


def write(
    path: Path,
    sources: Iterable[Source],
    settings: Splits,
    seed: int,
    grouped: pl.DataFrame | None = None,
) -> dict[str, int]:
    """Split all images of a mapping, source by source, and write the table ``split``.

    Args:
        grouped: ``treeoflife_id`` and ``group`` of images that must not be divided between train and val.

    Returns:
        The number of images in train, val and train_small.
    """
    images = [(source.name, read_ids(path, source)) for source in sources]
    fixed = _unite_groups(images, settings, seed, grouped) if grouped is not None and grouped.height else None
    splits = pl.concat([choose(ids, settings, seed, fixed) for _, ids in images])
    write_splits(path, splits)
    n_val, n_small = int(splits["is_val"].sum()), int(splits["is_train_small"].sum())
    return {"train": splits.height - n_val, "val": n_val, "train_small": n_small}


def choose(ids: pl.DataFrame, settings: Splits, seed: int, fixed: pl.DataFrame | None = None) -> pl.DataFrame:
    """Split the images of one source.

    Of n images, ``n * val_percent // 100`` go to val; of the other n_train, ``n_train * train_small_percent // 100``
    are in train_small as well. Both numbers are exact as long as enough images are not fixed.

    Args:
        ids: a column ``treeoflife_id``.
        fixed: ``treeoflife_id`` and ``is_val`` of images whose side is already decided.

    Returns:
        ``treeoflife_id``, ``is_val``, ``is_train_small``.
    """
    all_ids = ids["treeoflife_id"]
    order = shuffle_order(all_ids, seed, "val")
    is_val = _fixed_sides(all_ids, fixed)
    free = order[np.isnan(is_val[order])]
    n_val = max(0, len(order) * settings.val_percent // 100 - int(np.nansum(is_val)))
    is_val[free[:n_val]], is_val[free[n_val:]] = 1, 0
    train = order[is_val[order] == 0]
    n_small = len(train) * settings.train_small_percent // 100
    is_train_small = np.zeros(len(order), bool)
    is_train_small[train[shuffle_order(all_ids.gather(train), seed, "train_small")[:n_small]]] = True
    return pl.DataFrame({"treeoflife_id": all_ids, "is_val": is_val == 1, "is_train_small": is_train_small})


def _fixed_sides(ids: pl.Series, fixed: pl.DataFrame | None) -> Array:
    """1 for val, 0 for train, NaN for images whose side is not fixed."""
    if fixed is None:
        return np.full(len(ids), np.nan)
    own = ids.to_frame().join(fixed, on="treeoflife_id", how="left", maintain_order="left")
    return own["is_val"].cast(pl.Float64).to_numpy(writable=True)


def _unite_groups(
    images: Sequence[tuple[str, pl.DataFrame]], settings: Splits, seed: int, grouped: pl.DataFrame
) -> pl.DataFrame:
    """The side of every image of a group: as shuffled, except where that would divide the group."""
    shuffled = [choose(ids, settings, seed).with_columns(source=pl.lit(name)) for name, ids in images]
    members = pl.concat([ids.join(grouped, on="treeoflife_id", maintain_order="left") for ids in shuffled])
    moved = unite(members.select("treeoflife_id", "source", "group", "is_val"), seed)
    return members.select("treeoflife_id", "is_val").update(moved, on="treeoflife_id")


def unite(images: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Find which images must change sides so that no group is in both train and val.

    Each group, the largest first, goes to the side that leaves the size of each source's val nearest to what it was;
    to train where both sides are equally good.

    Args:
        images: ``treeoflife_id``, ``source``, ``group`` (null for most), ``is_val``.
        seed: orders groups of the same size.

    Returns:
        ``treeoflife_id`` and the new ``is_val`` of the images that move.

    >>> columns = {"treeoflife_id": ["a", "b", "c"], "source": ["s"] * 3, "group": [0, 0, 0]}
    >>> unite(pl.DataFrame(columns | {"is_val": [True, False, False]}), 17).rows()
    [('a', False)]
    """
    is_val = pl.col("is_val")
    grouped = images.filter(pl.col("group").is_not_null())
    divided = grouped.filter(is_val.any().over("group") & ~is_val.all().over("group"))
    schema = pl.Schema({"group": divided.schema["group"], "side": pl.Boolean()})
    sides = pl.DataFrame(_choose_sides(divided, seed), schema=schema, orient="row")
    moved = divided.join(sides, on="group").filter(pl.col("side") != is_val).sort("treeoflife_id")
    return moved.select("treeoflife_id", is_val="side")


def _choose_sides(divided: pl.DataFrame, seed: int) -> list[tuple[int, bool]]:
    """The side of each divided group; True is val."""
    val, total = pl.col("is_val").sum().cast(pl.Int64), pl.len().cast(pl.Int64)
    counts = divided.group_by("group", "source").agg(val=val, total=total)
    parts: dict[int, list[tuple[str, int, int]]] = {}
    for group, source, val, total in counts.sort("source").iter_rows():
        parts.setdefault(group, []).append((source, val, total))
    firsts = divided.group_by("group").agg(pl.col("treeoflife_id").min(), pl.len())
    rank = {group: (-size, shuffle_key(seed, "groups", first)) for group, first, size in firsts.iter_rows()}
    # How many images more than before each source's val has, after the groups so far.
    surplus: dict[str, int] = {}
    sides = []
    for group in sorted(parts, key=lambda group: rank[group]):
        to_train = {source: -val for source, val, _ in parts[group]}
        to_val = {source: total - val for source, val, total in parts[group]}
        side = _imbalance(surplus, to_val) < _imbalance(surplus, to_train)
        for source, change in (to_val if side else to_train).items():
            surplus[source] = surplus.get(source, 0) + change
        sides.append((group, side))
    return sides


def _imbalance(surplus: dict[str, int], change: dict[str, int]) -> int:
    return sum(abs(surplus.get(source, 0) + more) for source, more in change.items())
