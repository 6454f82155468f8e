"""What is measured of every image while it is decoded: a perceptual hash, and what tells photographs from others.

All of it is taken from the small picture that goes into the shards, before it is encoded, and is whole numbers: every
computer measures the same. What the numbers mean is decided later (:mod:`treeoflife.selection.quality`), so that
another limit decodes nothing.
"""

from __future__ import annotations

from math import isqrt
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from PIL import Image

from .perceptual import pdq

STEP_VERSION = 1
"""Raised whenever the same picture would be measured otherwise."""

COLUMNS: dict[str, Any] = {"pdq": pl.Binary, **dict.fromkeys(
    ("contrast", "colour", "ground", "plain", "flat", "strokes", "lines"), pl.UInt8
)}  # fmt: skip
"""The columns that the store's index has of them; null where nothing was measured."""

_NEAR = 10
_SAME, _SHARP = 1, 40


class Measured(NamedTuple):
    """What was measured of an image.

    Attributes:
        pdq: the perceptual hash in hex, 64 digits; nothing for a picture too plain to have one.
        contrast: standard deviation of the brightness, 0 to 128.
        colour: mean distance between the strongest and the weakest of red, green and blue, 0 to 255.
        ground: the commonest brightness, 0 to 255.
        plain: of 255 parts, those of the picture that are about as bright as that.
        flat: of 255 parts, those in which pixels beside each other are equal.
        strokes: of 255 parts, those in which pixels beside each other differ sharply, as black from white.
        lines: how often rows with many strokes and rows with few alternate, as in text; 0 to 224 or so.
    """

    pdq: str
    contrast: int
    colour: int
    ground: int
    plain: int
    flat: int
    strokes: int
    lines: int

    def row(self) -> tuple[Any, ...]:
        """The values of :data:`COLUMNS`."""
        return (bytes.fromhex(self.pdq) or None, *self[1:])


NOTHING = (None,) * len(COLUMNS)


def measure(image: Image.Image) -> Measured:
    """Measure a picture.

    Args:
        image: RGB, as it goes into the shards.

    >>> measure(Image.new("RGB", (224, 224), "white"))[1:]
    (0, 0, 255, 255, 255, 0, 0)
    """
    gray = image.convert("L")
    counts = np.array(gray.histogram())
    ground = int(counts.argmax())
    plain = int(counts[max(0, ground - _NEAR) : ground + _NEAR + 1].sum())
    pixels = np.asarray(gray)
    left, right = pixels[:, :-1], pixels[:, 1:]
    steps = np.maximum(left, right) - np.minimum(left, right)
    sharp = np.add.reduce((steps > _SHARP).view(np.uint8), axis=1, dtype=np.uint32)
    return Measured(
        pdq=(pdq(gray) or b"").hex(),
        contrast=_deviation(counts),
        colour=_colour(image),
        ground=ground,
        plain=plain * 255 // int(counts.sum()),
        flat=int(np.count_nonzero(steps <= _SAME)) * 255 // max(1, steps.size),
        strokes=int(sharp.sum() * 255 // max(1, steps.size)),
        lines=_alternations(sharp),
    )


def _deviation(counts: np.ndarray[Any, Any]) -> int:
    """The standard deviation of values from 0 to 255, of which there are so many each; from sums of whole numbers."""
    values, total = np.arange(256), int(counts.sum())
    squares = total * int(values * values @ counts) - int(values @ counts) ** 2
    return isqrt(squares) // total


def _colour(image: Image.Image) -> int:
    small = np.asarray(image.reduce(max(1, min(image.size) // 56)))
    red, green, blue = small[..., 0], small[..., 1], small[..., 2]
    strongest = np.maximum(np.maximum(red, green), blue)
    between = strongest - np.minimum(np.minimum(red, green), blue)
    return int(between.sum(dtype=np.int64) // between.size)


def _alternations(strokes: np.ndarray[Any, Any]) -> int:
    """How often a row has more than half of the mean number of strokes and the next has not, or the other way."""
    many = 2 * strokes > strokes.mean()
    return min(255, int(np.count_nonzero(many[1:] != many[:-1])))
