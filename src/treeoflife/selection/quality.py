"""What the measures of an image say of its quality: findings for people, and a filter for those who want one.

The limits were set on labelled examples; docs/clean.md says how often each is right. A photograph of something
on white paper measures as a drawing does, so nothing is said of drawings.
"""

from __future__ import annotations

import polars as pl

STEP_VERSION = 1

_PAPER = (pl.col("ground") >= 185) & (pl.col("plain") >= 150)
LIMITS: dict[str, pl.Expr] = {
    "blank": pl.col("contrast") <= 5,
    "small": pl.min_horizontal("width", "height") < 64,
    "long": pl.max_horizontal("width", "height") > 4 * pl.min_horizontal("width", "height"),
    "text": _PAPER & (pl.col("colour") <= 30) & (pl.col("strokes") >= 14) & (pl.col("lines") >= 24),
}
"""Each kind of finding, over ``width`` and ``height`` of the original and the measures of the store's index."""

MEANING = {
    "blank": "nearly nothing is to be seen",
    "small": "less than 64 pixels wide or high",
    "long": "more than four times as long as wide",
    "text": "a page of text",
}
"""What each kind means, for people."""


def bits() -> pl.Expr:
    """The findings of an image as one number, a bit for each of :data:`LIMITS`, over their columns."""
    found = (limit.fill_null(value=False).cast(pl.UInt8) * (1 << bit) for bit, limit in enumerate(LIMITS.values()))
    return pl.sum_horizontal(found).cast(pl.UInt8).alias("quality")


def has(kind: str) -> pl.Expr:
    """Whether an image has a finding of this kind, over ``quality``, the number of :func:`bits`."""
    return (pl.col("quality") & (1 << list(LIMITS).index(kind))) != 0
