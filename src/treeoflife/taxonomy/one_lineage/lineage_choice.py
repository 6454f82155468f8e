"""Choosing the one lineage of a taxon to which a dataset gives several.

* Where lineages only lack ranks that others have, they are joined.
* Where they name different taxa, the backbone's record of the taxon decides, or else that of the most trusted authority
  that has one, or else the lineage of the most images, and of equally many the first by the alphabet.
* Names on which all agree stay, if nothing below them is in dispute: the conflict above is that of their own taxon.
* A rank that the chosen lineage leaves empty is taken from the next one that agrees with it on all ranks below.
* If the backbone itself has several taxa of a name between species and phylum, each lineage goes to the one with which
  it has the most names in common.

Tables of *places* have a row for each lineage above a name: ``node`` numbers the names, ``place`` the rows; the ranks
above, ``context``, who gave each rank as ``by_…``, and for how many ``keys``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ..resolving.record_index import RecordIndex, ranks_above
from .same_taxon import is_same_taxon, kingdom, label_taxa

_ONE_IN_A_KINGDOM = ("species", "phylum")
"""Ranks at which several records of a name in a kingdom are duplicates, and no homonyms."""
_BACKBONE, _OWN = 0, 1000
"""The trust in the backbone, which is the first judge, and in the lineages that the dataset itself has."""


class Round(NamedTuple):
    """Who decides in one round of settling conflicts.

    Attributes:
        judges: the authorities that decide, the most trusted first.
        by_images: whether the lineage of the most images is taken where no judge knows the taxon.
        defers: whether a conflict above a name on which all agree is left to the taxon of that name.
    """

    judges: Sequence[str]
    by_images: bool
    defers: bool


def find_records(places: pl.DataFrame, rank: str, index: RecordIndex, judges: Sequence[str]) -> pl.DataFrame:
    """The judges' lineages above the names of these places.

    Args:
        judges: the authorities that may decide, the most trusted first.

    Returns:
        ``record``, ``node``, ``trust`` (the judge's position), ``by`` (the judge) and the ranks above.
    """
    name, above = (["genus", "species"] if rank == "species" else [rank]), ranks_above(rank)
    known = [(index.authorities.index(one), trust, one) for trust, one in enumerate(judges) if one in index.authorities]
    schema = {"authority": pl.Int8, "trust": pl.Int16, "by": pl.String}
    authorities = pl.DataFrame(known, schema=schema, orient="row")
    nodes = places.select("node", *name).unique()
    table = accepted_records(index.tables[rank].join(nodes, on=name), name).join(authorities, on="authority")
    records = table.select("node", "trust", "by", *above).unique()
    return records.sort("node", "trust", *above).with_row_index("record")


def accepted_records(records: pl.DataFrame, name: list[str]) -> pl.DataFrame:
    """Records without those of synonyms where the same authority accepts the name for another taxon, which it means."""
    if "synonym_of" not in records.columns:
        return records
    accepted = pl.col("synonym_of") == ""
    return records.filter(accepted | ~accepted.any().over(*name, "authority"))


def label_places(places: pl.DataFrame, rank: str, records: pl.DataFrame) -> pl.DataFrame:
    """The places with the number of their ``taxon``."""
    above = ranks_above(rank)
    labelled = places.with_columns(taxon=label_taxa(places, rank, above))
    if rank in _ONE_IN_A_KINGDOM:
        return labelled
    differ = pl.any_horizontal(_count_names(upper).over("node") > 1 for upper in above)
    several = records.filter(pl.col("trust") == _BACKBONE).filter(differ)
    if several.is_empty():
        return labelled
    alike = _compare(places, several, rank).filter(pl.col("score") == pl.col("score").max().over("place"))
    best = alike.filter(pl.len().over("place") == 1).select("place", "record")
    taxon = (pl.col("record").cast(pl.Int64) + places.height).fill_null(pl.col("taxon"))
    return labelled.join(best, on="place", how="left", maintain_order="left").with_columns(taxon=taxon).drop("record")


def _count_names(column: str) -> pl.Expr:
    """The number of different names in a column."""
    return pl.col(column).filter(pl.col(column) != "").n_unique()


def _compare(places: pl.DataFrame, records: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The records of the same taxon as each place; ``score`` counts the names above that both have."""
    above = ranks_above(rank)
    pairs = places.join(records.rename({upper: f"r_{upper}" for upper in above}), on="node")
    ours = {upper: pl.col(upper) for upper in above} | {"kingdom": kingdom()}
    theirs = {upper: pl.col(f"r_{upper}") for upper in above}
    equal = [((ours[upper] == theirs[upper]) & (ours[upper] != "")).cast(pl.Int16) for upper in above]
    return pairs.filter(is_same_taxon(rank, ours, theirs)).with_columns(score=pl.sum_horizontal(equal))


def choose_lineages(places: pl.DataFrame, rank: str, records: pl.DataFrame, turn: Round) -> pl.DataFrame:
    """The ranks above of each ``place`` as they should be, ``new_…``, with ``context``; who gave them: ``new_by_…``.

    Places of taxa about which this round decides nothing are left out.
    """
    above = ranks_above(rank)
    counts = {upper: _count_names(upper).over("taxon") for upper in above}
    places = places.with_columns(
        in_conflict=pl.any_horizontal(count > 1 for count in counts.values()),
        # The lowest rank at which any place has a name: if all agree on it, the dispute is about this name's own taxon.
        lowest=pl.coalesce(pl.when(counts[upper] > 0).then(pl.lit(upper)) for upper in reversed(above)),
        agreed=pl.coalesce(pl.when(counts[upper] > 0).then(counts[upper] == 1) for upper in reversed(above)),
    )
    deferred = pl.col("in_conflict") & pl.col("agreed") & pl.lit(turn.defers)
    decided = places.filter(~deferred.fill_null(value=False))
    given = _records_of_taxa(decided.filter("in_conflict"), rank, records)
    if not turn.by_images:
        decided = decided.filter(~pl.col("in_conflict") | pl.col("taxon").is_in(given["taxon"].implode()))
    chosen = decided.select("place", "taxon").join(_choose(decided, above, given), on="taxon").drop("taxon")
    return pl.concat([chosen, _fill_lowest(places.filter(deferred), above).select(chosen.columns)])


def _fill_lowest(places: pl.DataFrame, above: Sequence[str]) -> pl.DataFrame:
    """The places with the name at their ``lowest`` rank, on which those that have one agree, where it is empty."""
    filled = [pl.col("context").alias("new_context")]
    for upper in above:
        name, by = pl.col(upper), pl.col(f"by_{upper}")
        fills = (name == "") & (pl.col("lowest") == upper)
        filled += [
            pl.when(fills).then(name.max().over("taxon")).otherwise(name).alias(f"new_{upper}"),
            pl.when(fills).then(by.filter(name != "").min().over("taxon")).otherwise(by).alias(f"new_by_{upper}"),
        ]
    return places.select("place", *filled)


def _choose(places: pl.DataFrame, above: Sequence[str], given: pl.DataFrame) -> pl.DataFrame:
    """The lineage of each ``taxon`` from what judges have ``given`` and from its own places."""
    own = places.with_columns(trust=pl.lit(_OWN, pl.Int16)).select(given.columns)
    order = ["taxon", "trust", "keys", *above, "context"]
    candidates = pl.concat([given, own]).sort(order, descending=[column == "keys" for column in order])
    first = candidates.with_columns(pl.col(upper).first().over("taxon").alias(f"c_{upper}") for upper in above)
    return first.group_by("taxon").agg(pl.col("context").max().alias("new_context"), *_merged(above))


def _records_of_taxa(places: pl.DataFrame, rank: str, records: pl.DataFrame) -> pl.DataFrame:
    """For each taxon the record of each authority that has the most in common with one of its places."""
    above = ranks_above(rank)
    scores = _compare(places, records, rank).group_by("taxon", "record").agg(pl.col("score").max())
    ordered = scores.join(records, on="record").sort("taxon", "trust", -pl.col("score"), *above)
    best = ordered.unique(["taxon", "trust"], keep="first", maintain_order=True)
    givers = [pl.col("by").alias(f"by_{upper}") for upper in above]
    return best.select("taxon", "trust", *above, *givers, keys=pl.lit(0, pl.Int64), context=pl.lit(""))


def _merged(above: Sequence[str]) -> list[pl.Expr]:
    """The ranks of the chosen lineage ``c_…``; empty ones from the first candidate that agrees on all ranks below."""
    merged, agrees = list[pl.Expr](), pl.lit(value=True)
    for upper in reversed(above):
        name, ours = pl.col(upper), pl.col(f"c_{upper}")
        fills = agrees & (name != "") & ((ours == "") | (ours == name))
        merged += [
            name.filter(fills).first().fill_null("").alias(f"new_{upper}"),
            pl.col(f"by_{upper}").filter(fills).first().fill_null("").alias(f"new_by_{upper}"),
        ]
        agrees &= (name == "") | (ours == "") | (ours == name)
    return merged
