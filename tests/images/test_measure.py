"""An image has the same measures wherever it is decoded, and findings of quality follow from them."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from PIL import Image, ImageDraw, ImageFont

from treeoflife.config.tables import Images
from treeoflife.core.database import open_database
from treeoflife.images import measure
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.guard import decoder
from treeoflife.images.store import expected_meta
from treeoflife.selection import quality


def _page() -> Image.Image:
    page = Image.new("RGB", (900, 1200), (250, 250, 244))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(26)
    for row in range(80, 1100, 42):
        draw.text((70, row), "collected in the habitat of the holotype by the lake, dorsal view", (15, 15, 15), font)
    return page


def _photograph() -> Image.Image:
    red = Image.radial_gradient("L").resize((700, 500))
    return Image.merge("RGB", (red, red.rotate(90), Image.linear_gradient("L").resize((700, 500))))


def _data(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


EXAMPLES = {
    "blank": Image.new("RGB", (400, 300), (90, 120, 40)),
    "small": _photograph().resize((50, 60)),
    "long": _photograph().resize((1000, 120)),
    "text": _page(),
}


def _findings(image: Image.Image) -> set[str]:
    encoded = convert(_data(image), Images())
    assert isinstance(encoded, Encoded)
    assert encoded.measures
    schema = {"width": pl.UInt32, "height": pl.UInt32, **measure.COLUMNS}
    row = pl.DataFrame([(encoded.width, encoded.height, *encoded.measures.row())], schema=schema, orient="row")
    with TemporaryDirectory() as folder, open_database(Path(folder, "scratch")) as database:
        database.load("image", row)
        database.run(f"CREATE VIEW found AS SELECT {quality.bits()} AS quality FROM image")
        return {kind for kind in quality.LIMITS if database.value(f"SELECT {quality.has(kind)} FROM found")}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_an_example_of_each_kind_has_that_finding_and_no_other(kind: str) -> None:
    assert _findings(EXAMPLES[kind]) == {kind}


def test_a_photograph_has_no_finding_in_either_orientation() -> None:
    assert _findings(_photograph()) == set()
    assert _findings(_photograph().rotate(90, expand=True)) == set()


def test_a_child_process_measures_the_same(tmp_path: Path) -> None:
    """A container is decoded in one after a worker died."""
    with decoder(Images(), tmp_path / "tried") as decode:
        for image in EXAMPLES.values():
            assert decode(_data(image)) == convert(_data(image), Images())


def test_turning_measures_off_changes_no_image() -> None:
    """It changes the metadata that decides whether the store is stale."""
    off = convert(_data(_page()), Images(measure=False))
    on = convert(_data(_page()), Images())
    assert isinstance(off, Encoded)
    assert isinstance(on, Encoded)
    assert off.measures is None
    assert off.data == on.data
    assert "measures" in expected_meta(Images())
    assert "measures" not in expected_meta(Images(measure=False))
