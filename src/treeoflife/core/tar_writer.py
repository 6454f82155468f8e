"""Writing tar archives whose bytes depend on names and contents alone: ustar, mode 644, time 0, owner 0."""

from __future__ import annotations

BLOCK = 512
_RECORD = 20 * BLOCK
_TEMPLATE = bytearray(BLOCK)
_TEMPLATE[100:148] = b"0000644\0" + b"0000000\0" * 2 + b"00000000000\0" * 2
_TEMPLATE[148:157] = b" " * 8 + b"0"
_TEMPLATE[257:265] = b"ustar\00000"
_TEMPLATE[329:345] = b"0000000\0" * 2
_FIXED_SUM = sum(_TEMPLATE) - sum(_TEMPLATE[124:136])
_LONGEST_NAME = 100
_LARGEST = 8**11 - 1


def header(name: str, size: int) -> bytes:
    """The header of a plain file of ``size`` bytes.

    >>> len(header("a.txt", 3))
    512
    """
    encoded = name.encode()
    if len(encoded) > _LONGEST_NAME or not encoded or size > _LARGEST:
        raise ValueError(f"a member of {size} bytes called {name!r:.120} does not fit a ustar header")
    digits = b"%011o\0" % size
    block = bytearray(_TEMPLATE)
    block[: len(encoded)] = encoded
    block[124:136] = digits
    block[148:156] = b"%06o\0 " % (_FIXED_SUM + sum(encoded) + sum(digits))
    return bytes(block)


def padded(size: int) -> int:
    """The bytes that ``size`` bytes of data take in an archive.

    >>> padded(0), padded(1), padded(512)
    (0, 512, 512)
    """
    return -(-size // BLOCK) * BLOCK


def member(name: str, data: bytes) -> bytes:
    """A whole member: header, data, padding."""
    return header(name, len(data)) + data + bytes(padded(len(data)) - len(data))


def end(size: int) -> bytes:
    """What ends an archive whose members take ``size`` bytes: zeros, up to a whole record."""
    return bytes(-(-(size + 2 * BLOCK) // _RECORD) * _RECORD - size)
