"""iNat21: one folder per class, named ``NNNNN_Kingdom_Phylum_Class_Order_Family_Genus_species``."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, NamedTuple

from ..config.base import Model
from ..core.values import RANKS, Key, Label, Taxon
from ..errors import InputError
from .base import NOT_TAKEN, Container
from .containers.archived_folders import ArchivableFolders, folder_name
from .containers.tar_archives import TAR_SUFFIXES
from .file_names import escape_invalid_utf8, show_names

_FORM = "NNNNN_Kingdom_Phylum_Class_Order_Family_Genus_species"
_CLASS = re.compile(r"([0-9]{1,9})_(.*)", re.ASCII | re.DOTALL)


class Settings(Model):
    """The keys of the table of an iNat21 source."""

    path: Path
    """The folder that holds the class folders (train), or the archive train.tar.gz, which is read as it is."""


class ClassFolder(NamedTuple):
    """The parts of a class folder's name: its number, the name without the number, and the ranks."""

    number: int
    name: str
    taxon: Taxon


def parse_class(folder: str) -> ClassFolder | None:
    """Parse the name of a class folder; None if the folder is not one.

    Ranks may be empty, and hyphens belong to names. Underscores after the sixth belong to the species.

    >>> parse_class("00003_Plantae__Liliopsida_Poales_Poaceae_Poa_uva-ursi").taxon.species
    'uva-ursi'
    """
    match = _CLASS.fullmatch(folder)
    if not match:
        return None
    ranks = match[2].split("_", 6)
    return ClassFolder(int(match[1]), match[2], Taxon(*(rank.strip() for rank in ranks)))


class INat21(ArchivableFolders):
    """Images of iNat21, identified by class number and file name; a label belongs to a class."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"filename": str, "cls_name": str, "cls_num": int}
    key: ClassVar[tuple[str, ...]] = ("cls_num", "filename")
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "cls_num"
    catalog: tuple[str, ...] = ("inat21_filename", "inat21_cls_name", "inat21_cls_num")
    suffixes = TAR_SUFFIXES
    folder_description = "class folder (NNNNN_Kingdom_…_species)"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path = name, settings.path

    def containers(self) -> list[Container]:
        """One for each class folder; and one of files that are no images of the source.

        Raises:
            InputError: as for other folders; or the name of a class folder has not all seven ranks.
            ContainerError: the archive cannot be read.
            MissingExtra: the package that seeks in a .tar.gz is not installed.
        """
        containers = super().containers()
        folders = [folder_name(container) for container in containers if container.name != NOT_TAKEN]
        # Datasets such as CUB number their classes too, and name them otherwise.
        if wrong := [folder for folder in folders if folder.count("_") < len(RANKS)]:
            raise InputError(
                f"[sources.{self.name}] path: {self.path} holds class folders without seven ranks, "
                f"{show_names(wrong)}; rename them to {_FORM}, where a rank may be empty, or read them with a "
                "table, as a source of kind 'folder'"
            )
        return containers

    @staticmethod
    def number(folder: str) -> int | None:
        """The number of a class folder; None if it is none."""
        parsed = parse_class(folder)
        return parsed.number if parsed else None

    def key_of(self, container: Container, filename: str) -> Key:
        """The file and its class."""
        parsed = _parsed(container)
        return filename, parsed.name, parsed.number

    def labels(self) -> Iterator[Label]:
        """The ranks in the names of the class folders, which the mapping holds too, so they need no table."""
        for container in self.containers():
            if container.name != NOT_TAKEN:
                parsed = _parsed(container)
                yield Label(str(parsed.number), parsed.taxon)


def _parsed(container: Container) -> ClassFolder:
    parsed = parse_class(escape_invalid_utf8(folder_name(container)))
    assert parsed
    return parsed
