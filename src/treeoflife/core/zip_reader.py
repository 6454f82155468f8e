"""A reader of zip archives with a million members that needs little memory.

Python's ``zipfile`` keeps an object for every member: a gigabyte for BIOSCAN-1M. This reader streams the central
directory, and finds a member by the offset that the directory gives. Checksums and lengths are checked, and so is that
the archive holds nothing that its directory does not name, such as a second archive that was joined to it.
The format, ZIP64 included, is that of PKWARE's APPNOTE.TXT, sections 4.3 to 4.5.
"""

import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL, _FULL16 = 0xFFFFFFFF, 0xFFFF  # "see the ZIP64 record"; no name, extra field or comment is longer than _FULL16
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 1 << 11
_UNIX, _REGULAR, _KIND = 3, 0o100000, 0o170000
_DESCRIPTOR, _LONGEST_DESCRIPTOR = 1 << 3, 24  # lengths and checksum may follow a member's data
# A member that the directory does not name has at least a header and a name. What may lie between two members, extra
# fields and descriptors, is mostly shorter; where it is not, the member's own header says how long it is.
_SMALLEST_MEMBER = _LOCAL.size + 1
_CHUNK = 1 << 20


class ZipError(Exception):
    """The bytes are not a complete zip archive, or are encrypted or compressed in an unsupported way."""


@dataclass(frozen=True, slots=True)
class ZipMember:
    """An entry of the central directory."""

    name: str  # as the archive has it: hostile until proven otherwise
    name_bytes: bytes  # the same, not decoded
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
    """The start and end offsets of the central directory, and its number of entries.

    Raises:
        ZipError: there is no directory, or something lies where only the directory may: the archive was cut off, or
            joined to another.
    """
    size = fd.seek(0, os.SEEK_END)
    fd.seek(max(0, size - _END.size - _FULL16))  # a comment of up to 65,535 bytes may follow the end record
    tail = fd.read()
    index = _find_end_record(tail)
    _, disk, first_disk, count_here, count, length, start, _ = _END.unpack_from(tail, index)
    if (disk, first_disk) not in ((0, 0), (_FULL16, _FULL16)) or count_here != count:
        raise ZipError("it is one part of an archive in several files; join these with 'zip --split-size 0 --out'")
    stop = size - len(tail) + index
    if record := _find_directory64(fd, stop):
        stop, (count, length, start) = record
    if start + length != stop:
        raise ZipError(
            f"its directory should end at byte {start + length}, and ends at byte {stop}: the archive was joined to "
            "another, or a part of it is missing; fetch it again, or unpack it and pack it again"
        )
    return start, stop, count


def _find_end_record(tail: bytes) -> int:
    """The index of the end record in the last bytes of an archive. Only its comment, and zeros, may follow it."""
    last = index = tail.rfind(b"PK\x05\x06", 0, max(0, len(tail) - _END.size + 4))
    while index >= 0:
        end = index + _END.size + _END.unpack_from(tail, index)[7]
        if end <= len(tail) and not tail[end:].strip(b"\0"):
            return index
        index = tail.rfind(b"PK\x05\x06", 0, index)
    if last < 0:
        raise ZipError("the archive has no end record: it is not a zip, or was cut off")
    raise ZipError("bytes follow its end record, or its comment was cut off: fetch it again")


def _find_directory64(fd: IO[bytes], end_offset: int) -> tuple[int, tuple[int, int, int]] | None:
    """The ZIP64 end record: where it begins, and the entries, length and start of the directory. None without one."""
    if end_offset < _LOCATOR.size:
        return None
    fd.seek(end_offset - _LOCATOR.size)
    magic, _, record_offset, _ = _LOCATOR.unpack(fd.read(_LOCATOR.size))
    if magic != b"PK\x06\x07":
        return None
    fd.seek(record_offset)
    data = fd.read(_END64.size)
    if len(data) < _END64.size or data[:4] != b"PK\x06\x06":
        raise ZipError("the archive's end record is damaged, or is not where the archive says: it was cut or joined")
    fields = _END64.unpack(data)
    if record_offset + 12 + fields[1] != end_offset - _LOCATOR.size:  # the length does not count its first 12 bytes
        raise ZipError("the archive's end record is not where the archive says: it was cut or joined")
    return record_offset, fields[7:10]


