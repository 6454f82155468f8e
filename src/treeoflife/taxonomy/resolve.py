"""Resolving names in context: holes are filled by authorities whose record agrees with what the source says.

What the source says of an image is *evidence* and is never overwritten. From the species up, each rank that
the evidence names is looked up in every authority. A record is a *candidate* if it has that name at that rank,
names no other kingdom, and contradicts no other rank that the evidence names (a synonym is no contradiction).

* Candidates that are different taxa leave the name ambiguous: only what all of them share is filled.
* A genus needs support: a kingdom or another rank that evidence and record both name. A genus may be an
  animal's and a plant's, and the authorities at hand may know but one of them.
* Where the first authority knows the species, it is taken at its word: a rank that it leaves empty stays empty
  (ITIS has no phyla of plants) unless another authority knows the species too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from ..core.values import RANKS
from .tables import UPPER
from .text import FAMILIES

DEPTHS = ("species", "genus", "family", "order", "class", "phylum")
"""The ranks at which names are looked up, the most telling first."""
CHUNK = 50_000
_COMPARED = ("phylum", "class", "order", "family")
Trace = Callable[[str, pl.DataFrame], None]


@dataclass(frozen=True)
class Knowledge:
    """What the authorities know.

    Attributes:
        order: the authorities that are there, the most trusted first.
        tables: for each rank of DEPTHS the distinct records down to it, with ``authority`` and the comparable ranks
            ``c_…``.
        synonyms: for each compared rank, (names, accepted names).
        genus_alone: whether a genus needs no support.
    """

    order: tuple[str, ...]
    tables: Mapping[str, pl.DataFrame]
    synonyms: Mapping[str, tuple[pl.Series, pl.Series]]
    genus_alone: bool = False


def above(rank: str) -> tuple[str, ...]:
    """The ranks above one, from the kingdom down."""
    return RANKS[: RANKS.index(rank)] if rank != "species" else UPPER[:-1]


def know(
    records: Mapping[str, pl.DataFrame], synonyms: pl.DataFrame | None = None, *, genus_alone: bool = False
) -> Knowledge:
    """Prepare the authorities' records (in order of trust) for looking names up.

    ``synonyms`` has the columns ``rank``, ``name`` and ``accepted``.
    """
    order = tuple(records)
    number = {authority: at for at, authority in enumerate(order)}
    pairs = _synonym_pairs(synonyms)
    frames = [frame.select(*RANKS, pl.lit(number[name], pl.Int8).alias("authority")) for name, frame in records.items()]
    empty = pl.DataFrame(schema={**dict.fromkeys(RANKS, pl.String), "authority": pl.Int8})
    tables = {depth: _table(frames or [empty], depth, pairs) for depth in DEPTHS}
    return Knowledge(order, tables, pairs, genus_alone)


def _synonym_pairs(synonyms: pl.DataFrame | None) -> dict[str, tuple[pl.Series, pl.Series]]:
    pairs = {}
    for rank in _COMPARED:
        known = pl.DataFrame({"name": [], "accepted": []}, schema={"name": pl.String, "accepted": pl.String})
        if synonyms is not None:
            known = synonyms.filter(pl.col("rank") == rank).select("name", "accepted")
        if rank == "family":
            known = pl.concat([known, pl.DataFrame({"name": list(FAMILIES), "accepted": list(FAMILIES.values())})])
        known = known.unique().filter(pl.len().over("name") == 1).sort("name")
        pairs[rank] = (known["name"], known["accepted"])
    return pairs


def _table(
    frames: Sequence[pl.DataFrame], depth: str, pairs: Mapping[str, tuple[pl.Series, pl.Series]]
) -> pl.DataFrame:
    kept = list(RANKS) if depth == "species" else list(RANKS[: RANKS.index(depth) + 1])
    parts = [frame.select(*kept, "authority").filter(pl.col(depth) != "").unique() for frame in frames]
    table = pl.concat(parts)
    if depth == "species":
        table = table.filter(pl.col("genus") != "")
    return table.with_columns(_comparable(above(depth), pairs))


def _comparable(ranks: Sequence[str], pairs: Mapping[str, tuple[pl.Series, pl.Series]]) -> list[pl.Expr]:
    return [
        (pl.col(rank).replace(*pairs[rank]) if rank in pairs and len(pairs[rank][0]) else pl.col(rank)).alias(
            f"c_{rank}"
        )
        for rank in ranks
    ]


def resolve(
    evidence: pl.DataFrame, knowledge: Knowledge, trace: Trace | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill the holes of every row of ``evidence``.

    ``evidence`` has the seven ranks, ``number`` (unique), ``context`` (a kingdom that is known but not given as a rank,
    or empty) and ``origin`` (what gave the ranks, such as ``eol``; an authority of that name is not foreign to it).

    Returns:
        The rows with ``kingdom_from`` … ``species_from`` and ``ambiguous``; and findings:
        ``number, kind, rank, value, detail``.
    """
    done = [_resolve_chunk(chunk, knowledge, trace) for chunk in evidence.iter_slices(CHUNK)]
    if not done:
        done = [_resolve_chunk(evidence, knowledge, trace)]
    return pl.concat([rows for rows, _ in done]), pl.concat([findings for _, findings in done])


