"""Scores on the server of the page: sorted, in ranges, of a taxon and of a filter, as a plain sort gives them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from starlette.testclient import TestClient

import treeoflife
from treeoflife.explore.lineage_index import Filter, LineageIndex, open_index
from treeoflife.explore.score_index import ScoreIndex, Selection
from treeoflife.explore.web_app import create_app


@pytest.fixture
def page(build_copy: Path) -> tuple[TestClient, dict[str, float]]:
    """The server over a build with scores in OUT/scores, of which two images have none; and the scores."""
    catalog = treeoflife.open(build_copy).catalog.filter(pl.col("split") != "train_small")
    ids = catalog["treeoflife_id"].to_list()
    scores = {one: float(number * 7 % 10) for number, one in enumerate(ids[2:])}
    (build_copy / "scores").mkdir()
    table = {"treeoflife_id": [*scores, "nobody"], "value": [*scores.values(), 99.0], "who": ["x"] * (len(scores) + 1)}
    pl.DataFrame(table).sort("treeoflife_id").write_parquet(build_copy / "scores/doubt.parquet")
    dataset = treeoflife.open(build_copy)
    return TestClient(create_app(dataset, open_index(dataset)), base_url="http://localhost"), scores


def get(client: TestClient, address: str) -> Any:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_images_are_sorted_by_a_score_those_without_one_last(page: tuple[TestClient, dict[str, float]]) -> None:
    client, scores = page
    (column,) = get(client, "/api/facets")["scores"]
    assert (column["name"], column["images"]) == ("doubt.value", len(scores))
    assert (column["least"], column["greatest"], sum(column["bins"])) == (0.0, 9.0, len(scores))
    for descending in ("0", "1"):
        found = get(client, f"/api/rows?sort=doubt.value&descending={descending}&limit=500")
        assert found["images"] == len(scores) + 2
        assert found["values"] == [*sorted(scores.values(), reverse=descending == "1"), None, None]
        details = get(client, f"/api/row/{found['rows'][0][0]}")
        assert details["scores"] == {"doubt.value": scores[details["id"]], "doubt.who": "x"}
    last = get(client, "/api/rows?sort=doubt.value&offset=10&limit=5")
    assert last["values"] == sorted(scores.values())[10:15]


def test_a_range_keeps_what_is_in_it(page: tuple[TestClient, dict[str, float]]) -> None:
    client, scores = page
    kept = sorted(value for value in scores.values() if 3 <= value <= 5)
    found = get(client, "/api/rows?range=doubt.value:3:5&sort=doubt.value&split=0,1&limit=500")
    assert found["values"] == kept
    assert get(client, "/api/rows?range=doubt.value:9:&limit=500")["images"] == list(scores.values()).count(9.0)
    for wrong in ("sort=x.y", "range=doubt.value", "range=doubt.value:a:b", "range=x:1:2"):
        assert client.get(f"/api/rows?{wrong}").status_code in (400, 404)


def test_a_selection_is_that_of_a_plain_sort(page: tuple[TestClient, dict[str, float]], build_copy: Path) -> None:
    """Over the rows of a taxon, with a filter."""
    index = open_index(treeoflife.open(build_copy))
    rng = np.random.default_rng(1)
    values = np.where(rng.random(len(index)) < 0.2, np.nan, rng.integers(0, 5, len(index)).astype(float))
    scores = _of(index, values)
    node, image_filter = index.children("", Filter())[0]["node"], Filter(split=frozenset({0}))
    first, last = index.row_range(node)
    rows = [row for row in range(first, last) if index.codes["split"][row] == 0]
    expected = sorted(rows, key=lambda row: (np.isnan(values[row]), values[row], row))
    assert scores.rows(node, image_filter, Selection("x.y"), 0, 10_000) == (len(rows), expected)


def _of(index: LineageIndex, values: Any) -> ScoreIndex:
    counts = {"x.y": {"images": int(np.count_nonzero(~np.isnan(values)))}}
    return ScoreIndex(index, (), {"x.y": values}, {"x.y": np.argsort(values, kind="stable")}, counts)
