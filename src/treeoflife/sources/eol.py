"""EOL's image archives: tars whose members are ``<content id>_<page id>_eol….jpg`` or ``<treeoflife id>.jpg``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import ClassVar
from uuid import UUID

from ..config.base import Model
from ..core.tar_reader import Member
from ..core.values import Key, Label, RawImage, Skip
from ..errors import InputError
from .base import Container, file_name, unique
from .reading import archive_members, printable

_SUFFIXES = (".tar.gz", ".tgz", ".tar")
_NAME = re.compile(r"([0-9]{1,18})_([0-9]{1,18})(?:_eol[^/]*|)\.[A-Za-z0-9]+", re.ASCII)
_LARGEST = 2**63 - 1


class Settings(Model):
    """The keys of the table of an EOL source."""

    path: Path
    """The folder of the archives, or one archive."""


class Eol:
    """Images from EOL, by content id and page id; names hang on the page.

    >>> parse_name("9000024_7000521_eol-full-size-copy.jpg")
    ((9000024, 7000521), None)
    """

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"content_id": int, "page_id": int}
    key: ClassVar[tuple[str, ...]] = ("content_id", "page_id")
    listed_as: ClassVar[str] = "{content_id}_{page_id}"
    name_key: ClassVar[str] = "page_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name = name
        self.path = settings.path
        self.catalog = ("eol_content_id", "eol_page_id")

    def containers(self) -> list[Container]:
        """An archive each."""
        if not self.path.exists():
            raise InputError(f"[sources.{self.name}] path: there is no {self.path}")
        archives = (
            [self.path] if self.path.is_file() else [p for p in self.path.iterdir() if p.name.endswith(_SUFFIXES)]
        )
        archives = [path for path in archives if not path.name.startswith(".")]
        if not archives:
            raise InputError(f"[sources.{self.name}] path: no archive ({', '.join(_SUFFIXES)}) in {self.path}")
        return unique(Container(self.name, file_name(_stem(path.name)), path) for path in archives)

    def files(self, container: Container) -> list[Path]:
        """The archive."""
        return [container.path]

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The archive's images, in its order."""
        for member in archive_members(container.path, max_bytes):
            yield _image(member, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same without data; the archive is unpacked all the same."""
        for member in archive_members(container.path, max_bytes=-1):
            yield _image(member, max_bytes=None)

    def label_files(self) -> list[Path]:
        """None."""
        return []

    def labels(self) -> Iterator[Label]:
        """Nothing: EOL's names come with its hierarchy, by page."""
        return iter(())


def parse_name(name: str) -> tuple[Key | None, str | None]:
    """The natural key or the treeoflife id that the name of a file gives; neither, if it gives none."""
    base = PurePosixPath(name).name
    if (match := _NAME.fullmatch(base)) and all(int(part) <= _LARGEST for part in match.groups()):
        return (int(match[1]), int(match[2])), None
    stem = base.rpartition(".")[0]
    try:
        found = str(UUID(stem))
    except ValueError:
        return None, None
    return (None, found) if found == stem.lower() else (None, None)


def _image(member: Member, max_bytes: int | None) -> RawImage:
    key, treeoflife_id = parse_name(member.name)
    skip = None
    if not member.regular:
        skip = Skip("not-a-file", "a link, device or sparse file in the archive")
    elif key is None and treeoflife_id is None:
        skip = Skip("not-an-image-name", "neither <content id>_<page id>_eol….jpg nor <treeoflife id>.jpg")
    elif max_bytes is not None and member.size > max_bytes:
        skip = Skip("too-many-bytes", f"{member.size} bytes; at most {max_bytes} are read")
    if skip and skip.reason != "too-many-bytes":
        key = treeoflife_id = None
    return RawImage(printable(member.name), key, treeoflife_id, member.data or b"", skip)


def _stem(name: str) -> str:
    return next(name[: -len(suffix)] for suffix in (*_SUFFIXES, "") if name.endswith(suffix)) or name
