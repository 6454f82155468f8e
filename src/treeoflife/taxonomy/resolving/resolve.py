"""Resolving names in context: empty ranks are filled from records that agree with the evidence.

*Evidence* is what a source gives for an image; it is never overwritten. From the species up, each rank that
the evidence names is looked up in every authority. A record is a *candidate* if it has that name at that rank.
It *fits* if it names no other kingdom and contradicts no other rank of the evidence (a synonym is no contradiction).

* Candidates that are different taxa leave the name ambiguous: only the ranks that all of them share are filled. The
  author of a label may tell them apart.
* A genus needs support: a kingdom or another rank that evidence and record both name. A genus may be an
  animal's and a plant's, and the authorities at hand may know only one of them. One that lists all genera is support
  enough, for a genus that has no namesake.
* If the first authority knows the species, its record is final: a rank that it leaves empty stays empty
  (ITIS has no phyla of plants) unless another authority knows the species too. Where there are checklists, they and the
  others fill it.

Names that a checklist calls synonyms are replaced first: see :mod:`.synonymy`. Before the species, a word is looked up
that stands at a rank between the seven, or at several ranks: see :mod:`.word_ranks`.
"""

from collections.abc import Callable, Sequence

import polars as pl

from ...core.values import RANKS
from ..expressions import UPPER, binomial, is_hole, joined
from .candidates import find_candidates, open_rows
from .record_index import FAMILIES, LOOKUP_RANKS, RecordIndex, add_records, index_records, ranks_above
from .synonymy import replace_synonyms
from .wide_kingdoms import put_back, set_aside

__all__ = [
    "CHUNK", "FAMILIES", "LOOKUP_RANKS", "OnCandidates", "RecordIndex", "add_records", "index_records", "ranks_above",
    "resolve",
]  # fmt: skip

CHUNK = 50_000
"""Rows resolved at once: a common genus has many records, and the join with them must fit into memory."""

# Enough to see which taxa share a name; a frequent genus has hundreds of records.
_MOST_CANDIDATES_NAMED = 6
# A name that different taxa of one phylum share is at least of that phylum. Beyond it, nothing is certain.
_MUST_BE_SHARED = ("kingdom", "phylum")

OnCandidates = Callable[[str, pl.DataFrame], None]


