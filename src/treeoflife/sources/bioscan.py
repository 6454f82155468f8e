"""BIOSCAN-1M, folders ``partN`` of images, and BIOSCAN-5M, folders of splits, with labels in a metadata file.

Which of the two it is, the names of the folders and the columns of the metadata say.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from ..config.base import Model
from ..core.database import Database
from ..core.text_encoding import READ_AS_WINDOWS, is_windows_1252
from ..core.values import RANKS, Key, Label, RawImage, Taxon
from ..core.written_numbers import whole_number
from ..errors import InputError
from . import bioscan_5m
from .base import ABOUT_COLUMNS, NOT_TAKEN, Container
from .bioscan_records import IMAGE, SPECIMEN, as_text, columns_of, is_json, records
from .containers.archived_folders import ArchivableFolders, folder_name

_PART = re.compile(r"part([0-9]{1,9})", re.ASCII)
_SPECIMEN_SCHEMA = pl.Schema(
    {"part": pl.Int64, "filename": pl.String, "observation": pl.String, "source_id": pl.String}
)
_RECORDS_AT_ONCE = 100_000


class Settings(Model):
    """The keys of the table of a BIOSCAN source."""

    path: Path
    """The folder that holds the folders part1, part2, … of BIOSCAN-1M, or train, val, … of BIOSCAN-5M; or the archives
    that hold these, such as cropped_256.zip, which are read as they are."""
    metadata: Path | None = None
    """Its metadata: the JSON-LD list of records, or the same as text, divided by tabs or commas."""


class Bioscan(ArchivableFolders):
    """Images of BIOSCAN, identified by part and file name; each image has a label of its own."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"part": int, "filename": str}
    key: ClassVar[tuple[str, ...]] = ("part", "filename")
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "treeoflife_id"
    catalog: tuple[str, ...] = ("bioscan_part", "bioscan_filename")
    suffixes = (".zip",)
    folder_description = "folder part1, part2, …"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path, self.metadata = name, settings.path, settings.metadata

    def containers(self) -> list[Container]:
        """One for each part, or for each folder of images of BIOSCAN-5M; see :class:`ArchivableFolders`."""
        is_5m = bioscan_5m.are_there(self.path)
        return bioscan_5m.containers(self.name, self.path) if is_5m else super().containers()

    def files(self, container: Container) -> list[Path]:
        """The images in the folder and then all else in it, or the archive."""
        return bioscan_5m.files(container) if _is_of_5m(container) else super().files(container)

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the folder, without data; or a row of the ledger for another file."""
        if _is_of_5m(container):
            return bioscan_5m.image(path.relative_to(container.path).as_posix())
        return super().image(container, path)

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images, ordered by name."""
        if container.span and _is_of_5m(container):
            return bioscan_5m.read_zipped(container, max_bytes, data=True)
        return super().read(container, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        if container.span and _is_of_5m(container):
            return bioscan_5m.read_zipped(container, -1, data=False)
        return super().names(container)

    @staticmethod
    def number(folder: str) -> int | None:
        """The number of a part; None if the folder is none."""
        match = _PART.fullmatch(folder)
        return int(match[1]) if match else None

    def key_of(self, container: Container, filename: str) -> Key:
        """The part and the file."""
        return int(folder_name(container).removeprefix("part")), filename

    def label_files(self) -> list[Path]:
        """The metadata."""
        return [self.metadata] if self.metadata else []

    def remarks(self) -> list[str]:
        """Whether the encoding of the metadata had to be guessed.

        Raises:
            InputError: they are no text.
        """
        if self.metadata is None or not self.metadata.is_file() or is_json(self.metadata):
            return []
        return [f"{self.metadata.name} {READ_AS_WINDOWS}"] if is_windows_1252(self.metadata) else []

    def labels(self) -> Iterator[Label]:
        """The ranks in every record of the metadata, as a stream; nothing without metadata.

        Raises:
            InputError: the metadata is missing or malformed.
        """
        return map(_label, records(self.metadata)) if self.metadata else iter(())

    def about(self, database: Database) -> bool:
        """The specimen that an image shows, by BOLD's process id, or else the sample id; nothing without metadata.

        Raises:
            InputError: the metadata is missing or malformed.
        """
        if self.metadata is None:
            return False
        rows = map(_specimen, records(self.metadata))
        pieces = iter(lambda: list(islice(rows, _RECORDS_AT_ONCE)), [])
        database.spool("specimen", (pl.DataFrame(piece, _SPECIMEN_SCHEMA, orient="row") for piece in pieces),
                       _SPECIMEN_SCHEMA)  # fmt: skip
        nothing = ", ".join(f"NULL::VARCHAR AS {name}" for name in ABOUT_COLUMNS if name not in _SPECIMEN_SCHEMA)
        database.run(f"CREATE OR REPLACE VIEW about AS SELECT DISTINCT *, {nothing} FROM specimen")
        return True

    def column_files(self) -> list[Path]:
        """The metadata."""
        return self.label_files()

    def table_columns(self) -> list[str]:
        """The columns of the metadata, or the keys of its first records; none without metadata.

        Raises:
            InputError: the metadata is missing or malformed.
        """
        return columns_of(self.metadata) if self.metadata else []

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """The columns of each record of the metadata.

        Raises:
            InputError: the metadata is missing or malformed.
        """
        assert self.metadata
        rows = (
            (*_image_of(record), *(as_text(record.get(own)) for own in wanted.values()))
            for record in records(self.metadata, tuple(wanted.values()))
        )
        schema = pl.Schema({"part": pl.Int64(), "filename": pl.String(), **dict.fromkeys(wanted, pl.String())})
        pieces = iter(lambda: list(islice(rows, _RECORDS_AT_ONCE)), [])
        database.spool("said", (pl.DataFrame(piece, schema, orient="row") for piece in pieces), schema)


def _is_of_5m(container: Container) -> bool:
    return container.name != NOT_TAKEN and Bioscan.number(folder_name(container)) is None


def _label(record: dict[str, Any]) -> Label:
    part, file = _image_of(record)
    taxon = _taxon(record)
    if part != bioscan_5m.PART:
        # The metadata begins at the order: everything in BIOSCAN-1M is an insect, as its paper says.
        taxon = taxon._replace(phylum=taxon.phylum or "Arthropoda", class_=taxon.class_ or "Insecta")
    return Label(f"{part}/{file}", taxon)


def _specimen(record: dict[str, Any]) -> tuple[int, str, str | None, str | None]:
    known = next((str(record[name]).strip() for name in SPECIMEN if record.get(name)), None)
    return *_image_of(record), known, known


def _image_of(record: dict[str, Any]) -> tuple[int, str]:
    """The natural key of a record's image."""
    if IMAGE[0] not in record:
        specimen = record[SPECIMEN[0]]
        if not isinstance(specimen, str) or not specimen.strip():
            raise InputError(f"a record of BIOSCAN's metadata lacks {SPECIMEN[0]}: {str(record)[:200]}")
        return bioscan_5m.PART, f"{specimen}.jpg"
    part, file = record.get("chunk_number"), record.get("image_file")
    number = whole_number(str(part)) if isinstance(part, str | int | Decimal) and not isinstance(part, bool) else None
    if not number or not isinstance(file, str) or not file.strip():
        raise InputError(f"a record of BIOSCAN's metadata lacks image_file or chunk_number: {str(record)[:200]}")
    return int(number), file


def _taxon(record: dict[str, Any]) -> Taxon:
    ranks = [record.get(rank) for rank in RANKS]
    if wrong := [rank for rank, name in zip(RANKS, ranks, strict=True) if not isinstance(name, str | None)]:
        raise InputError(f"a record of BIOSCAN's metadata has a {wrong[0]} that is no text: {str(record)[:200]}")
    return Taxon(*(name or "" for name in ranks))._replace(kingdom="Animalia")  # neither release has a column of it
