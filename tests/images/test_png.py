"""A PNG whose pixel data are fewer than its header asks for is truncated, however it ends."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from PIL import Image

from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.png import find_missing_rows

SIZE = (37, 29)
# Of each kind: bits a sample, colour type, samples a pixel.
KINDS = [(1, 0, 1), (2, 0, 1), (4, 0, 1), (8, 0, 1), (16, 0, 1), (1, 3, 1), (4, 3, 1), (8, 3, 1), (8, 4, 2),
         (16, 4, 2), (8, 2, 3), (16, 2, 3), (8, 6, 4), (16, 6, 4)]  # fmt: skip
PASSES = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(rows: bytes, kind: tuple[int, int, int], *, interlaced: bool = False, parts: int = 1) -> bytes:
    """A PNG with these rows, whose stream ends in order; its pixel data in several chunks."""
    header = struct.pack(">IIBBBBB", *SIZE, kind[0], kind[1], 0, 0, interlaced)
    packed = zlib.compress(rows)
    step = -(-len(packed) // parts)
    pixels = b"".join(chunk(b"IDAT", packed[at : at + step]) for at in range(0, len(packed), step))
    palette = chunk(b"PLTE", bytes(range(256)) * 3) if kind[1] == 3 else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + palette + pixels + chunk(b"IEND", b"")


def rows(kind: tuple[int, int, int], *, interlaced: bool = False, black: bool = False) -> list[bytes]:
    """The rows of a picture, in the order of the file: of noise, or black."""
    chance, result = random.Random(3), []
    for left, top, across, down in PASSES if interlaced else [(0, 0, 1, 1)]:
        width = len(range(left, SIZE[0], across))
        count = (width * kind[0] * kind[2] + 7) // 8
        result += [b"\0" + (bytes(count) if black else chance.randbytes(count)) for _ in range(top, SIZE[1], down)]
    return result


@pytest.mark.parametrize("black", [False, True])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_rows_that_are_missing_are_missed_though_the_stream_ends_in_order(
    kind: tuple[int, int, int], interlaced: bool, black: bool
) -> None:
    """Half of the rows, or one; a whole picture keeps its pixels, even if it is black."""
    every = rows(kind, interlaced=interlaced, black=black)
    for parts in (1, 3):
        whole = png(b"".join(every), kind, interlaced=interlaced, parts=parts)
        assert isinstance(convert(whole, Images()), Encoded)
        for kept in (0, len(every) // 2, len(every) - 1):
            result = convert(png(b"".join(every[:kept]), kind, interlaced=interlaced, parts=parts), Images())
            assert isinstance(result, Skip)
            assert result.reason == "truncated"
            assert result.detail


def test_a_whole_picture_with_a_black_last_row_is_whole() -> None:
    """Also if more follows in the stream than the picture takes."""
    kind = (8, 2, 3)
    every = [*rows(kind)[:-1], bytes(1 + 3 * SIZE[0])]
    for further in (b"", b"more" * 1000):
        assert isinstance(convert(png(b"".join(every) + further, kind), Images()), Encoded)


def test_the_first_frame_of_an_animation_is_judged_and_no_other() -> None:
    """Its pixels are in IDAT chunks; those of the other frames are not read."""
    kind = (8, 2, 3)
    control = struct.pack(">IIIIHHBB", *SIZE, 0, 0, 1, 1, 0, 0)
    start = chunk(b"acTL", struct.pack(">II", 2, 0)) + chunk(b"fcTL", bytes(4) + control)
    second = zlib.compress(b"".join(rows(kind)))
    end = chunk(b"fcTL", struct.pack(">I", 1) + control) + chunk(b"fdAT", struct.pack(">I", 2) + second[:50])

    def animated(kept: int) -> bytes:
        still = png(b"".join(rows(kind, black=True)[:kept]), kind)
        pixels, last = still.index(b"IDAT") - 4, still.index(b"IEND") - 4
        return still[:pixels] + start + still[pixels:last] + end + still[last:]

    assert isinstance(convert(animated(SIZE[1]), Images()), Encoded)
    result = convert(animated(SIZE[1] - 1), Images())
    assert isinstance(result, Skip)
    assert result.reason == "truncated"


def test_pixel_data_are_unpacked_no_further_than_the_picture_goes() -> None:
    """A stream of a gigabyte for a small black picture costs neither memory nor time."""
    packer = zlib.compressobj()
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1000)) + packer.flush()
    kind = (8, 2, 3)
    data = png(b"".join(rows(kind, black=True)), kind)
    at, end = data.index(b"IDAT") - 4, data.index(b"IEND") - 4
    bomb = data[:at] + chunk(b"IDAT", packed) + data[end:]
    with Image.open(io.BytesIO(bomb)) as image:
        image.load()
        assert find_missing_rows(bomb, image) is None
