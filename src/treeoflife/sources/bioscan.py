"""BIOSCAN-1M: folders ``partN`` of images, with labels in a metadata file."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import ijson

from ..config.base import Model
from ..core.json_reader import JsonStream, begin_json
from ..core.text import reason
from ..core.text_encoding import READ_AS_WINDOWS, is_windows_1252
from ..core.text_tables import find_columns, read_text_table
from ..core.values import RANKS, Key, Label, Taxon
from ..core.written_numbers import whole_number
from ..errors import InputError
from .archived_folders import ArchivableFolders, folder_name
from .base import Container

_IMAGE = ("chunk_number", "image_file")
_PART = re.compile(r"part([0-9]{1,9})", re.ASCII)


class Settings(Model):
    """The keys of the table of a BIOSCAN source."""

    path: Path
    """The folder that holds the folders part1, part2, …, or the archive cropped_256.zip, which is read as it is."""
    metadata: Path | None = None
    """Its metadata: the JSON-LD list of records, or the same as tab-separated text."""


class Bioscan(ArchivableFolders):
    """Images of BIOSCAN-1M, identified by part and file name; each image has a label of its own."""

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
        if self.metadata is None or not self.metadata.is_file() or _is_json(self.metadata):
            return []
        return [f"{self.metadata.name} {READ_AS_WINDOWS}"] if is_windows_1252(self.metadata) else []

    def labels(self) -> Iterator[Label]:
        """The ranks in every record of the metadata, as a stream; nothing without metadata.

        Raises:
            InputError: the metadata is missing or malformed.
        """
        return map(_label, records(self.metadata)) if self.metadata else iter(())


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of BIOSCAN-1M's metadata, as a stream: the file holds 1.1 million.

    Raises:
        InputError: it is missing, or is neither a JSON list nor tab-separated text with a header.
    """
    if path.exists() and not path.is_file():  # opening a named pipe would block
        raise InputError(f"BIOSCAN's metadata {path} is neither a file nor a link to one")
    try:
        yield from _json_records(path) if _is_json(path) else _text_records(path)
    except (OSError, ValueError, ijson.JSONError) as error:
        raise InputError(f"BIOSCAN's metadata {path} cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    # yajl's messages are bytes; a further line shows the place with an arrow.
    message = error.args[0] if error.args else ""
    return reason(ValueError(message.decode(errors="replace")) if isinstance(message, bytes) else error)


def _is_json(path: Path) -> bool:
    return _beginning(path)[1] in ("[", "{")


def _beginning(path: Path) -> tuple[str, str]:
    """The encoding of the metadata, if they are JSON, and their first character."""
    with path.open("rb") as fd:
        return begin_json(fd.read(4096))


def _json_records(path: Path) -> Iterator[dict[str, Any]]:
    encoding, first_character = _beginning(path)
    if not encoding.startswith("utf-8"):
        raise InputError(f"BIOSCAN's metadata {path} is JSON in {encoding.upper()}; save it as UTF-8")
    where = "item" if first_character == "[" else "@graph.item"
    is_empty = True
    with path.open("rb") as fd:
        fd.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        for record in ijson.items(JsonStream(fd), where):
            is_empty = False
            yield record
    if is_empty:
        raise InputError(f'BIOSCAN\'s metadata {path} has no record: a list of them, or {{"@graph": list}}')


def _text_records(path: Path) -> Iterator[dict[str, Any]]:
    table = read_text_table(path, (*_IMAGE, *RANKS), quoted=None)
    columns = find_columns(path, table, (*_IMAGE, *RANKS))
    if missing := [name for name in _IMAGE if name not in columns]:
        raise InputError(f"BIOSCAN's metadata {path} lacks the column {missing[0]}")
    return table.rows.select(**columns).iter_rows(named=True)


def _label(record: dict[str, Any]) -> Label:
    try:
        key = f"{int(whole_number(str(record['chunk_number'])) or '')}/{record['image_file']}"
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"a record of BIOSCAN's metadata lacks image_file or chunk_number: {str(record)[:200]}"
        ) from None
    taxon = Taxon(*(str(record.get(rank) or "") for rank in RANKS))
    # The metadata begins at the order: everything in BIOSCAN-1M is an insect, as its paper says.
    phylum, class_ = taxon.phylum or "Arthropoda", taxon.class_ or "Insecta"
    return Label(key, taxon._replace(kingdom="Animalia", phylum=phylum, class_=class_))
