"""The taxa that a person may relabel an image to: those of the dataset, and those of the authorities.

What is offered has all ranks, so that whoever picks a bird gives a bird's whole lineage.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import polars as pl

from ..core.values import NAME_COLUMNS, RANKS
from ..taxonomy.checklists.built_in import BUILT_IN
from .live import View

_MOST = 12  # of each origin
_MAX_TEXT = 120


def find_taxa(view: View, text: str) -> list[dict[str, Any]]:
    """The taxa whose names fit a text best, those of the dataset first.

    Each has the seven ranks and ``common``; ``rank``, the lowest; ``from``, who knows it; and ``images``, how many the
    dataset has of it.
    """
    words = text.strip()[:_MAX_TEXT]
    if not words:
        return []
    found, seen = [], set[tuple[str, ...]]()
    for one in (*_of_dataset(view, words), *_of_authority(words)):
        lineage = tuple(one[rank] for rank in RANKS)
        if lineage not in seen:
            seen.add(lineage)
            found.append(one)
    return found


def _of_dataset(view: View, text: str) -> Iterator[dict[str, Any]]:
    index = view.index
    for match in index.names.search(text, _MOST):
        level = int(match["node"].split(".")[0])
        lineage = index.taxa.row(index.first_lineage(match["node"]), named=True)
        names = {rank: lineage[rank] if place <= level else "" for place, rank in enumerate(RANKS)}
        common = lineage["common"] if RANKS[level] == "species" else ""
        yield {**names, "common": common, "rank": RANKS[level], "from": "this dataset", "images": match["images"]}


@cache
def _built_in() -> pl.DataFrame:
    table = pl.read_parquet(BUILT_IN.names, glob=False)
    return table.filter(pl.col("rank").is_in(RANKS), pl.col("status") != "synonym").sort("name")


def _of_authority(text: str) -> Iterator[dict[str, Any]]:
    """Taxa of the built-in taxonomy whose name begins like the text; and the species of a genus that is known."""
    word = text[:1].upper() + text[1:].lower()
    genus, _, epithet = word.partition(" ")
    table, source = _built_in(), "NCBI's taxonomy, built in"
    starts = table.filter(pl.col("name").str.starts_with(word)).sort(pl.col("name").str.len_chars(), "name", "id")
    for row in starts.head(_MOST).iter_rows(named=True):
        names = {rank: row[rank] for rank in RANKS}
        yield {**names, "common": "", "rank": row["rank"], "from": source, "images": 0}
    if epithet and " " not in epithet and epithet.isalpha():
        for row in table.filter(pl.col("name") == genus, pl.col("rank") == "genus").iter_rows(named=True):
            names = {rank: row[rank] for rank in RANKS} | {"species": epithet}
            said = f"the genus: {source}; the epithet: as typed"
            yield {**dict.fromkeys(NAME_COLUMNS, ""), **names, "rank": "species", "from": said, "images": 0}
