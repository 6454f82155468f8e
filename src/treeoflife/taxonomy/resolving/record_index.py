"""The records of all authorities, prepared for looking names up.

A *record* is a taxon with the ranks above it, under one name. Authorities are of two kinds. Those of providers are
tables of lineages: each row is a record of its lowest rank and of all above. A checklist has a row for each name, at
any rank, with its author, and says which names are synonyms.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from ...core.values import RANKS
from ..checklists.checklist import Answers
from ..expressions import UPPER

LOOKUP_RANKS = ("species", "genus", "family", "order", "class", "phylum")
"""The ranks at which names are looked up, the most specific first."""

FAMILIES = {
    "Compositae": "Asteraceae", "Cruciferae": "Brassicaceae", "Gramineae": "Poaceae", "Guttiferae": "Clusiaceae",
    "Labiatae": "Lamiaceae", "Leguminosae": "Fabaceae", "Palmae": "Arecaceae", "Umbelliferae": "Apiaceae",
}  # fmt: skip
"""The alternative family names that the code of botanical names allows (ICN, article 18.5)."""

# Ranks at which synonyms are compared by their accepted name. A genus is part of the name of its species, and is not.
_SYNONYM_RANKS = ("phylum", "class", "order", "family")

Synonyms = Mapping[str, tuple[pl.Series, pl.Series]]


@dataclass(frozen=True)
class RecordIndex:
    """The authorities' records, prepared for looking names up.

    Attributes:
        authorities: the authorities that have records, the most trusted first.
        tables: for each of LOOKUP_RANKS the distinct records down to it. ``authority`` is the position in
            ``authorities``; the columns ``c_…`` have the ranks above with synonyms replaced, for comparison. Where
            there are checklists, also ``author`` and ``synonym_of``, the accepted name of a synonym, which has the
            lineage of this accepted name; both are empty in the records of providers.
        synonyms: by rank, names and their accepted names.
        genus_alone: whether a genus needs no support.
        words: the same of checklists' names at all other ranks, by ``word`` and ``word_rank``; they have the ranks down
            to the genus.
        checklists: the positions of the authorities that are checklists.
        complete: the positions of those that list the genera of all kingdoms. A genus that one of them knows needs no
            support, unless it has a namesake.
        namesakes: the names of which a checklist has several taxa, and which an author may tell apart.
        follows_synonyms: whether a name that is a synonym is replaced by the accepted one.
    """

    authorities: tuple[str, ...]
    tables: Mapping[str, pl.DataFrame]
    synonyms: Synonyms
    genus_alone: bool = False
    words: pl.DataFrame = field(default_factory=pl.DataFrame)
    checklists: tuple[int, ...] = ()
    complete: tuple[int, ...] = ()
    namesakes: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    follows_synonyms: bool = True


def ranks_above(rank: str) -> tuple[str, ...]:
    """The ranks that are filled by looking up ``rank``, from the kingdom down. A species is looked up with its genus.

    A name of a rank that is none of the seven may be a subgenus, which is below the genus.

    >>> ranks_above("species") == ranks_above("genus")
    True
    """
    if rank not in RANKS:
        return UPPER
    return RANKS[: RANKS.index(rank)] if rank != "species" else UPPER[:-1]


def index_records(
    records: Mapping[str, pl.DataFrame], synonyms: pl.DataFrame | None = None, *, genus_alone: bool = False
) -> RecordIndex:
    """Prepare the records of providers for looking names up.

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


def add_records(index: RecordIndex, name: str, records: pl.DataFrame, order: Sequence[str]) -> RecordIndex:
    """The index with the records of one more provider.

    Args:
        order: all authorities, the most trusted first.
    """
    index = _with_place(index, [name], order)
    number = pl.lit(index.authorities.index(name), pl.Int8).alias("authority")
    added = {rank: _table([records.select(*RANKS, number)], rank, index.synonyms) for rank in LOOKUP_RANKS}
    return replace(index, tables=_joined(index.tables, [added]))


def add_checklists(
    index: RecordIndex, answers: Mapping[str, Answers], order: Sequence[str], *, follow_synonyms: bool = True
) -> RecordIndex:
    """The index with what checklists say.

    Args:
        answers: the rows of each checklist.
        order: all authorities, the most trusted first.
        follow_synonyms: whether a name that is a synonym is replaced by the accepted one.
    """
    if not answers:
        return index
    index = _with_place(index, list(answers), order)
    numbers = {name: index.authorities.index(name) for name in answers}
    rows = pl.concat(
        answer.rows.with_columns(authority=pl.lit(numbers[name], pl.Int8)) for name, answer in answers.items()
    )
    repeated = rows.filter(pl.len().over("asked", "rank", "authority") > 1)["asked"].unique().sort()
    synonyms = {rank: _more_synonyms(index.synonyms[rank], rows, rank) for rank in _SYNONYM_RANKS}
    known = {rank: _compared(table, ranks_above(rank), synonyms) for rank, table in index.tables.items()}
    added = {rank: _answers_at(rows, rank, synonyms) for rank in LOOKUP_RANKS}
    others = rows.filter(~pl.col("rank").is_in(list(LOOKUP_RANKS)))
    return replace(
        index,
        tables=_joined(known, [added]),
        synonyms=synonyms,
        words=_compared(_words(others), UPPER, synonyms),
        checklists=tuple(sorted(numbers.values())),
        complete=tuple(sorted(numbers[name] for name, answer in answers.items() if answer.is_complete)),
        namesakes=repeated,
        follows_synonyms=follow_synonyms,
    )


