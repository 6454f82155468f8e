"""The sample pictures of the card: images of different classes whose licences allow showing a resized copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..config.paths import Paths
from ..core.database import Database, column
from ..core.files import exists, read_at, write_bytes
from ..core.values import NAME_COLUMNS, NONE, RANKS, SPLITS, Taxon
from ..errors import StoreError
from ..selection.licences import CC0, PUBLIC_DOMAIN, family

FREE = (CC0, PUBLIC_DOMAIN)
# Licences that allow anybody to show a changed copy, for any purpose. Under NC and ND a page may be in doubt.
_SHOWABLE = ("cc-by", "cc-by-sa")

_CHOOSE = f"""
    WITH one_each AS (
        SELECT kingdom, class, family, genus, species, count(*) AS images,
            min(treeoflife_id) AS treeoflife_id
        FROM shown_image
        JOIN provenance USING (treeoflife_id)
        WHERE list_contains($licences, license_name)
            AND (list_contains($free, license_name) OR copyright_owner <> $none)
            AND NOT list_contains($doubtful, treeoflife_id)
        GROUP BY ALL
    ),
    in_turn AS (
        SELECT treeoflife_id,
            row_number() OVER (PARTITION BY kingdom, class ORDER BY species = '', md5(treeoflife_id)) AS turn,
            sum(images) OVER (PARTITION BY kingdom, class) AS of_class
        FROM one_each
    ),
    chosen AS (
        SELECT treeoflife_id, row_number() OVER (ORDER BY turn, of_class DESC, md5(treeoflife_id)) AS number
        FROM in_turn
        ORDER BY number
        LIMIT $most
    )
    SELECT DISTINCT number, treeoflife_id, {", ".join(f"coalesce({column(name)}, '')" for name in NAME_COLUMNS)},
        title, copyright_owner, license_name, coalesce(license_link, ''), coalesce(source_url, '')
    FROM chosen
    JOIN catalog_row USING (treeoflife_id)
    JOIN provenance USING (treeoflife_id)
    ORDER BY number
"""
_IN_PLAN = "SELECT treeoflife_id, shard::INTEGER FROM planned WHERE list_contains($ids, treeoflife_id)"


@dataclass(frozen=True)
class Picture:
    """A picture that the card shows: its file, what it shows, and whom to credit for it."""

    path: Path
    taxon: Taxon
    common: str
    title: str
    owner: str
    licence: str
    link: str
    url: str


def write_pictures(database: Database, paths: Paths, licences: Sequence[str]) -> list[Picture]:
    """Write the sample pictures of a dataset, and remove those of an earlier build; returns them in their order.

    They are chosen by the ids: one of each class, the largest class first, then a second one of each.

    in:  shown_image, catalog_row, provenance

    Args:
        licences: the names of the licences that images of the dataset have.
    """
    pictures: list[Picture] = []
    showable = [name for name in licences if name in FREE or family(name) in _SHOWABLE]
    rows = _choose(database, paths, showable) if showable else []
    shards = _find_shards(database, paths, [row[1] for row in rows])
    for row in rows:
        if row[1] not in shards:
            continue
        path = paths.card_picture(len(pictures) + 1)
        write_bytes(path, _read_image(paths, *shards[row[1]], row[1]))
        names, credit = row[2 : 2 + len(NAME_COLUMNS)], row[2 + len(NAME_COLUMNS) :]
        pictures.append(Picture(path, Taxon(*names[: len(RANKS)]), names[-1], *credit))
    for path in paths.all_card_pictures()[len(pictures) :]:
        path.unlink(missing_ok=True)
    return pictures


def _choose(database: Database, paths: Paths, showable: Sequence[str]) -> list[tuple[str, ...]]:
    doubtful = list[str]()
    if exists(paths.findings("quality")):
        findings = pl.scan_parquet(paths.findings("quality"), glob=False)
        doubtful = findings.select("treeoflife_id").collect()["treeoflife_id"].to_list()
    return database.rows(
        _CHOOSE,
        licences=list(showable),
        free=list(FREE),
        none=NONE,
        doubtful=doubtful,
        most=len(paths.all_card_pictures()),
    )


def _find_shards(database: Database, paths: Paths, ids: Sequence[str]) -> dict[str, tuple[str, int]]:
    """The split and number of a shard with each image, by its id."""
    shards: dict[str, tuple[str, int]] = {}
    for split in SPLITS if ids else ():
        if exists(paths.split_plan(split)):
            database.view("planned", [paths.split_plan(split)])
            for one, number in database.rows(_IN_PLAN, ids=list(ids)):
                shards.setdefault(one, (split, number))
    return shards


def _read_image(paths: Paths, split: str, number: int, treeoflife_id: str) -> bytes:
    """The image of a sample, from its shard.

    Raises:
        StoreError: the shard is shorter than its index says.
    """
    index, shard = paths.shard_index(split, number), paths.shard(split, number)
    rows = pl.scan_parquet(index, glob=False).filter(pl.col("treeoflife_id") == treeoflife_id)
    offset, size = rows.select("offset", "size").collect().row(0)
    with shard.open("rb") as file:
        data = read_at(file, size, offset)
    if len(data) != size:
        raise StoreError(
            f"{shard} is shorter than its index {index} says: 'treeoflife check-wds --repair' packs it again"
        )
    return data
