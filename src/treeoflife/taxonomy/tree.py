"""EOL's dynamic hierarchy, ``taxon.tab``: the seven ranks above every node, by pointer doubling.

Parents are followed for all nodes at once: after k rounds every node knows its nearest ancestors of each
rank among 2^k, so a chain of a thousand nodes takes ten rounds, and a million rows some seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core.values import RANKS
from ..errors import InputError
from .parsing import Parser
from .tables import clean_ranks, read_table
from .text import KINGDOMS

_COLUMNS = ("taxonID", "acceptedNameUsageID", "parentNameUsageID", "scientificName", "taxonRank", "eolID")
_OPTIONAL = ("taxonomicStatus", "canonicalName", "authority", "higherClassification")
_BELOW_SPECIES = ("infraspecies", "subspecies", "variety", "form", "subvariety", "forma")
_UNRANKED_KINGDOMS = sorted({*KINGDOMS, "Fungi", "Bacteria", "Archaea", "Animalia", "Plantae"})


@dataclass(frozen=True)
class Tree:
    """The nodes of a hierarchy.

    Attributes:
        nodes: a row per node: ``node``, ``page``, ``name``, ``author``, ``rank``, the seven ranks as the tree gives
            them, ``context`` (the kingdom that higherClassification names), ``status`` (accepted or synonym) and
            ``trouble`` (empty, ``cycle`` or ``orphan``).
    """

    nodes: pl.DataFrame


def read_tree(path: Path, parser: Parser) -> Tree:
    """Read a taxon.tab.

    Raises:
        InputError: it is missing or lacks a column.
    """
    rows = read_table(path, _COLUMNS, separator="\t", optional=_OPTIONAL)
    if rows.is_empty():
        raise InputError(f"{path} has no row")
    rows = _one_per_node(rows)
    parent, trouble = _parents(rows)
    rows = rows.with_columns(trouble)
    lineage = clean_ranks(_lineage(rows, parent), parser)
    return Tree(_nodes(rows, lineage))


def _one_per_node(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted, without repeated nodes, with clean names: the order of the file must not matter."""
    name = pl.when(pl.col("canonicalName") != "").then("canonicalName").otherwise("scientificName")
    rows = rows.with_columns(name.alias("name"), pl.col("taxonRank").str.to_lowercase())
    return rows.sort("taxonID", "acceptedNameUsageID", "parentNameUsageID", "name", "eolID", "taxonRank").unique(
        "taxonID", keep="first", maintain_order=True
    )


def _parents(rows: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """The row number of every node's parent (null at a root), and what is wrong with it. Cycles are cut."""
    numbers = rows.select(pl.col("taxonID"), pl.int_range(pl.len(), dtype=pl.UInt32).alias("number"))
    wanted = rows.select(
        pl.when(_accepted()).then("parentNameUsageID").otherwise("acceptedNameUsageID").alias("taxonID")
    )
    parent = wanted.join(numbers, on="taxonID", how="left", maintain_order="left")["number"]
    orphan = parent.is_null() & (wanted["taxonID"] != "")
    cyclic = _on_cycles(parent)
    parent = pl.select(pl.when(cyclic).then(None).otherwise(parent)).to_series()
    trouble = pl.select(pl.when(cyclic).then(pl.lit("cycle")).when(orphan).then(pl.lit("orphan")).otherwise(pl.lit("")))
    return parent, trouble.to_series().alias("trouble")


def _accepted() -> pl.Expr:
    return (pl.col("acceptedNameUsageID") == "") | (pl.col("acceptedNameUsageID") == pl.col("taxonID"))


def _on_cycles(parent: pl.Series) -> pl.Series:
    """Which nodes lie on a cycle: those where walks that never end arrive."""
    jump, steps = parent, 1
    while steps <= len(parent) and jump.null_count() < len(jump):
        jump, steps = jump.gather(jump), 2 * steps
    numbers = pl.int_range(len(parent), dtype=pl.UInt32, eager=True)
    return numbers.is_in(jump.drop_nulls().unique().implode())


def _lineage(rows: pl.DataFrame, parent: pl.Series) -> pl.DataFrame:
    """The names of each node and its nearest ancestors at the seven ranks."""
    unranked = ~pl.col("taxonRank").is_in(list(RANKS)) & pl.col("name").is_in(_UNRANKED_KINGDOMS)
    rank = pl.when(unranked).then(pl.lit("kingdom")).otherwise("taxonRank")
    ranks = rows.select(rank.alias("rank"), pl.int_range(pl.len(), dtype=pl.UInt32).alias("number"))
    accepted = rows.select(_accepted()).to_series()
    found = {
        each: ranks.select(pl.when((pl.col("rank") == each) & accepted).then("number").otherwise(None)).to_series()
        for each in RANKS
    }
    jump = parent
    while jump.null_count() < len(jump):
        found = {each: ancestor.fill_null(ancestor.gather(jump)) for each, ancestor in found.items()}
        jump = jump.gather(jump)
    names = rows["name"]
    return pl.DataFrame({each: names.gather(ancestor).fill_null("") for each, ancestor in found.items()})


def _nodes(rows: pl.DataFrame, lineage: pl.DataFrame) -> pl.DataFrame:
    kept = rows.select(
        node="taxonID", page="eolID", name="name", author="authority", rank="taxonRank", trouble="trouble",
        status=pl.when(_accepted()).then(pl.lit("accepted")).otherwise(pl.lit("synonym")),
        context=_context(),
    )  # fmt: skip
    return pl.concat([kept, lineage], how="horizontal")


def _context() -> pl.Expr:
    """The kingdom that the column higherClassification names."""
    found = pl.col("higherClassification").str.extract(
        r"(?:^|\|)(Metazoa|Archaeplastida|Chloroplastida|Fungi|Bacteria|Archaea|Animalia|Plantae)(?:\||$)", 1
    )
    return found.fill_null("").replace(KINGDOMS)
