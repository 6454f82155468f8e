"""The plan's findings about samples: duplicates, different names of one picture, doubtful quality."""

from ..core.database import Database
from . import quality

DUPLICATES = {
    "duplicate": "the same picture as another image of the dataset",
    "conflicting-labels": "the same picture under different names",
}
"""The kinds of findings of :func:`duplicates`, with their meanings."""
# A placeholder picture may occur thousands of times; the page shows a finding's other images side by side.
_MAX_OTHERS = 20
_SAMPLES = """(SELECT * FROM decision WHERE rule IS NULL AND "group" IS NOT NULL)"""


def duplicates() -> str:
    """SQL for findings about samples that show the same picture (see :mod:`treeoflife.selection.findings`).

    in:  decision, conflict
    """
    # Of a group's ids, the first are enough: one more than is shown, since an image is none of its own others.
    first = f"list_sort(min(treeoflife_id, {_MAX_OTHERS + 1}))"
    others = f"list_filter(members, lambda one: one <> treeoflife_id)[:{_MAX_OTHERS}] AS others"
    return f"""
        SELECT treeoflife_id, 'duplicate' AS kind, '' AS detail, {others}
        FROM {_SAMPLES}
        JOIN (
            SELECT "group", {first} AS members
            FROM {_SAMPLES}
            GROUP BY "group"
            HAVING count(*) > 1
        ) USING ("group")
        UNION ALL
        SELECT treeoflife_id, 'conflicting-labels',
            CASE shared WHEN '' THEN 'the names agree in no rank' ELSE 'the names agree down to ' || shared END,
            {others}
        FROM conflict
        JOIN (SELECT "group", {first} AS members FROM conflict GROUP BY "group") USING ("group")
        WHERE in_dataset
    """


def count_straddling(database: Database) -> int:
    """The number of groups that have samples in both train and val.

    in:  decision
    """
    sides = f"""SELECT "group" FROM {_SAMPLES} GROUP BY "group" HAVING count(DISTINCT is_val) > 1"""
    return int(database.value(f"SELECT count(*) FROM ({sides})"))


def of_quality() -> str:
    """SQL for findings about the quality of samples.

    in:  decision
    """
    return " UNION ALL ".join(
        f"SELECT treeoflife_id, '{kind}' AS kind, '' AS detail, []::VARCHAR[] AS others FROM decision "
        f"WHERE rule IS NULL AND {quality.has(kind)}"
        for kind in quality.LIMITS
    )
