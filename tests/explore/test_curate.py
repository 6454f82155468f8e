"""Curating by the hundred: selections on the server, verdicts that are undone, names that are whole, in a browser."""

from __future__ import annotations

import http.client
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest
from test_page import browser, serving  # noqa: F401

import treeoflife as library
from helpers import built, cli, sentence
from treeoflife.core.values import NAME_COLUMNS
from treeoflife.errors import InputError
from treeoflife.selection import marks
from treeoflife.taxonomy import relabels

pytest.importorskip("starlette", reason="pip install 'treeoflife[explore]'")
EMPTY = dict.fromkeys(NAME_COLUMNS, "")
BLACKBIRD = ["Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "merula", "Common Blackbird"]


def get(address: str, path: str, **query: object) -> Any:
    with urlopen(f"{address}api/{path}?{urlencode(query, doseq=True)}", timeout=60) as answer:
        return json.loads(answer.read())


def post(address: str, path: str, **values: object) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("POST", f"/api/{path}", json.dumps(values).encode(), {"Content-Type": "application/json"})
    with connection.getresponse() as answer:
        return answer.status, json.loads(answer.read())


def completed(names: Path, **given: str) -> list[str]:
    name = EMPTY | {column.rstrip("_"): text for column, text in given.items()}
    return list(relabels.complete(name, relabels.references([name], names)).values())


def test_a_name_is_completed_by_the_dataset_and_then_by_the_built_in_taxonomy(drawn_build: Path) -> None:
    names = drawn_build / "metadata/names.parquet"
    assert completed(names, genus="Turdus", species="merula") == BLACKBIRD
    assert completed(names, species="Turdus merula") == BLACKBIRD
    assert completed(names, genus="Puma", species="concolor")[4] == "Felidae"
    assert completed(names, genus="Nosuchgenus") == ["", "", "", "", "", "Nosuchgenus", "", ""]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        ({"kingdom": "Plantae", "family": "Marchantiaceae"}, "kingdom Plantae"),
        ({"family": "Felidae"}, "family Felidae"),
        ({"common": "Lion"}, "Panthera leo"),
    ],
)
def test_a_name_whose_ranks_contradict_each_other_is_refused(
    drawn_build: Path, left: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        completed(drawn_build / "metadata/names.parquet", genus="Turdus", species="merula", **left)


def test_homonyms_ask_for_a_kingdom(drawn_build: Path) -> None:
    names = drawn_build / "metadata/names.parquet"
    with pytest.raises(InputError, match="write its kingdom"):
        completed(names, genus="Morus")
    assert completed(names, genus="Morus", kingdom="Plantae")[4] == "Moraceae"


def test_the_build_completes_the_name_of_a_mark_and_refuses_a_contradiction(build_copy: Path) -> None:
    dataset = library.open(build_copy)
    one = next(sample.id for sample in dataset if sample.taxon.kingdom == "Plantae")
    path, config = build_copy / "marks.csv", build_copy / "dataset.toml"
    path.write_text(f"treeoflife_id,verdict,kingdom,genus,species\n{one},relabel,Plantae,Turdus,merula\n")
    sentence(cli("build", "--config", config), one, "Turdidae", "kingdom Plantae")
    path.write_text(f"treeoflife_id,verdict,genus,species\n{one},relabel,Turdus,merula\n")
    built(config)
    sample = library.open(build_copy)[one]
    assert [*sample.taxon, sample.texts["common_name.txt"]] == BLACKBIRD


def test_a_sorted_selection_has_the_rows_of_its_filter_in_order(drawn_build: Path) -> None:
    with serving(drawn_build) as address:
        everything = get(address, "rows", limit=500, sort="-contrast")["rows"]
        values = [value for *_, value in everything]
        assert values == sorted(values, reverse=True)
        of_source = {row for row, *_ in get(address, "rows", limit=500, source="eol")["rows"]}
        found = [row for row, *_ in get(address, "rows", limit=500, source="eol", sort="-contrast")["rows"]]
        assert found == [row for row, *_ in everything if row in of_source]
        counts = get(address, "counts", source="eol", taxon="Animalia")["counts"]
        assert sum(counts["marked"]) == get(address, "node", source="eol", taxon="Animalia")["images"]
        above = get(address, "node", taxon="Animalia/Chordata/Nosuchclass")
        assert (above["taxon"], above["is_exact"]) == ("Animalia/Chordata", False)


def test_verdicts_on_a_selection_are_undone_and_done_again(build_copy: Path) -> None:
    path = build_copy / "marks.csv"
    with serving(build_copy) as address:
        animals = get(address, "node", taxon="Animalia")["images"]
        status, done = post(address, "verdicts", selection="taxon=Animalia", verdict="drop", who="Ada")
        assert (status, done["images"]) == (200, animals)
        rows = [row for row, *_ in get(address, "rows", taxon="Plantae", limit=3)["rows"]]
        assert post(address, "verdicts", rows=rows, verdict="agree", who="Bo")[1]["images"] == 3
        assert {mark["who"] for mark in get(address, "marks", limit=500)["marks"]} == {"Ada", "Bo"}
        assert get(address, "node", marked="drop")["images"] == animals
        assert post(address, "undo", who="Ada")[1]["images"] == animals
        assert [mark["verdict"] for mark in marks.read(path).by_key.values()] == ["agree"] * 3
        assert post(address, "redo", who="Ada")[1]["images"] == animals
        assert post(address, "redo", who="Ada")[1] == {"what": "", "images": 0, "skipped": 0, "rows": []}
        assert post(address, "verdicts", rows=rows, verdict="drop", version="another")[0] == 409
        assert post(address, "verdicts", rows=[10**9], verdict="drop")[0] == 400
    assert len(marks.read(path).by_key) == animals + 3


def test_a_mark_that_somebody_changed_since_is_not_undone(build_copy: Path) -> None:
    with serving(build_copy) as address:
        post(address, "verdicts", rows=[0, 1], verdict="drop", who="Ada")
        post(address, "verdicts", rows=[1], verdict="later", who="Bo")
        done = post(address, "undo", who="Ada")[1]
        assert (done["images"], done["skipped"]) == (1, 1)
    assert [mark["verdict"] for mark in marks.read(build_copy / "marks.csv").by_key.values()] == ["later"]


def test_a_curator_drops_relabels_undoes_exports_and_builds_again(browser: Any, build_copy: Path) -> None:  # noqa: F811
    with serving(build_copy) as address:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(address + "#taxon=Plantae&sort=-findings")
        page.locator("#here", has_text="Plantae").wait_for()
        page.locator("#all").click()
        plants = int(re.sub(r"\D", "", page.locator("#selected").inner_text()))
        page.keyboard.press("l")
        page.locator("#said", has_text="later").wait_for()
        page.keyboard.press("z")
        page.locator("#said", has_text="Undone: later").wait_for()
        assert marks.read(build_copy / "marks.csv").by_key == {}
        page.locator(".pick").nth(0).click()
        page.locator(".pick").nth(3).click(modifiers=["Shift"])
        page.locator("#selected", has_text="4 images").wait_for()
        page.keyboard.press("d")
        page.locator(".badge.drop").nth(3).wait_for()
        page.locator(".pick").nth(5).click()
        page.keyboard.press("r")
        page.fill("#name", "turdus merula")
        page.locator("#names li", has_text="Turdus merula").first.click()
        page.locator("#picked", has_text="Turdidae").wait_for()
        page.locator("#usePicked").click()
        page.locator(".badge.relabel").wait_for()
        here = page.url
        assert len(get(address, "marks", limit=500)["marks"]) == 5
        with urlopen(f"{address}api/export?form=ids&taxon=Plantae", timeout=60) as answer:
            assert len(answer.read().split()) == plants
        built(build_copy / "dataset.toml")
        page.locator("#notice", has_text="built again").wait_for(timeout=30_000)
        page.locator("#count", has_text=str(plants - 5)).wait_for()
        assert page.url == here
        page.close()


def test_a_search_is_of_all_life_and_can_be_removed(browser: Any, drawn_build: Path) -> None:  # noqa: F811
    with serving(drawn_build) as address:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(address + "#taxon=Plantae")
        page.locator("#here", has_text="Plantae").wait_for()
        page.fill("#q", "Morus")
        page.press("#q", "Enter")
        page.locator("#text", has_text="Morus").wait_for()
        page.locator("#children", has_text="Animalia").wait_for()
        page.locator("#text button").click()
        page.locator("#text").wait_for(state="hidden")
        assert "Morus" not in page.url
        page.close()
