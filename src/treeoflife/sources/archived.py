"""Reading folders of images straight from the archive that they come in, so that they never touch the file system.

A zip is entered anywhere by its directory. A .tar.gz is not: one pass over it leaves two hidden files beside it, from
which any class folder can be reached by unpacking no more than 128 MB before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ..core import zip_reader as zipread
from ..core.files import read_json, replacing, stamp, write_json
from ..core.tar_reader import BLOCK, Member, TarError, members
from ..errors import ContainerError, InputError, MissingExtra
from .base import IMAGE_SUFFIXES, MOST_FILES
from .reading import MOST_EXPANSION, is_bomb, opened

_SPACING = 128 << 20
_VERSION = 1
TARS = (".tar.gz", ".tgz", ".tar")
BEGUN = "begun"
"""What a :func:`marker` holds until all is unpacked."""


@dataclass(frozen=True)
class Span:
    """Where a folder's images lie in an archive: all lie from ``start`` up to ``stop``; others may lie between them.

    In a tar these are bytes of the unpacked stream, in a zip bytes of its directory.
    """

    folder: str
    start: int
    stop: int
    bytes: int


def archive_in(path: Path, suffixes: tuple[str, ...]) -> Path | None:
    """The archive that ``path`` is, or that lies alone in the folder ``path``."""
    if path.is_file() and path.name.endswith(suffixes):
        return path
    if not path.is_dir():
        return None
    found = [one for one in sorted(path.iterdir()) if one.name.endswith(suffixes) and not one.name.startswith(".")]
    return found[0] if len(found) == 1 else None


def packed_in(path: Path, suffixes: tuple[str, ...], *, unpacked: bool) -> Path | None:
    """The archive to read from, for a source at ``path``; None if the folders are to be read.

    Folders beside an archive are read if they were unpacked from it to the end, or if somebody else put them there.

    Args:
        unpacked: whether folders are there.

    Raises:
        InputError: there are only folders, which were not unpacked to the end.
    """
    archive = archive_in(path, suffixes)
    if archive and (begun(path) or not unpacked):
        return archive
    if begun(path.parent):
        raise InputError(
            f"{path} is not unpacked to its end: run 'treeoflife download --unpack' again, or let path name the archive"
        )
    return None


def marker(folder: Path, archive: Path) -> Path:
    """Says that an archive is being unpacked, or was to its end, into a folder."""
    return folder / f".unpacked-{archive.name}.json"


def begun(folder: Path) -> bool:
    """Whether an archive was begun to be unpacked into a folder, and is not at its end."""
    return any(read_json(one) == BEGUN for one in folder.glob(".unpacked-*.json"))


def folder_of(name: str) -> str | None:
    """The folder of a member that may be an image; None for any other."""
    path = PurePosixPath(name)
    if path.suffix.lower() not in IMAGE_SUFFIXES or path.name.startswith(".") or len(path.parts) < 2:
        return None
    return path.parent.name


def zip_spans(archive: Path) -> tuple[Span, ...]:
    """The folders of images in a zip.

    Raises:
        ContainerError: it cannot be read.
    """
    return _zip_spans(archive, stamp(archive))


@lru_cache(maxsize=4)
def _zip_spans(archive: Path, _stamp: str) -> tuple[Span, ...]:
    found: dict[str, Span] = {}
    with _zip(archive) as fd:
        for member in zipread.members(fd):
            folder = folder_of(member.name)
            if folder is not None:
                _widen(found, folder, member.entry, member.after, member.size)
    if is_bomb(archive.stat().st_size, sum(one.bytes for one in found.values())):
        raise ContainerError(f"the archive {archive} says that it unpacks to more than {MOST_EXPANSION} times its size")
    return tuple(found.values())


def _widen(found: dict[str, Span], folder: str, start: int, stop: int, size: int) -> None:
    old = found.get(folder)
    if old is None and len(found) == MOST_FILES:
        raise ContainerError(f"an archive of more than {MOST_FILES:,} folders; divide it")
    found[folder] = Span(folder, old.start if old else start, stop, (old.bytes if old else 0) + size)


@contextmanager
def _zip(archive: Path) -> Iterator[IO[bytes]]:
    try:
        with zipread.opened(archive) as fd:
            yield fd
    except (zipread.ZipError, OSError) as error:
        raise ContainerError(f"the archive {archive} cannot be read: {error}") from error


def zip_images(
    archive: Path, span: tuple[int, int, int], folder: str
) -> Iterator[tuple[zipread.ZipMember, Callable[[], bytes]]]:
    """The images of one folder of a zip, by name, each with what reads its data.

    Raises:
        ContainerError: it cannot be read to its end.
    """
    with _zip(archive) as fd:
        own = (one for one in zipread.members(fd, span[0], span[1]) if folder_of(one.name) == folder)
        mine = list(islice(own, MOST_FILES + 1))  # one too many is an error where they are counted
        for member in sorted(mine, key=lambda one: one.name):
            yield member, lambda member=member: zipread.read(fd, member)  # type: ignore[misc]


def tar_spans(archive: Path) -> tuple[Span, ...]:
    """The folders of images in a .tar or .tar.gz; the first time, the archive is read for it.

    Raises:
        ContainerError: it cannot be read to its end.
        MissingExtra: a package is needed to enter a .tar.gz.
    """
    index = read_json(_index(archive))
    wanted = {"version": _VERSION, "stamp": stamp(archive)}
    if not isinstance(index, dict) or {key: index.get(key) for key in wanted} != wanted:
        index = wanted | {"spans": _scan(archive)}
        try:
            if _packed(archive):
                _write_seek_points(archive)
            write_json(_index(archive), index)
        except OSError as error:
            raise InputError(
                f"the index of {archive} cannot be written beside it: {error.strerror or error}. If its folder is not "
                "yours, put a link to it into one that is, and let path name the link"
            ) from None
    return tuple(Span(*span) for span in index["spans"])


def _index(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.index.json")


def _seek_points(archive: Path) -> Path:
    return archive.with_name(f".{archive.name}.gzidx")


def _packed(archive: Path) -> bool:
    with archive.open("rb") as fd:
        return fd.read(2) == b"\x1f\x8b"


def _scan(archive: Path) -> list[tuple[str, int, int, int]]:
    found: dict[str, Span] = {}
    with opened(archive) as stream:
        before = 0
        for member in members(stream, -1):
            after = member.offset + -(-member.size // BLOCK) * BLOCK
            folder = folder_of(member.name)
            if folder is not None:
                _widen(found, folder, before, after, member.size)
            before = after
        while stream.read(1 << 20):  # to the end, so that gzip's checksum is checked
            pass
    return [(one.folder, one.start, one.stop, one.bytes) for one in found.values()]


def _write_seek_points(archive: Path) -> None:
    with _indexed(archive) as stream, replacing(_seek_points(archive)) as temporary:
        stream.build_full_index()  # type: ignore[attr-defined]
        with temporary.open("wb") as out:
            stream.export_index(fileobj=out)  # type: ignore[attr-defined]


@contextmanager
def _indexed(archive: Path, points: Path | None = None) -> Iterator[IO[bytes]]:
    try:
        import indexed_gzip
    except ImportError:
        raise MissingExtra(
            f"reading {archive} as it is needs indexed_gzip: pip install 'treeoflife[download]'; or unpack it, with "
            "'treeoflife download inat21 --unpack'"
        ) from None
    try:
        given = {"index_file": str(points)} if points else {}
        with indexed_gzip.IndexedGzipFile(str(archive), spacing=_SPACING, buffer_size=1 << 20, **given) as stream:
            yield cast("IO[bytes]", stream)
    except (indexed_gzip.ZranError, indexed_gzip.CrcError, OSError, EOFError) as error:
        raise ContainerError(f"the archive {archive} cannot be read: {error}") from error


def tar_images(archive: Path, span: tuple[int, int, int], folder: str, max_bytes: int) -> Iterator[Member]:
    """The images of one folder of a .tar or .tar.gz, in its order.

    Raises:
        ContainerError: it cannot be read to its end.
    """
    entered = _indexed(archive, _seek_points(archive)) if _packed(archive) else archive.open("rb")
    try:
        with entered as stream:
            stream.seek(span[0])
            for member in members(_Span(stream, span[1] - span[0]), max_bytes):
                if folder_of(member.name) == folder:
                    yield member
    except (TarError, OSError) as error:
        raise ContainerError(f"the archive {archive} cannot be read: {error}") from error


class _Span:
    """A part of a tar, which ends as a tar does."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left = stream, size

    def read(self, size: int, /) -> bytes:
        if not self._left:
            return bytes(size)
        data = self._stream.read(min(size, self._left))
        self._left -= len(data)
        return data
