"""EOL's dynamic hierarchy, ``taxon.tab``: the seven ranks above every node, by pointer doubling.

Parents are followed for all nodes at once: after k rounds every node knows its nearest ancestor of each
rank among 2^k, so a chain of a thousand nodes takes ten rounds, and a million rows some seconds.
"""

from dataclasses import replace
from pathlib import Path

import polars as pl

from ...core.values import RANKS
from ...errors import InputError
from ..expressions import UPPER
from ..parsing.kingdoms import KINGDOMS
from ..parsing.parsed_name import Parser
from .records import clean_ranks, names_something, parse_names, with_species
from .table_count import TableCount
from .tables import ProviderTable, read_table, require_use

_COLUMNS = ("taxonID", "acceptedNameUsageID", "parentNameUsageID", "scientificName", "taxonRank", "eolID")
_IDS = _COLUMNS[:3]
_OPTIONAL = ("taxonomicStatus", "canonicalName", "authority", "higherClassification")
# The hierarchy gives its highest nodes, such as Metazoa and Archaeplastida, another rank than kingdom, or none.
_UNRANKED_KINGDOMS = sorted({*KINGDOMS, "Fungi", "Bacteria", "Archaea", "Animalia", "Plantae"})


def read_tree(path: Path, parser: Parser) -> pl.DataFrame:
    """The nodes of a taxon.tab; see :func:`make_nodes`.

    Raises:
        InputError: it is missing or malformed, or lacks a column.
    """
    return make_nodes(read_tree_table(path), parser)


def read_tree_table(path: Path) -> ProviderTable:
    """The columns of a taxon.tab that nodes are made from.

    Raises:
        InputError: it is missing or malformed, or lacks a column.
    """
    return read_table(path, _COLUMNS, optional=_OPTIONAL, numbers=("eolID",), ids=_IDS)


def make_nodes(table: ProviderTable, parser: Parser) -> pl.DataFrame:
    """The nodes of EOL's tree.

    Returns:
        One row per node: ``node``, ``page``, ``name``, ``author``, ``rank``; the seven ranks as the tree gives them;
        ``context``, the kingdom that higherClassification names; ``status``, accepted or synonym; and ``trouble``,
        which is empty, ``cycle`` or ``orphan``.

    Raises:
        InputError: it has no rows.
    """
    if table.rows.is_empty():
        raise InputError(f"{table.path} has no rows")
    rows = _unique_nodes(table.rows)
    parent, trouble = _parents(rows)
    return _nodes(rows.with_columns(trouble), clean_ranks(_lineage(rows, parent), parser))


