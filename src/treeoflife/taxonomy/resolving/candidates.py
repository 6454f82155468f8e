"""The records that may be meant by a name: which of them agree with the evidence, and which contradict it."""

from collections.abc import Sequence

import polars as pl

from ...core.values import RANKS
from ..expressions import names_species
from .authorship import authors_agree
from .record_index import LOOKUP_RANKS, RecordIndex, accepted_name, ranks_above
from .wide_kingdoms import WIDE, is_within

# A page of EOL that its own tree of three million names does not place is rare: often a namesake of the known genus. In
# worlds of homonyms, 1 in 6 of the kingdoms that the built-in taxonomy gave to such pages was wrong.
OF_PAGES = ("eol", "scraped")
"""The origins of evidence about pages of EOL."""


def find_candidates(rows: pl.DataFrame, index: RecordIndex, rank: str) -> pl.DataFrame:
    """The records with a row's name at ``rank``, or of its ``word``: ``r_…`` are their ranks.

    Args:
        rows: evidence with a name at this rank.
        rank: one of LOOKUP_RANKS, or ``word``.

    Returns:
        A row for each of them, with the evidence. ``agrees`` marks those that name the same taxon above, or the same
        author; ``clash`` those that contradict the evidence; ``fits`` those that may fill it. No row, and no column, if
        there is none.
    """
    if rows.is_empty():
        return pl.DataFrame()
    upper_ranks = ranks_above(rank)
    # The context takes the place of a missing kingdom; it is compared, but never filled in.
    further_kingdom = pl.when(pl.col(WIDE) != "").then(WIDE).otherwise("context") if WIDE in rows.columns else "context"
    kingdom = pl.when(pl.col("kingdom") != "").then("kingdom").otherwise(further_kingdom)
    others = [accepted_name(upper, index.synonyms).alias(f"e_{upper}") for upper in upper_ranks[1:]]
    names = {"species": ["genus", "species"], "word": ["word"]}.get(rank, [rank])
    further = [name for name in ("author", "word_ranks") if name in rows.columns]
    compared = rows.select(
        "number", "origin", *dict.fromkeys((*names, *upper_ranks)), "context", *further,
        kingdom.alias("e_kingdom"), *others,
    )  # fmt: skip
    joined = _join_words(compared, index) if rank == "word" else _join(compared, index.tables[rank], names, upper_ranks)
    if joined.is_empty():
        return pl.DataFrame()
    is_within_wide = is_within(pl.col("c_kingdom"), pl.col("e_kingdom"))
    joined = joined.with_columns(e_kingdom=pl.when(is_within_wide).then("c_kingdom").otherwise("e_kingdom"))
    if index.checklists:
        joined = _without_outvoted_synonyms(_with_authors(joined))
    return _judged(joined, index, rank)


def _join(rows: pl.DataFrame, table: pl.DataFrame, names: Sequence[str], upper_ranks: Sequence[str]) -> pl.DataFrame:
    """The rows with the records of their names."""
    table = table.rename({upper: f"r_{upper}" for upper in upper_ranks})
    if "author" in table.columns:
        table = table.rename({"author": "r_author"})
    return rows.join(table, on=list(names), how="inner", nulls_equal=False)


def _join_words(rows: pl.DataFrame, index: RecordIndex) -> pl.DataFrame:
    """The rows with the records of their words, at each rank at which the word is looked up."""
    rows = rows.with_columns(word_rank=pl.col("word_ranks").str.split(", ")).explode("word_rank")
    parts = [_join(rows, index.words, ["word", "word_rank"], ranks_above("word"))]
    words = rows["word"].unique().implode()
    for rank in LOOKUP_RANKS[1:]:
        lineage = (*ranks_above(rank), rank)
        table = index.tables[rank].filter(pl.col(rank).is_in(words))
        below = RANKS[len(lineage) : -1]
        empty = [pl.lit("").alias(f"{prefix}{lower}") for lower in below for prefix in ("", "c_")]
        own = [pl.col(rank).alias("word"), pl.lit(rank).alias("word_rank"), pl.col(rank).alias(f"c_{rank}")]
        parts.append(_join(rows, table.with_columns(*own, *empty), ["word", "word_rank"], ranks_above("word")))
    joined = pl.concat([part.select(parts[0].columns) for part in parts])
    # A genus that is a part of another one to an authority stays a genus.
    own = [
        pl.when(pl.col("word") == pl.col("genus")).then(pl.lit("")).otherwise(name).alias(name)
        for name in ("r_genus", "c_genus")
    ]
    return joined.with_columns(own)


