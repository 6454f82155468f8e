"""What lies in the folder of a source and is no image of it.

Nothing is passed over without a word but what is harmless (:func:`.file_names.is_harmless`): a file becomes a row of
the ledger; a folder or archive that may hold many images, such as one whose name is nearly right, is an error.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from ..core.values import RawImage, Skip
from ..errors import InputError
from .base import NOT_TAKEN, Container
from .containers.image_folders import list_files
from .file_names import ARCHIVE_SUFFIXES, escape_invalid_utf8, is_image_name, show_names


def containers(source: str, folder: Path, files: Iterable[Path]) -> list[Container]:
    """A container of files below ``folder`` that the source does not take; none if there are none."""
    members = tuple(path.relative_to(folder).as_posix() for path in sorted(files))
    return [Container(source, NOT_TAKEN, folder, members)] if members else []


def files(container: Container) -> list[Path]:
    """The files of such a container."""
    return [container.path / member for member in container.members]


def image(name: str) -> RawImage:
    """The row of the ledger for a file that is not taken; ``name`` is its path in the container."""
    if is_archive(name):
        detail = "an archive that is not read"
    elif is_image_name(name):
        detail = "an image where the source expects none"
    else:
        detail = "no image by the ending of its name, or a link to a folder that is read already"
    return RawImage(escape_invalid_utf8(name), None, skip=Skip(NOT_TAKEN, detail))


def is_archive(name: str) -> bool:
    """Whether a file is an archive of any kind, by the ending of its name."""
    return name.lower().endswith(ARCHIVE_SUFFIXES)


def holds_data(folder: Path) -> bool:
    """Whether there is an image or an archive in or below a folder."""
    return any(is_image_name(path.name) or is_archive(path.name) for path in list_files(folder)[0])


def refuse(source: str, names: Collection[str], where: Path, why: str) -> None:
    """Raise an error if there are folders or archives that a source would not read.

    Args:
        names: these folders or archives.
        where: the folder or archive that holds them.
        why: why not, such as "is no archive".

    Raises:
        InputError: there are such; the message has the first few names.
    """
    if names:
        raise InputError(
            f"[sources.{source}] path: {where} holds {show_names(names)}, which would not be read, since it {why}; "
            "rename what belongs to the source, and move all else elsewhere"
        )
