"""A search over all names that tolerates typing errors.

The names that share the most trigrams (groups of three bytes) with the text typed are ranked by edit distance. The
search index is an inverted index of four arrays, mapped into memory: for each trigram, the numbers of the names that
contain it.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..core.tables import Array
from ..core.values import RANKS

_MAX_CHARACTERS = 120  # of a name: the cost of an edit distance grows with the product of both lengths
_CANDIDATES = 120  # names that are ranked: SequenceMatcher is pure Python and runs up to seven times for each
_MAX_TRIGRAMS = 60  # bounds the work for a long query, and keeps the count of shared trigrams within a byte
_BATCH = 100_000  # names whose trigrams are computed at once; bounds the memory that building the index takes


@dataclass(frozen=True)
class NameSearch:
    """The names of a dataset's taxa, and the index that finds them.

    Attributes:
        table: one row per name: ``text``, ``kind`` (a rank or ``common``), ``node`` (the taxon) and ``images``;
            ``above`` are the lowest taxa above it, which tell homonyms apart.
        keys: the trigrams that occur, sorted.
        starts: for each trigram, where its names begin in ``postings``; one entry more marks the end.
        postings: row numbers of ``table``.
        lengths: the number of distinct trigrams of each name.
    """

    table: pl.DataFrame
    keys: Array
    starts: Array
    postings: Array
    lengths: Array

    @staticmethod
    def open(folder: Path) -> NameSearch:
        """Open the search index that :func:`build_name_search` wrote into ``folder``."""
        names = ("keys", "starts", "postings", "lengths")
        arrays = {name: np.load(folder / f"names-{name}.npy", mmap_mode="r") for name in names}
        return NameSearch(pl.read_parquet(folder / "names.parquet", glob=False), **arrays)

    def search(self, text: str, limit: int = 30) -> list[dict[str, Any]]:
        """Return the rows of ``table`` whose names are most similar to ``text``, best match first."""
        query = normalize(text)
        trigrams = np.unique(_trigrams(query)) if query else np.zeros(0, np.uint32)
        if not len(trigrams) or not self.table.height:
            return []
        rows = self.table[self._candidates(trigrams)].to_dicts()
        matches = sorted(((_similarity(query, row), row) for row in rows), key=lambda pair: (-pair[0], pair[1]["text"]))
        # Below one half, a match usually shares only a common ending such as "-idae" with the query.
        return [row for similarity, row in matches if similarity >= 0.5][:limit]

    def _candidates(self, trigrams: Array) -> Array:
        """Numbers of the names that share the most trigrams with a query."""
        shared = np.zeros(self.table.height, np.uint8)
        for trigram in trigrams[:_MAX_TRIGRAMS]:
            index = int(np.searchsorted(self.keys, trigram))
            if index < len(self.keys) and self.keys[index] == trigram:
                shared[self.postings[self.starts[index] : self.starts[index + 1]]] += 1
        # Dice coefficient, plus the covered part of the query, so that a long name containing it still ranks high.
        score = 2 * shared / (self.lengths + len(trigrams)) + 0.5 * shared / len(trigrams)
        best = np.argpartition(-score, min(_CANDIDATES, len(score) - 1))[:_CANDIDATES]
        return best[shared[best] > 0]


def _similarity(query: str, row: dict[str, Any]) -> float:
    """Similarity of a name to a query, from 0 to 1.04.

    A match at the beginning of the name or with one of its words counts nearly as much as a match of the whole name,
    because people type one word of a name or its first letters. Number of images breaks near ties.
    """
    name = normalize(row["text"])
    whole = SequenceMatcher(None, query, name, autojunk=False).ratio()
    word = max((SequenceMatcher(None, query, part, autojunk=False).ratio() for part in name.split()[:6]), default=0.0)
    prefix = 0.95 if name.startswith(query) else 0.9 if f" {query}" in f" {name}" else 0.0
    return max(whole, 0.88 * word, prefix) + min(0.04, 0.004 * math.log1p(row["images"]))


def normalize(text: str) -> str:
    """Return the form in which names are compared: lower case, without accents, single spaces.

    >>> normalize("  Parnassius  Épaphus ")
    'parnassius epaphus'
    """
    decomposed = unicodedata.normalize("NFKD", text[:_MAX_CHARACTERS]).casefold()
    letters = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    return " ".join(letters.split())[:_MAX_CHARACTERS]


def _trigrams(text: str) -> Array:
    """Trigrams of a text as 24-bit numbers. Two leading spaces give the first letters more weight."""
    data = np.frombuffer(f"  {text} ".encode(), np.uint8).astype(np.uint32)
    return data[:-2] << 16 | data[1:-1] << 8 | data[2:]


def build_name_search(folder: Path, taxa: pl.DataFrame, levels: list[Array]) -> None:
    """Write the names of ``taxa``, a table of sorted lineages, and their search index into ``folder``, which exists.

    ``levels`` are the taxa of each rank: see :attr:`treeoflife.explore.lineage_index.LineageIndex.levels`.
    """
    table = _name_table(taxa, levels)
    table.write_parquet(folder / "names.parquet")
    key_parts, posting_parts = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
    lengths = np.zeros(table.height, np.uint16)
    for first in range(0, table.height, _BATCH):
        trigrams = [np.unique(_trigrams(normalize(text))) for text in table["text"][first : first + _BATCH]]
        last = first + len(trigrams)
        lengths[first:last] = [len(group) for group in trigrams]
        key_parts += trigrams
        posting_parts.append(np.repeat(np.arange(first, last, dtype=np.uint32), lengths[first:last]))
    keys = np.concatenate(key_parts)
    order = np.argsort(keys, kind="stable")
    distinct, starts = np.unique(keys[order], return_index=True)
    arrays = {"keys": distinct, "starts": np.append(starts, len(keys)), "lengths": lengths}
    for name, array in (arrays | {"postings": np.concatenate(posting_parts)[order]}).items():
        np.save(folder / f"names-{name}.npy", array)


def _name_table(taxa: pl.DataFrame, levels: list[Array]) -> pl.DataFrame:
    """Every scientific and common name, with its taxon and the number of images of that taxon."""
    images_before = np.concatenate([[0], np.cumsum(taxa["images"].to_numpy())])
    parts = []
    for level, (rank, first) in enumerate(zip(RANKS, levels, strict=True)):
        rows = taxa[first]
        images = images_before[np.append(first[1:], taxa.height)] - images_before[first]
        node = pl.Series([f"{level}.{index}" for index in range(len(first))], dtype=pl.String)
        binomial = (rows["genus"] + " " + rows["species"]).str.strip_chars()
        text = binomial if rank == "species" else rows[rank]
        above = [other for other in ("kingdom", "family") if RANKS.index(other) < level]
        path = pl.Series([" › ".join(filter(None, names)) for names in rows.select("kingdom", *above[1:]).iter_rows()])
        path = path if above else pl.Series([""] * rows.height, dtype=pl.String)
        names = pl.DataFrame({"text": text, "node": node, "images": images, "above": path})
        parts.append(names.filter(rows[rank] != "").with_columns(kind=pl.lit(rank)))
        if rank == "species":
            common = names.with_columns(text=rows["common"], kind=pl.lit("common"))
            parts.append(common.filter((pl.col("text") != "") & (pl.col("text") != text)))
    return pl.concat(parts).select("text", "kind", "node", "images", "above")
