"""Images that a download of GBIF lists, or any archive of Darwin Core with the web addresses of its images."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import polars as pl

from ..config.base import Model
from ..core.buckets import Buckets, parts
from ..core.database import Database
from ..core.files import temporary_folder
from ..core.packed_files import PackedFiles, open_files
from ..errors import InputError
from .lists import gbif_sql as sql
from .lists.darwin_core import Archive, Table, read_archive, simple_term
from .lists.listed import LISTED_COLUMNS, ListedImages
from .lists.table_beginnings import Beginning

_TYPES = {"multimedia": "", "image": "StillImage", "document": ""}
"""Kinds of extensions that list media, and the type of a row without one: GBIF's Multimedia and Image, Audubon Core's
Multimedia, EOL's Document."""
_MOST_KINDS = 5  # of media that are no images, in a message
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
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"gbif_id": str, "identifier": str}
    key: ClassVar[tuple[str, ...]] = ("gbif_id", "identifier")
    listed_as: ClassVar[str] = "{gbif_id}/{identifier}"
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
        self._remarks = [*archive.remarks, *_Listing(database, archive, self.basis_of_record).run()]
        if not database.value("SELECT count(*) FROM listed"):
            raise InputError("; ".join([f"no image is left of {self.path}", *self._remarks]))

    def column_files(self) -> list[Path]:
        """The archive, or the files of the folder that are read."""
        return self.tables()

    def table_columns(self) -> list[str]:
        """The columns of the tables of media and of occurrences.

        Raises:
            InputError: the archive cannot be read.
        """
        archive = open_download(self.path)
        tables = (*_media(archive), archive.core, *_occurrences(archive))
        return list(dict.fromkeys(name for table in tables for name in archive.columns(table)))

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """The columns of each image: that of its row of a table of media, or else that of its occurrence.

        Raises:
            InputError: the archive cannot be read.
        """
        _Columns(database, open_download(self.path), (), wanted).run()


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

    def __init__(
        self,
        database: Database,
        archive: Archive,
        basis_of_record: Sequence[str],
        further: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._database, self._archive, self._basis = database, archive, list(basis_of_record)
        # What columns are called on the way to their new names, which may be those of others.
        self._further = {name: f"further_{number}" for number, name in enumerate(further)}
        self._terms = dict(zip(self._further.values(), further.values(), strict=True))
        self._media, self._occurrences = _media(archive), _occurrences(archive)
        self._is_event = archive.core.kind == "event"
        self._tallies = {name: Counter[str]() for name in ("malformed", "other media", "left out")}
        self._first_problem = dict[str, str]()
        self._remarks = list[str]()

    def run(self) -> list[str]:
        """Make the images known as ``listed``; returns sentences on what is not among them."""
        self._spool("listed", LISTED_COLUMNS)
        return [*self._remarks, *self._counts()]

    def _spool(self, name: str, columns: Iterable[str]) -> None:
        """Make what :meth:`_join` gives, of all parts, known under a name."""
        with temporary_folder(self._database.scratch / "gbif") as folder:
            tables = {
                name: Buckets(folder, name, by="id") for name in ("gbif_core", "gbif_occurrence", "gbif_media_row")
            }
            tables["gbif_core"].fill(self._rows([self._archive.core], sql.SUBJECT_TERMS))
            tables["gbif_occurrence"].fill(self._rows(self._occurrences, sql.SUBJECT_TERMS))
            tables["gbif_media_row"].fill(self._rows(self._media, sql.MEDIA_TERMS))
            schema = dict.fromkeys((*Gbif.key, *columns), pl.String)
            self._database.spool(name, self._listed(tables), pl.Schema(schema))

    def _rows(self, tables: Sequence[Table], terms: Sequence[str]) -> Iterator[pl.DataFrame]:
        yield _empty(terms, tuple(self._terms))
        for table in tables:
            type_ = _TYPES.get(table.kind, "")
            for read in self._archive.read(table, (*terms, *self._terms.values()), self._remarks):
                further = [pl.col(term).alias(name) for name, term in self._terms.items()]
                frame = read.with_columns(further).drop({*self._terms.values()} - {*terms})
                self._note_malformed(table, frame)
                yield frame.with_columns(pl.col("type").replace("", type_)) if type_ and "type" in terms else frame

    def _note_malformed(self, table: Table, frame: pl.DataFrame) -> None:
        problems = frame["problem"].drop_nulls()
        if len(problems):
            self._tallies["malformed"][table.name] += len(problems)
            self._first_problem.setdefault(table.name, problems[0])

    def _listed(self, tables: Mapping[str, Buckets]) -> Iterator[pl.DataFrame]:
        """The images, some at a time."""
        for part in parts(tables.values()):
            for name, table in tables.items():
                self._database.load(name, table.read(part))
            yield self._join()

    def _join_subjects(self) -> None:
        """Make media, and what they show, known of which the tables hold the rows."""
        database, is_event = self._database, self._is_event
        rows = sql.MEDIA_ROWS.format(table="gbif_occurrence" if is_event else "gbif_core")
        further = "".join(f"{name}, " for name in self._terms)
        occurrence = "occurrenceID" if is_event else "''"
        database.make("gbif_medium", sql.MEDIA.format(rows=rows, occurrence=occurrence, further=further))
        database.make("gbif_duplicate", sql.DUPLICATES)
        database.make("gbif_subject", sql.subjects_of_events(tuple(self._terms)) if is_event else sql.SUBJECTS)

    def _join(self) -> pl.DataFrame:
        """The images of which the tables hold the rows."""
        database = self._database
        self._join_subjects()
        self._tallies["other media"].update(dict(database.rows(sql.OTHER_MEDIA)))
        self._tallies["left out"].update(dict(database.rows(sql.LEFT_OUT, basis=self._basis)))
        observation = "''" if self._archive.core.kind == "taxon" else "medium.id"
        listed = sql.LISTED.format(observation=observation)
        images = database.frame(listed, core=self._archive.core.name, basis=self._basis)
        return images.with_columns(pl.col(LISTED_COLUMNS).fill_null(""))

    def _counts(self) -> list[str]:
        """Sentences on rows and media that are no images of the list."""
        said = [
            f"{count:,} rows of {name} cannot be used; the first: {self._first_problem[name]}"
            for name, count in self._tallies["malformed"].items()
        ]
        if others := self._tallies["other media"]:
            most = sorted(others.items(), key=lambda one: (-one[1], one[0]))[:_MOST_KINDS]
            counts = ", ".join(f"{medium:.40} {count:,}" for medium, count in most)
            said.append(f"media that are no images: {counts}{', …' if len(others) > len(most) else ''}")
        reasons = {
            "absent": "whose occurrence is an absence (occurrenceStatus ABSENT)",
            "basis": f"of another basis of record than {', '.join(self._basis)}",
        }
        left_out = sorted(self._tallies["left out"].items())
        return [*said, *(f"images that are left out, {reasons[why]}: {count:,}" for why, count in left_out)]


class _Columns(_Listing):
    """The tables of an archive on their way to the table ``said``."""

    def run(self) -> list[str]:
        """Make columns known as ``said``; what is to be said of the tables was said when they were listed."""
        self._spool("said", self._further)
        return []

    def _join(self) -> pl.DataFrame:
        self._join_subjects()
        return self._database.frame(sql.values(self._further))


def _empty(terms: Sequence[str], further: Sequence[str]) -> pl.DataFrame:
    """A table of an archive without a row."""
    texts = dict.fromkeys(("id", *terms), pl.String)
    others = {"line": pl.Int64(), "problem": pl.String(), "file": pl.String()}
    return pl.DataFrame(schema=texts | others | dict.fromkeys(further, pl.String()))
