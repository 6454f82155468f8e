"""Ids are UUIDv5 of the natural key; a second run adds nothing; what was there keeps its id."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped import database, ids_of, mapping_of

from treeoflife.mapping import sqlite
from treeoflife.mapping.ids import NAMESPACE, treeoflife_id
from treeoflife.mapping.images import open_images
from treeoflife.sources.registry import load_source

ROWS = pl.DataFrame({"content_id": [3, 1, 2], "page_id": [7, 7, 8]})
EOL = load_source("eol", {"path": "."}, Path())
BIOSCAN = load_source("bioscan", {"path": "."}, Path())
INAT21 = load_source("inat21", {"path": "."}, Path())
names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.tuples(st.integers(0, 2**63 - 1), names), st.none(), max_size=5))
def test_ids_are_uuid5(keys: dict[tuple[int, str], None]) -> None:
    """As RFC 9562 and Python have it, one at a time and in bulk."""
    expected = {key: str(uuid.uuid5(NAMESPACE, f"bioscan/{key[0]}/{key[1]}")) for key in keys}
    assert [treeoflife_id("bioscan", key) for key in keys] == list(expected.values())
    table = pl.DataFrame(list(keys), schema={"part": pl.Int64, "filename": pl.String}, orient="row")
    with TemporaryDirectory() as folder:
        found = ids_of(Path(folder, "ids.parquet"), [(BIOSCAN, table)])
    rows = found.select("bioscan_part", "bioscan_filename", "treeoflife_id").iter_rows()
    assert {(part, name): one for part, name, one in rows} == expected


def test_a_second_run_writes_the_same_bytes_and_images_keep_their_ids(tmp_path: Path) -> None:
    """In any order; new images are added, vanished ones stay."""
    path = tmp_path / "ids.parquet"
    before = ids_of(path, [(EOL, ROWS)])
    first = path.read_bytes()
    ids_of(path, [(EOL, ROWS.reverse())], path)
    assert path.read_bytes() == first
    after = ids_of(path, [(EOL, pl.DataFrame({"content_id": [9, 1], "page_id": [9, 7]}))], path)
    assert after.height == 4
    assert after.join(before, on=["treeoflife_id", "eol_content_id", "eol_page_id"], how="semi").height == 3


@pytest.mark.parametrize("ending", ["sqlite", "parquet"])
def test_images_that_are_gone_are_kept_from_a_mapping_of_an_earlier_version(tmp_path: Path, ending: str) -> None:
    """Which wrote no file of ids, but its mapping in either format."""
    former, path = tmp_path / f"mapping.{ending}", tmp_path / "mapping.parquet"
    mapped = mapping_of(path, [(EOL, ROWS)])
    if ending == "sqlite":
        with database(tmp_path) as opened:
            open_images(opened, path, [EOL])
            sqlite.export(opened, former, [EOL])
    found = ids_of(tmp_path / "new.parquet", [(EOL, ROWS[:1])], former)
    assert found["treeoflife_id"].equals(mapped["treeoflife_id"])


def test_a_key_that_comes_twice_has_one_row(tmp_path: Path) -> None:
    """The values of now beside the key, and of several the lowest, whatever the order in which they come."""
    rows = pl.DataFrame({"filename": ["a.jpg"] * 2, "cls_name": ["b", "a"], "cls_num": [1, 1]})
    path, expected = tmp_path / "ids.parquet", [("a.jpg", "a", 1)]
    columns = ["inat21_filename", "inat21_cls_name", "inat21_cls_num"]
    assert ids_of(path, [(INAT21, rows)]).select(columns).rows() == expected
    assert ids_of(path, [(INAT21, rows.reverse())]).select(columns).rows() == expected
    assert ids_of(path, [(INAT21, rows[:1])], path).select(columns).rows() == [("a.jpg", "b", 1)]


def test_the_published_format_has_its_columns_in_the_order_of_ids(tmp_path: Path) -> None:
    """And no index beside those of its primary keys; a second export writes the same bytes."""
    tables = [(EOL, ROWS), (BIOSCAN, pl.DataFrame({"part": [1], "filename": ["a'\"é.jpg"]}))]
    mapped = mapping_of(tmp_path / "mapping.parquet", tables)
    written = set()
    for number in range(2):
        path = tmp_path / f"{number}.sqlite"
        with database(tmp_path) as opened:
            open_images(opened, tmp_path / "mapping.parquet", [EOL, BIOSCAN])
            sqlite.export(opened, path, [EOL, BIOSCAN])
        written.add(path.read_bytes())
    assert len(written) == 1
    with closing(sqlite3.connect(path)) as db:
        eol = db.execute("SELECT evobio10m_id, content_id, page_id FROM eol").fetchall()
        bioscan = db.execute("SELECT part, filename FROM bioscan").fetchall()
        split = db.execute("SELECT evobio10m_id, is_val, is_train_small FROM split").fetchall()
        indexes = db.execute("SELECT name FROM sqlite_master WHERE type = 'index'").fetchall()
    assert eol == mapped.filter(source="eol").select("treeoflife_id", "eol_content_id", "eol_page_id").rows()
    assert bioscan == [(1, "a'\"é.jpg")]
    flags = mapped.select("treeoflife_id", pl.col("is_val", "is_train_small").cast(pl.Int64))
    assert split == flags.sort("treeoflife_id").rows()
    assert all(name.startswith("sqlite_autoindex") for (name,) in indexes)
