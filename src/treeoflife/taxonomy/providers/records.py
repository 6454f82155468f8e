"""Bringing the columns of the providers' tables into one shape, with Polars.

A *record* is a row with the seven ranks, kingdom to species (the epithet alone), each empty where unknown.
"""

from collections.abc import Callable
from functools import cache

import polars as pl

from ...core.known_names import english_words
from ...core.unknown_words import FIRST_WORDS, UNKNOWN
from ...core.values import RANKS
from ..parsing.kingdoms import KINGDOM_WORDS, KINGDOMS, kingdom_of
from ..parsing.parsed_name import NOT_EPITHETS, Parser

PARSED = {**dict.fromkeys(("genus", "species", "infraspecific", "authorship"), pl.String), "quality": pl.Int8,
          "kind": pl.String, "form_rank": pl.String}  # fmt: skip
"""The columns of parsed names, those of :class:`~treeoflife.taxonomy.parsing.parsed_name.ParsedName` in the same order.
``form_rank`` is its ``rank``; tables often have a column ``rank`` of their own."""

# Names that parsing would return as they are. Leaving them out of it matters: see docs/decisions/names-in-context.md.
_PLAIN_RANK = r"^[A-Z][a-z]+(-[a-z]+)?$"
_PLAIN_BINOMIAL = r"^[A-Z][a-z]+(-[a-z]+)? [a-z]{3,}(-[a-z]+)*$"
# With author and year, as zoologists cite, or with abbreviated authors, as botanists do: gnparser finds the same parts.
# Of a download of GBIF nearly all names are such, and it reads some thousands of them in a second.
_AUTHOR = r"(?:[A-Z]\. ?)*[A-Z][a-zà-öø-ÿ]{2,}(?:-[A-Z][a-zà-öø-ÿ]+)?"
_AUTHORS_YEAR = rf"{_AUTHOR}(?:, {_AUTHOR})*(?: & {_AUTHOR})?, (?:17[5-9]|1[89]\d|20[0-2])\d"
_SHORT_AUTHORS = r"(?:[A-Z]\.)*[A-Z][a-z]*\.(?: & (?:[A-Z]\.)*[A-Z][a-z]*\.)?"
_CITED = (
    r"^[A-Z][a-z]+ [a-z]{3,}(?:-[a-z]+)* "
    rf"({_AUTHORS_YEAR}|\({_AUTHORS_YEAR}\)|(?:\({_SHORT_AUTHORS}\) )?{_SHORT_AUTHORS})$"
)
_MARKS = (
    r"(?i) (?:van|von|der|den|des|del|dal|ter|zur|zum|vom) |[( ](?:auctt?|hort|spp?|ssp|subsp|var|subvar|cv|nov|nom"
    r"|comb|stat|cf|aff|nr|gen|indet|ined|sensu|emend|mss?|non|nec|fil|bis|agg|aggr|prol?|ser|sect|subg|fo|sens|str|lat|et"
    r"|al)\."
)
"""Particles in the place of an epithet, and marks in that of an author."""
_VIRAL = r"(?i)virus|viroid|phage|satellite|prion|npv"
_EPITHET = r"^[a-zë-]{2,}$"


