"""A curator at work in Chromium: hundreds of images dropped, relabelled and taken back, then a build, all counted."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from test_page import browser, serving  # noqa: F401

import treeoflife
from helpers import built, seldom
from treeoflife.selection import marks
from treeoflife.testing.world import draw_picture, encode_image

pytest.importorskip("starlette", reason="pip install 'treeoflife[explore]'")
SPECIES = ("Parus major", "Pica pica", "Felis catus", "Bubo bubo", "Quercus robur")


def dataset(folder: Path, images: int) -> Path:
    """A build of photographs in folders of classes, all of which differ."""
    for number in range(images):
        file = folder / "photos" / SPECIES[number % len(SPECIES)] / f"{number:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode_image(draw_picture(random.Random(number), (48, 48))))
    out = folder / "out"
    out.mkdir()
    (out / "dataset.toml").write_text('[sources.photos]\nkind = "folder"\npath = "../photos"\n')
    built(out / "dataset.toml")
    return out


def select(page: Any, first: int, last: int) -> None:
    """Select the images of the grid from one place to another: a click on the first, Shift and a click on the last."""
    page.keyboard.press("Escape")
    for place, modifiers in ((first, []), (last, ["Shift"])):
        box = page.locator(f'[data-at="{place}"] .pick')
        page.locator("#grid").hover()
        page.evaluate("document.querySelector('#grid').scrollTo(0, 0)")
        while not box.count():  # the grid has only the images in sight
            page.mouse.wheel(0, 400)
            page.wait_for_timeout(30)
        box.click(modifiers=modifiers)
    page.locator("#selected", has_text=f"{last - first + 1} images").wait_for()


@pytest.mark.parametrize(("images", "drops", "relabels", "undos"), [(60, 20, 10, 5), *seldom((1000, 500, 200, 30))])
def test_what_a_curator_did_is_in_the_next_build(
    browser: Any,  # noqa: F811
    tmp_path: Path,
    images: int,
    drops: int,
    relabels: int,
    undos: int,
) -> None:
    out = dataset(tmp_path, images)
    before = images_of(out)
    with serving(out) as address:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}#sort=-width")
        page.locator("#count", has_text=re.compile(f"{before:,}")).wait_for()
        select(page, 0, drops - 1)
        page.keyboard.press("d")
        page.locator("#said", has_text=f"{drops} images: drop").wait_for()
        select(page, drops, drops + relabels - 1)
        page.keyboard.press("r")
        page.fill("#name", "turdus merula")
        page.locator("#names li", has_text="Turdus merula").first.click()
        page.locator("#usePicked").click()
        page.locator("#said", has_text=f"{relabels} images: relabel").wait_for()
        assert len(marks.read(out / "marks.csv").by_key) == drops + relabels
        # One after the other on single images, each taken back by a key.
        page.keyboard.press("Escape")
        page.goto(f"{address}#sort=-width&marked=no+mark")
        page.locator("#count", has_text=f"{before - drops - relabels:,} images").wait_for()
        page.locator('[data-at="0"] .cell').focus()
        for key, left in (("d", drops + relabels + undos), ("z", drops + relabels)):
            for _ in range(undos):  # faster than the server answers
                page.keyboard.press(key)
            wait_for_marks(page, out, left)
        page.goto(f"{address}#taxon=Animalia/Chordata/Aves&sort=-width")
        page.locator("#here", has_text="Aves").wait_for()
        with page.expect_download() as download:
            page.locator("#exports summary").click()
            page.locator("#exports a", has_text="table of this result").click()
        exported = pl.read_csv(Path(download.value.path()))
        here = page.url
        built(out / "dataset.toml")
        page.locator("#notice", has_text="built again").wait_for(timeout=60_000)
        birds = treeoflife.open(out).catalog.filter((pl.col("class") == "Aves") & (pl.col("split") != "train_small"))
        page.locator("#count", has_text=f"{birds.height:,} images").wait_for()
        assert page.url == here
        page.close()
    dropped = {key for key, mark in marks.read(out / "marks.csv").by_key.items() if mark["verdict"] == "drop"}
    kept = set(exported["treeoflife_id"]) - dropped
    assert kept <= set(birds["treeoflife_id"])
    assert images_of(out) == before - drops
    assert (birds["species"] == "merula").sum() == relabels


def images_of(out: Path) -> int:
    """How many images a dataset has."""
    return treeoflife.open(out).catalog["treeoflife_id"].n_unique()


def wait_for_marks(page: Any, out: Path, count: int) -> None:
    """Wait until the file of marks has that many."""
    for _ in range(200):
        if len(marks.read(out / "marks.csv").by_key) == count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{len(marks.read(out / 'marks.csv').by_key)} marks instead of {count}")
