"""Reading tar archives as streams, strictly.

Python's ``tarfile`` takes a damaged header in mid-archive for the end, and so loses what follows without
a word; it also remembers every member. This reader raises, keeps nothing, and knows where data lies.
Headers are still parsed by ``tarfile``; long names in GNU and PAX form are understood.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

BLOCK = 512
_SKIP_CHUNK = 1 << 20
_LONGEST_EXTENSION = 1 << 20
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_WITHOUT_DATA = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE)
_NOT_OCTAL = re.compile(rb"[89]")
_PAX_LENGTH = re.compile(rb"([0-9]{1,7}) ")
_EXTENSIONS = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)


class TarError(Exception):
    """The bytes are not a whole tar archive."""


class Readable(Protocol):
    """Anything with ``read``."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; fewer only at the end."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive.

    Attributes:
        name: as the archive has it: hostile until proven otherwise.
        size: bytes of data.
        offset: where the data begins, counted from the first byte of the archive.
        regular: whether it is a plain file: not a folder, link, device or sparse file.
        data: its bytes, where they were asked for.
    """

    name: str
    size: int
    offset: int
    regular: bool
    data: bytes | None = field(default=None, repr=False)


Pour = Callable[[bytes], object]


def members(
    stream: Readable, max_bytes: int, longer: Callable[[str, int], Pour | None] | None = None
) -> Iterator[Member]:
    """The members of the tar archive in ``stream``, with the data of plain files up to ``max_bytes`` long.

    Folders, links, devices and longer files come without data.

    Args:
        longer: is told the name and size of each plain file that is longer, and says where its data go as they
            pass, before the member is yielded.

    Raises:
        TarError: a header is damaged, or the archive stops before its end marker.
    """
    position = extended = 0
    overrides: dict[str, str] = {}
    while (header := _exactly(stream, BLOCK, position)) != bytes(BLOCK):
        info = _parse(header, position)
        position += BLOCK
        if info.type in _EXTENSIONS:
            extended += info.size
            overrides |= _extension(info.type, _long(stream, info.size, extended, position), position)
            position += _padded(info.size)
            continue
        position += _sparse_headers(stream, info.type, header, position)
        size = _size(overrides, info.size, position) if info.type not in _WITHOUT_DATA else 0
        regular = info.type in _REGULAR and not any(key.startswith("GNU.sparse") for key in overrides)
        wanted = regular and size <= max_bytes
        data = _exactly(stream, _padded(size), position)[:size] if wanted else None
        if data is None:
            pour = longer(overrides.get("path", info.name), size) if longer and regular else None
            _pass(stream, _padded(size), position, size, pour)
        yield Member(overrides.get("path", info.name), size, position, regular, data)
        position += _padded(size)
        overrides, extended = {}, 0


def _padded(size: int) -> int:
    return -(-size // BLOCK) * BLOCK


class _Header(NamedTuple):
    name: str
    size: int
    type: bytes


def _parse(header: bytes, position: int) -> _Header | tarfile.TarInfo:
    return _plain(header) or _any(header, position)


def _plain(header: bytes) -> _Header | None:
    """The header of a plain file with a short name and numbers in octal, as nearly all are; None for any other.

    ``tarfile`` would say the same of it, in five times the time.
    """
    if header[156:157] != tarfile.REGTYPE or header[345] or not header[0]:
        return None
    size, told = header[124:136].rstrip(b"\0 "), header[148:156].rstrip(b"\0 ")
    if not (size.isdigit() and told.isdigit()) or _NOT_OCTAL.search(size + told):
        return None
    if int(told, 8) != sum(header) - sum(header[148:156]) + 8 * ord(" "):
        return None
    return _Header(header[:100].partition(b"\0")[0].decode("utf-8", "surrogateescape"), int(size, 8), tarfile.REGTYPE)


def _any(header: bytes, position: int) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except tarfile.TarError as error:
        raise TarError(f"damaged header at byte {position}: {error}") from None
    if info.size < 0:
        raise TarError(f"damaged header at byte {position}: a size below zero")
    return info


def _sparse_headers(stream: Readable, kind: bytes, header: bytes, position: int) -> int:
    """Pass the blocks that continue the header of an old GNU sparse file; returns their bytes."""
    start, more = position, kind == tarfile.GNUTYPE_SPARSE and bool(header[482])
    while more:
        more = bool(_exactly(stream, BLOCK, position)[504])
        position += BLOCK
    return position - start


def _long(stream: Readable, size: int, in_all: int, position: int) -> bytes:
    """The data of a header that speaks of the next member; ``in_all`` counts all such headers of that member."""
    if in_all > _LONGEST_EXTENSION:
        raise TarError(
            f"names or extended headers of {in_all} bytes before byte {position}; at most {_LONGEST_EXTENSION} are read"
        )
    return _exactly(stream, _padded(size), position)[:size]


def _extension(kind: bytes, data: bytes, position: int) -> dict[str, str]:
    """What a header that speaks of the next member says: its name, its size."""
    if kind == tarfile.GNUTYPE_LONGNAME:
        return {"path": data.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    if kind not in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
        return {}
    found: dict[str, str] = {}
    start = 0
    while start < len(data):
        told = _PAX_LENGTH.match(data, start)
        stop = start + int(told[1]) if told else 0
        if not told or not told.end() + 1 < stop <= len(data) or data[stop - 1 : stop] != b"\n":
            raise TarError(f"damaged PAX header before byte {position}")
        key, _, value = data[told.end() : stop - 1].partition(b"=")
        found[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        start = stop
    return found


def _size(overrides: dict[str, str], size: int, position: int) -> int:
    text = overrides.get("size", str(size))
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise TarError(f"damaged PAX header before byte {position}: size {text!r:.40}")
    return int(text)


def _exactly(stream: Readable, size: int, position: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise TarError(f"the archive stops at byte {position + len(data)}, before its end marker")
    return data


def _pass(stream: Readable, size: int, position: int, wanted: int = 0, pour: Pour | None = None) -> None:
    """Read on, over ``size`` bytes; the first ``wanted`` of them go to ``pour``."""
    while size:
        step = min(size, _SKIP_CHUNK)
        data = _exactly(stream, step, position)
        if pour:
            pour(data[:wanted])
        size, position, wanted = size - step, position + step, max(0, wanted - step)
