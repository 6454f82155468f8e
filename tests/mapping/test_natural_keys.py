"""Natural keys are joined to the same text in SQL and in Python."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from treeoflife.core.database import open_database
from treeoflife.core.values import joined
from treeoflife.mapping.natural_keys import joined_sql

NUMBERS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.text("a/&%é~._-+ \x00", max_size=8)
ASCII = "".join(map(chr, range(1, 256)))


@st.composite
def tables(draw: st.DrawFn) -> tuple[dict[str, type], list[tuple[int | str, ...]]]:
    """The types of the parts of a natural key, and some keys."""
    kinds = draw(st.lists(st.sampled_from([int, str]), min_size=1, max_size=4))
    parts = [NUMBERS if kind is int else TEXTS for kind in kinds]
    names = ["order", 'a "quoted" name', "part", "filename"]
    return dict(zip(names, kinds, strict=False)), draw(st.lists(st.tuples(*parts), min_size=1, max_size=6))


@given(tables())
@example(({"part": str, "filename": str}, [(f"a/{ASCII}", ASCII), (ASCII.replace("/", ""), ASCII)]))
@settings(max_examples=60, deadline=None)
def test_sql_joins_natural_keys_as_python_does(
    table: tuple[dict[str, type], list[tuple[int | str, ...]]],
) -> None:
    columns, keys = table
    types = {int: pl.Int64, str: pl.String}
    frame = pl.DataFrame(keys, schema={name: types[kind] for name, kind in columns.items()}, orient="row")
    expected = [joined(key) for key in keys]
    with TemporaryDirectory() as folder, open_database(Path(folder, "scratch"), 1) as database:
        database.load("key", frame)
        assert [text for (text,) in database.rows(f"SELECT {joined_sql(columns)} FROM key")] == expected


def test_a_key_without_one_of_its_parts_is_null() -> None:
    with TemporaryDirectory() as folder, open_database(Path(folder, "scratch"), 1) as database:
        database.load("key", pl.DataFrame({"part": ["a/b", None], "filename": [None, "c"]}, schema_overrides={
            "part": pl.String, "filename": pl.String,
        }))  # fmt: skip
        assert database.rows(f"SELECT {joined_sql({'part': str, 'filename': str})} FROM key") == [(None,), (None,)]
