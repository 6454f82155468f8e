"""A search over all names that forgives typing: names that share the most groups of three letters, then edit distance.

The postings are two arrays mapped into memory: for a group of letters, the numbers of the names that hold it.
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

from ..core.values import RANKS
from ..shards.locations import Array

_LONGEST = 120
_NEAREST = 120


@dataclass(frozen=True)
class Names:
    """The names of a dataset's taxa.

    Attributes:
        table: text, what it is (a rank or ``common``), the taxon it means, and its images.
        keys: the groups of letters, sorted.
        starts: where the names of each begin in ``postings``.
        postings: numbers of names.
        lengths: groups in each name.
    """

    table: pl.DataFrame
    keys: Array
    starts: Array
    postings: Array
    lengths: Array

    @staticmethod
    def open(folder: Path) -> Names:
        """The names in a view's folder."""
        arrays = {
            n: np.load(folder / f"names-{n}.npy", mmap_mode="r") for n in ("keys", "starts", "postings", "lengths")
        }
        return Names(pl.read_parquet(folder / "names.parquet"), **arrays)

    def search(self, text: str, limit: int = 30) -> list[dict[str, Any]]:
        """The names that are most like a text, the likeliest first."""
        wanted = folded(text)
        groups = np.unique(_groups(wanted)) if wanted else np.zeros(0, np.uint32)
        if not len(groups) or not self.table.height:
            return []
        shared = np.zeros(self.table.height, np.uint8)
        for group in groups[:60]:
            at = int(np.searchsorted(self.keys, group))
            if at < len(self.keys) and self.keys[at] == group:
                shared[self.postings[self.starts[at] : self.starts[at + 1]]] += 1
        score = 2 * shared / (self.lengths + len(groups)) + 0.5 * shared / len(groups)
        nearest = np.argpartition(-score, min(_NEAREST, len(score) - 1))[:_NEAREST]
        nearest = nearest[shared[nearest] > 0]
        rows = self.table[nearest].to_dicts()
        ranked = sorted(rows, key=lambda row: (-_likeness(wanted, row), row["text"]))
        return [row for row in ranked if _likeness(wanted, row) >= 0.5][:limit]


def _likeness(wanted: str, row: dict[str, Any]) -> float:
    """How like a name is to what was typed; a beginning or a word counts nearly as much as the whole."""
    name = folded(row["text"])
    whole = SequenceMatcher(None, wanted, name, autojunk=False).ratio()
    words = max((SequenceMatcher(None, wanted, word, autojunk=False).ratio() for word in name.split()[:6]), default=0.0)
    begins = 0.95 if name.startswith(wanted) else 0.9 if f" {wanted}" in f" {name}" else 0.0
    return max(whole, 0.88 * words, begins) + min(0.04, 0.004 * math.log1p(row["images"]))


def folded(text: str) -> str:
    """A text as it is compared: small letters without accents."""
    plain = unicodedata.normalize("NFKD", text[:_LONGEST]).casefold()
    return " ".join("".join(one for one in plain if not unicodedata.combining(one)).split())[:_LONGEST]


def _groups(text: str) -> Array:
    """Groups of three bytes, with spaces around the whole."""
    data = np.frombuffer(f"  {text} ".encode(), np.uint8).astype(np.uint32)
    return data[:-2] << 16 | data[1:-1] << 8 | data[2:]


def build_names(folder: Path, taxa: pl.DataFrame, levels: list[Array]) -> None:
    """Write the names of these taxa, and what finds them, into a folder."""
    table = _table(taxa, levels)
    table.write_parquet(folder / "names.parquet")
    keys, owners = [np.zeros(0, np.uint32)], [np.zeros(0, np.uint32)]
    lengths = np.zeros(table.height, np.uint16)
    for first in range(0, table.height, 100_000):
        found = [np.unique(_groups(folded(text))) for text in table["text"][first : first + 100_000]]
        sizes = np.array([len(one) for one in found], np.uint16)
        lengths[first : first + len(found)] = sizes
        keys += found
        owners.append(np.repeat(np.arange(first, first + len(found), dtype=np.uint32), sizes))
    every = np.concatenate(keys)
    order = np.argsort(every, kind="stable")
    distinct, starts = np.unique(every[order], return_index=True)
    arrays = {
        "keys": distinct,
        "starts": np.append(starts, len(every)),
        "postings": np.concatenate(owners)[order],
        "lengths": lengths,
    }
    for name, array in arrays.items():
        np.save(folder / f"names-{name}.npy", array)


def _table(taxa: pl.DataFrame, levels: list[Array]) -> pl.DataFrame:
    """Every scientific and common name, with the taxon it means and its images."""
    sums = np.concatenate([[0], np.cumsum(taxa["images"].to_numpy())])
    parts = []
    for level, begins in enumerate(levels):
        ends = np.append(begins[1:], taxa.height)
        rows = taxa[begins]
        text = (
            (rows["genus"] + " " + rows["species"]).str.strip_chars() if level == len(RANKS) - 1 else rows[RANKS[level]]
        )
        node = pl.Series([f"{level}.{place}" for place in range(len(begins))], dtype=pl.String)
        made = pl.DataFrame({"text": text, "node": node, "images": sums[ends] - sums[begins]})
        parts.append(made.filter(rows[RANKS[level]] != "").with_columns(kind=pl.lit(RANKS[level])))
        if level == len(RANKS) - 1:
            other = made.with_columns(text=rows["common"], kind=pl.lit("common"))
            parts.append(other.filter((pl.col("text") != "") & (pl.col("text") != text)))
    return pl.concat(parts).select("text", "kind", "node", "images")
