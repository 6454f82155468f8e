"""One classification per dataset: no taxon has two lineages, whoever gave them.

Sources and authorities classify the same taxa differently: a gecko is of the class Reptilia to one and of Lepidosauria
to another, and a model that is trained on both learns two classes for one species. So every name, from species up to
phylum, gets one lineage for all images of the dataset. Homonyms stay apart (:mod:`.same_taxon`). How the lineage
of names in conflict is chosen: :mod:`.lineage_choice`. Names that are not in conflict stay as they are, whatever the
backbone says of them.
"""

import polars as pl

from ...config.tables import Names
from ...core.values import RANKS
from ...errors import ConfigError
from ..expressions import UPPER, giver, is_hole
from ..resolving.record_index import LOOKUP_RANKS, RecordIndex, ranks_above
from .lineage_choice import Round, choose_lineages, find_records, label_places

_LINEAGE = [*RANKS, "context"]


def choose_backbone(names: Names, index: RecordIndex, *, built_in: bool) -> str:
    """The authority that decides conflicts, as ``[names] backbone`` says or by rule; empty if none does.

    Args:
        index: the records of the authorities that are configured.
        built_in: whether the built-in taxonomy is used.

    Raises:
        ConfigError: the configuration names an authority that has no records.
    """
    if names.backbone is None:
        return next(iter(names.checklists), "built_in" if built_in else "")
    if names.backbone and names.backbone not in index.authorities:
        known = ", ".join(index.authorities) or "none"
        raise ConfigError(
            f'[names] backbone = "{names.backbone}" is no authority of this dataset, which has {known}: configure its '
            'file in [names], and list it in authorities if others are listed there; or set backbone = ""'
        )
    return names.backbone


