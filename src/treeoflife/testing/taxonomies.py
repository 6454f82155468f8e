"""The providers' taxonomies for a drawn world, small, in their real formats."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core.values import RANKS, Taxon

Species = tuple[Taxon, str]
_TAXON_TAB = (
    "taxonID source furtherInformationURL acceptedNameUsageID parentNameUsageID scientificName taxonRank "
    "taxonomicStatus datasetID canonicalName authority eolID Landmark higherClassification"
).split()
_ITIS = (
    "hierarchy_string_tsn hierarchy_string_names terminal_tsn terminal_scientific_name terminal_vernacular "
    "terminal_vernacular_lang hierarchy_string_ranks"
).split()
_KINGDOMS = {"Animalia": "Metazoa", "Plantae": "Archaeplastida"}


def write_eol(folder: Path, pages: dict[int, Species], scraped: dict[int, str]) -> None:
    """taxon.tab with a chain per page, vernacularnames.csv, and scraped_page_ids.csv for pages that the tree lacks."""
    folder.mkdir(parents=True, exist_ok=True)
    nodes: dict[tuple[str, ...], str] = {}
    lines = ["\t".join(_TAXON_TAB)]

    def node(lineage: tuple[str, ...], rank: str, name: str, canonical: str, parent: str, page: str) -> str:
        if lineage not in nodes:
            nodes[lineage] = f"EOL-{len(nodes) + 10:012d}"
            row = dict.fromkeys(_TAXON_TAB, "") | {
                "taxonID": nodes[lineage], "parentNameUsageID": parent, "scientificName": name, "taxonRank": rank,
                "taxonomicStatus": "accepted", "datasetID": "trunk", "canonicalName": canonical, "eolID": page,
            }  # fmt: skip
            lines.append("\t".join(row.values()))
        return nodes[lineage]

    for page, (taxon, _) in pages.items():
        parent, lineage = "", tuple[str, ...]()
        for rank, value in zip(RANKS[:-1], taxon, strict=False):
            if value:
                lineage = (*lineage, value)
                name = _KINGDOMS.get(value, value)
                parent = node(lineage, rank, name, name, parent, "")
        name = taxon.scientific_name
        node((*lineage, name), "species", f"{name} (Linnaeus, 1758)", name, parent, str(page))
    (folder / "taxon.tab").write_text("\n".join(lines) + "\n", encoding="utf-8")
    head = [
        "page_id",
        "canonical_form",
        "vernacular_string",
        "language_code",
        "resource_name",
        "is_preferred_by_resource",
        "is_preferred_by_eol",
    ]
    named = [(page, *one) for page, one in pages.items() if one[1]]
    rows = [
        (page, taxon.scientific_name, common.lower(), "eng", "drawn", "", "preferred") for page, taxon, common in named
    ]
    write_csv(folder / "vernacularnames.csv", head, rows)
    write_csv(folder / "scraped_page_ids.csv", ["page_id", "scientific_name"], scraped.items())


def write_itis(folder: Path, species: Iterable[Species]) -> None:
    """species_level_taxonomy_chains.csv."""
    rows = []
    for tsn, (taxon, common) in enumerate(species, 1000):
        values = [*taxon[:-1], taxon.scientific_name]
        present = [(rank.capitalize(), value) for rank, value in zip(RANKS, values, strict=True) if value]
        names, ranks = "->".join(value for _, value in present), "->".join(rank for rank, _ in present)
        rows.append([f"{tsn}", names, tsn, taxon.scientific_name, common, "English" if common else "", ranks, *values])
    write_csv(folder / "species_level_taxonomy_chains.csv", [*_ITIS, *(rank.capitalize() for rank in RANKS)], rows)


def write_inaturalist(folder: Path, species: Iterable[Species]) -> None:
    """taxa.csv and VernacularNames-english.csv of the Darwin Core archive."""
    taxa, names = [], []
    for number, (taxon, common) in enumerate(species, 40_000):
        taxa.append([number, number, number, "", *taxon, "", "", taxon.scientific_name, "species", ""])
        if common:
            names.append([number, common, "en", "", "", "", "English", "", ""])
    head = ["id", "taxonID", "identifier", "parentNameUsageID", *RANKS[:-1], "specificEpithet", "infraspecificEpithet"]
    write_csv(folder / "taxa.csv", [*head, "modified", "scientificName", "taxonRank", "references"], taxa)
    head = [
        "id",
        "vernacularName",
        "language",
        "locality",
        "countryCode",
        "source",
        "lexicon",
        "contributor",
        "created",
    ]
    write_csv(folder / "VernacularNames-english.csv", head, names)


def write_bioscan(folder: Path, labels: Iterable[tuple[int, str, Taxon]]) -> None:
    """BIOSCAN-1M's metadata: a record per image, its part, its file, and what is known of its name."""
    records: list[dict[str, Any]] = []
    for number, (part, name, taxon) in enumerate(labels):
        ranks = {rank: value or "not_classified" for rank, value in zip(RANKS[1:-1], taxon[1:-1], strict=True)}
        species = taxon.scientific_name if taxon.species else "not_classified"
        records.append(
            {
                "sampleid": name[:-4],
                "processid": f"BIOX{number}",
                **ranks,
                "species": species,
                "image_file": name,
                "chunk_number": part,
            }
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "BIOSCAN_Insect_Dataset_metadata.jsonld").write_text(json.dumps(records))


def write_csv(path: Path, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A CSV file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as fd:
        out = csv.writer(fd)
        out.writerow(head)
        out.writerows(rows)
