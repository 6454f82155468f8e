"""Converting images of any of Pillow's modes to opaque RGB or gray, without clipping, and in little memory."""

from collections.abc import Callable, Iterator
from typing import cast

from PIL import Image, ImageCms

from .colour import transform_to_srgb

# 16 MB at four bytes a pixel: the copies that a conversion makes stay small beside max_memory.
_STRIP_PIXELS = 4_000_000
_WHITE = (255, 255, 255)
# What scanners, microscopes and cameras use; a file does not say how many of its 16 bits are in use.
_BIT_DEPTHS = (8, 10, 12, 14, 16)


def to_rgb_or_gray(image: Image.Image, target: tuple[int, int]) -> tuple[Image.Image, int]:
    """Convert to mode RGB or L; returns the image, and the whole factor by which it became smaller.

    Transparent pixels become white, inks are mixed as the colour profile says, and 16-bit and floating-point values are
    scaled, not clipped. A large image is converted strip by strip and averaged down to at least twice the size
    ``target``, as JPEG decoders do.
    """
    if image.mode in ("RGB", "L") and "transparency" not in image.info:
        return image, 1
    convert = _converter(image)
    factor = min(image.width // (2 * target[0]), image.height // (2 * target[1]))
    if image.width * image.height <= _STRIP_PIXELS or factor < 2:
        return convert(image), 1
    canvas = Image.new("RGB", (-(-image.width // factor), -(-image.height // factor)))
    for top, strip in _strips(image, factor):
        canvas.paste(convert(strip).convert("RGB").reduce(factor), (0, top // factor))
    return canvas, factor


def _strips(image: Image.Image, factor: int = 1) -> Iterator[tuple[int, Image.Image]]:
    """The image in strips of a few million pixels, each with its top, which is a multiple of ``factor``."""
    rows = max(1, _STRIP_PIXELS // image.width // factor) * factor
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))


def _converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """A function that converts this image, or a strip of it, to opaque RGB or L."""
    if image.mode == "1":
        return lambda part: part.convert("L")
    if image.mode == "F" or image.mode.startswith("I"):
        deep = "F" if image.mode == "F" else "I"
        scale, offset = _range(image, deep)
        # Pillow's own conversion to L clips at 255, and shows most 16-bit images as white.
        return lambda part: part.convert(deep).point(lambda value: value * scale + offset).convert("L")
    if image.mode == "LAB":
        return _from_lab
    profile = image.info.get("icc_profile") if image.mode == "CMYK" else None
    if profile and (transform := transform_to_srgb(profile, "CMYK")):
        return transform.apply
    if image.mode.endswith(("A", "a")) or "transparency" in image.info:
        return _on_white
    return lambda part: part.convert("RGB")


def _range(image: Image.Image, deep: str) -> tuple[float, float]:
    """The scale and offset that map the values of a 16-bit, 32-bit or floating-point image to 0 … 255.

    White is the largest value of the smallest bit depth that holds the image, so that a dark image stays dark; 1.0 in
    floating-point images of values up to 1.
    """
    extremes = [cast(tuple[float, float], strip.convert(deep).getextrema()) for _, strip in _strips(image)]
    low = min(0, *(lowest for lowest, _ in extremes))
    span = max(highest for _, highest in extremes) - low
    tops = [*([1] if image.mode == "F" else []), *(2**bits - 1 for bits in _BIT_DEPTHS)]
    scale = 255 / next((top for top in tops if span <= top), span)
    return scale, -low * scale


def _on_white(image: Image.Image) -> Image.Image:
    full = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, _WHITE)
    canvas.paste(full, mask=full.getchannel("A"))
    return canvas


def _from_lab(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return cast(Image.Image, ImageCms.applyTransform(image, ImageCms.buildTransform(lab, srgb, "LAB", "RGB")))
