"""Polars expressions over the columns of the seven ranks."""

from collections.abc import Iterable

import polars as pl

from ..core.values import RANKS

UPPER = RANKS[:-1]
"""Kingdom to genus: the ranks whose names are single words with a capital."""


def binomial() -> pl.Expr:
    """Genus and epithet, separated by a space."""
    return pl.concat_str("genus", "species", separator=" ")


def joined(columns: Iterable[str] = RANKS) -> pl.Expr:
    """The known ranks of a row, separated by single spaces."""
    return pl.concat_str(list(columns), separator=" ").str.replace_all(" +", " ").str.strip_chars()


def is_hole(rank: str) -> pl.Expr:
    """Whether ``rank`` is empty though a rank below it is known."""
    below = RANKS[RANKS.index(rank) + 1 :]
    return (pl.col(rank) == "") & pl.any_horizontal(pl.col(lower) != "" for lower in below)


def names_species() -> pl.Expr:
    """Whether genus and epithet name a species. Placeholders such as ``sp. BOLD:AAA1234`` or ``cf. minor`` do not."""
    return (pl.col("genus") != "") & (pl.col("species") != "") & ~pl.col("species").str.contains(r"[.\d]")


def is_nameless() -> pl.Expr:
    """Whether all seven ranks are empty."""
    return pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)
