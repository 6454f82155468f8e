"""Reading images from folders, which several sources do.

One rule for all of them: links to files and folders are followed, but no folder is read twice; what is neither an image
nor harmless (:func:`.file_names.is_harmless`) is listed too, so that it becomes a row of the ledger or an error.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from stat import S_ISREG
from typing import NamedTuple

from ...config.own_folders import is_left_out
from ...core.folders import LEADS_NOWHERE, Entry, leads_to_folder, list_entries, walk_folder
from ...core.objects import as_path
from ...core.values import RawImage, Skip
from ...errors import ContainerError
from ..base import Container, Source, too_long
from ..file_names import IMAGE_SUFFIXES, is_harmless, suffix_of


class FolderImages(Source):
    """A source whose containers consist of image files, such as folders. Derived classes say which, and their keys."""

    @abstractmethod
    def image(self, container: Container, path: Path) -> RawImage:
        """The image at ``path``, without data; with a Skip, the file is not opened."""

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images in the order of :meth:`files`; only those in the container's ``part`` are opened."""
        for position, path in enumerate(self.files(container)):
            image = self.image(container, path)
            unread = image.skip or not container.includes(position)
            yield image if unread else load_image(image, path, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        return (self.image(container, path) for path in self.files(container))


def load_image(image: RawImage, path: Path, max_bytes: int) -> RawImage:
    """The image with its data, or with the reason why it has none."""
    try:
        stat = path.stat()
        if not S_ISREG(stat.st_mode):  # opening a named pipe would block
            return replace(image, skip=Skip("not-a-file", "neither a file nor a link to one"))
        if stat.st_size > max_bytes:
            return replace(image, skip=too_long(stat.st_size, max_bytes))
        return replace(image, data=path.read_bytes())
    except OSError as error:
        if error.errno in LEADS_NOWHERE:
            return replace(image, skip=Skip("not-a-file", "a link to nothing"))
        raise ContainerError(f"the image {path} cannot be read: {error.strerror}") from error


class Listing(NamedTuple):
    """What a folder holds apart from what is harmless, ordered by name."""

    images: list[Path]
    others: list[Path]
    """Files that are no images of the folder, and links to folders that are listed already."""


def list_images(folder: Path, *, deep: bool = False, suffixes: Collection[str] = IMAGE_SUFFIXES) -> Listing:
    """List the images in a folder, and all else that it holds.

    Args:
        deep: images in folders below it are images of the folder too.
        suffixes: the file name endings of images, in lower case.

    Raises:
        InputError: the folder does not exist, or cannot be listed.
    """
    files, repeated = list_files(folder)
    images, others = list[Path](), repeated
    for path in files:
        is_image = suffix_of(path.name) in suffixes and (deep or path.parent == folder)
        (images if is_image else others).append(path)
    return Listing(sorted(images), sorted(others))


def image_files(folder: Path, *, deep: bool = False, suffixes: Collection[str] = IMAGE_SUFFIXES) -> list[Path]:
    """The images in ``folder``, ordered by name; see :func:`list_images`."""
    return list_images(folder, deep=deep, suffixes=suffixes).images


def list_files(root: Path) -> tuple[list[Path], list[Path]]:
    """The files in and below a folder that are not harmless, in no order; see :func:`.core.folders.walk_folder`.

    Datasets of this program are left out: OUT may lie in the folder of a source.

    Returns:
        The files; and the links and folders that lead to a folder that is listed already, such as loops.

    Raises:
        InputError: a folder does not exist, or cannot be listed.
    """
    walk = walk_folder(root, lambda entry, is_folder: _is_passed_over(entry, root, is_folder=is_folder))
    return walk.files, walk.repeated


def _is_passed_over(entry: Entry, root: Path, *, is_folder: bool) -> bool:
    return is_harmless(entry.name, folder=is_folder) or (is_folder and is_left_out(as_path(entry.path), root))


def visible_files(root: Path) -> list[Path]:
    """The files in and below a folder, ordered by path: all but hidden ones, and what lies in harmless folders.

    This is the rule for folders that hold no photographs of a source: of shards, of tables.

    Raises:
        InputError: a folder does not exist, or cannot be listed.
    """
    return sorted(walk_folder(root, is_hidden).files)


def is_hidden(entry: Entry, is_folder: bool) -> bool:
    """Whether an entry is a hidden file, such as the ``._x.tar`` of macOS, or a harmless folder."""
    return is_harmless(entry.name, folder=True) if is_folder else entry.name.startswith(".")


def subfolders(folder: Path) -> list[Path]:
    """The folders in ``folder`` and the links to folders, ordered by name; without datasets and what is harmless.

    Raises:
        InputError: the folder does not exist, or cannot be listed.
    """
    return sorted(
        as_path(entry.path)
        for entry in list_entries(folder)
        if leads_to_folder(entry)
        and not is_harmless(entry.name, folder=True)
        and not is_left_out(as_path(entry.path), folder)
    )


def loose_files(folder: Path) -> list[Path]:
    """What lies in ``folder`` and is neither a folder nor harmless, ordered by name.

    Raises:
        InputError: the folder does not exist, or cannot be listed.
    """
    return sorted(
        as_path(entry.path)
        for entry in list_entries(folder)
        if not leads_to_folder(entry) and not is_harmless(entry.name)
    )
