"""Convert one image: the bytes of a file -> a small RGB JPEG, or the reason why there is none.

Files come from anywhere, so only raster formats that Pillow decodes itself are opened (no PostScript), size and memory
are checked by the header before a pixel is decoded, and whatever a decoder raises becomes a :class:`Skip`.
"""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from PIL import Image, ImageFile, JpegImagePlugin, UnidentifiedImageError

from ..config.tables import Images
from ..core.text import describe_error
from ..core.values import BoundingBox, Box, Skip
from .boxes import jpeg2000_profile
from .colour import require_colour_management, to_srgb
from .heif import heif_formats
from .jpeg import load_jpeg
from .measure import Measures, measure
from .metadata import TRIES, without_metadata
from .modes import to_rgb_or_gray
from .png import find_missing_rows
from .regions import SIDEWAYS, Region, cut, find_region, scaled
from .resample import resampler
from .tails import find_unwritten_avif, find_unwritten_webp
from .tiff import find_damaged_strip
from .unopened import judge_unopened

FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM", "JPEG2000", "AVIF")
"""The formats that are always decoded, as Pillow names them; :mod:`.heif` may add another."""
STEP_VERSION = 3
"""Raised whenever the same bytes and settings would give another image."""
EMPTY = Skip("empty", "the file has no bytes")
"""The result for a file without bytes."""

_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}
_ORIENTATION = 0x0112
# By the EXIF orientation, the transposition that turns an image upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Pillow's memory for a pixel; all other modes take 4 bytes.
_BYTES_PER_PIXEL = {"1": 1, "L": 1, "P": 1, "LA": 4, "I;16": 2, "I;16B": 2, "I;16L": 2}
# Decoders that do not go line by line hold the whole image as well, some of them several times: OpenJPEG, for instance,
# as a 32-bit number per sample, beside Pillow's byte. With these estimates a pool of awkward files stays below 300 MB.
_DECODER_COPIES = {"WEBP": 3, "TIFF": 2, "JPEG2000": 5, "AVIF": 3, "GIF": 3, "HEIF": 3}
_MAX_DETAIL = 300
_CLIPPED = "the box reached beyond the picture and was cut at its edge"
# By format, what finds out whether a part of the picture is missing although the decoder has raised no error.
_FIND_MISSING = {
    "PNG": find_missing_rows,
    "WEBP": find_unwritten_webp,
    "AVIF": find_unwritten_avif,
    "TIFF": find_damaged_strip,
}


@dataclass(frozen=True, slots=True)
class Encoded:
    """An image as it goes into shards.

    Attributes:
        data: an RGB JPEG of exactly the configured size.
        width, height: of the original, in pixels, as stored: not turned upright; or of the part that is meant.
        format, mode: of the original, as Pillow names them.
        measures: of the small image before it was encoded; None if the settings turn them off.
        note: what was done to the box, if anything.
    """

    data: bytes = field(repr=False)
    width: int
    height: int
    format: str
    mode: str
    measures: Measures | None = None
    note: str = ""


def convert(data: bytes, settings: Images, box: BoundingBox | None = None) -> Encoded | Skip:
    """Decode the first frame of a file, or the part of it in a box, resize it and encode it as JPEG.

    The same bytes and settings give the same JPEG, on every computer with the same Pillow.

    Raises:
        ConfigError: the package of the resampler cannot be imported.
        MemoryError: while decoding; :mod:`treeoflife.images.guard` handles it. Nothing else in ``data`` raises.

    >>> convert(b"<html>404 Not Found</html>", Images()).reason
    'not-an-image'
    """
    # Outside the try: a missing package must not skip every image.
    resampler(settings.resampler, settings.filter)
    require_colour_management()
    if not data:
        return EMPTY
    Image.init()  # registers all formats; the later calls return at once
    try:
        return _decode(data, settings, box)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything over hostile bytes
        return _decode_without_metadata(data, settings, box) or _skip(data, error)


def decode(data: bytes, settings: Images) -> Image.Image | Skip:
    """Decode the first frame of a file, and resize it: RGB, upright, of the configured size. It is not encoded.

    Raises:
        MemoryError: while decoding. Nothing else in ``data`` raises.

    >>> decode(b"<html>404 Not Found</html>", Images()).reason
    'not-an-image'
    """
    if not data:
        return EMPTY
    Image.init()
    try:
        with _opened(data) as image:
            return _check_header(image, settings) or shrink(image, settings)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything over hostile bytes
        return _skip(data, error)


