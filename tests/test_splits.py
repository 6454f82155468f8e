"""Splits have exact sizes and depend on seed and ids alone."""

from __future__ import annotations

import random

import polars as pl
import pytest

from treeoflife.config.tables import Splits
from treeoflife.mapping.splits import choose


@pytest.mark.parametrize("n", [0, 1, 19, 20, 21, 39, 99, 100, 199, 1000, 1234])
def test_sizes_are_exact(n: int) -> None:
    """n * 5 // 100 in val, then n_train * 10 // 100 in train_small; none is in both."""
    found = choose(_ids(n), Splits(), 17)
    assert found.height == n
    assert found["is_val"].sum() == n * 5 // 100
    assert found["is_train_small"].sum() == (n - n * 5 // 100) * 10 // 100
    assert not found.filter(pl.col("is_val") & pl.col("is_train_small")).height


def test_the_order_of_the_ids_does_not_matter_and_the_seed_does() -> None:
    """The original's sampling from a set differed from run to run."""
    ids = _ids(500)
    mixed = ids.sample(fraction=1, shuffle=True, seed=3)
    first = choose(ids, Splits(), 17).sort("treeoflife_id")
    assert first.equals(choose(mixed, Splits(), 17).sort("treeoflife_id"))
    assert not first.equals(choose(ids, Splits(), 18).sort("treeoflife_id"))


def _ids(n: int) -> pl.DataFrame:
    chance = random.Random(n)
    return pl.DataFrame(
        {"treeoflife_id": [f"{chance.getrandbits(128):032x}" for _ in range(n)]}, schema={"treeoflife_id": pl.String}
    )
