"""Whether a PNG holds the whole picture: Pillow's decoder takes a stream that ends early for the whole of it."""

import struct
from collections.abc import Iterator
from typing import IO

from isal import igzip_lib, isal_zlib

_SIGNATURE_BYTES, _CHUNK = 8, struct.Struct(">I4s")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by the type of colour
# Adam7: the first column and row of each pass, and the steps between columns and rows.
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_BYTES_AT_ONCE = 1 << 18


def is_whole(file: IO[bytes]) -> bool:
    """Whether the compressed rows of a PNG are as many bytes as its header asks for.

    The rule is that of the PNG specification, sections 7 and 8: a row is a byte for its filter and its pixels, and the
    rows of an interlaced picture come in seven passes. Damage in the stream itself is left to the decoder.
    """
    header, needed = b"", 0
    inflate = isal_zlib.decompressobj()
    for kind, data in _chunks(file):
        if kind == b"IHDR":
            header, needed = data, _raw_bytes(data)
        elif kind == b"IDAT" and header:
            while data and needed > 0 and not inflate.eof:
                try:
                    needed -= len(inflate.decompress(data, _BYTES_AT_ONCE))
                except igzip_lib.IsalError:  # type: ignore[misc]
                    return True
                data = inflate.unconsumed_tail
    while needed > 0 and not inflate.eof and (rest := inflate.decompress(b"", _BYTES_AT_ONCE)):
        needed -= len(rest)
    return needed <= 0


def _chunks(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    file.seek(_SIGNATURE_BYTES)
    while len(head := file.read(_CHUNK.size)) == _CHUNK.size:
        length, kind = _CHUNK.unpack(head)
        yield kind, file.read(length)
        file.seek(4, 1)  # the checksum


def _raw_bytes(header: bytes) -> int:
    """The bytes of all rows, unpacked."""
    width, height, depth, colour, _, _, interlaced = struct.unpack_from(">IIBBBBB", header)
    bits = depth * _CHANNELS.get(colour, 0)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    sizes = [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, y, dx, dy in passes if width > x and height > y]
    return sum(rows * (1 + (columns * bits + 7) // 8) for columns, rows in sizes)
