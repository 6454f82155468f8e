"""Findings of quality: how often each is right, on labelled examples.

    python benchmarks/quality.py PHOTOS [--values FILE]

PHOTOS is a folder of photographs: none of them is to have a finding. Of them, and from nothing, are made: nearly blank
pictures, very small ones, long ones, pages of text as a scanner sees them, and photographs of something on plain
paper, which are to have none either. Prints for each finding how many of its kind it finds (recall), how many of what
it names are of its kind (precision), and how many photographs it names. The limits were set on the examples with even
numbers; the table is of the others.
"""

from __future__ import annotations

import argparse
import io
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from treeoflife.config.tables import Images
from treeoflife.images import measure
from treeoflife.images.convert import Encoded, convert
from treeoflife.selection import quality

WORDS = "habitat forewing specimen type leaf petiole the of and from collected margin dorsal view holotype Linnaeus 1758 µm".split()  # noqa: E501
EACH = 120


def _paper(chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Paper: white, grey or yellowed, more or less even."""
    light = chance.randrange(205, 256)
    tint = chance.choice((0, 0, 12, 30))
    page = Image.new("RGB", size, (light, light - tint // 3, light - tint))
    noise = Image.effect_noise(size, chance.choice((2, 6, 12))).convert("RGB")
    return ImageChops.add(page, noise, 1, -128)


def blank(chance: random.Random, _photo: Image.Image) -> Image.Image:
    """One colour, a faint shade, or a picture that was all but covered."""
    size = (chance.randrange(300, 1500), chance.randrange(300, 1500))
    colour = tuple(chance.randrange(256) for _ in range(3)) if chance.random() < 0.5 else (chance.choice((0, 255)),) * 3
    image = Image.new("RGB", size, colour)
    return ImageChops.add(image, Image.effect_noise(size, chance.choice((0.1, 2, 5))).convert("RGB"), 1, -128)


def text(chance: random.Random, _photo: Image.Image) -> Image.Image:
    """A page of text, or a label, a little askew."""
    size = (chance.randrange(600, 1400), chance.randrange(800, 1800))
    page, height = _paper(chance, size), size[1] // chance.randrange(25, 70)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(height)
    for row in range(size[1] // 12, size[1] - size[1] // 12, int(height * chance.uniform(1.2, 1.9))):
        line = " ".join(chance.choices(WORDS, k=40))
        while font.getlength(line) > size[0] * 0.84:
            line = line.rpartition(" ")[0]
        if chance.random() < 0.93:
            draw.text((size[0] * 0.08, row), line[: None if chance.random() < 0.8 else 30], (20, 20, 30), font)
    return page.rotate(chance.uniform(-1.5, 1.5), Image.Resampling.BICUBIC, fillcolor=page.getpixel((3, 3)))


def small(chance: random.Random, photo: Image.Image) -> Image.Image:
    """A thumbnail."""
    return photo.convert("RGB").resize((chance.randrange(12, 64), chance.randrange(12, 64)))


def long(chance: random.Random, photo: Image.Image) -> Image.Image:
    """A strip."""
    side = chance.randrange(80, 200)
    strip = photo.convert("RGB").resize((side * chance.randrange(5, 9), side))
    return strip if chance.random() < 0.5 else strip.rotate(90, expand=True)


def cut_out(chance: random.Random, photo: Image.Image) -> Image.Image:
    """A photograph of something on a plain light ground, as in a laboratory: to be left alone."""
    page, subject = _paper(chance, (800, 700)), photo.convert("RGB").resize((560, 420))
    mask = Image.new("L", subject.size)
    ImageDraw.Draw(mask).ellipse((20, 20, 540, 400), fill=255)
    page.paste(subject, (120, 140), mask.filter(ImageFilter.GaussianBlur(6)))
    return page


KINDS: dict[str, Callable[[random.Random, Image.Image], Image.Image]] = {
    "blank": blank, "small": small, "long": long, "text": text, "cut-out": cut_out,
}  # fmt: skip


def examples(photos: list[Path]) -> Iterator[tuple[str, bytes]]:
    """All examples with their kinds; ``photograph`` are those as they are."""
    for path in photos:
        yield "photograph", path.read_bytes()
    for kind, make in KINDS.items():
        for number in range(EACH):
            chance = random.Random(f"{kind} {number}")
            with Image.open(chance.choice(photos)) as photo:
                out = io.BytesIO()
                make(chance, photo).save(out, "JPEG", quality=chance.randrange(70, 96))
            yield kind, out.getvalue()


def measured(photos: list[Path]) -> pl.DataFrame:
    """The measures of all examples."""
    rows = []
    for kind, data in examples(photos):
        made = convert(data, Images())
        assert isinstance(made, Encoded)
        assert made.measures
        rows.append((kind, made.width, made.height, *made.measures.row()))
    schema = {"example": pl.String, "width": pl.UInt32, "height": pl.UInt32, **measure.COLUMNS}
    return pl.DataFrame(rows, schema=schema, orient="row")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--values", type=Path, help="write the measures of all examples there, as Parquet")
    given = parser.parse_args()
    photos = sorted(path for path in given.photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    rows = measured(photos)
    if given.values:
        rows.write_parquet(given.values)
    rows = rows.with_row_index("number").filter(pl.col("number") % 2 == 1)
    rows = rows.with_columns(pl.sql_expr(one).alias(f"is {kind}") for kind, one in quality.LIMITS.items())
    print(f"{'finding':<10}{'examples':>9}{'recall':>9}{'precision':>11}{'photographs':>13}{'cut-outs':>10}")
    for kind in quality.LIMITS:
        own, named = rows.filter(example=kind), rows.filter(pl.col(f"is {kind}"))
        hits = own[f"is {kind}"].sum()
        shares = [rows.filter(example=one)[f"is {kind}"].mean() for one in ("photograph", "cut-out")]
        print(f"{kind:<10}{own.height:>9}{hits / own.height:>9.1%}{hits / max(1, named.height):>11.1%}"
              f"{shares[0]:>13.1%}{shares[1]:>10.1%}")  # fmt: skip


if __name__ == "__main__":
    main()
