"""Reading zip archives of a million members in bounded memory.

Python's ``zipfile`` keeps an object for every member: a gigabyte for BIOSCAN-1M. This reader streams the central
directory, and goes to a member by the offset that the directory gives. Checksums and lengths are checked.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 1 << 11
_LINK, _DIRECTORY, _KIND = 0o120000, 0o040000, 0o170000
_CHUNK = 1 << 20


class ZipError(Exception):
    """The bytes are not a whole zip archive, or not one that can be read."""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """An entry of the central directory.

    Attributes:
        name: as the archive has it: hostile until proven otherwise.
        size: bytes of data, as the directory says.
        packed: bytes that they take in the archive.
        offset: where its own header begins.
        entry: where its entry in the directory begins, and ``after`` where the next one does.
        regular: whether it is a plain file.
    """

    name: str
    size: int
    packed: int
    offset: int
    crc: int
    method: int
    encrypted: bool
    regular: bool
    entry: int
    after: int


def directory(fd: IO[bytes]) -> tuple[int, int, int]:
    """Where the central directory begins and ends, and how many entries it has.

    Raises:
        ZipError: there is none.
    """
    size = fd.seek(0, os.SEEK_END)
    fd.seek(max(0, size - _END.size - _FULL16))
    tail = fd.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        raise ZipError("the archive has no end record: it is not a zip, or was cut off")
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, at)
    if count == _FULL16 or _FULL in (length, start):
        count, length, start = _end64(fd, size - len(tail) + at, count, length, start)
    if start + length > size:
        raise ZipError("the archive's directory lies beyond its end: it was cut off")
    return start, start + length, count


def _end64(fd: IO[bytes], end: int, count: int, length: int, start: int) -> tuple[int, int, int]:
    if end < _LOCATOR.size:
        return count, length, start
    fd.seek(end - _LOCATOR.size)
    magic, _, where, _ = _LOCATOR.unpack(fd.read(_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return count, length, start
    fd.seek(where)
    data = fd.read(_END64.size)
    if len(data) < _END64.size or data[:4] != b"PK\x06\x06":
        raise ZipError("the archive's end record is damaged")
    found = _END64.unpack(data)
    return found[7], found[8], found[9]


def members(fd: IO[bytes], start: int | None = None, stop: int | None = None) -> Iterator[ZipMember]:
    """The entries of the central directory, or of the part of it from ``start`` up to ``stop``.

    Raises:
        ZipError: it is damaged.
    """
    if start is None or stop is None:
        start, stop, _ = directory(fd)
    buffer, begin, at = b"", start, 0
    while begin + at < stop:
        if len(buffer) - at < _ENTRY.size + 3 * _FULL16:
            fd.seek(begin + len(buffer))
            begin, buffer, at = begin + at, buffer[at:] + fd.read(min(_CHUNK, stop - begin - len(buffer))), 0
        member, length = _entry(buffer, at, begin)
        yield member
        at += length


def _entry(buffer: bytes, at: int, begin: int) -> tuple[ZipMember, int]:
    if len(buffer) - at < _ENTRY.size or buffer[at : at + 4] != b"PK\x01\x02":
        raise ZipError(f"the archive's directory is damaged at byte {begin + at}")
    found = _ENTRY.unpack_from(buffer, at)
    made_by, flags, method, crc, packed, size = found[1], found[3], found[4], found[7], found[8], found[9]
    name_length, extra_length, comment_length, outside, offset = found[10], found[11], found[12], found[15], found[16]
    length = _ENTRY.size + name_length + extra_length + comment_length
    if at + length > len(buffer):
        raise ZipError(f"the archive's directory is damaged at byte {begin + at}")
    raw = buffer[at + _ENTRY.size : at + _ENTRY.size + name_length]
    extra = buffer[at + _ENTRY.size + name_length : at + _ENTRY.size + name_length + extra_length]
    size, packed, offset = _wide(extra, size, packed, offset)
    name = raw.decode("utf-8" if flags & _UTF8 else "cp437", "backslashreplace")
    kind = (outside >> 16) & _KIND if made_by >> 8 == 3 else 0  # 3: made on Unix, with its modes
    regular = not name.endswith("/") and kind in (0, 0o100000)
    place = begin + at
    return ZipMember(
        name, size, packed, offset, crc, method, bool(flags & _ENCRYPTED), regular, place, place + length
    ), length  # fmt: skip


def _wide(extra: bytes, size: int, packed: int, offset: int) -> tuple[int, int, int]:
    """Numbers that take more than 32 bits stand in an extra field, those that need it, in this order."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            values = list(struct.unpack_from(f"<{min(length, len(extra) - at - 4) // 8}Q", extra, at + 4))
            size = values.pop(0) if size == _FULL and values else size
            packed = values.pop(0) if packed == _FULL and values else packed
            offset = values.pop(0) if offset == _FULL and values else offset
        at += 4 + length
    return size, packed, offset


def chunks(fd: IO[bytes], member: ZipMember) -> Iterator[bytes]:
    """A member's data, checked: its length is that of the directory, and so is its checksum.

    Raises:
        ZipError: it is damaged, encrypted, or packed in a way that is not known here.
    """
    if member.encrypted or member.method not in (_STORED, _DEFLATED):
        raise ZipError(f"{member.name!r:.200} is encrypted, or packed by method {member.method}; 0 and 8 are known")
    fd.seek(member.offset)
    header = fd.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        raise ZipError(f"{member.name!r:.200} is not where the directory says")
    fd.seek(sum(_LOCAL.unpack(header)[9:]), os.SEEK_CUR)
    crc = size = 0
    for data in _unpacked(fd, member):
        size += len(data)
        crc = zlib.crc32(data, crc)
        if size > member.size:
            break
        yield data
    if size != member.size or crc != member.crc:
        raise ZipError(f"{member.name!r:.200} is damaged: its length or checksum is wrong")


def _unpacked(fd: IO[bytes], member: ZipMember) -> Iterator[bytes]:
    unpacker, left = zlib.decompressobj(-15), member.packed
    while left:
        data = fd.read(min(left, _CHUNK))
        if not data:
            return
        left -= len(data)
        if member.method == _STORED:
            yield data
            continue
        try:
            while data and not unpacker.eof:
                yield unpacker.decompress(data, _CHUNK)
                data = unpacker.unconsumed_tail
        except zlib.error as error:
            raise ZipError(f"{member.name!r:.200} is damaged: {error}") from None


def read(fd: IO[bytes], member: ZipMember) -> bytes:
    """All data of a member; see :func:`chunks`."""
    return b"".join(chunks(fd, member))


def opened(path: Path) -> IO[bytes]:
    """An archive, to be read by the functions above."""
    return path.open("rb")
