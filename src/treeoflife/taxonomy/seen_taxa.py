"""The taxa of a catalog, with how many images each has: what a model that was trained on it has seen.

taxon   a row per taxon of the seven ranks, in the order of :data:`COLUMNS`:

rank             kingdom … species
kingdom … species
                 its lineage, empty below its rank and where a rank is not known; ``species`` is the epithet alone
name             its name: of a species, genus and epithet
common_name      the name that most of its images have, of those that have no lower rank
images           of it and of all below it; an image of train_small counts once, in train
train, val       those of each split
lower_taxa       the number of distinct taxa below it, of all ranks
lower_species    those of them that are species
"""

from collections.abc import Sequence
from pathlib import Path

from ..core.database import Database, column, columns, quoted
from ..core.values import RANKS
from ..errors import InputError
from ..sources.lists.listed_columns import first_filled, name_columns, own_species, shown
from ..sources.lists.text_columns import Table
from ..sources.spellings import plain_header

COLUMNS = ("rank", *RANKS, "name", "common_name", "images", "train", "val", "lower_taxa", "lower_species")

_COUNTS = "count(*) FILTER ({is_image}) AS images, count(*) FILTER (split = 'train') AS train, "
_LEAVES = f"""
    WITH row AS (
        SELECT {{ranks}}, {{common}} AS common_name, {{split}} AS split
        FROM catalog_file
    ),
    -- Some tables have the binomial in the column of the species.
    divided AS (
        SELECT {columns(RANKS[:5])}, common_name, split,
            if(genus = '' AND contains(species, ' '), split_part(species, ' ', 1), genus) AS genus,
            if(genus = '' OR starts_with(lower(species), lower(genus) || ' '),
                ltrim(substr(species, length(split_part(species, ' ', 1)) + 1)), species) AS epithet,
            if(epithet = '', species, epithet) AS species
        FROM row
    )
    SELECT {columns((*RANKS, "common_name"))}, {_COUNTS}
        count(*) FILTER (split = 'val') AS val
    FROM divided
    GROUP BY ALL
"""


def open_taxa(database: Database, catalog: Path) -> list[str]:
    """Make the taxa of a catalog known to a database as the table ``taxon``, in no order.

    Args:
        catalog: a table with columns of ranks, such as that of any dataset; a column ``split`` is read if it is there.

    Returns:
        Sentences on what had to be guessed about the file.

    Raises:
        InputError: it cannot be read, has no column of a rank, or names nothing.
        MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
    """
    table = Table.of(catalog)
    meanings = name_columns(catalog, list(table.columns), "")
    if not any(meanings[rank] for rank in RANKS):
        raise InputError(
            f"{catalog} has no column of a rank, such as genus and species; it has {shown(list(table.columns))}: "
            "'treeoflife names match' gives labels their ranks"
        )
    split = next((name for name in table.columns if plain_header(name) == "split"), None)
    used = {name for names in meanings.values() for name in names} | ({split} if split else set())
    table.open(database, "catalog_file", used)
    values = {rank: first_filled(meanings[rank]) for rank in RANKS} | {"species": own_species(meanings)}
    leaves = _LEAVES.format(
        ranks=", ".join(f"{sql} AS {column(rank)}" for rank, sql in values.items()),
        common=first_filled(meanings["common_name"]),
        split=f"lower({column(split)})" if split else "''",
        is_image=_is_image(database, split),
    )
    database.make("leaf", leaves)
    _make_taxa(database)
    if not database.value("SELECT count(*) FROM taxon"):
        raise InputError(f"{catalog} names nothing: none of its rows has a rank")
    return list(table.remarks)


def _is_image(database: Database, split: str | None) -> str:
    """SQL for whether a row is not that of an image in train_small that has a row for train too."""
    if split is None:
        return "true"
    others = database.value(f"SELECT count(*) FROM catalog_file WHERE lower({column(split)}) = 'train'")
    return "split <> 'train_small'" if others else "true"


def _make_taxa(database: Database) -> None:
    own = " UNION ALL ".join(_taxa_of(number) for number in range(len(RANKS)))
    database.make("own_taxon", own)
    lower = " UNION ALL ".join(_lower(number) for number in range(len(RANKS) - 1))
    database.make("lower_taxon", lower)
    database.make("taxon", f"""
        SELECT {columns(("rank_number", *COLUMNS[:-2]))}, coalesce(lower_taxa, 0)::BIGINT AS lower_taxa,
            coalesce(lower_species, 0)::BIGINT AS lower_species
        FROM own_taxon
        LEFT JOIN lower_taxon USING ({columns(("rank_number", *RANKS))})
    """)  # fmt: skip


def _lineage(number: int) -> str:
    """SQL for the ranks down to one, those below it empty."""
    return ", ".join([*map(column, RANKS[: number + 1]), *(f"'' AS {column(rank)}" for rank in RANKS[number + 1 :])])


def _taxa_of(number: int) -> str:
    """SQL for the taxa of one rank."""
    rank, above = RANKS[number], columns(RANKS[: number + 1])
    is_lowest = " AND ".join([f"{column(lower)} = ''" for lower in RANKS[number + 1 :]] + ["common_name <> ''"])
    name = "concat_ws(' ', nullif(genus, ''), species)" if rank == "species" else column(rank)
    return f"""
        SELECT {number} AS rank_number, {quoted(rank)} AS rank, {_lineage(number)}, {name} AS name,
            coalesce(first(common_name ORDER BY own DESC, common_name) FILTER (is_own), '') AS common_name,
            sum(images)::BIGINT AS images, sum(train)::BIGINT AS train, sum(val)::BIGINT AS val
        FROM (
            SELECT {above}, common_name, {is_lowest} AS is_own, images, train, val,
                sum(images) OVER (PARTITION BY {above}, common_name, is_own) AS own
            FROM leaf
            WHERE {column(rank)} <> ''
        )
        GROUP BY {above}
    """


def _lower(number: int) -> str:
    """SQL for how many taxa are below those of one rank."""
    above = columns(RANKS[: number + 1])
    return f"""
        SELECT {number} AS rank_number, {_lineage(number)}, count(*) AS lower_taxa,
            count(*) FILTER (rank = 'species') AS lower_species
        FROM own_taxon
        WHERE rank_number > {number} AND {column(RANKS[number])} <> ''
        GROUP BY {above}
    """


def taxa_in_order(ranks: Sequence[str] = RANKS) -> str:
    """SQL for the taxa of some ranks: the highest rank first, and by their lineages."""
    wanted = ", ".join(map(quoted, ranks))
    return f"""
        SELECT {columns(COLUMNS)}
        FROM taxon
        WHERE rank IN ({wanted})
        ORDER BY rank_number, {columns(RANKS)}
    """
