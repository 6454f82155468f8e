"""Names of taxa that a checklist has in the columns of its rows alone, and in no row of their own.

Checklists of a country or a museum often have a row for each species, with its kingdom to its genus in columns. Labels
may be of a genus or a family all the same.
"""

from ...core.database import column, columns, quoted
from ...core.values import RANKS

_HIGHER = RANKS[:-1]


def higher_names() -> str:
    """SQL for the kingdoms to genera that stand in columns alone, as accepted names with the columns of NAMES.

    It reads the tables of :mod:`.lineages`. Rows with a parent in the checklist do not count: their ranks are those of
    taxa that have rows. Where rows differ in what is above a name, most of them decide, then the alphabet; a name is
    given once for each kingdom, since a plant and an animal may share it.
    """
    each = "\nUNION ALL BY NAME\n".join(_of_rank(position) for position in range(len(_HIGHER)))
    return f"""
    WITH flat AS (
        SELECT {columns(_HIGHER)}, count(*) AS rows
        FROM checklist_taxon
        JOIN checklist_tree AS tree USING (number)
        WHERE tree.parent = -1 AND checklist_taxon.trouble = 0
        GROUP BY ALL
    ),
    higher AS ({each}),
    own AS (
        SELECT DISTINCT name, rank, kingdom FROM checklist_taxon WHERE trouble = 0
    )
    SELECT
        trim(rank || ' ' || name || ' ' || kingdom) AS id, name, rank, '' AS author, 'accepted' AS status,
        '' AS accepted, {columns(RANKS)}
    FROM higher
    ANTI JOIN own
    ON higher.name = own.name AND higher.rank = own.rank
        AND (higher.kingdom = own.kingdom OR higher.kingdom = '' OR own.kingdom = '')
    QUALIFY row_number() OVER (PARTITION BY name, rank, kingdom ORDER BY rows DESC, {columns(RANKS)}) = 1
    """


def _of_rank(position: int) -> str:
    """SQL for the names of one rank, with the ranks above, and how many rows have them."""
    rank = RANKS[position]
    kept = [column(one) for one in RANKS[: position + 1]]
    empty = [f"'' AS {column(one)}" for one in RANKS[position + 1 :]]
    return f"""
        SELECT {quoted(rank)} AS rank, {column(rank)} AS name, {", ".join([*kept, *empty])}, sum(rows) AS rows
        FROM flat
        WHERE {column(rank)} <> ''
        GROUP BY ALL
    """
