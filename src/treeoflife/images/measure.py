"""What is measured of every image while it is decoded: a perceptual hash, and numbers that tell its quality.

All of it is computed from the small image that goes into the shards, before it is encoded, in whole numbers, so that
every computer measures the same. What the numbers mean is decided later (:mod:`treeoflife.selection.quality`), so that
changing a limit decodes nothing.
"""

from math import isqrt
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from PIL import Image

from .perceptual_hash import pdq_hash

STEP_VERSION = 1
"""Raised whenever the same image would be measured differently."""

_NUMBERS = ("contrast", "colour", "ground", "plain", "flat", "strokes", "lines")
COLUMNS: dict[str, Any] = {"pdq": pl.Binary, **dict.fromkeys(_NUMBERS, pl.UInt8)}
"""The columns of measures in the store's index; null where nothing was measured."""

# Levels of gray of 255. Paper is never one level: shadows and the grain of a scan vary it by some.
_NEAR_GROUND = 10
# Neighbouring pixels within one level are flat, as in drawings. Beyond 40 there is an edge, as of ink on paper.
# The limits in selection.quality were set on labelled examples with these numbers (docs/clean.md).
_FLAT_STEP, _SHARP_STEP = 1, 40
# Colour is a mean, so about 56 by 56 pixels are enough; all measures together take half a millisecond.
_COLOUR_SIDE = 56


class Measures(NamedTuple):
    """What was measured of an image; fractions are in 255ths, so that a byte holds each."""

    pdq: str
    """The perceptual hash in hex, 64 digits; empty for an image too plain to have one."""
    contrast: int
    """Standard deviation of the brightness, 0 to 128."""
    colour: int
    """Mean difference between the largest and the smallest of red, green and blue, 0 to 255."""
    ground: int
    """The most frequent brightness, 0 to 255."""
    plain: int
    """The fraction of pixels with about that brightness."""
    flat: int
    """The fraction of pixels that equal their right neighbour."""
    strokes: int
    """The fraction of pixels that differ sharply from their right neighbour."""
    lines: int
    """How often rows with many strokes and rows with few alternate, as in text; at most 255."""

    def row(self) -> tuple[Any, ...]:
        """The values of :data:`COLUMNS`."""
        return (bytes.fromhex(self.pdq) or None, *self[1:])


NO_MEASURES = (None,) * len(COLUMNS)
"""The values of :data:`COLUMNS` where nothing was measured."""


def measure(image: Image.Image) -> Measures:
    """Measure an RGB image, as it goes into the shards.

    >>> measure(Image.new("RGB", (224, 224), "white"))[1:]
    (0, 0, 255, 255, 255, 0, 0)
    """
    gray = image.convert("L")
    counts = np.array(gray.histogram())
    ground = int(counts.argmax())
    plain = int(counts[max(0, ground - _NEAR_GROUND) : ground + _NEAR_GROUND + 1].sum())
    pixels = np.asarray(gray)
    left, right = pixels[:, :-1], pixels[:, 1:]
    steps = np.maximum(left, right) - np.minimum(left, right)  # of bytes, which a plain difference would wrap
    sharp = np.add.reduce((steps > _SHARP_STEP).view(np.uint8), axis=1, dtype=np.uint32)
    return Measures(
        pdq=(pdq_hash(gray) or b"").hex(),
        contrast=_deviation(counts),
        colour=_colour(image),
        ground=ground,
        plain=plain * 255 // int(counts.sum()),
        flat=int(np.count_nonzero(steps <= _FLAT_STEP)) * 255 // max(1, steps.size),
        strokes=int(sharp.sum() * 255 // max(1, steps.size)),
        lines=_alternations(sharp),
    )


def _deviation(counts: np.ndarray[Any, Any]) -> int:
    """The standard deviation of pixels, from the count of each value 0 to 255; rounded down, by whole numbers only."""
    values, total = np.arange(256), int(counts.sum())
    squares = total * int(values * values @ counts) - int(values @ counts) ** 2
    return isqrt(squares) // total


def _colour(image: Image.Image) -> int:
    small = np.asarray(image.reduce(max(1, min(image.size) // _COLOUR_SIDE)))
    # Measured: half the time of splitting the image into bands with Pillow.
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    difference = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    return int(difference.sum(dtype=np.int64) // difference.size)


def _alternations(strokes: np.ndarray[Any, Any]) -> int:
    """How many neighbouring rows are on different sides of half the mean number of strokes."""
    many = 2 * strokes > strokes.mean()
    return min(255, int(np.count_nonzero(many[1:] != many[:-1])))
