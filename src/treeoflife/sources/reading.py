"""What the sources share: streaming the members of an archive and the images of a folder."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from isal import igzip, igzip_lib

from ..core.tar_reader import Member, TarError, members
from ..errors import ContainerError, InputError
from .base import IMAGE_SUFFIXES

_BUFFER = 1 << 20
MOST_EXPANSION = 200
_ALWAYS = 1 << 30


@contextmanager
def opened(archive: Path) -> Iterator[IO[bytes]]:
    """The tar stream inside ``archive``: unpacked while reading if the file begins as gzip does."""
    try:
        with archive.open("rb", buffering=_BUFFER) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            yield cast("IO[bytes]", _Unpacked(raw)) if packed else raw
    except (TarError, EOFError, OSError, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]
        raise ContainerError(f"the archive {archive} cannot be read to its end: {reason(error)}") from error


class _Unpacked:
    """What a gzip holds, until it is far more than the bytes that it was packed into."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._size = raw, 0
        self._stream = cast("IO[bytes]", igzip.open(raw, "rb"))  # type: ignore[no-untyped-call]

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._size += len(data)
        if is_bomb(self._raw.tell(), self._size):
            raise TarError(f"it unpacks to more than {MOST_EXPANSION} times its size, as no archive of images does")
        return data


def is_bomb(packed: int, unpacked: int) -> bool:
    """Whether so many bytes cannot be images that were packed into so few; a gigabyte may come of anything.

    >>> is_bomb(30_000, 900_000_000), is_bomb(30_000_000_000, 33_000_000_000), is_bomb(30_000, 9_000_000_000)
    (False, False, True)
    """
    return unpacked > max(_ALWAYS, MOST_EXPANSION * packed)


def reason(error: BaseException) -> str:
    """An error in one line."""
    return f"{error}" if str(error) else type(error).__name__


def archive_members(archive: Path, max_bytes: int) -> Iterator[Member]:
    """The members of a .tar or .tar.gz, in its order, without folders.

    Raises:
        ContainerError: it cannot be read to its end.
    """
    with opened(archive) as stream:
        for member in members(stream, max_bytes):
            if member.regular or not member.name.endswith("/"):
                yield member
        while rest := stream.read(_BUFFER):  # to the end, so that gzip's checksum is checked
            if rest.strip(b"\0"):
                raise TarError("bytes follow its end marker: a second archive, or a block that was zeroed")


def printable(name: str) -> str:
    """``name`` with bytes that are not UTF-8 written as escapes, so that it can go into tables."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def image_files(folder: Path, *, deep: bool = False) -> list[Path]:
    """The images below ``folder``, sorted by name; hidden files and folders are left out.

    Raises:
        InputError: the folder is not there or cannot be listed.
    """
    found: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found += image_files(Path(entry.path), deep=True) if deep else []
                elif Path(entry.name).suffix.lower() in IMAGE_SUFFIXES:
                    found.append(Path(entry.path))
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None
    return sorted(found)


def subfolders(folder: Path) -> list[Path]:
    """The folders in ``folder``, sorted by name; hidden ones are left out."""
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None


def file_bytes(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        ContainerError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ContainerError(f"the image {path} cannot be read: {error.strerror}") from error
