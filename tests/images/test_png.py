"""A PNG whose rows end before the picture does is truncated, whatever its chunks say; a whole one keeps its pixels."""

from __future__ import annotations

import io
import random
import struct
import zlib
from itertools import product

import numpy as np
import pytest
from PIL import Image

from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images import png
from treeoflife.images.convert import convert
from treeoflife.testing.world import draw_picture

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def packed(
    rows: bytes, size: tuple[int, int], pieces: int = 1, depth: int = 8, colour: int = 2, adam7: int = 0
) -> bytes:
    """A PNG of these rows; its stream of data ends as a whole one does."""
    stream = zlib.compress(rows)
    step = -(-len(stream) // pieces)
    parts = b"".join(chunk(b"IDAT", stream[at : at + step]) for at in range(0, len(stream), step))
    header = struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, adam7)
    palette = chunk(b"PLTE", bytes(range(48))) if colour == 3 else b""
    return SIGNATURE + chunk(b"IHDR", header) + palette + parts + chunk(b"IEND", b"")


def raw_rows(size: int = 300) -> tuple[bytes, tuple[int, int]]:
    picture = draw_picture(random.Random(1)).convert("RGB").resize((size, size))
    pixels = np.asarray(picture).reshape(size, -1)
    return b"".join(b"\0" + row.tobytes() for row in pixels), (size, size)


@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_rows_that_end_early_are_truncated(share: float, pieces: int) -> None:
    rows, size = raw_rows()
    found = convert(packed(rows[: int(len(rows) * share)], size, pieces), Images())
    assert isinstance(found, Skip)
    assert found.reason == "truncated"


def test_one_row_that_is_missing_is_enough() -> None:
    rows, size = raw_rows()
    assert not isinstance(convert(packed(rows, size), Images()), Skip)
    assert isinstance(convert(packed(rows[: -size[0] * 3 - 1], size), Images()), Skip)


def white_rows(width: int, height: int, bits: int, adam7: int) -> bytes:
    """All rows of a picture of the largest values, by the table of the PNG specification, section 8.2."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    rows = []
    for x, y, dx, dy in passes if adam7 else [(0, 0, 1, 1)]:
        columns = len(range(x, width, dx))
        rows += [b"\0" + b"\xff" * -(-columns * bits // 8) for _ in range(y, height, dy) if columns]
    return b"".join(rows)


KINDS = [
    (1, 0),
    (2, 0),
    (4, 0),
    (8, 0),
    (16, 0),
    (8, 2),
    (16, 2),
    (1, 3),
    (2, 3),
    (4, 3),
    (8, 4),
    (16, 4),
    (8, 6),
    (16, 6),
]


@pytest.mark.parametrize(("depth", "colour"), KINDS)
def test_a_byte_less_than_the_decoder_needs_is_too_little(depth: int, colour: int) -> None:
    """In all depths and kinds of colour, of odd sizes, interlaced or not; and a byte more is not missed."""
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    for (width, height), adam7 in product([(1, 1), (3, 2), (5, 9), (17, 33)], [0, 1]):
        rows = white_rows(width, height, bits, adam7)

        def built(rows: bytes, size: tuple[int, int] = (width, height), adam7: int = adam7) -> io.BytesIO:
            return io.BytesIO(packed(rows, size, 1, depth, colour, adam7))

        pixels = np.asarray(Image.open(built(rows)))
        assert pixels.min() == pixels.max() > 0, "every pixel is in the rows"
        assert [png.is_whole(built(one)) for one in (rows[:-1], rows, rows + b"\0")] == [False, True, True]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_what_pillow_writes_is_whole(mode: str) -> None:
    for compression in (0, 1, 9):
        picture = draw_picture(random.Random(2)).convert("L" if mode == "I;16" else mode)
        out = io.BytesIO()
        picture.convert(mode).save(out, "PNG", compress_level=compression)
        assert png.is_whole(io.BytesIO(out.getvalue()))
