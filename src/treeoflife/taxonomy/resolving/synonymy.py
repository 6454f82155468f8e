"""Replacing names that a checklist calls synonyms by the accepted ones.

The lowest name of a row counts: *Felis concolor* becomes *Puma concolor*. A name that the same checklist also accepts
stays, and so does a synonym of several accepted names, of which nobody can say which is meant. Ranks of the evidence
that contradict the lineage of the accepted name are replaced with it, but never the kingdom: of another kingdom, it is
another name.
"""

from collections.abc import Callable

import polars as pl

from ...core.values import RANKS
from ..expressions import binomial, names_species
from .candidates import find_candidates
from .record_index import LOOKUP_RANKS, RecordIndex, ranks_above

SYNONYM = ("synonym", "synonym_of", "synonym_by")
"""The columns that rows get: the name that is a synonym, its accepted names, and the checklist that says so; all empty
where there is none. The name has been replaced if the row does not have it any more."""

_NEW = [f"new_{rank}" for rank in RANKS]

OnCandidates = Callable[[str, pl.DataFrame], None]


def replace_synonyms(rows: pl.DataFrame, index: RecordIndex, on_candidates: OnCandidates | None = None) -> pl.DataFrame:
    """The rows with the columns of :data:`SYNONYM`, and with accepted names in place of synonyms.

    Args:
        rows: evidence with ``…_from``.
        on_candidates: called with the rank and the candidates of names that are synonyms.
    """
    parts = [pl.DataFrame(schema={"number": pl.UInt32, **dict.fromkeys((*SYNONYM, *_NEW), pl.String)})]
    for rank in LOOKUP_RANKS:
        candidates = find_candidates(_synonym_rows(rows, index, rank), index, rank)
        if candidates.is_empty():
            continue
        candidates = _decisive(candidates.with_columns(fits=_fits(rank)), index)
        if on_candidates:
            on_candidates(rank, candidates)
        parts.append(_answers(candidates, rank, index))
    answers = pl.concat(parts, how="diagonal")
    joined = rows.join(answers, on="number", how="left", maintain_order="left").with_columns(
        pl.col(*SYNONYM, *_NEW).fill_null("")
    )
    giver = pl.concat_str("synonym_by", pl.lit(":synonym"))
    updates = [
        pl.when(pl.col(f"new_{rank}") != "").then(value).otherwise(column).alias(column)
        for rank in RANKS
        for column, value in ((rank, pl.col(f"new_{rank}")), (f"{rank}_from", giver))
    ]
    return joined.with_columns(updates).drop(_NEW)


def _synonym_rows(rows: pl.DataFrame, index: RecordIndex, rank: str) -> pl.DataFrame:
    """The rows whose lowest name is at ``rank``, and a synonym to some checklist."""
    names = ["genus", "species"] if rank == "species" else [rank]
    synonyms = index.tables[rank].filter(pl.col("synonym_of") != "").select(names).unique()
    below = RANKS[RANKS.index(rank) + 1 :]
    is_lowest = names_species() if rank == "species" else pl.all_horizontal(pl.col(lower) == "" for lower in below)
    if rank == "genus":  # of a placeholder such as sp. 1, the genus is the lowest name
        is_lowest = ~names_species()
    return rows.filter(is_lowest).join(synonyms, on=names, how="semi", maintain_order="left")


def _fits(rank: str) -> pl.Expr:
    """Whether a synonym may be meant: it is of no other kingdom, and not all ranks below that are given are others."""
    kingdom = (pl.col("e_kingdom") != "") & (pl.col("c_kingdom") != "") & (pl.col("e_kingdom") != pl.col("c_kingdom"))
    below = [
        (pl.col(f"e_{upper}") == pl.col(f"c_{upper}")) & (pl.col(f"e_{upper}") != "")
        for upper in ranks_above(rank)
        if upper != "kingdom"
    ]
    return ~kingdom & (~pl.col("clash") | pl.any_horizontal(below or [pl.lit(value=False)]))


def _decisive(candidates: pl.DataFrame, index: RecordIndex) -> pl.DataFrame:
    """The candidates that fit, of the most trusted checklist that has any."""
    fitting = candidates.filter("fits", pl.col("authority").is_in(list(index.checklists)))
    return fitting.filter(pl.col("authority") == pl.col("authority").min().over("number"))


def _answers(candidates: pl.DataFrame, rank: str, index: RecordIndex) -> pl.DataFrame:
    """A row per number whose name is a synonym: the columns of SYNONYM, and in ``new_…`` what replaces its ranks."""
    by = pl.col("authority").min().replace_strict(dict(enumerate(index.authorities)), return_dtype=pl.String)
    upper_ranks = ranks_above(rank)
    pairs = {upper: (pl.col(f"e_{upper}"), pl.col(f"c_{upper}")) for upper in upper_ranks}
    conflicts = {upper: (ours != "") & (theirs != "") & (ours != theirs) for upper, (ours, theirs) in pairs.items()}
    answers = (
        candidates.filter((pl.col("synonym_of") != "").all().over("number"))
        .group_by("number")
        .agg(
            synonym=(binomial() if rank == "species" else pl.col(rank)).first(),
            synonym_of=pl.col("synonym_of").unique().sort().str.join(" or "),
            synonym_by=by,
            is_one=pl.col("synonym_of").n_unique() == 1,
            **{f"new_{upper}": pl.col(f"r_{upper}").filter(differs).min() for upper, differs in conflicts.items()},
        )
    )
    own = ("genus", "species") if rank == "species" else (rank,)
    words = pl.col("synonym_of").str.splitn(" ", len(own)).struct
    accepted = {f"new_{name}": words.field(f"field_{place}") for place, name in enumerate(own)}
    new = [f"new_{name}" for name in (*upper_ranks, *own)]
    follows = pl.col("is_one") & pl.lit(index.follows_synonyms)
    return answers.with_columns(**accepted).select(
        "number", *SYNONYM, *(pl.when(follows).then(name).fill_null("").alias(name) for name in new)
    )
