"""Look up the ids of stored images."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...core.database import Database
from ...mapping.stored_files import open_files
from ...sources.base import Index, Source
from ..match import pair_files

_PLACE = "source, container, position"
_GROUPED = pl.Schema({"image_row": pl.Int64, "group": pl.Int64})


def load_groups(database: Database, groups: Path | None, indexes: Sequence[Index], sources: Sequence[Source]) -> None:
    """Find the images that are in groups.

    in:  image
    out: grouped   image_row, group

    Args:
        groups: the table of groups; None for none.
        indexes: the store's index of every container, in order.
    """
    if groups is None:
        database.load("grouped", pl.DataFrame(schema=_GROUPED))
        return
    database.view("grouped_file", [groups])
    _match(database, "grouped_file", indexes, sources)
    # Of an image that has several files, in several groups, one group counts.
    database.make("grouped", f"""
        SELECT image_row, min("group")::BIGINT AS "group"
        FROM match
        JOIN (SELECT file_row, "group" FROM file JOIN grouped_file USING ({_PLACE})) USING (file_row)
        GROUP BY image_row
    """)  # fmt: skip


def add_ids(
    database: Database, files: pl.DataFrame, indexes: Sequence[Index], sources: Sequence[Source]
) -> pl.DataFrame:
    """Add ``treeoflife_id`` to the rows whose files are images of the mapping, and drop the others.

    Args:
        database: has the table ``image``.
        files: ``source``, ``container``, ``position``, and any other columns. Of several files of one image, the first
            row is kept.
        indexes: the store's index of every container, in order.
    """
    database.load("named_file", files.with_row_index("place"))
    _match(database, "named_file", indexes, sources)
    ids = database.frame(f"""
        SELECT image.treeoflife_id, min(place) AS place
        FROM image
        JOIN match USING (image_row)
        JOIN (SELECT file_row, place FROM file JOIN named_file USING ({_PLACE})) USING (file_row)
        GROUP BY image.treeoflife_id
        ORDER BY place, image.treeoflife_id
    """)  # fmt: skip
    return files[ids["place"]].with_columns(ids["treeoflife_id"])


def _match(database: Database, table: str, indexes: Sequence[Index], sources: Sequence[Source]) -> None:
    """Match the files that ``table`` names to their images: the tables ``file`` and ``match``."""
    used = set(database.rows(f"SELECT DISTINCT source, container FROM {table}"))
    own = [one for one in indexes if (one.source.name, one.container) in used]
    open_files(database, sources, own, among=table)
    pair_files(database, sources)
