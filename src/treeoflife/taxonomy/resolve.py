"""Resolving names in context: empty ranks are filled from records that agree with the evidence.

*Evidence* is what a source gives for an image; it is never overwritten. From the species up, each rank that
the evidence names is looked up in every authority. A record is a *candidate* if it has that name at that rank.
It *fits* if it names no other kingdom and contradicts no other rank of the evidence (a synonym is no contradiction).

* Candidates that are different taxa leave the name ambiguous: only the ranks that all of them share are filled.
* A genus needs support: a kingdom or another rank that evidence and record both name. A genus may be an
  animal's and a plant's, and the authorities at hand may know only one of them.
* If the first authority knows the species, its record is final: a rank that it leaves empty stays empty
  (ITIS has no phyla of plants) unless another authority knows the species too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from ..core.values import RANKS
from .checklist_records import Answers
from .expressions import UPPER, binomial, is_hole, joined, names_species

LOOKUP_RANKS = ("species", "genus", "family", "order", "class", "phylum")
"""The ranks at which names are looked up, the most specific first."""

CHUNK = 50_000
"""Rows resolved at once: a common genus has many records, and the join with them must fit into memory."""

FAMILIES = {
    "Compositae": "Asteraceae", "Cruciferae": "Brassicaceae", "Gramineae": "Poaceae", "Guttiferae": "Clusiaceae",
    "Labiatae": "Lamiaceae", "Leguminosae": "Fabaceae", "Palmae": "Arecaceae", "Umbelliferae": "Apiaceae",
}  # fmt: skip
"""The alternative family names that the code of botanical names allows (ICN, article 18.5)."""

# Ranks at which synonyms are compared by their accepted name. A genus is part of the name of its species, and is not.
_SYNONYM_RANKS = ("phylum", "class", "order", "family")
# Enough to see which taxa share a name; a frequent genus has hundreds of records.
_MOST_CANDIDATES_NAMED = 6

OnCandidates = Callable[[str, pl.DataFrame], None]
Synonyms = Mapping[str, tuple[pl.Series, pl.Series]]


@dataclass(frozen=True)
class RecordIndex:
    """The authorities' records, prepared for looking names up.

    Attributes:
        authorities: the authorities that have records, the most trusted first.
        tables: for each of LOOKUP_RANKS the distinct records down to it. ``authority`` is the position in
            ``authorities``; the columns ``c_…`` have the ranks above with synonyms replaced, for comparison.
        synonyms: by rank, names and their accepted names.
        genus_alone: whether a genus needs no support.
    """

    authorities: tuple[str, ...]
    tables: Mapping[str, pl.DataFrame]
    synonyms: Synonyms
    genus_alone: bool = False


def ranks_above(rank: str) -> tuple[str, ...]:
    """The ranks that are filled by looking up ``rank``, from the kingdom down. A species is looked up with its genus.

    >>> ranks_above("species") == ranks_above("genus")
    True
    """
    return RANKS[: RANKS.index(rank)] if rank != "species" else UPPER[:-1]


def index_records(
    records: Mapping[str, pl.DataFrame], synonyms: pl.DataFrame | None = None, *, genus_alone: bool = False
) -> RecordIndex:
    """Prepare records for looking names up.

    Args:
        records: the records of each authority, the most trusted first.
        synonyms: ``rank``, ``name`` and ``accepted``.
        genus_alone: whether a genus needs no support.
    """
    pairs = {rank: _synonym_pairs(synonyms, rank) for rank in _SYNONYM_RANKS}
    empty = pl.DataFrame(schema={**dict.fromkeys(RANKS, pl.String), "authority": pl.Int8})
    frames = [frame.select(*RANKS, authority=pl.lit(n, pl.Int8)) for n, frame in enumerate(records.values())]
    tables = {rank: _table(frames or [empty], rank, pairs) for rank in LOOKUP_RANKS}
    return RecordIndex(tuple(records), tables, pairs, genus_alone)


def add_records(index: RecordIndex, further: Mapping[str, pl.DataFrame | Answers], order: Sequence[str]) -> RecordIndex:
    """The index with the records, or the answers of a checklist, of further authorities.

    Args:
        order: all authorities, the most trusted first.
    """
    authorities = tuple(name for name in order if name in index.authorities or name in further)
    numbers = [authorities.index(name) for name in index.authorities]
    renumbered = pl.col("authority").replace_strict(range(len(numbers)), numbers, return_dtype=pl.Int8)
    tables = {}
    for rank, table in index.tables.items():
        parts = [table.with_columns(renumbered)]
        for name, given in further.items():
            number = pl.lit(authorities.index(name), pl.Int8).alias("authority")
            rows = _answer_records(given.rows, rank) if isinstance(given, Answers) else given
            parts.append(_table([rows.select(*RANKS, number)], rank, index.synonyms).select(table.columns))
        tables[rank] = pl.concat(parts)
    return replace(index, authorities=authorities, tables=tables)


def _answer_records(rows: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The rows of a checklist at ``rank``, each under its name: a synonym has the ranks above of its accepted name."""
    own = rows.filter(pl.col("rank") == rank)
    if rank != "species":
        return own.with_columns(pl.col("asked").alias(rank))
    words = pl.col("asked").str.splitn(" ", 2).struct
    return own.with_columns(genus=words.field("field_0"), species=words.field("field_1").fill_null(""))


