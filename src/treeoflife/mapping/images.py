"""The table ``image`` of a database: a row per image of the mapping.

image_row                  its number, from 0 on, in the order of source and id
treeoflife_id, source
is_val, is_train_small     its split; null where a published mapping has none
name_key                   the key of its name, as text
                           the columns of all sources, as the catalog calls them; null for images of other sources

Beside it is the table ``withdrawn_image``: what ``withdrawn.csv`` says of each image that was withdrawn. These images
are in no mapping; where a step is to count them as if they still were, they are rows of ``image`` too.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database, column, quoted
from ..core.values import WITHDRAWN_COLUMNS
from ..sources.base import Source

MAPPING_COLUMNS = ("source", "treeoflife_id", "is_val", "is_train_small")
"""The columns of a dataset's mapping before those of its sources, which it has as the catalog calls them."""


def open_images(
    database: Database, mapping: Path, sources: Sequence[Source], withdrawn: pl.DataFrame | None = None
) -> None:
    """Make the images of the sources known as the table ``image``; others in the mapping are left out.

    The mapping itself becomes the table ``mapping``, of which ``image_row`` is the number of a row.

    Args:
        mapping: the dataset's own mapping, ``paths.mapping_parquet``.
        withdrawn: the table of withdrawn images, which are to be counted as images.
    """
    _open_mapping(database, mapping, sources, withdrawn)
    columns = map(column, catalog_types(sources))
    database.run(f"""
        CREATE OR REPLACE VIEW image AS
        SELECT file_row_number AS image_row, treeoflife_id, source, is_val, is_train_small,
            {name_key(sources)} AS name_key, {", ".join(columns)}
        FROM mapping
        WHERE source IN ({", ".join(quoted(one.name) for one in sources)})
    """)
    rows = "withdrawn JOIN image USING (source, treeoflife_id)"
    if withdrawn is None or withdrawn.is_empty():
        # As in most datasets: then all images need not be read to find none.
        rows = "withdrawn CROSS JOIN (SELECT NULL::BIGINT AS image_row) AS image"
    database.make("withdrawn_image", f"SELECT image.image_row, withdrawn.* FROM {rows}")


def _open_mapping(database: Database, mapping: Path, sources: Sequence[Source], withdrawn: pl.DataFrame | None) -> None:
    """Make the mapping known, with the withdrawn images at the places that they had.

    out: mapping     its rows are numbered
         withdrawn   the rows of withdrawn.csv: what it says of the place as numbers, null where that is empty
    """
    load_withdrawn(database, withdrawn)
    if withdrawn is None or withdrawn.is_empty():
        database.view("mapping", [mapping], rows=True)
        return
    database.view("mapping_file", [mapping])
    database.sort("mapping", f"""
        FROM mapping_file
        UNION ALL BY NAME
        SELECT source, treeoflife_id, split = 'val' AS is_val, split = 'train_small' AS is_train_small
        FROM withdrawn
        ANTI JOIN mapping_file USING (source, treeoflife_id)
        ORDER BY {id_order(sources)}
    """, rows=True)  # fmt: skip


def load_withdrawn(database: Database, withdrawn: pl.DataFrame | None) -> None:
    """Make the rows of ``withdrawn.csv`` known as the table ``withdrawn``.

    Its columns are :data:`~treeoflife.core.values.WITHDRAWN_COLUMNS`, ``bytes`` and ``position`` as numbers; what
    is empty among those of the place is null.
    """
    rows = pl.DataFrame(schema=dict.fromkeys(WITHDRAWN_COLUMNS, pl.String)) if withdrawn is None else withdrawn
    place = ("split", "bytes", "container", "position", "together_with")
    known = rows.with_columns(pl.when(pl.col(name) != "").then(pl.col(name)).alias(name) for name in place)
    database.load("withdrawn", known.with_columns(pl.col("bytes", "position").cast(pl.Int64)))


def catalog_types(sources: Sequence[Source]) -> dict[str, str]:
    """The columns of all sources as the catalog calls them, each with its type in SQL."""
    types = {int: "BIGINT", str: "VARCHAR"}
    return {name: types[kind] for one in sources for name, kind in zip(one.catalog, one.columns.values(), strict=True)}


def row_schema(sources: Sequence[Source]) -> pl.Schema:
    """The columns of a mapping of these sources, with their types in Polars."""
    types = {int: pl.Int64(), str: pl.String()}
    common = dict(zip(MAPPING_COLUMNS, (pl.String(), pl.String(), pl.Boolean(), pl.Boolean()), strict=True))
    keys = {name: types[kind] for one in sources for name, kind in zip(one.catalog, one.columns.values(), strict=True)}
    return pl.Schema({**common, **keys})


def catalog_names(source: Source) -> dict[str, str]:
    """What the catalog calls each column of a source."""
    return dict(zip(source.columns, source.catalog, strict=True))


def listed_name(source: Source, table: str = "") -> str:
    """SQL for what lists call an image of the source, over the columns as the catalog calls them."""
    catalog = catalog_names(source)
    # Texts and names of columns take turns.
    texts = re.split(r"\{(\w+)\}", source.listed_as)
    return " || ".join(
        quoted(one) if turn % 2 == 0 else f"{column(catalog[one], table)}::VARCHAR" for turn, one in enumerate(texts)
    )


def source_order(sources: Sequence[Source], column: str = "source") -> str:
    """SQL for the place of a source in the configuration."""
    return f"list_position([{', '.join(quoted(one.name) for one in sources)}], {column})"


def id_order(sources: Sequence[Source]) -> str:
    """SQL for the order of a mapping: by source and id. To compare sources as texts would take twice as long."""
    return f"{source_order(sorted(sources, key=lambda one: one.name))}, treeoflife_id"


def in_split(split: str) -> str:
    """SQL for whether an image is in a split, over ``is_val`` and ``is_train_small``."""
    return {"train": "NOT is_val", "val": "is_val", "train_small": "is_train_small AND NOT is_val"}[split]


def name_key(sources: Sequence[Source]) -> str:
    """SQL for the key of an image's name, as text."""
    names = [(one.name, catalog_names(one).get(one.name_key, one.name_key)) for one in sources]
    cases = " ".join(f"WHEN {quoted(source)} THEN {column(name)}::VARCHAR" for source, name in names)
    return f"CASE source {cases} END"
