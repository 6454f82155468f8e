"""Whole tables: finding rows by a key without a join of everything with everything, and writing Parquet in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from .files import replacing, sha256

Array = np.ndarray[Any, np.dtype[Any]]
_SEED = 17
_BEGINS_FORMULA = r"^[=+\-@\t\r]"


class Lookup:
    """Finds rows of a table by the values of all its columns: 12 bytes a row beside the table.

    The table's hashes are sorted once. Rows whose hash is found are compared, so a match is never a mere hash.

    >>> rows = Lookup(pl.DataFrame({"page": [7, 8, 7]}))
    >>> [found.tolist() for found in rows.pairs(pl.DataFrame({"page": [9, 7]}))]
    [[1, 1], [0, 2]]
    """

    def __init__(self, table: pl.DataFrame) -> None:
        hashes = table.hash_rows(seed=_SEED).to_numpy()
        order = np.argsort(hashes, kind="stable")
        self._table, self._hashes, self._order = table, hashes[order], order.astype(np.uint32)

    def __len__(self) -> int:
        return len(self._hashes)

    def pairs(self, wanted: pl.DataFrame) -> tuple[Array, Array]:
        """The rows of ``wanted``, in order, that are in the table, and the row there of each. Null matches nothing."""
        wanted = wanted.cast(self._table.schema)
        hashes = wanted.hash_rows(seed=_SEED).to_numpy()
        order = np.argsort(hashes, kind="stable")
        first = np.searchsorted(self._hashes, hashes[order], "left")
        counts = np.searchsorted(self._hashes, hashes[order], "right") - first
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        ours, theirs = np.repeat(order, counts), self._order[np.repeat(first, counts) + within]
        same = self._same(wanted, ours, theirs)
        ours, theirs = ours[same], theirs[same]
        in_order = np.argsort(ours, kind="stable")
        return ours[in_order], theirs[in_order]

    def twice(self) -> int | None:
        """A row that an earlier one is equal to; None if all differ."""
        place = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        ours, theirs = self._order[place + 1], self._order[place]
        found = ours[self._same(self._table, ours, theirs)]
        return int(found[0]) if len(found) else None

    def _same(self, wanted: pl.DataFrame, ours: Array, theirs: Array) -> Array:
        same = np.ones(len(ours), bool)
        for mine, other in zip(wanted.iter_columns(), self._table.iter_columns(), strict=True):
            same &= (mine.gather(ours) == other.gather(theirs)).fill_null(value=False).to_numpy()
        return same


def write_for_both(parquet: Path, table: pl.DataFrame, meta: dict[str, Any]) -> None:
    """Write a table for people, as CSV, and then for programs, as Parquet, whose metadata speaks of both.

    Args:
        parquet: the file for programs; the other lies beside it and ends in ``.csv``.
        table: what to write.
        meta: goes into the metadata, as JSON under ``treeoflife``; the SHA-256 of the CSV is added as ``csv``.
    """
    parquet.unlink(missing_ok=True)  # it speaks of the CSV, which is about to change
    csv = parquet.with_suffix(".csv")
    with replacing(csv) as temporary:
        without_formulas(table).write_csv(temporary)
    told = json.dumps(meta | {"csv": sha256(csv)}, sort_keys=True)
    with replacing(parquet) as temporary:
        table.write_parquet(temporary, metadata={"treeoflife": told})


def write_parquet(
    path: Path,
    schema: pl.Schema,
    pieces: Callable[[], Iterator[pl.DataFrame]],
    meta: Callable[[], dict[str, Any]],
    row_group_size: int = 122_880,
) -> None:
    """Write a Parquet file whose rows come in pieces, which need not fit into memory together.

    Args:
        path: the file, replaced as a whole.
        schema: of every piece.
        pieces: begins the pieces.
        meta: what goes into the file's metadata, as JSON under ``treeoflife``; asked for after the last piece.
        row_group_size: rows of a row group.
    """

    def source(
        columns: list[str] | None, _predicate: pl.Expr | None, _rows: int | None, _batch: int | None
    ) -> Iterator[pl.DataFrame]:
        for piece in pieces():
            yield piece if columns is None else piece.select(columns)

    with replacing(path) as temporary:
        register_io_source(source, schema=schema).sink_parquet(
            temporary,
            row_group_size=row_group_size,
            maintain_order=True,
            metadata=lambda _: {"treeoflife": json.dumps(meta(), sort_keys=True)},
        )


def without_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """``table`` with an apostrophe before each text that a spreadsheet would take for a formula: for CSV for people.

    >>> without_formulas(pl.DataFrame({"name": ["=cmd()", "Panthera leo"], "images": [-1, 2]})).rows()
    [("'=cmd()", -1), ('Panthera leo', 2)]
    """
    text = pl.col(pl.String)
    return table.with_columns(pl.when(text.str.contains(_BEGINS_FORMULA)).then("'" + text).otherwise(text).name.keep())