def read_entries(fd: IO[bytes], start: int | None = None, stop: int | None = None) -> Iterator[ZipMember]:
    """The entries of the central directory, or of its part from ``start`` to ``stop``.

    Raises:
        ZipError: the directory is damaged; or, when all of it was read, it does not name all that the archive holds.
    """
    if start is not None and stop is not None:
        yield from _read_entries(fd, start, stop)
        return
    start, stop, count = find_directory(fd)
    extents = _Extents(start)
    for member in _read_entries(fd, start, stop):
        extents.add(member)
        yield member
    # Without ZIP64, programs that write more than 65,535 entries record the lower 16 bits of their number.
    if len(extents) != count and (count > _FULL16 or len(extents) % (_FULL16 + 1) != count):
        raise ZipError(f"its directory has {len(extents)} entries, its end record says {count}: it is damaged")
    extents.check(fd)


class _Extents:
    """Where the members of an archive lie, to find out whether the directory names all that the archive holds."""

    def __init__(self, directory: int) -> None:
        self._starts, self._stops, self._directory = array("q"), array("q"), directory

    def __len__(self) -> int:
        return len(self._starts)

    def add(self, member: ZipMember) -> None:
        # Without the extra field, whose length only the member's own header says.
        stop = member.header_offset + _LOCAL.size + len(member.name_bytes) + member.packed_size
        if stop > self._directory:
            raise ZipError(f"{member.name!r:.200} should end at byte {stop}, where its directory is: it is damaged")
        self._starts.append(member.header_offset)
        self._stops.append(stop)

    def check(self, fd: IO[bytes]) -> None:
        """Raise ZipError if two members overlap, or bytes before the directory belong to none."""
        starts, stops = np.array(self._starts, np.int64), np.array(self._stops, np.int64)
        order = np.argsort(starts, kind="stable")
        starts, stops = np.append(starts[order], self._directory), np.append(0, stops[order])
        if (overlaps := np.flatnonzero(starts < stops)).size:
            raise ZipError(f"two of its entries claim the same bytes, at byte {starts[overlaps[0]]}: it is damaged")
        for index in np.flatnonzero(starts - stops >= _SMALLEST_MEMBER):
            begin, end = int(stops[index]), int(starts[index])
            if index:  # a member lies before the gap
                begin += _extra_length(fd, int(starts[index - 1]))
            if not _is_zero(fd, begin, end):
                raise ZipError(
                    f"no entry of its directory names bytes {begin} to {end}: the archive was joined to another, or a "
                    "member was removed from the directory alone; unpack it and pack it again"
                )


def _extra_length(fd: IO[bytes], header_offset: int) -> int:
    """The bytes of a member beyond its name and data: its extra field, and at most those of a descriptor."""
    fd.seek(header_offset)
    header = fd.read(_LOCAL.size)
    if len(header) < _LOCAL.size or header[:4] != b"PK\x03\x04":
        return 0
    fields = _LOCAL.unpack(header)
    return int(fields[10]) + (_LONGEST_DESCRIPTOR if fields[2] & _DESCRIPTOR else 0)


def _is_zero(fd: IO[bytes], start: int, stop: int) -> bool:
    """Whether there are only zeros, as programs leave that align members."""
    fd.seek(start)
    while start < stop:
        data = fd.read(min(_CHUNK, stop - start))
        if not data or data.strip(b"\0"):
            return False
        start += len(data)
    return True


def _read_entries(fd: IO[bytes], start: int, stop: int) -> Iterator[ZipMember]:
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
    name_bytes = buffer[name_index:extra_index]
    name = name_bytes.decode("utf-8" if flags & _UTF8 else "cp437", "backslashreplace")
    kind = (mode >> 16) & _KIND if made_by >> 8 == _UNIX else 0  # other systems record no file type
    regular = not name.endswith("/") and kind in (0, _REGULAR)
    encrypted = bool(flags & _ENCRYPTED)
    place = (encrypted, regular, start, start + length)
    return ZipMember(name, name_bytes, size, packed_size, header_offset, crc, method, *place)


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
    name_length, extra_length = _LOCAL.unpack(header)[9:]
    if fd.read(name_length) != member.name_bytes:
        raise ZipError(f"{member.name!r:.200} has another name in its own header than in the directory")
    fd.seek(extra_length, os.SEEK_CUR)
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