def _synonym_pairs(synonyms: pl.DataFrame | None, rank: str) -> tuple[pl.Series, pl.Series]:
    """Names and their accepted names. A name with several accepted names could be any of them, and is left out."""
    pairs = pl.DataFrame(schema={"name": pl.String, "accepted": pl.String})
    if synonyms is not None:
        pairs = synonyms.filter(pl.col("rank") == rank).select("name", "accepted")
    if rank == "family":
        pairs = pl.concat([pairs, pl.DataFrame({"name": list(FAMILIES), "accepted": list(FAMILIES.values())})])
    pairs = pairs.unique().filter(pl.len().over("name") == 1).sort("name")
    return pairs["name"], pairs["accepted"]


def _table(frames: Sequence[pl.DataFrame], rank: str, synonyms: Synonyms) -> pl.DataFrame:
    """The distinct records down to ``rank``, of all authorities."""
    columns = RANKS[: RANKS.index(rank) + 1]
    # Distinct, because a genus has a row for each of its species, of which there may be hundreds.
    table = pl.concat([frame.select(*columns, "authority").filter(pl.col(rank) != "").unique() for frame in frames])
    if rank == "species":
        table = table.filter(pl.col("genus") != "")
    return table.with_columns(_accepted(upper, synonyms).alias(f"c_{upper}") for upper in ranks_above(rank))


def _accepted(rank: str, synonyms: Synonyms) -> pl.Expr:
    """The column ``rank`` with synonyms replaced by their accepted names."""
    names, accepted = synonyms.get(rank, ((), ()))
    return pl.col(rank).replace(names, accepted) if len(names) else pl.col(rank)


