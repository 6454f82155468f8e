"""The plan's findings about samples: duplicates, different names of one picture, doubtful quality."""

import polars as pl

from . import quality
from .decisions import Decisions

DUPLICATES = {
    "duplicate": "the same picture as another image of the dataset",
    "conflicting-labels": "the same picture under different names",
}
"""The kinds of findings of :func:`duplicates`, with their meanings."""
# A placeholder picture may occur thousands of times; the page shows a finding's other images side by side.
_MAX_OTHERS = 20


def duplicates(decisions: Decisions, conflicts: pl.DataFrame) -> pl.DataFrame:
    """Findings about samples that show the same picture (see :mod:`treeoflife.selection.findings`).

    Args:
        conflicts: the images with different names; see :func:`treeoflife.selection.conflicts.conflicts`.
    """
    groups = conflicts.group_by("group").agg(others="treeoflife_id")
    differing = conflicts.filter("in_dataset").join(groups, on="group", how="left")
    detail = (
        pl.when(pl.col("shared") == "").then(pl.lit("the names agree in no rank"))
        .otherwise(pl.format("the names agree down to {}", "shared"))
    )  # fmt: skip
    labels = differing.select("treeoflife_id", kind=pl.lit("conflicting-labels"), detail=detail, others="others")
    others = pl.col("others").list.set_difference(pl.concat_list("treeoflife_id")).list.sort().list.head(_MAX_OTHERS)
    return pl.concat([_repeated(decisions), labels]).with_columns(others)


def _repeated(decisions: Decisions) -> pl.DataFrame:
    """The samples whose picture is in further samples."""
    samples = _grouped_samples(decisions)
    groups = samples.group_by("group").agg(others="treeoflife_id").filter(pl.col("others").list.len() > 1)
    rows = samples.select("treeoflife_id", "group").join(groups, on="group")
    return rows.select("treeoflife_id", kind=pl.lit("duplicate"), detail=pl.lit(""), others="others")


def straddling(decisions: Decisions) -> int:
    """The number of groups that have samples in both train and val."""
    if "group" not in decisions.images.columns:
        return 0
    sides = _grouped_samples(decisions).group_by("group").agg(pl.col("is_val").n_unique())
    return sides.filter(pl.col("is_val") > 1).height


def _grouped_samples(decisions: Decisions) -> pl.DataFrame:
    return decisions.images.filter(pl.col("rule").is_null() & pl.col("group").is_not_null())


def of_quality(decisions: Decisions) -> pl.DataFrame:
    """Findings about the quality of samples."""
    samples = decisions.images.filter(pl.col("rule").is_null() & (pl.col("quality") != 0))
    return pl.concat(
        samples.filter(quality.has(kind)).select("treeoflife_id", kind=pl.lit(kind)) for kind in quality.LIMITS
    )
