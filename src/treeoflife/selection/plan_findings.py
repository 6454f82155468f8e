"""The plan's findings about samples: duplicates, different names of one picture, doubtful quality or names."""

from collections.abc import Sequence

from ..core.database import Database, column, columns, quoted
from ..mapping.images import catalog_names
from ..sources.base import Source
from . import quality

DUPLICATES = {
    "duplicate": "the same picture as another image of the dataset",
    "conflicting-labels": "the same picture under different names",
}
"""The kinds of findings of :func:`duplicates`, with their meanings."""
# A placeholder picture may occur thousands of times; the page shows a finding's other images side by side.
_MAX_OTHERS = 20
_SAMPLES = """(SELECT * FROM kept WHERE "group" IS NOT NULL)"""


_FLAGS = {
    "TAXON_MATCH_NONE": ("taxon-match-none", "the provider's backbone does not know the name"),
    "TAXON_MATCH_HIGHERRANK": ("taxon-match-higherrank", "the provider's backbone knows a higher rank of it only"),
    "TAXON_MATCH_FUZZY": ("taxon-match-fuzzy", "the provider's backbone knows a name that is written similarly"),
}  # fmt: skip
"""The provider's remarks that are findings, by the words of GBIF (https://techdocs.gbif.org/en/data-use/)."""
_REPEATED = "listed-differently"
LISTED = {**dict(_FLAGS.values()), _REPEATED: "the source has several rows about it, which differ"}
"""The kinds of findings of :func:`of_lists`, with their meanings."""


def of_lists(database: Database, sources: Sequence[Source]) -> str:
    """SQL for findings about samples of which the source's own tables say something doubtful; empty if none does.

    in:  kept
    out: flagged_0, flagged_1, …      the rows of each source that does
    """
    parts = [_of_list(database, source, number) for number, source in enumerate(sources) if source.flags(database)]
    return " UNION ALL ".join(parts)


def _of_list(database: Database, source: Source, number: int) -> str:
    kinds = ", ".join(f"({quoted(flag)}, {quoted(kind)})" for flag, (kind, _) in _FLAGS.items())
    database.make(f"flagged_{number}", f"""
        WITH flag AS (
            SELECT {columns(source.columns)}, flags, unnest(string_split(flags, ';')) AS flag
            FROM flagged
            WHERE flags <> ''
        )
        SELECT {columns(source.columns)}, kind, 'flags of the source: ' || flags AS detail
        FROM flag
        JOIN (VALUES {kinds}) AS known (flag, kind) ON trim(flag.flag) = known.flag
        UNION ALL
        SELECT {columns(source.columns)}, '{_REPEATED}', repeated || ' other rows say something else about it'
        FROM flagged
        WHERE repeated > 0
    """)  # fmt: skip
    names = catalog_names(source)
    equal = " AND ".join(f"{column(names[one], 'kept')} = {column(one, 'found')}" for one in source.key)
    return f"""
        SELECT treeoflife_id, kind, found.detail, []::VARCHAR[] AS others
        FROM kept
        JOIN flagged_{number} AS found ON {equal}
        WHERE kept.source = {quoted(source.name)}
    """


def duplicates() -> str:
    """SQL for findings about samples that show the same picture (see :mod:`treeoflife.selection.findings`).

    in:  kept, conflict
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

    in:  kept
    """
    sides = f"""SELECT "group" FROM {_SAMPLES} GROUP BY "group" HAVING count(DISTINCT is_val) > 1"""
    return int(database.value(f"SELECT count(*) FROM ({sides})"))


def of_quality() -> str:
    """SQL for findings about the quality of samples.

    in:  kept
    """
    return " UNION ALL ".join(
        f"SELECT treeoflife_id, '{kind}' AS kind, '' AS detail, []::VARCHAR[] AS others FROM kept "
        f"WHERE {quality.has(kind)}"
        for kind in quality.LIMITS
    )
