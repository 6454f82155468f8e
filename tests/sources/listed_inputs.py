"""Makers of tables that list photographs on the web, as providers write them, with what surprises in real ones."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from treeoflife.core.database import Database
from treeoflife.sources.lists.listed import LISTED_COLUMNS
from treeoflife.sources.registry import load_source

PHOTO_COLUMNS = (
    "photo_uuid", "photo_id", "observation_uuid", "observer_id", "extension", "license", "width", "height", "position",
)  # fmt: skip
OBSERVATION_COLUMNS = (
    "observation_uuid", "observer_id", "latitude", "longitude", "positional_accuracy", "taxon_id", "quality_grade",
    "observed_on", "anomaly_score",
)  # fmt: skip
TAXON_COLUMNS = ("taxon_id", "ancestry", "rank_level", "rank", "name", "active")
OBSERVER_COLUMNS = ("observer_id", "login", "name")

TAXA = [
    ("48460", "", "100", "stateofmatter", "Life", "true"),
    ("1", "48460", "70", "kingdom", "Animalia", "true"),
    ("2", "48460/1", "60", "phylum", "Chordata", "true"),
    ("355675", "48460/1/2", "57", "subphylum", "Vertebrata", "true"),
    ("3", "48460/1/2/355675", "50", "class", "Aves", "true"),
    ("7251", "48460/1/2/355675/3", "40", "order", "Passeriformes", "true"),
    ("15977", "48460/1/2/355675/3/7251", "30", "family", "Turdidae", "true"),
    ("12705", "48460/1/2/355675/3/7251/15977", "20", "genus", "Turdus", "true"),
    ("12716", "48460/1/2/355675/3/7251/15977/12705", "10", "species", "Turdus merula", "true"),
    ("900", "48460/1/2/355675/3/7251/15977/12705/12716", "5", "subspecies", "Turdus merula merula", "true"),
    ("901", "48460/1/2/355675/3/7251/15977", "25", "tribe", "Turdini", "true"),
    ("902", "48460/1/2/355675/3/7251/15977/12705", "10", "species", "Turdus vetus", "false"),
    ("47126", "48460", "70", "kingdom", "Plantae", "true"),
    ("903", "48460/47126/77777", "20", "genus", "Morus", "true"),
    ("904", "48460/1/2/355675/3", "20", "genus", "Morus", "true"),
    ("905", "", "20", "genus", "Incognita", "true"),
]
"""Some without ancestry, of other ranks than the seven, inactive, below a taxon that is not there; two called Morus."""
OBSERVERS = [("1", "ada", 'Ada "the bee" O\'Hara'), ("2", "ben", ""), ("3", "cy", "C; Y, Z")]
OBSERVATIONS = [
    ("o-blackbird", "1", "51.26", "4.41", "10", "12716", "research", "2024-01-01", ""),
    ("o-subspecies", "2", "", "", "", "900", "research", "", ""),
    ("o-tribe", "1", "-0.004", "179.986", "", "901", "needs_id", "", ""),
    ("o-old", "3", "51.34", "4.44", "", "902", "research", "", ""),
    ("o-life", "3", "1", "2", "", "48460", "casual", "", ""),
    ("o-mulberry", "1", "1", "2", "", "903", "research", "", ""),
    ("o-nobody", "9", "1", "2", "", "", "casual", "", ""),
    ("o-gone", "1", "1", "2", "", "424242", "casual", "", ""),
    ("o-alone", "1", "1", "2", "", "905", "research", "", ""),
]
PHOTOS = [
    ("p1", "101", "o-blackbird", "1", "jpg", "CC-BY-NC", "2048", "1536", "0"),
    ("p2", "102", "o-blackbird", "1", "JPG", "CC-BY-NC", "2048", "1536", "1"),
    ("p3", "103", "o-subspecies", "2", "jpeg", "CC0", "2048", "1536", "0"),
    ("p4", "104", "o-tribe", "1", "", "CC-BY", "2048", "1536", "0"),
    ("p5", "105", "o-old", "3", "png", "CC-BY", "2048", "1536", "0"),
    ("p6", "106", "o-life", "3", "gif", "CC-BY", "2048", "1536", "0"),
    ("p7", "107", "o-mulberry", "1", "jpg", "CC-BY", "2048", "1536", "0"),
    ("p8", "108", "o-nobody", "9", "jpg", "CC0", "2048", "1536", "0"),
    ("p9", "109", "o-gone", "1", "jpg", "CC0", "2048", "1536", "0"),
    ("p10", "103", "o-blackbird", "2", "jpeg", "CC0", "2048", "1536", "2"),
    ("p11", "110", "o-alone", "1", "jpg", "CC0", "2048", "1536", "0"),
]
"""Endings of any kind, one without; 103 is a photograph of two observations."""

UUIDS = [f"0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f607{number:03d}" for number in range(20)]
CATALOG: list[dict[str, Any]] = [
    {"uuid": UUIDS[0], "source_url": "https://photos.example/1.jpg", "source_id": "11", "data_source": "gbif"},
    {"uuid": UUIDS[1].upper(), "source_url": "https://photos.example/2.jpg", "source_id": "11", "data_source": "gbif"},
    {"uuid": UUIDS[2], "source_url": "https://eol.example/3.jpg", "source_id": "7_8", "data_source": "eol"},
    {"uuid": UUIDS[3], "source_url": None, "source_id": "BIOUG1", "data_source": "bioscan"},
    {"uuid": UUIDS[4], "source_url": "https://fathom.example/5.png", "source_id": UUIDS[4], "data_source": "fathomnet"},
    {"uuid": "6", "source_url": "https://photos.example/6.jpg", "source_id": "16", "data_source": "gbif"},
    {"uuid": UUIDS[7], "source_url": "https://photos.example/7.jpg", "source_id": "17", "data_source": "gbif"},
    {"uuid": UUIDS[7], "source_url": "https://photos.example/8.jpg", "source_id": "17", "data_source": "gbif"},
    {"uuid": UUIDS[8], "source_url": "https://photos.example/9.jpg", "source_id": "19", "data_source": "gbif"},
    {"uuid": UUIDS[8], "source_url": "https://photos.example/9.jpg", "source_id": "19", "data_source": "gbif"},
    {"uuid": UUIDS[9], "source_url": "ftp://photos.example/10.jpg", "source_id": "20", "data_source": "gbif"},
]
"""Several pictures of an occurrence; an address that is none; ids that are no UUID, in capitals, or of two pictures."""
_CATALOG_ROW = {
    "kingdom": "Metazoa", "phylum": "Chordata", "class": "Aves", "order": "Passeriformes", "family": "Turdidae",
    "genus": "Turdus", "species": "merula", "scientific_name": "Turdus merula Linnaeus, 1758", "common": "Blackbird",
    "publisher": "iNaturalist", "basis_of_record": "HUMAN_OBSERVATION", "img_type": "Citizen Science",
}  # fmt: skip


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table as iNaturalist does: tabs and no quotation marks; packed, if the name ends so."""
    text = "".join("\t".join(row) + "\n" for row in [columns, *rows]).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def open_data(folder: Path, ending: str = ".csv.gz", **changes: Sequence[Sequence[str]]) -> Path:
    """A folder with iNaturalist's Open Data; ``changes`` are other rows of its tables."""
    folder.mkdir(exist_ok=True)
    tables = {
        "photos": (PHOTO_COLUMNS, PHOTOS), "observations": (OBSERVATION_COLUMNS, OBSERVATIONS),
        "taxa": (TAXON_COLUMNS, TAXA), "observers": (OBSERVER_COLUMNS, OBSERVERS),
    }  # fmt: skip
    for name, (columns, rows) in tables.items():
        write_table(folder / f"{name}{ending}", columns, changes.get(name, rows))
    return folder