def _decode(data: bytes, settings: Images, box: BoundingBox | None) -> Encoded | Skip:
    with _opened(data) as image:
        return _check_header(image, settings) or _encode(image, settings, box)


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """The image in the bytes of a file, whose header alone has been read."""
    formats = (*FORMATS, *heif_formats())
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(data), formats=formats) as image:
        if image.format == "JPEG2000" and (profile := jpeg2000_profile(data)):
            image.info["icc_profile"] = profile
        yield image


def _decode_without_metadata(data: bytes, settings: Images, box: BoundingBox | None) -> Encoded | Skip | None:
    """Decode a file that raised an error again, without metadata; None if they were not to blame."""
    tried = {data}
    for bare in (without_metadata(data, kinds) for kinds in TRIES):
        if bare not in tried:
            tried.add(bare)
            try:
                return _decode(bare, settings, box)
            except MemoryError:
                raise
            except Exception:  # noqa: BLE001, S112 - the first error is the one to report
                continue
    return None


def _skip(data: bytes, error: Exception) -> Skip:
    if isinstance(error, UnidentifiedImageError):
        return judge_unopened(data)
    if isinstance(error, Image.DecompressionBombError):
        return Skip("too-many-pixels", str(error))
    text = describe_error(error)
    return Skip("truncated" if "truncated" in text.lower() else "broken", text[:_MAX_DETAIL])


def _check_header(image: Image.Image, settings: Images) -> Skip | None:
    """The reason not to decode an image, by its header alone."""
    width, height = image.size
    if width * height > settings.max_pixels:
        return Skip("too-many-pixels", f"{width}x{height}; at most {settings.max_pixels} pixels are decoded")
    return None


def _encode(image: Image.Image, settings: Images, box: BoundingBox | None) -> Encoded | Skip:
    (width, height), mode, out, note = image.size, image.mode, io.BytesIO(), ""
    small = shrink(image, settings, box)
    if isinstance(small, Skip):
        return small
    if box and isinstance(region := find_region(box, (width, height), _turn(image)), Region):
        (width, height), note = region.size, _CLIPPED if region.is_clipped else ""
    small.save(out, "JPEG", quality=settings.quality, subsampling=_SUBSAMPLING[settings.subsampling])
    measures = measure(small) if settings.measure else None
    return Encoded(out.getvalue(), width, height, str(image.format), mode, measures, note)


def shrink(image: Image.Image, settings: Images, box: BoundingBox | None = None) -> Image.Image | Skip:
    """Decode an opened image and resize it, or the part of it in a box: RGB, upright, of the configured size."""
    size, is_jpeg = image.size, isinstance(image, JpegImagePlugin.JpegImageFile)
    # Judged before the orientation: Pillow decodes a PNG to look for EXIF behind its pixels.
    if not is_jpeg and (fault := _check_memory(image, size, settings) or load_whole(image)):
        return fault
    turn = _turn(image) if settings.exif_rotate or box else None
    region = find_region(box, size, turn) if box else None
    if isinstance(region, Skip):
        return region
    turn = turn if settings.exif_rotate else None
    # Turning the small image is cheaper; an image on its side is first made as wide as it is to be high.
    target = settings.size[::-1] if turn in SIDEWAYS else settings.size
    whole = _draft(image, target, settings.draft, region)
    if is_jpeg and (fault := _check_memory(image, size, settings) or load_whole(image)):
        return fault
    whole = whole or (0, 0, *image.size)
    if region:
        image, whole = cut(_with_whole_range(image), scaled(region.box, size, whole))
    small = _resize(image, whole, target, settings)
    return small.transpose(turn) if turn is not None else small


def load_whole(image: Image.Image) -> Skip | None:
    """Decode an opened image; returns a Skip if a part of the picture is not in the file.

    Raises:
        Exception: of any kind, from a decoder.
    """
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return load_jpeg(image)
    find_missing = _FIND_MISSING.get(str(image.format))
    data = _read_file(image) if find_missing else b""
    _check_first_frame(image)
    image.load()
    return find_missing(data, image) if find_missing else None


def _read_file(image: Image.Image) -> bytes:
    """All bytes of the file of an image that is opened, but not yet decoded."""
    assert isinstance(image, ImageFile.ImageFile)
    assert image.fp is not None
    position = image.fp.tell()
    image.fp.seek(0)
    data = image.fp.read()
    image.fp.seek(position)
    return data


