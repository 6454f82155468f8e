"""Small taxonomies for a drawn world, in the file formats of their providers."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core.files import write_text
from ..core.values import RANKS, Taxon

Species = tuple[Taxon, str]
"""A species and its English name, which may be empty."""

_EOL_TAXON_COLUMNS = (
    "taxonID source furtherInformationURL acceptedNameUsageID parentNameUsageID scientificName taxonRank "
    "taxonomicStatus datasetID canonicalName authority eolID Landmark higherClassification"
).split()
_EOL_VERNACULAR_COLUMNS = (
    "page_id canonical_form vernacular_string language_code resource_name is_preferred_by_resource is_preferred_by_eol"
).split()
_ITIS_COLUMNS = (
    "hierarchy_string_tsn hierarchy_string_names terminal_tsn terminal_scientific_name terminal_vernacular "
    "terminal_vernacular_lang hierarchy_string_ranks"
).split()
_INATURALIST_VERNACULAR_COLUMNS = (
    "id vernacularName language locality countryCode source lexicon contributor created"
).split()
# EOL's own names of kingdoms.
_EOL_KINGDOMS = {"Animalia": "Metazoa", "Plantae": "Archaeplastida"}


def write_eol(folder: Path, pages: dict[int, Species], scraped: dict[int, str]) -> None:
    """Write EOL's tables: taxon.tab with the lineage of each page, vernacularnames.csv and scraped_page_ids.csv.

    Args:
        pages: the species of each page.
        scraped: the scientific names of pages that are not in the tree.
    """
    ids: dict[tuple[str, ...], str] = {}
    lines = ["\t".join(_EOL_TAXON_COLUMNS)]

    def add_taxon(lineage: tuple[str, ...], **values: str) -> str:
        """Add a row, unless the lineage has one; returns its id."""
        if lineage not in ids:
            ids[lineage] = f"EOL-{len(ids) + 10:012d}"
            fixed = {"taxonID": ids[lineage], "taxonomicStatus": "accepted", "datasetID": "trunk"}
            lines.append("\t".join((dict.fromkeys(_EOL_TAXON_COLUMNS, "") | fixed | values).values()))
        return ids[lineage]

    for page, (taxon, _) in pages.items():
        parent, lineage = "", tuple[str, ...]()
        for rank, value in zip(RANKS[:-1], taxon, strict=False):
            if value:
                lineage, name = (*lineage, value), _EOL_KINGDOMS.get(value, value)
                names = {"scientificName": name, "canonicalName": name}
                parent = add_taxon(lineage, parentNameUsageID=parent, taxonRank=rank, **names)
        name = taxon.scientific_name
        names = {"scientificName": f"{name} (Linnaeus, 1758)", "canonicalName": name}
        add_taxon((*lineage, name), parentNameUsageID=parent, taxonRank="species", eolID=str(page), **names)
    write_text(folder / "taxon.tab", "\n".join(lines) + "\n")
    vernaculars = [
        (page, taxon.scientific_name, common.lower(), "eng", "drawn", "", "preferred")
        for page, (taxon, common) in pages.items()
        if common
    ]
    write_csv(folder / "vernacularnames.csv", _EOL_VERNACULAR_COLUMNS, vernaculars)
    write_csv(folder / "scraped_page_ids.csv", ["page_id", "scientific_name"], scraped.items())


def write_itis(folder: Path, species: Iterable[Species]) -> None:
    """Write ITIS's table, species_level_taxonomy_chains.csv."""
    rows = []
    for tsn, (taxon, common) in enumerate(species, 1000):
        values = [*taxon[:-1], taxon.scientific_name]
        known = [(rank.capitalize(), value) for rank, value in zip(RANKS, values, strict=True) if value]
        names, ranks = "->".join(value for _, value in known), "->".join(rank for rank, _ in known)
        rows.append([f"{tsn}", names, tsn, taxon.scientific_name, common, "English" if common else "", ranks, *values])
    columns = [*_ITIS_COLUMNS, *(rank.capitalize() for rank in RANKS)]
    write_csv(folder / "species_level_taxonomy_chains.csv", columns, rows)


def write_inaturalist(folder: Path, species: Iterable[Species]) -> None:
    """Write two tables of iNaturalist's Darwin Core archive: taxa.csv and VernacularNames-english.csv."""
    taxa, names = [], []
    for number, (taxon, common) in enumerate(species, 40_000):
        taxa.append([number, number, number, "", *taxon, "", "", taxon.scientific_name, "species", ""])
        if common:
            names.append([number, common, "en", "", "", "", "English", "", ""])
    columns = [
        "id", "taxonID", "identifier", "parentNameUsageID", *RANKS[:-1], "specificEpithet", "infraspecificEpithet",
        "modified", "scientificName", "taxonRank", "references",
    ]  # fmt: skip
    write_csv(folder / "taxa.csv", columns, taxa)
    write_csv(folder / "VernacularNames-english.csv", _INATURALIST_VERNACULAR_COLUMNS, names)


def write_bioscan(folder: Path, labels: Iterable[tuple[int, str, Taxon]]) -> None:
    """Write BIOSCAN-1M's metadata, a JSON record per image, from the part, file name and taxon of each image."""
    records: list[dict[str, Any]] = []
    for number, (part, name, taxon) in enumerate(labels):
        ranks = {rank: value or "not_classified" for rank, value in zip(RANKS[1:-1], taxon[1:-1], strict=True)}
        species = taxon.scientific_name if taxon.species else "not_classified"
        image = {"image_file": name, "chunk_number": part}
        records.append({"sampleid": name[:-4], "processid": f"BIOX{number}", **ranks, "species": species, **image})
    write_text(folder / "BIOSCAN_Insect_Dataset_metadata.jsonld", json.dumps(records))


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as fd:
        out = csv.writer(fd)
        out.writerow(columns)
        out.writerows(rows)
