"""Common names: English, cleaned, one per taxon and always the same one.

A vernacular belongs to a name at a rank, in a kingdom where its authority gives one. Of those that fit a
taxon, the most trusted authority's is taken, and of several of one authority the first in a fixed order:
ITIS by serial number and then as ITIS lists them; iNaturalist those without a locality, the oldest first;
EOL those that EOL prefers (the text ``preferred``), then those that a resource prefers, then the most repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..core.values import RANKS
from .parsing import Parser
from .tables import map_unique, parse_names, read_table
from .text import clean_common

SCHEMA = {
    "depth": pl.String, "name": pl.String, "kingdom": pl.String, "family": pl.String, "common": pl.String,
    "authority": pl.String, "place": pl.UInt32,
}  # fmt: skip
_ENGLISH = frozenset({"english", "eng", "en"})
_EOL = ("page_id", "canonical_form", "vernacular_string", "language_code")
_EOL_FLAGS = ("is_preferred_by_resource", "is_preferred_by_eol")


def deepest(frame: pl.DataFrame) -> pl.DataFrame:
    """``depth`` and ``name`` of each row's lowest rank; a species' name is genus and epithet."""
    depth, name = pl.lit(""), pl.lit("")
    for rank in RANKS:
        there = (pl.col(rank) != "") if rank != "species" else (pl.col("species") != "") & (pl.col("genus") != "")
        value = pl.col(rank) if rank != "species" else pl.concat_str("genus", "species", separator=" ")
        depth, name = pl.when(there).then(pl.lit(rank)).otherwise(depth), pl.when(there).then(value).otherwise(name)
    return frame.with_columns(depth=depth, name=name)


def _placed(
    frame: pl.DataFrame, authority: str, order: Sequence[str | pl.Expr], descending: Sequence[bool]
) -> pl.DataFrame:
    """The rows in their order of preference, numbered; ``common`` cleaned, without names that say nothing."""
    frame = frame.with_columns(map_unique(frame["common"], clean_common).alias("common"))
    frame = frame.filter(
        (pl.col("common") != "")
        & (pl.col("name") != "")
        & (pl.col("common").str.to_lowercase() != pl.col("name").str.to_lowercase())
    )
    frame = frame.sort(
        *order, "kingdom", "family", "common", descending=[*descending, False, False, False], nulls_last=True
    )
    return frame.with_row_index("place").with_columns(authority=pl.lit(authority)).select(list(SCHEMA)).cast(SCHEMA)  # type: ignore[arg-type]


def from_itis(itis: pl.DataFrame) -> pl.DataFrame:
    """ITIS' vernaculars. It joins names and languages by commas; the lists need not be of one length."""
    named = deepest(itis.filter(pl.col("terminal_vernacular") != ""))
    rows = []
    for depth, name, kingdom, family, names, languages, tsn in named.select(
        "depth", "name", "kingdom", "family", "terminal_vernacular", "terminal_vernacular_lang", "tsn"
    ).iter_rows():
        for at, common in enumerate(_english(names, languages)):
            rows.append((depth, name, kingdom, family, common, tsn, at))
    schema = {
        **dict.fromkeys(("depth", "name", "kingdom", "family", "common"), pl.String),
        "tsn": pl.Int64,
        "at": pl.Int64,
    }
    return _placed(pl.DataFrame(rows, schema=schema, orient="row"), "itis", ("tsn", "at"), (False, False))


def _english(names: str, languages: str) -> list[str]:
    each, tongues = names.split(", "), [tongue.strip().lower() for tongue in languages.split(", ")]
    if set(tongues) <= _ENGLISH:
        return each
    return [name for name, tongue in zip(each, tongues, strict=False) if tongue in _ENGLISH]


