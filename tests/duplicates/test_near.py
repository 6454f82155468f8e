"""Near pairs of hashes are found, plain and mirrored, and no others; groups are what pairs link together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core.components import connected_components
from treeoflife.core.database import open_database
from treeoflife.core.values import RANKS
from treeoflife.images.perceptual_hash import mirror_hashes
from treeoflife.selection.conflicts import find_conflicts
from treeoflife.selection.duplicates.near import find_near_pairs


def compare_all(hashes: np.ndarray, limit: int) -> set[tuple[int, int]]:
    """All near pairs, by comparing all with all."""
    bits = np.unpackbits(hashes, axis=1)
    other = np.unpackbits(mirror_hashes(hashes), axis=1)
    far = np.minimum((bits[:, None] != bits).sum(2), (bits[:, None] != other).sum(2))
    return {(int(a), int(b)) for a, b in np.argwhere(far <= limit) if a < b}


def planted(count: int, copies: int, most: int, seed: int) -> np.ndarray:
    """Random hashes, the last of them copies of the first with some bits changed, every other one mirrored."""
    rng = np.random.default_rng(seed)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    for row in range(copies):
        bits = np.unpackbits(hashes[row])
        bits[rng.choice(256, rng.integers(0, most + 1), replace=False)] ^= 1
        copy = np.packbits(bits)
        hashes[count - copies + row] = mirror_hashes(copy) if row % 2 else copy
    return hashes


@given(st.integers(0, 1000), st.integers(0, 64))
@settings(max_examples=20, deadline=None)
def test_pairs_are_those_of_comparing_all_with_all(seed: int, limit: int) -> None:
    """Exactly, as long as there are few hashes."""
    hashes = planted(300, 60, 70, seed)
    pairs = find_near_pairs(hashes, limit)
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == compare_all(hashes, limit)
    assert (pairs.distance <= limit).all()


def test_among_many_nearly_all_are_found_and_nothing_else() -> None:
    """So many hashes are searched by tables."""
    count, copies = 60_000, 1000
    hashes = planted(count, copies, 31, 7)
    pairs = find_near_pairs(hashes, 31, workers=2)
    expected = {(row, count - copies + row) for row in range(copies)}
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    assert len(found - expected) == 0
    assert len(expected & found) >= 0.995 * copies
    again = find_near_pairs(hashes, 31, workers=1)
    assert np.array_equal(pairs.first, again.first)
    assert np.array_equal(pairs.second, again.second)


def test_many_identical_hashes_are_linked_to_the_first() -> None:
    """A placeholder that occurs a thousand times costs no more than a thousand links."""
    hashes = planted(9000, 0, 0, 1)
    hashes[5000:6000] = hashes[17]
    pairs = find_near_pairs(hashes, 31)
    assert len(pairs) == 1000
    assert set(pairs.first.tolist()) == {17}
    assert pairs.distance.max() == 0
    assert len(find_near_pairs(hashes[:0], 31)) == 0


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_components_are_those_of_a_search(links: list[tuple[int, int]]) -> None:
    """Which follows the links one after another."""
    label = list(range(41))
    for _ in label:
        for a, b in links:
            label[a] = label[b] = min(label[a], label[b])
    pairs = np.array(links, dtype=np.int64).reshape(-1, 2)
    assert connected_components(41, pairs[:, 0], pairs[:, 1]).tolist() == label


def images(**columns: list[object]) -> pl.DataFrame:
    count = len(next(iter(columns.values())))
    empty = {rank: [""] * count for rank in RANKS}
    told = {"treeoflife_id": list("abcdefgh")[:count], "width": [100] * count, "height": [100] * count}
    return pl.DataFrame(told | empty | {"is_val": [False] * count} | columns)


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        ([("Aves", "Turdus", "merula"), ("Aves", "Turdus", "pilaris")], "genus"),
        ([("Aves", "Turdus", "merula"), ("Aves", "Sula", "merula")], "class"),
        ([("Aves", "Turdus", "merula"), ("Insecta", "Apis", "mellifera")], ""),
        ([("Aves", "Turdus", "merula"), ("Aves", "Turdus", "")], None),
        ([("Aves", "Turdus", "merula"), ("Aves", "Turdus", "merula")], None),
    ],
)
def test_conflicting_labels_of_a_group(tmp_path: Path, names: list[tuple[str, str, str]], shared: str | None) -> None:
    """With the deepest rank that is shared; a name that merely ends earlier is no conflict."""
    classes, genera, species = (list(one) for one in zip(*names, strict=True))
    frame = images(group=[4, 4], genus=genera, species=species).with_columns(pl.Series("class", classes))
    with open_database(tmp_path / "scratch") as database:
        columns = {"name": pl.int_range(2), "source": pl.lit("eol"), "rule": pl.lit(None, pl.UInt8), "file_row": 0}
        database.load("decision", frame.select("treeoflife_id", "group").with_columns(**columns))
        database.load("name", frame.select(*RANKS, common=pl.lit("")).with_row_index("name"))
        find_conflicts(database)
        found = database.frame("FROM conflict ORDER BY treeoflife_id")
    assert found["shared"].to_list() == ([] if shared is None else [shared] * 2)
