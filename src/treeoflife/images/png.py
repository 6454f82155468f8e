"""Whether all rows of a PNG are in the file.

Pillow's decoder is content with a stream that ends early as long as it ends in order, and leaves the rows that are
missing black. Rows come from top to bottom, so a last row that is not black says that none is missing. Only if it is
black, or the picture is interlaced, the pixel data are unpacked once more and counted.
"""

import zlib
from collections.abc import Iterator

from PIL import Image

from ..core.values import Skip

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The chunks that Pillow takes for pixel data, and the bytes in each before these.
_PIXELS = {b"IDAT": 0, b"DDAT": 0, b"fdAT": 4}
# By colour type.
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
# The passes of an interlaced picture: first column and row, and the distances to the next.
_WHOLE = ((0, 0, 1, 1),)
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
# What is held of the stream at a time, packed and unpacked.
_PACKED, _UNPACKED = 1 << 14, 1 << 20


def find_missing_rows(data: bytes, image: Image.Image) -> Skip | None:
    """A Skip ``truncated`` if the pixel data of a PNG are fewer than its header asks for.

    Args:
        data: the file.
        image: the same, decoded; only its first frame is looked at.
    """
    interlaced = bool(image.info.get("interlace"))
    last_row = image.crop((0, image.height - 1, *image.size))
    if not interlaced and any(last_row.tobytes()):
        return None
    chunks = list(_chunks(data))
    header = next(data[start:end] for name, start, end in chunks if name == b"IHDR")
    expected = _unpacked_size(image.size, header[8] * _CHANNELS[header[9]], interlaced=interlaced)
    present = _count_unpacked(data, chunks, expected)
    if present >= expected:
        return None
    return Skip("truncated", f"the PNG holds {present} of {expected} bytes of unpacked pixel data")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Of each chunk, its name, and where its content begins and ends."""
    position = len(_SIGNATURE)
    while position + 8 <= len(data):
        start = position + 8
        end = start + int.from_bytes(data[position : position + 4])
        yield data[position + 4 : start], start, end
        position = end + 4


def _unpacked_size(size: tuple[int, int], bits: int, *, interlaced: bool) -> int:
    """The bytes of all rows, each with one that names its filter."""
    total = 0
    for left, top, across, down in _PASSES if interlaced else _WHOLE:
        width, height = -(-(size[0] - left) // across), -(-(size[1] - top) // down)
        if width > 0 and height > 0:
            total += height * (1 + (width * bits + 7) // 8)
    return total


def _count_unpacked(data: bytes, chunks: list[tuple[bytes, int, int]], enough: int) -> int:
    """The bytes of pixel data, counted up to ``enough``."""
    unpacker, total = zlib.decompressobj(), 0
    for part in _packed_parts(data, chunks):
        packed = part
        while packed and total < enough:
            try:
                total += len(unpacker.decompress(packed, _UNPACKED))
            except zlib.error:  # Pillow has not met it: it had all rows before
                return enough
            packed = unpacker.unconsumed_tail
    return total


def _packed_parts(data: bytes, chunks: list[tuple[bytes, int, int]]) -> Iterator[bytes]:
    """The first unbroken sequence of chunks with pixel data, as Pillow reads them."""
    begun = False
    for name, start, end in chunks:
        if name in _PIXELS:
            begun = True
            for position in range(start + _PIXELS[name], min(end, len(data)), _PACKED):
                yield data[position : min(end, position + _PACKED)]
        elif begun:
            return
