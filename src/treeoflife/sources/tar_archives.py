"""Reading .tar and .tar.gz archives as streams."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from isal import igzip, igzip_lib

from ..core import tar_reader
from ..core.tar_reader import Member, TarError
from ..errors import ContainerError

TAR_SUFFIXES = (".tar.gz", ".tgz", ".tar")
MAX_EXPANSION = 200
"""The highest ratio of unpacked to packed size. Images, being compressed already, hardly shrink; gzip reaches 1,032."""

# Small archives of plain images, such as white pages, may expand further; a gigabyte of them does no harm.
_ALWAYS_ALLOWED = 1 << 30
# Fewer system calls, which count on the network file systems of clusters.
_BUFFER = 1 << 20


@contextmanager
def open_tar(archive: Path) -> Iterator[IO[bytes]]:
    """The tar stream in ``archive``, unpacked while it is read if the file is gzip, whatever its name is.

    Raises:
        ContainerError: it cannot be read. Errors raised while the stream is read, TarError too, become this one.
    """
    try:
        with archive.open("rb", buffering=_BUFFER) as raw:
            yield cast("IO[bytes]", _GzipStream(raw)) if is_gzip(archive) else raw
    except (TarError, EOFError, OSError, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]
        reason = str(error) or type(error).__name__
        raise ContainerError(f"the archive {archive} cannot be read to its end: {reason}") from error


def is_gzip(archive: Path) -> bool:
    """Whether a file begins with gzip's magic number."""
    with archive.open("rb") as fd:
        return fd.read(2) == b"\x1f\x8b"


class _GzipStream:
    """An unpacked gzip stream that raises TarError when it expands too far."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw, self._size = raw, 0
        self._stream = cast("IO[bytes]", igzip.open(raw, "rb"))  # type: ignore[no-untyped-call]

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
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
        for member in tar_reader.read_members(stream, max_bytes):
            if member.regular or not member.name.endswith("/"):
                yield member
        while rest := stream.read(_BUFFER):  # gzip checks its checksum at the end of the stream
            if rest.strip(b"\0"):
                raise TarError("bytes follow its end marker: a second archive, or a block that was zeroed")
