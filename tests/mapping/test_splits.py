"""Splits have exact sizes, depend on seed and ids alone, and do not divide groups."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped import Tables, mapping_of

from treeoflife.sources.registry import load_source

EOL = load_source("eol", {"path": "."}, Path())
INAT21 = load_source("inat21", {"path": "."}, Path())


def tables(eol: int, inat21: int = 0) -> Tables:
    """That many images of two sources."""
    names = [f"{one}.jpg" for one in range(inat21)]
    schema = {"filename": pl.String, "cls_name": pl.String, "cls_num": pl.Int64}
    photographs = pl.DataFrame([(name, "a", 1) for name in names], schema=schema, orient="row")
    return [(EOL, pl.DataFrame({"content_id": range(eol), "page_id": range(eol)})), (INAT21, photographs)]


@pytest.mark.parametrize("n", [0, 1, 19, 20, 21, 39, 99, 100, 199, 1000, 1234])
def test_sizes_are_exact(tmp_path: Path, n: int) -> None:
    """n * 5 // 100 in val, then n_train * 10 // 100 in train_small, of each source; none is in both."""
    found = mapping_of(tmp_path / "mapping.parquet", tables(n, 40))
    for source, count in (("eol", n), ("inat21", 40)):
        own = found.filter(source=source)
        assert own.height == count
        assert own["is_val"].sum() == count * 5 // 100
        assert own["is_train_small"].sum() == (count - count * 5 // 100) * 10 // 100
    assert not found.filter(pl.col("is_val") & pl.col("is_train_small")).height


def test_other_sources_do_not_matter_and_the_seed_does(tmp_path: Path) -> None:
    """The original's sampling from a set differed from run to run."""
    path, columns = tmp_path / "mapping.parquet", ["treeoflife_id", "is_val", "is_train_small"]
    first = mapping_of(path, tables(500)).filter(source="eol").select(columns)
    assert first.equals(mapping_of(path, tables(500, 77)).filter(source="eol").select(columns))
    assert not first.equals(mapping_of(path, tables(500), seed=18).filter(source="eol").select(columns))


@pytest.mark.parametrize("later", [range(2100), range(100, 2000), range(100, 2100)], ids=["more", "fewer", "others"])
def test_other_images_move_few_from_split_to_split(tmp_path: Path, later: range) -> None:
    """Only those next to the border move, since its place depends on the number of images."""
    columns = ["treeoflife_id", "is_val", "is_train_small"]
    before = mapping_of(tmp_path / "mapping.parquet", tables(2000)).select(columns)
    rows = [(EOL, pl.DataFrame({"content_id": later, "page_id": later}))]
    both = before.join(mapping_of(tmp_path / "mapping.parquet", rows), on="treeoflife_id", suffix="_later")
    assert both.height == len({*range(2000)} & {*later})
    assert both.filter(pl.col("is_val") != pl.col("is_val_later")).height <= 8
    assert both.filter(pl.col("is_train_small") != pl.col("is_train_small_later")).height <= 8


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 12), min_size=30, max_size=120), st.integers(0, 60))
def test_no_group_is_divided(numbers: list[int], others: int) -> None:
    """And the size of each source's val is nearer to 5 % than the largest group is large."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "mapping.parquet")
        every = tables(len(numbers), others)
        ids = mapping_of(path, every).select("treeoflife_id", "source")
        # Groups of any size over both sources; the last three numbers are of no group.
        drawn = [numbers[place % len(numbers)] for place in range(ids.height)]
        groups = ids.select("treeoflife_id", group=pl.Series(drawn, dtype=pl.Int64)).filter(pl.col("group") < 10)
        found = mapping_of(path, every, groups)
        assert mapping_of(path, every, groups.reverse()).equals(found)
    sides = found.join(groups, on="treeoflife_id").group_by("group").agg(pl.col("is_val").n_unique())
    assert (sides["is_val"] == 1).all()
    largest = groups.group_by("group").len()["len"].max() or 0
    for source, count in (("eol", len(numbers)), ("inat21", others)):
        assert abs(found.filter(source=source)["is_val"].sum() - count * 5 // 100) <= largest


def test_columns_of_a_source_keep_their_values_whatever_they_are_called(tmp_path: Path) -> None:
    """Words of SQL, and names that steps might use themselves."""
    columns = {"filename": str, "end": str, "age": int, "number": int, "shuffle": str, "small": int, "key": str}
    source = SimpleNamespace(
        name="traps",
        columns=columns,
        key=("filename",),
        catalog=tuple(columns),
        name_key="treeoflife_id",
        given_id="",
    )
    values = {str: [f"v{one}" for one in range(40)], int: list(range(40))}
    rows = pl.DataFrame({name: values[kind] for name, kind in columns.items()})
    found = mapping_of(tmp_path / "mapping.parquet", [(source, rows)])
    assert found.select(list(columns)).sort("filename").equals(rows.sort("filename"))
    assert found["is_val"].sum() == 2