def _unique_nodes(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted, without repeated nodes, with clean names: the order of the file must not matter."""
    name = pl.when(pl.col("canonicalName") != "").then("canonicalName").otherwise("scientificName")
    rows = rows.with_columns(name.alias("name"), pl.col("taxonRank").str.to_lowercase())
    return rows.sort("taxonID", "acceptedNameUsageID", "parentNameUsageID", "name", "eolID", "taxonRank").unique(
        "taxonID", keep="first", maintain_order=True
    )


def _parents(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The row number of every node's parent (null at a root), and what is wrong with it. Cycles are cut.

    A synonym's parent is its accepted name.
    """
    numbers = rows.select(pl.col("taxonID"), pl.int_range(pl.len(), dtype=pl.UInt32).alias("number"))
    parent_id = pl.when(_is_accepted()).then("parentNameUsageID").otherwise("acceptedNameUsageID")
    parents = rows.select(parent_id.alias("taxonID"))
    parent = parents.join(numbers, on="taxonID", how="left", maintain_order="left")["number"]
    orphan = parent.is_null() & (parents["taxonID"] != "")
    cyclic = _on_cycles(parent)
    parent = pl.select(pl.when(cyclic).then(None).otherwise(parent)).to_series()
    trouble = pl.when(cyclic).then(pl.lit("cycle")).when(orphan).then(pl.lit("orphan")).otherwise(pl.lit(""))
    return parent, pl.select(trouble=trouble)["trouble"]


def _is_accepted() -> pl.Expr:
    return (pl.col("acceptedNameUsageID") == "") | (pl.col("acceptedNameUsageID") == pl.col("taxonID"))


def _on_cycles(parent: pl.Series) -> pl.Series:
    """Which nodes lie on a cycle: the end points of walks that are longer than the number of nodes."""
    jump, steps = parent, 1
    while steps <= len(parent) and jump.null_count() < len(jump):
        jump, steps = jump.gather(jump), 2 * steps
    numbers = pl.int_range(len(parent), dtype=pl.UInt32, eager=True)
    return numbers.is_in(jump.drop_nulls().unique().implode())


def _lineage(rows: pl.DataFrame, parent: pl.Series) -> pl.DataFrame:
    """The names of each node and its nearest ancestors at the seven ranks."""
    unranked = ~pl.col("taxonRank").is_in(list(RANKS)) & pl.col("name").is_in(_UNRANKED_KINGDOMS)
    rank = pl.when(unranked).then(pl.lit("kingdom")).otherwise("taxonRank")
    number = pl.int_range(pl.len(), dtype=pl.UInt32)
    # A synonym is no ancestor: nodes below it belong to its accepted name, which is its parent here.
    own = rows.select(pl.when((rank == each) & _is_accepted()).then(number).alias(each) for each in RANKS)
    ancestors, jump = own.to_dict(), parent
    # Cycles are cut, so every walk ends: then all jumps are null.
    while jump.null_count() < len(jump):
        ancestors = {each: ancestor.fill_null(ancestor.gather(jump)) for each, ancestor in ancestors.items()}
        jump = jump.gather(jump)
    names = rows["name"]
    return pl.DataFrame({each: names.gather(ancestor).fill_null("") for each, ancestor in ancestors.items()})


def _nodes(rows: pl.DataFrame, lineage: pl.DataFrame) -> pl.DataFrame:
    own = rows.select(
        node="taxonID", page="eolID", name="name", author="authority", rank="taxonRank", trouble="trouble",
        status=pl.when(_is_accepted()).then(pl.lit("accepted")).otherwise(pl.lit("synonym")),
        context=_context(),
    )  # fmt: skip
    return pl.concat([own, lineage], how="horizontal")


def _context() -> pl.Expr:
    """The kingdom that the column higherClassification names."""
    kingdom = pl.col("higherClassification").str.extract(
        r"(?:^|\|)(Metazoa|Archaeplastida|Chloroplastida|Fungi|Bacteria|Archaea|Animalia|Plantae)(?:\||$)", 1
    )
    return kingdom.fill_null("").replace(KINGDOMS)


def count_tree(table: ProviderTable, nodes: pl.DataFrame, records: pl.DataFrame) -> TableCount:
    """What came of the rows of a taxon.tab.

    Raises:
        InputError: none of them names anything.
    """
    left_out = {
        "with the taxonID of another row": table.rows.height - nodes.height,
        "whose parents lead back to them": nodes.filter(pl.col("trouble") == "cycle").height,
        "synonyms above the phylum or between the seven ranks": nodes.filter(
            (pl.col("trouble") != "cycle") & (pl.col("status") == "synonym") & ~pl.col("rank").is_in(list(RANKS[1:]))
        ).height,
    }
    has_parent = pl.any_horizontal(pl.col("parentNameUsageID", "acceptedNameUsageID") != "")
    if nodes.filter(pl.col("trouble") == "orphan").height == table.rows.filter(has_parent).height > 0:
        remark = "no parentNameUsageID is the taxonID of another row, so that no row has ranks above its own"
        table = replace(table, remarks=(*table.remarks, remark))
    count = table.count("eol", records.filter(names_something()).height, left_out, "without a name at the seven ranks")
    return require_use(count, table.path, f"names in the column scientificName and the ranks {', '.join(RANKS)}")


def tree_records(nodes: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Every node that is on no cycle as a record, with its ``node``, ``page`` and the other columns.

    A synonym has the parents of its accepted name.
    """
    # The ancestors of a node on a cycle depend on where the cycle is entered.
    nodes = nodes.filter(pl.col("trouble") != "cycle")
    nodes = with_species(nodes.rename({"species": "species_name"}), nodes["species"], parser).drop("species_name")
    synonyms = nodes.filter((pl.col("status") == "synonym") & pl.col("rank").is_in(list(RANKS[1:])))
    accepted = nodes.filter(pl.col("status") == "accepted")
    return pl.concat([accepted, _synonym_records(synonyms, parser)], how="diagonal")


def _synonym_records(synonyms: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Synonyms with their own name at their own rank, and nothing below it."""
    own = parse_names(synonyms["name"], parser)
    records = synonyms.with_columns(own["genus"].alias("own_genus"), own["species"].alias("own_species"))
    for rank in UPPER[1:]:
        at_rank = pl.col("rank") == rank
        below = RANKS[RANKS.index(rank) + 1 :]
        records = records.with_columns(
            pl.when(at_rank).then("own_genus").otherwise(rank).alias(rank),
            *(pl.when(at_rank).then(pl.lit("")).otherwise(lower).alias(lower) for lower in below),
        )
    is_species = pl.col("rank") == "species"
    return records.with_columns(
        genus=pl.when(is_species).then("own_genus").otherwise("genus"),
        species=pl.when(is_species).then("own_species").otherwise("species"),
    ).drop("own_genus", "own_species")


def rank_synonyms(nodes: pl.DataFrame) -> pl.DataFrame:
    """Synonyms of phyla to families: ``rank``, ``name`` and ``accepted``.

    Names that are accepted somewhere at the same rank are left out: they may be meant as such.
    """
    ranks = RANKS[1:5]
    ranked = nodes.filter(pl.col("rank").is_in(list(ranks)))
    accepted = ranked.filter(pl.col("status") == "accepted").select("rank", "name").unique()
    synonyms = ranked.filter(pl.col("status") == "synonym")
    at_rank = pl.coalesce(pl.when(pl.col("rank") == rank).then(rank) for rank in ranks)
    pairs = synonyms.select("rank", "name", accepted=at_rank).filter(pl.col("accepted").fill_null("") != "").unique()
    return pairs.join(accepted, on=["rank", "name"], how="anti")
