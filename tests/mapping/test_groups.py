"""No observation, observer, place or group of duplicates is in train and in val, and val has its size all the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapped import NO_FACTS, NO_GROUPS, ids_of, mapping_of
from test_splits import tables

from treeoflife.mapping.sides import nearest_exchange, take_what_fits

VALUES = st.sampled_from(["", "1", "2", "3", "4/5", "a", "\u00e9"])


def facts_of(ids: pl.DataFrame, **columns: Sequence[str]) -> pl.DataFrame:
    """What is known of images; values are repeated until they are enough."""
    values = {name: [known[n % len(known)] for n in range(ids.height)] for name, known in columns.items()}
    return pl.DataFrame(
        {name: values.get(name, [None] * ids.height) for name in NO_FACTS.columns}
        | {name: ids[name] for name in ("treeoflife_id", "source")},
        schema=NO_FACTS.schema,
    )


def straddling(mapping: pl.DataFrame, links: list[tuple[object, str]]) -> int:
    """The number of components of images with a common value that have images on both sides, by going from image to image."""  # noqa: E501
    images, values = defaultdict(set), defaultdict(set)
    for value, image in links:
        images[value].add(image)
        values[image].add(value)
    side = dict(mapping.select("treeoflife_id", "is_val").iter_rows())
    found, seen = 0, set[str]()
    for start in images and list(side):
        component, left = set[bool](), [start]
        while left:
            image = left.pop()
            if image not in seen:
                seen.add(image)
                component.add(side[image])
                left += [other for value in values[image] for other in images[value]]
        found += len(component) > 1
    return found


@settings(max_examples=20, deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=30), st.lists(VALUES, min_size=1, max_size=11), st.integers(2, 80),
    st.integers(0, 40), st.sampled_from([("observation",), ("observer",), ("observation", "observer"), ()]),
    st.integers(1, 90),
)  # fmt: skip
def test_no_component_is_divided(
    observations: list[str], observers: list[str], eol: int, inat21: int, group_by: tuple[str, ...], val_percent: int
) -> None:
    """Counted by going from image to image; duplicates join the groups of both sources."""
    with TemporaryDirectory() as folder:
        path, every = Path(folder, "mapping.parquet"), tables(eol, inat21)
        ids = ids_of(path, every)
        facts = facts_of(ids, observation=observations, observer=observers)
        duplicates = ids[::7].select("treeoflife_id", group=pl.int_range(pl.len()) // 2)
        found = mapping_of(path, every, duplicates, facts=facts.reverse(), group_by=group_by, val_percent=val_percent)
    links: list[tuple[object, str]] = [((0, group), one) for one, group in duplicates.iter_rows()]
    for name in group_by:
        known = facts.filter(pl.col(name) != "").select("source", name, "treeoflife_id")
        links += [((name, source, value), one) for source, value, one in known.iter_rows()]
    assert straddling(found, links) == 0
    assert found.height == eol + inat21


@pytest.mark.parametrize("per_observation", [1, 2, 3, 7, 30])
def test_val_has_its_size_where_groups_allow_it(tmp_path: Path, per_observation: int) -> None:
    """A thousand images; every tenth is in no group."""
    path, every = tmp_path / "mapping.parquet", tables(1000)
    ids = ids_of(path, every)
    names = ["" if n % 10 == 0 else f"o{n // per_observation}" for n in range(1000)]
    found = mapping_of(path, every, facts=facts_of(ids, observation=names))
    assert found["is_val"].sum() == 50
    assert found["is_train_small"].sum() == 95


@pytest.mark.parametrize(("size", "expected"), [(3, 6), (4, 4), (7, 7), (11, 0), (100, 0)])
def test_val_comes_as_near_to_its_size_as_groups_alone_allow(tmp_path: Path, size: int, expected: int) -> None:
    """A hundred images, of which 5 are to be in val, all in groups of one size."""
    path, every = tmp_path / "mapping.parquet", tables(100)
    facts = facts_of(ids_of(path, every), observation=[f"o{n // size}" for n in range(100)])
    found = mapping_of(path, every, facts=facts)["is_val"].sum()
    assert abs(found - 5) <= abs(expected - 5)


def test_a_group_is_as_likely_in_val_as_an_image_whatever_its_size(tmp_path: Path) -> None:
    """Half of the images are in groups of 20: about a twentieth of them is in val, over many seeds."""
    path, every = tmp_path / "mapping.parquet", tables(800)
    ids = ids_of(path, every)
    facts = facts_of(ids, observation=["" if n < 400 else f"o{n // 20}" for n in range(800)])
    grouped = facts.filter(pl.col("observation") != "").select("treeoflife_id")
    counts = []
    for seed in range(12):
        found = mapping_of(path, every, facts=facts, seed=seed)
        assert found["is_val"].sum() == 40
        counts.append(found.join(grouped, on="treeoflife_id")["is_val"].sum())
    assert 0.5 < np.mean(counts) / 20 < 1.5


def test_images_in_no_group_keep_their_split_where_no_group_changes_the_border(tmp_path: Path) -> None:
    """Val without groups is the first images of the shuffle; groups move its border by a few images."""
    path, every = tmp_path / "mapping.parquet", tables(2000)
    ids = ids_of(path, every)
    before = mapping_of(path, every)
    facts = facts_of(ids, observation=[f"o{n}" if n % 50 else f"o{n - n % 100}" for n in range(2000)])
    after = mapping_of(path, every, facts=facts)
    moved = before.join(after, on="treeoflife_id").filter(pl.col("is_val") != pl.col("is_val_right")).height
    assert moved < 20


def test_equal_observations_of_different_sources_are_no_group(tmp_path: Path) -> None:
    path, every = tmp_path / "mapping.parquet", tables(40, 40)
    facts = facts_of(ids_of(path, every), observation=["1"])
    found = mapping_of(path, every, facts=facts, val_percent=50)
    assert found.group_by("source").agg(pl.col("is_val").n_unique())["is_val"].to_list() == [1, 1]
    assert found["is_val"].sum() in (0, 40, 80)


def test_groups_of_several_sources_fill_val_where_there_are_no_others(tmp_path: Path) -> None:
    """Each image of one source is the same picture as one of the other."""
    path, every = tmp_path / "mapping.parquet", tables(200, 200)
    ids = ids_of(path, every).sort("source", "treeoflife_id")
    pairs = ids.select("treeoflife_id", group=pl.int_range(pl.len()) % 200)
    found = mapping_of(path, every, pairs)
    assert found.filter(source="eol")["is_val"].sum() == 10
    assert found.filter(source="inat21")["is_val"].sum() == 10


@given(st.lists(st.integers(1, 9), max_size=40), st.integers(0, 60))
def test_what_fits_is_taken_one_by_one(sizes: list[int], room: int) -> None:
    taken, left = take_what_fits(np.array(sizes, dtype=np.int64), room)
    expected, rest = [], room
    for size in sizes:
        expected.append(size <= rest)
        rest -= size if size <= rest else 0
    assert (taken.tolist(), left) == (expected, rest)


@given(st.sets(st.integers(1, 40), max_size=8), st.sets(st.integers(1, 40), max_size=8), st.integers(-20, 20))
def test_the_nearest_exchange_is_the_best_of_all(leaving: set[int], coming: set[int], room: int) -> None:
    out, into = [0, *sorted(leaving)], [0, *sorted(coming)]
    one, other = nearest_exchange(out, into, room)
    assert abs(room + one - other) == min(abs(room + a - b) for a in out for b in into)


def test_without_facts_and_groups_nothing_is_grouped(tmp_path: Path) -> None:
    path, every = tmp_path / "mapping.parquet", tables(100)
    assert mapping_of(path, every, NO_GROUPS, group_by=()).equals(mapping_of(path, every))