def _with_place(index: RecordIndex, added: Sequence[str], order: Sequence[str]) -> RecordIndex:
    """The index with its authorities renumbered, so that those to be added have their place in the order of trust."""
    authorities = tuple(name for name in order if name in index.authorities or name in added)
    numbers = [authorities.index(name) for name in index.authorities]
    renumber = pl.col("authority").replace_strict(range(len(numbers)), numbers, return_dtype=pl.Int8)
    return replace(
        index,
        authorities=authorities,
        tables={rank: table.with_columns(renumber) for rank, table in index.tables.items()},
        words=index.words.with_columns(renumber) if index.checklists else index.words,
        checklists=tuple(numbers[one] for one in index.checklists),
        complete=tuple(numbers[one] for one in index.complete),
    )


def _joined(
    tables: Mapping[str, pl.DataFrame], further: Sequence[Mapping[str, pl.DataFrame]]
) -> dict[str, pl.DataFrame]:
    """The tables with further ones; a column that only some have is empty in the others."""
    return {
        rank: pl.concat([table, *(one[rank] for one in further)], how="diagonal").with_columns(
            pl.col(pl.String).fill_null("")
        )
        for rank, table in tables.items()
    }


def _more_synonyms(known: tuple[pl.Series, pl.Series], rows: pl.DataFrame, rank: str) -> tuple[pl.Series, pl.Series]:
    """The synonyms at a rank with those of checklists, of names that no checklist accepts.

    One whose accepted name is a synonym as well is left out: authorities disagree.
    """
    own = rows.filter(pl.col("rank") == rank).select("status", name="asked", accepted=rank)
    accepted = own.filter(pl.col("status") == "accepted")["name"].unique().implode()
    synonyms = own.filter(pl.col("accepted") != "", ~pl.col("name").is_in(accepted)).select("name", "accepted")
    pairs = pl.concat([pl.DataFrame(dict(zip(("name", "accepted"), known, strict=True))), synonyms]).unique()
    pairs = pairs.filter(pl.len().over("name") == 1, ~pl.col("accepted").is_in(pl.col("name").implode()))
    pairs = pairs.sort("name")
    return pairs["name"], pairs["accepted"]


def _answers_at(rows: pl.DataFrame, rank: str, synonyms: Synonyms) -> pl.DataFrame:
    """The rows of checklists at one of LOOKUP_RANKS, each under its name as the evidence writes it."""
    own = rows.filter(pl.col("rank") == rank)
    accepted = pl.concat_str("genus", "species", separator=" ") if rank == "species" else pl.col(rank)
    own = own.with_columns(synonym_of=pl.when(_is_synonym()).then(accepted).otherwise(pl.lit("")))
    if rank == "species":
        words = pl.col("asked").str.splitn(" ", 2).struct
        own = own.with_columns(genus=words.field("field_0"), species=words.field("field_1").fill_null(""))
    else:
        own = own.with_columns(pl.col("asked").alias(rank))
    columns = (*RANKS[: RANKS.index(rank) + 1], "authority", "author", "synonym_of")
    return _compared(own.select(columns).unique(), ranks_above(rank), synonyms)


def _words(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of checklists at other ranks."""
    named = rows.select(
        *UPPER, "authority", "author", word="asked", word_rank="rank",
        synonym_of=pl.when(_is_synonym()).then("accepted").otherwise(pl.lit("")),
    )  # fmt: skip
    return named.unique()


def _is_synonym() -> pl.Expr:
    return pl.col("status") == "synonym"


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
    return _compared(table, ranks_above(rank), synonyms)


def _compared(table: pl.DataFrame, ranks: Sequence[str], synonyms: Synonyms) -> pl.DataFrame:
    """The table with the columns ``c_…``."""
    return table.with_columns(accepted_name(rank, synonyms).alias(f"c_{rank}") for rank in ranks)


def accepted_name(rank: str, synonyms: Synonyms) -> pl.Expr:
    """The column ``rank`` with synonyms replaced by their accepted names."""
    names, accepted = synonyms.get(rank, ((), ()))
    return pl.col(rank).replace(names, accepted) if len(names) else pl.col(rank)
