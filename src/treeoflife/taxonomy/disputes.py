"""Findings about taxa whose names at a rank were replaced, so that each has one lineage: who said what."""

import polars as pl

from ..core.values import RANKS
from . import findings, vernaculars
from .expressions import UPPER, giver

_ABOVE = UPPER[:-1]


def find_disputes(before: pl.DataFrame, after: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """A finding ``classification`` for each taxon of which a name was replaced.

    Args:
        before: the resolved rows.
        after: the same with one lineage per taxon, in the same order.
        evidence: ``number``, ``source``, ``name_key`` and ``keys`` of those who have these names.

    Returns:
        The columns of :data:`.findings.SCHEMA`. ``detail`` is such as ``eol: class Lepidosauria; itis: class Reptilia;
        taken: class Reptilia, by built_in``.
    """
    replaced = {rank: (before[rank] != "") & (before[rank] != after[rank]) for rank in _ABOVE}
    concerned = pl.DataFrame(replaced).select(pl.any_horizontal(_ABOVE)).to_series()
    taxa = after.filter(concerned).select(RANKS).unique().sort(RANKS).with_row_index("taxon")
    if taxa.is_empty():
        return findings.empty()
    taxon = after.select(RANKS).join(taxa, on=RANKS, how="left", maintain_order="left")["taxon"]
    names = vernaculars.with_lowest_name(taxa).select("taxon", rank="name_rank", value="name")
    keys = before.select("number", taxon).drop_nulls().join(evidence, on="number")
    table = names.join(_keys_of(keys), on="taxon").join(_details(before, after, replaced, taxon), on="taxon")
    table = table.with_columns(kind=pl.lit("classification"))
    return table.select(pl.col(name).cast(kind) for name, kind in findings.SCHEMA.items())


def _keys_of(keys: pl.DataFrame) -> pl.DataFrame:
    """The number of each taxon's keys, and the first of them with its source."""
    ordered = keys.sort("taxon", "source", "name_key").group_by("taxon", maintain_order=True)
    return ordered.agg(pl.col("source", "name_key").first(), pl.col("keys").cast(pl.Int64).sum())


def _details(
    before: pl.DataFrame, after: pl.DataFrame, replaced: dict[str, pl.Series], taxon: pl.Series
) -> pl.DataFrame:
    """The sentence of each ``taxon``: what all say of the ranks at which a name was replaced, and what is taken."""
    said, taken = list[pl.DataFrame](), list[pl.DataFrame]()
    for number, rank in enumerate(_ABOVE):
        columns = {"taxon": taxon, "replaced": replaced[rank]}
        ours = before.select(name=rank, by=giver(rank)).with_columns(**columns)
        theirs = after.select(name=rank, by=pl.col(f"{rank}_from").str.split(":").list.last()).with_columns(**columns)
        disputed = ours.filter("replaced").select("taxon").unique()
        place = pl.lit(number).alias("rank")
        said.append(
            ours.filter(pl.col("name") != "")
            .join(disputed, on="taxon", how="semi")
            .select(place, "taxon", "name", "by")
        )
        taken.append(theirs.filter("replaced").select(place, "taxon", "name", "by"))
    statements = _statements(pl.concat(said)).with_columns(text=pl.format("{}: {}", "by", "text"))
    takings = _statements(pl.concat(taken))
    by = pl.when(pl.col("by") != "").then(pl.format("{}, by {}", "text", "by")).otherwise("text")
    takings = takings.sort("taxon", "by").group_by("taxon", maintain_order=True).agg(taken=by.str.join("; "))
    joined = statements.sort("taxon", "by").group_by("taxon", maintain_order=True).agg(pl.col("text").str.join("; "))
    return joined.join(takings, on="taxon").select("taxon", detail=pl.format("{}; taken: {}", "text", "taken"))


def _statements(names: pl.DataFrame) -> pl.DataFrame:
    """For each ``taxon`` and each ``by``, the ranks and names as one text, from the kingdom down."""
    rank = pl.col("rank").replace_strict(dict(enumerate(_ABOVE)), return_dtype=pl.String)
    name = pl.when(pl.col("name") == "").then(pl.format("no {}", rank)).otherwise(pl.format("{} {}", rank, "name"))
    ordered = names.unique().sort("taxon", "by", "rank", "name")
    return ordered.group_by("taxon", "by", maintain_order=True).agg(text=name.str.join(", "))
