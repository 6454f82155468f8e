"""Which lineages of one name are of one taxon, and which of homonyms: an animal and a plant that share a name.

Two lineages above one name are of one taxon

* if they share a name from phylum to family, whatever the kingdom: brown algae are Plantae to some authorities and
  Chromista to others;
* if their kingdoms do not differ. The phyla of genera and families must not differ either: these names are used twice
  in the animal kingdom. A species has a name of two words, and names of orders and classes are hardly ever used twice;
* always, if the name is that of a phylum.

What links two lineages links all that are linked to either. A lineage that lacks the kingdom or phylum by which it
could be told apart belongs to the only taxon that has one; if there are several, it stands alone.
"""

from collections.abc import Mapping, Sequence

import polars as pl

_SHARED = ("phylum", "class", "order", "family")
_TWICE_IN_A_KINGDOM = ("genus", "family")


def kingdom() -> pl.Expr:
    """The kingdom of a row, or else its ``context``: a kingdom that is known though it is not given as a rank."""
    return pl.when(pl.col("kingdom") != "").then("kingdom").otherwise("context")


def is_same_taxon(rank: str, ours: Mapping[str, pl.Expr], theirs: Mapping[str, pl.Expr]) -> pl.Expr:
    """Whether two lineages above one name at ``rank``, given by the ranks above, are of one taxon."""
    if rank == "phylum":
        return pl.lit(value=True)
    share = pl.any_horizontal((ours[name] == theirs[name]) & (ours[name] != "") for name in ours if name in _SHARED)
    apart = ["kingdom", "phylum"] if rank in _TWICE_IN_A_KINGDOM else ["kingdom"]
    differ = [(ours[name] != theirs[name]) & (ours[name] != "") & (theirs[name] != "") for name in apart]
    return share | ~pl.any_horizontal(differ) if "phylum" in ours else ~pl.any_horizontal(differ)


def label_taxa(places: pl.DataFrame, rank: str, above: Sequence[str]) -> pl.Series:
    """The taxon of each row, as the smallest number of its rows.

    Args:
        places: distinct lineages above names of this rank, with ``context``. ``node`` numbers the names, ``place`` the
            rows.
        above: the ranks above, from the kingdom down.

    >>> morus = pl.DataFrame({
    ...     "node": 0, "place": [0, 1, 2, 3], "context": "", "kingdom": ["Animalia", "Plantae", "Plantae", ""],
    ...     "phylum": ["Chordata", "Tracheophyta", "", ""]})
    >>> label_taxa(morus, "genus", ["kingdom", "phylum"]).to_list()
    [0, 1, 1, 3]
    """
    if rank == "phylum":
        return places.select(taxon=pl.col("place").min().over("node"))["taxon"]
    labelled = places.with_columns(taxon=pl.col("place"), kingdom=kingdom())
    shared = [name for name in above if name in _SHARED]
    if rank in _TWICE_IN_A_KINGDOM:
        highest = pl.when(pl.col("kingdom") != "").then("kingdom").otherwise("phylum")
        linked = _link(labelled.with_columns(highest=highest), shared)
        return _attach(_attach(linked, "phylum", within=("kingdom",)), "highest")["taxon"]
    return _attach(_link(labelled, ["kingdom", *shared]), "kingdom")["taxon"]


def _link(places: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Give the places of a node that share a name, or are linked by others that do, the same taxon."""
    links = [
        pl.when(pl.col(name) != "").then(pl.col("taxon").min().over("node", name)).otherwise("taxon").alias("taxon")
        for name in names
    ]
    before = None
    while before is None or not before.equals(places["taxon"]):
        before = places["taxon"]
        for link in links:
            places = places.with_columns(link)
    return places


def _attach(places: pl.DataFrame, anchor: str, within: Sequence[str] = ()) -> pl.DataFrame:
    """Join each taxon that lacks the rank ``anchor`` to the only taxon of its name that has it.

    Those of a name of which no taxon has it are one taxon.

    Args:
        within: ranks that both must know and have in common.
    """
    taxa = places.group_by("node", "taxon").agg(pl.col(anchor, *within).max())
    known = pl.all_horizontal(pl.lit(value=True), *(pl.col(name) != "" for name in within))
    anchored = pl.col("taxon").filter(pl.col(anchor) != "")
    number = anchored.n_unique().over("node", *within)
    joined = (
        pl.when(~known | (pl.col(anchor) != "") | (number > 1)).then("taxon")
        .when(number == 1).then(anchored.min().over("node", *within))
        .otherwise(pl.col("taxon").min().over("node", *within))
    )  # fmt: skip
    labels = taxa.select("node", "taxon", joined=joined)
    matched = places.join(labels, on=["node", "taxon"], how="left", maintain_order="left")
    return matched.with_columns(taxon="joined").drop("joined")
