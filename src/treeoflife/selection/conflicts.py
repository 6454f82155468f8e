"""Images of one group that have different names: one of the names is wrong, or all are."""

from ..core.database import Database, column, columns
from ..core.values import NAME_COLUMNS, RANKS

COLUMNS = ("group", "shared", "treeoflife_id", "source", "in_dataset", *NAME_COLUMNS)
"""A row per image: its group, the deepest rank that all images of the group share, and the image's name."""


def find_conflicts(database: Database) -> None:
    """Find the groups of duplicates in which names differ, among the images that have a file and a name.

    A name that ends at a higher rank, and agrees down to it, is no conflict.

    in:  decision, name
    out: conflict   :data:`COLUMNS`; ``shared`` is empty if the names agree in no rank
    """
    values = ", ".join(f"count(DISTINCT nullif({column(rank)}, '')) AS {column(rank)}" for rank in RANKS)
    # The deepest rank that some name has, and none contradicts, down from the kingdom.
    agree = [
        " AND ".join([*(f"{column(upper)} <= 1" for upper in RANKS[: depth + 1]), f"{column(rank)} = 1"])
        for depth, rank in enumerate(RANKS)
    ]
    shared = " ".join(f"WHEN {one} THEN '{rank}'" for one, rank in zip(reversed(agree), reversed(RANKS), strict=True))
    database.make("conflict", f"""
        WITH named AS (
            SELECT "group", treeoflife_id, source, rule IS NULL AS in_dataset, {columns(NAME_COLUMNS)}
            FROM decision
            JOIN name USING (name)
            WHERE "group" IS NOT NULL AND file_row IS NOT NULL
        ),
        counted AS (
            SELECT "group", {values}
            FROM named
            GROUP BY "group"
        ),
        differing AS (
            SELECT "group", CASE {shared} ELSE '' END AS shared
            FROM counted
            WHERE {" OR ".join(f"{column(rank)} > 1" for rank in RANKS)}
        )
        SELECT {columns(COLUMNS)}
        FROM named
        JOIN differing USING ("group")
    """)  # fmt: skip
