"""Groups: images that must be in the same split, since they show the same picture, observation, observer or place.

An image may be in a group of each kind. Groups that have an image in common become one.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..core.components import join_components
from ..core.database import Database, column


def join_groups(database: Database, facts: Path | None, group_by: Sequence[str]) -> None:
    """Join the groups of duplicates with those of images that have a value in common.

    in:  image
         grouped   image_row, group: the groups of duplicates
    out: grouped   the same for all groups; a group is called by the lowest ``image_row`` of its images

    Values of different sources never count as equal: an observation 1 of each is not the same observation.

    Args:
        facts: a table with ``treeoflife_id``, ``source`` and the columns of ``group_by``, which are null or empty
            where nothing is known. None only if ``group_by`` is empty.
    """
    if facts and group_by and not _number_values(database, facts, group_by):
        group_by = ()
    # tie: the groups of each image, each by its first image. An image that is alone with its value is in none.
    ties = [_ties("grouped", "group"), *(_ties("numbered", one) for one in group_by)]
    database.make("tie", " UNION ALL ".join(ties))
    database.make("component", """
        SELECT image_row, min(first) AS "group"
        FROM tie
        GROUP BY image_row
    """)  # fmt: skip
    _join_components(database)
    database.make("grouped", """
        SELECT image_row, coalesce(joined."group", component."group") AS "group"
        FROM component
        LEFT JOIN joined ON joined.first = component."group"
    """)  # fmt: skip


def group_withdrawn(database: Database) -> None:
    """Let withdrawn images be in the groups that they were in, as far as it is on record.

    in:  image, withdrawn_image, grouped
    out: grouped   with a group of two for each withdrawn image that was in one
    """
    database.make(
        "held_together",
        """
        SELECT withdrawn_image.image_row AS one, other.image_row AS other,
            -row_number() OVER (ORDER BY withdrawn_image.image_row) AS "group"
        FROM withdrawn_image
        JOIN image AS other ON other.treeoflife_id = withdrawn_image.together_with
    """,
    )
    if database.value("SELECT count(*) FROM held_together"):
        database.make("grouped", """
            FROM grouped
            UNION ALL
            SELECT unnest([one, other]), "group" FROM held_together
        """)  # fmt: skip


def _number_values(database: Database, facts: Path, group_by: Sequence[str]) -> bool:
    """Make the table ``numbered``: of each image a number for each value, null where it is not known.

    Returns:
        Whether something is known of any image. If not, no image is read, and there is no table.
    """
    database.view("known", [facts])
    if not database.value("SELECT count(*) FROM known"):
        return False
    # A digest of 128 bits in place of a text of any length: half the time, and two of them are never equal by chance.
    digests = (
        f"md5_number(known.source || '/' || nullif({column(one, 'known')}, '')) AS {column(one)}" for one in group_by
    )
    database.make("numbered", f"""
        SELECT {", ".join(["image_row", *digests])}
        FROM known
        JOIN image USING (treeoflife_id)
    """)  # fmt: skip
    return True


def _ties(table: str, key: str) -> str:
    """SQL for ``image_row`` and ``first``, the lowest row of the images that have the same key, if there are others."""
    # Faster than a window, which sorts all images.
    return f"""
        SELECT image_row, first
        FROM {table}
        JOIN (
            SELECT {column(key)}, min(image_row) AS first
            FROM {table}
            WHERE {column(key)} IS NOT NULL
            GROUP BY {column(key)}
            HAVING count(*) > 1
        ) USING ({column(key)})
    """


def _join_components(database: Database) -> None:
    """Find which groups are one, since an image is in several.

    in:  tie, component
    out: joined   first, group: the groups that are called otherwise now
    """
    links = """
        SELECT DISTINCT "group", first
        FROM tie
        JOIN component USING (image_row)
        WHERE first <> "group"
    """
    images = int(database.value("SELECT coalesce(max(image_row) + 1, 0) FROM image"))
    # 4 bytes for each image, of which there may be 2 billion; links come piece by piece.
    label = np.arange(images, dtype=np.int32)
    for piece in database.pieces(links):
        join_components(label, piece["group"].to_numpy(), piece["first"].to_numpy())
    first = np.flatnonzero(label != np.arange(images, dtype=np.int32))
    database.load("joined", pl.DataFrame({"first": first.astype(np.int64), "group": label[first].astype(np.int64)}))
