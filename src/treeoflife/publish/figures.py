"""What is counted for the card: licences, the long tail, places, people, duplicates.

catalog       as :func:`.statistics.open_catalog` makes it; catalog_row has all columns of the file
shown_image   treeoflife_id, source, ranks          a row per image; train_small's are in train too
provenance    as the stage of this name writes it
fact          the table of facts, likewise; known has those of the dataset's images
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..config.paths import Paths
from ..core.database import Database, column
from ..core.files import exists
from ..core.tables import parquet_schema
from ..core.values import NONE, RANKS
from ..reports.statistics import compute_statistics, count_skipped, count_taxa, distinct_images, open_catalog

FEW = (10, 100)
"""Species are counted that have fewer images than this."""
LARGEST = 10
"""Of how many species, observers and the like the share is told."""
_PART_OF_5M = 0  # see sources.bioscan_5m
_COUNTRIES = ("country", "country_code", "countrycode", "continent")
_IMAGES = f"""
    SELECT treeoflife_id, source, {", ".join(column(rank) for rank in RANKS)}
    FROM catalog
    WHERE split <> 'train_small' OR NOT EXISTS (SELECT 1 FROM catalog WHERE split <> 'train_small')
"""
_LICENCES = """
    SELECT source, coalesce(license_name, '') AS name, coalesce(license_link, '') AS link, count(*) AS images,
        count(*) FILTER (copyright_owner IS NOT NULL AND copyright_owner <> $none) AS owned
    FROM shown_image
    LEFT JOIN provenance USING (treeoflife_id)
    GROUP BY ALL
    ORDER BY images DESC, name, link, source
"""
_KNOWN = """
    SELECT source, observer, place
    FROM fact
    SEMI JOIN shown_image USING (treeoflife_id)
    WHERE observer <> '' OR place <> ''
"""
_PLACES = """
    WITH placed AS (
        SELECT try_cast(split_part(place, ',', 1) AS DOUBLE) AS north,
            try_cast(split_part(place, ',', 2) AS DOUBLE) AS east
        FROM known
        WHERE place <> ''
    )
    SELECT CASE WHEN north >= 66.5 THEN 0 WHEN north >= 23.5 THEN 1 WHEN north > -23.5 THEN 2 WHEN north > -66.5 THEN 3
            ELSE 4 END AS zone,
        floor(north / 10)::INTEGER AS row, floor(east / 10)::INTEGER AS col, count(*) AS images
    FROM placed
    WHERE north IS NOT NULL AND east IS NOT NULL
    GROUP BY ALL
"""
_PEOPLE = """
    WITH person AS (
        SELECT source, observer, count(*) AS images
        FROM known
        WHERE observer <> ''
        GROUP BY ALL
    )
    SELECT count(*), coalesce(sum(images), 0)::BIGINT,
        (SELECT coalesce(sum(images), 0)::BIGINT FROM (SELECT images FROM person ORDER BY images DESC LIMIT $largest))
    FROM person
