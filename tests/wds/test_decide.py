"""The plan decides on every image once: rules see all sources, files find their images, and the sum is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from planned import Store, stored
from treeoflife.errors import BalanceError
from treeoflife.selection.ledger import check_balance
from treeoflife.selection.rules import Rule
from treeoflife.shards.plan import read_shard


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of 300 images of two sources and ten taxa."""
    return stored(tmp_path, eol=200, inat21=100, taxa=10)


PLACE = "row_number() OVER (PARTITION BY name ORDER BY image_row) > 10"
CAP = Rule(PLACE, "'over-cap'", "'there are 10 of ' || name_key || ' already'", among="name IS NOT NULL")


def test_a_rule_may_compare_and_count_images_of_all_sources(store: Store) -> None:
    """A cap for each name: ten images stay, of both sources together; the ledger says why the others went."""
    with store.decided(CAP) as decided:
        kept = decided.database.rows("SELECT name, count(*) FROM decision WHERE rule IS NULL GROUP BY name")
        rows = decided.ledger()
    assert sorted(count for _, count in kept) == [10] * 10
    assert rows["reason"].unique().to_list() == ["over-cap"]
    assert rows.height == 200
    assert rows["file"].null_count() == 0


def test_a_rule_is_not_asked_of_what_an_earlier_one_put_out(store: Store) -> None:
    """So a cap is filled with images that may stay."""
    _change(store, 0, lambda rows: rows.with_columns(reason=pl.when(pl.col("page_id") == 0).then(pl.lit("broken"))))
    with store.decided(CAP) as decided:
        kept = decided.database.rows("SELECT name, count(*) FROM decision WHERE rule IS NULL GROUP BY name")
        rows = decided.ledger()
    assert sorted(count for _, count in kept) == [10] * 10
    assert dict(rows.group_by("reason").len().iter_rows()) == {"broken": 20, "over-cap": 180}


def test_a_good_file_is_taken_before_a_bad_one_and_the_others_are_told(store: Store) -> None:
    """A second file of an image, and one of no image, are ledger rows without id."""

    def twice(rows: pl.DataFrame) -> pl.DataFrame:
        bad = rows[:1].with_columns(reason=pl.lit("broken"), file=pl.lit("bad.jpg"))
        unknown = rows[:1].with_columns(content_id=pl.lit(10**9, pl.Int64), file=pl.lit("unknown.jpg"))
        return pl.concat([bad, rows, unknown]).with_columns(position=pl.int_range(pl.len()))

    _change(store, 0, twice)
    with store.decided() as decided:
        rows = decided.ledger()
    assert rows.rows() == [
        (None, "eol", "eol-1", "bad.jpg", "duplicate-file", "the image is taken from 0.jpg in eol-1"),
        (None, "eol", "eol-1", "unknown.jpg", "not-in-mapping", "the mapping has no such image"),
    ]


def test_files_that_are_called_by_id_find_their_images(store: Store) -> None:
    """As in published archives; an id of another source is of no image of this one."""
    mapping = pl.read_parquet(store.mapping)
    of_key = dict(mapping.filter(source="eol").select("eol_content_id", "treeoflife_id").iter_rows())
    other = mapping.filter(source="inat21")["treeoflife_id"][0]
    named = pl.Series("treeoflife_id", [other, *(of_key[one] for one in range(1, 200))])
    _change(store, 0, lambda rows: rows.with_columns(named, content_id=None, page_id=None))
    with store.decided() as decided:
        rows = decided.ledger()
    assert rows["reason"].to_list() == ["missing", "not-in-mapping"]
    assert rows["treeoflife_id"].to_list() == [of_key[0], None]


def test_each_shard_is_found_in_its_plan(store: Store) -> None:
    """Row by row, with the number of samples of each in the plan's metadata."""
    with store.decided() as decided:
        path = decided.plans(max_samples=70)["train"]
    rows = pl.read_parquet(path)
    counts = json.loads(pl.read_parquet_metadata(path)["treeoflife"])["samples"]
    assert sum(counts) == rows.height
    assert [read_shard(path, number).height for number in range(len(counts))] == counts
    assert pl.concat([read_shard(path, number) for number in range(len(counts))]).equals(rows)
    assert rows.filter(source="eol")["eol_content_id"].null_count() == 0
    assert rows.filter(source="inat21")["eol_content_id"].is_null().all()


@pytest.mark.parametrize("harm", ["lost", "twice", "both", "unknown", "small", "wrong side"])
def test_a_sum_that_is_off_is_an_error(store: Store, harm: str) -> None:
    """An image that is nowhere, twice, both sample and in the ledger, not in the mapping, or on the wrong side."""
    with store.decided() as decided:
        plans, ledger = decided.plans(), store.folder / "ledger.parquet"
        rows = decided.ledger()
        check_balance(decided.database, plans, ledger)
        train = pl.read_parquet(plans["train"])
        ids = {"both": train["treeoflife_id"][0], "unknown": "0"}
        changed = {"lost": train[1:], "twice": pl.concat([train[1:], train[-1:]])}.get(harm, train)
        if harm in ids:
            pl.concat([rows, _row(ids[harm], rows)]).write_parquet(ledger)
        changed.write_parquet(plans["train"])
        if harm == "small":
            pl.read_parquet(plans["train_small"])[1:].write_parquet(plans["train_small"])
        if harm == "wrong side":
            val = pl.read_parquet(plans["val"])
            pl.concat([train[1:], val[:1]]).write_parquet(plans["train"])
            pl.concat([val[1:], train[:1]]).write_parquet(plans["val"])
        with pytest.raises(BalanceError):
            check_balance(decided.database, plans, ledger)


def test_names_are_told_once_for_each_that_differs(store: Store) -> None:
    """Both sources have the same ten; an image without a name is a ledger row."""
    with store.decided() as decided:
        assert decided.database.value("SELECT count(*) FROM name") == 10
    pl.read_parquet(store.names).filter(pl.col("name_key") != "3").write_parquet(store.names)
    with store.decided() as decided:
        rows = decided.ledger()
    assert rows["detail"].unique().to_list() == ["no name is known for 3"]
    assert dict(rows.group_by("source").len().iter_rows()) == {"eol": 20, "inat21": 10}


def _change(store: Store, number: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = store.indexes[number].path
    rows = pl.read_parquet(path)
    change(rows).cast(dict(rows.schema)).write_parquet(path)


def _row(treeoflife_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([{"treeoflife_id": treeoflife_id, "source": "eol", "reason": "x"}], schema=rows.schema)