def from_inaturalist(taxa: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """iNaturalist's English names, of taxa at one of the seven ranks."""
    ranked = deepest(taxa.filter(pl.col("rank").is_in(list(RANKS)))).filter(pl.col("depth") == pl.col("rank"))
    joined = ranked.select("id", "depth", "name", "kingdom", "family").join(names.rename({"name": "common"}), on="id")
    return _placed(joined, "inaturalist", (pl.col("locality") != "", "created", "common"), (False, False, False))


def from_eol(path: Path, nodes: pl.DataFrame | None, parser: Parser) -> pl.DataFrame:
    """EOL's English names, by page; of pages that the tree lacks, by the name that stands there.

    Raises:
        InputError: the file is missing or lacks a column.
    """
    rows = read_table(path, _EOL, optional=_EOL_FLAGS).filter(
        pl.col("language_code").str.to_lowercase().is_in(list(_ENGLISH))
    )
    # Its resources write them in every case, several ways for one page; in the published dataset they are small.
    rows = rows.with_columns(pl.col("vernacular_string").str.to_lowercase().alias("common")).drop("vernacular_string")
    paged, unpaged = rows.clear(), rows
    if nodes is not None:
        pages = (
            deepest(nodes.filter((pl.col("page") != "") & (pl.col("status") == "accepted")))
            .sort("node")
            .unique("page", keep="first")
        )
        paged = rows.join(
            pages.select("page", "depth", "name", "kingdom", "family", "rank"), left_on="page_id", right_on="page"
        )
        paged = paged.filter(pl.col("depth") == pl.col("rank"))
        unpaged = rows.join(pages.select("page"), left_on="page_id", right_on="page", how="anti")
    parts = parse_names(unpaged["canonical_form"], parser)
    unpaged = deepest_of_names(unpaged, parts).with_columns(kingdom=pl.lit(""), family=pl.lit(""))
    both = pl.concat([paged, unpaged], how="diagonal")
    both = both.with_columns(votes=pl.len().over("depth", "name", "kingdom", "common"))
    preferred = [(pl.col(flag).str.to_lowercase() == "preferred") for flag in reversed(_EOL_FLAGS)]
    return _placed(both, "eol", (*preferred, "votes", "common"), (True, True, True, False))


def deepest_of_names(frame: pl.DataFrame, parts: pl.DataFrame) -> pl.DataFrame:
    """``depth`` and ``name`` for names without ranks: of one word, a genus. Subspecies are left out."""
    binomial = parts.select(pl.concat_str("genus", "species", separator=" ").str.strip_chars()).to_series()
    depth = parts.select(
        pl.when(pl.col("species") != "").then(pl.lit("species")).otherwise(pl.lit("genus"))
    ).to_series()
    plain = parts["infraspecific"] == ""
    return frame.with_columns(name=binomial, depth=depth).filter(plain)


def from_table(frame: pl.DataFrame, column: str, authority: str) -> pl.DataFrame:
    """Common names that stand beside seven ranks, TaxonoPy's or the sources' own; the most repeated first."""
    named = deepest(frame.filter(pl.col(column) != "")).with_columns(common=pl.col(column))
    voted = named.with_columns(votes=pl.len().over("depth", "name", "kingdom", "common"))
    return _placed(voted, authority, ("votes", "common"), (True, False))


def choose(taxa: pl.DataFrame, vernaculars: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The common name of each distinct taxon: ``number, common, common_from, common_rank``.

    ``taxa`` has ``number`` and the seven ranks; ``vernaculars`` come the most trusted first. A vernacular of another
    kingdom, or of another family where both name one, is not the taxon's; where the taxon's own kingdom is not known
    and the name stands in several, none is.
    """
    wanted = deepest(taxa).filter(pl.col("depth") != "").select("number", "depth", "name", "kingdom", "family")
    frames = [frame.with_columns(trust=pl.lit(at, pl.Int8)) for at, frame in enumerate(vernaculars)]
    empty = pl.DataFrame(schema={**SCHEMA, "trust": pl.Int8})
    known = pl.concat([empty, *frames]).join(wanted.select("depth", "name").unique(), on=["depth", "name"], how="semi")
    joined = wanted.join(known, on=["depth", "name"], suffix="_theirs")
    fits = (
        (pl.col("kingdom") == "") | (pl.col("kingdom_theirs") == "") | (pl.col("kingdom") == pl.col("kingdom_theirs"))
    )
    kin = (
        (pl.col("depth") != "genus")
        | (pl.col("family") == "")
        | (pl.col("family_theirs") == "")
        | (pl.col("family") == pl.col("family_theirs"))
    )
    joined = joined.filter(fits & kin)
    kingdoms = pl.col("kingdom_theirs").filter(pl.col("kingdom_theirs") != "").n_unique().over("number")
    family = (pl.col("family") != "") & (pl.col("family_theirs") == pl.col("family"))
    first = (
        joined.filter((pl.col("kingdom") != "") | (kingdoms <= 1))
        .sort("number", "trust", ~family, "place")
        .unique("number", keep="first")
    )
    return first.select("number", "common", common_from="authority", common_rank="depth")


def by_name(vernaculars: Sequence[pl.DataFrame]) -> dict[str, str]:
    """Scientific name to common name, sorted; without names that stand in several kingdoms."""
    frames = [frame.with_columns(trust=pl.lit(at, pl.Int8)) for at, frame in enumerate(vernaculars)]
    if not frames:
        return {}
    known = pl.concat(frames)
    kingdoms = pl.col("kingdom").filter(pl.col("kingdom") != "").n_unique().over("name")
    first = known.filter(kingdoms <= 1).sort("name", "trust", "place").unique("name", keep="first", maintain_order=True)
    return dict(first.select("name", "common").iter_rows())
