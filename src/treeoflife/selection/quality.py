"""Image quality: kinds of doubtful images, as limits on the measures in the store's indexes.

The limits were set on labelled examples; docs/clean.md says how reliable each is. There is no kind for drawings: a
photograph of something on white paper has the same measures as a drawing.
"""

STEP_VERSION = 1

# Paper: a bright ground (of 255) with large plain parts. The measures are described in images.measure.
_PAPER = "ground >= 185 AND plain >= 150"
LIMITS = {
    "blank": "contrast <= 5",
    "small": "least(width, height) < 64",
    "long": "greatest(width, height) > 4 * least(width, height)",
    "text": f"{_PAPER} AND colour <= 30 AND strokes >= 14 AND lines >= 24",
}
"""The kinds of findings, as SQL over the measures and over ``width`` and ``height`` of the original."""
COLUMNS = ("width", "height", "contrast", "colour", "ground", "plain", "strokes", "lines")
"""The columns of a store's index over which these are."""

MEANING = {
    "blank": "almost nothing is visible",
    "small": "less than 64 pixels wide or high",
    "long": "more than four times as long as wide",
    "text": "a page of text",
}
"""The meaning of each kind, for people."""


def bits() -> str:
    """SQL for the findings of an image as one number: a bit for each of :data:`LIMITS`, over :data:`COLUMNS`."""
    flags = (f"CASE WHEN {limit} THEN {1 << bit} ELSE 0 END" for bit, limit in enumerate(LIMITS.values()))
    return f"({' + '.join(flags)})::UTINYINT"


def has(kind: str) -> str:
    """SQL for whether an image has a finding of this kind, over ``quality``."""
    return f"quality & {1 << list(LIMITS).index(kind)} <> 0"
