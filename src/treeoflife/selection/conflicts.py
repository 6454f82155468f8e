"""Images of one group that have different names: one of the names is wrong, or all are."""

import polars as pl

from ..core.values import NAME_COLUMNS, RANKS
from .decisions import Decisions

COLUMNS = ("group", "shared", "treeoflife_id", "source", "in_dataset", *NAME_COLUMNS)
"""A row per image: its group, the deepest rank that all images of the group share, and the image's name."""


def conflicts(decisions: Decisions) -> pl.DataFrame:
    """The conflicts among all images that have a file and a name; see :data:`COLUMNS`."""
    if "group" not in decisions.images.columns:
        return pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))
    images = decisions.images.drop_nulls(["group", "name", "file_row"])
    sources = pl.Series([source.name for source in decisions.sources], dtype=pl.String)
    rows = images.select("group", "treeoflife_id", sources.gather(images["source"]).alias("source"),
                         in_dataset=pl.col("rule").is_null())  # fmt: skip
    return find_conflicts(rows.with_columns(*decisions.names[images["name"]])).select(COLUMNS)


def find_conflicts(images: pl.DataFrame) -> pl.DataFrame:
    """Find the images of groups in which names differ.

    Args:
        images: ``treeoflife_id``, ``group``, the ranks; other columns are kept.

    Returns:
        The images of these groups, with ``shared``: the deepest rank down to which all names agree, empty if they agree
        in none. A name that ends at a higher rank, and agrees down to it, is no conflict.
    """
    grouped = images.filter(pl.col("group").is_not_null()).with_columns(pl.col(RANKS).fill_null(""))
    values = [pl.col(rank).replace("", None).drop_nulls().n_unique().alias(rank) for rank in RANKS]
    counts = grouped.group_by("group").agg(values)
    counts = counts.filter(pl.any_horizontal(pl.col(rank) > 1 for rank in RANKS))
    shared = pl.lit("")
    for depth, rank in enumerate(RANKS):
        agree = pl.all_horizontal(pl.col(upper) <= 1 for upper in RANKS[: depth + 1]) & (pl.col(rank) == 1)
        shared = pl.when(agree).then(pl.lit(rank)).otherwise(shared)
    return grouped.join(counts.select("group", shared=shared), on="group").sort("group", "treeoflife_id")
