"""A small synthetic dataset for tests and the demo: three sources, some broken files and a hold-out, from a seed.

It has one of two layouts: that of the providers, or that of the published dataset. The names are those of real
organisms; the pictures are random blots.
"""

import gzip
import io
import json
import random
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from PIL import Image, ImageDraw, ImageFilter

from ..core.files import write_text
from ..core.values import Taxon
from . import taxonomies

SPECIES = tuple(
    (Taxon(*ranks.split("/")), common)
    for ranks, common in (
        ("Animalia/Chordata/Aves/Passeriformes/Turdidae/Turdus/merula", "Common Blackbird"),
        ("Animalia/Chordata/Mammalia/Carnivora/Felidae/Panthera/leo", "Lion"),
        ("Animalia/Arthropoda/Insecta/Lepidoptera/Nymphalidae/Vanessa/atalanta", "Red Admiral"),
        ("Animalia/Mollusca/Bivalvia/Unionida/Unionidae/Cyclonaias/tuberculata", "Purple Wartyback"),
        ("Animalia/Arthropoda/Arachnida/Araneae/Araneidae/Argiope/bruennichi", "Wasp Spider"),
        ("Plantae/Tracheophyta/Magnoliopsida/Rosales/Moraceae/Morus/alba", "White Mulberry"),
        ("Plantae/Tracheophyta/Magnoliopsida/Ericales/Ericaceae/Arctostaphylos/uva-ursi", "Bearberry"),
        ("Plantae/Tracheophyta/Liliopsida/Poales/Poaceae/Poa/annua", ""),
        ("Plantae//Bryopsida/Hypnales/Hylocomiaceae/Pleurozium/schreberi", ""),
        ("Fungi/Basidiomycota/Agaricomycetes/Agaricales/Amanitaceae/Amanita/muscaria", "Fly Agaric"),
        ("Animalia/Chordata/Aves/Suliformes/Sulidae/Morus/bassanus", "Northern Gannet"),
        ("Animalia/Chordata/Reptilia/Squamata/Gekkonidae/Cnemaspis/kandiana", ""),
    )
)
"""Species and their English names. Two genera are called Morus, one phylum is unknown, and some English names."""
INSECTS = (
    Taxon("Animalia", "Arthropoda", "Insecta", "Diptera", "Cecidomyiidae"),
    Taxon("Animalia", "Arthropoda", "Insecta", "Hymenoptera", "Braconidae", "Apanteles"),
    Taxon("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Curculionidae", "Sitona", "lineatus"),
)
# Indexes of the species that the hold-out lists name: one must not be in the dataset at all, of the other one image.
_HELD_OUT, _SEEN = 3, 0
_FIRST_PAGE, _FIRST_CONTENT = 1000, 500_000
_SCHEMA = """
CREATE TABLE eol (content_id INT NOT NULL, page_id INT NOT NULL, evobio10m_id TEXT NOT NULL PRIMARY KEY);
CREATE TABLE inat21 (filename TEXT, cls_name TEXT, cls_num INT, evobio10m_id TEXT NOT NULL PRIMARY KEY);
CREATE TABLE bioscan (part INT, filename TEXT, evobio10m_id TEXT NOT NULL PRIMARY KEY);
CREATE TABLE split (evobio10m_id TEXT NOT NULL PRIMARY KEY, is_val INTEGER, is_train_small INTEGER);
"""

EolRow = tuple[int, int, str]
Inat21Row = tuple[str, str, int, str]
BioscanRow = tuple[int, str, str]


@dataclass(frozen=True)
class World:
    """A world that was drawn.

    Attributes:
        root: its folder, with the subfolders ``dataset`` and ``metadata``.
        images: number of files by source, including broken ones.
        broken: names of the files that cannot be decoded.
        held_out_species: a species that must not be in the dataset, as 'Genus epithet'.
    """

    root: Path
    images: dict[str, int]
    broken: tuple[str, ...]
    held_out_species: str


