"""Cutting a box out of an image: where the box lies in the pixels of the file, and the part as an image of its own.

Boxes lie in the photograph as it is displayed, that is, turned upright by its EXIF orientation: MegaDetector turns a
photograph before it looks at it, and so does whatever people draw boxes in. COCO camera traps do not say it; where a
box comes with the size of its picture, that tells a photograph on its side from an upright one.
"""

import math
from typing import NamedTuple

from PIL import Image

from ..core.values import BoundingBox, Box, Skip

NO_AREA = "box-without-area"
"""The reason for a box that has no area within its picture."""
OTHER_PICTURE = "box-of-another-picture"
"""The reason for a box that was drawn in a picture of another shape."""
SIDEWAYS = {
    Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270,
}  # fmt: skip
"""The transpositions that exchange width and height."""
# Thumbnails of 4000x3000 are 1023x768 with some programs.
_SHAPE_TOLERANCE = 0.02
_LEAST_PIXELS = 1 - 1e-6


class Region(NamedTuple):
    """A box in the pixels of a file, as they are stored.

    Attributes:
        box: left, top, right, bottom.
        is_clipped: whether a part of the box lay outside the picture.
    """

    box: Box
    is_clipped: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in whole pixels."""
        left, top, right, bottom = self.box
        return round(right - left), round(bottom - top)


def find_region(box: BoundingBox, size: tuple[int, int], turn: Image.Transpose | None) -> Region | Skip:
    """Find a box in the pixels of a file.

    Args:
        box: in the picture as it is displayed.
        size: of the picture as it is stored.
        turn: the transposition that turns the stored picture upright.

    Returns:
        The region; or a Skip, if it has no area within the picture or was drawn in a picture of another shape.

    >>> find_region(BoundingBox(0.5, 0, 0.6, 0.25, (1, 1)), (100, 200), None)
    Region(box=(50.0, 0.0, 100.0, 50.0), is_clipped=True)
    >>> find_region(BoundingBox(0, 0, 10, 20), (100, 200), Image.Transpose.ROTATE_270).box
    (0.0, 190.0, 20.0, 200.0)
    """
    upright = size[::-1] if turn in SIDEWAYS else size
    frame = box.frame or upright
    is_as_stored = frame == size != upright  # exactly: photographs that are nearly square have both shapes
    if frame != (1, 1) and (is_as_stored or not _same_shape(frame, upright)):
        if not _same_shape(frame, size):
            shown = f"{frame[0]:g}x{frame[1]:g}"
            return Skip(
                OTHER_PICTURE, f"the box is of a picture of {shown} pixels, this is one of {upright[0]}x{upright[1]}"
            )
        turn, upright = None, size
    across, down = upright[0] / frame[0], upright[1] / frame[1]
    left, top = box.x * across, box.y * down
    right, bottom = left + box.width * across, top + box.height * down
    clipped = max(left, 0.0), max(top, 0.0), min(right, float(upright[0])), min(bottom, float(upright[1]))
    if min(clipped[2] - clipped[0], clipped[3] - clipped[1]) < _LEAST_PIXELS:
        return Skip(NO_AREA, f"the box has no area within the picture of {upright[0]}x{upright[1]} pixels")
    is_clipped = max(abs(one - other) for one, other in zip(clipped, (left, top, right, bottom), strict=True)) >= 1
    return Region(_as_stored(clipped, size, turn), is_clipped)


def _same_shape(frame: tuple[float, float], size: tuple[int, int]) -> bool:
    return abs(frame[0] * size[1] / (frame[1] * size[0]) - 1) <= _SHAPE_TOLERANCE


def _as_stored(box: Box, size: tuple[int, int], turn: Image.Transpose | None) -> Box:
    """A box of the upright picture, in the stored one."""
    (left, top), (right, bottom) = (_point(x, y, size, turn) for x, y in (box[:2], box[2:]))
    return min(left, right), min(top, bottom), max(left, right), max(top, bottom)


def _point(x: float, y: float, size: tuple[int, int], turn: Image.Transpose | None) -> tuple[float, float]:
    width, height = size
    points = {
        Image.Transpose.FLIP_LEFT_RIGHT: (width - x, y), Image.Transpose.FLIP_TOP_BOTTOM: (x, height - y),
        Image.Transpose.ROTATE_180: (width - x, height - y), Image.Transpose.TRANSPOSE: (y, x),
        Image.Transpose.TRANSVERSE: (width - y, height - x), Image.Transpose.ROTATE_270: (y, height - x),
        Image.Transpose.ROTATE_90: (width - y, x),
    }  # fmt: skip
    return points[turn] if turn is not None else (x, y)


def scaled(box: Box, size: tuple[int, int], whole: Box) -> Box:
    """A box of a picture of some size, in the same picture at another scale, where it is ``whole``."""
    across, down = (whole[2] - whole[0]) / size[0], (whole[3] - whole[1]) / size[1]
    return box[0] * across, box[1] * down, box[2] * across, box[3] * down


def cut(image: Image.Image, box: Box) -> tuple[Image.Image, Box]:
    """The part of an image as an image of its own, so that nothing around it is mixed into its edge; and its box."""
    left, top = math.floor(box[0]), math.floor(box[1])
    right, bottom = min(image.width, math.ceil(box[2])), min(image.height, math.ceil(box[3]))
    return image.crop((left, top, right, bottom)), (box[0] - left, box[1] - top, box[2] - left, box[3] - top)
