"""Common names (vernaculars): English, cleaned, one per taxon and always the same one.

A vernacular belongs to a name at a rank, in a kingdom where its authority gives one. Of those that fit a
taxon, the most trusted authority's is taken, and of several of one authority the first in a fixed order:
ITIS by serial number and then as ITIS lists them; iNaturalist those without a locality, the oldest first;
EOL those that EOL prefers (the text ``preferred``), then those that a resource prefers, then the most repeated.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.unknown_words import is_unknown
from ..core.values import RANKS
from .expressions import binomial
from .label_text import clean_text
from .parsed_name import Parser
from .records import map_unique, parse_names
from .tables import ProviderTable, TableCount, read_table, require_use

SCHEMA = {
    "name_rank": pl.String, "name": pl.String, "kingdom": pl.String, "family": pl.String, "common": pl.String,
    "authority": pl.String, "priority": pl.UInt32,
}  # fmt: skip
"""The columns of vernaculars. ``priority`` orders those of one authority, the lowest number first."""

_ENGLISH = frozenset({"english", "eng", "en"})
_EOL = ("page_id", "canonical_form", "vernacular_string", "language_code")
_EOL_FLAGS = ("is_preferred_by_resource", "is_preferred_by_eol")


def clean_common(value: str) -> str:
    """A common name without markup; empty if it says nothing.

    >>> clean_common(" <b>Lion</b> "), clean_common("?")
    ('Lion', '')
    """
    cleaned = clean_text(value).strip('"“”*_;, ')
    return "" if is_unknown(cleaned) or not any(letter.isalpha() for letter in cleaned) else cleaned


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


def _prioritised(
    frame: pl.DataFrame, authority: str, order: Sequence[str | pl.Expr], descending: Sequence[bool]
) -> pl.DataFrame:
    """The rows of SCHEMA in order of preference, with ``common`` cleaned; without names that say nothing new."""
    frame = frame.with_columns(map_unique(frame["common"], clean_common).alias("common"))
    says_more = pl.col("common").str.to_lowercase() != pl.col("name").str.to_lowercase()
    frame = frame.filter((pl.col("common") != "") & (pl.col("name") != "") & says_more)
    # The last three columns break ties, so that the order of the authority's file does not matter.
    frame = frame.sort(
        *order, "kingdom", "family", "common", descending=[*descending, False, False, False], nulls_last=True
    )
    numbered = frame.with_row_index("priority").with_columns(authority=pl.lit(authority))
    return numbered.select(pl.col(column).cast(kind) for column, kind in SCHEMA.items())


def from_itis(itis: pl.DataFrame) -> pl.DataFrame:
    """ITIS' vernaculars. It joins names and languages by commas; the lists need not be of one length."""
    named = with_lowest_name(itis.filter(pl.col("terminal_vernacular") != ""))
    columns = ("name_rank", "name", "kingdom", "family")
    joined = named.select(*columns, "tsn", "terminal_vernacular", "terminal_vernacular_lang")
    rows = [
        (*taxon, common, tsn, number)
        for *taxon, tsn, names, languages in joined.iter_rows()
        for number, common in enumerate(_english(names, languages))
    ]
    schema = {**dict.fromkeys((*columns, "common"), pl.String), "tsn": pl.Int64, "number": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return _prioritised(frame, "itis", ("tsn", "number"), (False, False))


def _english(joined_names: str, joined_languages: str) -> list[str]:
    names, languages = joined_names.split(", "), [language.strip().lower() for language in joined_languages.split(", ")]
    # A name may itself contain a comma, so that names and languages do not pair up. Here that does not matter.
    if set(languages) <= _ENGLISH:
        return names
    return [name for name, language in zip(names, languages, strict=False) if language in _ENGLISH]


def from_inaturalist(taxa: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """iNaturalist's English names, of taxa at the seven ranks: ``id``, ``common``, ``locality`` and ``created``."""
    ranked = with_lowest_name(taxa).filter(pl.col("name_rank") == pl.col("rank"))
    ranked = ranked.select("id", "name_rank", "name", "kingdom", "family")
    joined = ranked.join(names, on="id")
    return _prioritised(joined, "inaturalist", (pl.col("locality") != "", "created", "common"), (False, False, False))


def read_eol(path: Path, nodes: pl.DataFrame | None, parser: Parser) -> tuple[pl.DataFrame, TableCount]:
    """EOL's English names from its table of vernaculars, and what came of its rows.

    Raises:
        InputError: the file is missing or malformed, lacks a column, or has rows but no name in English.
    """
    table = read_table(path, _EOL, optional=_EOL_FLAGS, numbers=("page_id",))
    english = table.rows.filter(pl.col("language_code").str.to_lowercase().is_in(list(_ENGLISH)))
    named = from_eol(english, nodes, parser)
    count = count_vernaculars(table, "eol", english.height, named.height)
    return named, count


def count_vernaculars(table: ProviderTable, authority: str, english: int, used: int) -> TableCount:
    """What came of a table of vernaculars, of which ``english`` rows are in English.

    Raises:
        InputError: it has rows, and none gives a common name.
    """
    left_out = {"in another language": table.rows.height - english}
    count = table.count(authority, used, left_out, "that say nothing or name no known taxon of the seven ranks")
    if table.rows.is_empty():
        return count
    return require_use(count, table.path, "names in English of taxa, with the language as en, eng or English")


def from_eol(rows: pl.DataFrame, nodes: pl.DataFrame | None, parser: Parser) -> pl.DataFrame:
    """EOL's English names, by page; for pages that the tree lacks, by the scientific name in the table."""
    # EOL's resources mix upper and lower case, even on one page; the published dataset has them in lower case.
    rows = rows.with_columns(pl.col("vernacular_string").str.to_lowercase().alias("common")).drop("vernacular_string")
    paged, unpaged = rows.clear(), rows
    if nodes is not None:
        paged_nodes = nodes.filter((pl.col("page") != "") & (pl.col("status") == "accepted"))
        # The lowest name of a subspecies is its species, whose common name is another one: hence the filter by rank.
        pages = with_lowest_name(paged_nodes).sort("node").unique("page", keep="first")
        pages = pages.select("page", "name_rank", "name", "kingdom", "family", "rank")
        paged = rows.join(pages, left_on="page_id", right_on="page").filter(pl.col("name_rank") == pl.col("rank"))
        unpaged = rows.join(pages.select("page"), left_on="page_id", right_on="page", how="anti")
    unpaged = _named_by_text(unpaged, parser)
    table = pl.concat([paged, unpaged], how="diagonal").with_columns(_votes(pl.len()))
    # EOL's own preference comes before that of its resources.
    preferred = [(pl.col(flag).str.to_lowercase() == "preferred") for flag in reversed(_EOL_FLAGS)]
    return _prioritised(table, "eol", (*preferred, "votes", "common"), (True, True, True, False))


def _named_by_text(rows: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Rows whose name comes without a rank: a single word counts as a genus. Names of subspecies are left out."""
    parts = parse_names(rows["canonical_form"], parser)
    named = parts.select(
        "infraspecific", name=binomial().str.strip_chars(), kingdom=pl.lit(""), family=pl.lit(""),
        name_rank=pl.when(pl.col("species") != "").then(pl.lit("species")).otherwise(pl.lit("genus")),
    )  # fmt: skip
    return rows.hstack(named).filter(pl.col("infraspecific") == "").drop("infraspecific")


def _votes(rows: pl.Expr) -> pl.Expr:
    """How many rows give the same taxon the same common name; ``rows`` counts those of a group."""
    return rows.over("name_rank", "name", "kingdom", "common").alias("votes")


def from_table(frame: pl.DataFrame, column: str, authority: str, rows: pl.Expr) -> pl.DataFrame:
    """Common names beside seven ranks, of TaxonoPy or of the sources' own tables; the most repeated first.

    Args:
        rows: counts the repetitions in a group of rows.
    """
    named = with_lowest_name(frame.filter(pl.col(column) != "")).with_columns(common=pl.col(column))
    return _prioritised(named.with_columns(_votes(rows)), authority, ("votes", "common"), (True, False))


def _by_trust(vernaculars: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One table of the vernaculars of several authorities, with their position in the order of trust as ``trust``."""
    frames = [frame.with_columns(trust=pl.lit(index, pl.Int8)) for index, frame in enumerate(vernaculars)]
    return pl.concat([pl.DataFrame(schema={**SCHEMA, "trust": pl.Int8}), *frames])


def choose(taxa: pl.DataFrame, vernaculars: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The common name of each distinct taxon: ``number, common, common_from, common_rank``.

    A vernacular of another kingdom, or for a genus of another family where both name one, does not belong to the
    taxon. If the taxon's kingdom is unknown and the name is used in several kingdoms, none is chosen.

    Args:
        taxa: ``number`` and the seven ranks.
        vernaculars: the tables of the authorities, the most trusted first.
    """
    lowest = with_lowest_name(taxa).filter(pl.col("name_rank") != "")
    lowest = lowest.select("number", "name_rank", "name", "kingdom", "family")
    candidates = lowest.join(_by_trust(vernaculars), on=["name_rank", "name"], suffix="_theirs")
    candidates = candidates.filter(_agrees("kingdom"), (pl.col("name_rank") != "genus") | _agrees("family"))
    kingdoms = pl.col("kingdom_theirs").filter(pl.col("kingdom_theirs") != "").n_unique().over("number")
    same_family = (pl.col("family") != "") & (pl.col("family_theirs") == pl.col("family"))
    best = (
        candidates.filter((pl.col("kingdom") != "") | (kingdoms <= 1))
        .sort("number", "trust", ~same_family, "priority")
        .unique("number", keep="first")
    )
    return best.select("number", "common", common_from="authority", common_rank="name_rank")


def _agrees(rank: str) -> pl.Expr:
    """Whether taxon and vernacular name the same ``rank``, or one of them does not name it."""
    ours, theirs = pl.col(rank), pl.col(f"{rank}_theirs")
    return (ours == "") | (theirs == "") | (ours == theirs)


def by_name(vernaculars: Sequence[pl.DataFrame]) -> dict[str, str]:
    """Scientific name to common name, sorted; without names that are used in several kingdoms."""
    kingdoms = pl.col("kingdom").filter(pl.col("kingdom") != "").n_unique().over("name")
    unambiguous = _by_trust(vernaculars).filter(kingdoms <= 1).sort("name", "trust", "priority")
    best = unambiguous.unique("name", keep="first", maintain_order=True)
    return dict(best.select("name", "common").iter_rows())
