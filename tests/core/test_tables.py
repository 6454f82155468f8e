"""A table that is written in pieces is the same table, in the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from treeoflife.core.tables import write_parquet

SCHEMA = {"number": pl.Int64, "text": pl.String}


def test_pieces_make_one_table(tmp_path: Path) -> None:
    """With its metadata, in order, in the same bytes each time; no piece at all is an empty table."""

    yielded: list[int] = []

    def pieces() -> Iterator[pl.DataFrame]:
        for number in range(100):
            yielded.append(number)
            yield _frame([(number, "x" * number)] * (number % 7))

    paths = [tmp_path / name for name in ("first", "second", "none")]
    for path in paths[:2]:
        yielded.clear()
        write_parquet(path, pl.Schema(SCHEMA), pieces, lambda: {"pieces": len(yielded)}, row_group_size=10)
    write_parquet(paths[2], pl.Schema(SCHEMA), lambda: iter(()), dict)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert pl.read_parquet(paths[0]).equals(pl.concat(pieces()))
    assert pl.read_parquet_metadata(paths[0])["treeoflife"] == '{"pieces": 100}'
    assert pl.read_parquet(paths[2]).equals(_frame([]))


def _frame(rows: list[tuple[int, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
