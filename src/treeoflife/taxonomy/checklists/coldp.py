"""Checklists as Catalogue of Life Data Packages (ColDP), the format in which ChecklistBank exports all that it has.

The rules are those of https://github.com/CatalogueOfLife/coldp: a table for each entity, called by its name in any
case, with hyphens or underscores or without, as ``.csv``, ``.tsv``, ``.tab`` or ``.txt``. Names come as NameUsage, or
as Name, Taxon and Synonym. ChecklistBank writes ``col:`` before the names of columns.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import polars as pl

from ...core.database import Database
from ...core.delimited_stream import DelimitedStream, Field
from ...core.packed_files import PackedFiles
from ...errors import InputError
from ...sources.lists.darwin_core import simple_term
from ...sources.lists.table_beginnings import Beginning
from ..expressions import UPPER
from ..parsing.parsed_name import Parser
from .checklist import NAMES_FILE, VERNACULARS_FILE, Checklist
from .lineages import write_names
from .rows import ROWS, as_rows, plain_status, watched
from .vernaculars import write_vernaculars

_SUFFIXES = (".csv", ".tsv", ".tab", ".txt")
_USAGE, _NAME, _TAXON, _SYNONYM, _VERNACULAR = "nameusage", "name", "taxon", "synonym", "vernacularname"

_ATOMS = ("uninomial", "specificEpithet", "infraspecificEpithet")
_WRITTEN = ("scientificName", "authorship", "rank", *_ATOMS)
_USAGE_COLUMNS = ("ID", "parentID", "status", *_WRITTEN, "genericName", *UPPER)
_NAME_COLUMNS = ("ID", *_WRITTEN, "genus")
_TAXON_COLUMNS = ("ID", "parentID", "nameID", *UPPER)
_SYNONYM_COLUMNS = ("ID", "taxonID", "nameID", "status")
_VERNACULAR_COLUMNS = ("taxonID", "name", "language", "area", "country", "preferred")

_REQUIRED = {
    _USAGE: (("ID",), ("scientificName", "uninomial", "specificEpithet")),
    _NAME: (("ID",), ("scientificName", "uninomial", "specificEpithet")),
    _TAXON: (("ID",), ("nameID",)), _SYNONYM: (("taxonID",), ("nameID",)), _VERNACULAR: (("taxonID",), ("name",)),
}  # fmt: skip
"""The columns that a table must have: one of each group."""

_PARTS = pl.Schema(dict.fromkeys(("id", "name", "rank", "author"), pl.String()))
_PLACE = pl.Schema({"file": pl.String(), "line": pl.Int64()})
_ACCEPTED = pl.lit("accepted")
_LONGEST_TITLE = 200
_FIRST_NAMES = """
    SELECT *
    FROM coldp_name
    QUALIFY row_number() OVER (PARTITION BY id ORDER BY name, rank, author) = 1
"""
_JOINED = """
    SELECT
        usage.* REPLACE (
            coalesce(name.name, '') AS name,
            coalesce(name.rank, '') AS rank,
            coalesce(name.author, '') AS author
        )
    FROM coldp_usage AS usage
    LEFT JOIN coldp_name AS name ON usage.name = name.id
    ORDER BY usage.file DESC, usage.line
