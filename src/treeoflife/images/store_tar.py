"""Writing the tar of a container in the store."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ..core import tar_writer
from ..core.files import errors_named, replacing


class StoreTar:
    """A tar that is being written, with its size and digest so far."""

    def __init__(self, path: Path, out: IO[bytes]) -> None:
        self.size = 0
        self._path, self._out, self._digest = path, out, hashlib.sha256()

    def add(self, block: bytes) -> None:
        """Append members, or the end."""
        with errors_named(self._path):  # a disk that is full is that of the store, not that of the source
            self._out.write(block)
        self._digest.update(block)
        self.size += len(block)

    def close(self) -> None:
        """Close the file."""
        with errors_named(self._path):
            self._out.close()

    @property
    def sha256(self) -> str:
        """The SHA-256 of what was written, in hex."""
        return self._digest.hexdigest()


@contextmanager
def replacing_tar(path: Path, index: Path) -> Iterator[StoreTar]:
    """Write a new tar. If that succeeds the old index goes, so that an index always describes the tar beside it."""
    with replacing(path, beside=index) as temporary:
        tar = StoreTar(path, temporary.open("wb"))
        try:
            yield tar
            tar.add(tar_writer.end_marker(tar.size))
        finally:
            tar.close()
        index.unlink(missing_ok=True)
