"""A reader of zip archives with a million members that needs little memory.

Python's ``zipfile`` keeps an object for every member: a gigabyte for BIOSCAN-1M. This reader streams the central
directory, and finds a member by the offset that the directory gives. Checksums and lengths are checked.
The format, ZIP64 included, is that of PKWARE's APPNOTE.TXT, sections 4.3 to 4.5.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF  # "see the ZIP64 record"; no name, extra field or comment is longer than _FULL16
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 1 << 11
_UNIX, _REGULAR, _KIND = 3, 0o100000, 0o170000
_CHUNK = 1 << 20


class ZipError(Exception):
    """The bytes are not a complete zip archive, or are encrypted or compressed in an unsupported way."""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """An entry of the central directory."""

    name: str  # as the archive has it: hostile until proven otherwise
    size: int  # bytes of data, as the directory claims
    packed_size: int  # bytes that they take in the archive
    header_offset: int  # where the member's own header begins
    crc: int  # CRC-32 of the data
    method: int  # how the data is compressed: 0 is stored, 8 is deflated
    encrypted: bool
    regular: bool  # whether it is a plain file
    entry_start: int  # where its entry in the directory begins
    entry_end: int  # where the next entry begins


def find_directory(fd: IO[bytes]) -> tuple[int, int, int]:
    """The start and end offsets of the central directory, and its number of entries; a ZipError if there is none."""
    size = fd.seek(0, os.SEEK_END)
    fd.seek(max(0, size - _END.size - _FULL16))  # a comment of up to 65,535 bytes may follow the end record
    tail = fd.read()
    index = tail.rfind(b"PK\x05\x06")
    if index < 0 or len(tail) - index < _END.size:
        raise ZipError("the archive has no end record: it is not a zip, or was cut off")
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, index)
    if count == _FULL16 or _FULL in (length, start):
        count, length, start = _find_directory64(fd, size - len(tail) + index) or (count, length, start)
    if start + length > size:
        raise ZipError("the archive's directory lies beyond its end: it was cut off")
    return start, start + length, count


def _find_directory64(fd: IO[bytes], end_offset: int) -> tuple[int, int, int] | None:
    """The entries, length and start of the directory by the ZIP64 end record; None if there is no such record."""
    if end_offset < _LOCATOR.size:
        return None
    fd.seek(end_offset - _LOCATOR.size)
    magic, _, record_offset, _ = _LOCATOR.unpack(fd.read(_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return None
    fd.seek(record_offset)
    data = fd.read(_END64.size)
    if len(data) < _END64.size or data[:4] != b"PK\x06\x06":
        raise ZipError("the archive's end record is damaged")
    return _END64.unpack(data)[7:10]


def read_entries(fd: IO[bytes], start: int | None = None, stop: int | None = None) -> Iterator[ZipMember]:
    """The entries of the central directory, or of its part from ``start`` to ``stop``; a ZipError if it is damaged."""
    if start is None or stop is None:
        start, stop, _ = find_directory(fd)
    # The buffer holds the directory from buffer_offset on, and always at least one entry, whatever its length.
    buffer, buffer_offset, index = b"", start, 0
    while buffer_offset + index < stop:
        if len(buffer) - index < _ENTRY.size + 3 * _FULL16:
            read_offset = buffer_offset + len(buffer)
            fd.seek(read_offset)
            buffer = buffer[index:] + fd.read(min(_CHUNK, stop - read_offset))
            buffer_offset, index = buffer_offset + index, 0
        member = _parse_entry(buffer, index, buffer_offset)
        yield member
        index = member.entry_end - buffer_offset


def _parse_entry(buffer: bytes, index: int, buffer_offset: int) -> ZipMember:
    start, name_index = buffer_offset + index, index + _ENTRY.size
    if len(buffer) < name_index or buffer[index : index + 4] != b"PK\x01\x02":
        raise ZipError(f"the archive's directory is damaged at byte {start}")
    fields = _ENTRY.unpack_from(buffer, index)
    made_by, flags, method, crc, packed_size, size = fields[1], fields[3], fields[4], fields[7], fields[8], fields[9]
    name_length, extra_length, comment_length, mode, header_offset = *fields[10:13], *fields[15:17]
    extra_index = name_index + name_length
    length = _ENTRY.size + name_length + extra_length + comment_length
    if index + length > len(buffer):
        raise ZipError(f"the archive's directory is damaged at byte {start}")
    extra = buffer[extra_index : extra_index + extra_length]
    size, packed_size, header_offset = _widen(extra, size, packed_size, header_offset)
    name = buffer[name_index:extra_index].decode("utf-8" if flags & _UTF8 else "cp437", "backslashreplace")
    kind = (mode >> 16) & _KIND if made_by >> 8 == _UNIX else 0  # other systems record no file type
    regular = not name.endswith("/") and kind in (0, _REGULAR)
    encrypted = bool(flags & _ENCRYPTED)
    return ZipMember(name, size, packed_size, header_offset, crc, method, encrypted, regular, start, start + length)


def _widen(extra: bytes, *numbers: int) -> list[int]:
    """Replace numbers that need more than 32 bits: those follow in this order in the extra field of kind 1."""
    index = 0
    while index + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, index)
        if kind == 1:
            count = min(length, len(extra) - index - 4) // 8
            values = iter(struct.unpack_from(f"<{count}Q", extra, index + 4))
            numbers = tuple(next(values, number) if number == _FULL else number for number in numbers)
        index += 4 + length
    return list(numbers)


def read_chunks(fd: IO[bytes], member: ZipMember) -> Iterator[bytes]:
    """A member's data in pieces. The last piece comes before the check of length and checksum, so exhaust the iterator.

    Raises:
        ZipError: it is damaged, encrypted, or compressed by an unsupported method.
    """
    if member.encrypted or member.method not in (_STORED, _DEFLATED):
        raise ZipError(
            f"{member.name!r:.200} is encrypted, or compressed by method {member.method}; only 0 and 8 are supported"
        )
    fd.seek(member.header_offset)
    header = fd.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        raise ZipError(f"{member.name!r:.200} is not where the directory says")
    fd.seek(sum(_LOCAL.unpack(header)[9:]), os.SEEK_CUR)
    crc = size = 0
    for data in _decompress(fd, member):
        size += len(data)
        crc = zlib.crc32(data, crc)
        if size > member.size:
            break  # a zip bomb, or damage: the directory promised less
        yield data
    if size != member.size or crc != member.crc:
        raise ZipError(f"{member.name!r:.200} is damaged: its length or checksum is wrong")


def _decompress(fd: IO[bytes], member: ZipMember) -> Iterator[bytes]:
    decompressor, remaining = zlib.decompressobj(-15), member.packed_size
    while remaining:
        data = fd.read(min(remaining, _CHUNK))
        if not data:
            return
        remaining -= len(data)
        if member.method == _STORED:
            yield data
            continue
        try:
            while data and not decompressor.eof:
                yield decompressor.decompress(data, _CHUNK)
                data = decompressor.unconsumed_tail
        except zlib.error as error:
            raise ZipError(f"{member.name!r:.200} is damaged: {error}") from None


def read_member(fd: IO[bytes], member: ZipMember) -> bytes:
    """All data of a member; see :func:`read_chunks`."""
    return b"".join(read_chunks(fd, member))