def one_classification(
    resolved: pl.DataFrame, unsettled: pl.DataFrame, evidence: pl.DataFrame, index: RecordIndex, backbone: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each taxon one lineage.

    Args:
        resolved: what :func:`.resolve` returns: a row for each ``number``, with seven ranks and ``…_from``.
        unsettled: the findings of :func:`.resolve`, by ``number``.
        evidence: the ``number`` of each evidence, and for how many ``keys`` it is.
        index: the authorities' records.
        backbone: the authority that decides; empty to leave all as it is.

    Returns:
        The rows, in which ``…_from`` of each rank that was replaced or filled is ``backbone:`` and who gave the name;
        and the findings of resolving that still hold. What was replaced: :func:`.find_disputes`.
    """
    if not backbone:
        return resolved, unsettled
    counts = evidence.group_by("number").agg(pl.col("keys").cast(pl.Int64).sum())
    rows = resolved.join(counts, on="number", how="left", maintain_order="left")
    lineages = _distinct_lineages(rows)
    unified = _write_back(resolved, lineages, _settle(lineages, index, backbone))
    holes = pl.any_horizontal(is_hole(rank) for rank in UPPER)
    unified = unified.with_columns(ambiguous=pl.col("ambiguous") & holes)
    still_open = unified.filter(holes).select("number")
    return unified, unsettled.join(still_open, on="number", how="semi", maintain_order="left")


def _distinct_lineages(rows: pl.DataFrame) -> pl.DataFrame:
    """The distinct lineages with their ``keys``; ``by_…`` says who gave each rank."""
    givers = [pl.col(f"{rank}_from").min() for rank in UPPER]
    distinct = rows.group_by(_LINEAGE).agg(pl.col("keys").sum(), *givers).sort(_LINEAGE)
    return distinct.select(*_LINEAGE, "keys", *(giver(rank).alias(f"by_{rank}") for rank in UPPER))


def _settle(lineages: pl.DataFrame, index: RecordIndex, backbone: str) -> pl.DataFrame:
    """The lineages without conflicts, in the same order.

    The backbone comes first at all ranks: if it knows a genus and none of its species, the genus decides for them.
    Others decide what is left. Last of all come conflicts above a name on which all agree and which has homonyms.
    """
    everyone = [backbone, *(one for one in index.authorities if one != backbone)]
    for turn in (
        Round([backbone], by_images=False, defers=True),
        Round(everyone, by_images=True, defers=True),
        Round(everyone, by_images=True, defers=False),
    ):
        lineages = _settle_round(lineages, index, turn)
    return lineages


def _settle_round(lineages: pl.DataFrame, index: RecordIndex, turn: Round) -> pl.DataFrame:
    """The lineages without the conflicts that are decided in this round.

    Ranks are settled from the bottom up, so that all images of a genus have one family when families are settled. A
    choice at a higher rank may show that two names below are one taxon, so this goes on until nothing changes. It
    ends, because each change leaves its rank with fewer different lineages, or fewer empty ranks above, and those below
    with no more.
    """
    before = None
    while before is None or not before.equals(lineages):
        before = lineages
        for rank in LOOKUP_RANKS:
            lineages = _settle_rank(lineages, rank, index, turn)
    return lineages


def _settle_rank(lineages: pl.DataFrame, rank: str, index: RecordIndex, turn: Round) -> pl.DataFrame:
    """The lineages in which each taxon of ``rank`` has one lineage above it, as far as this round decides it."""
    name, above = _name_of(rank), ranks_above(rank)
    places = _places(lineages, rank, index)
    if places.is_empty():
        return lineages
    records = find_records(places, rank, index, turn.judges)
    places = label_places(places, rank, records).filter(pl.len().over("taxon") > 1)
    chosen = choose_lineages(places, rank, records, turn)
    where = [*name, *above, "context"]
    changes = places.select(*where, "place").join(chosen, on="place").drop("place")
    matched = lineages.join(changes, on=where, how="left", maintain_order="left")
    updates = [pl.col("new_context").fill_null(pl.col("context")).alias("context")]
    for upper in above:
        new = pl.col(f"new_{upper}").fill_null(pl.col(upper))
        by = pl.when(new != pl.col(upper)).then(f"new_by_{upper}").otherwise(f"by_{upper}")
        updates += [new.alias(upper), by.alias(f"by_{upper}")]
    return matched.with_columns(updates).select(lineages.columns)


def _name_of(rank: str) -> list[str]:
    """The columns that name a taxon of this rank."""
    return ["genus", "species"] if rank == "species" else [rank]


def _places(lineages: pl.DataFrame, rank: str, index: RecordIndex) -> pl.DataFrame:
    """The different lineages above each name that has several: ``place`` numbers them, ``node`` the names."""
    name, above = _name_of(rank), ranks_above(rank)
    named = pl.all_horizontal(pl.col(column) != "" for column in name)
    if rank == "genus" and not index.genus_alone:
        # A genus of which nothing else is known may be that of another kingdom.
        named &= pl.any_horizontal(pl.col(column) != "" for column in (*above, "context"))
    where = [*name, *above, "context"]
    givers = [pl.col(f"by_{upper}").min() for upper in above]
    places = lineages.filter(named).group_by(where).agg(pl.col("keys").sum(), *givers)
    places = places.filter(pl.len().over(name) > 1).sort(where).with_row_index("place")
    return places.with_columns(place=pl.col("place").cast(pl.Int64), node=pl.struct(name).rle_id())


def _write_back(resolved: pl.DataFrame, lineages: pl.DataFrame, settled: pl.DataFrame) -> pl.DataFrame:
    """The resolved rows with the settled lineages."""
    new = settled.select(*(pl.col(rank).alias(f"new_{rank}") for rank in UPPER), *(f"by_{rank}" for rank in UPPER))
    matched = resolved.join(lineages.select(_LINEAGE).hstack(new), on=_LINEAGE, how="left", maintain_order="left")
    updates = []
    for rank in UPPER[:-1]:
        changed = pl.col(f"new_{rank}") != pl.col(rank)
        by = pl.when(pl.col(f"new_{rank}") == "").then(pl.lit("")).otherwise(pl.format("backbone:{}", f"by_{rank}"))
        given = pl.when(changed).then(by).otherwise(f"{rank}_from")
        updates += [pl.col(f"new_{rank}").alias(rank), given.alias(f"{rank}_from")]
    return matched.with_columns(updates).select(resolved.columns)