def _resolve_chunk(rows: pl.DataFrame, knowledge: Knowledge, trace: Trace | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    given = [pl.when(pl.col(rank) != "").then("origin").otherwise(pl.lit("")).alias(f"{rank}_from") for rank in RANKS]
    rows = rows.with_columns(*given, pl.lit(value=False).alias("settled"))
    findings = [_no_findings()]
    for depth in DEPTHS:
        candidates = _candidates(rows, knowledge, depth)
        if candidates.is_empty():
            continue
        if trace:
            trace(depth, candidates)
        findings.append(_refused(candidates, depth, knowledge))
        rows, doubtful = _fill(rows, candidates.filter("fits"), depth, knowledge)
        findings.append(doubtful)
    found = pl.concat(findings)
    doubts = found.filter(pl.col("kind") == "ambiguous")["number"].unique().implode()
    holes = pl.any_horizontal(_hole(rank) for rank in UPPER)
    rows = rows.with_columns((pl.col("number").is_in(doubts) & holes).alias("ambiguous"))
    found = found.join(rows.filter(holes).select("number"), on="number", how="semi")
    return rows.drop("settled"), found


def _hole(rank: str) -> pl.Expr:
    """Whether a rank is empty though one below it is known."""
    below = RANKS[RANKS.index(rank) + 1 :]
    return (pl.col(rank) == "") & pl.any_horizontal(pl.col(each) != "" for each in below)


def _candidates(rows: pl.DataFrame, knowledge: Knowledge, depth: str) -> pl.DataFrame:
    """The records with a row's name at this rank, ``r_…`` for their ranks; ``fits`` where the evidence agrees."""
    ranks = above(depth)
    names = ["genus", "species"] if depth == "species" else [depth]
    open_rows = rows.filter(
        ~pl.col("settled"),
        *(pl.col(name) != "" for name in names),
        pl.any_horizontal(pl.col(rank) == "" for rank in ranks),
    )
    if depth == "species":
        open_rows = open_rows.filter(~pl.col("species").str.contains(r"[.\d]"))
    if open_rows.is_empty():
        return pl.DataFrame()
    table = knowledge.tables[depth].rename({rank: f"r_{rank}" for rank in ranks})
    seen = pl.when(pl.col("kingdom") != "").then("kingdom").otherwise("context")
    mine = open_rows.select(
        "number", "origin", *names, *ranks, "context", *_evidence_comparable(ranks, knowledge, seen)
    )
    joined = mine.join(table, on=names, how="inner", nulls_equal=False)
    agree = [(pl.col(f"e_{rank}") == pl.col(f"c_{rank}")) & (pl.col(f"e_{rank}") != "") for rank in ranks]
    clash = [
        (pl.col(f"e_{rank}") != pl.col(f"c_{rank}")) & (pl.col(f"e_{rank}") != "") & (pl.col(f"c_{rank}") != "")
        for rank in ranks
    ]
    joined = joined.with_columns(support=pl.sum_horizontal(agree), clash=pl.any_horizontal(clash))
    fits = ~pl.col("clash")
    if depth == "genus" and not knowledge.genus_alone:
        fits &= pl.col("support") > 0
    return joined.with_columns(fits=fits)


def _evidence_comparable(ranks: Sequence[str], knowledge: Knowledge, kingdom: pl.Expr) -> list[pl.Expr]:
    compared = _comparable(ranks[1:], knowledge.synonyms)
    return [
        kingdom.alias("e_kingdom"),
        *(expr.alias(f"e_{rank}") for rank, expr in zip(ranks[1:], compared, strict=True)),
    ]


def _no_findings() -> pl.DataFrame:
    return pl.DataFrame(
        schema={"number": pl.UInt32, "kind": pl.String, "rank": pl.String, "value": pl.String, "detail": pl.String}
    )


def _refused(candidates: pl.DataFrame, depth: str, knowledge: Knowledge) -> pl.DataFrame:
    """Rows all of whose records were refused: contradictions, and genera that nothing supports."""
    none = candidates.filter(~pl.col("fits").any().over("number"))
    kind = pl.when(pl.col("clash").all().over("number")).then(pl.lit("contradiction")).otherwise(pl.lit("genus-alone"))
    return _describe(none.with_columns(kind.alias("kind")), depth, knowledge)


def _describe(candidates: pl.DataFrame, depth: str, knowledge: Knowledge) -> pl.DataFrame:
    """A finding per row: what its candidates are."""
    ranks = above(depth)
    who = (
        pl.col("authority").replace_strict(dict(enumerate(knowledge.order)), return_dtype=pl.String)
        if len(candidates)
        else pl.lit("")
    )
    lineage = (
        pl.concat_str([pl.col(f"r_{rank}") for rank in ranks], separator=" ")
        .str.replace_all(r" +", " ")
        .str.strip_chars()
    )
    value = pl.concat_str("genus", "species", separator=" ") if depth == "species" else pl.col(depth)
    said = candidates.select(
        "number", "kind", value.alias("value"), pl.concat_str(who, pl.lit(": "), lineage).alias("said")
    )
    detail = pl.col("said").unique().sort().head(6).str.join("; ").alias("detail")
    every = said.group_by("number", "kind", "value").agg(detail)
    return every.select("number", "kind", pl.lit(depth).alias("rank"), "value", "detail")


def _fill(
    rows: pl.DataFrame, fitting: pl.DataFrame, depth: str, knowledge: Knowledge
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill from the candidates that fit; returns the rows and what was ambiguous."""
    if fitting.is_empty():
        return rows, _no_findings()
    doubtful = _ambiguous(fitting, depth)
    ambiguous = fitting.join(doubtful, on="number", how="semi")
    clear = fitting.join(doubtful, on="number", how="anti")
    rows = _apply(rows, _shared(ambiguous, depth), depth, pl.lit(f"several:{depth}"))
    for at, authority in enumerate(knowledge.order):
        own = clear.filter(pl.col("authority") == at)
        if own.is_empty():
            continue
        rows = _apply(rows, _shared(_still_fitting(own, rows, depth), depth), depth, pl.lit(f"{authority}:{depth}"))
    if depth == "species":
        rows = _settle(rows, clear, knowledge)
    return rows, _describe(ambiguous.with_columns(kind=pl.lit("ambiguous")), depth, knowledge)


def _settle(rows: pl.DataFrame, clear: pl.DataFrame, knowledge: Knowledge) -> pl.DataFrame:
    """Rows whose species the first authority knows, one that is not their own, are looked up no further."""
    leader = pl.when(pl.col("origin") == (knowledge.order[0] if knowledge.order else "")).then(1).otherwise(0)
    known = clear.filter(pl.col("authority") == leader)["number"].unique().implode()
    return rows.with_columns(pl.col("settled") | pl.col("number").is_in(known))


def _distinct(column: str) -> pl.Expr:
    return pl.col(column).filter(pl.col(column) != "").n_unique()


def _ambiguous(fitting: pl.DataFrame, depth: str) -> pl.DataFrame:
    """The rows whose candidates are different taxa: other kingdoms, or families (for species: and orders)."""
    ranks = above(depth)
    near = list(reversed(ranks))[: 1 if depth == "genus" else 2]
    counts = fitting.group_by("number").agg(
        _distinct("c_kingdom").alias("kingdoms"), *(_distinct(f"c_{rank}").alias(f"n_{rank}") for rank in ranks)
    )
    apart = pl.all_horizontal(pl.col(f"n_{rank}") != 1 for rank in near) & pl.any_horizontal(
        pl.col(f"n_{rank}") > 1 for rank in near
    )
    return counts.filter((pl.col("kingdoms") > 1) | apart).select("number")


def _still_fitting(candidates: pl.DataFrame, rows: pl.DataFrame, depth: str) -> pl.DataFrame:
    """The candidates that agree with what more trusted authorities have just filled, too."""
    ranks = above(depth)
    now = rows.select("number", *(pl.col(rank).alias(f"now_{rank}") for rank in ranks))
    joined = candidates.join(now, on="number")
    filled = [(pl.col(rank) == "") & (pl.col(f"now_{rank}") != "") for rank in ranks]
    other = [(pl.col(f"now_{rank}") != pl.col(f"r_{rank}")) & (pl.col(f"r_{rank}") != "") for rank in ranks]
    clash = pl.any_horizontal(was & differs for was, differs in zip(filled, other, strict=True))
    return joined.filter(~clash)


def _shared(candidates: pl.DataFrame, depth: str) -> pl.DataFrame:
    """What the candidates of each row agree on, rank by rank, empty where they do not.

    Where they disagree somewhere, a rank counts only if all name it and nothing above it is in dispute: the one
    candidate that names it may be the wrong one.
    """
    ranks = above(depth)
    counts = candidates.group_by("number").agg(
        *(_distinct(f"c_{rank}").alias(f"n_{rank}") for rank in ranks),
        *((pl.col(f"r_{rank}") == "").any().alias(f"gap_{rank}") for rank in ranks),
        *(
            pl.col(f"r_{rank}").filter(pl.col(f"r_{rank}") != "").min().fill_null("").alias(f"v_{rank}")
            for rank in ranks
        ),
    )
    peace = pl.all_horizontal(pl.col(f"n_{rank}") <= 1 for rank in ranks)
    values = []
    for at, rank in enumerate(ranks):
        undisputed = pl.all_horizontal(pl.col(f"n_{each}") <= 1 for each in ranks[: at + 1])
        values.append(
            pl.when(peace | (undisputed & ~pl.col(f"gap_{rank}")))
            .then(f"v_{rank}")
            .otherwise(pl.lit(""))
            .alias(f"v_{rank}")
        )
    return counts.select("number", *values)


def _apply(rows: pl.DataFrame, values: pl.DataFrame, depth: str, authority: pl.Expr) -> pl.DataFrame:
    """The rows with their empty ranks above ``depth`` filled from ``values``."""
    if values.is_empty():
        return rows
    ranks = above(depth)
    joined = rows.join(values, on="number", how="left", maintain_order="left")
    fills = {rank: (pl.col(rank) == "") & (pl.col(f"v_{rank}").fill_null("") != "") for rank in ranks}
    filled = [pl.when(fill).then(f"v_{rank}").otherwise(rank).alias(rank) for rank, fill in fills.items()]
    sources = [
        pl.when(fill).then(authority).otherwise(f"{rank}_from").alias(f"{rank}_from") for rank, fill in fills.items()
    ]
    return joined.with_columns(*filled, *sources).drop(f"v_{rank}" for rank in ranks)
