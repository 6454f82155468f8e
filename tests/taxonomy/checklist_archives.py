"""Small checklists in the formats of their providers."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from treeoflife.core.database import Database
from treeoflife.taxonomy.checklists.checklist import Checklist
from treeoflife.taxonomy.checklists.files import open_checklist
from treeoflife.taxonomy.parsing.simple import SimpleParser

USAGE = (
    "col:ID", "col:sourceID", "col:parentID", "col:status", "col:scientificName", "col:authorship", "col:rank",
    "col:uninomial", "col:genericName", "col:specificEpithet", "col:extinct", "col:kingdom", "col:remarks",
)  # fmt: skip
"""Some of the columns that ChecklistBank writes, in its order."""

CATS = (
    ("1", "", "accepted", "Animalia", "", "kingdom"),
    ("2", "1", "accepted", "Chordata", "", "phylum"),
    ("3", "2", "accepted", "Mammalia", "Linnaeus, 1758", "class"),
    ("4", "3", "accepted", "Carnivora", "", "order"),
    ("5", "4", "accepted", "Felidae", "Fischer von Waldheim, 1817", "family"),
    ("5a", "5", "accepted", "Pantherinae", "", "subfamily"),
    ("6", "5a", "accepted", "Panthera", "Oken, 1816", "genus"),
    ("7", "6", "accepted", "Panthera leo", "(Linnaeus, 1758)", "species"),
    ("8", "7", "synonym", "Felis leo", "Linnaeus, 1758", "species"),
)  # fmt: skip
"""Id, parent or accepted name, status, name, author and rank of some cats."""


def usages(rows: Sequence[Sequence[str]] = CATS) -> str:
    """NameUsage.tsv as ChecklistBank exports it, of rows such as those of CATS."""
    lines = ["\t".join(USAGE)]
    for id_, parent, status, name, author, rank in rows:
        lines.append("\t".join((id_, "1144", parent, status, name, author, rank, "", "", "", "", "", "")))
    return "\n".join(lines) + "\n"


def zipped(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A zip of some files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def folder_of(path: Path, files: Mapping[str, str | bytes]) -> Path:
    """A folder with some files."""
    for name, content in files.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def meta(
    core: Sequence[str], *, files: Sequence[str] = ("taxa.txt",), extension: Sequence[str] = (), attributes: str = "",
    identifier: str = '<id index="0"/>', extension_file: str = "vernacular.txt",
) -> str:  # fmt: skip
    """A meta.xml with a core of taxa and an extension of common names, whose first columns are the ids."""
    attributes = (
        attributes or r'fieldsTerminatedBy="\t" linesTerminatedBy="\n" fieldsEnclosedBy="" ignoreHeaderLines="1"'
    )
    terms = "".join(f'<field index="{n}" term="http://rs.tdwg.org/dwc/terms/{one}"/>' for n, one in enumerate(core))
    locations = "".join(f"<location>{one}</location>" for one in files)
    text = (
        f'<archive xmlns="http://rs.tdwg.org/dwc/text/"><core encoding="UTF-8" {attributes} '
        f'rowType="http://rs.tdwg.org/dwc/terms/Taxon"><files>{locations}</files>{identifier}{terms}</core>'
    )
    if extension:
        own = "".join(
            f'<field index="{n}" term="http://rs.tdwg.org/dwc/terms/{one}"/>' for n, one in enumerate(extension, 1)
        )
        text += (
            f'<extension encoding="UTF-8" {attributes} rowType="http://rs.gbif.org/terms/1.0/VernacularName">'
            f'<files><location>{extension_file}</location></files><coreid index="0"/>{own}</extension>'
        )
    return text + "</archive>"


def table(header: Sequence[str], *rows: Sequence[str]) -> str:
    """A table with tabs."""
    return "".join("\t".join(row) + "\n" for row in (header, *rows))


def opened(path: Path, database: Database, folder: Path | None = None) -> Checklist:
    """The checklist ``list``."""
    return open_checklist("list", path, folder or path.parent / "kept", database, SimpleParser())


def names(checklist: Checklist) -> dict[str, dict[str, str]]:
    """Its rows by id."""
    return {row["id"]: row for row in pl.read_parquet(checklist.names, glob=False).to_dicts()}


def lineage(row: Mapping[str, str]) -> str:
    """The seven ranks of a row as one text, with ``-`` for those that are empty."""
    return " ".join(row[rank] or "-" for rank in ("kingdom", "phylum", "class", "order", "family", "genus", "species"))


def vernaculars(checklist: Checklist) -> list[tuple[str, ...]]:
    """Rank, name, common name and language of its common names."""
    assert checklist.vernaculars
    rows = pl.read_parquet(checklist.vernaculars, glob=False)
    return rows.select("name_rank", "name", "common", "language").rows()
