"""From the rows of a checklist to its names: every name with the seven ranks of the taxon that it stands for.

Rows refer to their parents, and synonyms to their accepted names, by keys. A join turns the keys into numbers, and
:mod:`.ancestors` finds the ancestors of nodes that are parents, a tenth of all; each other node has the lineage of its
parent. So five million rows need little memory.

The tables in the database:

- ``checklist_row``: the rows as they come, numbered, with their names divided.
- ``checklist_node``: the first of the rows with one id, if it is a name at all.
- ``checklist_link``: of each node, the number of its parent or accepted node.
- ``checklist_tree``: of each node, the number of its taxon and of that taxon's parent, and what is wrong with it.
- ``checklist_lineage``: the seven ranks of each node that is a parent.
- ``checklist_taxon``: the accepted nodes with theirs.
- ``checklist_name``: the columns of NAMES, and why a node is not among these.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import polars as pl

from ...core.database import Database, column, columns, quoted
from ...core.values import RANKS
from ..expressions import UPPER
from ..parsing.kingdoms import KINGDOMS
from ..parsing.parsed_name import Parser
from ..providers.records import clean_ranks
from ..providers.table_count import TableCount
from .ancestors import IN_CIRCLE, OF_NOTHING, ON_CYCLE, Tree, make_tree
from .checklist import NAMES
from .flat_ranks import higher_names
from .names import BELOW_SPECIES, plain_rank, with_plain_names
from .rows import ROWS

_NUMBERED = pl.Schema({"number": pl.Int32(), **dict.fromkeys((*ROWS.names(), "own_genus", "epithet"), pl.String())})

ORPHANS = "name one that is not in it, and so have no ranks above their own"
_DUPLICATE = "with the id of another row"
_BELOW = "of taxa below the species"
_NAMELESS = "whose name is a code, a placeholder or none"
_TROUBLES = {
    ON_CYCLE: "whose parents lead back to them",
    OF_NOTHING: "synonyms of a name that is not in it",
    IN_CIRCLE: "synonyms of each other",
}
_AS_ACCEPTED = "synonyms that are spelled as the accepted name"

# What stands for a kingdom though its rank is another one. Of prokaryotes it is the domain: what some checklists call
# their kingdoms, such as Bacillati, are phyla or less elsewhere.
_DOMAINS = ("Archaea", "Bacteria")
_UNRANKED_KINGDOMS = sorted({*KINGDOMS, "Animalia", "Fungi", "Plantae"})
# Botanists may call a phylum a division. Zoologists' divisions are below the class, and so have a phylum above them.
_KIND_NAMES = (*RANKS, "division", "domain")
_KINDS_BY_RANK = _KIND_NAMES[:-1]


def write_names(
    database: Database, rows: Iterable[pl.DataFrame], path: Path, parser: Parser, *, source: str, file: str
) -> TableCount:
    """Write the names of a checklist as a table of Parquet with the columns of :data:`.NAMES`, sorted by name.

    Args:
        rows: tables with the columns of ROWS, one after the other.
        source: what the checklist is called; ``file`` is its table.

    Returns:
        How many of the rows gave a name, and why others did not. Names that stand in columns alone are written too.
    """
    database.spool("checklist_row", _plain(rows, parser), _NUMBERED)
    count = database.value("SELECT count(*) FROM checklist_row")
    left_out = _make_nodes(database)
    _make_lineages(database, _make_tree(database, count))
    remarks = tuple(_orphans(database))
    _forget(database, "key", "link", "inner")
    database.make("checklist_taxon", _taxa())
    database.sort("checklist_name", _all_names())
    used = database.value("SELECT count(*) FROM checklist_name WHERE why = ''")
    named = f"SELECT {columns(NAMES)} FROM checklist_name WHERE why = ''"
    in_columns = f"SELECT {columns(NAMES)} FROM ({higher_names()})"
    database.write(path, f"{named} UNION ALL {in_columns} ORDER BY name, rank, id, {columns(RANKS)}")
    left_out |= dict(
        database.rows("SELECT why, count(*) FROM checklist_name WHERE why <> '' GROUP BY why ORDER BY why")
    )
    _forget(database, "row", "id", "tree", "lineage", "taxon", "name")
    return TableCount(source, file, count, used, left_out, remarks)


def _plain(rows: Iterable[pl.DataFrame], parser: Parser) -> Iterator[pl.DataFrame]:
    """The rows, numbered, with plain ranks and with their names divided."""
    number = 0
    for frame in rows:
        numbers = pl.int_range(number, number + frame.height, dtype=pl.Int32).alias("number")
        number += frame.height
        frame = frame.select(numbers, *ROWS).with_columns(plain_rank(pl.col("rank")).alias("rank"))
        if any((frame[rank] != "").any() for rank in UPPER):
            frame = clean_ranks(frame, parser)
        frame = with_plain_names(frame, parser)
        is_species = (pl.col("rank") == "") & (pl.col("epithet") != "")
        yield frame.with_columns(rank=pl.when(is_species).then(pl.lit("species")).otherwise("rank"))


def _make_nodes(database: Database) -> dict[str, int]:
    """Make the table checklist_node; returns how many rows are none, by reason."""
    is_used = "status IN ('accepted', 'synonym')"
    unused = dict(
        database.rows(f"SELECT status, count(*) FROM checklist_row WHERE NOT {is_used} GROUP BY status ORDER BY status")
    )
    database.make("checklist_id", f"SELECT id, min(number) AS number FROM checklist_row WHERE {is_used} GROUP BY id")
    repeated = database.value(
        f"SELECT count(*) - (SELECT count(*) FROM checklist_id) FROM checklist_row WHERE {is_used}"
    )
    first = "SEMI JOIN checklist_id USING (number)" if repeated else ""
    database.run(f"CREATE OR REPLACE VIEW checklist_node AS SELECT * FROM checklist_row {first} WHERE {is_used}")
    return {_DUPLICATE: repeated, **unused}


_KEYS = """
    SELECT key, min(number) AS number
    FROM (
        SELECT if(key = '', id, key) AS key, number FROM checklist_node
    )
    GROUP BY key
