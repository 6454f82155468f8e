"""Common names (vernaculars): which of those that the authorities give a taxon gets. There is one, always the same.

A vernacular belongs to a name at a rank, in a kingdom where its authority gives one. Of those that fit a taxon, one in
the most wanted language is taken; of these the most trusted authority's; and of several of one authority the first in
the authority's own order (:mod:`treeoflife.taxonomy.common_names.sources`).
"""

from collections.abc import Sequence

import polars as pl

from ...core.languages import language_code
from ...core.values import RANKS
from ..expressions import binomial
from .cleaning import ENGLISH, clean_common

SCHEMA = {
    "name_rank": pl.String, "name": pl.String, "kingdom": pl.String, "family": pl.String, "common": pl.String,
    "language": pl.String, "authority": pl.String, "priority": pl.UInt32,
}  # fmt: skip
"""The columns of vernaculars. ``language`` is a code; ``priority`` orders those of one authority, the lowest first."""

HIGHER_RANKS = ("genus", "family", "order", "class")
"""The ranks whose common names a taxon below them may get, in this order, if the configuration says so."""

# Plurals, without singulars such as walrus, ibis and grass.
_PLURAL = "[^uis]s$"


def with_lowest_name(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``name_rank`` and ``name``: each row's lowest known rank. The name of a species is genus and epithet."""
    name_rank, name = pl.lit(""), pl.lit("")
    for rank in RANKS:
        known, value = pl.col(rank) != "", pl.col(rank)
        if rank == "species":
            known, value = known & (pl.col("genus") != ""), binomial()
        name_rank = pl.when(known).then(pl.lit(rank)).otherwise(name_rank)
        name = pl.when(known).then(value).otherwise(name)
    return frame.with_columns(name_rank=name_rank, name=name)


def clean_languages(languages: pl.Series) -> pl.Series:
    """The codes of languages, whichever way they are written."""
    distinct = languages.unique()
    codes = pl.Series([language_code(language) for language in distinct], dtype=pl.String)
    return languages.replace_strict(distinct, codes, return_dtype=pl.String)


def prioritised(
    frame: pl.DataFrame, authority: str, order: Sequence[str | pl.Expr], descending: Sequence[bool]
) -> pl.DataFrame:
    """Vernaculars, in the order in which their authority prefers them, cleaned; without those that say nothing new.

    Args:
        frame: the columns of :data:`SCHEMA` but the last two, ``common`` as the authority writes it, and those of
            ``order``.
        order: what the authority goes by, each ``descending`` or not.
    """
    frame = _cleaned(frame.filter(pl.col("name") != ""))
    says_more = pl.col("common").str.to_lowercase() != pl.col("name").str.to_lowercase()
    frame = _without_names_of_families(frame.filter((pl.col("common") != "") & says_more))
    # The last four columns break ties, so that the order of the authority's file does not matter.
    ties = ("kingdom", "family", "common", "language")
    frame = frame.sort(*order, *ties, descending=[*descending, *[False] * len(ties)], nulls_last=True)
    numbered = frame.with_row_index("priority").with_columns(authority=pl.lit(authority))
    return numbered.select(pl.col(column).cast(kind) for column, kind in SCHEMA.items())


def _cleaned(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with ``common`` cleaned, once for each distinct name of a taxon."""
    keys = ("common", "name", "name_rank", "language")
    distinct = frame.select(keys).unique()
    names = pl.Series("cleaned", [clean_common(*row) for row in distinct.iter_rows()], dtype=pl.String)
    cleaned = frame.join(distinct.with_columns(names), on=keys, how="left", maintain_order="left")
    return cleaned.with_columns(common="cleaned").drop("cleaned")


def _without_names_of_families(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without rows that give a genus or species the name of its whole family, such as "thrushes"."""
    frame = frame.with_columns(folded=pl.col("common").str.to_lowercase())
    own = pl.col("name_rank") == "family"
    families = frame.filter(own, pl.col("folded").str.contains(_PLURAL))
    families = families.select("folded", "language", family="name").unique().with_columns(is_family=True)
    joined = frame.join(families, on=["family", "folded", "language"], how="left", maintain_order="left")
    is_below = pl.col("name_rank").is_in(["genus", "species"])
    return joined.filter(~(is_below & pl.col("is_family").fill_null(value=False))).drop("folded", "is_family")


def _by_trust(vernaculars: Sequence[pl.DataFrame], languages: Sequence[str]) -> pl.DataFrame:
    """One table of the vernaculars of several authorities, of languages that are wanted.

    ``trust`` is their position in the order of trust, ``wish`` that of their language.
    """
    frames = [frame.with_columns(trust=pl.lit(index, pl.Int16)) for index, frame in enumerate(vernaculars)]
    table = pl.concat([pl.DataFrame(schema={**SCHEMA, "trust": pl.Int16}), *frames])
    wishes = pl.DataFrame({"language": list(languages)}, schema={"language": pl.String})
    return table.join(wishes.with_row_index("wish"), on="language")


def choose(
    taxa: pl.DataFrame,
    vernaculars: Sequence[pl.DataFrame],
    languages: Sequence[str] = (ENGLISH,),
    *,
    higher_ranks: bool = False,
) -> pl.DataFrame:
    """The common name of each distinct taxon: ``number, common, common_from, common_rank``.

    A vernacular of another kingdom, or for a genus of another family where both name one, does not belong to the
    taxon. If the taxon's kingdom is unknown and the name is used in several kingdoms, none is chosen.

    Args:
        taxa: ``number`` and the seven ranks.
        vernaculars: the tables of the authorities, the most trusted first.
        languages: the codes of the languages, the most wanted first.
        higher_ranks: whether a taxon without a common name gets that of its genus, family, order or class.
    """
    columns = ("number", "step", "name_rank", "name", "kingdom", "family")
    names = pl.concat([frame.select(columns) for frame in _names_of(taxa, higher_ranks=higher_ranks)])
    candidates = names.join(_by_trust(vernaculars, languages), on=["name_rank", "name"], suffix="_theirs")
    candidates = candidates.filter(_agrees("kingdom"), (pl.col("name_rank") != "genus") | _agrees("family"))
    kingdoms = pl.col("kingdom_theirs").filter(pl.col("kingdom_theirs") != "").n_unique().over("number", "step")
    same_family = (pl.col("family") != "") & (pl.col("family_theirs") == pl.col("family"))
    best = (
        candidates.filter((pl.col("kingdom") != "") | (kingdoms <= 1))
        .sort("number", "step", "wish", "trust", ~same_family, "priority")
        .unique("number", keep="first")
    )
    return best.select("number", "common", common_from="authority", common_rank="name_rank")


def _names_of(taxa: pl.DataFrame, *, higher_ranks: bool) -> list[pl.DataFrame]:
    """The names of taxa that may have a common name: the lowest one, and then those of higher ranks."""
    lowest = with_lowest_name(taxa).filter(pl.col("name_rank") != "")
    names = [lowest.with_columns(step=pl.lit(0, pl.Int8))]
    for step, rank in enumerate(HIGHER_RANKS if higher_ranks else (), 1):
        below = RANKS[RANKS.index(rank) + 1 :]
        above = lowest.filter(pl.col(rank) != "", pl.col("name_rank").is_in(below))
        names.append(above.with_columns(name=rank, name_rank=pl.lit(rank), step=pl.lit(step, pl.Int8)))
    return names


def _agrees(rank: str) -> pl.Expr:
    """Whether taxon and vernacular name the same ``rank``, or one of them does not name it."""
    ours, theirs = pl.col(rank), pl.col(f"{rank}_theirs")
    return (ours == "") | (theirs == "") | (ours == theirs)


def by_name(vernaculars: Sequence[pl.DataFrame], languages: Sequence[str] = (ENGLISH,)) -> dict[str, str]:
    """Scientific name to common name, sorted; without names that are used in several kingdoms."""
    kingdoms = pl.col("kingdom").filter(pl.col("kingdom") != "").n_unique().over("name")
    unambiguous = _by_trust(vernaculars, languages).filter(kingdoms <= 1).sort("name", "wish", "trust", "priority")
    best = unambiguous.unique("name", keep="first", maintain_order=True)
    return dict(best.select("name", "common").iter_rows())
