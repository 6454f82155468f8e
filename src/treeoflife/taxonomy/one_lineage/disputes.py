"""Findings about taxa on which sources or authorities disagree: who said what, and what the dataset takes."""

import polars as pl

from ...core.values import RANKS
from .. import findings
from ..common_names import choice as vernaculars
from ..expressions import UPPER, giver
from ..resolving.record_index import RecordIndex
from .lineage_choice import accepted_records
from .same_taxon import is_same_taxon

_ABOVE = UPPER[:-1]
_KEY = ["taxon", "rank"]


def find_disputes(
    before: pl.DataFrame, after: pl.DataFrame, evidence: pl.DataFrame, index: RecordIndex
) -> pl.DataFrame:
    """A finding ``classification`` for each taxon of which a name was replaced, and for each species that an authority
    puts elsewhere.

    Args:
        before: the resolved rows.
        after: the same with one lineage per taxon, in the same order.
        evidence: ``number``, ``source``, ``name_key`` and ``keys`` of those who have these names.
        index: the authorities' records.

    Returns:
        The columns of :data:`.findings.SCHEMA`. ``detail`` is such as ``eol: class Lepidosauria; itis: class Reptilia;
        taken: class Reptilia, by col``.
    """
    taxa = after.select(RANKS).unique().sort(RANKS).with_row_index("taxon")
    taxon = after.select(RANKS).join(taxa, on=RANKS, how="left", maintain_order="left")["taxon"]
    replaced = [(before[rank] != "") & (before[rank] != after[rank]) for rank in _ABOVE]
    records = _other_records(taxa, index)
    concerned = pl.concat([taxon.filter(pl.DataFrame(replaced).select(pl.any_horizontal("*")).to_series()),
                           records["taxon"]]).unique()  # fmt: skip
    taxa = taxa.filter(pl.col("taxon").is_in(concerned.implode()))
    if taxa.is_empty():
        return findings.empty()
    rows, new_rows = (
        table.with_columns(taxon).filter(pl.col("taxon").is_in(concerned.implode())) for table in (before, after)
    )
    keys = _keys_of(rows.select("taxon", "number").join(evidence, on="number"))
    names = vernaculars.with_lowest_name(taxa).select("taxon", rank="name_rank", value="name")
    table = names.join(keys, on="taxon").join(_details(rows, new_rows, records), on="taxon")
    table = table.with_columns(kind=pl.lit("classification"))
    return table.select(pl.col(name).cast(kind) for name, kind in findings.SCHEMA.items())


def _other_records(taxa: pl.DataFrame, index: RecordIndex) -> pl.DataFrame:
    """The authorities' records of species that differ from the dataset's: ``taxon``, ``by`` and the ranks above."""
    authorities = pl.DataFrame(
        {"authority": range(len(index.authorities)), "by": index.authorities},
        schema={"authority": pl.Int8, "by": pl.String},
    )
    table = accepted_records(index.tables["species"], ["genus", "species"])
    theirs = table.select("genus", "species", "authority", pl.col(_ABOVE).name.prefix("r_"))
    pairs = taxa.filter(pl.col("genus") != "", pl.col("species") != "").join(theirs, on=["genus", "species"])
    ours = {rank: pl.col(rank) for rank in _ABOVE}
    records = {rank: pl.col(f"r_{rank}") for rank in _ABOVE}
    differ = [(records[rank] != ours[rank]) & (records[rank] != "") & (ours[rank] != "") for rank in _ABOVE]
    pairs = pairs.filter(pl.any_horizontal(differ), is_same_taxon("species", ours, records))
    named = pairs.join(authorities, on="authority")
    return named.select("taxon", "by", *(records[rank].alias(rank) for rank in _ABOVE))


def _keys_of(keys: pl.DataFrame) -> pl.DataFrame:
    """The number of each taxon's keys, and the first of them with its source."""
    ordered = keys.sort("taxon", "source", "name_key").group_by("taxon", maintain_order=True)
    return ordered.agg(pl.col("source", "name_key").first(), pl.col("keys").cast(pl.Int64).sum())


def _details(rows: pl.DataFrame, new_rows: pl.DataFrame, records: pl.DataFrame) -> pl.DataFrame:
    """The sentence of each ``taxon``: what all say of the ranks that are in dispute, and what is taken."""
    givers = {rank: giver(rank) for rank in _ABOVE}
    said = pl.concat([_names_by_rank(rows, givers), _names_by_rank(records, dict.fromkeys(_ABOVE, pl.col("by")))])
    said = said.filter(pl.col("name") != "").unique()
    # Of the rows of a taxon those that were changed know by whom.
    chosen = pl.col("by").str.starts_with("backbone:")
    taken = _names_by_rank(new_rows, {rank: pl.col(f"{rank}_from") for rank in _ABOVE})
    taken = taken.sort(*_KEY, ~chosen, "by").unique(_KEY, keep="first", maintain_order=True)
    taken = taken.with_columns(by=pl.col("by").str.strip_prefix("backbone:").str.split(":").list.first())
    matched = said.join(taken.select(*_KEY, taken="name"), on=_KEY)
    disputed = matched.filter(pl.col("name") != pl.col("taken")).select(_KEY).unique()
    said, taken = (_statements(names.join(disputed, on=_KEY, how="semi")) for names in (said, taken))
    by = pl.when(pl.col("by") != "").then(pl.format("{}, by {}", "text", "by")).otherwise("text")
    joined = [
        said.group_by("taxon", maintain_order=True).agg(pl.format("{}: {}", "by", "text").str.join("; ")),
        taken.group_by("taxon", maintain_order=True).agg(taken=by.str.join("; ")),
    ]
    return joined[0].join(joined[1], on="taxon").select("taxon", detail=pl.format("{}; taken: {}", "by", "taken"))


def _names_by_rank(rows: pl.DataFrame, givers: dict[str, pl.Expr]) -> pl.DataFrame:
    """The distinct names of each ``taxon`` above the genus: ``rank`` is its number from the kingdom down."""
    columns = [
        rows.select("taxon", pl.lit(number, pl.Int8).alias("rank"), name=rank, by=givers[rank]).unique()
        for number, rank in enumerate(_ABOVE)
    ]
    return pl.concat(columns)


def _statements(names: pl.DataFrame) -> pl.DataFrame:
    """For each ``taxon`` and each ``by``, its ranks and names as one ``text``, from the kingdom down."""
    rank = pl.col("rank").replace_strict(dict(enumerate(_ABOVE)), return_dtype=pl.String)
    name = pl.when(pl.col("name") == "").then(pl.format("no {}", rank)).otherwise(pl.format("{} {}", rank, "name"))
    ordered = names.unique().sort("taxon", "by", "rank", "name")
    return ordered.group_by("taxon", "by", maintain_order=True).agg(text=name.str.join(", "))
