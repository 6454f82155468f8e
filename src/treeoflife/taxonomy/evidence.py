"""What the sources say of every name key: the ranks, the name as written, and where that stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import polars as pl

from ..core.values import RANKS
from ..sources.base import Source
from .parsing import Parser
from .tables import clean_ranks, parse_names, read_table, with_species

SCHEMA = {
    "source": pl.String, "name_key": pl.String, **dict.fromkeys(RANKS, pl.String), "context": pl.String,
    "origin": pl.String, "verbatim": pl.String, "uninomial": pl.String, "infraspecific": pl.String,
    "authorship": pl.String, "quality": pl.Int8, "parse": pl.String, "label_common": pl.String, "trouble": pl.String,
}  # fmt: skip
"""The columns of evidence. ``uninomial`` is a name of one word whose rank nobody gave."""

_ROWS_AT_ONCE = 50_000


def shaped(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns of SCHEMA, those that it lacks empty."""
    columns = [
        (pl.col(name).cast(kind) if name in frame.columns else pl.lit(0 if kind == pl.Int8 else "", kind).alias(name))
        for name, kind in SCHEMA.items()
    ]
    return frame.select(columns).with_columns(pl.col(pl.String).fill_null(""), pl.col("quality").fill_null(0))


def name_keys(source: Source, images: pl.DataFrame) -> pl.DataFrame:
    """The name keys that a source's images have: ``name_key``, and ``label_key``, by which its labels go."""
    if source.name_key == "treeoflife_id":
        label = pl.concat_str([pl.col(column).cast(pl.String) for column in source.key], separator="/")
        return images.select(name_key="treeoflife_id", label_key=label)
    key = images.select(pl.col(source.name_key).cast(pl.String).alias("name_key")).unique()
    return key.with_columns(label_key="name_key")


def of_pages(
    source: Source, pages: pl.DataFrame, nodes: pl.DataFrame | None, scraped: Path | None, parser: Parser
) -> pl.DataFrame:
    """Evidence for EOL pages: their node of the tree, else the name that was scraped from the page."""
    parts = []
    wanted = pages.select("name_key")
    if nodes is not None:
        found = wanted.join(_page_nodes(nodes), left_on="name_key", right_on="page", how="inner")
        parts.append(shaped(_from_nodes(found, parser).with_columns(source=pl.lit(source.name), origin=pl.lit("eol"))))
        wanted = wanted.join(found.select("name_key"), on="name_key", how="anti")
    if scraped is not None:
        table = (
            read_table(scraped, ("page_id", "scientific_name"))
            .sort("page_id", "scientific_name")
            .unique("page_id", keep="first")
        )
        found = wanted.join(table, left_on="name_key", right_on="page_id", how="inner")
        parts.append(
            shaped(
                _from_names(found, "scientific_name", parser).with_columns(
                    source=pl.lit(source.name), origin=pl.lit("scraped")
                )
            )
        )
    return pl.concat([shaped(pl.DataFrame({"name_key": []}, schema={"name_key": pl.String})), *parts])


def _page_nodes(nodes: pl.DataFrame) -> pl.DataFrame:
    """One node for each page: an accepted one before a synonym, then the lowest number."""
    paged = nodes.filter(pl.col("page") != "").sort("status", "node")
    several = (pl.len().over("page") > 1) & (pl.col("trouble") == "")
    paged = paged.with_columns(trouble=pl.when(several).then(pl.lit("duplicate")).otherwise("trouble"))
    return paged.unique("page", keep="first", maintain_order=True)


