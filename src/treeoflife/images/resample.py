"""Resizing an image, or a part of it whose edges need not be whole pixels.

Resizing with Pillow is a third to a half of the cost of an image, as it uses no vector instructions. The crate
fast_image_resize does, through the package cykooz-resizer: it takes a fifth of the time, and makes the same pixels on
every processor, though not Pillow's: of photographs, about 1 value in 400 differs by 1 or 2 of 255, since it keeps its
weights in fewer bits (docs/images.md).
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, Literal

from PIL import Image

from ..core.values import Box
from ..errors import ConfigError

Resample = Callable[[Image.Image, tuple[int, int], Box], Image.Image]
"""Takes an image in mode RGB or L, the width and height to make, and the part of the image to make them from."""

PACKAGES = {"pillow": ("pillow",), "simd": ("pillow", "cykooz-resizer")}
"""The packages whose version may change pixels, by the resampler."""

# Pillow's bicubic filter is the one with a = -0.5, which is named after Catmull and Rom.
_SIMD = {"bicubic": "catmull_rom", "lanczos": "lanczos3", "bilinear": "bilinear", "box": "box"}


@cache
def resampler(name: str, filter_name: str) -> Resample:
    """The function that resizes images.

    Args:
        name: ``pillow`` or ``simd``.
        filter_name: ``bicubic``, ``lanczos``, ``bilinear`` or ``box``.

    Raises:
        ConfigError: the package that ``simd`` needs cannot be imported.

    >>> half = resampler("pillow", "box")(Image.new("L", (8, 8), 7), (4, 4), (0, 0, 8, 8))
    >>> half.size, half.getextrema()
    ((4, 4), (7, 7))
    """
    if name == "pillow":
        pillow_filter = Image.Resampling[filter_name.upper()]
        return lambda image, size, box: image.resize(size, pillow_filter, box)
    return _simd(filter_name)


def fastest() -> Literal["pillow", "simd"]:
    """The fastest resampler on this computer, for a dataset.toml that is written here."""
    try:
        resampler("simd", "bicubic")
    except ConfigError:
        return "pillow"
    return "simd"


def _simd(filter_name: str) -> Resample:
    try:
        fast: Any = import_module("cykooz_resizer")
    except ImportError as error:
        raise ConfigError(
            f'[images] resampler = "simd" needs cykooz-resizer ({error}): pip install cykooz-resizer; or, where it has '
            'no wheel, as for Linux on ARM, write resampler = "pillow", which encodes all images again'
        ) from None
    convolution = fast.ResizeAlg.convolution(fast.FilterType[_SIMD[filter_name]])
    resizer = fast.Resizer()

    def resize(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        left, top, right, bottom = box
        crop = fast.CropBox(left, top, right - left, bottom - top)
        resized = Image.new(image.mode, size)
        resizer.resize_pil(image, resized, fast.ResizeOptions(convolution, crop_box=crop))
        return resized

    def resample(image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        # Across and then down, as Pillow does: values outside 0 to 255 are clipped in between. In one call it goes down
        # first, which takes as long and gives other pixels than Pillow's (docs/images.md).
        left, top, right, bottom = box
        narrow = resize(image, (size[0], image.height), (left, 0, right, image.height))
        return resize(narrow, size, (0, top, size[0], bottom))

    return resample
