"""Evidence: what the sources themselves give for every name key, as ranks and as the name that was written."""

from collections.abc import Mapping

import polars as pl

from ...sources.base import Source
from ..expressions import UPPER, is_nameless
from ..parsing.parsed_name import Parser
from ..providers.records import own_parts
from .evidence_columns import conform


def of_pages(
    source: Source, pages: pl.DataFrame, nodes: pl.DataFrame | None, scraped: pl.DataFrame | None, parser: Parser
) -> pl.DataFrame:
    """Evidence for EOL pages: their node of the tree, else the name that was scraped from the page.

    Args:
        source: the source whose images are on these pages.
        pages: the pages, as ``name_key``.
        nodes: EOL's tree, if configured.
        scraped: the names that were scraped from pages, if configured: ``page_id`` and ``scientific_name``.
    """
    pages, parts = pages.select("name_key"), [conform(pl.DataFrame(schema={"name_key": pl.String}))]
    if nodes is not None:
        in_tree = pages.join(_page_nodes(nodes), left_on="name_key", right_on="page", how="inner")
        parts.append(_from(_node_evidence(in_tree, parser), source, "eol"))
        pages = pages.join(in_tree.select("name_key"), on="name_key", how="anti")
    if scraped is not None:
        on_page = pages.join(scraped, left_on="name_key", right_on="page_id", how="inner")
        parts.append(_from(_name_evidence(on_page, "scientific_name", parser), source, "scraped"))
    return pl.concat(parts)


def _from(evidence: pl.DataFrame, source: Source, origin: str) -> pl.DataFrame:
    return conform(evidence.with_columns(source=pl.lit(source.name), origin=pl.lit(origin)))


def _page_nodes(nodes: pl.DataFrame) -> pl.DataFrame:
    """One node for each page: an accepted one before a synonym, then the lowest number."""
    # By the alphabet, "accepted" comes before "synonym".
    paged = nodes.filter(pl.col("page") != "").sort("status", "node")
    several = (pl.len().over("page") > 1) & (pl.col("trouble") == "")
    paged = paged.with_columns(trouble=pl.when(several).then(pl.lit("duplicate")).otherwise("trouble"))
    return paged.unique("page", keep="first", maintain_order=True)


def _node_evidence(nodes: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Evidence from nodes of the tree. A node below the species gets its genus and epithet from its own name."""
    nodes = nodes.with_columns(own_parts(nodes["name"], parser))
    below = ~pl.col("rank").is_in(list(UPPER)) & (pl.col("own_species") != "") & (pl.col("species") == "")
    unranked = (pl.col("rank") == "") & (pl.col("own_species") == "") & is_nameless()
    return nodes.with_columns(
        species=pl.when(below).then("own_species").otherwise("species"),
        genus=pl.when(below & (pl.col("genus") == "")).then("own_genus").otherwise("genus"),
        infraspecific="own_infraspecific",
        uninomial=pl.when(unranked).then("own_genus").otherwise(pl.lit("")),
        verbatim=pl.concat_str("name", "author", separator=" ").str.strip_chars(),
        authorship="author",
    )


def _name_evidence(names: pl.DataFrame, column: str, parser: Parser) -> pl.DataFrame:
    """Evidence from a name alone. A single word may be of any rank."""
    names = names.with_columns(own_parts(names[column], parser))
    one_word = pl.col("own_species") == ""
    return names.with_columns(
        genus=pl.when(one_word).then(pl.lit("")).otherwise("own_genus"), species="own_species",
        infraspecific="own_infraspecific", authorship="own_authorship", verbatim=column,
        uninomial=pl.when(one_word).then("own_genus").otherwise(pl.lit("")),
    )  # fmt: skip


def rank_uninomials(evidence: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each name of one word the rank at which the authorities know it.

    Where no authority knows it, its ending decides: ``-idae`` and ``-aceae`` are families, all others genera.

    This is for datasets without checklists, whose names stay as they have always been; with checklists,
    :mod:`.word_ranks` takes its place.

    Returns:
        The evidence; and ``source, name_key, evidence, uninomial, ranks`` of the names that the authorities know at
        several ranks, which stay without one.
    """
    columns = ("source", "name_key", "evidence", "uninomial")
    words = evidence.filter(pl.col("uninomial") != "").select("uninomial").unique()
    if words.is_empty():
        return evidence, evidence.select(*columns, pl.lit("").alias("ranks")).clear()
    evidence = evidence.join(_ranks_of(words, tables), on="uninomial", how="left", maintain_order="left")
    fills = [
        pl.when((pl.col("rank") == rank) & (pl.col(rank) == "")).then("uninomial").otherwise(rank).alias(rank)
        for rank in UPPER
    ]
    several = evidence.filter(pl.col("rank").str.contains(",")).rename({"rank": "ranks"})
    return evidence.with_columns(fills).drop("rank"), several.select(*columns, "ranks")


def _ranks_of(words: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``uninomial`` and ``rank``: all ranks at which the authorities know it, joined by commas."""
    matches = [
        words.filter(pl.col("uninomial").is_in(table[rank].unique().implode())).with_columns(rank=pl.lit(rank))
        for rank, table in tables.items()
        if rank != "species"
    ]
    ranks = pl.concat(matches).group_by("uninomial").agg(pl.col("rank").sort().str.join(", "))
    # The endings of family names by the codes of zoology (ICZN, article 29.2) and botany (ICN, article 18.1).
    is_family = pl.col("uninomial").str.contains("(idae|aceae)$")
    by_ending = pl.when(is_family).then(pl.lit("family")).otherwise(pl.lit("genus"))
    return words.join(ranks, on="uninomial", how="left").with_columns(pl.col("rank").fill_null(by_ending))
