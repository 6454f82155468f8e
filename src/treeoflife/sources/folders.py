"""Reading images that lie in folders: shared by iNat21, BIOSCAN and people's own photographs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from ..core.values import RawImage, Skip
from .base import Container
from .reading import file_bytes


class FolderImages(ABC):
    """The two ways of reading a container that is a folder; a source says which files and what they are."""

    @abstractmethod
    def files(self, container: Container) -> list[Path]:
        """The container's images, in a fixed order."""

    @abstractmethod
    def image(self, container: Container, path: Path) -> RawImage:
        """The image at ``path``, without data."""

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The folder's images, by name."""
        for position, path in enumerate(self.files(container)):
            image = self.image(container, path)
            yield _filled(image, path, max_bytes) if container.shares(position) else image

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same without data."""
        for path in self.files(container):
            yield self.image(container, path)


def _filled(image: RawImage, path: Path, max_bytes: int) -> RawImage:
    """The image with its data, or with a Skip."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return replace(image, skip=Skip("not-a-file", "a link to nothing"))
    if not S_ISREG(found.st_mode):
        return replace(image, skip=Skip("not-a-file", "neither a file nor a link to one"))
    if found.st_size > max_bytes:
        return replace(image, skip=too_long(found.st_size, max_bytes))
    return replace(image, data=file_bytes(path))


def too_long(size: int, max_bytes: int) -> Skip:
    """Why a long file is not read."""
    return Skip("too-many-bytes", f"{size} bytes; at most {max_bytes} are read")
