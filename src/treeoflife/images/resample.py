"""An image, or a part of it that is told to a fraction of a pixel, in another size.

Pillow does it, and is the default. Resizing is then a third to a half of what an image costs, as Pillow uses no vector
instructions. The crate fast_image_resize does, by way of the package cykooz-resizer: it takes a fifth of the time, and
makes the same pixels on every processor. Beside Pillow's, of photographs one value in 400 is other by 1 or 2 of 255:
it keeps its weights in fewer bits.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

from PIL import Image

from ..errors import MissingExtra

Box = tuple[float, float, float, float]
Resample = Callable[[Image.Image, tuple[int, int], Box], Image.Image]

PACKAGES = {"pillow": ("pillow",), "simd": ("pillow", "cykooz-resizer")}
"""What has a hand in the pixels, by the resampler."""

_PILLOW = {
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "box": Image.Resampling.BOX,
}
_SIMD = {"bicubic": "catmull_rom", "lanczos": "lanczos3", "bilinear": "bilinear", "box": "box"}


@cache
def resampler(name: str, filter_name: str) -> Resample:
    """What resizes images: it takes an image, RGB or L, a size, and the part of the image that is wanted.

    Args:
        name: ``pillow`` or ``simd``.
        filter_name: a key of the table of filters, such as ``bicubic``.

    Raises:
        MissingExtra: the package that ``simd`` needs is not installed.

    >>> half = resampler("pillow", "box")(Image.new("L", (8, 8), 7), (4, 4), (0, 0, 8, 8))
    >>> half.size, half.getextrema()
    ((4, 4), (7, 7))
    """
    if name == "pillow":
        return lambda image, size, box: image.resize(size, _PILLOW[filter_name], box)
    return _simd(filter_name)


def _simd(filter_name: str) -> Resample:
    try:
        fast: Any = importlib.import_module("cykooz_resizer")
    except ImportError:
        raise MissingExtra(
            '[images] resampler = "simd" needs cykooz-resizer, which there is for x86 processors and Macs: '
            "pip install 'treeoflife[fast]'; or write resampler = \"pillow\""
        ) from None
    convolution = fast.ResizeAlg.convolution(fast.FilterType[_SIMD[filter_name]])
    resizer = fast.Resizer()

    def onto(made: Image.Image, image: Image.Image, box: Box) -> Image.Image:
        left, top, right, bottom = box
        part = fast.CropBox(left, top, right - left, bottom - top)
        resizer.resize_pil(image, made, fast.ResizeOptions(convolution, crop_box=part))
        return made

    def resample(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        """First across, then down, as Pillow does: values that leave 0 to 255 on the way are cut off in between."""
        left, top, right, bottom = box
        narrow = onto(Image.new(image.mode, (size[0], image.height)), image, (left, 0, right, image.height))
        return onto(Image.new(image.mode, size), narrow, (0, top, size[0], bottom))

    return resample
