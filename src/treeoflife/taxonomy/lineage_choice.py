"""Choosing the one lineage of a taxon to which a dataset gives several.

* Where lineages only lack ranks that others have, they are joined.
* Where they name different taxa, the backbone's record of the taxon decides, or else that of the most trusted authority
  that has one, or else the lineage of the most images, and of equally many the first by the alphabet.
* A rank that the chosen lineage leaves empty is taken from the next one that agrees with it on all ranks below.
* If the backbone itself has several taxa of a name between species and phylum, each lineage goes to the one with which
  it has the most names in common.

Tables of *places* have a row for each lineage above a name: ``node`` numbers the names, ``place`` the rows; the ranks
above, ``context``, who gave each rank as ``by_…``, and for how many ``keys``.
"""

from collections.abc import Sequence

import polars as pl

from .record_index import RecordIndex, ranks_above
from .same_taxon import is_same_taxon, kingdom, label_taxa

_ONE_IN_A_KINGDOM = ("species", "phylum")
"""Ranks at which several records of a name in a kingdom are duplicates, and no homonyms."""
_BACKBONE, _OWN = 0, 1000
"""The trust in the backbone and in the lineages that the dataset itself has; authorities are between them."""


def find_records(places: pl.DataFrame, rank: str, index: RecordIndex, backbone: str) -> pl.DataFrame:
    """The authorities' lineages above the names of these places, the most trusted first.

    Returns:
        ``record``, ``node``, ``trust`` (the lowest is trusted most), ``by`` (the authority) and the ranks above.
    """
    name, above = (["genus", "species"] if rank == "species" else [rank]), ranks_above(rank)
    authorities = pl.DataFrame(
        [
            (number, _BACKBONE if authority == backbone else number + 1, authority)
            for number, authority in enumerate(index.authorities)
        ],
        schema={"authority": pl.Int8, "trust": pl.Int16, "by": pl.String},
        orient="row",
    )
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


def choose_lineages(places: pl.DataFrame, rank: str, records: pl.DataFrame) -> pl.DataFrame:
    """The lineage of each ``taxon``: ``new_…`` are the ranks above and ``context``, ``new_by_…`` who gave them."""
    above = ranks_above(rank)
    in_conflict = pl.any_horizontal(_count_names(upper).over("taxon") > 1 for upper in above)
    given = _records_of_taxa(places.filter(in_conflict), rank, records)
    own = places.with_columns(trust=pl.lit(_OWN, pl.Int16)).select(given.columns)
    order = ["taxon", "trust", "keys", *above, "context"]
    candidates = pl.concat([given, own]).sort(order, descending=[column == "keys" for column in order])
    chosen = [pl.col(upper).first().over("taxon").alias(f"c_{upper}") for upper in above]
    return (
        candidates.with_columns(chosen)
        .group_by("taxon")
        .agg(pl.col("context").max().alias("new_context"), *_merged(above))
    )


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
