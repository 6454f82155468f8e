"""The ranks of names that are one word.

A word may be of any rank: *Apis* is a genus, *Apini* a tribe, *Apidae* a family, *Diplura* an order and two genera.
Authorities know which; where none does, the ending of the word may show it. A word is no genus merely because it stands
alone, or where a genus is expected: ``Chironomidae sp. BOLD:AAA1234`` is of a family.

A word that stands at one of the seven ranks becomes part of the evidence at this rank. One of another rank, such as a
tribe, or of several, stays a *word*: resolving looks it up, and it fills the ranks above it.

Many genera are subgenera or sections of others to some authorities: *Polygonia c-album*. Such a genus stays with its
epithet, and is a word as well.
"""

import polars as pl

from ...core.values import RANKS
from ..expressions import UPPER, names_species
from ..parsing.endings import rank_by_ending
from ..parsing.kingdoms import KINGDOMS
from ..parsing.parsed_name import INFRAGENERIC
from .candidates import OF_PAGES
from .record_index import LOOKUP_RANKS, RecordIndex

FINDING = {
    "source": pl.String, "name_key": pl.String, "keys": pl.UInt32, "evidence": pl.UInt32,
    **dict.fromkeys(("kind", "rank", "value", "detail"), pl.String),
}  # fmt: skip
"""The columns of findings about words; a row for each evidence."""

_SPECIES_MARK = r"(?i)[a-z]\s+spp?\b"
_PLACEHOLDERS = ("sp", "spp", "indet", "species")


