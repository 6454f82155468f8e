"""Bringing the columns of the providers' tables into one shape, with Polars.

A *record* is a row with the seven ranks, kingdom to species (the epithet alone), each empty where unknown.
"""

from collections.abc import Callable

import polars as pl

from ..core.unknown_words import UNKNOWN, is_unknown
from ..core.values import RANKS
from .parsing import Parser, capitalised, parse

KINGDOMS = {
    "Metazoa": "Animalia", "Animals": "Animalia", "Archaeplastida": "Plantae", "Chloroplastida": "Plantae",
    "Viridiplantae": "Plantae", "Plants": "Plantae", "Eubacteria": "Bacteria", "Archaebacteria": "Archaea",
    "Eumycota": "Fungi", "Eufungi": "Fungi",
}  # fmt: skip
"""Other authorities' names of a kingdom, and the one used here."""

PARSED = {**dict.fromkeys(("genus", "species", "infraspecific", "authorship"), pl.String), "quality": pl.Int8,
          "kind": pl.String}  # fmt: skip
"""The columns of parsed names."""

# Names that parsing would return as they are. Leaving them out of it matters: see docs/decisions/names-in-context.md.
_PLAIN_RANK = r"^[A-Z][a-z]+(-[a-z]+)?$"
_PLAIN_BINOMIAL = r"^[A-Z][a-z]+(-[a-z]+)? [a-z]{3,}(-[a-z]+)*$"
_NEEDS_PARSER = (
    r"(?i)virus|viroid|phage| (?:spp|ssp|subsp|var|the|and|species|group|complex|indet|nov|gen|undet|cultivar|hybrid"
    r"|near|from)$|^Candidatus|^Unknown|^Unidentified"
)


def map_unique(values: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """``function`` of every value, called once for each distinct value."""
    unique = values.unique()
    results = pl.Series([function(value) for value in unique.to_list()], dtype=pl.String)
    return values.replace_strict(unique, results, return_dtype=pl.String) if len(unique) else values


def rank_value(value: str, parser: Parser) -> str:
    """A genus or higher rank without author, markup or placeholder.

    >>> from treeoflife.taxonomy.simple import SimpleParser
    >>> rank_value("<i>Felidae</i> Fischer, 1817", SimpleParser()), rank_value("not_classified", SimpleParser())
    ('Felidae', '')
    """
    if is_unknown(value):
        return ""
    parsed = parse(capitalised(value), parser)
    return parsed.species if parsed.kind == "virus" and not parsed.genus else parsed.genus


def clean_ranks(frame: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """The frame with its columns kingdom to genus cleaned, and one name for each kingdom."""
    cleaned = [_clean_rank(frame[rank], parser).alias(rank) for rank in RANKS[:-1]]
    return frame.with_columns(cleaned).with_columns(pl.col("kingdom").replace(KINGDOMS))


def _clean_rank(values: pl.Series, parser: Parser) -> pl.Series:
    values = values.fill_null("")
    unique = values.unique()
    plain = unique.str.contains(_PLAIN_RANK) & ~unique.str.to_lowercase().is_in(sorted(UNKNOWN))
    # Parsing is slow, and most values of a rank are single Latin words that it would return as they are.
    irregular = unique.filter((unique != "") & ~plain)
    if irregular.is_empty():
        return values
    cleaned = [rank_value(value, parser) for value in irregular.to_list()]
    return values.replace(irregular, pl.Series(cleaned, dtype=pl.String))


def parse_names(names: pl.Series, parser: Parser) -> pl.DataFrame:
    """The parts of every name, one row each in the same order: the columns of :data:`PARSED`."""
    unique = names.fill_null("").unique()
    plain = unique.str.contains(_PLAIN_BINOMIAL) & ~unique.str.contains(_NEEDS_PARSER)
    words = pl.col("name").str.split_exact(" ", 1).struct
    regular = pl.DataFrame({"name": unique.filter(plain)}).select(
        "name", genus=words.field("field_0"), species=words.field("field_1"), infraspecific=pl.lit(""),
        authorship=pl.lit(""), quality=pl.lit(1, pl.Int8), kind=pl.lit("species"),
    )  # fmt: skip
    others = unique.filter(~plain)
    parsed = pl.DataFrame([parse(name, parser) for name in others.to_list()], schema=PARSED, orient="row")
    table = pl.concat([regular, pl.DataFrame({"name": others}).hstack(parsed)])
    named = pl.DataFrame({"name": names.fill_null("")})
    return named.join(table, on="name", how="left", maintain_order="left").drop("name")


def with_species(frame: pl.DataFrame, species: pl.Series, parser: Parser) -> pl.DataFrame:
    """The frame with ``species`` as epithets: a full name gives its epithet, and its genus where the frame has none.

    ``species`` may be ``Panthera leo``, ``leo``, or either with an author. Adds the column ``infraspecific``.
    """
    species = species.fill_null("").replace(["not_classified", "unknown"], ["", ""])
    genus = frame["genus"]
    is_epithet = species.str.contains(r"^[a-zë-]{2,}$") & ~species.is_in(["sp", "spp", *sorted(UNKNOWN)])
    written = pl.DataFrame({"genus": genus, "species": species, "is_epithet": is_epithet})
    has_genus = (
        (pl.col("genus") == "")
        | pl.col("species").str.starts_with(pl.col("genus") + " ")
        | pl.col("species").str.contains("^[A-Z×]")
    )
    # A lone epithet, by far the most frequent form, needs no parser; any other is parsed together with its genus.
    full_name = pl.when(has_genus).then("species").otherwise(pl.concat_str("genus", "species", separator=" "))
    to_parse = pl.when(pl.col("is_epithet") | (pl.col("species") == "")).then(pl.lit("")).otherwise(full_name)
    parsed = parse_names(written.select(to_parse.alias("name"))["name"], parser)
    fills_genus = (genus == "") & (parsed["species"] != "")
    return frame.with_columns(
        genus=pl.when(fills_genus).then(parsed["genus"]).otherwise(genus),
        species=pl.when(is_epithet).then(species).otherwise(parsed["species"]),
        infraspecific=parsed["infraspecific"],
    )


def names_something() -> pl.Expr:
    """Whether a record has any rank."""
    return pl.any_horizontal(pl.col(rank).fill_null("") != "" for rank in RANKS)


def distinct_records(frame: pl.DataFrame) -> pl.DataFrame:
    """The distinct records of a table: the seven ranks alone."""
    return frame.select(pl.col(rank).fill_null("") for rank in RANKS).unique()