"""
_LINKS = """
    SELECT
        node.number,
        node.is_synonym,
        node.link <> '' AS has_link,
        coalesce(target.number, -1) AS link
    FROM (
        SELECT
            number,
            accepted NOT IN ('', if(key = '', id, key)) AS names_other,
            names_other OR (status = 'synonym' AND accepted = '') AS is_synonym,
            CASE WHEN names_other THEN accepted WHEN is_synonym THEN '' ELSE parent END AS link
        FROM checklist_node
    ) AS node
    LEFT JOIN checklist_key AS target ON node.link = target.key
"""


def _make_tree(database: Database, count: int) -> Tree:
    """Make the table checklist_tree.

    Args:
        count: the number of rows, whose numbers are smaller.
    """
    database.make("checklist_key", _KEYS)
    database.make("checklist_link", _LINKS)
    links = database.frame("SELECT number, is_synonym, link::INTEGER AS link FROM checklist_link")
    numbers = links["number"].to_numpy()
    link, is_synonym, is_node = np.full(count, -1, np.int32), np.zeros(count, bool), np.zeros(count, bool)
    link[numbers], is_synonym[numbers], is_node[numbers] = links["link"], links["is_synonym"], True
    tree = make_tree(link, is_synonym, is_node)
    columns_of_tree = {"taxon": tree.taxon, "parent": tree.parent, "trouble": tree.trouble}
    database.load("checklist_tree", pl.DataFrame({"number": np.arange(count, dtype=np.int32), **columns_of_tree}))
    return tree


def _orphans(database: Database) -> Iterator[str]:
    orphans, links = database.rows(
        "SELECT count(*) FILTER (has_link AND link = -1), count(*) FILTER (has_link) FROM checklist_link "
        "WHERE NOT is_synonym"
    )[0]
    if orphans:
        share = "all" if orphans == links else f"{orphans:,} of {links:,}"
        yield f"{share} rows with a parent {ORPHANS}"


def _make_lineages(database: Database, tree: Tree) -> None:
    """Make the table checklist_lineage: of each inner node, the names of its nearest ancestors and of itself."""
    database.load("checklist_inner", pl.DataFrame({"number": pl.Series(tree.inner, dtype=pl.Int32)}))
    inner = database.frame(
        "SELECT number, name, rank, own_genus, epithet FROM checklist_node SEMI JOIN checklist_inner USING (number) "
        "ORDER BY number"
    )
    kinds = inner.select(kind=_kind())["kind"].to_numpy()
    ancestors = [
        pl.Series(found, dtype=pl.Int32).replace(-1, None) for found in tree.ancestors(kinds, len(_KIND_NAMES))
    ]
    names = pl.DataFrame(
        [inner["name"].gather(found).alias(kind) for kind, found in zip(_KIND_NAMES, ancestors, strict=True)]
    )
    species = ancestors[RANKS.index("species")]
    names = names.with_columns(
        number=inner["number"],
        kingdom=pl.coalesce("domain", "kingdom").replace(KINGDOMS),
        phylum=pl.coalesce("phylum", "division"),
        # The genus of a species stands in its name, whatever the genus is that a checklist puts it under.
        genus=pl.coalesce(inner["own_genus"].gather(species).replace("", None), "genus"),
        species=inner["epithet"].gather(species),
    )
    database.load("checklist_lineage", names.select("number", *(pl.col(rank).fill_null("") for rank in RANKS)))


def _kind() -> pl.Expr:
    """What an inner node is to those below it: the position in _KIND_NAMES, or -1."""
    rank, name = pl.col("rank"), pl.col("name")
    is_other = ~rank.is_in(list(RANKS))
    return (
        pl.when(name == "").then(-1)
        .when(is_other & name.is_in(_DOMAINS)).then(_KIND_NAMES.index("domain"))
        .when(is_other & name.is_in(_UNRANKED_KINGDOMS)).then(0)
        .otherwise(rank.replace_strict({kind: code for code, kind in enumerate(_KINDS_BY_RANK)}, default=-1))
    )  # fmt: skip


def _taxa() -> str:
    """SQL for the table checklist_taxon: the accepted nodes with the seven ranks down to themselves."""
    kingdoms = ", ".join(map(quoted, _UNRANKED_KINGDOMS))
    domains = ", ".join(map(quoted, _DOMAINS))
    ours = " ".join(f"WHEN {quoted(theirs)} THEN {quoted(name)}" for theirs, name in KINGDOMS.items())
    seven = ", ".join(map(quoted, RANKS))
    rank = f"""
        CASE
            WHEN node.rank NOT IN ({seven}) AND node.name IN ({kingdoms}, {domains}) THEN 'kingdom'
            WHEN node.rank = 'kingdom' AND lineage.kingdom IN ({domains}) AND node.name NOT IN ({domains})
                THEN 'subkingdom'
            WHEN node.rank = 'division' AND coalesce(lineage.phylum, '') = '' THEN 'phylum'
            ELSE node.rank
        END"""
    lineage = ",\n".join(f"        {_rank_of_taxon(position)} AS {column(one)}" for position, one in enumerate(RANKS))
    return f"""
    SELECT number, id, name, rank, author, trouble,
{lineage}
    FROM (
        SELECT
            node.* EXCLUDE (rank, kingdom),
            {rank} AS rank,
            coalesce(list_position([{seven}], {rank}), 99) AS level,
            CASE node.name {ours} ELSE node.name END AS kingdom_name,
            node.kingdom,
            tree.trouble,
            {", ".join(f"lineage.{column(one)} AS {column('above_' + one)}" for one in RANKS)}
        FROM checklist_node AS node
        JOIN checklist_tree AS tree ON node.number = tree.number AND tree.taxon = tree.number
        LEFT JOIN checklist_lineage AS lineage ON tree.parent = lineage.number
    )
    """


def _rank_of_taxon(position: int) -> str:
    """SQL for one of the seven ranks of an accepted node, whose own rank has the position ``level``, from 1 on."""
    rank = RANKS[position]
    own = {"kingdom": "kingdom_name", "species": "epithet"}.get(rank, "name")
    above = column(f"above_{rank}")
    if rank == "species":
        return f"CASE WHEN level = {position + 1} THEN {own} WHEN level = 99 THEN coalesce({above}, '') ELSE '' END"
    theirs = f"coalesce(nullif({above}, ''), {column(rank)})"
    if rank == "genus":
        theirs = f"coalesce(nullif(own_genus, ''), {theirs})"
    return f"CASE WHEN level = {position + 1} THEN {own} WHEN level < {position + 1} THEN '' ELSE {theirs} END"


def _all_names() -> str:
    """SQL for the table checklist_name."""
    troubles = " ".join(f"WHEN {code} THEN {quoted(reason)}" for code, reason in _TROUBLES.items())
    own = f"""
        CASE
            WHEN rank IN ({", ".join(map(quoted, sorted(BELOW_SPECIES)))}) THEN {quoted(_BELOW)}
            WHEN name = '' THEN {quoted(_NAMELESS)}
            ELSE CASE trouble {troubles} ELSE '' END
        END"""
    nothing = ", ".join(f"'' AS {column(rank)}" for rank in RANKS)
    return f"""
    WITH synonyms AS (
        SELECT node.id, node.name, node.rank, node.author, tree.taxon, tree.trouble
        FROM checklist_node AS node
        JOIN checklist_tree AS tree ON node.number = tree.number AND tree.taxon <> tree.number
    )
    SELECT id, name, rank, author, 'accepted' AS status, '' AS accepted, {columns(RANKS)}, {own} AS why
    FROM checklist_taxon
    UNION ALL BY NAME
    SELECT
        synonym.id, synonym.name, synonym.rank, synonym.author, 'synonym' AS status,
        if(taxon.name = '', trim(taxon.genus || ' ' || taxon.species), taxon.name) AS accepted,
        {columns(RANKS, "taxon")},
        CASE
            WHEN synonym.why = '' AND synonym.name = taxon.name AND synonym.rank = taxon.rank
                THEN {quoted(_AS_ACCEPTED)}
            ELSE synonym.why
        END AS why
    FROM checklist_taxon AS taxon
    JOIN (SELECT *, {own} AS why FROM synonyms) AS synonym ON taxon.number = synonym.taxon
    UNION ALL BY NAME
    SELECT id, name, rank, author, 'synonym' AS status, '' AS accepted, {nothing}, {own} AS why
    FROM synonyms
    WHERE taxon = -1
    """


def _forget(database: Database, *tables: str) -> None:
    """Free the memory and the disk that tables take."""
    for table in tables:
        database.load(f"checklist_{table}", pl.DataFrame(schema={"number": pl.Int32}))