def _with_authors(candidates: pl.DataFrame) -> pl.DataFrame:
    """Add ``author_agrees``: whether the label has an author, and the record the same."""
    if "author" not in candidates.columns:
        return candidates.with_columns(author_agrees=pl.lit(value=False))
    pairs = candidates.filter(pl.col("author") != "", pl.col("r_author") != "").select("author", "r_author").unique()
    agree = [authors_agree(one, other) for one, other in pairs.iter_rows()]
    table = pairs.with_columns(pl.Series("author_agrees", agree, dtype=pl.Boolean))
    joined = candidates.join(table, on=["author", "r_author"], how="left", maintain_order="left")
    return joined.with_columns(pl.col("author_agrees").fill_null(value=False))


def _without_outvoted_synonyms(candidates: pl.DataFrame) -> pl.DataFrame:
    """Of a name that one checklist accepts for a taxon and calls a synonym of another, the accepted one.

    Only if the author of the label is that of the synonym alone, it is the other way round.
    """
    is_synonym, same = pl.col("synonym_of") != "", ("number", "authority")
    by_author = (is_synonym & pl.col("author_agrees")).any().over(same)
    by_author &= ~(~is_synonym & pl.col("author_agrees")).any().over(same)
    has_accepted = (~is_synonym).any().over(same)
    # Another synonym of the same name has another author, and is no answer either.
    return candidates.filter(
        pl.when(by_author).then(is_synonym & pl.col("author_agrees")).otherwise(~is_synonym | ~has_accepted)
    )


def _judged(candidates: pl.DataFrame, index: RecordIndex, rank: str) -> pl.DataFrame:
    pairs = [(pl.col(f"e_{upper}"), pl.col(f"c_{upper}")) for upper in ranks_above(rank)]
    agrees = pl.any_horizontal((ours == theirs) & (ours != "") for ours, theirs in pairs)
    if index.checklists:
        agrees |= pl.col("author_agrees")
    clash = pl.any_horizontal((ours != theirs) & (ours != "") & (theirs != "") for ours, theirs in pairs)
    judged = candidates.with_columns(agrees=agrees, clash=clash)
    fits = ~pl.col("clash")
    if rank == "genus" and not index.genus_alone:
        fits &= pl.col("agrees") | _is_known_to_all(index)
    return judged.with_columns(fits=fits)


def _is_known_to_all(index: RecordIndex) -> pl.Expr:
    """Whether nothing supports any record of a genus, and an authority that lists all genera knows it.

    Then all records are taken together: if they are of one taxon, there is no other, and otherwise they are ambiguous.
    """
    supported = (pl.col("agrees") & ~pl.col("clash")).any().over("number")
    complete = (pl.col("authority").is_in(list(index.complete)) & ~pl.col("clash")).any().over("number")
    return ~supported & complete & ~pl.col("origin").is_in(OF_PAGES)


def open_rows(rows: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The rows that have a name at ``rank``, or a word, and an empty rank above it."""
    has_empty_rank = pl.any_horizontal(pl.col(upper) == "" for upper in ranks_above(rank))
    has_name = names_species() if rank == "species" else pl.col(rank) != ""
    return rows.filter(~pl.col("complete"), has_name, has_empty_rank)
