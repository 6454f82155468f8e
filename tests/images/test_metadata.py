"""Metadata that cannot be read cost themselves, never the picture: it is the same as without them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from PIL import Image, features

from treeoflife.config.tables import Images
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.metadata import TRIES, without_metadata
from treeoflife.testing.world import draw_picture

JUNK = random.Random(2).randbytes(90)
LOSSLESS: dict[str, dict[str, Any]] = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JPEG": {}, "AVIF": {}}
FORMATS = [name for name in LOSSLESS if name != "AVIF" or features.check("avif")]
UNREADABLE_EXIF = {
    "no TIFF": b"Exif\0\0" + JUNK,
    "cut off": b"Exif\0\0MM",
    "pointing outside": b"Exif\0\0II*\0" + struct.pack("<I", 2**32 - 1),
    "pointing to itself": b"Exif\0\0II*\0" + struct.pack("<IHHHII", 8, 1, 34665, 4, 1, 8),
}


@cache
def drawn() -> Image.Image:
    return draw_picture(random.Random(1), (90, 70))


def saved(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    drawn().save(out, kind, **LOSSLESS[kind], **options)
    return out.getvalue()


def converted(data: bytes) -> bytes:
    result = convert(data, Images())
    assert isinstance(result, Encoded), result
    return result.data


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "a maker"
    return exif


def chunk(name: bytes, body: bytes, *, sound: bool = True) -> bytes:
    """A chunk of a PNG; with a wrong checksum if it is not sound."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body) ^ (not sound))


def with_chunks(data: bytes, chunks: bytes, before: bytes = b"IDAT") -> bytes:
    at = data.index(before) - 4
    return data[:at] + chunks + data[at:]


def with_segment(data: bytes, marker: int, body: bytes) -> bytes:
    return data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:]


@pytest.mark.parametrize("exif", UNREADABLE_EXIF)
@pytest.mark.parametrize("kind", [name for name in FORMATS if name in ("PNG", "WEBP", "JPEG")])
def test_unreadable_exif_costs_the_exif(kind: str, exif: str) -> None:
    """In the formats that hold it as a block."""
    assert converted(saved(kind, exif=UNREADABLE_EXIF[exif])) == converted(saved(kind))


@pytest.mark.skipif("AVIF" not in FORMATS, reason="this Pillow reads no AVIF")
@pytest.mark.parametrize("block", [b"MM\0*" + JUNK, JUNK, b"II*\0" + b"\xff" * 40, bytes(60)])
def test_unreadable_exif_of_avif_costs_the_exif(block: bytes) -> None:
    """It is found by its offset, so it is written over in place."""
    data, exif = saved("AVIF", exif=turned()), turned()
    del exif[0x0112]  # AVIF keeps the orientation as a property of the picture
    body = exif.tobytes().removeprefix(b"Exif\0\0")
    at = data.index(body[:30])
    damaged = data[:at] + block[: len(body)] + data[at + len(block[: len(body)]) :]
    assert converted(damaged) == converted(data)


@pytest.mark.parametrize("tag", [34665, 34853, 700, 34675, 33723])
@pytest.mark.parametrize("order", ["<", ">"])
def test_unreadable_directories_of_a_tiff_cost_themselves(tag: int, order: str) -> None:
    """EXIF, GPS, XMP, the colour profile and IPTC, each of which points to something that is none."""
    assert converted(tiff(order, (tag, 4, 1, 3))) == converted(tiff(order))
    assert converted(tiff(order, (tag, 7, 5000, 2**32 - 9))) == converted(tiff(order))


def tiff(order: str, *further: tuple[int, int, int, int]) -> bytes:
    """An uncompressed TIFF of 8 by 4 gray pixels, with further tags."""
    tags = [(256, 4, 1, 8), (257, 4, 1, 4), (258, 4, 1, 8), (259, 4, 1, 1), (262, 4, 1, 1), (273, 4, 1, 8),
            (277, 4, 1, 1), (278, 4, 1, 4), (279, 4, 1, 32), *further]  # fmt: skip
    header = b"II*\0" if order == "<" else b"MM\0*"
    entries = b"".join(struct.pack(order + "HHII", *tag) for tag in sorted(tags))
    directory = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return header + struct.pack(order + "I", 40) + bytes(range(0, 256, 8)) + directory


TEXT = b"Comment\0"
CHUNKS: dict[str, bytes] = {
    "a packed text that is too large": chunk(b"zTXt", TEXT + b"\0" + zlib.compress(bytes(2_000_000))),
    "an international text that is too large": chunk(b"iTXt", TEXT + b"\1\0\0\0" + zlib.compress(b"x" * 2_000_000)),
    "texts that are too many": chunk(b"zTXt", TEXT + b"\0" + zlib.compress(bytes(1_000_000))) * 70,
    "a profile that is too large": chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(2_000_000))),
    "a profile that is not packed": chunk(b"iCCP", b"icc\0\0" + JUNK),
    "a profile that is none": chunk(b"iCCP", b"icc\0\0" + zlib.compress(JUNK)),
    "a text with a wrong checksum": chunk(b"tEXt", TEXT + b"text", sound=False),
    "EXIF with a wrong checksum": chunk(b"eXIf", b"MM\0*" + JUNK, sound=False),
    "a profile with a wrong checksum": chunk(b"iCCP", b"icc\0\0" + zlib.compress(JUNK), sound=False),
    "an unknown chunk with a wrong checksum": chunk(b"prVt", JUNK, sound=False),
    "sizes that are cut off": chunk(b"pHYs", b"\0"),
    "EXIF as a text that is no hex": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n8\nzz")),
}


