"""Whether two images with similar hashes show the same picture.

A hash knows the large shapes alone: two frames of a camera trap, or two small insects in the same dish, may have the
same. So the pictures themselves are laid over each other at a quarter of their pixels. One is given the colours of the
other by a regression, and what differs then is looked at. A copy that was encoded again, resized or written over
differs in thin lines and in noise; where another animal stands, a whole patch differs, or what differs is all that is
to be seen there. Where the pictures do not lie on each other at once, one is first shifted and stretched until they
do, as a copy that was cropped needs.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...engines.base import Tick

Picture = NDArray[Any]
Mask = NDArray[np.bool_]
Window = NDArray[np.float64]
Place = tuple[Path, int, int]
"""Where a picture lies: a tar, an offset and a size."""

STEP_VERSION = 3
SIDE = 112
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_DIFFERS, _DIFFERS_IN_PLAIN, _OF_CONTRAST = 12.0, 5.0, 0.4
_PATCH, _OF_PATCH, _SMALL_PATCH, _OF_SMALL_PATCH = 9, 0.75, 5, 0.99
_STRUCTURE = 9
_PLAIN = 30.0
_MOST_UNEXPLAINED = 0.6
_BLACK, _WHITE = 3, 252
_TALLEST_LINE, _STROKES, _ROWS_OF_STROKES, _OF_ONE_KIND = 27, 6, 3, 0.9
_LEAST_OVERLAP = 0.75
_LEVELS = ((4, 12), (2, 4), (1, 2))
_MOST = 0.2


@dataclass(frozen=True)
class CompareTask:
    """Pairs of images of the store to look at.

    Attributes:
        images: of each image the tar it lies in, its offset and its size.
        pairs: of each pair the two images, and whether the second is to be mirrored.
    """

    images: tuple[Place, ...]
    pairs: tuple[tuple[int, int, bool], ...]

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{len(self.pairs)} pairs"

    @property
    def cost(self) -> float:
        """About how many seconds it takes."""
        return len(self.pairs) * 0.003 + len(self.images) * 0.002


def compare(task: CompareTask, tick: Tick) -> tuple[bool, ...]:
    """For each pair, whether it is the same picture."""
    pictures = [picture(data) for data in _read(task.images)]
    verdicts = []
    for first, second, mirrored in task.pairs:
        other = pictures[second]
        verdicts.append(same(pictures[first], other[:, ::-1] if mirrored else other))
        tick(1)
    return tuple(verdicts)


def _read(images: Sequence[Place]) -> list[bytes]:
    found = []
    for tar, offset, size in images:
        with tar.open("rb") as fd:
            fd.seek(offset)
            found.append(fd.read(size))
    return found


def picture(jpeg: bytes) -> Picture:
    """A JPEG as an array of 112 by 112 colours."""
    with Image.open(io.BytesIO(jpeg)) as image:
        image.draft("RGB", (SIDE, SIDE))
        small = image.convert("RGB")
    if small.size != (SIDE, SIDE):
        small = small.resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def same(one: Picture, other: Picture) -> bool:
    """Whether two arrays from :func:`picture` show the same picture.

    >>> rng = np.random.default_rng(1)
    >>> a = rng.integers(0, 255, (7, 7, 3)).repeat(16, 0).repeat(16, 1).astype(np.float32)
    >>> b = a.copy()
    >>> b[30:60, 30:60] = 255 - b[30:60, 30:60]
    >>> same(a, a * 0.7 + 20), same(a, b)
    (True, False)
    """
    everywhere = np.ones((SIDE, SIDE), dtype=bool)
    if _agree(one, other, everywhere):
        return True
    window = align(one @ _LUMA, other @ _LUMA)
    if window is None:
        return False
    moved, inside = _through(one, window)
    return bool(inside.mean() >= _LEAST_OVERLAP) and _agree(moved, other, inside)


def _agree(one: Picture, other: Picture, inside: Mask) -> bool:
    """Whether no patch differs, once one picture has the colours of the other."""
    brightness, rest = other @ _LUMA, _residue(one, other, inside)
    limit = np.clip(_OF_CONTRAST * float(brightness.std()), _DIFFERS_IN_PLAIN, _DIFFERS)
    differs = (np.abs(rest) > limit) & inside
    if _densest(differs, _PATCH) >= _OF_PATCH:
        return False
    unexplained = _unexplained(brightness, np.where(inside, rest, 0)) >= _MOST_UNEXPLAINED
    if len(rows := np.flatnonzero(unexplained.any(axis=1))):
        line = slice(rows[0], rows[-1] + _STRUCTURE)
        if not _is_writing(differs[line], rest[line] > 0):
            return False
        differs[line] = False
    return _densest(differs, _SMALL_PATCH) < _OF_SMALL_PATCH


def _unexplained(brightness: Picture, rest: NDArray[Any]) -> NDArray[Any]:
    """How much of the structure of each square is in one picture alone.

    A small thing in one of two pictures of a scene differs little, and in few pixels; but there, all that is to be
    seen is what differs.
    """
    fit = brightness - rest
    structure = _spread(fit) + _spread(brightness) + _PLAIN
    shares: NDArray[Any] = _means(rest * rest) / structure
    return shares


def _is_writing(differs: Mask, lighter: Mask) -> bool:
    """Whether what differs in some rows is a line of writing, such as a watermark.

    It is low, has many strokes side by side, and is lighter all over, or darker.
    """
    strokes = (differs[:, 1:] & ~differs[:, :-1]).sum(axis=1)
    many = np.count_nonzero(strokes >= _STROKES) >= _ROWS_OF_STROKES
    share = float(lighter[differs].mean()) if differs.any() else 0.5
    return len(differs) <= _TALLEST_LINE and bool(many) and max(share, 1 - share) >= _OF_ONE_KIND


def _spread(values: NDArray[Any]) -> NDArray[Any]:
    """The variance within each square."""
    return _means(values * values) - _means(values) ** 2


def _means(values: NDArray[Any]) -> NDArray[np.float64]:
    """The mean of each square of 9 by 9."""
    return _sums(values.astype(np.float64), _STRUCTURE) / _STRUCTURE**2


def _residue(one: Picture, other: Picture, inside: Mask) -> NDArray[Any]:
    """What of the brightness of ``other`` does not follow from the colours of ``one``."""
    colour = one.reshape(-1, 3) / 255 - 0.5
    terms = np.concatenate([np.ones((len(colour), 1)), colour, colour * colour], axis=1)
    wanted, valid = (other @ _LUMA).ravel(), inside.ravel()
    used = valid
    for _ in range(3):
        chosen = terms[used]
        squares = chosen.T @ chosen + 1e-3 * np.eye(terms.shape[1])
        rest = wanted - terms @ np.linalg.solve(squares, chosen.T @ wanted[used])
        size = np.abs(rest)
        used = valid & (size <= np.percentile(size[valid], 85) + 1)
    residue: NDArray[Any] = rest.reshape(inside.shape)
    return np.where(_cut_off(one, other, residue), 0, residue)


def _cut_off(one: Picture, other: Picture, rest: NDArray[Any]) -> Mask:
    """Where a picture that was made brighter or darker could not follow: its colours end at black and at white."""
    dark, light = rest < 0, rest > 0
    ends: Mask = ((other.max(-1) > _WHITE) & dark) | ((other.min(-1) < _BLACK) & light)
    ends |= ((one.max(-1) > _WHITE) & light) | ((one.min(-1) < _BLACK) & dark)
    return ends


def _densest(mask: Mask, side: int) -> float:
    """The largest share of a square of ``side`` that is set."""
    return float(_sums(mask.astype(np.int32), side).max()) / side**2


def _sums(values: NDArray[Any], side: int) -> NDArray[Any]:
    """The sum over each square of ``side``."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    squares: NDArray[Any] = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    return squares


