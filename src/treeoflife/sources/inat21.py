"""iNat21: a folder per class, ``NNNNN_Kingdom_Phylum_Class_Order_Family_Genus_species``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import ClassVar, NamedTuple

from ..config.base import Model
from ..core.values import Label, RawImage, Skip, Taxon
from ..errors import InputError
from .archived import TARS, packed_in, tar_images, tar_spans
from .base import Container, file_name, unique
from .folders import FolderImages, too_long
from .reading import image_files, printable, subfolders

_CLASS = re.compile(r"([0-9]{1,9})_(.*)", re.ASCII | re.DOTALL)


class Settings(Model):
    """The keys of the table of an iNat21 source."""

    path: Path
    """The folder that holds the class folders (train), or the archive train.tar.gz, which is read as it is."""


class ClassFolder(NamedTuple):
    """What the name of a class folder says: its number, the name without the number, and the ranks in it."""

    number: int
    name: str
    taxon: Taxon


def parse_class(folder: str) -> ClassFolder | None:
    """The class that the name of a folder says; None if it is not a class folder.

    Ranks may be empty; hyphens belong to names. An underscore too many belongs to the species.

    >>> parse_class("00003_Plantae__Liliopsida_Poales_Poaceae_Poa_uva-ursi").taxon.species
    'uva-ursi'
    """
    match = _CLASS.fullmatch(folder)
    if not match:
        return None
    ranks = match[2].split("_", 6)
    return ClassFolder(int(match[1]), match[2], Taxon(*(rank.strip() for rank in ranks)))


class INat21(FolderImages):
    """Images of iNat21, by class number and file name; names hang on the class."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"filename": str, "cls_name": str, "cls_num": int}
    key: ClassVar[tuple[str, ...]] = ("cls_num", "filename")
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "cls_num"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name = name
        self.path = settings.path
        self.catalog = ("inat21_filename", "inat21_cls_name", "inat21_cls_num")

    def containers(self) -> list[Container]:
        """A class folder each, also where they are in an archive."""
        if archive := self._archive():
            return self._archived(archive)
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        folders = [path for path in subfolders(self.path) if parse_class(path.name)]
        if not folders:
            raise InputError(f"[sources.{self.name}] path: no class folder (NNNNN_Kingdom_…_species) in {self.path}")
        return unique(Container(self.name, file_name(path.name), path) for path in folders)

    def _archive(self) -> Path | None:
        """The archive to read from: what the path names, or what lies there in place of class folders."""
        unpacked = self.path.is_dir() and any(parse_class(one.name) for one in subfolders(self.path))
        return packed_in(self.path, TARS, unpacked=unpacked)

    def _archived(self, archive: Path) -> list[Container]:
        spans = [span for span in tar_spans(archive) if parse_class(span.folder)]
        if not spans:
            raise InputError(f"[sources.{self.name}] path: no class folder (NNNNN_Kingdom_…_species) in {archive}")
        return unique(
            Container(self.name, file_name(one.folder), archive, (one.folder,), (one.start, one.stop, one.bytes))
            for one in spans
        )

    def files(self, container: Container) -> list[Path]:
        """The images of the class, or the archive that holds them."""
        return [container.path] if container.span else image_files(container.path)

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images of the class: of a folder by name, of an archive in its order."""
        if container.span is None:
            yield from super().read(container, max_bytes)
            return
        for member in tar_images(container.path, container.span, container.members[0], max_bytes):
            image = self.image(container, Path(PurePosixPath(member.name).name))
            if member.data is not None:
                yield replace(image, data=member.data)
            elif not member.regular:
                yield replace(image, key=None, skip=Skip("not-a-file", "a link, device or sparse file in the archive"))
            else:
                yield replace(image, skip=too_long(member.size, max_bytes))

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same without data."""
        if container.span is None:
            yield from super().names(container)
            return
        for image in self.read(container, -1):
            yield image if image.key is None else replace(image, skip=None)

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the class, without data."""
        parsed = parse_class(_folder(container))
        assert parsed
        name = printable(path.name)
        return RawImage(name, (name, printable(parsed.name), parsed.number))

    def label_files(self) -> list[Path]:
        """None: the class folders say it, and are in the mapping."""
        return []

    def labels(self) -> Iterator[Label]:
        """The ranks in the names of the class folders."""
        for container in self.containers():
            parsed = parse_class(_folder(container))
            assert parsed
            yield Label(str(parsed.number), parsed.taxon)


def _folder(container: Container) -> str:
    return container.members[0] if container.span else container.path.name
