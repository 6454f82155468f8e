"""Sources and taxa are mixed, within shards and across them, as well as chance would mix them."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from planned import planned, stored

SEEDS = range(6)
FAR = 4.5
"""Standard deviations that chance hardly ever comes to: one of 150,000 draws."""


@pytest.fixture(scope="module")
def shuffles(tmp_path_factory: pytest.TempPathFactory) -> list[pl.DataFrame]:
    """The same 12,000 images, of which a third is iNat21's, in the shards of several seeds."""
    folder = tmp_path_factory.mktemp("shuffles")
    decided = stored(folder, eol=8_000, inat21=4_000).decided()
    return [planned(folder, decided, seed, max_samples=500) for seed in SEEDS]


@pytest.mark.parametrize("what", ["source", "species"])
def test_shards_hold_sources_and_taxa_in_the_shares_of_the_whole(shuffles: list[pl.DataFrame], what: str) -> None:
    """Chi-squared over shards, no further from what it is by chance than chance goes: neither clumped nor dealt out."""
    assert all(abs(across(rows, what)) < FAR for rows in shuffles)


@pytest.mark.parametrize("what", ["source", "species"])
def test_neighbours_in_a_shard_are_alike_no_more_often_than_by_chance(shuffles: list[pl.DataFrame], what: str) -> None:
    """Pairs of neighbours of the same source, or taxon, within a shard."""
    assert all(abs(within(rows, what)) < FAR for rows in shuffles)


@pytest.mark.parametrize("what", ["source", "species"])
def test_halves_of_a_shard_are_alike(shuffles: list[pl.DataFrame], what: str) -> None:
    """What a trainer reads first of a shard is like what it reads last."""
    halves = [rows.with_columns(shard=pl.int_range(pl.len()).over("shard") * 2 // pl.len().over("shard"))
              for rows in shuffles]  # fmt: skip
    assert all(abs(across(rows, what)) < FAR for rows in halves)


def test_the_order_of_the_sources_is_told_from_a_shuffle(tmp_path: Path) -> None:
    """The measures see an order that is none: the one that images lie in the archives."""
    rows = planned(tmp_path, stored(tmp_path, eol=8_000, inat21=4_000).decided(), max_samples=500, order="source")
    assert min(across(rows, what) for what in ("source", "species")) > 100
    assert min(within(rows, what) for what in ("source", "species")) > 10


def test_another_seed_is_another_shuffle(shuffles: list[pl.DataFrame]) -> None:
    """Images that share a shard with one seed share one with another as often as by chance."""
    first, other = (rows.select("treeoflife_id", "shard") for rows in shuffles[:2])
    both = first.join(other, on="treeoflife_id")
    assert abs(across(both, "shard_right")) < FAR


def across(rows: pl.DataFrame, what: str) -> float:
    """Chi-squared of ``what`` by shard, in standard deviations from its mean by chance.

    The variance is that of a table of which both margins are fixed, for many samples: twice the degrees of freedom.
    """
    counts = rows.group_by("shard", what).len()
    shards, kinds = rows.group_by("shard").len("all"), rows.group_by(what).len("every")
    table = shards.join(kinds, how="cross").join(counts, on=["shard", what], how="left").fill_null(0)
    expected = pl.col("all") * pl.col("every") / rows.height
    found = table.select(((pl.col("len") - expected) ** 2 / expected).sum()).item()
    freedom = (shards.height - 1) * (kinds.height - 1)
    return float((found - freedom) / math.sqrt(2 * freedom))


def within(rows: pl.DataFrame, what: str) -> float:
    """How many neighbours within a shard are alike, in standard deviations from chance."""
    pairs = rows.with_columns(alike=pl.col(what) == pl.col(what).shift(-1).over("shard")).drop_nulls("alike")
    every = rows.group_by(what).len()["len"]
    chance = float((every * (every - 1)).sum()) / (rows.height * (rows.height - 1))
    return (float(pairs["alike"].sum()) - pairs.height * chance) / math.sqrt(pairs.height * chance * (1 - chance))