def align(one: Picture, other: Picture) -> Window | None:
    """How ``one`` is to be stretched and shifted to lie on ``other``; None if it does not come to lie near.

    Returns:
        Scale and shift across, scale and shift down; shifts in pixels, about the middle.
    """
    window = np.array([1.0, 0.0, 1.0, 0.0])
    for factor, steps in _LEVELS:
        a, b = _shrunk(one, factor), _shrunk(other, factor)
        window[1::2] /= factor
        for _ in range(steps):
            window = _step(a, b, window)
            if np.abs(window[::2] - 1).max() > _MOST or np.abs(window[1::2]).max() > _MOST * len(a):
                return None
        window[1::2] *= factor
    return window


def _shrunk(gray: Picture, factor: int) -> Picture:
    side = len(gray) // factor
    small: Picture = gray.reshape(side, factor, side, factor).mean((1, 3))
    return small


def _step(one: Picture, other: Picture, window: Window) -> Window:
    """One step of Gauss and Newton towards the window in which the pictures differ least, but for brightness."""
    moved, inside = _through(one, window)
    side = len(one)
    across = np.broadcast_to(np.arange(side) - (side - 1) / 2, (side, side))
    down_slope, slope = np.gradient(moved)
    terms = np.stack(
        [slope * across / side, slope, down_slope * across.T / side, down_slope, moved / 128, np.ones_like(moved)], -1
    )[inside]
    squares = terms.T @ terms + np.diag([1e-2] * 4 + [1e-6] * 2)
    change = np.linalg.solve(squares, terms.T @ (other - moved)[inside])[:4] / [side, 1, side, 1]
    result: Window = window + change * np.repeat(window[::2], 2)
    return result


def _through(one: Picture, window: Window) -> tuple[Picture, Mask]:
    """A picture seen through a window, and where the window shows something of it."""
    columns, right, inside_across = _between(one.shape[1], window[0], window[1])
    rows, lower, inside_down = _between(one.shape[0], window[2], window[3])
    trail = (1,) * (one.ndim - 2)
    right, lower = right.reshape(-1, *trail), lower.reshape(-1, 1, *trail)
    wide = one[:, columns] * (1 - right) + one[:, columns + 1] * right
    return wide[rows] * (1 - lower) + wide[rows + 1] * lower, inside_down[:, None] & inside_across


def _between(side: int, scale: float, shift: float) -> tuple[NDArray[np.int64], NDArray[np.float32], Mask]:
    middle = (side - 1) / 2
    place = scale * (np.arange(side) - middle) + shift + middle
    inside = (place >= 0) & (place <= side - 1)
    place = np.clip(place, 0, side - 1.001)
    below = place.astype(np.int64)
    return below, (place - below).astype(np.float32), inside
