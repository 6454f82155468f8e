"""Reading images that lie in folders: shared by iNat21, BIOSCAN and people's own photographs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..records import RawImage, Skip
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
        for path in self.files(container):
            image = self.image(container, path)
            size = path.stat().st_size
            if size > max_bytes:
                yield replace(image, skip=too_long(size, max_bytes))
            else:
                yield replace(image, data=file_bytes(path))

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same without data."""
        for path in self.files(container):
            yield self.image(container, path)


def too_long(size: int, max_bytes: int) -> Skip:
    """Why a long file is not read."""
    return Skip("too-many-bytes", f"{size} bytes; at most {max_bytes} are read")