def draw_world(root: Path, images: int = 120, seed: int = 1, *, natural: bool = False) -> World:
    """Draw a world into ``root``; the same arguments give the same world.

    Args:
        root: a folder; existing files are overwritten.
        images: about how many images to draw, over all sources.
        natural: use the providers' layout and taxonomies; otherwise the published layout, with a mapping and name
            lookups.
    """
    rng = random.Random(seed)  # noqa: S311 - nothing is kept secret
    counts = {"eol": images * 55 // 100, "inat21": images * 30 // 100, "bioscan": images * 15 // 100}
    eol, broken = _eol(root, counts["eol"], rng, natural=natural)
    inat21 = _inat21(root, counts["inat21"], rng)
    bioscan = _bioscan(root, counts["bioscan"], rng)
    if natural:
        _taxonomies(root / "metadata", bioscan)
    else:
        _mapping(root / "metadata/mapping.sqlite", eol, inat21, bioscan, rng)
        _names(root / "metadata/naming", bioscan)
    _holdouts(root / "metadata/rarespecies", eol)
    return World(root, counts, broken, SPECIES[_HELD_OUT][0].scientific_name)


def draw_picture(rng: random.Random, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A random picture of 14 coloured discs, slightly blurred."""
    image = Image.new("RGB", size, tuple(rng.randrange(40, 220) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, r = rng.randrange(size[0]), rng.randrange(size[1]), rng.randrange(8, 70)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(256) for _ in range(3)))
    return image.filter(ImageFilter.GaussianBlur(2))


def encode_image(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The bytes of an image file; ``options`` are those of Pillow's ``save``."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def unusual_files(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """The kind and bytes of files that are not plain RGB JPEGs; kinds that begin with ``bad`` cannot be decoded."""
    image = draw_picture(rng)
    whole = encode_image(image, quality=90)
    yield "gray", encode_image(image.convert("L"))
    yield "cmyk", encode_image(image.convert("CMYK"))
    yield "png-rgba", encode_image(image.convert("RGBA"), "PNG")
    yield "png-16bit", encode_image(Image.new("I;16", (60, 40), 40_000), "PNG")
    yield "gif", encode_image(image.convert("P"), "GIF")
    yield "one-pixel", encode_image(Image.new("RGB", (1, 1), (200, 10, 10)))
    yield "bad-truncated", whole[: len(whole) // 2]
    yield "bad-zeroed-tail", whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)
    yield "bad-empty", b""
    yield "bad-text", b"<html><body>404 Not Found</body></html>"
    yield "bad-bomb", encode_image(Image.new("1", (40_000, 40_000)), "PNG")


def _eol(root: Path, count: int, rng: random.Random, *, natural: bool) -> tuple[list[EolRow], tuple[str, ...]]:
    """Write two archives; returns a row of the mapping per image, and the names of the broken images."""
    rows, broken = [], []
    unusual = list(unusual_files(rng))
    archives: list[list[tuple[str, bytes]]] = [[], []]
    for number in range(count):
        species = number % len(SPECIES)
        row = (_FIRST_CONTENT + number * 7, _FIRST_PAGE + species, _uuid(rng))
        name = f"{row[0]}_{row[1]}_eol-full-size-copy.jpg" if natural else f"{row[2]}.jpg"
        if unusual and species not in (_HELD_OUT, _SEEN):
            kind, data = unusual.pop()
        else:
            kind, data = "", encode_image(draw_picture(rng))
        if kind.startswith("bad"):
            broken.append(name)
        archives[number % 2].append((name, data))
        rows.append(row)
    for number, files in enumerate(archives, 1):
        write_archive(root / f"dataset/eol/image_set_{number:02d}.tar.gz", files)
    return rows, tuple(broken)


def write_archive(path: Path, files: list[tuple[str, bytes]]) -> None:
    """Write a .tar.gz of (name, content) pairs that does not depend on the time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as out,
        gzip.GzipFile("", "wb", 6, out, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as tar,
    ):
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def _inat21(root: Path, count: int, rng: random.Random) -> list[Inat21Row]:
    rows = []
    for number in range(count):
        class_number = number % (len(SPECIES) - 4)
        class_name = "_".join(SPECIES[class_number + 4][0])
        name = f"{_uuid(rng)}.jpg"
        _write_picture(root / f"dataset/inat21/train/{class_number:05d}_{class_name}/{name}", rng, (300, 300))
        rows.append((name, class_name, class_number, _uuid(rng)))
    return rows


def _bioscan(root: Path, count: int, rng: random.Random) -> list[BioscanRow]:
    rows = []
    for number in range(count):
        part, name = number % 2 + 1, f"BIOUG{number:05d}-A01.jpg"
        _write_picture(root / f"dataset/bioscan/part{part}/{name}", rng, (341, 256))
        rows.append((part, name, _uuid(rng)))
    return rows


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _write_picture(path: Path, rng: random.Random, size: tuple[int, int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_image(draw_picture(rng, size)))


def _mapping(
    path: Path, eol: list[EolRow], inat21: list[Inat21Row], bioscan: list[BioscanRow], rng: random.Random
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        db.executescript(_SCHEMA)
        db.executemany("INSERT INTO eol VALUES (?, ?, ?)", eol)
        db.executemany("INSERT INTO inat21 VALUES (?, ?, ?, ?)", inat21)
        db.executemany("INSERT INTO bioscan VALUES (?, ?, ?)", bioscan)
        for treeoflife_id in (row[-1] for table in (eol, inat21, bioscan) for row in table):
            number = rng.random()
            row = (treeoflife_id, int(number < 0.08), int(number > 0.85))
            db.execute("INSERT INTO split VALUES (?, ?, ?)", row)


def _taxonomies(folder: Path, bioscan: list[BioscanRow]) -> None:
    """Write the providers' taxonomies. EOL's tree lacks the last species: its page has only a scraped name."""
    pages = dict(enumerate(SPECIES, _FIRST_PAGE))
    last, (taxon, _) = pages.popitem()
    taxonomies.write_eol(folder / "eol", pages, {last: f"<i>{taxon.scientific_name}</i> (Rao, 2000)"})
    taxonomies.write_itis(folder / "itis", SPECIES[::2])
    taxonomies.write_inaturalist(folder / "inat", SPECIES[4:])
    labels = [(part, name, INSECTS[number % len(INSECTS)]) for number, (part, name, _) in enumerate(bioscan)]
    taxonomies.write_bioscan(folder / "bioscan", labels)


def _names(folder: Path, bioscan: list[BioscanRow]) -> None:
    zeros = [0] * 7
    tables = {
        "eol": {str(_FIRST_PAGE + n): [list(taxon), common, zeros] for n, (taxon, common) in enumerate(SPECIES)},
        "inat21": {str(n): [list(taxon), common, zeros] for n, (taxon, common) in enumerate(SPECIES[4:])},
        "bioscan": {row[-1]: [list(INSECTS[n % len(INSECTS)]), "", zeros] for n, row in enumerate(bioscan)},
    }
    for name, table in tables.items():
        write_text(folder / f"{name}_name_lookup.json", json.dumps(table))


def _holdouts(folder: Path, eol: list[EolRow]) -> None:
    """Hold out one species, written with all ranks, and one image of another species."""
    for species, key, name in (
        (_HELD_OUT, "-".join(SPECIES[_HELD_OUT][0]), "unseen_in_training.json"),
        (_SEEN, SPECIES[_SEEN][0].scientific_name, "seen_in_training.json"),
    ):
        files = [f"{row[0]}_{row[1]}_eol-full-size-copy.jpg" for row in eol if row[1] == _FIRST_PAGE + species]
        write_text(folder / name, json.dumps({key: [f"/benchmark/rare/{file}" for file in files[:1]]}, indent=1))
