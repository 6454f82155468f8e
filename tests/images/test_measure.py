"""What is measured of an image is the same wherever it is decoded, and quality is read from it."""

from __future__ import annotations

import io
from pathlib import Path

import polars as pl
import pytest
from PIL import Image, ImageDraw, ImageFont

from treeoflife.config.tables import Images
from treeoflife.images import measure
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.guard import decoder
from treeoflife.images.store import wanted
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
    made = convert(_data(image), Images())
    assert isinstance(made, Encoded)
    assert made.measured
    schema = {"width": pl.UInt32, "height": pl.UInt32, **measure.COLUMNS}
    row = pl.DataFrame([(made.width, made.height, *made.measured.row())], schema=schema, orient="row")
    bits = row.select(quality.bits())
    return {kind for kind in quality.LIMITS if bits.select(quality.has(kind)).item()}


@pytest.mark.parametrize("kind", EXAMPLES)
def test_each_finding_is_made_of_its_kind(kind: str) -> None:
    """And of no other."""
    assert _findings(EXAMPLES[kind]) == {kind}


def test_a_photograph_has_no_finding() -> None:
    """Nor has one that stands upright."""
    assert _findings(_photograph()) == set()
    assert _findings(_photograph().rotate(90, expand=True)) == set()


def test_a_child_process_measures_the_same(tmp_path: Path) -> None:
    """A container at which a worker died is decoded there."""
    with decoder(Images(), tmp_path / "tried") as decode:
        for image in EXAMPLES.values():
            assert decode(_data(image)) == convert(_data(image), Images())


def test_without_measures_nothing_is_measured_and_the_image_is_the_same() -> None:
    """The setting changes what the store is made from, and no image."""
    off = convert(_data(_page()), Images(measure=False))
    on = convert(_data(_page()), Images())
    assert isinstance(off, Encoded)
    assert isinstance(on, Encoded)
    assert off.measured is None
    assert off.data == on.data
    assert "measures" in wanted(Images())
    assert "measures" not in wanted(Images(measure=False))
