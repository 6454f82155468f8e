"""Ids are UUIDv5 of the natural key; a second run adds nothing; what was there keeps its id."""

from __future__ import annotations

import uuid
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from treeoflife.mapping.build import build_mapping
from treeoflife.mapping.ids import NAMESPACE, treeoflife_id, treeoflife_ids
from treeoflife.mapping.store import read_source, write_splits
from treeoflife.sources.registry import load_source


@given(st.lists(st.tuples(st.text(st.characters(codec="utf-8"), min_size=1), st.integers(0, 2**63 - 1)), max_size=5))
def test_ids_are_uuid5(keys: list[tuple[str, int]]) -> None:
    """As RFC 9562 and Python have it, one at a time and in bulk."""
    expected = [str(uuid.uuid5(NAMESPACE, f"inat21/{name}/{number}")) for name, number in keys]
    table = pl.DataFrame(keys, schema={"name": pl.String, "number": pl.Int64}, orient="row")
    assert treeoflife_ids("inat21", table).to_list() == expected
    assert [treeoflife_id("inat21", key) for key in keys] == expected


def test_a_second_run_writes_the_same_bytes_and_images_keep_their_ids(tmp_path: Path) -> None:
    """In any order; new images are added, vanished ones stay."""
    source, path = load_source("eol", {"path": "."}, tmp_path), tmp_path / "mapping.sqlite"
    rows = pl.DataFrame({"content_id": [3, 1, 2], "page_id": [7, 7, 8]})
    build_mapping(path, [(source, rows)])
    first, ids = path.read_bytes(), read_source(path, source)
    assert build_mapping(path, [(source, rows.reverse())])[0] == {"eol": 3}
    assert path.read_bytes() == first
    build_mapping(path, [(source, pl.DataFrame({"content_id": [9, 1], "page_id": [9, 7]}))])
    after = read_source(path, source)
    assert after.height == 4
    assert after.join(ids, on=after.columns, how="semi").height == 3


def test_how_often_splits_were_written_before_does_not_show(tmp_path: Path) -> None:
    """SQLite counts changes in its header, and numbers the rows that it replaces."""
    source = load_source("eol", {"path": "."}, tmp_path)
    rows = pl.DataFrame({"content_id": range(500), "page_id": range(500)})
    found = set()
    for times in (1, 2, 4):
        path = tmp_path / f"{times}.sqlite"
        build_mapping(path, [(source, rows)])
        ids = read_source(path, source)["treeoflife_id"]
        split = pl.DataFrame({"treeoflife_id": ids}).with_columns(is_val=True, is_train_small=False)
        for number in range(times - 1):
            write_splits(path, split.head(number * 100))
        write_splits(path, split)
        found.add(path.read_bytes())
    assert len(found) == 1
