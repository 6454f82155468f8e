"""Decide whether two images with similar perceptual hashes show the same picture.

A perceptual hash covers only the large shapes: two frames of a camera trap, or two small insects in the same dish, may
have the same hash. So the images are compared pixel by pixel, at half their width and height. A regression first maps
the colours of one image to those of the other, and the remaining differences are examined. A copy that was re-encoded,
resized or watermarked differs in thin lines and noise. Where the images show different things, a whole patch differs,
or the difference is all the structure there is. If the images do not match at once, one is shifted and
stretched until it fits the other, as a cropped copy needs.

All thresholds were tuned on photographs with planted copies and look-alikes: ``benchmarks/duplicates.py planted``
measures recall and precision for each kind of copy, and docs/clean.md has the results.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...core.text import describe_error
from ...engines.base import Tick
from ...errors import StoreError
from . import exact

Picture = NDArray[Any]
Mask = NDArray[np.bool_]
Window = NDArray[np.float64]
Location = tuple[Path, int, int]
"""Where an encoded image is stored: the tar, the byte offset in it, and the size in bytes."""

STEP_VERSION = 4
# Half of the 224 pixels of a stored image: JPEG decoders can decode at half size, and fine noise averages out.
SIDE = 112
# ITU-R BT.601, as Pillow's convert("L"), in thousandths.
_LUMA, _THOUSANDTHS = (299, 587, 114), 1000
# Steps that values are rounded to so that sums are exact (see module exact): of colours, and of slopes and brightness.
# Colours are squared, and products of squares are summed, so they have fewer.
_COLOUR_STEPS, _SLOPE_STEPS = 4, 1024

# A pixel differs if the brightness (0 to 255) that the regression leaves exceeds 0.4 standard deviations of the image,
# but at least 5, above JPEG noise on plain ground, and at most 12, so that small things in contrasty scenes count.
_DIFFERS_IN_PLAIN, _DIFFERS, _DIFFERS_OF_CONTRAST = 5.0, 12.0, 0.4
# A patch differs if 75 % of 9 by 9 pixels do, or nearly all of 5 by 5; edges of a re-encoded copy are thinner.
_PATCH, _PATCH_FILL, _SMALL_PATCH, _SMALL_PATCH_FILL = 9, 0.75, 5, 0.99
# In squares of this side, at most 60 % of the structure may be in one image alone. The last number is the variance
# that is added to each square's, so that noise on plain ground does not count as structure.
_SQUARE, _MAX_UNEXPLAINED, _PLAIN_VARIANCE = 9, 0.6, 30.0
# Values from which a brightened or darkened copy is clipped; not 0 and 255, since JPEG changes them by a few.
_BLACK, _WHITE = 3, 252
# A line of writing is at most 27 rows high (a quarter of the image) and has at least 6 strokes side by side in 3 rows.
# 90 % of its pixels are lighter, or darker: without that, five pairs of look-alikes passed as copies.
_MAX_LINE_HEIGHT, _MIN_STROKES, _MIN_ROWS_OF_STROKES, _MIN_ONE_TONE = 27, 6, 3, 0.9
# Less overlap leaves too little of the picture to be sure.
_MIN_OVERLAP = 0.75
# Alignment runs from coarse to fine, as (reduction factor, steps): most steps where they cost the least.
_ALIGNMENT_LEVELS = ((4, 12), (2, 4), (1, 2))
# Larger shifts and stretches, as a share of the side, are no crop that leaves the hashes near each other.
_MAX_CHANGE = 0.2


@dataclass(frozen=True)
class CompareTask:
    """Pairs of stored images to compare.

    Attributes:
        images: the locations of the images.
        pairs: for each pair, the indices of both images in ``images``, and whether to mirror the second.
    """

    images: tuple[Location, ...]
    pairs: tuple[tuple[int, int, bool], ...]

    @property
    def label(self) -> str:
        """The task's name in messages."""
        return f"{len(self.pairs)} pairs"

    @property
    def cost(self) -> float:
        """About how many seconds the task takes: about 3 ms a pair, and 2 ms an image for decoding."""
        return len(self.pairs) * 0.003 + len(self.images) * 0.002


def compare(task: CompareTask, tick: Tick) -> tuple[bool, ...]:
    """Compare the pairs of a task; returns for each whether both images show the same picture.

    Raises:
        StoreError: an image is damaged.
    """
    pictures = [_load(location) for location in task.images]
    verdicts = []
    for first, second, mirrored in task.pairs:
        other = pictures[second]
        verdicts.append(same_picture(pictures[first], other[:, ::-1] if mirrored else other))
        tick(1)
    return tuple(verdicts)


def _load(location: Location) -> Picture:
    tar, offset, size = location
    with tar.open("rb") as fd:
        fd.seek(offset)
        jpeg = fd.read(size)
    try:
        return load_picture(jpeg)
    except Exception as error:
        reason = describe_error(error)
        raise StoreError(f"{tar} is damaged at byte {offset}: delete it, and run again ({reason})") from error


