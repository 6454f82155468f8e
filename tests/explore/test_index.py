"""The index by lineage and the search over names, without a browser."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

import treeoflife as library
from treeoflife.core.values import RANKS, SPLITS
from treeoflife.explore.index_builder import open_index
from treeoflife.explore.lineage_index import Filter, LineageIndex


@pytest.fixture(scope="module")
def index(drawn_build: Path) -> LineageIndex:
    return open_index(library.open(drawn_build))


def test_counts_and_rows_of_every_taxon_agree_with_the_catalog(index: LineageIndex, drawn_build: Path) -> None:
    catalog = library.open(drawn_build).catalog.unique("treeoflife_id")
    lineages = [tuple(row[rank] or "" for rank in RANKS) for row in catalog.iter_rows(named=True)]
    images = Counter(lineage[: depth + 1] for lineage in lineages for depth in range(len(RANKS)))

    def check(node: str, above: tuple[str, ...]) -> None:
        first, last = index.row_range(node)
        assert index.rows(node, Filter(), 0, len(index)) == list(range(first, last))
        for child in index.children(node, Filter()):
            skipped_ranks = ("",) * (RANKS.index(child["rank"]) - len(above))
            lineage = (*above, *skipped_ranks, child["name"])
            assert child["images"] == images[lineage]
            check(child["node"], lineage)

    assert index.count(*index.row_range(""), Filter()) == len(lineages)
    check("", ())


def test_pages_of_a_filter_join_to_the_rows_that_have_its_codes(index: LineageIndex) -> None:
    train_small = SPLITS.index("train_small")
    for image_filter in (
        Filter(source=frozenset({1})),
        Filter(split=frozenset({train_small}), depth=frozenset({6, 7})),
    ):
        pages = [index.rows("", image_filter, offset, 7) for offset in range(0, len(index), 7)]
        rows = [row for page in pages for row in page]
        expected = [
            row
            for row in range(len(index))
            if (not image_filter.source or index.codes["source"][row] in image_filter.source)
            and (not image_filter.split or index.codes["split"][row] == train_small or index.codes["small"][row])
            and (not image_filter.depth or index.codes["depth"][row] in image_filter.depth)
        ]
        assert rows == expected
        assert index.count(0, len(index), image_filter) == len(expected) > 0


@pytest.mark.parametrize(("typed", "name"), [("fli agarik", "Fly Agaric"), ("panthra leo", "Panthera leo")])
def test_a_misspelled_name_is_found_first(index: LineageIndex, typed: str, name: str) -> None:
    assert index.names.search(typed)[0]["text"].casefold() == name.casefold()


def test_a_node_that_does_not_exist_is_a_value_error(index: LineageIndex) -> None:
    for node in ("9.9", "0.999", "1.-1"):
        with pytest.raises(ValueError, match=re.escape(node)):
            index.row_range(node)
