"""Reading the providers' tables and bringing their columns into one shape, with Polars.

A *record* is a row with the seven ranks, kingdom to species (the epithet alone), each empty where unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ..core.values import RANKS
from ..errors import InputError
from .parsing import ParsedName, Parser, parse
from .text import KINGDOMS, UNKNOWN, capitalised, is_unknown

UPPER = RANKS[:-1]
"""Kingdom to genus."""

PARSED = ("genus", "species", "infraspecific", "authorship", "quality", "kind")
_PLAIN = r"^[A-Z][a-z]+(-[a-z]+)?$"
_NOT_PLAIN = (
    r"(?i)virus|viroid|phage| (?:spp|ssp|subsp|var|the|and|species|group|complex|indet|nov|gen|undet|cultivar|hybrid"
    r"|near|from)$|^Candidatus|^Unknown|^Unidentified"
)
_BINOMIAL = r"^[A-Z][a-z]+(-[a-z]+)? [a-z]{3,}(-[a-z]+)*$"


def read_table(
    path: Path, columns: Sequence[str], *, separator: str = ",", optional: Sequence[str] = ()
) -> pl.DataFrame:
    """Some columns of a CSV or tab-separated file, all as text; empty where absent. Tabs mean: quotes are literal text.

    Raises:
        InputError: the file is missing, cannot be read, or lacks one of ``columns``.
    """
    try:
        frame = pl.scan_csv(
            path, separator=separator, quote_char=None if separator == "\t" else '"', infer_schema=False,
            encoding="utf8-lossy", truncate_ragged_lines=True,
        )  # fmt: skip
        there = frame.collect_schema().names()
        missing = [column for column in columns if column not in there]
        if missing:
            raise InputError(f"{path} lacks the column {missing[0]}; it has {', '.join(there[:12])}")
        wanted = [pl.col(column).fill_null("").str.strip_chars() for column in (*columns, *optional) if column in there]
        absent = [pl.lit("").alias(column) for column in optional if column not in there]
        return frame.select(*wanted, *absent).collect()
    except (OSError, PolarsError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}".splitlines()[0]) from None


def map_unique(values: pl.Series, function: Callable[[str], str]) -> pl.Series:
    """``function`` of every value, called once for each that differs."""
    unique = values.unique()
    answers = pl.Series([function(value) for value in unique.to_list()], dtype=pl.String)
    return values.replace_strict(unique, answers, return_dtype=pl.String) if len(unique) else values


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
    """The frame with its columns kingdom to genus cleaned and kingdoms under one name each."""
    cleaned = [_clean_rank(frame[rank], parser).alias(rank) for rank in UPPER]
    return frame.with_columns(cleaned).with_columns(pl.col("kingdom").replace(KINGDOMS))


def _clean_rank(values: pl.Series, parser: Parser) -> pl.Series:
    values = values.fill_null("")
    unique = values.unique()
    odd = unique.filter(
        (unique != "") & (~unique.str.contains(_PLAIN) | unique.str.to_lowercase().is_in(sorted(UNKNOWN)))
    )
    if odd.is_empty():
        return values
    return values.replace(odd, pl.Series([rank_value(value, parser) for value in odd.to_list()], dtype=pl.String))


def parse_names(names: pl.Series, parser: Parser) -> pl.DataFrame:
    """The parts of every name, a row each in the same order: the columns of :data:`PARSED`."""
    unique = names.fill_null("").unique()
    plain = unique.str.contains(_BINOMIAL) & ~unique.str.contains(_NOT_PLAIN)
    easy = unique.filter(plain)
    parts = (
        easy.str.split_exact(" ", 1).struct.unnest()
        if len(easy)
        else pl.DataFrame({"field_0": [], "field_1": []}, schema={"field_0": pl.String, "field_1": pl.String})
    )
    split = pl.DataFrame({"name": easy, "genus": parts["field_0"], "species": parts["field_1"]}).with_columns(
        infraspecific=pl.lit(""), authorship=pl.lit(""), quality=pl.lit(1, pl.Int8), kind=pl.lit("species")
    )
    table = pl.concat([split, _parse_each(unique.filter(~plain), parser)])
    return (
        pl.DataFrame({"name": names.fill_null("")})
        .join(table, on="name", how="left", maintain_order="left")
        .drop("name")
    )


def _parse_each(names: pl.Series, parser: Parser) -> pl.DataFrame:
    schema = {
        "genus": pl.String,
        "species": pl.String,
        "infraspecific": pl.String,
        "authorship": pl.String,
        "quality": pl.Int8,
        "kind": pl.String,
    }
    parsed: list[ParsedName] = [parse(name, parser) for name in names.to_list()]
    return pl.DataFrame({"name": names}).hstack(pl.DataFrame(parsed, schema=schema, orient="row"))


def with_species(frame: pl.DataFrame, species: pl.Series, parser: Parser) -> pl.DataFrame:
    """The frame with ``species`` as epithets: a full name gives its epithet, and its genus where the frame has none.

    ``species`` may be ``Panthera leo``, ``leo``, or either with an author.
    """
    species = species.fill_null("").replace(["not_classified", "unknown"], ["", ""])
    genus = frame["genus"]
    bare = species.str.contains(r"^[a-zë-]{2,}$") & ~species.is_in(["sp", "spp", *sorted(UNKNOWN)])
    written = pl.DataFrame({"genus": genus, "species": species, "bare": bare})
    prefixed = pl.concat_str("genus", "species", separator=" ")
    alone = (
        (pl.col("genus") == "")
        | pl.col("species").str.starts_with(pl.col("genus") + " ")
        | pl.col("species").str.contains("^[A-Z×]")
    )
    given = pl.when(pl.col("bare") | (pl.col("species") == "")).then(pl.lit(""))
    full = written.select(given.when(alone).then("species").otherwise(prefixed).alias("full")).to_series()
    parts = parse_names(full, parser)
    same = (genus == "") | (parts["genus"] == genus) | (parts["genus"] == "")
    found = pl.DataFrame(
        {
            "genus": genus,
            "g": parts["genus"],
            "s": parts["species"],
            "i": parts["infraspecific"],
            "same": same,
            "bare": bare,
            "species": species,
        }
    )
    chosen = found.select(
        genus=pl.when((pl.col("genus") == "") & (pl.col("s") != "")).then("g").otherwise("genus"),
        species=pl.when("bare").then("species").when("same").then("s").otherwise(pl.col("s")),
        infraspecific="i",
    )
    return frame.with_columns(chosen)


def record_columns(frame: pl.DataFrame, authority: str) -> pl.DataFrame:
    """Records as the resolver takes them: the seven ranks, and the authority."""
    return frame.select(*(pl.col(rank).fill_null("") for rank in RANKS), pl.lit(authority).alias("authority"))
