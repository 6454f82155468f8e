"""Whether the strips or tiles of a TIFF are in the file as a whole.

libtiff is content with a strip of Deflate or JPEG that is damaged, as long as it begins well, and leaves the rest of it
black or gray. So these are looked at one by one: a Deflate stream must come to its end, and a JPEG is judged like any
other JPEG.
"""

import io
import zlib

from PIL import Image

from ..core.values import Skip
from .jpeg import load_jpeg

_COMPRESSION, _FILL_ORDER, _JPEG_TABLES = 259, 266, 347
# The tags of offsets and of sizes: of strips, and of tiles.
_PARTS = ((273, 279), (324, 325))
_JPEG, _DEFLATE, _REVERSED_BITS = 7, (8, 32946), 2
_END_OF_IMAGE = b"\xff\xd9"
# The most bytes that a pixel takes: 4 samples of 64 bits. Streams are unpacked no further than the picture goes.
_MOST_BYTES_PER_PIXEL, _SLACK = 32, 1 << 20
# What is held of a stream at a time, packed and unpacked.
_PACKED, _UNPACKED = 1 << 14, 1 << 20


def find_damaged_strip(data: bytes, image: Image.Image) -> Skip | None:
    """A Skip ``truncated`` if a strip or tile of a TIFF is not in the file as a whole.

    Args:
        data: the file.
        image: the same, decoded; only its first page is looked at.
    """
    tags = getattr(image, "tag_v2", {})
    compression = tags.get(_COMPRESSION)
    view = memoryview(data)  # strips may overlap: copies of them could take far more than the file
    parts = [view[offset : offset + size] for offset, size in _places(tags) if size]
    if compression == _JPEG:
        tables = bytes(tags.get(_JPEG_TABLES, b""))
        damaged = (number for number, part in enumerate(parts) if _is_cut_jpeg(tables, bytes(part)))
    elif compression in _DEFLATE and tags.get(_FILL_ORDER) != _REVERSED_BITS:
        budget = _SLACK + _MOST_BYTES_PER_PIXEL * image.width * image.height
        damaged = (number for number, part in enumerate(parts) if not _has_end(part, budget))
    else:
        return None
    number = next(damaged, None)
    if number is None:
        return None
    return Skip("truncated", f"strip or tile {number + 1} of {len(parts)} of the TIFF does not come to its end")


def _places(tags: dict[int, int | tuple[int, ...]]) -> list[tuple[int, int]]:
    """Offset and size of each strip or tile."""
    for offsets, sizes in _PARTS:
        if offsets in tags and sizes in tags:
            pair = (tags[offsets], tags[sizes])
            return list(zip(*(value if isinstance(value, tuple) else (value,) for value in pair), strict=False))
    return []


def _has_end(packed: memoryview, budget: int) -> bool:
    """Whether a Deflate stream comes to its end, or to more bytes than the budget."""
    unpacker, total = zlib.decompressobj(), 0
    for position in range(0, len(packed), _PACKED):
        part = bytes(packed[position : position + _PACKED])
        while part and not unpacker.eof:
            try:
                total += len(unpacker.decompress(part, _UNPACKED))
            except zlib.error:
                return False
            if total > budget:
                return True
            part = unpacker.unconsumed_tail
    return unpacker.eof


def _is_cut_jpeg(tables: bytes, part: bytes) -> bool:
    """Whether a JPEG, whose tables stand elsewhere, lacks a part of its picture; False if Pillow cannot open it."""
    whole = tables.rstrip(b"\0").removesuffix(_END_OF_IMAGE) + part[2:] if tables else part
    try:
        with Image.open(io.BytesIO(whole + _END_OF_IMAGE), formats=("JPEG",)) as image:
            image.draft(None, (1, 1))
            return load_jpeg(image) is not None
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - libtiff reads JPEGs that Pillow does not, such as those of 12 bits
        return False
