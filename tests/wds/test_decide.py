"""The plan decides on every image once: rules see all sources, files find their images, and the sum is right."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from planned import Store, planned, stored
from treeoflife.core.values import SPLITS
from treeoflife.errors import BalanceError, InputError
from treeoflife.selection.ledger import check_balance, ledger
from treeoflife.selection.rules import Rule
from treeoflife.shards.plan import read_shard


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store of 300 images of two sources and ten taxa."""
    return stored(tmp_path, eol=200, inat21=100, taxa=10)


def test_a_rule_may_compare_and_count_images_of_all_sources(store: Store) -> None:
    """A cap for each name: ten images stay, of both sources together; the ledger says why the others went."""
    place = pl.int_range(pl.len()).over("name")
    cap = Rule(place >= 10, pl.lit("over-cap"), pl.format("there are 10 of {} already", "name_key"))
    decided = store.decided(cap)
    kept = decided.images.filter(pl.col("rule").is_null())
    assert kept.group_by("name").len()["len"].to_list() == [10] * 10
    rows = ledger(decided)
    assert rows["reason"].unique().to_list() == ["over-cap"]
    assert rows.height == 200
    assert rows["file"].null_count() == 0


def test_a_rule_is_not_asked_of_what_an_earlier_one_put_out(store: Store) -> None:
    """So a cap is filled with images that may stay."""
    _change(store, 0, lambda rows: rows.with_columns(reason=pl.when(pl.col("page_id") == 0).then(pl.lit("broken"))))
    cap = Rule(pl.int_range(pl.len()).over("name") >= 10, pl.lit("over-cap"), pl.lit(""))
    decided = store.decided(cap)
    kept = decided.images.filter(pl.col("rule").is_null())
    assert kept.group_by("name").len()["len"].to_list() == [10] * 10
    assert dict(ledger(decided).group_by("reason").len().iter_rows()) == {"broken": 20, "over-cap": 180}


def test_a_good_file_is_taken_before_a_bad_one_and_the_others_are_told(store: Store) -> None:
    """A second file of an image, and one of no image, are ledger rows without id."""

    def twice(rows: pl.DataFrame) -> pl.DataFrame:
        bad = rows[:1].with_columns(reason=pl.lit("broken"), file=pl.lit("bad.jpg"))
        unknown = rows[:1].with_columns(content_id=pl.lit(10**9, pl.Int64), file=pl.lit("unknown.jpg"))
        return pl.concat([bad, rows, unknown])

    _change(store, 0, twice)
    rows = ledger(store.decided()).select("treeoflife_id", "source", "container", "file", "reason", "detail")
    assert rows.rows() == [
        (None, "eol", "eol-1", "bad.jpg", "duplicate-file", "the image is taken from 0.jpg in eol-1"),
        (None, "eol", "eol-1", "unknown.jpg", "not-in-mapping", "the mapping has no such image"),
    ]


def test_files_that_are_called_by_id_find_their_images(store: Store) -> None:
    """As in published archives; an id of another source is of no image of this one."""
    before = store.decided()
    ids = before.images["treeoflife_id"]
    named = pl.Series("treeoflife_id", [ids[250], *ids[1:200]])
    _change(store, 0, lambda rows: rows.with_columns(named, content_id=None, page_id=None))
    rows = ledger(store.decided())
    assert rows["reason"].to_list() == ["missing", "not-in-mapping"]
    assert rows["treeoflife_id"].to_list() == [ids[0], None]


def test_each_shard_is_found_in_its_plan(store: Store, tmp_path: Path) -> None:
    """Row by row, with the number of samples of each in the plan's metadata."""
    rows = planned(tmp_path, store.decided(), max_samples=70)
    path = tmp_path / "train.parquet"
    counts = json.loads(pl.read_parquet_metadata(path)["treeoflife"])["samples"]
    assert sum(counts) == rows.height
    assert [read_shard(path, number).height for number in range(len(counts))] == counts
    assert pl.concat([read_shard(path, number) for number in range(len(counts))]).equals(rows)
    assert rows.filter(source="eol")["eol_content_id"].null_count() == 0
    assert rows.filter(source="inat21")["eol_content_id"].is_null().all()


@pytest.mark.parametrize("harm", ["lost", "twice", "both"])
def test_a_sum_that_is_off_is_an_error(store: Store, harm: str) -> None:
    """An image that is nowhere, in a split twice, or both sample and in the ledger."""
    decided = store.decided()
    samples, rows = {split: decided.samples(split) for split in SPLITS}, ledger(decided)
    check_balance(store.mapping, decided, samples, rows)
    train = samples["train"]
    if harm == "both":
        rows = rows.clear().vstack(_row(decided.images["treeoflife_id"][int(train[0])], rows))
    changed = {"lost": train[1:], "twice": np.append(train[1:], train[-1]), "both": train}[harm]
    with pytest.raises(BalanceError):
        check_balance(store.mapping, decided, samples | {"train": changed}, rows)


def test_an_id_of_two_images_is_an_error(store: Store) -> None:
    """A mapping that gives it to images of two sources; each table by itself cannot."""
    with closing(sqlite3.connect(store.mapping)) as db, db:
        db.execute("UPDATE inat21 SET evobio10m_id = (SELECT min(evobio10m_id) FROM eol) WHERE filename = 'i0.jpg'")
    with pytest.raises(InputError, match="to two images"):
        store.decided()


def test_names_are_told_once_for_each_that_differs(store: Store) -> None:
    """Both sources have the same ten; an image without a name is a ledger row."""
    assert store.decided().names.height == 10
    rows = ledger(replace(store, names=store.names.filter(pl.col("name_key") != "3")).decided())
    assert rows["detail"].unique().to_list() == ["no name is known for 3"]
    assert dict(rows.group_by("source").len().iter_rows()) == {"eol": 20, "inat21": 10}


def _change(store: Store, number: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    path = store.indexes[number].path
    rows = pl.read_parquet(path)
    change(rows).cast(dict(rows.schema)).write_parquet(path)


def _row(treeoflife_id: str, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([{"treeoflife_id": treeoflife_id, "source": "eol", "reason": "x"}], schema=rows.schema)
