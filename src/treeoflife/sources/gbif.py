"""Images that a download of GBIF lists, or any archive of Darwin Core with the web addresses of its images."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from ..config.base import Model
from ..core.database import Database
from ..core.packed_files import PackedFiles, open_files
from ..errors import InputError
from . import gbif_sql as sql
from .darwin_core import Archive, Table, read_archive, simple_term
from .listed import ListedImages
from .table_beginnings import Beginning

_TYPES = {"multimedia": "", "image": "StillImage", "document": ""}
"""Kinds of extensions that list media, and the type of a row without one: GBIF's Multimedia and Image, Audubon Core's
Multimedia, EOL's Document."""
_TAKE_DWCA = (
    "On gbif.org, filter by 'Media type: Image', choose 'Download' and then 'Darwin Core Archive', and name that zip"
)
_OTHER_DOWNLOADS = {
    "numberofoccurrences": "a species list of GBIF, which has no images",
    "mediatype": "a 'simple' download of GBIF, which says of images only that there are some, not where",
}
"""What a table without addresses of images is, by a column that it has."""


class Settings(Model):
    """The keys of the table of a source from GBIF."""

    path: Path
    """The download: a Darwin Core Archive as a .zip, or the folder that it was unpacked into."""
    basis_of_record: tuple[str, ...] = ()
    """Only images of occurrences with these bases of record, such as HUMAN_OBSERVATION; empty for all."""


