"""Leave metadata out of a file: texts, colour profile and EXIF that cannot be read must not cost the picture.

Pillow reads metadata and picture together, and gives up on both: over a text that is too large, a chunk with a wrong
checksum, or EXIF that points outside itself. A file that cannot be decoded is tried again without its metadata, and at
last without the animation of a PNG, whose first frame is all that is used. Of the still picture, no byte is touched.
"""

import struct
from collections.abc import Callable
from typing import Literal

from .boxes import top_boxes

Kind = Literal["text", "profile", "exif", "animation"]
"""``animation`` is all but the still picture of a PNG. ``text`` is everything beside the other three: comments, XMP,
IPTC, thumbnails, maker's data."""

TRIES: tuple[frozenset[Kind], ...] = (
    frozenset({"text"}),
    frozenset({"text", "profile"}),
    frozenset({"text", "exif"}),
    frozenset({"text", "profile", "exif"}),
    frozenset({"text", "animation"}),
    frozenset({"text", "profile", "exif", "animation"}),
)
"""What to leave out, one after the other: colour profile and EXIF (the orientation) are kept as long as they can be."""

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
# Of the chunks of a PNG that a decoder may pass over, the one that belongs to the picture: transparency.
_PNG_PICTURE, _OPTIONAL = {b"tRNS"}, 0x20
_PNG_KINDS: dict[bytes, Kind] = {
    b"iCCP": "profile",
    b"eXIf": "exif",
    b"acTL": "animation",
    b"fcTL": "animation",
    b"fdAT": "animation",
}
_WEBP_KINDS: dict[bytes, Kind] = {b"ICCP": "profile", b"EXIF": "exif", b"XMP ": "text"}
# The flags of a WebP's header that announce these chunks.
_WEBP_FLAGS: dict[Kind, int] = {"profile": 0x20, "exif": 0x08, "text": 0x04}
# APP0 to APP15 and comments are metadata, but for APP0 (JFIF) and APP14 (Adobe) of these lengths, which say how colours
# are coded; libjpeg passes over shorter ones.
_JPEG_TEXT, _JPEG_COLOURS = {*range(0xE0, 0xF0), 0xFE}, {0xE0: 14, 0xEE: 12}
_START_OF_SCAN = 0xDA
# Descriptions, dates, XMP, IPTC, and tags of Photoshop, GDAL, ImageJ and GeoTIFF.
_TIFF_TEXT = {269, 270, 271, 272, 285, 305, 306, 315, 316, 333, 700, 33432, 33550, 33723, 33922, 34377, 34735, 34736,
              34737, 37724, 42112, 42113, 50838, 50839}  # fmt: skip
_TIFF_TAGS: dict[Kind, set[int]] = {"text": _TIFF_TEXT, "profile": {34675}, "exif": {34665, 34853, 40965}}
# A private tag that means nothing to anybody.
_NO_TAG = 65_000
# By the number in a TIFF's header, 43 for BigTIFF: where the offset of its directory stands, the formats of that offset
# and of the number of tags, and the bytes of a tag.
_TIFF_LAYOUTS = {42: (4, "I", "H", 12), 43: (8, "Q", "Q", 20)}


def without_metadata(data: bytes, kinds: frozenset[Kind]) -> bytes:
    """The file without its metadata of these kinds; as it is if it has none, or its format keeps none.

    >>> without_metadata(b"GIF89a", TRIES[-1])
    b'GIF89a'
    """
    try:
        return _remover(data)(data, kinds)
    except (struct.error, IndexError, OverflowError):  # the file ends within its structure, or that leads beyond it
        return data


def _remover(data: bytes) -> Callable[[bytes, frozenset[Kind]], bytes]:
    if data.startswith(_PNG):
        return _without_png_chunks
    if data.startswith(_JPEG):
        return _without_jpeg_segments
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _without_webp_chunks
    if data[:2] in (b"II", b"MM"):
        return _without_tiff_tags
    return _without_avif_items if data[4:8] == b"ftyp" else lambda data, _: data


