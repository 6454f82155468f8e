"""Finding the images that are to be withdrawn, and what is written down of each.

wanted      number, kind, value: what people gave                                     :mod:`.wanted`
named       image_row, treeoflife_id, source, natural_key, source_id, url             every image of the mapping
meant       image_row: the images that are to be withdrawn now
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...core.database import Database, column, quoted
from ...core.files import exists
from ...core.values import SPLITS, WITHDRAWN_COLUMNS
from ...mapping.ids import plain_id
from ...mapping.images import catalog_names
from ...mapping.natural_keys import joined_sql
from ...sources.base import Source
from ...sources.lists.listed import ListedImages
from .wanted import ANY, COLUMN

_NO_ADDRESS = "SELECT NULL::VARCHAR AS source, NULL::VARCHAR AS natural_key, NULL::VARCHAR AS url LIMIT 0"


def find_meant(database: Database, sources: Sequence[Source], wanted: pl.DataFrame, provenance: Path) -> None:
    """Find the images that are meant, among those that are not withdrawn yet.

    in:  image, withdrawn_image
    out: named, meant; and matched: number, image_row
    """
    database.load("wanted", wanted)
    _open_names(database, sources, provenance)
    parts = [
        f"""
        SELECT number, named.image_row
        FROM named
        JOIN (SELECT number, {given} AS value FROM wanted WHERE kind IN ('{kind}', '{ANY}')) AS given
            ON given.value = {own}
        """
        for kind, own, given in (
            ("treeoflife_id", "lower(named.treeoflife_id)", f"lower({plain_id('trim(value)')})"),
            ("natural_key", "named.natural_key", "value"),
            ("natural_key", "named.source || '/' || named.natural_key", "value"),
            ("source_id", "named.source_id", "value"),
            ("source_id", "named.natural_key", "value"),
            ("url", "named.url", "value"),
            ("url", "named.source_url", "value"),
        )
    ]
    for (kind,) in database.rows(f"SELECT DISTINCT kind FROM wanted WHERE starts_with(kind, '{COLUMN}')"):
        name = column(kind.removeprefix(COLUMN), "image")
        parts.append(f"""
            SELECT number, image_row
            FROM image
            JOIN (SELECT number, value FROM wanted WHERE kind = {quoted(kind)}) AS given
                ON given.value = {name}::VARCHAR
        """)
    database.make("matched", " UNION ".join(parts))
    database.make("meant", """
        SELECT DISTINCT image_row
        FROM matched
        ANTI JOIN withdrawn_image USING (image_row)
    """)  # fmt: skip


def _open_names(database: Database, sources: Sequence[Source], provenance: Path) -> None:
    """Make the table ``named``: what an image may be called by."""
    keys = " UNION ALL ".join(
        f"""
        SELECT image_row, treeoflife_id, source, {_key_sql(source)} AS natural_key
        FROM image
        WHERE source = {quoted(source.name)}
        """
        for source in sources
    )
    about = "SELECT NULL::VARCHAR AS treeoflife_id, NULL::VARCHAR AS source_id, NULL::VARCHAR AS source_url LIMIT 0"
    if exists(provenance):
        database.view("provenance", [provenance])
        about = "SELECT treeoflife_id, source_id, source_url FROM provenance"
    # Withdrawn images have lost the columns of their natural key.
    database.sort("named", f"""
        SELECT keyed.image_row, keyed.treeoflife_id, keyed.source,
            coalesce(keyed.natural_key, withdrawn_image.natural_key) AS natural_key,
            about.source_id, about.source_url, coalesce(address.url, withdrawn_image.url) AS url
        FROM ({keys}) AS keyed
        LEFT JOIN withdrawn_image ON withdrawn_image.image_row = keyed.image_row
        LEFT JOIN ({about}) AS about ON about.treeoflife_id = keyed.treeoflife_id
        LEFT JOIN ({_addresses(database, sources)}) AS address
            ON address.source = keyed.source AND address.natural_key = keyed.natural_key
    """)  # fmt: skip


def _key_sql(source: Source) -> str:
    names = catalog_names(source)
    return joined_sql({names[one]: source.columns[one] for one in source.key})


def _addresses(database: Database, sources: Sequence[Source]) -> str:
    """SQL for the addresses that sources list: source, natural_key and url."""
    parts = [_NO_ADDRESS]
    for number, source in enumerate(sources):
        if isinstance(source, ListedImages) and source.fetched and exists(source.fetched.images):
            database.view(f"addresses_{number}", [source.fetched.images])
            key = joined_sql({one: source.columns[one] for one in source.key})
            parts.append(f"SELECT {quoted(source.name)}, {key}, url FROM addresses_{number} WHERE url <> ''")
    return " UNION ALL ".join(f"({part})" for part in parts)


def unknown_values(database: Database) -> list[str]:
    """The values that name no image, in the order in which they were given.

    in:  wanted, matched
    """
    rows = database.rows("SELECT value FROM wanted ANTI JOIN matched USING (number) ORDER BY number")
    return [value for (value,) in rows]


def count_withdrawn_before(database: Database) -> int:
    """How many of the values name images that are withdrawn already."""
    return int(database.value("""
        SELECT count(DISTINCT number)
        FROM matched
        SEMI JOIN withdrawn_image USING (image_row)
    """))  # fmt: skip


def add_copies(database: Database, ledger: Path, plans: Sequence[Path], *, all_copies: bool) -> tuple[int, int]:
    """Add the images that show the same picture as a sample that is meant, and that were left out because of it.

    They would take its place otherwise.

    in:  meant, named; grouped: the groups of duplicates
    out: meant

    Args:
        all_copies: whether to add all images that show the same picture.

    Returns:
        How many were added, and how many others show the same picture and stay.
    """
    database.view("ledger", [ledger])
    database.view("planned", list(plans))
    database.make(
        "copy",
        """
        SELECT DISTINCT other.image_row, ledger.reason IS NOT DISTINCT FROM 'duplicate' AND has_sample AS stands_behind
        FROM (
            SELECT "group", bool_or(planned.treeoflife_id IS NOT NULL) AS has_sample
            FROM grouped
            JOIN meant USING (image_row)
            JOIN named USING (image_row)
            LEFT JOIN planned ON planned.treeoflife_id = named.treeoflife_id
            GROUP BY "group"
        )
        JOIN grouped AS other USING ("group")
        JOIN named ON named.image_row = other.image_row
        LEFT JOIN ledger ON ledger.treeoflife_id = named.treeoflife_id
        ANTI JOIN meant ON meant.image_row = other.image_row
        ANTI JOIN withdrawn_image ON withdrawn_image.image_row = other.image_row
    """,
    )
    chosen = "true" if all_copies else "stands_behind"
    added, staying = database.rows(f"SELECT count(*) FILTER ({chosen}), count(*) FILTER (NOT {chosen}) FROM copy")[0]
    database.make("meant", f"FROM meant UNION SELECT image_row FROM copy WHERE {chosen}")
    return added, staying


def describe_meant(database: Database, plans: dict[str, Path], why: str, date: str) -> pl.DataFrame:
    """What is written down of the images that are meant: :data:`~treeoflife.core.values.WITHDRAWN_COLUMNS`, as texts.

    in:  meant, named; grouped: the groups that are in one split
    """
    in_small, *others = ("train_small", "train", "val")
    placed = " UNION ALL BY NAME ".join(
        f"SELECT treeoflife_id, '{split}' AS split, tar_bytes, container, position FROM {_plan(database, split, plans)}"
        for split in others
    )
    small = _plan(database, in_small, plans)
    rows = database.frame(f"""
        SELECT named.treeoflife_id, named.source, named.natural_key, coalesce(named.url, named.source_url) AS url,
            {quoted(why)} AS why, {quoted(date)} AS date,
            CASE WHEN small.treeoflife_id IS NOT NULL THEN 'train_small' ELSE placed.split END AS split,
            placed.tar_bytes AS bytes, placed.container, placed.position, other.treeoflife_id AS together_with
        FROM meant
        JOIN named USING (image_row)
        LEFT JOIN ({placed}) AS placed ON placed.treeoflife_id = named.treeoflife_id
        LEFT JOIN (SELECT treeoflife_id FROM {small}) AS small ON small.treeoflife_id = named.treeoflife_id
        LEFT JOIN (
            SELECT grouped.image_row, min(other.image_row) AS other_row
            FROM grouped
            SEMI JOIN meant USING (image_row)
            JOIN grouped AS other USING ("group")
            WHERE other.image_row <> grouped.image_row
            GROUP BY grouped.image_row
        ) AS tie ON tie.image_row = meant.image_row
        LEFT JOIN image AS other ON other.image_row = tie.other_row
        ORDER BY named.source, named.treeoflife_id
    """)  # fmt: skip
    return rows.select(pl.col(name).cast(pl.String).fill_null("") for name in WITHDRAWN_COLUMNS)


def _plan(database: Database, split: str, plans: dict[str, Path]) -> str:
    assert split in SPLITS
    database.view(f"plan_{split}", [plans[split]])
    return f"plan_{split}"