def load_picture(jpeg: bytes) -> Picture:
    """Decode a JPEG to an array of 112 by 112 RGB values."""
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("RGB", (SIDE, SIDE))
        small = image.convert("RGB")
    if small.size != (SIDE, SIDE):
        small = small.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def same_picture(first: Picture, second: Picture) -> bool:
    """Whether two arrays from :func:`load_picture` show the same picture.

    >>> rng = np.random.default_rng(1)
    >>> a = rng.integers(0, 255, (7, 7, 3)).repeat(16, 0).repeat(16, 1).astype(np.float32)
    >>> b = a.copy()
    >>> b[30:60, 30:60] = 255 - b[30:60, 30:60]
    >>> same_picture(a, a * 0.7 + 20), same_picture(a, b)
    (True, False)
    """
    everywhere = np.ones((SIDE, SIDE), dtype=bool)
    if _agree(first, second, everywhere):
        return True
    window = align(brightness_of(first), brightness_of(second))
    if window is None:
        return False
    moved, inside = _view(first, window)
    return bool(inside.mean() >= _MIN_OVERLAP) and _agree(moved, second, inside)


def brightness_of(picture: Picture) -> Picture:
    """The brightness of each pixel, 0 to 255."""
    red, green, blue = np.moveaxis(picture.astype(np.float64), -1, 0)
    brightness: Picture = (_LUMA[0] * red + _LUMA[1] * green + _LUMA[2] * blue) / _THOUSANDTHS
    return brightness


def _agree(first: Picture, second: Picture, inside: Mask) -> bool:
    """Whether no patch differs once the colours of ``first`` are mapped to those of ``second``."""
    brightness, residue = brightness_of(second), _residue(first, second, inside)
    contrast = exact.deviation(brightness, _THOUSANDTHS)
    limit = np.clip(_DIFFERS_OF_CONTRAST * contrast, _DIFFERS_IN_PLAIN, _DIFFERS)
    differs = (np.abs(residue) > limit) & inside
    if _densest(differs, _PATCH) >= _PATCH_FILL:
        return False
    unexplained = _unexplained(brightness, np.where(inside, residue, 0)) >= _MAX_UNEXPLAINED
    if len(rows := np.flatnonzero(unexplained.any(axis=1))):
        line = slice(rows[0], rows[-1] + _SQUARE)
        if not _is_writing(differs[line], residue[line] > 0):
            return False
        differs[line] = False
    return _densest(differs, _SMALL_PATCH) < _SMALL_PATCH_FILL


def _unexplained(brightness: Picture, residue: NDArray[Any]) -> NDArray[Any]:
    """The share of the structure of each square that only one of the pictures has.

    A small thing that is in only one of two pictures of a scene changes few pixels, and those only a little; but within
    its square, the difference is all the structure there is.
    """
    explained = brightness - residue
    structure = _variances(explained) + _variances(brightness) + _PLAIN_VARIANCE
    shares: NDArray[Any] = _means(residue * residue) / structure
    return shares


def _is_writing(differs: Mask, lighter: Mask) -> bool:
    """Whether the differing pixels of some rows form a line of writing, such as a watermark.

    Such a line is low, has many strokes side by side, and is either lighter or darker than the picture throughout.
    """
    strokes = (differs[:, 1:] & ~differs[:, :-1]).sum(axis=1)
    many = np.count_nonzero(strokes >= _MIN_STROKES) >= _MIN_ROWS_OF_STROKES
    light = float(lighter[differs].mean()) if differs.any() else 0.5
    return len(differs) <= _MAX_LINE_HEIGHT and bool(many) and max(light, 1 - light) >= _MIN_ONE_TONE


def _variances(values: NDArray[Any]) -> NDArray[Any]:
    """The variance within each square of ``_SQUARE`` by ``_SQUARE``."""
    return _means(values * values) - _means(values) ** 2


def _means(values: NDArray[Any]) -> NDArray[np.float64]:
    return _sums(values.astype(np.float64), _SQUARE) / _SQUARE**2


def _residue(first: Picture, second: Picture, inside: Mask) -> NDArray[Any]:
    """The part of the brightness of ``second`` that a regression on the colours of ``first`` does not explain."""
    terms, scales = _colour_terms(first)
    target, valid = exact.whole(brightness_of(second), _THOUSANDTHS).ravel(), inside.ravel()
    used = valid
    # Fit again without the 15 % of pixels that fit worst: where the pictures really differ must not sway the fit.
    for _ in range(3):
        chosen = terms[:, used]
        squares = exact.products(chosen, chosen) / np.outer(scales, scales) + 1e-3 * np.eye(len(terms))
        factors = exact.solve(squares, exact.products(chosen, target[used]) / scales) / scales
        errors = (target - exact.combine(factors, terms)) / _THOUSANDTHS
        size = np.abs(errors)
        used = valid & (size <= np.percentile(size[valid], 85) + 1)
    residue: NDArray[Any] = errors.reshape(inside.shape)
    return np.where(_clipped(first, second, residue), 0, residue)


