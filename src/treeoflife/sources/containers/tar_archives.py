"""Reading .tar and .tar.gz archives as streams."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from isal import igzip, igzip_lib

from ...core.tar_reader import Member, Readable, TarError, read_members
from ...errors import ContainerError

TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
MAX_EXPANSION = 200
"""The highest ratio of unpacked to packed size. Images, being compressed already, hardly shrink; gzip reaches 1,032."""

# Small archives of plain images, such as white pages, may expand further; a gigabyte of them does no harm.
_ALWAYS_ALLOWED = 1 << 30
# Fewer system calls, which count on the network file systems of clusters.
_BUFFER = 1 << 20


@contextmanager
def open_tar(archive: Path) -> Iterator[Readable]:
    """The tar stream in ``archive``, unpacked while it is read if the file is gzip, whatever its name is.

    Raises:
        ContainerError: it cannot be read. Errors raised while the stream is read, TarError too, become this one.
    """
    try:
        with _open(archive) as raw:
            yield _Stream(raw, igzip.open(raw, "rb") if is_gzip(archive) else raw)  # type: ignore[no-untyped-call]
    except TarError as error:
        raise ContainerError(f"the archive {archive} cannot be read to its end: {error}") from error


def _open(archive: Path) -> IO[bytes]:
    try:
        return archive.open("rb", buffering=_BUFFER)
    except OSError as error:
        raise TarError(str(error)) from error


def is_gzip(archive: Path) -> bool:
    """Whether a file begins with gzip's magic number."""
    with archive.open("rb") as fd:
        return fd.read(2) == b"\x1f\x8b"


class _Stream:
    """A tar stream whose errors are all TarErrors, also that it expands too far.

    What goes wrong with the files that a caller writes meanwhile is thus not taken for an error of the archive.
    """

    def __init__(self, raw: IO[bytes], unpacked: IO[bytes]) -> None:
        self._raw, self._unpacked, self._size = raw, unpacked, 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self._unpacked.read(size)
        except gzip.BadGzipFile as error:
            # A wrong checksum is such an error too, but of another wording.
            follows = self._size and str(error).startswith("Not a gzipped file")
            what = "bytes that are no gzip follow its gzip stream; unpack it with 'gunzip', and pack what it holds anew"
            raise TarError(what if follows else str(error)) from error
        except (EOFError, OSError, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]
            raise TarError(str(error) or type(error).__name__) from error
        self._size += len(data)
        if is_decompression_bomb(self._raw.tell(), self._size):
            raise TarError(f"it unpacks to more than {MAX_EXPANSION} times its size, as no archive of images does")
        return data


def is_decompression_bomb(packed: int, unpacked: int) -> bool:
    """Whether ``packed`` bytes expand to more than images could. Up to 1 GB is always allowed.

    >>> is_decompression_bomb(30_000, 900_000_000), is_decompression_bomb(30_000_000_000, 33_000_000_000)
    (False, False)
    >>> is_decompression_bomb(30_000, 9_000_000_000)
    True
    """
    return unpacked > max(_ALWAYS_ALLOWED, MAX_EXPANSION * packed)


def archive_members(archive: Path, max_bytes: int) -> Iterator[Member]:
    """The members of a .tar or .tar.gz in their order, without folders; those above ``max_bytes`` without data.

    Raises:
        ContainerError: it cannot be read to its end.
    """
    with open_tar(archive) as stream:
        yield from (member for member in read_members(stream, max_bytes) if not member.folder)