def rank_words(evidence: pl.DataFrame, index: RecordIndex) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each name of one word its rank.

    Args:
        evidence: ``uninomial`` is such a name; ``word`` and ``word_ranks`` are one of which the label itself says that
            it is of a rank between the seven.

    Returns:
        The evidence, in which a word stands at its rank, or else as ``word``, with the ranks at which it is to be
        looked up; and findings: words that no authority knows, words of other ranks, and those that stood as a genus.
    """
    columns = evidence.columns
    in_genus = (pl.col("uninomial") == "") & (pl.col("word") == "")
    stays = in_genus & names_species() & ~pl.col("origin").is_in(OF_PAGES)
    evidence = evidence.with_columns(in_genus=in_genus, stays=stays & pl.col("genus").is_in(_genera_in_others(index)))
    evidence = evidence.with_columns(asked=pl.when("stays").then("genus").otherwise(_asked(_higher_names(index))))
    words = evidence.filter(pl.col("asked") != "")["asked"].unique()
    if words.is_empty():
        return evidence.select(columns), pl.DataFrame(schema=FINDING)
    ranked = evidence.join(_known_ranks(words, index), on="asked", how="left", maintain_order="left")
    ranked = ranked.with_columns(ranks=_decided_ranks())
    # Of a name that nobody knows, sp. says that it is a genus.
    is_said = (pl.col("ranks") == "") & (pl.col("uninomial") != "") & pl.col("verbatim").str.contains(_SPECIES_MARK)
    ranked = ranked.with_columns(ranks=pl.when(is_said).then(pl.lit("genus")).otherwise("ranks"))
    ranked = ranked.with_columns(moves=pl.col("in_genus") & ~pl.col("stays") & (pl.col("ranks") != ""))
    is_word = ~pl.col("ranks").is_in(["", *UPPER])
    named = ranked.with_columns(
        *(_placed(rank) for rank in UPPER),
        species=pl.when("moves").then(pl.lit("")).otherwise("species"),
        word=pl.when(is_word).then("asked").otherwise(pl.lit("")),
        word_ranks=pl.when(is_word).then("ranks").otherwise(pl.lit("")),
    )
    return named.select(columns), _about(ranked)


def _higher_names(index: RecordIndex) -> pl.Series:
    """The names of families and higher taxa that no authority knows as a genus.

    Of 13,500 genera of ITIS and of the Catalogue of Life, none is called like a higher taxon of the built-in taxonomy
    that has not got the genus, too.
    """
    higher = pl.concat([index.tables[rank][rank] for rank in LOOKUP_RANKS[2:]]).unique()
    return higher.filter(~higher.is_in(index.tables["genus"]["genus"].unique().implode()))


def _genera_in_others(index: RecordIndex) -> pl.Series:
    """The names that no authority knows as a genus, and one that lists all genera as a part of one.

    ITIS and the Catalogue of Life have 16 of these as genera: in the same family, all of them.
    """
    words = index.words.filter(
        pl.col("word_rank").is_in(list(INFRAGENERIC)), pl.col("authority").is_in(list(index.complete))
    )["word"].unique()
    return words.filter(~words.is_in(index.tables["genus"]["genus"].unique().implode())).implode()


def _asked(higher: pl.Series) -> pl.Expr:
    """The word of each row whose rank is in question, or nothing.

    A genus with an epithet is none, unless it is one of the ``higher`` names or its ending says so: *Felidae leo*.
    """
    is_placeholder = ~names_species() | pl.col("species").is_in(list(_PLACEHOLDERS))
    is_higher = pl.col("genus").is_in(higher.implode()) | pl.col("genus").str.contains("(idae|inae|aceae)$")
    genus = pl.when(is_placeholder | is_higher).then("genus")
    given = pl.when(pl.col("word") != "").then("word").when(pl.col("uninomial") != "").then("uninomial")
    return given.otherwise(genus).fill_null("")


def _known_ranks(words: pl.Series, index: RecordIndex) -> pl.DataFrame:
    """For each word as ``asked``: the ``known`` ranks at which authorities have it, those of them ``between`` the
    seven, and the rank that its ``ending`` shows. Ranks are joined by commas."""
    asked = words.implode()
    kingdoms = words.filter(words.is_in(pl.Series([*KINGDOMS, *KINGDOMS.values()]).implode()))
    parts = [
        pl.DataFrame({"asked": kingdoms}).select("asked", rank=pl.lit("kingdom")),
        index.words.filter(pl.col("word").is_in(asked)).select(asked="word", rank="word_rank"),
        *(
            index.tables[rank].filter(pl.col(rank).is_in(asked)).select(asked=rank, rank=pl.lit(rank))
            for rank in LOOKUP_RANKS[1:]
        ),
    ]
    known = pl.concat(parts).unique()
    # A genus gives its name to one of its subgenera, or sections, which are part of it.
    is_part = pl.col("rank").is_in(list(INFRAGENERIC)) & (pl.col("rank") == "genus").any().over("asked")
    known = known.filter(~is_part)
    is_between = ~pl.col("rank").is_in(list(RANKS))
    ranks = known.group_by("asked").agg(
        known=pl.col("rank").sort().str.join(", "), between=pl.col("rank").filter(is_between).sort().str.join(", ")
    )
    endings = pl.Series([rank_by_ending(word) for word in words], dtype=pl.String)
    table = pl.DataFrame({"asked": words, "ending": endings}).join(ranks, on="asked", how="left")
    return table.with_columns(pl.col("known", "between").fill_null(""))


def _decided_ranks() -> pl.Expr:
    """The ranks at which a word is taken to stand; none for a genus that stays where it is."""
    free = pl.when(pl.col("known") != "").then("known").otherwise("ending")
    # The subgenus that has the type of a genus is called like it (ICZN, article 44.1; ICN, article 22.1).
    is_named_part = pl.col("word_ranks").is_in(list(INFRAGENERIC)) & _among(pl.lit("genus"), pl.col("known"))
    is_known = _among(pl.col("word_ranks"), pl.col("between"))
    of_label = pl.when(is_known).then("word_ranks").when(is_named_part).then(pl.lit("genus")).otherwise("between")
    in_genus = pl.when(_among(pl.lit("genus"), free)).then(pl.lit("")).otherwise(free)
    decided = pl.when(pl.col("word") != "").then(of_label).when("in_genus").then(in_genus).otherwise(free)
    return decided.fill_null("")


def _among(rank: pl.Expr, ranks: pl.Expr) -> pl.Expr:
    """Whether a rank is one of those that are joined by commas."""
    comma = pl.lit(", ")
    return pl.concat_str(comma, ranks, comma).str.contains(pl.concat_str(comma, rank, comma), literal=True)


def _placed(rank: str) -> pl.Expr:
    """The column of a rank, with the word that stands there if nothing else does."""
    word = pl.col("asked").replace(KINGDOMS) if rank == "kingdom" else pl.col("asked")
    kept = pl.when("moves").then(pl.lit("")).otherwise("genus") if rank == "genus" else pl.col(rank)
    return pl.when((pl.col("ranks") == rank) & (pl.col(rank) == "")).then(word).otherwise(kept).alias(rank)


def _about(ranked: pl.DataFrame) -> pl.DataFrame:
    """Findings about words: a row for each evidence."""
    is_unknown = (pl.col("uninomial") != "") & (pl.col("ranks") == "")
    is_several = pl.col("ranks").str.contains(",")
    is_between = (
        pl.when(pl.col("ranks") == "").then(pl.col("word") != "").otherwise(~pl.col("ranks").is_in(list(UPPER)))
    )
    by = pl.when(pl.col("known") == "").then(pl.lit(", by its ending")).otherwise(pl.lit(""))
    of_the_rank = pl.concat_str(pl.lit("of the rank "), "ranks", by)
    cases = [
        (
            pl.col("stays"),
            "genus-within",
            pl.concat_str(pl.lit("stays a genus, and fills the ranks above it; it is "), of_the_rank),
        ),
        (is_unknown, "rank-unknown", pl.lit("no authority knows it, and its ending shows no rank")),
        (pl.col("moves"), "rank-moved", pl.concat_str(pl.lit("stands in the place of a genus; it is "), of_the_rank)),
        (is_several, "rank-unknown", pl.concat_str(pl.lit("stands at the ranks "), "ranks")),
        (
            is_between & (pl.col("ranks") == ""),
            "rank-between",
            pl.concat_str(pl.lit("is of the rank "), "word_ranks", pl.lit(" by its label; no authority knows it so")),
        ),
        (is_between, "rank-between", pl.concat_str(pl.lit("fills only the ranks above it; it is "), of_the_rank)),
    ]
    kind = pl.coalesce(pl.when(case).then(pl.lit(kind)) for case, kind, _ in cases)
    detail = pl.coalesce(pl.when(case).then(text) for case, _, text in cases)
    findings = ranked.with_columns(kind=kind, rank="ranks", value="asked", detail=detail)
    return findings.filter(pl.col("asked") != "", pl.col("kind").is_not_null()).select(list(FINDING))
