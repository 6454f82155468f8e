"""Packing reads the store in few large reads, forwards, and in bounded memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treeoflife.shards.pack import sweeps

GAPS = st.lists(st.tuples(st.integers(0, 300_000), st.integers(1, 9_000_000)), max_size=60)


def places(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(offset, size) of images with these gaps before them."""
    found, at = [], 0
    for gap, size in gaps:
        found.append((at + gap, size))
        at += gap + size
    return found


@given(GAPS)
def test_every_image_is_in_one_read_and_reads_go_forwards(gaps: list[tuple[int, int]]) -> None:
    ranges = list(sweeps(places(gaps)))
    assert [one for first, stop in ranges for one in range(first, stop)] == list(range(len(gaps)))


@given(GAPS)
def test_a_read_is_no_longer_than_8_megabytes_unless_an_image_is(gaps: list[tuple[int, int]]) -> None:
    where = places(gaps)
    for first, stop in sweeps(where):
        assert stop - first == 1 or sum(where[stop - 1]) - where[first][0] <= 8 << 20
        assert all(gap <= 128 << 10 for gap, _ in gaps[first + 1 : stop])


def test_images_side_by_side_take_few_reads_and_images_far_apart_one_each() -> None:
    assert len(list(sweeps(places([(512, 40_000)] * 1000)))) == 5
    assert len(list(sweeps(places([(40_000_000, 40_000)] * 1000)))) == 1000
