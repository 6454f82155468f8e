"""The common names of a checklist, in all languages, of the taxa at the seven ranks."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from ...core.database import Database, column, columns, quoted
from ...core.values import RANKS
from ..common_names.choice import clean_languages
from ..providers.table_count import TableCount
from .checklist import VERNACULARS
from .rows import MALFORMED

ROWS = pl.Schema(
    {**dict.fromkeys(("taxon", "common", "language", "place", "created", "preferred"), pl.String()),
     "problem": pl.String()}
)  # fmt: skip
"""The columns of common names as readers give them.

taxon      the id of a row of the checklist
common, language   as they are written
place      where the name is used, if it is not used everywhere
created    when it was entered, in a form that can be sorted
preferred  whether the checklist prefers it to others: ``true``, ``1`` or the like
problem    what is wrong with a malformed row, else null
"""

_SCHEMA = pl.Schema({"number": pl.Int32(), "is_preferred": pl.Boolean(), **ROWS})
_NAMES = f"""
    CASE name."rank"
        WHEN 'species' THEN if(name.genus = '' OR name.species = '', '', name.genus || ' ' || name.species)
        {" ".join(f"WHEN {quoted(rank)} THEN name.{column(rank)}" for rank in RANKS[:-1])}
        ELSE ''
    END
"""
# The right side of a join is kept in memory: common names are fewer than names.
_NAMED = f"""
    SELECT
        name."rank" AS name_rank,
        {_NAMES} AS name,
        name.kingdom,
        name.family,
        vernacular.* EXCLUDE (taxon, problem)
    FROM checklist_names AS name
    JOIN (FROM vernacular_row WHERE problem IS NULL AND common <> '') AS vernacular ON name.id = vernacular.taxon
    WHERE {_NAMES} <> ''
"""
# Each common name of a taxon once, at its best place.
_ORDER = "is_preferred DESC, place <> '', created, uses DESC, number"
_CHOSEN = f"""
    SELECT
        {columns(list(VERNACULARS)[:-1])},
        row_number() OVER (
            PARTITION BY name_rank, name, kingdom, family, language
            ORDER BY {_ORDER}
        )::UINTEGER AS priority
    FROM (
        SELECT
            *,
            count(*) OVER same AS uses,
            row_number() OVER (same ORDER BY is_preferred DESC, place <> '', created, number) AS repetition
        FROM vernacular_named
        WINDOW same AS (PARTITION BY name_rank, name, kingdom, family, language, common)
    )
    WHERE repetition = 1
    ORDER BY {columns(list(VERNACULARS)[:4])}, language, priority
"""


def write_vernaculars(
    database: Database, rows: Iterable[pl.DataFrame], names: Path, path: Path, *, source: str, file: str
) -> TableCount:
    """Write the common names of a checklist as a table of Parquet with the columns of :data:`.VERNACULARS`.

    Of those of one taxon and language, first come those that the checklist prefers, then those without a place, the
    oldest, the most repeated, and the first in the file.

    Args:
        rows: tables with the columns of ROWS, one after the other.
        names: the names of the checklist, as :func:`.write_names` writes them.
        source: what the checklist is called; ``file`` is the table.

    Returns:
        How many of the rows are used, and why others are not.
    """
    database.spool("vernacular_row", _numbered(rows), _SCHEMA)
    database.view("checklist_names", [names])
    database.make("vernacular_named", _NAMED)
    database.write(path, _CHOSEN)
    total, malformed, empty = database.rows(
        "SELECT count(*), count(problem), count(*) FILTER (problem IS NULL AND common = '') FROM vernacular_row"
    )[0]
    used = database.value("SELECT count(*) FROM vernacular_named")
    left_out = {
        MALFORMED: malformed,
        "without a text": empty,
        "of no taxon of the seven ranks that is in it": total - malformed - empty - used,
    }
    for table in ("vernacular_row", "vernacular_named", "checklist_names"):
        database.load(table, pl.DataFrame(schema=_SCHEMA))
    return TableCount(source, file, total, used, left_out, unit="common names")


def _numbered(rows: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The rows with their numbers, and languages by their codes."""
    number = 0
    for frame in rows:
        yield frame.select(
            pl.int_range(number, number + frame.height, dtype=pl.Int32).alias("number"),
            pl.col("preferred").str.to_lowercase().is_in(["true", "t", "1", "yes", "y"]).alias("is_preferred"),
            *(pl.col(name) for name in ROWS),
        ).with_columns(language=clean_languages(frame["language"]))
        number += frame.height
