"""Images that are the same picture under different names: one of the names is wrong, or both are."""

from __future__ import annotations

import polars as pl

from ..core.values import RANKS
from .decide import NAME_COLUMNS, Decisions

COLUMNS = ("group", "shared", "treeoflife_id", "source", "in_dataset", *NAME_COLUMNS)
"""A row per image: its group, the deepest rank that all of it share, and what it is called."""


def conflicts(decided: Decisions) -> pl.DataFrame:
    """The conflicts among all images that have a name; see :data:`COLUMNS`."""
    if "group" not in decided.images.columns:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    asked = pl.col("group").is_not_null() & pl.col("name").is_not_null() & pl.col("place").is_not_null()
    images = decided.images.filter(asked)
    sources = pl.Series([source.name for source in decided.sources], dtype=pl.String)
    rows = images.select("group", "treeoflife_id", sources.gather(images["source"]).alias("source"),
                         in_dataset=pl.col("rule").is_null())  # fmt: skip
    return torn(rows.with_columns(*decided.names[images["name"]])).select(COLUMNS)


def torn(images: pl.DataFrame) -> pl.DataFrame:
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
    different = counts.filter(pl.any_horizontal(pl.col(rank) > 1 for rank in RANKS))
    agreed = [pl.all_horizontal(pl.col(one) <= 1 for one in RANKS[: place + 1]) for place in range(len(RANKS))]
    deepest = [pl.when(same & (pl.col(rank) == 1)).then(pl.lit(rank)) for same, rank in zip(agreed, RANKS, strict=True)]
    shared = pl.coalesce(*reversed(deepest)).fill_null("")
    different = different.select("group", shared=shared)
    return grouped.join(different, on="group", how="inner").sort("group", "treeoflife_id")
