"""What the plan has found about single samples: the same picture elsewhere, other names for it, doubtful quality."""

from __future__ import annotations

import polars as pl

from . import quality
from .decide import Decisions

DUPLICATES = {
    "duplicate": "the same picture as another image of the dataset",
    "conflicting-labels": "the same picture under different names",
}
"""The kinds of findings of :func:`duplicates`, and what they mean."""
_MOST_OTHERS = 20


def duplicates(decided: Decisions, conflicts: pl.DataFrame) -> pl.DataFrame:
    """Findings about samples that are the same picture (see :mod:`treeoflife.selection.findings`).

    Args:
        decided: the decisions.
        conflicts: which of the images have different names; see :func:`treeoflife.selection.conflicts.conflicts`.
    """
    groups = conflicts.group_by("group").agg(others="treeoflife_id")
    torn = conflicts.filter("in_dataset").join(groups, on="group", how="left")
    agreed = pl.when(pl.col("shared") == "").then(pl.lit("the names agree in no rank"))
    detail = agreed.otherwise(pl.format("the names agree down to {}", "shared"))
    named = torn.select("treeoflife_id", kind=pl.lit("conflicting-labels"), detail=detail, others="others")
    return pl.concat([_again(decided), named]).with_columns(
        pl.col("others").list.set_difference(pl.concat_list("treeoflife_id")).list.sort().list.head(_MOST_OTHERS)
    )


def straddling(decided: Decisions) -> int:
    """How many groups have samples in train and in val."""
    if "group" not in decided.images.columns:
        return 0
    samples = decided.images.filter(pl.col("rule").is_null() & pl.col("group").is_not_null())
    return samples.group_by("group").agg(pl.col("is_val").n_unique()).filter(pl.col("is_val") > 1).height


def _again(decided: Decisions) -> pl.DataFrame:
    """The samples of whose picture there are further samples."""
    samples = decided.images.filter(pl.col("rule").is_null() & pl.col("group").is_not_null())
    groups = samples.group_by("group").agg(others="treeoflife_id").filter(pl.col("others").list.len() > 1)
    found = samples.select("treeoflife_id", "group").join(groups, on="group", how="inner")
    return found.select("treeoflife_id", kind=pl.lit("duplicate"), detail=pl.lit(""), others="others")


def of_quality(decided: Decisions) -> pl.DataFrame:
    """Findings about the quality of samples."""
    samples = decided.images.filter(pl.col("rule").is_null() & (pl.col("quality") != 0))
    return pl.concat(
        samples.filter(quality.has(kind)).select("treeoflife_id", kind=pl.lit(kind)) for kind in quality.LIMITS
    )