"""
"""The rows of Taxon and Synonym with their names."""


@dataclass(frozen=True)
class Package:
    """The tables of a data package.

    Attributes:
        files: what it is made of.
        tables: the name of the file of each entity that is there, such as ``nameusage``.
    """

    files: PackedFiles
    tables: Mapping[str, str]

    @property
    def is_complete(self) -> bool:
        """Whether its names can be read."""
        return _USAGE in self.tables or {_NAME, _TAXON} <= self.tables.keys()

    @property
    def metadata(self) -> str | None:
        """The name of the file that says what the package is, if there is one."""
        folder = next(iter(self.tables.values())).rpartition("/")[0]
        return self.files.find(f"{folder}/metadata.yaml" if folder else "metadata.yaml")

    def paths(self) -> list[Path]:
        """The files on disk that hold it."""
        return self.files.paths([*self.tables.values(), *filter(None, [self.metadata])])


def find_package(files: PackedFiles) -> Package:
    """The tables of names in a folder or archive; all may lie in one folder in it.

    Raises:
        InputError: there are two packages, or two tables of one entity.
    """
    folders = dict[str, dict[str, str]]()
    for name in files.names:
        folder, _, file = name.rpartition("/")
        entity = re.sub(r"[-_ ]", "", PurePosixPath(file).stem).lower()
        if entity in (_USAGE, _NAME, _TAXON, _SYNONYM, _VERNACULAR) and file.lower().endswith(_SUFFIXES):
            tables = folders.setdefault(folder, {})
            if entity in tables:
                raise InputError(f"{files.path} holds two tables of one kind, {tables[entity]} and {name}: keep one")
            tables[entity] = name
    packages = [one for one in (Package(files, tables) for tables in folders.values()) if one.is_complete]
    outermost = min((next(iter(one.tables.values())).count("/") for one in packages), default=0)
    packages = [one for one in packages if next(iter(one.tables.values())).count("/") == outermost]
    if len(packages) > 1:
        first, second = sorted(next(iter(one.tables.values())) for one in packages)[:2]
        raise InputError(f"{files.path} holds several checklists, with {first} and {second}: keep one in it")
    return packages[0] if packages else Package(files, {})


def write_package(package: Package, name: str, folder: Path, database: Database, parser: Parser) -> Checklist:
    """Write the names of a data package as tables of Parquet.

    Args:
        name: what the checklist is called.
        folder: gets the tables.

    Raises:
        InputError: a table is damaged or lacks a column.
    """
    remarks = list[str]()
    own = [entity for entity in (_USAGE, _TAXON, _SYNONYM) if entity in package.tables]
    own = [_USAGE] if _USAGE in own else own
    file = " and ".join(PurePosixPath(package.tables[entity]).name for entity in own)
    rows = _usages(package, remarks) if own == [_USAGE] else _joined(package, database, remarks)
    names = folder / NAMES_FILE
    count = write_names(database, rows, names, parser, source=name, file=file)
    counts = [replace(count, remarks=(*remarks, *count.remarks))]
    vernaculars = None
    if _VERNACULAR in package.tables:
        remarks, vernaculars = [], folder / VERNACULARS_FILE
        count = write_vernaculars(
            database, _vernaculars(package, remarks), names, vernaculars, source=name,
            file=PurePosixPath(package.tables[_VERNACULAR]).name,
        )  # fmt: skip
        counts.append(replace(count, remarks=tuple(remarks)))
    return Checklist(name, names, vernaculars, _title(package), tuple(counts))


def _read(package: Package, entity: str, wanted: Sequence[str], remarks: list[str]) -> Iterator[pl.DataFrame]:
    """The rows of a table, with the columns that are wanted, all texts; those that it lacks are empty."""
    file = package.tables[entity]
    beginning = Beginning(package.files, file)
    layout = beginning.header_layout()
    header = [simple_term(one) for one in beginning.header(layout)]
    places = {one: header.index(simple_term(one)) for one in wanted if simple_term(one) in header}
    for required in _REQUIRED[entity]:
        if not places.keys() & set(required):
            raise InputError(
                f"{file} in {package.files.path} lacks the column {' or '.join(required)}; its header has "
                f"{', '.join(header[:12])}"
            )
    layout = replace(layout, least_width=max(places.values()) + 1)
    fields = {one: (Field(places[one]),) if one in places else () for one in wanted}
    stream = DelimitedStream(PurePosixPath(file).name, layout, fields)
    frames = (
        frame.with_columns(pl.lit(PurePosixPath(file).name).alias("file"))
        for frame in stream.frames(package.files.chunks(file))
    )
    yield from watched(frames, remarks)
    remarks += stream.remarks()


def _usages(package: Package, remarks: list[str]) -> Iterator[pl.DataFrame]:
    """The rows of NameUsage: a synonym's parent is its accepted name."""
    for frame in _read(package, _USAGE, _USAGE_COLUMNS, remarks):
        status = plain_status(pl.col("status"))
        is_synonym = status == "synonym"
        nothing = pl.lit("")
        yield as_rows(
            frame, id=pl.col("ID"), status=status, author=pl.col("authorship"), name=_name("genericName"),
            parent=pl.when(is_synonym).then(nothing).otherwise("parentID"),
            accepted=pl.when(is_synonym).then("parentID").otherwise(nothing),
        )  # fmt: skip


