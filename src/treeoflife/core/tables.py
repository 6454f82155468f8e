"""Tables of Polars: writing them as CSV for people, and as Parquet in pieces."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from .files import replacing, sha256
from .parquet import COMPRESSION_LEVEL, ROW_GROUP_SIZE

Array = np.ndarray[Any, np.dtype[Any]]
PARQUET_ERRORS = (OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What reading a file of Parquet raises; Polars panics at some damaged ones, which is no ``Exception`` of Python's."""
_FORMULA_START = r"^[=+\-@\t\r]"


def write_csv_and_parquet(parquet: Path, table: pl.DataFrame, meta: dict[str, Any]) -> None:
    """Write a table as CSV for people beside ``parquet``, and then as Parquet for programs.

    The Parquet's metadata is ``meta`` as JSON under the key ``treeoflife``, with the SHA-256 of the CSV as ``csv``.
    """
    parquet.unlink(missing_ok=True)  # its metadata holds the SHA-256 of the CSV, which is about to change
    csv = parquet.with_suffix(".csv")
    write_csv(csv, table)
    metadata = json.dumps(meta | {"csv": sha256(csv)}, sort_keys=True)
    with replacing(parquet) as temporary:
        table.write_parquet(temporary, metadata={"treeoflife": metadata})


def write_csv(path: Path, table: pl.DataFrame) -> None:
    """Write a table as CSV for people, in which nothing is a formula."""
    with replacing(path) as temporary:
        escape_formulas(table).write_csv(temporary)


def write_parquet(
    path: Path,
    schema: pl.Schema,
    pieces: Callable[[], Iterator[pl.DataFrame]],
    meta: Callable[[], dict[str, Any]] = dict,
    row_group_size: int = ROW_GROUP_SIZE,
) -> None:
    """Write a Parquet file in pieces, which need not fit into memory together.

    Args:
        meta: returns the metadata, written as JSON under the key ``treeoflife``. It is called after the last piece.
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
            compression_level=COMPRESSION_LEVEL,
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


def escaped_formula(name: str) -> str:
    """SQL for a column as :func:`escape_formulas` writes it; ``name`` as SQL has it."""
    return f"CASE WHEN regexp_matches({name}, '{_FORMULA_START}') THEN '''' || {name} ELSE {name} END"


def escape_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before each text that a spreadsheet would run as a formula; for CSV that people open.

    The rule is OWASP's on CSV injection.

    >>> escape_formulas(pl.DataFrame({"name": ["=cmd()", "Panthera leo"], "images": [-1, 2]})).rows()
    [("'=cmd()", -1), ('Panthera leo', 2)]
    """
    text = pl.col(pl.String)
    return table.with_columns(pl.when(text.str.contains(_FORMULA_START)).then("'" + text).otherwise(text).name.keep())