@pytest.mark.parametrize("what", CHUNKS)
@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_unreadable_chunks_of_a_png_cost_themselves(what: str, before: bytes) -> None:
    """Wherever they stand: what follows the pixels is read after these."""
    assert converted(with_chunks(saved("PNG"), CHUNKS[what], before)) == converted(saved("PNG"))


@pytest.mark.parametrize("what", [name for name in CHUNKS if "EXIF" not in name])
def test_what_can_be_read_is_kept(what: str) -> None:
    """A picture with a bad text is still turned upright."""
    with_exif = saved("PNG", exif=turned())
    assert converted(with_exif) != converted(saved("PNG"))
    assert converted(with_chunks(with_exif, CHUNKS[what])) == converted(with_exif)


def frame(number: int, size: tuple[int, int] = (90, 70)) -> bytes:
    """The control chunk of a frame of an animation."""
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, 0, 0, 1, 1, 0, 0))


TWO_FRAMES = chunk(b"acTL", struct.pack(">II", 2, 0))
ANIMATIONS: dict[str, tuple[bytes, bytes]] = {
    "the number of frames is cut off": (chunk(b"acTL", b"\0"), b""),
    "the number of frames has a wrong checksum": (chunk(b"acTL", struct.pack(">II", 2, 0), sound=False), b""),
    "a frame is cut off": (TWO_FRAMES + chunk(b"fcTL", b"\0"), b""),
    "the frames are out of order": (TWO_FRAMES + frame(5), b""),
    "a frame is larger than the picture": (TWO_FRAMES + frame(0, (9000, 70)), b""),
    "the first frame is a part of the picture": (TWO_FRAMES + frame(0, (45, 35)), b""),
    "the data of a frame are out of order": (TWO_FRAMES, chunk(b"fdAT", struct.pack(">I", 7) + JUNK)),
    "the data of a frame are cut off": (TWO_FRAMES, chunk(b"fdAT", b"\0")),
}


@pytest.mark.parametrize("what", ANIMATIONS)
def test_an_unreadable_animation_costs_itself_and_neither_the_picture_nor_its_orientation(what: str) -> None:
    """Only the still picture is used."""
    before, after = ANIMATIONS[what]
    data = saved("PNG", exif=turned())
    assert converted(with_chunks(with_chunks(data, after, b"IEND"), before)) == converted(data)


@pytest.mark.parametrize("kind", FORMATS)
def test_what_is_left_out_of_any_format_is_never_the_picture(kind: str) -> None:
    """Each try, also with kinds of metadata that the format has not."""
    for kinds in TRIES:
        assert converted(without_metadata(saved(kind), kinds)) == converted(saved(kind))


def test_a_png_whose_pixels_are_damaged_stays_broken() -> None:
    """Only metadata are left out."""
    data = with_chunks(saved("PNG"), CHUNKS["a text with a wrong checksum"])
    at = data.index(b"IDAT") + 30
    damaged = convert(data[:at] + bytes(40) + data[at + 40 :], Images())
    assert not isinstance(damaged, Encoded)
    assert damaged.reason in ("broken", "not-an-image", "truncated")


SEGMENTS: dict[str, Callable[[bytes], bytes]] = {
    "MPF": lambda data: with_segment(data, 0xE2, b"MPF\0MM\0*" + JUNK),
    "MPF that is cut off": lambda data: with_segment(data, 0xE2, b"MPF\0II*\0\x08\0\0\0\1\0"),
    "profile": lambda data: with_segment(data, 0xE2, b"ICC_PROFILE\0\1\1" + JUNK),
    "second part of a profile": lambda data: with_segment(data, 0xE2, b"ICC_PROFILE\0\2\2" + JUNK),
    "Photoshop": lambda data: with_segment(data, 0xED, b"Photoshop 3.0\0" + b"8BIM" + JUNK),
    "XMP": lambda data: with_segment(data, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + JUNK),
    "JFIF": lambda data: with_segment(data, 0xE0, b"JFIF"),
    "FlashPix": lambda data: with_segment(data, 0xE2, b"FPXR\0" + JUNK),
}


@pytest.mark.parametrize("what", SEGMENTS)
def test_unreadable_segments_of_a_jpeg_cost_themselves(what: str) -> None:
    """Those that Pillow looks into."""
    assert converted(SEGMENTS[what](saved("JPEG"))) == converted(saved("JPEG"))


@pytest.mark.parametrize("name", [b"EXIF", b"XMP ", b"ICCP"])
def test_unreadable_chunks_of_webp_cost_themselves(name: bytes) -> None:
    """Written as programs write them, with a flag in the header."""
    option = {b"EXIF": "exif", b"XMP ": "xmp", b"ICCP": "icc_profile"}[name]
    assert converted(saved("WEBP", **{option: JUNK})) == converted(saved("WEBP"))