"""


@dataclass(frozen=True)
class Places:
    """Where images were made, as far as it is known: how many are in each zone, from north to south, and in cells."""

    zones: Sequence[int] = ()
    cells: int = 0
    largest_cell: int = 0

    @property
    def images(self) -> int:
        """How many images have a known place."""
        return sum(self.zones)


@dataclass(frozen=True)
class LicenceCount:
    """Images of one source under one licence; without name where it is not known."""

    source: str
    name: str
    link: str
    images: int
    owned: int


@dataclass(frozen=True)
class Figures:
    """Everything that is counted.

    Attributes:
        numbers: as :func:`.statistics.compute_statistics` has them.
        species_with: the number of species with one image, with fewer than 10, and with fewer than 100.
        in_largest: the images of the ten species with the most.
        classes: the classes with the most images: their images and species.
        licences: images by source and licence, the most first; empty where there is no provenance.
        skipped: what is in the ledger, by reason and source.
        people: how many observers are known, their images, and those of the ten with the most.
        countries: images by country, or by the like, where the catalog has such a column.
        groups: how many groups of images of the same picture were found, and the images in them.
        bioscan: which of the two BIOSCAN datasets images are from.
    """

    numbers: dict[str, Any]
    species_with: Sequence[int]
    in_largest: int
    classes: Sequence[tuple[str, int, int]]
    licences: Sequence[LicenceCount]
    skipped: Mapping[str, Mapping[str, int]]
    places: Places = Places()
    people: tuple[int, int, int] = (0, 0, 0)
    countries: Sequence[tuple[str, int]] = ()
    groups: tuple[int, int] = (0, 0)
    bioscan: Sequence[str] = ()

    @property
    def images(self) -> int:
        """The number of images."""
        return int(self.numbers["images"])

    @property
    def without_common(self) -> int:
        """Images for which no common name is known: the scientific name stands in its place."""
        return self.images - int(self.numbers["common"]["images"])


def count(database: Database, paths: Paths) -> Figures:
    """Count what the card says of a dataset that has a catalog; the table ``shown_image`` stays.

    Raises:
        InputError: the catalog cannot be read.
    """
    open_catalog(database, paths.catalog)
    database.view("catalog_row", [paths.catalog])
    database.run(f"CREATE OR REPLACE VIEW shown_image AS {_IMAGES}")
    taxa = count_taxa(database)
    images = distinct_images(taxa)
    species_with, in_largest = _tail(images)
    return Figures(
        numbers=compute_statistics(taxa),
        species_with=species_with,
        in_largest=in_largest,
        classes=_classes(images),
        licences=_licences(database, paths),
        skipped=count_skipped(database, paths.ledger),
        **_facts(database, paths),
        countries=_countries(database, paths.catalog),
        groups=_groups(database, paths.duplicates),
        bioscan=_bioscan(database, paths.catalog),
    )


def _tail(images: pl.DataFrame) -> tuple[list[int], int]:
    species = images.filter(pl.col("species") != "").group_by("species_id").agg(pl.col("images").sum())
    counts = species["images"].sort(descending=True)
    few = [int((counts == 1).sum()), *(int((counts < number).sum()) for number in FEW)]
    return few, int(counts.head(LARGEST).sum() or 0)


def _classes(images: pl.DataFrame) -> list[tuple[str, int, int]]:
    """The classes with the most images, with their images and species; under the lowest rank above where it is empty."""
    name = pl.coalesce(pl.col(rank).replace("", None) for rank in ("class", "phylum", "kingdom")).fill_null("")
    species = pl.col("species_id").filter(pl.col("species") != "").n_unique()
    rows = images.group_by(name.alias("group")).agg(pl.col("images").sum(), species.alias("kinds"))
    return list(rows.sort("images", "group", descending=[True, False]).head(LARGEST).iter_rows())


def _licences(database: Database, paths: Paths) -> list[LicenceCount]:
    if not exists(paths.provenance):
        return []
    database.view("provenance", [paths.provenance])
    return [LicenceCount(*row) for row in database.rows(_LICENCES, none=NONE)]


def _facts(database: Database, paths: Paths) -> dict[str, Any]:
    """Places and people, where a source knows any."""
    if not exists(paths.facts):
        return {}
    database.view("fact", [paths.facts])
    ((observers, places),) = database.rows("SELECT count(nullif(observer, '')), count(nullif(place, '')) FROM fact")
    known: dict[str, Any] = {}
    if observers or places:
        database.make("known", _KNOWN)
    if observers:
        known["people"] = database.rows(_PEOPLE, largest=LARGEST)[0]
    if places:
        cells = database.rows(_PLACES)
        zones = [sum(images for zone, *_, images in cells if zone == one) for one in range(5)]
        known["places"] = _by_cell(cells, zones)
    return known


def _by_cell(cells: Sequence[tuple[Any, ...]], zones: Sequence[int]) -> Places:
    images: dict[tuple[int, int], int] = {}
    for _, row, col, number in cells:
        images[row, col] = images.get((row, col), 0) + number
    return Places(zones, len(images), max(images.values(), default=0))


def _countries(database: Database, catalog: Path) -> list[tuple[str, int]]:
    names = parquet_schema(catalog)
    found = next((name for name in names if name.lower() in _COUNTRIES), None)
    if not found:
        return []
    return database.rows(f"""
        SELECT {column(found)}::VARCHAR AS country, count(*) AS images
        FROM catalog_row
        WHERE split <> 'train_small' AND {column(found)}::VARCHAR <> ''
        GROUP BY ALL
        ORDER BY images DESC, country
        LIMIT {LARGEST}
    """)


def _groups(database: Database, duplicates: Path) -> tuple[int, int]:
    if not exists(duplicates):
        return 0, 0
    database.view("duplicate", [duplicates])
    ((groups, images),) = database.rows(
        'SELECT count(*), coalesce(sum(images), 0)::BIGINT FROM (SELECT count(*) AS images FROM duplicate GROUP BY "group")'
    )
    return groups, images


def _bioscan(database: Database, catalog: Path) -> list[str]:
    """Which of the BIOSCAN datasets images are from."""
    if "bioscan_part" not in parquet_schema(catalog):
        return []
    parts = database.rows(
        "SELECT DISTINCT bioscan_part = $part FROM catalog_row WHERE bioscan_part IS NOT NULL", part=_PART_OF_5M
    )
    return sorted("bioscan-5m" if is_5m else "bioscan-1m" for (is_5m,) in parts)
