"""What the measures of an image say of its quality: findings for people, and a filter for those who want one.

The limits were set on labelled examples; docs/duplicates.md says how often each is right. A photograph of something
on white paper is no drawing: where a measure cannot tell, it says nothing.
"""

from __future__ import annotations

import polars as pl

STEP_VERSION = 1

_PAPER = (pl.col("ground") >= 185) & (pl.col("plain") >= 110)
_TEXT = _PAPER & (pl.col("colour") <= 40) & (pl.col("strokes") >= 12) & (pl.col("lines") >= 20)
LIMITS: dict[str, pl.Expr] = {
    "blank": pl.col("contrast") <= 5,
    "small": pl.min_horizontal("width", "height") < 64,
    "long": pl.max_horizontal("width", "height") > 4 * pl.min_horizontal("width", "height"),
    "text": _TEXT,
    "drawing": _PAPER & ~_TEXT & (pl.col("plain") >= 150) & (pl.col("contrast") > 5),
}
"""Each kind of finding, over ``width`` and ``height`` of the original and the measures of the store's index."""

MEANING = {
    "blank": "nearly nothing is to be seen",
    "small": "less than 64 pixels wide or high",
    "long": "more than four times as long as wide",
    "text": "a page of text",
    "drawing": "a drawing, not a photograph",
}
"""What each kind means, for people."""


def bits() -> pl.Expr:
    """The findings of an image as one number, a bit for each of :data:`LIMITS`, over their columns."""
    found = (limit.fill_null(value=False).cast(pl.UInt8) * (1 << bit) for bit, limit in enumerate(LIMITS.values()))
    return pl.sum_horizontal(found).cast(pl.UInt8).alias("quality")


def has(kind: str) -> pl.Expr:
    """Whether an image has a finding of this kind, over ``quality``, the number of :func:`bits`."""
    return (pl.col("quality") & (1 << list(LIMITS).index(kind))) != 0