def _without_png_chunks(data: bytes, kinds: frozenset[Kind]) -> bytes:
    kept, offset = [_PNG], len(_PNG)
    while offset + 12 <= len(data):
        end = offset + 12 + int.from_bytes(data[offset : offset + 4])
        if _png_kind(data[offset + 4 : offset + 8]) not in kinds:
            kept.append(data[offset:end])
        offset = end
    return b"".join((*kept, data[offset:]))


def _png_kind(chunk: bytes) -> Kind | None:
    needed = chunk in _PNG_PICTURE or not chunk[0] & _OPTIONAL
    return None if needed else _PNG_KINDS.get(chunk, "text")


def _without_jpeg_segments(data: bytes, kinds: frozenset[Kind]) -> bytes:
    kept, offset = [_JPEG], len(_JPEG)
    while data[offset] == 0xFF and data[offset + 1] != _START_OF_SCAN:
        end = offset + 2 + int.from_bytes(data[offset + 2 : offset + 4])
        if _jpeg_kind(data[offset:end]) not in kinds:
            kept.append(data[offset:end])
        offset = end
    return b"".join((*kept, data[offset:]))


def _jpeg_kind(segment: bytes) -> Kind | None:
    if segment[4:].startswith(b"Exif\0"):
        return "exif"
    if segment[4:].startswith(b"ICC_PROFILE\0"):
        return "profile"
    says_colours = len(segment) - 4 >= _JPEG_COLOURS.get(segment[1], len(segment))
    return "text" if segment[1] in _JPEG_TEXT and not says_colours else None


def _without_webp_chunks(data: bytes, kinds: frozenset[Kind]) -> bytes:
    kept, offset = [], 12
    while offset + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, offset)
        chunk = data[offset : offset + 8 + size + size % 2]
        offset += len(chunk)
        if name == b"VP8X":
            flags = chunk[8] & ~sum(_WEBP_FLAGS.get(kind, 0) for kind in kinds)
            chunk = chunk[:8] + bytes((flags,)) + chunk[9:]
        if _WEBP_KINDS.get(name) not in kinds:
            kept.append(chunk)
    body = b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _without_tiff_tags(data: bytes, kinds: frozenset[Kind]) -> bytes:
    """Tags are given another number in place, since everything in a TIFF is found by its offset."""
    order, first, end, tag_size = _tiff_directory(data)
    left_out, result = set().union(*(_TIFF_TAGS.get(kind, set()) for kind in kinds)), bytearray(data)
    for offset in range(first, min(len(data) - 1, end), tag_size):
        if struct.unpack_from(order + "H", data, offset)[0] in left_out:
            struct.pack_into(order + "H", result, offset, _NO_TAG)
    return bytes(result)


def _tiff_directory(data: bytes) -> tuple[str, int, int, int]:
    """Of a TIFF, the order of bytes, where the tags of its first directory begin and end, and the bytes of a tag."""
    order = "<" if data.startswith(b"II") else ">"
    (version,) = struct.unpack_from(order + "H", data, 2)
    start, offset_format, count_format, tag_size = _TIFF_LAYOUTS.get(version, _TIFF_LAYOUTS[42])
    (directory,) = struct.unpack_from(order + offset_format, data, start)
    first = directory + struct.calcsize(order + count_format)
    if first > len(data):
        return order, first, first, tag_size
    (count,) = struct.unpack_from(order + count_format, data, directory)
    return order, first, first + count * tag_size, tag_size


def tiff_directory_end(data: bytes) -> int:
    """Where the first directory of a TIFF ends, be it beyond the file's end; 0 if the file ends before it says where.

    >>> tiff_directory_end(b"II*\\0" + (5000).to_bytes(4, "little"))
    5002
    """
    try:
        return _tiff_directory(data)[2]
    except struct.error:
        return 0


def _without_avif_items(data: bytes, kinds: frozenset[Kind]) -> bytes:
    """Items are given a type that no decoder knows: where they lie is listed elsewhere, by offsets."""
    types = {"exif": b"Exif", "text": b"mime"}
    for name, start, end in top_boxes(data):
        if name == b"meta":
            meta = data[start:end]
            for kind in kinds & types.keys():
                meta = meta.replace(types[kind], b"none")
            return data[:start] + meta + data[end:]
    return data