def _colour_terms(picture: Picture) -> tuple[Window, Window]:
    """The terms of the regression for each pixel: one, its colour, and this squared; colours are -0.5 to 0.5.

    Returns:
        The terms as rows of whole numbers, and what each is to be divided by.
    """
    span = 255 * _COLOUR_STEPS
    colour = exact.whole(picture.reshape(-1, 3).T, _COLOUR_STEPS) - span // 2
    scales = np.repeat([1.0, span, span**2], [1, 3, 3])
    return np.concatenate([np.ones((1, colour.shape[1])), colour, colour * colour]), scales


def _clipped(first: Picture, second: Picture, residue: NDArray[Any]) -> Mask:
    """Where the difference comes from a brightened or darkened copy that ran into black or white."""
    darker, lighter = residue < 0, residue > 0
    clipped: Mask = ((second.max(-1) > _WHITE) & darker) | ((second.min(-1) < _BLACK) & lighter)
    clipped |= ((first.max(-1) > _WHITE) & lighter) | ((first.min(-1) < _BLACK) & darker)
    return clipped


def _densest(mask: Mask, side: int) -> float:
    """The largest share of set pixels in any square of ``side``."""
    return float(_sums(mask.astype(np.int32), side).max()) / side**2


def _sums(values: NDArray[Any], side: int) -> NDArray[Any]:
    """The sum over each square of ``side``, from a summed-area table."""
    table = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    squares: NDArray[Any] = table[side:, side:] - table[:-side, side:] - table[side:, :-side] + table[:-side, :-side]
    return squares


def align(first: Picture, second: Picture) -> Window | None:
    """Find how to stretch and shift ``first`` so that it fits ``second``; both are arrays of brightness.

    Returns:
        Horizontal scale and shift, then vertical scale and shift, about the middle; shifts in pixels. None if the
        pictures do not come near each other.
    """
    window = np.array([1.0, 0.0, 1.0, 0.0])
    for factor, steps in _ALIGNMENT_LEVELS:
        smaller, target = _reduced(first, factor), _reduced(second, factor)
        window[1::2] /= factor
        for _ in range(steps):
            window = _step(smaller, target, window)
            if np.abs(window[::2] - 1).max() > _MAX_CHANGE or np.abs(window[1::2]).max() > _MAX_CHANGE * len(smaller):
                return None
        window[1::2] *= factor
    return window


def _reduced(gray: Picture, factor: int) -> Picture:
    side = len(gray) // factor
    sums = exact.whole(gray, _THOUSANDTHS).reshape(side, factor, side, factor).sum((1, 3))
    small: Picture = sums / (_THOUSANDTHS * factor**2)
    return small


def _step(first: Picture, second: Picture, window: Window) -> Window:
    """One Gauss-Newton step towards the window with the least squared difference, after a linear change of brightness.

    This is the registration of Lucas and Kanade (1981), with scale beside shift.
    """
    moved, inside = _view(first, window)
    side = len(first)
    across = np.broadcast_to(np.arange(side) - (side - 1) / 2, (side, side))
    slope_down, slope_across = np.gradient(moved)
    terms = np.stack(
        [slope_across * across / side, slope_across, slope_down * across.T / side, slope_down, moved / 128,
         np.ones_like(moved), second - moved]
    )[:, inside]  # fmt: skip
    sums = exact.products(steps := exact.whole(terms, _SLOPE_STEPS), steps) / _SLOPE_STEPS**2
    # A little damping keeps the equations solvable where a picture has no structure in one direction.
    squares = sums[:-1, :-1] + np.diag([1e-2] * 4 + [1e-6] * 2)
    change = exact.solve(squares, sums[:-1, -1])[:4] / [side, 1, side, 1]
    result: Window = window + change * np.repeat(window[::2], 2)
    return result


def _view(picture: Picture, window: Window) -> tuple[Picture, Mask]:
    """A picture resampled through a window, and a mask of the pixels that lie inside the picture."""
    columns, right, inside_across = _interpolation(picture.shape[1], window[0], window[1])
    rows, lower, inside_down = _interpolation(picture.shape[0], window[2], window[3])
    trail = (1,) * (picture.ndim - 2)
    right, lower = right.reshape(-1, *trail), lower.reshape(-1, 1, *trail)
    wide = picture[:, columns] * (1 - right) + picture[:, columns + 1] * right
    return wide[rows] * (1 - lower) + wide[rows + 1] * lower, inside_down[:, None] & inside_across


def _interpolation(side: int, scale: float, shift: float) -> tuple[NDArray[np.int64], NDArray[np.float32], Mask]:
    """For each output pixel along one axis: the input pixel below, the weight of the next, and whether it is inside."""
    middle = (side - 1) / 2
    source = scale * (np.arange(side) - middle) + shift + middle
    inside = (source >= 0) & (source <= side - 1)
    source = np.clip(source, 0, side - 1.001)
    below = source.astype(np.int64)
    return below, (source - below).astype(np.float32), inside
