"""One image: the bytes of a file -> a small RGB JPEG, or the reason why not.

Files come from anywhere, so only raster formats that Pillow decodes itself are opened, size and memory are
judged by the header before a pixel is decoded, and whatever a decoder raises becomes a :class:`Skip`.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, JpegImagePlugin, UnidentifiedImageError

from ..config.tables import Images
from ..core.values import Skip
from .measure import Measured, measure
from .modes import simplify
from .resample import Box, resampler

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")
STEP_VERSION = 1
"""Raised whenever the same bytes and settings would give another image."""

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "LA": 4, "I;16": 2, "I;16B": 2, "I;16L": 2}
_DECODER_COPIES = {"WEBP": 3, "TIFF": 2, "JPEG2000": 5, "AVIF": 3, "GIF": 3}
_END_OF_IMAGE = b"\xff\xd9"

EMPTY = Skip("empty", "the file has no bytes")
"""What becomes of a file without bytes."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image as it goes into shards.

    Attributes:
        data: a JPEG, RGB, of exactly the configured size.
        width: of the original, in pixels.
        height: of the original, in pixels.
        format: of the original, as Pillow calls it.
        mode: of the original, as Pillow calls it.
        measured: of the picture before it was encoded; None where the settings ask for nothing.
    """

    data: bytes = field(repr=False)
    width: int
    height: int
    format: str
    mode: str
    measured: Measured | None = None


def convert(data: bytes, settings: Images) -> Encoded | Skip:
    """Decode the first frame of a file, resize it and encode it as JPEG.

    The same bytes and settings give the same JPEG, on every computer with the same Pillow.
    It never raises for what is in ``data``, but for a MemoryError: :mod:`treeoflife.images.guard` sees to that.

    Raises:
        MissingExtra: what is to resize is not installed.

    >>> convert(b"<html>404 Not Found</html>", Images()).reason
    'not-an-image'
    """
    resampler(settings.resampler, settings.filter)  # one that is not installed is no fault of the image's
    if not data:
        return EMPTY
    Image.init()  # once: without it only the commonest formats are known
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=FORMATS) as image:
            return _judge(image, data, settings) or _encode(image, settings)
    except UnidentifiedImageError:
        return Skip("not-an-image", f"the file begins with {data[:16]!r}")
    except Image.DecompressionBombError as error:
        return Skip("too-many-pixels", str(error))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything over hostile bytes
        return _skip(error)


def _skip(error: Exception) -> Skip:
    text = f"{type(error).__name__}: {error}"
    return Skip("truncated" if "truncated" in text.lower() else "broken", text[:300])


def _judge(image: Image.Image, data: bytes, settings: Images) -> Skip | None:
    """What the header alone says against decoding."""
    width, height = image.size
    if width * height > settings.max_pixels:
        return Skip("too-many-pixels", f"{width}x{height}; at most {settings.max_pixels} pixels are decoded")
    if image.format in ("JPEG", "MPO") and not is_whole_jpeg(data):
        return Skip("truncated", "the JPEG stops before its end marker")
    return None


def is_whole_jpeg(data: bytes) -> bool:
    """Whether an end-of-image marker follows the start of the scan.

    A file whose second half was never written, and is all zeros, decodes without complaint into half a picture;
    an end marker further up may be that of a thumbnail.
    """
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xDA:
            return data.rfind(_END_OF_IMAGE) > position
        if marker == 0xFF:
            position += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:
            position += 2
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return data.rfind(_END_OF_IMAGE) > position


def _encode(image: Image.Image, settings: Images) -> Encoded | Skip:
    (width, height), mode, out = image.size, image.mode, io.BytesIO()
    small = shrink(image, settings)
    if isinstance(small, Skip):
        return small
    small.save(out, "JPEG", quality=settings.quality, subsampling=_SUBSAMPLING[settings.subsampling])
    measured = measure(small) if settings.measure else None
    return Encoded(out.getvalue(), width, height, str(image.format), mode, measured)


def shrink(image: Image.Image, settings: Images) -> Image.Image | Skip:
    """Decode an opened image, and give it its size and place: RGB, upright, before it is encoded."""
    width, height = image.size
    turn = _turn(image) if settings.exif_rotate else None
    target = settings.size if turn not in _SIDEWAYS else settings.size[::-1]
    box = _draft(image, target, settings.draft)
    needed = _memory(image, width * height)
    if needed > settings.max_memory:
        return Skip("too-much-memory", f"decoding {width}x{height} {image.mode} takes about {needed} bytes")
    image.load()
    small = _resize(image, box or (0, 0, *image.size), target, settings)
    return small.transpose(turn) if turn is not None else small


_SIDEWAYS = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}


def _turn(image: Image.Image) -> Image.Transpose | None:
    """The turn that makes the image upright. Pillow turns TIFFs by itself."""
    return None if image.format == "TIFF" else _TURNS.get(image.getexif().get(_ORIENTATION, 1))


def _draft(image: Image.Image, target: tuple[int, int], factor: int) -> Box | None:
    """Let a JPEG be decoded smaller; returns where in the smaller picture the image lies, to a fraction of a pixel."""
    if not factor or image.format not in ("JPEG", "MPO"):
        return None
    drafted = image.draft(None, (target[0] * factor, target[1] * factor))
    return drafted[1] if drafted else None


def _memory(image: Image.Image, full_pixels: int) -> int:
    """About how many bytes decoding takes, by the header."""
    pixels = image.width * image.height * _BYTES_PER_PIXEL.get(image.mode, 4)
    pixels *= _DECODER_COPIES.get(str(image.format), 1)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        return pixels + _coefficients(image.layer, full_pixels)
    return pixels


def _coefficients(layers: list[Any], full_pixels: int) -> int:
    """The bytes that libjpeg keeps of a progressive JPEG, at whatever scale it is decoded."""
    largest = max((layer[1] * layer[2] for layer in layers), default=1)
    return sum(2 * full_pixels * layer[1] * layer[2] // largest for layer in layers)


def _resize(image: Image.Image, box: Box, target: tuple[int, int], settings: Images) -> Image.Image:
    """An RGB image of the size ``target``, from the part ``box`` of ``image``."""
    if settings.fit == "crop":
        box = _centre(box, target[0] / target[1])
    inner = _inside(box, target) if settings.fit == "pad" else target
    opaque, factor = simplify(image, inner)
    left, top, right, bottom = (side / factor for side in box)
    resample = resampler(settings.resampler, settings.filter)
    small = resample(opaque, inner, (left, top, right, bottom)).convert("RGB")
    if inner == target:
        return small
    canvas = Image.new("RGB", target)
    canvas.paste(small, ((target[0] - inner[0]) // 2, (target[1] - inner[1]) // 2))
    return canvas


def _centre(box: Box, aspect: float) -> Box:
    """The largest centred part of ``box`` with the given ratio of width to height."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if width > height * aspect:
        spare = (width - height * aspect) / 2
        return left + spare, top, right - spare, bottom
    spare = (height - width / aspect) / 2
    return left, top + spare, right, bottom - spare


def _inside(box: Box, target: tuple[int, int]) -> tuple[int, int]:
    """The size of the whole of ``box`` when it just fits into ``target``."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(target[0] / width, target[1] / height)
    return max(1, min(target[0], round(width * scale))), max(1, min(target[1], round(height * scale)))
