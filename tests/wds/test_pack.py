"""Packing reads the store forwards, in few large reads of bounded size."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from treeoflife.shards.pack import group_reads

GAPS = st.lists(st.tuples(st.integers(0, 300_000), st.integers(1, 9_000_000)), max_size=60)


def extents(gaps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(offset, size) of images with these gaps before them, from (gap, size)."""
    images, end = [], 0
    for gap, size in gaps:
        images.append((end + gap, size))
        end += gap + size
    return images


@given(GAPS)
def test_every_image_is_in_one_read_and_reads_go_forwards(gaps: list[tuple[int, int]]) -> None:
    ranges = list(group_reads(extents(gaps)))
    assert [position for first, stop in ranges for position in range(first, stop)] == list(range(len(gaps)))


@given(GAPS)
def test_a_read_is_no_longer_than_8_megabytes_unless_an_image_is(gaps: list[tuple[int, int]]) -> None:
    images = extents(gaps)
    for first, stop in group_reads(images):
        assert stop - first == 1 or sum(images[stop - 1]) - images[first][0] <= 8 << 20
        assert all(gap <= 128 << 10 for gap, _ in gaps[first + 1 : stop])


def test_neighbouring_images_take_few_reads_and_distant_images_one_each() -> None:
    assert len(list(group_reads(extents([(512, 40_000)] * 1000)))) == 5
    assert len(list(group_reads(extents([(40_000_000, 40_000)] * 1000)))) == 1000
