"""Sources and taxa are mixed as well as a random shuffle would mix them, within shards and across them."""

from __future__ import annotations

import math
from pathlib import Path

import polars as pl
import pytest

from planned import planned, stored

SEEDS = range(6)
FAR = 4.5
"""Standard deviations; a random draw is farther from its mean in 1 of 150,000 cases."""


@pytest.fixture(scope="module")
def shuffles(tmp_path_factory: pytest.TempPathFactory) -> list[pl.DataFrame]:
    """The same 12,000 images, a third of them from iNat21, in the shards of several seeds."""
    folder = tmp_path_factory.mktemp("shuffles")
    store = stored(folder, eol=8_000, inat21=4_000)
    return [planned(store, seed, max_samples=500) for seed in SEEDS]


@pytest.mark.parametrize("what", ["source", "species"])
def test_shards_have_sources_and_taxa_in_the_proportions_of_the_dataset(
    shuffles: list[pl.DataFrame], what: str
) -> None:
    """Chi-squared over shards is as far from its mean as chance allows: they are neither clustered nor evenly dealt."""
    assert all(abs(across(rows, what)) < FAR for rows in shuffles)


@pytest.mark.parametrize("what", ["source", "species"])
def test_neighbours_in_a_shard_are_equal_as_often_as_by_chance(shuffles: list[pl.DataFrame], what: str) -> None:
    """Pairs of neighbours of the same source, or of the same taxon, within a shard."""
    assert all(abs(within(rows, what)) < FAR for rows in shuffles)


@pytest.mark.parametrize("what", ["source", "species"])
def test_both_halves_of_a_shard_have_the_same_proportions(shuffles: list[pl.DataFrame], what: str) -> None:
    """A trainer reads the same mix at the beginning of a shard as at its end."""
    halves = [rows.with_columns(shard=pl.int_range(pl.len()).over("shard") * 2 // pl.len().over("shard"))
              for rows in shuffles]  # fmt: skip
    assert all(abs(across(rows, what)) < FAR for rows in halves)


def test_the_measures_detect_an_order_that_is_not_shuffled(tmp_path: Path) -> None:
    """The order of the images in the archives is far beyond chance by both measures."""
    rows = planned(stored(tmp_path, eol=8_000, inat21=4_000), max_samples=500, order="source")
    assert min(across(rows, what) for what in ("source", "species")) > 100
    assert min(within(rows, what) for what in ("source", "species")) > 10


def test_another_seed_gives_an_independent_shuffle(shuffles: list[pl.DataFrame]) -> None:
    """Images that share a shard with one seed share a shard with another as often as by chance."""
    first, other = (rows.select("treeoflife_id", "shard") for rows in shuffles[:2])
    assert abs(across(first.join(other, on="treeoflife_id"), "shard_right")) < FAR


def across(rows: pl.DataFrame, what: str) -> float:
    """Chi-squared of ``what`` by shard, in standard deviations from its expectation under a random shuffle.

    The variance is that of a table with both margins fixed, for many samples: twice the degrees of freedom.
    """
    counts = rows.group_by("shard", what).len()
    shards, kinds = rows.group_by("shard").len("all"), rows.group_by(what).len("all_of_kind")
    table = shards.join(kinds, how="cross").join(counts, on=["shard", what], how="left").fill_null(0)
    expected = pl.col("all") * pl.col("all_of_kind") / rows.height
    chi_squared = table.select(((pl.col("len") - expected) ** 2 / expected).sum()).item()
    freedom = (shards.height - 1) * (kinds.height - 1)
    return float((chi_squared - freedom) / math.sqrt(2 * freedom))


def within(rows: pl.DataFrame, what: str) -> float:
    """The number of equal neighbours within shards, in standard deviations from its expectation under a shuffle."""
    pairs = rows.with_columns(equal=pl.col(what) == pl.col(what).shift(-1).over("shard")).drop_nulls("equal")
    counts = rows.group_by(what).len()["len"]
    chance = float((counts * (counts - 1)).sum()) / (rows.height * (rows.height - 1))
    return (float(pairs["equal"].sum()) - pairs.height * chance) / math.sqrt(pairs.height * chance * (1 - chance))