def _from_nodes(found: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Nodes of the tree; the name of one at or below the species is taken apart for what stands below the epithet."""
    own = parse_names(found["name"], parser)
    found = found.drop("infraspecific").with_columns(
        own["genus"].alias("own_genus"),
        own["species"].alias("own_species"),
        own["infraspecific"],
        own["quality"],
        own["kind"].alias("parse"),
    )
    low = pl.col("rank").is_in(list(RANKS[:-1])).not_() & (pl.col("own_species") != "") & (pl.col("species") == "")
    unplaced = (
        (pl.col("rank") == "") & (pl.col("own_species") == "") & pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)
    )
    return found.with_columns(
        species=pl.when(low).then("own_species").otherwise("species"),
        genus=pl.when(low & (pl.col("genus") == "")).then("own_genus").otherwise("genus"),
        uninomial=pl.when(unplaced).then("own_genus").otherwise(pl.lit("")),
        verbatim=pl.concat_str("name", "author", separator=" ").str.strip_chars(),
        authorship=pl.col("author"),
    )


def _from_names(found: pl.DataFrame, column: str, parser: Parser) -> pl.DataFrame:
    """Names and nothing else."""
    own = parse_names(found[column], parser)
    one_word = (own["species"] == "") & (own["genus"] != "")
    return found.with_columns(
        own["species"], own["infraspecific"], own["authorship"], own["quality"], own["kind"].alias("parse"),
        pl.select(genus=pl.when(one_word).then(pl.lit("")).otherwise(own["genus"])).to_series(),
        pl.select(uninomial=pl.when(one_word).then(own["genus"]).otherwise(pl.lit(""))).to_series(),
        verbatim=pl.col(column),
    )  # fmt: skip


def of_labels(source: Source, keys: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Evidence from what the source itself says, for the keys that it has images of."""
    parts = [shaped(pl.DataFrame({"name_key": []}, schema={"name_key": pl.String}))]
    for batch in _label_batches(source):
        known = batch.join(keys, on="label_key", how="inner")
        parts.append(
            shaped(_from_labels(known, parser).with_columns(source=pl.lit(source.name), origin=pl.lit(source.name)))
        )
    return pl.concat(parts).sort("name_key", *RANKS, "verbatim").unique("name_key", keep="first", maintain_order=True)


def _label_batches(source: Source) -> Iterator[pl.DataFrame]:
    schema = dict.fromkeys(("label_key", *RANKS, "verbatim", "label_common"), pl.String)
    labels = source.labels()
    while batch := [
        (label.name_key, *label.taxon, label.scientific_name, label.common) for label in islice(labels, _ROWS_AT_ONCE)
    ]:
        yield pl.DataFrame(batch, schema=schema, orient="row")


def _from_labels(labels: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Ranks as given; a full name fills genus and epithet where the label has none, and adds what stands below."""
    frame = with_species(clean_ranks(labels, parser), labels["species"], parser)
    own = parse_names(frame["verbatim"], parser)
    empty = (pl.col("genus") == "") & (pl.col("species") == "")
    frame = frame.with_columns(
        own["genus"].alias("own_genus"), own["species"].alias("own_species"), own["authorship"], own["quality"],
        own["kind"].alias("parse"), own["infraspecific"].alias("own_infraspecific"),
    ).with_columns(
        infraspecific=pl.when(pl.col("own_infraspecific") != "").then("own_infraspecific").otherwise("infraspecific")
    )  # fmt: skip
    named = frame.select(pl.any_horizontal(pl.col(rank) == pl.col("own_genus") for rank in RANKS)).to_series()
    return frame.with_columns(
        species=pl.when((pl.col("species") == "") & ((pl.col("own_genus") == pl.col("genus")) | empty))
        .then("own_species")
        .otherwise("species"),
        genus=pl.when(empty & (pl.col("own_species") != "")).then("own_genus").otherwise("genus"),
        uninomial=pl.when(empty & (pl.col("own_species") == "") & ~named).then("own_genus").otherwise(pl.lit("")),
    )


def place_uninomials(evidence: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give names of one word the rank at which the authorities know them; where none does, the one they end like.

    Returns:
        The evidence, and ``name_key, source, uninomial, ranks`` of the names that stand at several ranks: they stay
        unplaced.
    """
    words = evidence.filter(pl.col("uninomial") != "").select("uninomial").unique()
    if words.is_empty():
        return evidence, evidence.select("source", "name_key", "uninomial", pl.lit("").alias("ranks")).clear()
    evidence = evidence.join(_ranks_of(words, tables), on="uninomial", how="left", maintain_order="left")
    fills = [
        pl.when((pl.col("rank") == rank) & (pl.col(rank) == "")).then("uninomial").otherwise(rank).alias(rank)
        for rank in RANKS[:-1]
    ]
    several = evidence.filter(pl.col("rank").str.contains(",")).select(
        "source", "name_key", "uninomial", pl.col("rank").alias("ranks")
    )
    return evidence.with_columns(fills).drop("rank"), several


def _ranks_of(words: pl.DataFrame, tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """``uninomial`` and ``rank``, all ranks at which the authorities know it."""
    known = [
        words.filter(pl.col("uninomial").is_in(table[rank].unique().implode())).with_columns(rank=pl.lit(rank))
        for rank, table in tables.items()
        if rank != "species"
    ]
    ranks = pl.concat(known).group_by("uninomial").agg(pl.col("rank").sort().str.join(", "))
    family = pl.col("uninomial").str.contains("(idae|aceae)$")
    by_ending = pl.when(family).then(pl.lit("family")).otherwise(pl.lit("genus"))
    return words.join(ranks, on="uninomial", how="left").with_columns(pl.col("rank").fill_null(by_ending))
