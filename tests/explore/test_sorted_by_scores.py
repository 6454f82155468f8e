"""Scores on the server of the page: sorted, in ranges, of a taxon and of a filter, as a plain sort gives them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

import treeoflife
from treeoflife.explore.index_builder import open_index
from treeoflife.explore.lineage_index import Filter
from treeoflife.explore.live import LiveDataset
from treeoflife.explore.numbers import order_by
from treeoflife.explore.web_app import create_app
from treeoflife.shards.locations import find_dataset


@pytest.fixture
def page(build_copy: Path) -> tuple[TestClient, dict[str, float]]:
    """The server over a build with scores in OUT/scores, of which two images have none; and the scores."""
    catalog = treeoflife.open(build_copy).catalog.filter(pl.col("split") != "train_small")
    ids = catalog["treeoflife_id"].to_list()
    scores = {one: float(number * 7 % 10) for number, one in enumerate(ids[2:])}
    (build_copy / "scores").mkdir()
    table = {"treeoflife_id": [*scores, "nobody"], "value": [*scores.values(), 99.0], "who": ["x"] * (len(scores) + 1)}
    pl.DataFrame(table).sort("treeoflife_id").write_parquet(build_copy / "scores/doubt.parquet")
    live = LiveDataset(find_dataset(build_copy), None)
    return TestClient(create_app(live), base_url="http://localhost"), scores


def get(client: TestClient, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


def values(client: TestClient, address: str) -> list[float | None]:
    return [row[3] for row in get(client, f"/api/rows?{address}")["rows"]]


def test_images_are_sorted_by_a_score_those_without_one_last(page: tuple[TestClient, dict[str, float]]) -> None:
    client, scores = page
    assert "doubt.value" in get(client, "/api/facets")["numbers"]
    for sort, largest_first in (("doubt.value", False), ("-doubt.value", True)):
        expected = [*sorted(scores.values(), reverse=largest_first), None, None]
        assert values(client, f"sort={sort}&limit=500") == expected
    assert values(client, "sort=doubt.value&offset=10&limit=5") == sorted(scores.values())[10:15]
    (row, *_), *_ = get(client, "/api/rows?sort=doubt.value")["rows"]
    details = get(client, f"/api/row/{row}")
    assert details["numbers"]["doubt.value"] == scores[details["id"]]
    assert details["numbers"]["doubt.who"] == "x"


def test_a_range_keeps_what_is_in_it(page: tuple[TestClient, dict[str, float]]) -> None:
    client, scores = page
    kept = sorted(value for value in scores.values() if 3 <= value <= 5)
    address = "range=doubt.value:3:5&sort=doubt.value&split=train&split=val&limit=500"
    assert values(client, address) == kept
    assert get(client, f"/api/node?{address}")["images"] == len(kept)
    assert sum(get(client, f"/api/counts?{address}")["counts"]["source"]) == len(kept)
    assert get(client, "/api/node?range=doubt.value:9:")["images"] == list(scores.values()).count(9.0)
    assert get(client, "/api/node?range=doubt.value::")["images"] == len(scores)
    for wrong in ("sort=x.y", "range=doubt.value", "range=doubt.value:a:b", "range=x:1:2"):
        assert client.get(f"/api/rows?{wrong}").status_code in (400, 404)


def test_scores_that_change_are_shown_without_a_restart(build_copy: Path) -> None:
    ids = treeoflife.open(build_copy).catalog["treeoflife_id"].unique().sort()
    live = LiveDataset(find_dataset(build_copy), None)
    client = TestClient(create_app(live), base_url="http://localhost")
    assert "late.value" not in get(client, "/api/facets")["numbers"]
    (build_copy / "scores").mkdir()
    pl.DataFrame({"treeoflife_id": ids, "value": 20231105.5}).write_parquet(build_copy / "scores/late.parquet")
    live.reload()
    assert values(client, "sort=late.value&limit=1") == [20231105.5]


def test_a_selection_is_that_of_a_plain_sort(build_copy: Path) -> None:
    """Over the rows of a taxon, with a filter."""
    index = open_index(treeoflife.open(build_copy))
    rng = np.random.default_rng(1)
    numbers = np.where(rng.random(len(index)) < 0.2, np.nan, rng.integers(0, 5, len(index)).astype(float))
    index = replace(index, numbers={"x.y": numbers}, orders={"x.y": order_by(numbers)})
    node, image_filter = index.children("", Filter())[0]["node"], Filter(split=frozenset({0}), ranges=(("x.y", 1, 4),))
    first, last = index.row_range(node)
    rows = [row for row in range(first, last) if index.codes["split"][row] == 0 and 1 <= numbers[row] <= 4]
    assert index.selection(node, image_filter, "x.y").tolist() == sorted(rows, key=lambda row: (numbers[row], row))
