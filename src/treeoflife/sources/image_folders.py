"""Reading images from folders, which several sources do."""

import os
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG

from ..core.values import RawImage, Skip
from ..errors import ContainerError, InputError
from .base import Container, Source, too_long
from .file_names import IMAGE_SUFFIXES


class FolderImages(Source):
    """A source whose containers consist of image files, such as folders. Derived classes say which, and their keys."""

    @abstractmethod
    def image(self, container: Container, path: Path) -> RawImage:
        """The image at ``path``, without data."""

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images in the order of :meth:`files`; only those in the container's ``part`` are opened."""
        for position, path in enumerate(self.files(container)):
            image = self.image(container, path)
            yield _load(image, path, max_bytes) if container.includes(position) else image

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        return (self.image(container, path) for path in self.files(container))


def _load(image: RawImage, path: Path, max_bytes: int) -> RawImage:
    """The image with its data, or with the reason why it has none."""
    try:
        stat = path.stat()
        if not S_ISREG(stat.st_mode):  # opening a named pipe would block
            return replace(image, skip=Skip("not-a-file", "neither a file nor a link to one"))
        if stat.st_size > max_bytes:
            return replace(image, skip=too_long(stat.st_size, max_bytes))
    except FileNotFoundError:
        return replace(image, skip=Skip("not-a-file", "a link to nothing"))
    try:
        return replace(image, data=path.read_bytes())
    except OSError as error:
        raise ContainerError(f"the image {path} cannot be read: {error.strerror}") from error


def image_files(folder: Path, *, deep: bool = False) -> list[Path]:
    """The images in ``folder``, ordered by name. Hidden files and folders are left out.

    Args:
        deep: include images in folders below it; links to folders are not followed.

    Raises:
        InputError: the folder does not exist, or cannot be listed.
    """
    files: list[Path] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    files += image_files(Path(entry.path), deep=True) if deep else []
                elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122 - many times as fast
                    files.append(Path(entry.path))
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None
    return sorted(files)


def subfolders(folder: Path) -> list[Path]:
    """The folders in ``folder``, ordered by name. Hidden ones are left out.

    Raises:
        InputError: the folder does not exist, or cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(Path(one.path) for one in entries if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None
