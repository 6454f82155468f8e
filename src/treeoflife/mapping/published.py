"""Read a mapping that is not the dataset's own, in any of the formats in which there are such.

The content of the file decides which it is, and not its name. Such a mapping is never written to; a build copies it
once into its own.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import polars as pl

from ..core.database import Database, columns
from ..core.text import reason
from ..errors import InputError
from ..sources.base import Source
from . import catalog, parquet, sqlite
from .ids import PLAIN_UUID, plain_id
from .images import MAPPING_COLUMNS, catalog_types, id_order, load_withdrawn

_ACCEPTED = (
    "[mapping] published takes a mapping.sqlite with a table for each source and the table split, a mapping.parquet "
    "with source, treeoflife_id, is_val and is_train_small, or a catalog (catalog.csv, catalog.parquet, "
    "predicted-catalog.csv) with split and treeoflife_id; the last two also need the columns of all sources"
)
_ODDITIES = {
    "is_in_both": "are in train and in val; they are taken for images of val",
    "is_rewritten": "have an id in capitals, in braces or the like, which is read as samples have it",
    f"NOT regexp_full_match(treeoflife_id, '{PLAIN_UUID}')": "have an id that is no UUID",
}
"""Conditions over the table ``published``, and what is said of the images."""
_SQLITE, _PARQUET = b"SQLite format 3\0", b"PAR1"


class Format(Protocol):
    """A format of mappings: the modules ``sqlite``, ``parquet`` and ``catalog``.

    All raise InputError if the file cannot be read as a mapping. What it lacks reads as empty.
    """

    def describe_missing(self, path: Path, sources: Sequence[Source]) -> str:
        """What the mapping lacks of the sources or of their splits, as part of a message, or an empty text."""

    def open_rows(self, database: Database, path: Path, sources: Sequence[Source]) -> list[str]:
        """Make the images of the sources known as the table ``published_row``.

        It has the columns of :func:`.images.row_schema`, ``is_val`` and ``is_train_small`` null where the image is in
        no split. An image may have several rows: its splits are then those of all of them.

        Returns:
            Sentences on what had to be guessed, repaired or left out.
        """

    def ids(self, path: Path) -> Iterator[pl.Series]:
        """The ids of the images of all sources in batches, at least one; an id may occur more than once."""


def _format(path: Path) -> Format:
    """The format of a mapping.

    Raises:
        InputError: there is no such file, or it cannot be read.
    """
    try:
        if not path.is_file():
            raise InputError(f"there is no mapping at {path}")
        with path.open("rb") as file:
            beginning = file.read(len(_SQLITE))
    except OSError as error:
        raise InputError(f"{path} cannot be read as a mapping: {reason(error)}") from None
    if beginning.startswith(_PARQUET):
        return parquet if parquet.is_mapping(path) else catalog
    return sqlite if beginning == _SQLITE else catalog


def is_catalog(path: Path) -> bool:
    """Whether a mapping is a catalog, which only has the images that became samples. Errors as :func:`check`."""
    return _format(path) is catalog


def check(path: Path, sources: Sequence[Source]) -> None:
    """Check that a mapping has the tables and columns of all sources, and splits.

    Raises:
        InputError: something is missing; the message names it.
    """
    if missing := _format(path).describe_missing(path, sources):
        raise InputError(f"the mapping {path} has {missing}: {_ACCEPTED}")


def id_batches(path: Path) -> Iterator[pl.Series]:
    """The ids of the images of all sources, as they are written, in batches; an id may occur more than once.

    Raises:
        InputError: the file cannot be read as a mapping.
    """
    return _format(path).ids(path)


def load_images(
    database: Database, path: Path, sources: Sequence[Source], note: Callable[[str], None] = lambda _: None
) -> None:
    """Make the images of the sources known as the table ``published``: a row for each, with the columns of a mapping.

    Args:
        note: is told what had to be guessed or repaired.

    Raises:
        InputError: the mapping cannot be read, gives one id to two images, or has an image without an id.
    """
    for remark in _format(path).open_rows(database, path, sources):
        note(remark)
    keys = columns(catalog_types(sources))
    database.make("published", f"""
        SELECT source, id AS treeoflife_id, {keys},
            bool_or(is_val) AS is_val,
            bool_or(is_train_small) AND NOT bool_or(is_val) AS is_train_small,
            bool_or(is_val) AND NOT bool_and(is_val) AS is_in_both,
            bool_or(id <> treeoflife_id) AS is_rewritten
        FROM (SELECT *, {plain_id("treeoflife_id")} AS id FROM published_row)
        GROUP BY ALL
    """)  # fmt: skip
    _check_ids(database, path)
    for condition, what in _ODDITIES.items():
        count, first = database.rows(f"SELECT count(*), min(treeoflife_id) FROM published WHERE {condition}")[0]
        if count:
            note(f"{path}: {count:,} images {what}, the first of them {first!r:.80}")


def copy_mapping(
    database: Database,
    published: Path,
    sources: Sequence[Source],
    path: Path,
    note: Callable[[str], None] = lambda _: None,
    withdrawn: pl.DataFrame | None = None,
) -> int:
    """Copy a published mapping into the dataset's own: the images of the sources, and their splits.

    Args:
        path: the mapping to write.
        note: is told what had to be guessed or repaired.
        withdrawn: the table of withdrawn images, which are left out.

    Returns:
        The number of images.

    Raises:
        InputError: as :func:`load_images`.
    """
    load_images(database, published, sources, note)
    present = {name for (name,) in database.rows("SELECT DISTINCT source FROM published")}
    for source in sources:
        if source.name not in present:
            note(f"{published} has no image of the source {source.name}")
    load_withdrawn(database, withdrawn)
    return database.write(path, f"""
        SELECT {columns((*MAPPING_COLUMNS, *catalog_types(sources)))}
        FROM published
        ANTI JOIN withdrawn USING (source, treeoflife_id)
        ORDER BY {id_order(sources)}
    """)  # fmt: skip


def _check_ids(database: Database, path: Path) -> None:
    repeated = database.rows("""
        SELECT nullif(treeoflife_id, '')
        FROM published
        GROUP BY treeoflife_id
        HAVING count(*) > 1 OR coalesce(treeoflife_id, '') = ''
        ORDER BY treeoflife_id
        LIMIT 1
    """)
    if repeated and repeated[0][0] is None:
        raise InputError(f"{path} has an image without an id")
    if repeated:
        raise InputError(f"{path} gives the id '{repeated[0][0]}' to two images")
