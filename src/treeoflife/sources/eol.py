"""EOL's image archives: tars whose members are ``<content id>_<page id>_eol….jpg`` or ``<treeoflife id>.jpg``."""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar
from uuid import UUID

from ..config.base import Model
from ..core.tar_reader import Member
from ..core.values import Key, RawImage, Skip
from ..errors import InputError
from . import not_taken
from .base import NOT_A_FILE, NOT_TAKEN, Container, Source, by_name, too_long
from .containers.image_folders import list_files, loose_files, subfolders
from .containers.tar_archives import TAR_SUFFIXES, archive_members
from .file_names import escape_invalid_utf8, safe_file_name

# 18 digits always fit the 64-bit integers of the mapping.
_NAME = re.compile(r"([0-9]{1,18})_([0-9]{1,18})(?:_eol[^/]*|)\.[A-Za-z0-9]+", re.ASCII)


class Settings(Model):
    """The keys of the table of an EOL source."""

    path: Path
    """The folder of the archives, or one archive."""


class Eol(Source):
    """Images from EOL, identified by content id and page id. Their labels come with EOL's hierarchy of pages."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"content_id": int, "page_id": int}
    key: ClassVar[tuple[str, ...]] = ("content_id", "page_id")
    listed_as: ClassVar[str] = "{content_id}_{page_id}"
    name_key: ClassVar[str] = "page_id"
    catalog: tuple[str, ...] = ("eol_content_id", "eol_page_id")

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path = name, settings.path

    def containers(self) -> list[Container]:
        """One for each archive; and one of files that are no archives.

        Raises:
            InputError: there is no archive, two have the same name, or there are folders or archives of another kind.
        """
        if self.path.is_file():
            return [self._container(self.path)]
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no {self.path}")
        loose = loose_files(self.path)
        archives = [path for path in loose if _suffix(path.name)]
        if not archives:
            raise InputError(f"[sources.{self.name}] path: no archive ({', '.join(TAR_SUFFIXES)}) in {self.path}")
        others = [path for path in loose if not _suffix(path.name)]
        folders = subfolders(self.path)
        refused = [
            *filter(not_taken.holds_data, folders),
            *(path for path in others if not_taken.is_archive(path.name)),
        ]
        names = [path.name for path in refused]
        not_taken.refuse(self.name, names, self.path, f"is no archive ({', '.join(TAR_SUFFIXES)})")
        below = [file for folder in folders for file in list_files(folder)[0]]
        containers = by_name(self._container(path) for path in archives)
        return [*containers, *not_taken.containers(self.name, self.path, [*others, *below])]

    def _container(self, archive: Path) -> Container:
        if archive.exists() and not archive.is_file():  # opening a named pipe would block
            raise InputError(f"[sources.{self.name}] path: {archive} is neither a file nor a link to one")
        suffix = _suffix(archive.name)
        return Container(self.name, safe_file_name(archive.name[: -len(suffix)] if suffix else archive.name), archive)

    def files(self, container: Container) -> list[Path]:
        """The archive."""
        return not_taken.files(container) if container.name == NOT_TAKEN else [container.path]

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The archive's images, in its order."""
        if container.name == NOT_TAKEN:
            yield from map(not_taken.image, container.members)
            return
        for member in archive_members(container.path, max_bytes):
            yield _image(member, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data. The archive has to be unpacked for it all the same."""
        if container.name == NOT_TAKEN:
            yield from map(not_taken.image, container.members)
            return
        for member in archive_members(container.path, max_bytes=-1):
            yield _image(member, max_bytes=None)


def parse_name(name: str) -> tuple[Key | None, str | None]:
    """Parse the name of a file into its natural key or its treeoflife id; (None, None) if it is neither.

    >>> parse_name("9000024_7000521_eol-full-size-copy.jpg")
    ((9000024, 7000521), None)
    >>> parse_name("71df1d2c-1a5d-5b5b-8a5c-2b5e5b1c6a7d.jpg")
    (None, '71df1d2c-1a5d-5b5b-8a5c-2b5e5b1c6a7d')
    """
    base = PurePosixPath(name).name
    if match := _NAME.fullmatch(base):
        return (int(match[1]), int(match[2])), None
    stem = base.rpartition(".")[0]
    try:
        treeoflife_id = str(UUID(stem))
    except ValueError:
        return None, None
    # UUID() also accepts braces, a prefix, or no hyphens, which no published archive has.
    return None, treeoflife_id if treeoflife_id == stem.lower() else None


def _image(member: Member, max_bytes: int | None) -> RawImage:
    key, treeoflife_id = parse_name(member.name)
    skip = None
    if not member.regular:
        key = treeoflife_id = None
        skip = NOT_A_FILE
    elif key is None and treeoflife_id is None:
        skip = Skip("not-an-image-name", "neither <content id>_<page id>_eol….jpg nor <treeoflife id>.jpg")
    elif max_bytes is not None and member.size > max_bytes:
        skip = too_long(member.size, max_bytes)
    return RawImage(escape_invalid_utf8(member.name), key, treeoflife_id, member.data or b"", skip)


def _suffix(name: str) -> str:
    """The ending of the name of an archive, as it is written; empty if the file is none."""
    suffix = next((suffix for suffix in TAR_SUFFIXES if name.lower().endswith(suffix)), "")
    return name[-len(suffix) :] if suffix and len(name) > len(suffix) else ""