def _check_first_frame(image: Image.Image) -> None:
    """Refuse an animated PNG that gives its first frame a part of the picture only: it is decoded as a still then."""
    tiles = getattr(image, "tile", []) if image.format == "PNG" else []
    if any(tile.extents != (0, 0, *image.size) for tile in tiles):
        raise SyntaxError("the first frame of the animated PNG does not cover the picture")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """The transposition that turns the image upright. Pillow turns TIFFs by itself."""
    return None if image.format == "TIFF" else _UPRIGHT.get(image.getexif().get(_ORIENTATION, 1))


def _with_whole_range(image: Image.Image) -> Image.Image:
    """An image whose values are scaled to 0 … 255, if that depends on all of them and not only on those of a part."""
    return to_rgb_or_gray(image, image.size)[0] if image.mode == "F" or image.mode.startswith("I") else image


def _draft(image: Image.Image, target: tuple[int, int], factor: int, region: Region | None) -> Box | None:
    """Have a JPEG decoded at the smallest scale at which it, or the region, is at least ``factor`` times the target.

    Returns where the image lies in what is decoded, to a fraction of a pixel: decoders round its size up. With a factor
    of 2 the result is 48.9 dB or better from that of a full decode (docs/images.md).
    """
    if not factor or image.format not in ("JPEG", "MPO"):
        return None
    left, top, right, bottom = region.box if region else (0, 0, *image.size)
    across, down = image.width / (right - left), image.height / (bottom - top)
    drafted = image.draft(None, (ceil(target[0] * factor * across), ceil(target[1] * factor * down)))
    return drafted[1] if drafted else None


def _check_memory(image: Image.Image, size: tuple[int, int], settings: Images) -> Skip | None:
    """The reason not to decode an image that is ``size`` without draft mode."""
    width, height = size
    needed = _decoder_memory(image, width * height)
    if needed <= settings.max_memory:
        return None
    return Skip("too-much-memory", f"decoding {width}x{height} {image.mode} takes about {needed} bytes")


def _decoder_memory(image: Image.Image, full_pixels: int) -> int:
    """Estimate the bytes that decoding takes, from the header; ``full_pixels`` are those before drafting."""
    pixels = image.width * image.height * _BYTES_PER_PIXEL.get(image.mode, 4)
    pixels *= _DECODER_COPIES.get(str(image.format), 1)
    if isinstance(image, JpegImagePlugin.JpegImageFile) and image.info.get("progressive"):
        return pixels + _coefficients(image.layer, full_pixels)
    return pixels


def _coefficients(layers: list[Any], full_pixels: int) -> int:
    """The bytes of a progressive JPEG's coefficients, two per sample: libjpeg holds them all, at any scale."""
    largest = max((layer[1] * layer[2] for layer in layers), default=1)
    return sum(2 * full_pixels * layer[1] * layer[2] // largest for layer in layers)


def _resize(image: Image.Image, box: Box, target: tuple[int, int], settings: Images) -> Image.Image:
    """Make an RGB image of the size ``target`` from the part ``box`` of ``image``."""
    if settings.fit == "crop":
        box = _largest_crop(box, target[0] / target[1])
    inner = _largest_size(box, target) if settings.fit == "pad" else target
    opaque, factor = to_rgb_or_gray(image, inner)
    left, top, right, bottom = (side / factor for side in box)
    resample = resampler(settings.resampler, settings.filter)
    small = resample(opaque, inner, (left, top, right, bottom)).convert("RGB")
    # Of the small image, since that is 50 times as fast, and differs by less than encoding does (docs/images.md).
    small = to_srgb(small, image.info.get("icc_profile"))
    if inner == target:
        return small
    canvas = Image.new("RGB", target)
    canvas.paste(small, ((target[0] - inner[0]) // 2, (target[1] - inner[1]) // 2))
    return canvas


def _largest_crop(box: Box, aspect: float) -> Box:
    """The largest centred part of ``box`` with the given ratio of width to height."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    if width > height * aspect:
        margin = (width - height * aspect) / 2
        return left + margin, top, right - margin, bottom
    margin = (height - width / aspect) / 2
    return left, top + margin, right, bottom - margin


def _largest_size(box: Box, target: tuple[int, int]) -> tuple[int, int]:
    """The largest size with the shape of ``box`` that fits into ``target``; at least one pixel either way."""
    width, height = box[2] - box[0], box[3] - box[1]
    scale = min(target[0] / width, target[1] / height)
    return max(1, min(target[0], round(width * scale))), max(1, min(target[1], round(height * scale)))