def resolve(
    evidence: pl.DataFrame, index: RecordIndex, on_candidates: OnCandidates | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill the empty ranks of every row of ``evidence``.

    Args:
        evidence: the seven ranks, ``number`` (unique), ``context`` (a kingdom that is known but not given as a rank, or
            empty) and ``origin`` (what gave the ranks, such as ``eol``). Where there are checklists, it may also have
            ``word`` and ``word_ranks`` (:mod:`.word_ranks`), and ``author``, that of the lowest name.
        index: the authorities' records.
        on_candidates: called with each rank that is looked up and the candidates there, to explain the result.

    Returns:
        The rows with ``kingdom_from`` … ``species_from`` and ``ambiguous``, and, where there are checklists, the
        columns of :func:`.synonymy.replace_synonyms`; and the findings about rows that still have holes: ``number,
        kind, rank, value, detail``.
    """
    chunks = list(evidence.iter_slices(CHUNK)) or [evidence]
    resolved = [_resolve_chunk(chunk, index, on_candidates) for chunk in chunks]
    return pl.concat([rows for rows, _ in resolved]), pl.concat([findings for _, findings in resolved])


def _resolve_chunk(
    rows: pl.DataFrame, index: RecordIndex, on_candidates: OnCandidates | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    given = [pl.when(pl.col(rank) != "").then("origin").otherwise(pl.lit("")).alias(f"{rank}_from") for rank in RANKS]
    rows = rows.with_columns(*given, complete=pl.lit(value=False))
    if index.checklists:
        rows = replace_synonyms(set_aside(rows), index, on_candidates)
    parts = [_no_findings()]
    words = ("word",) if index.checklists and "word" in rows.columns else ()
    for rank in (*words, *LOOKUP_RANKS):
        candidates = find_candidates(open_rows(rows, rank), index, rank)
        if candidates.is_empty():
            continue
        if on_candidates:
            on_candidates(rank, candidates)
        rows, ambiguous = _fill(rows, candidates.filter("fits"), rank, index)
        parts += [_refusals(candidates, rank, index), ambiguous]
    rows = put_back(rows) if index.checklists else rows
    findings = pl.concat(parts)
    ambiguous_numbers = findings.filter(pl.col("kind") == "ambiguous")["number"].unique().implode()
    holes = pl.any_horizontal(is_hole(rank) for rank in UPPER)
    rows = rows.with_columns(ambiguous=pl.col("number").is_in(ambiguous_numbers) & holes)
    # A row that another rank's records completed leaves nothing for a curator to do.
    findings = findings.join(rows.filter(holes).select("number"), on="number", how="semi")
    return rows.drop("complete"), findings


def _no_findings() -> pl.DataFrame:
    return pl.DataFrame(schema={"number": pl.UInt32, **dict.fromkeys(("kind", "rank", "value", "detail"), pl.String)})


def _refusals(candidates: pl.DataFrame, rank: str, index: RecordIndex) -> pl.DataFrame:
    """Findings about rows that no candidate fits: contradictions, and genera that nothing supports."""
    refused = candidates.filter(~pl.col("fits").any().over("number"))
    contradicted = pl.col("clash").all().over("number")
    kind = pl.when(contradicted).then(pl.lit("contradiction")).otherwise(pl.lit("genus-alone"))
    return _describe(refused.with_columns(kind=kind), rank, index)


def _describe(candidates: pl.DataFrame, rank: str, index: RecordIndex) -> pl.DataFrame:
    """A finding per row that lists its candidates."""
    authorities = dict(enumerate(index.authorities))
    authority = pl.col("authority").replace_strict(authorities, return_dtype=pl.String)
    lineage = joined(f"r_{upper}" for upper in ranks_above(rank))
    described = candidates.select(
        "number", "kind", value=binomial() if rank == "species" else pl.col(rank),
        candidate=pl.concat_str(authority, pl.lit(": "), lineage),
    )  # fmt: skip
    detail = pl.col("candidate").unique().sort().head(_MOST_CANDIDATES_NAMED).str.join("; ")
    findings = described.group_by("number", "kind", "value").agg(detail=detail)
    return findings.select("number", "kind", pl.lit(rank).alias("rank"), "value", "detail")


def _fill(
    rows: pl.DataFrame, fitting: pl.DataFrame, rank: str, index: RecordIndex
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill from the candidates that fit; returns the rows and the findings about ambiguous names."""
    if fitting.is_empty():
        return rows, _no_findings()
    fitting, numbers = _without_other_authors(fitting, rank, index)
    ambiguous = fitting.join(numbers, on="number", how="semi")
    clear = fitting.join(numbers, on="number", how="anti")
    rows = _apply(rows, _shared_ranks(ambiguous, rank, index), rank, "several")
    for position, authority in enumerate(index.authorities):
        # An authority may fill only what agrees with the ranks that more trusted ones filled in this same loop.
        own = clear.filter(pl.col("authority") == position)
        if len(own):
            rows = _apply(rows, _agreed_ranks(_still_fitting(own, rows, rank), rank), rank, authority)
    if rank == "species" and not index.checklists:
        rows = _mark_complete(rows, clear, index)
    return rows, _describe(ambiguous.with_columns(kind=pl.lit("ambiguous")), rank, index)


def _without_other_authors(fitting: pl.DataFrame, rank: str, index: RecordIndex) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The candidates, of ambiguous names only those whose author is the label's if there are any; and the numbers of
    the rows that are ambiguous then."""
    numbers = _ambiguous_numbers(fitting, rank, index)
    if not index.checklists:
        return fitting, numbers
    is_ambiguous = pl.col("number").is_in(numbers["number"].implode())
    is_known = pl.col("author_agrees").any().over("number")
    fitting = fitting.filter(~is_ambiguous | ~is_known | pl.col("author_agrees"))
    return fitting, _ambiguous_numbers(fitting, rank, index)


def _mark_complete(rows: pl.DataFrame, clear: pl.DataFrame, index: RecordIndex) -> pl.DataFrame:
    """Mark rows whose species the first authority knows: they are not looked up at higher ranks.

    Where the row itself comes from the first authority, the second one decides.
    """
    # A node of EOL's tree always agrees with its own record, which is therefore no independent answer.
    first = index.authorities[0] if index.authorities else ""
    decisive = pl.when(pl.col("origin") == first).then(1).otherwise(0)
    numbers = clear.filter(pl.col("authority") == decisive)["number"].unique().implode()
    return rows.with_columns(complete=pl.col("complete") | pl.col("number").is_in(numbers))


def _count_names(column: str) -> pl.Expr:
    """The number of distinct names in a column, empty ones not counted."""
    return pl.col(column).filter(pl.col(column) != "").n_unique()


def _ambiguous_numbers(fitting: pl.DataFrame, rank: str, index: RecordIndex) -> pl.DataFrame:
    """The rows whose candidates are different taxa: of several kingdoms, or of different close relatives.

    For a genus those are the families. At other ranks the two nearest ranks must both fail to be the same, because two
    authorities may put one and the same species into different families of an order. So may two checklists with a
    genus: of namesakes in one kingdom, the codes of names leave only one its name. A word is also ambiguous if it
    stands at several of the seven ranks.
    """
    upper_ranks = ranks_above(rank)
    counts = [_count_names(f"c_{upper}").alias(upper) for upper in upper_ranks]
    if rank == "word":
        counts.append(_place(upper_ranks).n_unique().alias("places"))
    across = upper_ranks[-2:] if rank != "word" else ("order", "family")
    nearest = upper_ranks[-1:] if rank == "genus" else across
    if not index.checklists:
        return fitting.group_by("number").agg(counts).filter(_apart(nearest, nearest)).select("number")
    # Two phyla of a class are as different as two classes of an order, although the kingdom is the same.
    nearest = tuple(upper for upper in nearest if upper != "kingdom") or nearest
    in_checklists = pl.col("authority").is_in(list(index.checklists))
    giver = pl.when(in_checklists).then("authority").otherwise(-1)
    by_giver = fitting.group_by("number", giver.alias("giver")).agg(counts).filter(_apart(nearest, upper_ranks))
    together = fitting.group_by("number").agg(counts)
    apart = _apart(across, upper_ranks) | (pl.col("places") > 1 if rank == "word" else False)
    return pl.concat([by_giver.select("number"), together.filter(apart).select("number")]).unique()


def _apart(nearest: Sequence[str], compared: Sequence[str]) -> pl.Expr:
    """Whether candidates are different taxa, by the number of names that they have at each rank."""
    differ = pl.all_horizontal(pl.col(upper) != 1 for upper in nearest)
    return (pl.col("kingdom") > 1) | (differ & pl.any_horizontal(pl.col(upper) > 1 for upper in compared))


def _place(upper_ranks: Sequence[str]) -> pl.Expr:
    """The rank of a candidate's lineage at which its word stands; empty if that is between two of them."""
    return pl.coalesce(
        *(pl.when(pl.col(f"r_{upper}") == pl.col("word")).then(pl.lit(upper)) for upper in reversed(upper_ranks)),
        pl.lit(""),
    )


def _still_fitting(candidates: pl.DataFrame, rows: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The candidates that also agree with the ranks that more trusted authorities have just filled."""
    upper_ranks = ranks_above(rank)
    filled = rows.select("number", *(pl.col(upper).alias(f"now_{upper}") for upper in upper_ranks))
    clash = pl.any_horizontal(
        (pl.col(upper) == "")
        & (pl.col(f"now_{upper}") != "")
        & (pl.col(f"r_{upper}") != "")
        & (pl.col(f"now_{upper}") != pl.col(f"r_{upper}"))
        for upper in upper_ranks
    )
    return candidates.join(filled, on="number").filter(~clash)


def _agreed_ranks(candidates: pl.DataFrame, rank: str, *, named_by_all: bool = False) -> pl.DataFrame:
    """The names on which the candidates of each row agree, ``r_…`` rank by rank, empty where they do not.

    If they disagree anywhere, a rank counts only if all candidates name it and nothing above it is in dispute: the one
    candidate that names it may be the wrong one. ``by`` is the rank by which they were found.

    Args:
        named_by_all: whether a rank counts in any case only if all candidates name it.
    """
    upper_ranks = ranks_above(rank)
    names = pl.col([f"r_{upper}" for upper in upper_ranks])
    summary = candidates.group_by("number").agg(
        *(_count_names(f"c_{upper}").alias(f"n_{upper}") for upper in upper_ranks),
        # Different names that count as one are synonyms of each other; the first by the alphabet is taken.
        names.replace("", None).min().fill_null(""),
        (names == "").any().name.suffix("_gap"),
        by=pl.col("word_rank").min() if rank == "word" else pl.lit(rank),
    )
    undisputed = [
        pl.all_horizontal(pl.col(f"n_{each}") <= 1 for each in upper_ranks[:depth])
        for depth in range(1, len(upper_ranks) + 1)
    ]
    certain = pl.lit(value=False) if named_by_all else undisputed[-1]
    agreed = [
        pl.when(certain | (clear_so_far & ~pl.col(f"r_{upper}_gap"))).then(f"r_{upper}").otherwise(pl.lit(""))
        for upper, clear_so_far in zip(upper_ranks, undisputed, strict=True)
    ]
    return summary.select("number", "by", *agreed)


def _shared_ranks(ambiguous: pl.DataFrame, rank: str, index: RecordIndex) -> pl.DataFrame:
    """What is common to different taxa of one name. With checklists, those of several phyla have nothing in common:
    the evidence has to name another rank."""
    if index.checklists:
        known = [f"c_{upper}" for upper in _MUST_BE_SHARED if upper in ranks_above(rank)]
        shared = pl.all_horizontal(_count_names(column).over("number") <= 1 for column in known)
        ambiguous = ambiguous.filter(shared)
    # A class and an order of one name are in the same class, but the order is only one of them.
    return _agreed_ranks(ambiguous, rank, named_by_all=rank == "word")


def _apply(rows: pl.DataFrame, values: pl.DataFrame, rank: str, giver: str) -> pl.DataFrame:
    """The rows with their empty ranks above ``rank`` filled from ``values``; ``…_from`` says by whom and what rank.

    The word of the label itself, where it stands at one of these ranks, is not given by anybody else.
    """
    if values.is_empty():
        return rows
    matched, updates = rows.join(values, on="number", how="left", maintain_order="left"), []
    filled_by = pl.concat_str(pl.lit(giver), pl.lit(":"), "by")
    for upper in ranks_above(rank):
        fills = (pl.col(upper) == "") & (pl.col(f"r_{upper}").fill_null("") != "")
        by = filled_by
        if rank == "word":
            by = pl.when(pl.col(f"r_{upper}") == pl.col("word")).then("origin").otherwise(filled_by)
        updates += [
            pl.when(fills).then(f"r_{upper}").otherwise(upper).alias(upper),
            pl.when(fills).then(by).otherwise(f"{upper}_from").alias(f"{upper}_from"),
        ]
    return matched.with_columns(updates).select(rows.columns)