def map_unique(values: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """``function`` of every value, called once for each distinct value."""
    unique = values.unique()
    results = pl.Series([function(value) for value in unique.to_list()], dtype=pl.String)
    return values.replace_strict(unique, results, return_dtype=pl.String) if len(unique) else values


def rank_value(value: str, parser: Parser) -> str:
    """A genus or higher rank without author, markup or placeholder.

    >>> from treeoflife.taxonomy.parsing.simple import SimpleParser
    >>> rank_value("<i>Felidae</i> Fischer, 1817", SimpleParser()), rank_value("not_classified", SimpleParser())
    ('Felidae', '')
    """
    parsed = parser.read(value)
    return parsed.species if parsed.kind == "virus" and not parsed.genus else parsed.genus


@cache
def _no_names() -> pl.Series:
    """Words of the form of a genus that are none: Unknown, Beetles, Animal."""
    words = {"candidatus", *FIRST_WORDS, *KINGDOM_WORDS, *english_words()[1]}
    return pl.Series(sorted(word.capitalize() for word in words))


@cache
def _no_epithets() -> pl.Series:
    """Words of the form of an epithet that are none, or that have to be judged together with the genus."""
    return pl.Series(sorted({"sp", "spp", "cf", "aff", "nr", "x", *NOT_EPITHETS, *UNKNOWN, *english_words()[1]}))


def _is_epithet(words: pl.Series) -> pl.Series:
    """Whether words may be epithets; of joined ones the last word decides."""
    joined = words.filter(words.str.contains("-", literal=True).fill_null(value=False))
    no_epithets = joined.filter(joined.str.extract("([a-z]+)$").is_in(_no_epithets().implode()))
    return ~words.is_in(pl.concat([_no_epithets(), no_epithets]).implode())


def clean_ranks(frame: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """The frame with its columns kingdom to genus cleaned, and one name for each kingdom."""
    cleaned = [_clean_rank(frame[rank], parser, is_kingdom=rank == "kingdom").alias(rank) for rank in RANKS[:-1]]
    return frame.with_columns(cleaned).with_columns(pl.col("kingdom").replace(KINGDOMS))


def _clean_rank(values: pl.Series, parser: Parser, *, is_kingdom: bool) -> pl.Series:
    values = values.fill_null("")
    unique = values.unique()
    plain = unique.str.contains(_PLAIN_RANK) & ~unique.is_in(_no_names().implode())
    # Parsing is slow, and most values of a rank are single Latin words that it would return as they are.
    irregular = unique.filter((unique != "") & ~plain)
    if irregular.is_empty():
        return values
    cleaned = [rank_value(value, parser) for value in irregular.to_list()]
    if not is_kingdom:  # a word for a kingdom, such as animal, is no name of a lower taxon
        cleaned = ["" if kingdom_of(value) else value for value in cleaned]
    return values.replace(irregular, pl.Series(cleaned, dtype=pl.String))


def parse_names(names: pl.Series, parser: Parser) -> pl.DataFrame:
    """The parts of every name, one row each in the same order: the columns of :data:`PARSED`."""
    unique = names.fill_null("").unique()
    words = pl.col("name").str.splitn(" ", 3).struct
    table = pl.DataFrame({"name": unique}).with_columns(genus=words[0], species=words[1], authorship=_cited(parser))
    is_plain = pl.col("name").str.contains(_PLAIN_BINOMIAL) | pl.col("authorship").is_not_null()
    table = table.with_columns(
        plain=is_plain & ~pl.col("name").str.contains(_VIRAL), authorship=pl.col("authorship").fill_null("")
    )
    is_name = ~table["genus"].is_in(_no_names().implode()) & _is_epithet(table["species"])
    table = table.with_columns(plain=table["plain"] & is_name.fill_null(value=False))
    regular = table.filter("plain").select(
        "name", "genus", "species", "authorship", infraspecific=pl.lit(""), quality=pl.lit(1, pl.Int8),
        kind=pl.lit("species"), form_rank=pl.lit("species"),
    )  # fmt: skip
    others = table.filter(~pl.col("plain"))["name"]
    parsed = pl.DataFrame([parser.read(name) for name in others.to_list()], schema=PARSED, orient="row")
    table = pl.concat([regular.select("name", *PARSED), pl.DataFrame({"name": others}).hstack(parsed)])
    named = pl.DataFrame({"name": names.fill_null("")})
    return named.join(table, on="name", how="left", maintain_order="left").drop("name")


def _cited(parser: Parser) -> pl.Expr:
    """The author of a species' name, where gnparser would find the same; otherwise null."""
    is_cited = pl.lit(parser.name == "gnparser") & ~pl.col("name").str.contains(_MARKS)
    return pl.when(is_cited).then(pl.col("name").str.extract(_CITED, 1))


def with_species(frame: pl.DataFrame, species: pl.Series, parser: Parser) -> pl.DataFrame:
    """The frame with ``species`` as epithets: a full name gives its epithet, and its genus where the frame has none.

    ``species`` may be ``Panthera leo``, ``leo``, or either with an author; see
    :func:`~treeoflife.taxonomy.parsing.label.parse_columns`. Adds the column ``infraspecific``.
    """
    species = species.fill_null("").replace(["not_classified", "unknown"], ["", ""])
    written = pl.DataFrame({"genus": frame["genus"], "species": species})
    # A lone epithet, by far the most frequent form, needs no parser. Nor do full names of which the genus is plain.
    is_epithet = species.str.contains(_EPITHET) & _is_epithet(species)
    is_full = (pl.col("genus") == "") | pl.col("species").str.starts_with(pl.col("genus") + " ")
    is_plain = is_full & pl.col("species").str.contains(_PLAIN_BINOMIAL)
    written = written.with_columns(is_epithet=is_epithet.fill_null(value=False), is_plain=is_plain)
    full_name = pl.when(pl.col("is_plain") & ~pl.col("is_epithet")).then("species").otherwise(pl.lit(""))
    parsed = parse_names(written.select(full_name.alias("name"))["name"], parser)
    written = written.hstack(parsed.select(pl.all().name.prefix("own_")))
    written = _with_irregular(written, parser)
    # The sign of a hybrid, or Candidatus, may stand before the genus in the full name alone.
    is_genus_with_sign = pl.col("own_genus").str.ends_with(" " + pl.col("genus"))
    fills = ((pl.col("genus") == "") & (pl.col("own_species") != "")) | is_genus_with_sign
    done = written.select(
        genus=pl.when(~pl.col("is_epithet") & fills).then("own_genus").otherwise("genus"),
        species=pl.when("is_epithet").then("species").otherwise("own_species"),
        infraspecific=pl.when("is_epithet").then(pl.lit("")).otherwise("own_infraspecific"),
    )
    return frame.with_columns(done.get_columns())


def _with_irregular(written: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """The rows with the parts of those species that are neither lone epithets nor plain names."""
    is_irregular = ~pl.col("is_epithet") & ~pl.col("is_plain") & (pl.col("species") != "")
    pairs = written.filter(is_irregular).select("genus", "species").unique(maintain_order=True)
    if pairs.is_empty():
        return written
    parsed = [parser.read_columns(genus, species) for genus, species in pairs.iter_rows()]
    parts = pl.DataFrame(parsed, schema={f"new_{part}": kind for part, kind in PARSED.items()}, orient="row")
    joined = written.join(pairs.hstack(parts), on=["genus", "species"], how="left", maintain_order="left")
    return joined.with_columns(
        pl.when(is_irregular).then(f"new_{part}").otherwise(f"own_{part}").alias(f"own_{part}") for part in PARSED
    )


def names_something() -> pl.Expr:
    """Whether a record has any rank."""
    return pl.any_horizontal(pl.col(rank).fill_null("") != "" for rank in RANKS)


def distinct_records(frame: pl.DataFrame) -> pl.DataFrame:
    """The distinct records of a table: the seven ranks alone."""
    return frame.select(pl.col(rank).fill_null("") for rank in RANKS).unique()


def own_parts(names: pl.Series, parser: Parser) -> list[pl.Series]:
    """The parts of each row's own name, beside the ranks it was given: ``own_genus``, ``own_species``, and so on."""
    own = {part: f"own_{part}" for part in ("genus", "species", "infraspecific", "authorship")}
    return parse_names(names, parser).rename({**own, "kind": "parse"}).get_columns()
