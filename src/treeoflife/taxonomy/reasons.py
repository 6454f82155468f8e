"""Why names lack ranks, or were changed, in a sentence for each: from the findings about them."""

from collections.abc import Callable

import polars as pl

from ..core.database import Database
from ..core.values import RANKS
from .findings import Findings
from .vernaculars import with_lowest_name

_VALUE, _DETAIL = pl.col("value"), pl.col("detail")
_BESIDE = "a kingdom, family or the like beside it would decide"
_SENTENCES: dict[str, Callable[[], pl.Expr]] = {
    "no-name": lambda: (
        pl.when(pl.col("verbatim") == "").then(pl.lit("there is no name"))
        .otherwise(pl.format("'{}' is no scientific name", "verbatim"))
    ),
    "rank-unknown": lambda: pl.format("'{}' {}", _VALUE, _DETAIL),
    "contradiction": lambda: pl.format("the label's ranks contradict what is known of '{}' ({})", _VALUE, _DETAIL),
    "ambiguous": lambda: pl.format("'{}' is the name of several taxa ({}): {}", _VALUE, _DETAIL, pl.lit(_BESIDE)),
    "genus-alone": lambda: pl.format(
        "'{}' may be another genus than the one that is known ({}): {}", _VALUE, _DETAIL, pl.lit(_BESIDE)
    ),
    "unknown-name": lambda: pl.format("'{}' is in no taxonomy that is used", _VALUE),
    "classification": lambda: pl.format("sources classify it in different ways ({})", _DETAIL),
    "hole": lambda: pl.format("no taxonomy that is used has its {}", pl.col("rank").str.replace_all(" ", ", ")),
}  # fmt: skip
"""For each kind of finding that is a reason its sentence, the most telling first.

A hole without another finding is a name that no taxonomy has, or a rank that the taxonomies have not."""

_FROM = [f"{rank}_from" for rank in RANKS]
_KEYS = """
    SELECT DISTINCT name_key, evidence
    FROM keyed
    SEMI JOIN found USING (name_key)
"""


def reasons_of(names: pl.DataFrame, decisive: pl.Series, findings: Findings, database: Database) -> pl.DataFrame:
    """``evidence, reason, why``: for evidence of which there is something to say, the kind of it and the sentences.

    Args:
        names, decisive, findings: of one source, as in :class:`.naming.Naming`.
        database: has the table ``keyed`` of this source.
    """
    named = with_lowest_name(names).with_columns(decisive=decisive).with_row_index("evidence")
    evidence = named.select("evidence", "verbatim", "kingdom", "name", "decisive")
    kinds = list(_SENTENCES)
    shared = findings.shared.filter(pl.col("kind").is_in(kinds))
    database.load("found", shared.select("name_key").unique())
    keys = database.frame(_KEYS).join(evidence.select("evidence", "decisive"), on="evidence").drop("evidence")
    columns = ("evidence", "kind", "rank", "value", "detail", "verbatim", "kingdom", "name")
    of_shared = (
        shared.filter(pl.col("kind") != "classification")
        .join(keys, on="name_key")
        .join(evidence, on="decisive")
        .select(columns)
    )
    of_taxa = _of_taxa(shared, named).select(columns)
    of_keys = findings.of_keys.filter(pl.col("kind").is_in(kinds)).join(evidence, on="evidence").select(columns)
    found = _without_mere_holes(pl.concat([of_shared, of_taxa, of_keys]))
    sentence = pl.coalesce(pl.when(pl.col("kind") == kind).then(make()) for kind, make in _SENTENCES.items())
    order = pl.col("kind").replace_strict(dict(zip(kinds, range(len(kinds)), strict=True)), return_dtype=pl.Int8)
    said = found.with_columns(sentence=sentence, order=order).sort("evidence", "order", "sentence")
    return said.group_by("evidence", maintain_order=True).agg(
        reason=pl.col("kind").first(), why=pl.col("sentence").unique(maintain_order=True).str.join("; ")
    )


def _of_taxa(shared: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """The findings about the lineage of a taxon, for all names of this taxon that got ranks by the backbone."""
    disputes = shared.filter(pl.col("kind") == "classification").drop("source", "name_key", "keys")
    replaced = named.filter(pl.any_horizontal(pl.col(_FROM).str.starts_with("backbone:"))).drop("source")
    replaced = replaced.with_columns(rank=pl.col("name_rank"), value=pl.col("name"))
    return replaced.join(disputes, on=["rank", "value"])


def _without_mere_holes(found: pl.DataFrame) -> pl.DataFrame:
    """The findings, without holes that another one explains; a hole up to the kingdom is an unknown name."""
    is_hole = pl.col("kind") == "hole"
    explained = (~is_hole).any().over("evidence")
    is_unknown = is_hole & (pl.col("kingdom") == "")
    return found.filter(~(is_hole & explained)).with_columns(
        kind=pl.when(is_unknown).then(pl.lit("unknown-name")).otherwise("kind"),
        value=pl.when(is_unknown).then("name").otherwise("value"),
    )
