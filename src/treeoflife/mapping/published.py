"""Read a mapping that is not the dataset's own: Parquet (``.parquet``), or SQLite as the published mappings are.

The suffix of the file selects the format. Such a mapping is never written to; a build copies it once into its own.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import polars as pl

from ..core.database import Database, columns
from ..errors import InputError
from ..sources.base import Source
from . import parquet, sqlite
from .images import MAPPING_COLUMNS, catalog_names, catalog_types

SPLIT_SCHEMA = {"treeoflife_id": pl.String, "is_val": pl.Boolean, "is_train_small": pl.Boolean}


class Format(Protocol):
    """A format of mappings, such as the modules ``sqlite`` and ``parquet``. Tables that a mapping lacks read as empty.

    ``describe_missing`` and ``describe_missing_splits`` return what the mapping lacks of a source or of its splits, as
    part of a message, or an empty text; ``batches`` yields the columns of a source and ``treeoflife_id``, and its
    first batch is empty. All raise InputError if there is no file, or it cannot be read as a mapping.
    """

    def describe_missing(self, path: Path, source: Source) -> str: ...
    def describe_missing_splits(self, path: Path) -> str: ...
    def batches(self, path: Path, source: Source) -> Iterator[pl.DataFrame]: ...
    def split_batches(self, path: Path) -> Iterator[pl.DataFrame]: ...
    def ids(self, path: Path) -> Iterator[pl.Series]: ...


def _format(path: Path) -> Format:
    return parquet if path.suffix == ".parquet" else sqlite


def check(path: Path, sources: Iterable[Source]) -> None:
    """Check that a mapping has the tables and columns of all sources, and splits.

    Raises:
        InputError: something is missing; the message names it.
    """
    form, sources = _format(path), list(sources)
    for missing in [*(form.describe_missing(path, source) for source in sources), form.describe_missing_splits(path)]:
        if missing:
            expected = [*(source.name for source in sources), "split"]
            raise InputError(f"the mapping {path} has {missing}; a mapping has {expected}")


def image_batches(path: Path, source: Source) -> Iterator[pl.DataFrame]:
    """The images of a source in batches: its columns, and ``treeoflife_id``; the first batch is empty.

    Raises:
        InputError: there is no such file, it is not a mapping, or a value is of the wrong type.
    """
    return _format(path).batches(path, source)


def id_batches(path: Path) -> Iterator[pl.Series]:
    """The ids of the images of all sources in batches; the first is empty. Errors as :func:`image_batches`."""
    return _format(path).ids(path)


def load_images(database: Database, path: Path, sources: Iterable[Source]) -> list[str]:
    """Make the images of each source known as a table; returns the tables' names.

    Each has ``source``, ``treeoflife_id`` and the source's columns as the catalog calls them.
    """
    tables = []
    for number, source in enumerate(sources):
        batches = (
            batch.rename(catalog_names(source)).with_columns(source=pl.lit(source.name))
            for batch in image_batches(path, source)
        )
        database.spool(f"published_{number}", batches)
        tables.append(f"published_{number}")
    return tables


def copy_mapping(database: Database, published: Path, sources: Iterable[Source], path: Path) -> int:
    """Copy a published mapping into the dataset's own: the images of the sources, and their splits.

    Args:
        path: the mapping to write.

    Returns:
        The number of images.

    Raises:
        InputError: the mapping cannot be read, or gives one id to two images.
    """
    sources = list(sources)
    tables = load_images(database, published, sources)
    splits = (batch.cast(pl.Schema(SPLIT_SCHEMA)) for batch in _format(published).split_batches(published))
    database.spool("published_split", splits, pl.Schema(SPLIT_SCHEMA))
    repeated = database.rows(f"""
        SELECT treeoflife_id
        FROM ({" UNION ALL ".join(f"SELECT treeoflife_id FROM {table}" for table in tables)})
        GROUP BY treeoflife_id
        HAVING count(*) > 1 OR treeoflife_id IS NULL
        ORDER BY treeoflife_id
        LIMIT 1
    """)  # fmt: skip
    if repeated and repeated[0][0] is None:
        raise InputError(f"{published} has an image without an id")
    if repeated:
        raise InputError(f"{published} gives the id '{repeated[0][0]}' to two images")
    return database.write(path, f"""
        WITH published AS (
            {" UNION ALL BY NAME ".join(f"FROM {table}" for table in tables)}
        ),
        split AS (
            SELECT treeoflife_id, bool_or(is_val) AS is_val,
                bool_or(is_train_small) AND NOT bool_or(is_val) AS is_train_small
            FROM published_split
            GROUP BY treeoflife_id
        )
        -- An image that the table of splits has twice is in val if either row says so.
        SELECT {columns((*MAPPING_COLUMNS, *catalog_types(sources)))}
        FROM published
        LEFT JOIN split USING (treeoflife_id)
        ORDER BY source, treeoflife_id
    """)  # fmt: skip
