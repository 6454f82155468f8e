"""The common names of each authority, in its own order of preference, of the languages that are wanted.

ITIS orders those of a taxon by serial number and then as it lists them; iNaturalist has those without a locality first,
then the oldest; EOL those that it prefers (the text ``preferred``), then those that a resource prefers, then the most
repeated; checklists say themselves; and of the other tables the most repeated comes first.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl

from ...core.languages import language_code, language_name
from ..checklists.checklist import VERNACULARS, Checklist
from ..expressions import binomial
from ..parsing.parsed_name import Parser
from ..providers.records import parse_names
from ..providers.table_count import TableCount
from ..providers.tables import ProviderTable, read_table, require_use
from .choice import SCHEMA, clean_languages, prioritised, with_lowest_name
from .cleaning import ENGLISH

_EOL = ("page_id", "canonical_form", "vernacular_string", "language_code")
_EOL_FLAGS = ("is_preferred_by_resource", "is_preferred_by_eol")


def from_itis(itis: pl.DataFrame, languages: Collection[str] = (ENGLISH,)) -> pl.DataFrame:
    """ITIS' vernaculars. It joins names and languages by commas; the lists need not be of one length."""
    named = with_lowest_name(itis.filter(pl.col("terminal_vernacular") != ""))
    columns = ("name_rank", "name", "kingdom", "family")
    joined = named.select(*columns, "tsn", "terminal_vernacular", "terminal_vernacular_lang")
    rows = [
        (*taxon, common, language, tsn, number)
        for *taxon, tsn, names, languages_of_names in joined.iter_rows()
        for number, (common, language) in enumerate(_pairs(names, languages_of_names))
        if language in languages
    ]
    schema = {**dict.fromkeys((*columns, "common", "language"), pl.String), "tsn": pl.Int64, "number": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return prioritised(frame, "itis", ("tsn", "number"), (False, False))


def _pairs(joined_names: str, joined_languages: str) -> list[tuple[str, str]]:
    """The names with the codes of their languages."""
    names, codes = joined_names.split(", "), [language_code(language) for language in joined_languages.split(", ")]
    # A name may itself contain a comma, so that names and languages do not pair up. If all are of one language, that
    # does not matter.
    codes = codes * len(names) if len(set(codes)) == 1 else codes
    return list(zip(names, codes, strict=False))


def from_inaturalist(taxa: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """iNaturalist's names of taxa at the seven ranks.

    Args:
        names: ``id``, ``common``, ``language`` (a code), ``locality`` and ``created``.
    """
    ranked = with_lowest_name(taxa).filter(pl.col("name_rank") == pl.col("rank"))
    ranked = ranked.select("id", "name_rank", "name", "kingdom", "family")
    joined = ranked.join(names, on="id")
    return prioritised(joined, "inaturalist", (pl.col("locality") != "", "created", "common"), (False, False, False))


def read_eol(
    path: Path, nodes: pl.DataFrame | None, parser: Parser, languages: Collection[str] = (ENGLISH,)
) -> tuple[pl.DataFrame, TableCount]:
    """EOL's names from its table of vernaculars, and what came of its rows.

    Raises:
        InputError: the file is missing or malformed, lacks a column, or has rows but no name in a wanted language.
    """
    table = read_table(path, _EOL, optional=_EOL_FLAGS, numbers=("page_id",))
    rows = table.rows.with_columns(language=clean_languages(table.rows["language_code"]))
    wanted = rows.filter(pl.col("language").is_in(list(languages)))
    named = from_eol(wanted, nodes, parser)
    return named, count_vernaculars(table, "eol", wanted.height, named.height, languages)


def count_vernaculars(
    table: ProviderTable, authority: str, wanted: int, used: int, languages: Collection[str]
) -> TableCount:
    """What came of a table of vernaculars, of which ``wanted`` rows are in one of the languages.

    Raises:
        InputError: it has rows, and none gives a common name.
    """
    left_out = {"in another language": table.rows.height - wanted}
    count = table.count(authority, used, left_out, "that say nothing or name no known taxon of the seven ranks")
    if table.rows.is_empty():
        return count
    names = " or ".join(map(language_name, languages))
    needs = f"names in {names} of taxa ([names] common_language), with the language as a code or in English"
    return require_use(count, table.path, needs)


def from_eol(rows: pl.DataFrame, nodes: pl.DataFrame | None, parser: Parser) -> pl.DataFrame:
    """EOL's names, by page; for pages that the tree lacks, by the scientific name in the table.

    Args:
        rows: the columns of EOL's table, and ``language``, a code.
    """
    rows = rows.rename({"vernacular_string": "common"})
    paged, unpaged = rows.clear(), rows
    if nodes is not None:
        paged_nodes = nodes.filter((pl.col("page") != "") & (pl.col("status") == "accepted"))
        # The lowest name of a subspecies is its species, whose common name is another one: hence the filter by rank.
        pages = with_lowest_name(paged_nodes).sort("node").unique("page", keep="first")
        pages = pages.select("page", "name_rank", "name", "kingdom", "family", "rank")
        paged = rows.join(pages, left_on="page_id", right_on="page").filter(pl.col("name_rank") == pl.col("rank"))
        unpaged = rows.join(pages.select("page"), left_on="page_id", right_on="page", how="anti")
    unpaged = _named_by_text(unpaged, parser)
    # EOL's resources mix upper and lower case, even on one page; the published dataset has English names in lower case.
    # Names of another language may need their capitals, as German ones do.
    lowered = pl.col("common").str.to_lowercase()
    table = pl.concat([paged, unpaged], how="diagonal").with_columns(_votes(pl.len(), lowered))
    # EOL's own preference comes before that of its resources.
    preferred = [(pl.col(flag).str.to_lowercase() == "preferred") for flag in reversed(_EOL_FLAGS)]
    named = prioritised(table, "eol", (*preferred, "votes", lowered), (True, True, True, False))
    is_english = pl.col("language") == ENGLISH
    return named.with_columns(common=pl.when(is_english).then(lowered).otherwise("common"))


def _named_by_text(rows: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Rows whose name comes without a rank: a single word counts as a genus. Names of subspecies are left out."""
    parts = parse_names(rows["canonical_form"], parser)
    named = parts.select(
        "infraspecific", name=binomial().str.strip_chars(), kingdom=pl.lit(""), family=pl.lit(""),
        name_rank=pl.when(pl.col("species") != "").then(pl.lit("species")).otherwise(pl.lit("genus")),
    )  # fmt: skip
    return rows.hstack(named).filter(pl.col("infraspecific") == "").drop("infraspecific")


def _votes(rows: pl.Expr, common: pl.Expr) -> pl.Expr:
    """How many rows give the same taxon the same common name; ``rows`` counts those of a group."""
    return rows.over("name_rank", "name", "kingdom", "language", common).alias("votes")


def from_table(
    frame: pl.DataFrame, column: str, authority: str, rows: pl.Expr, language: str = ENGLISH
) -> pl.DataFrame:
    """Common names beside seven ranks, of TaxonoPy or of the sources' own tables; the most repeated first.

    Args:
        rows: counts the repetitions in a group of rows.
        language: the code of the language that all of them count as. They are cleaned as English names.
    """
    named = with_lowest_name(frame.filter(pl.col(column) != ""))
    named = named.with_columns(common=pl.col(column), language=pl.lit(ENGLISH))
    votes = _votes(rows, pl.col("common"))
    ordered = prioritised(named.with_columns(votes), authority, ("votes", "common"), (True, False))
    return ordered.with_columns(language=pl.lit(language))


def from_checklist(checklist: Checklist, languages: Sequence[str], names: pl.Series) -> pl.DataFrame:
    """The common names of a checklist in these languages, of taxa with these names; none if it has no common names."""
    if checklist.vernaculars is None:
        return pl.DataFrame(schema=SCHEMA)
    # A checklist has names of all taxa in a hundred languages: those that are not wanted are never in memory.
    scan = pl.scan_parquet(checklist.vernaculars, glob=False)
    written = scan.select("language").unique().collect().to_series()
    wanted = written.filter(clean_languages(written).is_in(list(languages)))
    scan = scan.filter(pl.col("language").is_in(wanted.implode()), pl.col("name").is_in(names.implode()))
    rows = scan.collect().select(VERNACULARS.names())
    rows = rows.with_columns(language=clean_languages(rows["language"])).rename({"priority": "own_priority"})
    return prioritised(rows, checklist.name, ("own_priority",), (False,))