def treeoflife_200m(folder: Path, rows: Sequence[dict[str, Any]] = CATALOG) -> Path:
    """A slice of the catalog of TreeOfLife-200M, with its provenance beside it; returns the catalog."""
    folder.mkdir(exist_ok=True)
    pl.DataFrame([_CATALOG_ROW | row for row in rows]).write_parquet(folder / "catalog.parquet")
    provenance = [
        {
            "uuid": UUIDS[number], "source_id": "11", "data_source": "gbif",
            "source_url": f"https://pages.example/{number}", "license_name": "cc-by-nc-4.0" if number else None,
            "copyright_owner": "not provided" if number == 1 else "Ada", "license_link": "https://cc.example",
            "title": f"title {number}",
        }
        for number in range(10)
    ]  # fmt: skip
    pl.DataFrame(provenance[::-1]).write_parquet(folder / "provenance.parquet")
    return folder / "catalog.parquet"


def listed(database: Database, kind: str, path: Path, **settings: Any) -> list[dict[str, Any]]:
    """The rows that a source lists, ordered by all of their columns."""
    source = load_source("web", {"kind": kind, "path": str(path)} | settings, path.parent)
    source.list_images(database)  # type: ignore[attr-defined]
    rows = database.frame("FROM listed ORDER BY ALL")
    types = {int: pl.Int64, str: pl.String}
    assert {name: rows.schema[name] for name in source.columns} == {
        name: types[one] for name, one in source.columns.items()
    }
    assert set(rows.columns) == {*source.columns, *LISTED_COLUMNS}
    assert all(rows.schema[name] == pl.String for name in LISTED_COLUMNS)
    return rows.with_columns(pl.col(LISTED_COLUMNS).fill_null("")).to_dicts()