def resolve(
    evidence: pl.DataFrame, index: RecordIndex, on_candidates: OnCandidates | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Fill the empty ranks of every row of ``evidence``.

    Args:
        evidence: the seven ranks, ``number`` (unique), ``context`` (a kingdom that is known but not given as a rank, or
            empty) and ``origin`` (what gave the ranks, such as ``eol``).
        index: the authorities' records.
        on_candidates: called with each rank that is looked up and the candidates there, to explain the result.

    Returns:
        The rows with ``kingdom_from`` … ``species_from`` and ``ambiguous``; and the findings about rows that still have
        holes: ``number, kind, rank, value, detail``.
    """
    chunks = list(evidence.iter_slices(CHUNK)) or [evidence]
    resolved = [_resolve_chunk(chunk, index, on_candidates) for chunk in chunks]
    return pl.concat([rows for rows, _ in resolved]), pl.concat([findings for _, findings in resolved])


def _resolve_chunk(
    rows: pl.DataFrame, index: RecordIndex, on_candidates: OnCandidates | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    given = [pl.when(pl.col(rank) != "").then("origin").otherwise(pl.lit("")).alias(f"{rank}_from") for rank in RANKS]
    rows = rows.with_columns(*given, complete=pl.lit(value=False))
    parts = [_no_findings()]
    for rank in LOOKUP_RANKS:
        candidates = _candidates(rows, index, rank)
        if candidates.is_empty():
            continue
        if on_candidates:
            on_candidates(rank, candidates)
        rows, ambiguous = _fill(rows, candidates.filter("fits"), rank, index)
        parts += [_refusals(candidates, rank, index), ambiguous]
    findings = pl.concat(parts)
    ambiguous_numbers = findings.filter(pl.col("kind") == "ambiguous")["number"].unique().implode()
    holes = pl.any_horizontal(is_hole(rank) for rank in UPPER)
    rows = rows.with_columns(ambiguous=pl.col("number").is_in(ambiguous_numbers) & holes)
    # A row that another rank's records completed leaves nothing for a curator to do.
    findings = findings.join(rows.filter(holes).select("number"), on="number", how="semi")
    return rows.drop("complete"), findings


def _candidates(rows: pl.DataFrame, index: RecordIndex, rank: str) -> pl.DataFrame:
    """The records with a row's name at ``rank``: ``r_…`` are their ranks, ``e_…`` the evidence to compare.

    ``clash`` marks those that contradict the evidence, ``fits`` those that may fill it.
    """
    upper_ranks, open_rows = ranks_above(rank), _open_rows(rows, rank)
    if open_rows.is_empty():
        return pl.DataFrame()
    names = ["genus", "species"] if rank == "species" else [rank]
    table = index.tables[rank].rename({upper: f"r_{upper}" for upper in upper_ranks})
    # The context takes the place of a missing kingdom; it is compared, but never filled in.
    kingdom = pl.when(pl.col("kingdom") != "").then("kingdom").otherwise("context")
    others = [_accepted(upper, index.synonyms).alias(f"e_{upper}") for upper in upper_ranks[1:]]
    compared = open_rows.select(
        "number", "origin", *names, *upper_ranks, "context", kingdom.alias("e_kingdom"), *others
    )
    candidates = compared.join(table, on=names, how="inner", nulls_equal=False)
    pairs = [(pl.col(f"e_{upper}"), pl.col(f"c_{upper}")) for upper in upper_ranks]
    agrees = [(ours == theirs) & (ours != "") for ours, theirs in pairs]
    differs = [(ours != theirs) & (ours != "") & (theirs != "") for ours, theirs in pairs]
    fits = ~pl.any_horizontal(differs)
    if rank == "genus" and not index.genus_alone:
        fits &= pl.any_horizontal(agrees)
    return candidates.with_columns(clash=pl.any_horizontal(differs), fits=fits)


def _open_rows(rows: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The rows that have a name at ``rank`` and an empty rank above it."""
    has_empty_rank = pl.any_horizontal(pl.col(upper) == "" for upper in ranks_above(rank))
    has_name = names_species() if rank == "species" else pl.col(rank) != ""
    return rows.filter(~pl.col("complete"), has_name, has_empty_rank)


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
    numbers = _ambiguous_numbers(fitting, rank)
    ambiguous = fitting.join(numbers, on="number", how="semi")
    clear = fitting.join(numbers, on="number", how="anti")
    rows = _apply(rows, _agreed_ranks(ambiguous, rank), rank, f"several:{rank}")
    for position, authority in enumerate(index.authorities):
        # An authority may fill only what agrees with the ranks that more trusted ones filled in this same loop.
        own = clear.filter(pl.col("authority") == position)
        if len(own):
            rows = _apply(rows, _agreed_ranks(_still_fitting(own, rows, rank), rank), rank, f"{authority}:{rank}")
    if rank == "species":
        rows = _mark_complete(rows, clear, index)
    return rows, _describe(ambiguous.with_columns(kind=pl.lit("ambiguous")), rank, index)


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


def _ambiguous_numbers(fitting: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The rows whose candidates are different taxa: of several kingdoms, or of different close relatives.

    For a genus those are the families. At other ranks the two nearest ranks must both fail to be the same, because two
    authorities may put one and the same species into different families of an order.
    """
    upper_ranks = ranks_above(rank)
    nearest = upper_ranks[-1:] if rank == "genus" else upper_ranks[-2:]
    counts = fitting.group_by("number").agg(_count_names(f"c_{upper}").alias(upper) for upper in upper_ranks)
    apart = pl.all_horizontal(pl.col(upper) != 1 for upper in nearest)
    apart &= pl.any_horizontal(pl.col(upper) > 1 for upper in nearest)
    return counts.filter((pl.col("kingdom") > 1) | apart).select("number")


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


def _agreed_ranks(candidates: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The names on which the candidates of each row agree, ``r_…`` rank by rank, empty where they do not.

    If they disagree anywhere, a rank counts only if all candidates name it and nothing above it is in dispute: the one
    candidate that names it may be the wrong one.
    """
    upper_ranks = ranks_above(rank)
    names = pl.col([f"r_{upper}" for upper in upper_ranks])
    summary = candidates.group_by("number").agg(
        *(_count_names(f"c_{upper}").alias(f"n_{upper}") for upper in upper_ranks),
        # Different names that count as one are synonyms of each other; the first by the alphabet is taken.
        names.replace("", None).min().fill_null(""),
        (names == "").any().name.suffix("_gap"),
    )
    undisputed = [
        pl.all_horizontal(pl.col(f"n_{each}") <= 1 for each in upper_ranks[:depth])
        for depth in range(1, len(upper_ranks) + 1)
    ]
    agreed = [
        pl.when(undisputed[-1] | (clear_so_far & ~pl.col(f"r_{upper}_gap"))).then(f"r_{upper}").otherwise(pl.lit(""))
        for upper, clear_so_far in zip(upper_ranks, undisputed, strict=True)
    ]
    return summary.select("number", *agreed)


def _apply(rows: pl.DataFrame, values: pl.DataFrame, rank: str, filled_by: str) -> pl.DataFrame:
    """The rows with their empty ranks above ``rank`` filled from ``values``, and ``filled_by`` beside them."""
    if values.is_empty():
        return rows
    matched, updates = rows.join(values, on="number", how="left", maintain_order="left"), []
    for upper in ranks_above(rank):
        fills = (pl.col(upper) == "") & (pl.col(f"r_{upper}").fill_null("") != "")
        updates += [
            pl.when(fills).then(f"r_{upper}").otherwise(upper).alias(upper),
            pl.when(fills).then(pl.lit(filled_by)).otherwise(f"{upper}_from").alias(f"{upper}_from"),
        ]
    return matched.with_columns(updates).select(rows.columns)
