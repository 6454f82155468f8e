"""Why names lack ranks, or were changed, in a sentence for each: from the findings about them."""

from collections.abc import Callable

import polars as pl

from ..core.database import Database
from ..core.values import RANKS
from .common_names.choice import with_lowest_name
from .findings import Findings

_VALUE, _DETAIL = pl.col("value"), pl.col("detail")
_BESIDE = "a kingdom, family or the like beside it would decide"
_SENTENCES: dict[str, Callable[[], pl.Expr]] = {
    "synonym": lambda: pl.format("'{}' is {}", _VALUE, _DETAIL),
    "rank-unknown": lambda: pl.format("'{}': {}", _VALUE, _DETAIL),
    "contradiction": lambda: pl.format("the label's ranks contradict what is known of '{}' ({})", _VALUE, _DETAIL),
    "ambiguous": lambda: pl.format("'{}' is the name of several taxa ({}): {}", _VALUE, _DETAIL, pl.lit(_BESIDE)),
    "genus-alone": lambda: pl.format(
        "'{}' may be another genus than the one that is known ({}): {}", _VALUE, _DETAIL, pl.lit(_BESIDE)
    ),
    "rank-between": lambda: pl.format("'{}' {}", _VALUE, _DETAIL),
    "rank-moved": lambda: pl.format("'{}' {}", _VALUE, _DETAIL),
    "genus-within": lambda: pl.format("'{}' {}", _VALUE, _DETAIL),
    "classification": lambda: pl.format("sources classify it in different ways ({})", _DETAIL),
    "unknown-name": lambda: (
        pl.when(_VALUE == "").then(pl.lit("there is no genus with its species"))
        .otherwise(pl.format("'{}' is in no taxonomy that is used", _VALUE))
    ),
    "no-name": lambda: (
        pl.when(pl.col("verbatim") == "").then(pl.lit("there is no name"))
        .otherwise(pl.format("'{}' is no scientific name", "verbatim"))
    ),
    "hole": lambda: pl.format("no taxonomy that is used has its {}", pl.col("rank").str.replace_all(" ", ", ")),
}  # fmt: skip
"""For each kind of finding that is a reason its sentence, the most telling first.

A hole without another finding is a name that no taxonomy has, or a rank that the taxonomies have not."""
_OF_TAXA, _OF_WORDS = ("classification",), ("rank-between", "rank-moved", "genus-within")
"""The kinds of which one finding is about all labels of a taxon, or of a word, whatever else they say."""
_WHERE_NOTHING_ELSE = ("hole", "no-name")
"""The kinds that say what is missing, and nothing where another one says why."""

_FROM = [f"{rank}_from" for rank in RANKS]
_FOUND = ("evidence", "kind", "rank", "value", "detail", "verbatim", "kingdom", "name")
_KEYS = """
    SELECT DISTINCT name_key, evidence
    FROM keyed
    SEMI JOIN found USING (name_key)
"""


def reasons_of(names: pl.DataFrame, decisive: pl.Series, findings: Findings, database: Database) -> pl.DataFrame:
    """Why names lack ranks, or were changed.

    Args:
        names, decisive, findings: of one source, as in :class:`.naming.Naming`.
        database: has the table ``keyed`` of this source.

    Returns:
        ``evidence, reason, why, found``, a row for each evidence of which there is something to say: the kind of it,
        the sentences, and the name that it is about.
    """
    named = with_lowest_name(names).with_columns(decisive=decisive).with_row_index("evidence")
    kinds = list(_SENTENCES)
    shared, of_keys = (table.filter(pl.col("kind").is_in(kinds)) for table in findings)
    texts = of_keys.join(named.select("evidence", "verbatim", "kingdom", "name"), on="evidence").select(_FOUND)
    found = pl.concat([_of_numbers(shared, named, database), _of_taxa(shared, named), _of_words(shared, named), texts])
    sentence = pl.coalesce(pl.when(pl.col("kind") == kind).then(make()) for kind, make in _SENTENCES.items())
    order = pl.col("kind").replace_strict(dict(zip(kinds, range(len(kinds)), strict=True)), return_dtype=pl.Int8)
    said = _with_unknown_names(found).with_columns(sentence=sentence, order=order).sort("evidence", "order", "sentence")
    return said.group_by("evidence", maintain_order=True).agg(
        reason=pl.col("kind").first(), found=_VALUE.first(),
        why=pl.col("sentence").unique(maintain_order=True).str.join("; "),
    )  # fmt: skip


def _of_numbers(shared: pl.DataFrame, named: pl.DataFrame, database: Database) -> pl.DataFrame:
    """The findings about what decides ranks, for all evidence of the same."""
    own = shared.filter(~pl.col("kind").is_in(_OF_TAXA))
    database.load("found", own.select("name_key").unique())
    keys = database.frame(_KEYS).join(named.select("evidence", "decisive"), on="evidence").drop("evidence")
    evidence = named.select("evidence", "decisive", "verbatim", "kingdom", "name")
    found = own.join(keys, on="name_key").join(evidence, on="decisive").select(_FOUND)
    # What got no rank at all is decided by the same, whatever its words were.
    return found.filter(~pl.col("kind").is_in(_OF_WORDS) | (pl.col("name") != ""))


def _of_taxa(shared: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """The findings about the lineage of a taxon, for all names of this taxon that got ranks by the backbone."""
    disputes = shared.filter(pl.col("kind").is_in(_OF_TAXA)).select("kind", "rank", "value", "detail")
    replaced = named.filter(pl.any_horizontal(pl.col(_FROM).str.starts_with("backbone:")))
    return replaced.with_columns(rank="name_rank", value="name").join(disputes, on=["rank", "value"]).select(_FOUND)


def _of_words(shared: pl.DataFrame, named: pl.DataFrame) -> pl.DataFrame:
    """The findings about the rank of a word, for all names that begin with it."""
    words = shared.filter(pl.col("kind").is_in(_OF_WORDS)).select("kind", "rank", "value", "detail")
    first = pl.col("verbatim").str.extract(r"^[^\pL]*([\pL-]+)").str.to_lowercase()
    begins = named.with_columns(word=first).join(words.with_columns(word=_VALUE.str.to_lowercase()), on="word")
    return begins.filter((pl.col("kind") == "genus-within") == (pl.col("genus") == _VALUE)).select(_FOUND)


def _with_unknown_names(found: pl.DataFrame) -> pl.DataFrame:
    """The findings, without those that another one explains; a hole up to the kingdom is an unknown name."""
    says_why = ~pl.col("kind").is_in(_WHERE_NOTHING_ELSE)
    is_unknown = (pl.col("kind") == "hole") & (pl.col("kingdom") == "")
    return found.filter(says_why | ~says_why.any().over("evidence")).with_columns(
        kind=pl.when(is_unknown).then(pl.lit("unknown-name")).otherwise("kind"),
        value=pl.when(is_unknown).then("name").otherwise("value"),
    )
