"""A TIFF of which a strip is damaged, by zeros or junk, is no image, although libtiff decodes it."""

from __future__ import annotations

import io
import random
import tracemalloc

import pytest
from PIL import Image

from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.tiff import find_damaged_strip
from treeoflife.testing.world import draw_picture

ROWS_PER_STRIP, OFFSETS, SIZES = 278, 273, 279
SIZE = (200, 160)


def saved(compression: str, mode: str = "RGB", rows: int = 160) -> bytes:
    """A TIFF with a picture that has noise, so that its data are long."""
    chance, out = random.Random(5), io.BytesIO()
    noise = Image.frombytes("RGB", SIZE, chance.randbytes(96_000))
    image = Image.blend(draw_picture(chance, SIZE), noise, 0.2).convert(mode)
    image.save(out, "TIFF", compression=compression, tiffinfo={ROWS_PER_STRIP: rows})
    return out.getvalue()


def strips(data: bytes) -> list[tuple[int, int]]:
    """Where each begins and ends."""
    with Image.open(io.BytesIO(data)) as image:
        tags = image.tag_v2  # type: ignore[attr-defined]
        return [(start, start + size) for start, size in zip(tags[OFFSETS], tags[SIZES], strict=True)]


@pytest.mark.parametrize("compression", ["tiff_deflate", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("rows", [160, 32])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_strip_whose_end_was_never_written_is_missed(compression: str, mode: str, rows: int, share: float) -> None:
    """The last one, which is all of the picture or a part; the whole file is an image."""
    data = saved(compression, mode, rows)
    start, end = strips(data)[-1]
    assert isinstance(convert(data, Images()), Encoded)
    kept = start + int(share * (end - start))
    result = convert(data[:kept] + bytes(end - kept) + data[end:], Images())
    assert isinstance(result, Skip)
    assert result.reason in ("truncated", "broken")


@pytest.mark.parametrize("rows", [160, 32])
def test_a_hole_in_a_deflated_strip_is_missed(rows: int) -> None:
    """Of zeros or of junk, in any strip."""
    data, chance = saved("tiff_deflate", rows=rows), random.Random(6)
    for start, end in strips(data):
        middle = (start + end) // 2
        for hole in (bytes(200), chance.randbytes(200)):
            result = convert(data[:middle] + hole + data[middle + 200 :], Images())
            assert isinstance(result, Skip)


def test_streams_are_unpacked_no_further_than_the_picture_goes() -> None:
    """A strip of many times the picture is libtiff's to judge."""
    out = io.BytesIO()
    Image.new("L", (3000, 3000)).save(out, "TIFF", compression="tiff_deflate", tiffinfo={ROWS_PER_STRIP: 3000})
    with Image.open(io.BytesIO(out.getvalue())) as image:
        image.load()
        end = strips(out.getvalue())[0][1]
        cut = out.getvalue()[: end - 4] + bytes(4) + out.getvalue()[end:]
        assert find_damaged_strip(cut, image) is not None
        small = image.resize((2, 2))
        small.tag_v2 = image.tag_v2  # type: ignore[attr-defined]
        assert find_damaged_strip(cut, small) is None


def test_strips_that_overlap_take_no_memory_of_their_own() -> None:
    """Four hundred strips that are each nearly the whole file would be a gigabyte as copies."""
    data = saved("tiff_deflate", rows=160)
    data += bytes(3_000_000)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        start, _ = strips(data)[0]
        tags = {259: 8, OFFSETS: (start,) * 400, SIZES: (3_000_000,) * 400}
        image.tag_v2 = tags  # type: ignore[attr-defined]
        tracemalloc.start()
        find_damaged_strip(data, image)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 20_000_000


def test_a_padding_byte_behind_the_tables_of_a_jpeg_strip_costs_nothing() -> None:
    data = saved("jpeg", rows=32)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        tags = dict(image.tag_v2)  # type: ignore[attr-defined]
        tags[347] = bytes(tags[347]) + b"\0"
        image.tag_v2 = tags  # type: ignore[attr-defined]
        assert find_damaged_strip(data, image) is None
