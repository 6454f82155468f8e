"""BIOSCAN-1M, folders ``partN`` of images, and BIOSCAN-5M, folders of splits, with labels in a metadata file.

Which of the two it is, the names of the folders and the columns of the metadata say.
"""

import codecs
import re
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any, ClassVar

import ijson
import polars as pl

from ..config.base import Model
from ..core.database import Database
from ..core.json_reader import JsonStream, RepeatedKeys, begin_json
from ..core.text import reason
from ..core.text_encoding import READ_AS_WINDOWS, is_windows_1252
from ..core.text_tables import find_columns, match_names, read_text_pieces
from ..core.values import RANKS, Key, Label, RawImage, Taxon
from ..core.written_numbers import whole_number
from ..errors import InputError
from . import bioscan_5m
from .base import ABOUT_COLUMNS, NOT_TAKEN, Container
from .containers.archived_folders import ArchivableFolders, folder_name

_IMAGE = ("chunk_number", "image_file")
"""By which BIOSCAN-1M knows an image."""
_SPECIMEN = ("processid", "sampleid")
"""By which BOLD knows a specimen. BIOSCAN-5M knows an image by the former, and has nothing of :data:`_IMAGE`."""
# The key "@graph" as JSON may write it, each character as itself or as an escape.
_GRAPH = re.compile(
    b'"' + b"".join(rb"(?:%c|\\u00%02x)" % (character, character) for character in b"@graph") + b'"', re.IGNORECASE
)
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
        if self.metadata is None or not self.metadata.is_file() or _is_json(self.metadata):
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


def _is_of_5m(container: Container) -> bool:
    return container.name != NOT_TAKEN and Bioscan.number(folder_name(container)) is None


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of BIOSCAN's metadata, as a stream: the files hold 1.1 and 5.1 million.

    Of each record by what its image is known, its specimen and its ranks, as far as it has them; their values are not
    checked yet.

    Raises:
        InputError: it is missing, is neither a JSON list nor text in columns with a header, or has no rank at all.
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
    if first_character == "{":
        _check_one_graph(path)
    first_keys, has_rank, repeated = None, False, RepeatedKeys()
    with path.open("rb") as fd:
        fd.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        where = "item" if first_character == "[" else "@graph.item"
        for record in ijson.items(JsonStream(fd), where, map_type=repeated.new_object):
            repeated.check()
            if not isinstance(record, dict):
                raise InputError(f"BIOSCAN's metadata {path} has a record that is no object: {record!r:.200}")
            keys = tuple(record)
            first_keys = first_keys or keys
            fields = {name: _plain(record.get(own)) for name, own in _own_keys(path, keys, first_keys).items()}
            has_rank = has_rank or any(map(fields.get, RANKS))
            yield fields
    if first_keys is None:
        raise InputError(f'BIOSCAN\'s metadata {path} has no record: a list of them, or {{"@graph": list}}')
    if not has_rank:
        raise _no_rank(path, first_keys)


@lru_cache(maxsize=64)  # nearly all records have the same keys in the same order
def _own_keys(path: Path, keys: tuple[str, ...], first_keys: tuple[str, ...]) -> dict[str, str]:
    several = f"a record of BIOSCAN's metadata {path} has several keys"
    ids = _id_columns(match_names(several, first_keys, (*_IMAGE, *_SPECIMEN)))
    return dict.fromkeys(ids, "") | match_names(several, keys, (*ids, *_SPECIMEN, *RANKS))


def _id_columns(names: Collection[str]) -> tuple[str, ...]:
    """By what the metadata that have these columns know an image."""
    is_5m = _SPECIMEN[0] in names and not any(name in names for name in _IMAGE)
    return _SPECIMEN[:1] if is_5m else _IMAGE


def _plain(value: Any) -> Any:
    """The value that a JSON-LD value object holds; any other value as it is."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _check_one_graph(path: Path) -> None:
    """Check that the document has one list of records: the parser would join several."""
    with path.open("rb") as fd:
        if sum(1 for _ in islice(_graph_keys(fd), 2)) < 2:
            return
        # The second may be within a record or a context. Only events tell, which are slower to read.
        fd.seek(len(codecs.BOM_UTF8) if _beginning(path)[0] == "utf-8-sig" else 0)
        lists = (event for event in ijson.parse(JsonStream(fd)) if event == ("", "map_key", "@graph"))
        if sum(1 for _ in islice(lists, 2)) > 1:
            raise InputError(f"BIOSCAN's metadata {path} has '@graph' twice; join the two lists of records")


def _graph_keys(file: IO[bytes]) -> Iterator[bytes]:
    """Each text in a JSON file that is the key of the list of records, wherever it is."""
    rest = b""
    while piece := file.read(1 << 20):
        text, end = rest + piece, 0
        for match in _GRAPH.finditer(text):
            end = match.end()
            yield match[0]
        rest = text[max(end, len(text) - 64) :]  # longer than the key, which may go on in the next piece


def _text_records(path: Path) -> Iterator[dict[str, Any]]:
    names = (*_IMAGE, *_SPECIMEN, *RANKS)
    pieces = read_text_pieces(path, names, quoted=None)
    header = next(pieces)
    columns = find_columns(path, header, names)
    ids = _id_columns(columns)
    if missing := [name for name in ids if name not in columns]:
        raise InputError(f"BIOSCAN's metadata {path} lacks the column {missing[0]}")
    own = {name: columns[name] for name in (*ids, *_SPECIMEN, *RANKS) if name in columns}
    rows, has_rank = 0, False
    for piece in pieces:
        table = piece.rows.select(**own)
        rows, has_rank = (
            rows + table.height,
            has_rank or any((table[rank] != "").any() for rank in RANKS if rank in own),
        )
        yield from table.iter_rows(named=True)
    if rows and not has_rank:
        raise _no_rank(path, header.columns)


def _no_rank(path: Path, names: Sequence[str]) -> InputError:
    return InputError(
        f"no record of BIOSCAN's metadata {path} has a rank ({', '.join(RANKS)}); it has {', '.join(names)[:400]}"
    )


def _label(record: dict[str, Any]) -> Label:
    part, file = _image_of(record)
    taxon = _taxon(record)
    if part != bioscan_5m.PART:
        # The metadata begins at the order: everything in BIOSCAN-1M is an insect, as its paper says.
        taxon = taxon._replace(phylum=taxon.phylum or "Arthropoda", class_=taxon.class_ or "Insecta")
    return Label(f"{part}/{file}", taxon)


def _specimen(record: dict[str, Any]) -> tuple[int, str, str | None, str | None]:
    known = next((str(record[name]).strip() for name in _SPECIMEN if record.get(name)), None)
    return *_image_of(record), known, known


def _image_of(record: dict[str, Any]) -> tuple[int, str]:
    """The natural key of a record's image."""
    if _IMAGE[0] not in record:
        specimen = record[_SPECIMEN[0]]
        if not isinstance(specimen, str) or not specimen.strip():
            raise InputError(f"a record of BIOSCAN's metadata lacks {_SPECIMEN[0]}: {str(record)[:200]}")
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
