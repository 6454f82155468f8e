"""BIOSCAN-1M: folders ``partN`` of images; names come with its metadata file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from ..config import Model
from ..errors import InputError
from ..records import Label, RawImage
from .base import Container, unique
from .folders import FolderImages
from .reading import image_files, printable, subfolders

_PART = re.compile(r"part([0-9]{1,9})", re.ASCII)


class Settings(Model):
    """The keys of the table of a BIOSCAN source."""

    path: Path
    """The folder that holds the folders part1, part2, …"""


class Bioscan(FolderImages):
    """Images of BIOSCAN-1M, by part and file name; names hang on the single image."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"part": int, "filename": str}
    key: ClassVar[tuple[str, ...]] = ("part", "filename")
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name = name
        self.path = settings.path
        self.catalog = ("bioscan_part", "bioscan_filename")

    def containers(self) -> list[Container]:
        """A part each."""
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        folders = [path for path in subfolders(self.path) if _PART.fullmatch(path.name)]
        if not folders:
            raise InputError(f"[sources.{self.name}] path: no folder part1, part2, … in {self.path}")
        return unique(Container(self.name, path.name, path) for path in folders)

    def files(self, container: Container) -> list[Path]:
        """The images of the part."""
        return image_files(container.path)

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the part, without data."""
        name = printable(path.name)
        return RawImage(name, (int(container.path.name.removeprefix("part")), name))

    def labels(self) -> Iterator[Label]:
        """Nothing yet: see the metadata stage."""
        return iter(())
