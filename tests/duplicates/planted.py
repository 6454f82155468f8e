"""Folders of drawn pictures, with copies of some of them in another folder: which pictures are duplicates is known."""

from __future__ import annotations

import csv
import random
import sqlite3
from contextlib import closing
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from helpers import samples, shards

SPECIES = ("Turdus merula", "Turdus pilaris", "Vanessa atalanta", "Poa annua")
RANKS = {
    "Turdus": ("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae"),
    "Vanessa": ("Animalia", "Arthropoda", "Insecta", "Lepidoptera", "Nymphalidae"),
    "Poa": ("Plantae", "Tracheophyta", "Liliopsida", "Poales", "Poaceae"),
}
HEAD = ("file", "kingdom", "phylum", "class", "order", "family", "genus", "species")


def picture(seed: int, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """A distinct picture: shapes of many colours on mottled ground."""
    chance = random.Random(seed)
    ground = Image.frombytes("L", (24, 18), chance.randbytes(24 * 18)).resize(size, Image.Resampling.BICUBIC)
    image = ImageOps.colorize(ground, *(tuple(chance.randrange(256) for _ in range(3)) for _ in range(2)))
    draw = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, w, h = (chance.randrange(limit) for limit in (size[0], size[1], 160, 120))
        colour = tuple(chance.randrange(256) for _ in range(3))
        chance.choice((draw.ellipse, draw.rectangle))((x, y, x + w + 12, y + h + 12), fill=colour)
    return image.filter(ImageFilter.GaussianBlur(1))


def copy_of(image: Image.Image, number: int) -> tuple[Image.Image, int]:
    """A copy (re-encoded, resized or mirrored), and the JPEG quality to save it with."""
    kinds = (image, image.resize((300, 225)), ImageOps.mirror(image))
    return kinds[number % 3], (60, 80, 90)[number % 3]


def plant(root: Path, originals: int = 60, copies: int = 24) -> None:
    """Two folders: ``one`` has the originals; ``two`` has copies of the first with the same names, and 20 others."""
    rows: dict[str, list[tuple[str, ...]]] = {"one": [], "two": []}
    for number in range(originals):
        image = picture(number)
        _save(root / f"one/p{number:03d}.jpg", image, 92)
        rows["one"].append((f"p{number:03d}.jpg", *_lineage(number)))
        if number < copies:
            _save(root / f"two/p{number:03d}.jpg", *copy_of(image, number))
            rows["two"].append((f"p{number:03d}.jpg", *_lineage(number + (number % 8 == 0))))
    for number in range(originals, originals + 20):
        _save(root / f"two/q{number:03d}.jpg", picture(number), 90)
        rows["two"].append((f"q{number:03d}.jpg", *_lineage(number)))
    for name, lines in rows.items():
        with (root / f"{name}.csv").open("w", newline="") as fd:
            csv.writer(fd).writerows([HEAD, *lines])


def _save(path: Path, image: Image.Image, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, quality=quality)


def _lineage(number: int) -> tuple[str, ...]:
    genus, epithet = SPECIES[number % len(SPECIES)].split()
    return (*RANKS[genus], genus, epithet)


def configure(root: Path, out: Path, **tables: str) -> Path:
    """A dataset.toml of both folders; ``tables`` are further tables, by their names."""
    out.mkdir(parents=True, exist_ok=True)
    tables = {"splits": "val_percent = 20"} | tables
    text = "".join(
        f'[sources.{name}]\nkind = "folder"\npath = "{root / name}"\ntable = "{root / name}.csv"\n'
        for name in ("one", "two")
    )
    text += "".join(f"[{name}]\n{keys}\n" for name, keys in tables.items())
    (out / "dataset.toml").write_text(text)
    return out / "dataset.toml"


def files_of(mapping: Path) -> dict[str, tuple[str, str]]:
    """Source and file of every id, read with SQLite alone."""
    with closing(sqlite3.connect(mapping)) as db:
        return {
            key: (source, file)
            for source in ("one", "two")
            for file, key in db.execute(f'SELECT filename, evobio10m_id FROM "{source}"')
        }


def sides(out: Path, mapped: Path | None = None) -> dict[tuple[str, str], str]:
    """The split of every image in a shard, by source and file; read from the tars and the mapping of ``mapped``."""
    files = files_of((mapped or out) / "metadata/mapping.sqlite")
    return {files[key]: split for split in ("train", "val") for key in samples(shards(out, split))}