class Gbif(ListedImages):
    """Images of occurrences, identified by the id of the occurrence and the address of the image."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"gbifID": str, "identifier": str}
    key: ClassVar[tuple[str, ...]] = ("gbifID", "identifier")
    listed_as: ClassVar[str] = "{gbifID}/{identifier}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path = name, settings.path
        self.basis_of_record = settings.basis_of_record
        self.catalog: tuple[str, ...] = (f"{name}_id", f"{name}_identifier")
        self._remarks: list[str] = []

    def tables(self) -> list[Path]:
        """The archive, or the files of the folder that are read."""
        archive = open_download(self.path)
        return archive.paths([archive.core, *_occurrences(archive), *_media(archive)])

    def remarks(self) -> list[str]:
        """What was repaired, and what became no image; known once :meth:`list_images` has run."""
        return self._remarks

    def list_images(self, database: Database) -> None:
        """Make the images known as the table ``listed``; see :meth:`.ListedImages.list_images`."""
        archive = open_download(self.path)
        listing = _Listing(database, archive, self.basis_of_record)
        listing.read()
        listing.join()
        self._remarks = [*archive.remarks, *listing.remarks]
        if not database.value("SELECT count(*) FROM listed"):
            raise InputError("; ".join([f"no image is left of {self.path}", *self._remarks]))


def open_download(path: Path) -> Archive:
    """Read what an archive of Darwin Core says of itself.

    Raises:
        InputError: it is none, it is damaged, or it cannot have addresses of images; the message says what to do.
    """
    if path.is_file() and not (beginning := _first_bytes(path)).startswith(b"PK"):
        header = beginning.partition(b"\n")[0].decode(errors="replace").split("\t")
        raise InputError(f"{path} is {_named(header) or 'no zip, as archives of Darwin Core are'}. {_TAKE_DWCA}")
    files = open_files(path)
    if other := _other_download(files):
        raise InputError(f"{path} holds {other}. {_TAKE_DWCA}")
    archive = read_archive(files)
    if not _media(archive) and not any(one.has("associatedMedia") for one in (archive.core, *_occurrences(archive))):
        raise InputError(f"{path} has no table of images (multimedia.txt), and no column associatedMedia. {_TAKE_DWCA}")
    return archive


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as fd:
            return fd.read(1 << 16)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def _other_download(files: PackedFiles) -> str:
    """What a download of GBIF is that is no archive of Darwin Core; empty if it may be one."""
    if any(name.lower().endswith((".parquet", ".avro")) for name in files.names):
        return _OTHER_DOWNLOADS["mediatype"]
    tables = [name for name in files.names if name.lower().endswith((".csv", ".txt", ".tsv"))]
    if len(files.names) != 1 or len(tables) != 1:
        return ""
    beginning = Beginning(files, tables[0])
    return _named(beginning.header(beginning.header_layout()))


def _named(header: Sequence[str]) -> str:
    terms = {simple_term(name) for name in header}
    if "associatedmedia" in terms:
        return ""
    return next((what for term, what in _OTHER_DOWNLOADS.items() if term in terms), "")


def _media(archive: Archive) -> list[Table]:
    """The tables that list media."""
    return [one for one in archive.extensions if one.kind in _TYPES]


def _occurrences(archive: Archive) -> list[Table]:
    """The tables with the occurrences of events."""
    return [one for one in archive.extensions if one.kind == "occurrence"] if archive.core.kind == "event" else []


class _Listing:
    """The tables of an archive on their way to the table ``listed``."""

    def __init__(self, database: Database, archive: Archive, basis_of_record: Sequence[str]) -> None:
        self._database, self._archive, self._basis = database, archive, list(basis_of_record)
        self._is_event = archive.core.kind == "event"
        self._subjects = sql.SUBJECTS_OF_EVENTS if self._is_event else sql.SUBJECTS
        self.remarks = list[str]()

    def read(self) -> None:
        """Make the tables known that :mod:`.gbif_sql` takes in, and those that are made of one of them alone."""
        self._spool("gbif_core", [self._archive.core], sql.SUBJECT_TERMS)
        if self._is_event:
            self._spool("gbif_occurrence", _occurrences(self._archive), sql.SUBJECT_TERMS)
        rows = sql.ASSOCIATED_MEDIA.format(table="gbif_occurrence" if self._is_event else "gbif_core")
        if tables := _media(self._archive):
            self._spool("gbif_media_row", tables, sql.MEDIA_TERMS)
            rows = sql.MEDIA_ROWS
        occurrence = "occurrenceID" if self._is_event else "''"
        # As files of Parquet, which take a fraction of the space of a table that does not fit into memory.
        self._database.sort("gbif_medium", sql.MEDIA.format(rows=rows, occurrence=occurrence))
        self._database.sort("gbif_duplicate", sql.DUPLICATES)

    def _spool(self, name: str, tables: Sequence[Table], terms: Sequence[str]) -> None:
        schema = dict.fromkeys(("id", *terms), pl.String) | {"line": pl.Int64, "problem": pl.String, "file": pl.String}
        self._database.spool(name, self._frames(tables, terms), pl.Schema(schema))
        ((count, problem),) = self._database.rows(sql.MALFORMED.format(table=name))
        if count:
            self.remarks.append(f"{count:,} rows of {tables[0].name} cannot be used; the first: {problem}")

    def _frames(self, tables: Sequence[Table], terms: Sequence[str]) -> Iterator[pl.DataFrame]:
        for table in tables:
            type_ = _TYPES.get(table.kind, "")
            for frame in self._archive.read(table, terms, self.remarks):
                yield frame.with_columns(pl.col("type").replace("", type_)) if type_ and "type" in terms else frame

    def join(self) -> None:
        """Make the images known as ``listed``, and say which are not among them."""
        observation = "''" if self._archive.core.kind == "taxon" else "medium.id"
        wanted = {"absent": sql.PRESENT} | ({"basis": sql.OF_BASIS} if self._basis else {})
        listed = sql.LISTED.format(
            observation=observation, subjects=self._subjects, wanted=" AND ".join(wanted.values())
        )
        self._database.sort("listed", listed, core=self._archive.core.name, **self._parameters(listed))
        for medium, count in self._database.rows(sql.OTHER_MEDIA):
            self.remarks.append(f"{count:,} of the media are no images, but {medium}")
        self._count_left_out(sql.PRESENT, "show where a species is absent (occurrenceStatus ABSENT)")
        if self._basis:
            self._count_left_out(sql.OF_BASIS, f"have another basis of record than {', '.join(self._basis)}")
        for name in ("gbif_core", "gbif_occurrence", "gbif_media_row", "gbif_medium", "gbif_duplicate"):
            self._database.spool(name, [], pl.Schema({"id": pl.String}))  # its files are no longer needed

    def _count_left_out(self, wanted: str, why: str) -> None:
        query = sql.LEFT_OUT.format(subjects=self._subjects, wanted=wanted)
        if count := self._database.value(query, **self._parameters(query)):
            self.remarks.append(f"{count:,} images were left out, since their occurrences {why}")

    def _parameters(self, query: str) -> dict[str, Any]:
        return {"basis": self._basis} if "$basis" in query else {}
