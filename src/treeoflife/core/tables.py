"""Finding rows of a large table by key in little memory, and writing large tables as Parquet in pieces."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from .files import replacing, sha256

Array = np.ndarray[Any, np.dtype[Any]]
_HASH_SEED = 17  # any constant: hashes are compared within one process and never stored
_FORMULA_START = r"^[=+\-@\t\r]"


class Lookup:
    """An index of a table that finds rows by the values of all columns; it takes 12 bytes per row beside the table.

    The rows' hashes are sorted once. Rows with equal hashes are compared, so colliding hashes never match.

    >>> lookup = Lookup(pl.DataFrame({"page": [7, 8, 7]}))
    >>> [rows.tolist() for rows in lookup.match_rows(pl.DataFrame({"page": [9, 7]}))]
    [[1, 1], [0, 2]]
    """

    def __init__(self, table: pl.DataFrame) -> None:
        hashes = table.hash_rows(seed=_HASH_SEED).to_numpy()
        order = np.argsort(hashes, kind="stable")
        self._table, self._hashes, self._order = table, hashes[order], order.astype(np.uint32)

    def __len__(self) -> int:
        return len(self._hashes)

    def match_rows(self, queries: pl.DataFrame) -> tuple[Array, Array]:
        """Find the rows of the table that are equal to rows of ``queries``, which has the same columns.

        Returns:
            Two arrays of the same length, a pair of equal rows at each index: the row number in ``queries``, in
            ascending order, and that in the table. A row with a null matches nothing.
        """
        queries = queries.cast(self._table.schema)
        hashes = queries.hash_rows(seed=_HASH_SEED).to_numpy()
        # Searching for sorted hashes touches memory in order, which is much faster than in random order.
        order = np.argsort(hashes, kind="stable")
        first = np.searchsorted(self._hashes, hashes[order], "left")
        counts = np.searchsorted(self._hashes, hashes[order], "right") - first
        # For a query with n candidates, the indexes first, first + 1, … first + n - 1.
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        query_rows, rows = np.repeat(order, counts), self._order[np.repeat(first, counts) + within]
        equal = self._are_equal(queries, query_rows, rows)
        query_rows, rows = query_rows[equal], rows[equal]
        by_query = np.argsort(query_rows, kind="stable")
        return query_rows[by_query], rows[by_query]

    def find_duplicate(self) -> int | None:
        """The number of a row that is equal to an earlier one; None if all rows differ."""
        index = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        later, earlier = self._order[index + 1], self._order[index]
        duplicates = later[self._are_equal(self._table, later, earlier)]
        return int(duplicates[0]) if len(duplicates) else None

    def _are_equal(self, queries: pl.DataFrame, query_rows: Array, rows: Array) -> Array:
        equal = np.ones(len(rows), bool)
        for query, column in zip(queries.iter_columns(), self._table.iter_columns(), strict=True):
            equal &= (query.gather(query_rows) == column.gather(rows)).fill_null(value=False).to_numpy()
        return equal


def write_csv_and_parquet(parquet: Path, table: pl.DataFrame, meta: dict[str, Any]) -> None:
    """Write a table as CSV for people beside ``parquet``, and then as Parquet for programs.

    The Parquet's metadata is ``meta`` as JSON under the key ``treeoflife``, with the SHA-256 of the CSV as ``csv``.
    """
    parquet.unlink(missing_ok=True)  # its metadata holds the SHA-256 of the CSV, which is about to change
    csv = parquet.with_suffix(".csv")
    with replacing(csv) as temporary:
        escape_formulas(table).write_csv(temporary)
    metadata = json.dumps(meta | {"csv": sha256(csv)}, sort_keys=True)
    with replacing(parquet) as temporary:
        table.write_parquet(temporary, metadata={"treeoflife": metadata})


def write_parquet(
    path: Path,
    schema: pl.Schema,
    pieces: Callable[[], Iterator[pl.DataFrame]],
    meta: Callable[[], dict[str, Any]] = dict,
    row_group_size: int = 122_880,
) -> None:
    """Write a Parquet file in pieces, which need not fit into memory together.

    Args:
        meta: returns the metadata, written as JSON under the key ``treeoflife``. It is called after the last piece.
        row_group_size: rows of a row group; the default is that of DuckDB.
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


def parquet_schema(path: Path) -> pl.Schema:
    """The columns of one Parquet file, and their types.

    ``pl.read_parquet_schema`` takes brackets, stars and question marks in a path for a pattern.

    Raises:
        OSError, polars.exceptions.PolarsError: it cannot be read.
    """
    return pl.scan_parquet(path, glob=False).collect_schema()


def escape_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before each text that a spreadsheet would run as a formula; for CSV that people open.

    The rule is OWASP's on CSV injection.

    >>> escape_formulas(pl.DataFrame({"name": ["=cmd()", "Panthera leo"], "images": [-1, 2]})).rows()
    [("'=cmd()", -1), ('Panthera leo', 2)]
    """
    text = pl.col(pl.String)
    return table.with_columns(pl.when(text.str.contains(_FORMULA_START)).then("'" + text).otherwise(text).name.keep())
