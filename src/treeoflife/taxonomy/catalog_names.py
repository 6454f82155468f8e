"""The names in a published catalog: a name for each image, as it is written there."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database, columns, quoted
from ..core.values import NAME_COLUMNS, RANKS
from ..errors import InputError
from ..mapping import catalog
from ..mapping.ids import plain_id
from ..sources.base import Source
from .providers.tables import damaged_text

COLUMNS = ("treeoflife_id", *NAME_COLUMNS)
"""The columns that a catalog must have for its names."""
_NAMES = columns(NAME_COLUMNS)


def check(path: Path) -> None:
    """Check that a catalog has names.

    Raises:
        InputError: it cannot be read, or lacks columns.
    """
    if missing := catalog.missing_columns(path, COLUMNS):
        raise InputError(
            f"{path} has no columns {missing}: [names] published takes a catalog, such as catalog.csv, catalog.parquet "
            f"or predicted-catalog.csv, with the columns {', '.join(COLUMNS)}"
        )


def write_names(database: Database, path: Path, sources: Sequence[Source], names: Path) -> list[str]:
    """Write the name of every image that a catalog names: ``source``, ``name_key`` (its id), the ranks, ``common``.

    Args:
        database: has the table ``image``.
        path: the catalog.
        names: the table to write; ``names_from`` is the name of the catalog.

    Returns:
        Sentences on what had to be guessed, on damaged texts, and on rows without an image and images without a row.

    Raises:
        InputError: the catalog cannot be read, names nothing, or gives one id two names.
    """
    remarks = _open_names(database, path)
    database.make("image_name", f"""
        SELECT {plain_id("treeoflife_id")} AS treeoflife_id, min(name) AS name, max(name) AS other
        FROM catalog_row
        JOIN catalog_name USING ({_NAMES})
        GROUP BY 1
    """)  # fmt: skip
    _check_one_name(database, path)
    named = database.write(names, f"""
        SELECT source, treeoflife_id AS name_key, {_NAMES}, {quoted(path.name)} AS names_from
        FROM image
        JOIN image_name USING (treeoflife_id)
        JOIN catalog_name USING (name)
        ORDER BY source, treeoflife_id
    """)  # fmt: skip
    if not named:
        raise InputError(f"{path} names no image: none of its ids is in the mapping")
    return [*remarks, *_unmatched(database, path, sources)]


def _open_names(database: Database, path: Path) -> list[str]:
    """Make the rows of a catalog known as ``catalog_row``, and its distinct names, numbered, as ``catalog_name``."""
    remarks = list[str]()

    def rows() -> Iterator[pl.DataFrame]:
        nonlocal remarks
        for piece in catalog.read_pieces(path, COLUMNS):
            remarks = [f"{path}: {one}" for one in piece.remarks]
            yield piece.rows

    database.spool("catalog_row", rows())
    # Names by their numbers: there are far fewer than images, and their texts are long.
    database.make("catalog_name", f"""
        SELECT row_number() OVER (ORDER BY {_NAMES}) AS name, {_NAMES}
        FROM (SELECT DISTINCT {_NAMES} FROM catalog_row)
    """)  # fmt: skip
    distinct = database.frame(f"SELECT {_NAMES} FROM catalog_name ORDER BY name")
    if not distinct.select(pl.any_horizontal(pl.col(RANKS) != "").any()).item():
        raise InputError(f"{path} names nothing: none of its rows has a rank")
    return remarks + [f"{path}: {text}" for text in damaged_text(distinct)]


def _check_one_name(database: Database, path: Path) -> None:
    for treeoflife_id, *texts in database.rows(f"""
        SELECT treeoflife_id, {_of("one")}, {_of("two")}
        FROM image_name
        JOIN catalog_name AS one ON one.name = image_name.name
        JOIN catalog_name AS two ON two.name = other
        WHERE image_name.name <> other
        ORDER BY treeoflife_id
        LIMIT 1
    """):  # fmt: skip
        one, other = (" ".join(filter(None, part)) for part in (texts[: len(NAME_COLUMNS)], texts[len(NAME_COLUMNS) :]))
        raise InputError(
            f"{path} gives the image '{treeoflife_id}' two names, '{one:.200}' and '{other:.200}'; keep one"
        )


def _of(table: str) -> str:
    return columns(NAME_COLUMNS, table)


def _unmatched(database: Database, path: Path, sources: Sequence[Source]) -> Iterator[str]:
    """Sentences on rows of images that the mapping lacks, and on images that the catalog lacks."""
    rows = database.value("SELECT count(*) FROM image_name ANTI JOIN image USING (treeoflife_id)")
    if rows:
        yield f"{path} names {rows:,} images that are not in the mapping; they are ignored"
    counts = dict(
        database.rows("SELECT source, count(*) FROM image ANTI JOIN image_name USING (treeoflife_id) GROUP BY 1")
    )
    for source in sources:
        if count := counts.get(source.name):
            yield f"{path} has no row of {count:,} images of {source.name}, which therefore have no name"
