"""Whether the end of a file shows that the file is whole: for those whose server did not say how long they are."""

import bz2
import gzip
import lzma
import os
import re
import zlib
from collections.abc import Callable
from typing import IO, Any

from ...core import zip_reader

_PIECE = 1 << 20
_TAR_END = 1024  # two blocks of zeros
_JSON_MARK = re.compile(rb'["\\\[\]{}]')
_JPEG_END = 0xD9
_MAX_JPEG_SEGMENTS = 10_000  # real ones have dozens


def missing_end(file: IO[bytes], name: str) -> str | None:
    """What a file lacks at its end.

    Args:
        file: the file; it is read from its beginning.
        name: its name, which says whether it is JSON; other kinds are known by their first bytes.

    Returns:
        A few words; none if the file ends as files of its kind do; None if such files do not show where they end.

    >>> from io import BytesIO
    >>> missing_end(BytesIO(b'{"a": [1'), "a.json"), missing_end(BytesIO(b"[1]"), "a.json"), missing_end(BytesIO(), "a")
    ('the JSON ends within a value', '', None)
    """
    file.seek(0)
    start = file.read(512)
    for magic, check in _CHECKS:
        if start.startswith(magic):
            return check(file)
    if name.lower().endswith(".json") and start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _missing_in_json(file)
    return _missing_in_tar(file) if start[257:262] == b"ustar" else None


def _missing_in_compressed(file: IO[bytes]) -> str:
    """The reading to the end compares the checksums, of a tar also the blocks that end it."""
    file.seek(0)
    magic = file.read(3)
    file.seek(0)
    opener: Any = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}[magic[:2]]
    tail = b""
    try:
        with opener(file) as stream:
            is_tar = (tail := stream.read(512))[257:262] == b"ustar"
            while piece := stream.read(_PIECE):
                tail = (tail + piece)[-_TAR_END:]
    except EOFError:
        return "the compressed data ends early"
    except gzip.BadGzipFile as error:
        # What follows a whole member does not make that less whole.
        return "" if "Not a gzipped file" in str(error) else f"the compressed data is damaged: {error}"
    except (zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the disk's error, not the decompressor's
            raise
        return f"the compressed data is damaged: {error}"
    return "the tar in it has no end" if is_tar and any(tail) else ""


def _missing_in_tar(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _TAR_END))
    return "the tar has no end" if any(file.read()) else ""


def _missing_in_zip(file: IO[bytes]) -> str:
    try:
        zip_reader.find_directory(file)
    except zip_reader.ZipError as error:
        return str(error)
    return ""


def _missing_in_sqlite(file: IO[bytes]) -> str | None:
    """The header counts the pages, if the program that wrote last knew of that: sqlite.org/fileformat.html, 1.3."""
    file.seek(0)
    header = file.read(100)
    pages, size = int.from_bytes(header[28:32], "big"), file.seek(0, os.SEEK_END)
    if len(header) == 100 and (not pages or header[24:28] != header[92:96]):
        return None
    page_size = int.from_bytes(header[16:18], "big")
    expected = (65536 if page_size == 1 else page_size) * pages
    return f"the database has {size} of {expected} bytes" if size < max(expected, 100) else ""


def _missing_in_json(file: IO[bytes]) -> str | None:
    """Whether all brackets and strings are closed. This needs no memory for the values, however deep they are.

    JSON Lines are many values, and do not show which is the last.
    """
    depth, roots, in_string, skip = 0, 0, False, False
    file.seek(0)
    while piece := file.read(_PIECE):
        at, skip = int(skip), False
        while match := _JSON_MARK.search(piece, at):
            mark, at = match[0], match.end()
            if mark == b"\\" and in_string:
                skip, at = at == len(piece), at + 1
            elif mark == b'"':
                in_string = not in_string
            elif mark != b"\\" and not in_string:
                depth += 1 if mark in b"[{" else -1
                roots += depth == 0
    if depth or in_string:
        return "the JSON ends within a value"
    return "" if roots == 1 else None


def _missing_in_parquet(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 4))
    return "" if size >= 12 and file.read() == b"PAR1" else "the Parquet file has no footer"


def _missing_in_jpeg(file: IO[bytes]) -> str:
    """Whether the picture comes to its own end marker; a thumbnail's lies within a segment, and is passed over."""
    file.seek(2)
    for _number in range(_MAX_JPEG_SEGMENTS):
        marker = _next_marker(file)
        if marker is None or marker == _JPEG_END:
            return "" if marker else "the JPEG ends before its end marker"
        length = int.from_bytes(file.read(2), "big")
        file.seek(max(0, length - 2), os.SEEK_CUR)
    return f"the JPEG has more than {_MAX_JPEG_SEGMENTS} segments"


def _next_marker(file: IO[bytes]) -> int | None:
    """The next marker that begins a segment or ends the picture, wherever it stands; None if there is none.

    Within compressed data, 0xFF is followed by a zero, or by one of the restart markers.
    """
    previous = b""
    while piece := file.read(1 << 16):
        data = previous + piece
        for match in re.finditer(rb"\xff([\x02-\xcf\xd9-\xfe])", data):
            file.seek(match.end() - len(data), os.SEEK_CUR)
            return match[1][0]
        previous = data[-1:]
    return None


def _missing_in_png(file: IO[bytes]) -> str:
    file.seek(0)
    tail = b""
    while piece := file.read(_PIECE):
        if b"IEND\xae\x42\x60\x82" in tail + piece:
            return ""
        tail = piece[-8:]
    return "the PNG has no IEND chunk"


def _missing_in_gif(file: IO[bytes]) -> str:
    """Whether its blocks lead to the trailer: https://www.w3.org/Graphics/GIF/spec-gif89a.txt."""
    file.seek(10)
    file.seek(2 + _colour_table(file.read(1)), os.SEEK_CUR)
    while (kind := file.read(1)) in (b"!", b","):
        if kind == b",":
            file.seek(8, os.SEEK_CUR)
            file.seek(_colour_table(file.read(1)), os.SEEK_CUR)
        file.seek(1, os.SEEK_CUR)  # the label of an extension, or the code size of an image
        while size := file.read(1)[:1].strip(b"\0"):
            file.seek(size[0], os.SEEK_CUR)
    return "" if kind == b";" else "the GIF has no trailer"


def _colour_table(flags: bytes) -> int:
    """The bytes of the colour table that follows."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _missing_in_riff(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(4)
    return "" if size >= 8 + int.from_bytes(file.read(4), "little") else "the file is shorter than its header says"


def _missing_in_bmp(file: IO[bytes]) -> str | None:
    size = file.seek(0, os.SEEK_END)
    file.seek(2)
    expected = int.from_bytes(file.read(4), "little")
    return ("" if size >= expected else "the file is shorter than its header says") if expected else None


_CHECKS: tuple[tuple[bytes, Callable[[IO[bytes]], str | None]], ...] = (
    (b"\x1f\x8b", _missing_in_compressed),
    (b"BZh", _missing_in_compressed),
    (b"\xfd7zXZ\0", _missing_in_compressed),
    (b"PK", _missing_in_zip),
    (b"SQLite format 3\0", _missing_in_sqlite),
    (b"PAR1", _missing_in_parquet),
    (b"\xff\xd8\xff", _missing_in_jpeg),
    (b"\x89PNG", _missing_in_png),
    (b"GIF8", _missing_in_gif),
    (b"RIFF", _missing_in_riff),
    (b"BM", _missing_in_bmp),
)
