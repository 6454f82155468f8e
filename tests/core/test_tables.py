"""Lookup finds what a join finds; a table that is written in pieces is the same table, in the same bytes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core.tables import Lookup, write_parquet

keys = st.lists(st.tuples(st.integers(-3, 3), st.sampled_from(["", "a", "ab", None])), max_size=30)
SCHEMA = {"number": pl.Int64, "text": pl.String}


@given(keys, keys)
@settings(deadline=None)
def test_pairs_are_those_of_a_join(table: list[tuple[int, str]], queries: list[tuple[int, str]]) -> None:
    """Every pair of equal rows, duplicates included; null is equal to nothing."""
    query_rows, rows = Lookup(_frame(table)).match_rows(_frame(queries))
    pairs = list(zip(query_rows.tolist(), rows.tolist(), strict=True))
    assert [row for row, _ in pairs] == sorted(row for row, _ in pairs)
    candidates = [(row, key) for row, key in enumerate(table) if key[1] is not None]
    assert sorted(pairs) == [
        (query, row) for query, key in enumerate(queries) for row, other in candidates if key == other
    ]


@given(keys)
@settings(deadline=None)
def test_a_duplicate_equals_an_earlier_row(table: list[tuple[int, str]]) -> None:
    """None where all rows differ."""
    row = Lookup(_frame(table)).find_duplicate()
    without_nulls = [key for key in table if key[1] is not None]
    assert (row is None) == (len(set(without_nulls)) == len(without_nulls))
    assert row is None or table[row] in table[:row]


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
