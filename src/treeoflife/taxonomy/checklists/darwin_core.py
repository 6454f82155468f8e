"""Checklists as archives of Darwin Core: those of GBIF's backbone, Catalogue of Life, WoRMS, ITIS, iNaturalist.

Their rows are taxa. The classification is given by ``parentNameUsageID``, by the columns kingdom to genus, or by both.
Synonyms name their accepted taxon in ``acceptedNameUsageID``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import polars as pl

from ...core.database import Database
from ...core.packed_files import PackedFiles
from ...core.xml_reader import Element, parse_xml
from ...errors import InputError
from ...sources.lists.darwin_core import Archive, Table
from ..expressions import UPPER
from ..parsing.parsed_name import Parser
from .checklist import NAMES_FILE, VERNACULARS_FILE, Checklist
from .lineages import write_names
from .rows import as_rows, plain_status, watched
from .vernaculars import write_vernaculars

_TAXON_TERMS = (
    "taxonID", "parentNameUsageID", "acceptedNameUsageID", "taxonomicStatus", "scientificName", "canonicalName",
    "scientificNameAuthorship", "taxonRank", "genericName", "specificEpithet", "infraspecificEpithet", *UPPER,
)  # fmt: skip
_VERNACULAR_TERMS = ("vernacularName", "language", "locality", "country", "countryCode", "created", "isPreferredName")
_NAME_TERMS = ("scientificName", "canonicalName", "specificEpithet")
_OF_TAXA = ("parentNameUsageID", "acceptedNameUsageID", "taxonRank")
_LONGEST_TITLE = 200


def is_checklist(archive: Archive) -> bool:
    """Whether the rows of an archive are taxa, as it says, or as its columns show where it does not."""
    core = archive.core
    return core.kind == "taxon" or (not core.kind and any(core.has(term) for term in _OF_TAXA))


def files_of(archive: Archive) -> list[Path]:
    """The files on disk that hold the tables that are read, and what describes them."""
    about = [one for one in [_description(archive.files)] if one]
    return sorted({*archive.paths([archive.core, *_common_names(archive)]), *archive.files.paths(about)})


def write_archive(archive: Archive, name: str, folder: Path, database: Database, parser: Parser) -> Checklist:
    """Write the names of an archive of taxa as tables of Parquet.

    Args:
        name: what the checklist is called.
        folder: gets the tables.

    Raises:
        InputError: a table is damaged, or has no names.
    """
    if not any(archive.core.has(term) for term in _NAME_TERMS):
        raise InputError(f"{archive.core.name} in {archive.files.path} has no column of names, such as scientificName")
    remarks = list(archive.remarks)
    names = folder / NAMES_FILE
    count = write_names(database, _rows(archive, remarks), names, parser, source=name, file=_files([archive.core]))
    counts = [replace(count, remarks=(*remarks, *count.remarks))]
    if not (tables := _common_names(archive)):
        return Checklist(name, names, None, _title(archive.files), tuple(counts))
    remarks = []
    vernaculars = folder / VERNACULARS_FILE
    rows = _vernaculars(archive, tables, remarks)
    count = write_vernaculars(database, rows, names, vernaculars, source=name, file=_files(tables))
    counts.append(replace(count, remarks=tuple(remarks)))
    return Checklist(name, names, vernaculars, _title(archive.files), tuple(counts))


def _common_names(archive: Archive) -> list[Table]:
    return [one for one in archive.extensions if one.kind == "vernacularname" and one.has("vernacularName")]


def _files(tables: Sequence[Table]) -> str:
    return " and ".join(PurePosixPath(file.name).name for table in tables for file in table.files)


def _rows(archive: Archive, remarks: list[str]) -> Iterator[pl.DataFrame]:
    """The taxa; of a row that has a taxonID beside the id of the archive, others name the taxonID."""
    parts = pl.concat_str("genericName", "specificEpithet", "infraspecificEpithet", separator=" ").str.strip_chars()
    name = (
        pl.when(pl.col("canonicalName") != "").then("canonicalName")
        .when(pl.col("scientificName") != "").then("scientificName")
        .otherwise(parts)
    )  # fmt: skip
    for frame in watched(archive.read(archive.core, _TAXON_TERMS, remarks), remarks):
        own = pl.when(pl.col("id") == "").then("taxonID").otherwise("id")
        yield as_rows(
            frame.with_columns(name=name), id=own, status=plain_status(pl.col("taxonomicStatus")),
            key=pl.when(pl.col("taxonID") != own).then("taxonID").otherwise(pl.lit("")),
            parent=pl.col("parentNameUsageID"), accepted=pl.col("acceptedNameUsageID"), rank=pl.col("taxonRank"),
            author=pl.col("scientificNameAuthorship"),
        )  # fmt: skip


def _vernaculars(archive: Archive, tables: Sequence[Table], remarks: list[str]) -> Iterator[pl.DataFrame]:
    for table in tables:
        for frame in watched(archive.read(table, _VERNACULAR_TERMS, remarks), remarks):
            yield frame.select(
                "language", "created", "problem", taxon="id", common="vernacularName", preferred="isPreferredName",
                place=pl.concat_str("locality", "country", "countryCode"),
            )  # fmt: skip


def _title(files: PackedFiles) -> str:
    """The title and the date of an archive's own description, eml.xml; empty if it has none that can be read."""
    file = _description(files)
    if file is None:
        return ""
    try:
        dataset = parse_xml(b"".join(files.chunks(file)), file).first("dataset")
    except InputError:
        return ""
    texts = [_text(dataset, one) for one in ("title", "pubDate")] if dataset else []
    return ", ".join(filter(None, texts))[:_LONGEST_TITLE]


def _description(files: PackedFiles) -> str | None:
    return next((one for one in files.names if PurePosixPath(one).name.lower() == "eml.xml"), None)


def _text(element: Element, name: str) -> str:
    child = element.first(name)
    return " ".join(child.text.split()) if child else ""
