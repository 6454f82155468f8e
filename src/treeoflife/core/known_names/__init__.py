"""The genera and higher taxa that are known without any file of the user: the table of the built-in taxonomy."""

from functools import cache
from pathlib import Path

import polars as pl

NAMES_FILE = Path(__file__).parent / "names.parquet"
"""The names with their ranks and lineages; ``ORIGIN.md`` beside it says where they come from."""


@cache
def ranks_by_name() -> dict[str, tuple[str, ...]]:
    """The ranks of every known name; several of homonyms."""
    table = pl.read_parquet(NAMES_FILE, columns=["name", "rank"], glob=False)
    grouped = table.unique().sort("name", "rank").group_by("name", maintain_order=True).agg("rank")
    return {name: tuple(ranks) for name, ranks in grouped.iter_rows()}


def ranks_of(word: str) -> tuple[str, ...]:
    """The ranks at which a word is a known name, in alphabetical order; none if it is not known.

    >>> ranks_of("Parus"), ranks_of("Tachinini"), ranks_of("Canon")
    (('genus',), ('tribe',), ())
    """
    return ranks_by_name().get(word, ())