def _name(genus: str) -> pl.Expr:
    """The name of a row: as one text or, without that, of its parts."""
    parts = pl.concat_str(genus, "specificEpithet", "infraspecificEpithet", separator=" ").str.strip_chars()
    return (
        pl.when(pl.col("scientificName") != "").then("scientificName")
        .when(pl.col("uninomial") != "").then("uninomial")
        .otherwise(parts)
    )  # fmt: skip


def _joined(package: Package, database: Database, remarks: list[str]) -> Iterator[pl.DataFrame]:
    """The rows of Taxon and Synonym with their names."""
    names = (
        frame.filter(pl.col("problem").is_null()).select(id="ID", name=_name("genus"), rank="rank", author="authorship")
        for frame in _read(package, _NAME, _NAME_COLUMNS, remarks)
    )
    database.spool("coldp_name", names, _PARTS)
    repeated = database.value("SELECT count(*) - count(DISTINCT id) FROM coldp_name")
    if repeated:
        remarks.append(f"{repeated:,} rows of Name have the ID of another row, of which the first by name counts")
        database.make("coldp_name", _FIRST_NAMES)
    database.spool("coldp_usage", _taxa_and_synonyms(package, remarks), pl.Schema({**ROWS, **_PLACE}))
    for frame in database.pieces(_JOINED):
        yield frame.select(ROWS.names())
    for table, schema in (("coldp_name", _PARTS), ("coldp_usage", ROWS)):
        database.load(table, pl.DataFrame(schema=schema))


def _taxa_and_synonyms(package: Package, remarks: list[str]) -> Iterator[pl.DataFrame]:
    """The rows of Taxon and Synonym; in place of a name they have its ID."""
    for frame in _read(package, _TAXON, _TAXON_COLUMNS, remarks):
        rows = as_rows(frame, id=pl.col("ID"), parent=pl.col("parentID"), name=pl.col("nameID"), status=_ACCEPTED)
        yield rows.hstack(frame.select(_PLACE.names()))
    if _SYNONYM in package.tables:
        for frame in _read(package, _SYNONYM, _SYNONYM_COLUMNS, remarks):
            status = plain_status(pl.col("status"))
            status = pl.when(status == "accepted").then(pl.lit("synonym")).otherwise(status)
            accepted, name = pl.col("taxonID"), pl.col("nameID")
            rows = as_rows(frame, id=pl.col("ID"), accepted=accepted, name=name, status=status)
            yield rows.hstack(frame.select(_PLACE.names()))


def _vernaculars(package: Package, remarks: list[str]) -> Iterator[pl.DataFrame]:
    for frame in _read(package, _VERNACULAR, _VERNACULAR_COLUMNS, remarks):
        yield frame.select(
            "language", "preferred", "problem", taxon="taxonID", common="name",
            place=pl.concat_str("area", "country"), created=pl.lit(""),
        )  # fmt: skip


def _title(package: Package) -> str:
    """What the package calls itself, with its version: of its metadata.yaml the two lines are read that say so."""
    if package.metadata is None:
        return ""
    beginning = next(package.files.chunks(package.metadata), b"").decode("utf-8", "replace")
    found = {one: re.search(rf"^{one}: *(.+)$", beginning, re.MULTILINE) for one in ("title", "version", "issued")}
    texts = [match[1].strip(" \"'\r") for match in (found["title"], found["version"] or found["issued"]) if match]
    return ", ".join(texts)[:_LONGEST_TITLE]
