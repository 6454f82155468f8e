"""Image quality: kinds of doubtful images, as limits on the measures in the store's indexes.

The limits were set on labelled examples; docs/clean.md says how reliable each is. There is no kind for drawings: a
photograph of something on white paper has the same measures as a drawing.
"""

import polars as pl

STEP_VERSION = 1

# Paper: a bright ground (of 255) with large plain parts. The measures are described in images.measure.
_PAPER = (pl.col("ground") >= 185) & (pl.col("plain") >= 150)
LIMITS: dict[str, pl.Expr] = {
    "blank": pl.col("contrast") <= 5,
    "small": pl.min_horizontal("width", "height") < 64,
    "long": pl.max_horizontal("width", "height") > 4 * pl.min_horizontal("width", "height"),
    "text": _PAPER & (pl.col("colour") <= 30) & (pl.col("strokes") >= 14) & (pl.col("lines") >= 24),
}
"""The kinds of findings, as expressions over the measures and over ``width`` and ``height`` of the original."""

MEANING = {
    "blank": "almost nothing is visible",
    "small": "less than 64 pixels wide or high",
    "long": "more than four times as long as wide",
    "text": "a page of text",
}
"""The meaning of each kind, for people."""


def bits() -> pl.Expr:
    """The findings of an image as one number, ``quality``: a bit for each of :data:`LIMITS`, over their columns."""
    flags = (limit.fill_null(value=False).cast(pl.UInt8) * (1 << bit) for bit, limit in enumerate(LIMITS.values()))
    return pl.sum_horizontal(flags).cast(pl.UInt8).alias("quality")


def has(kind: str) -> pl.Expr:
    """Whether an image has a finding of this kind, as an expression over ``quality``."""
    return (pl.col("quality") & (1 << list(LIMITS).index(kind))) != 0
