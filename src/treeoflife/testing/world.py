"""A tiny synthetic world: all three sources, some broken files, a hold-out, drawn and named by a seed.

It is written in either layout: as the providers lay their files out, or as the published dataset is laid out.
Its organisms are real; its pictures are blots.
"""

from __future__ import annotations

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

from ..core.values import Taxon
from . import taxonomies

SPECIES = (
    (Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "merula"), "Common Blackbird"),
    (Taxon("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "leo"), "Lion"),
    (Taxon("Animalia", "Arthropoda", "Insecta", "Lepidoptera", "Nymphalidae", "Vanessa", "atalanta"), "Red Admiral"),
    (
        Taxon("Animalia", "Mollusca", "Bivalvia", "Unionida", "Unionidae", "Cyclonaias", "tuberculata"),
        "Purple Wartyback",
    ),
    (Taxon("Animalia", "Arthropoda", "Arachnida", "Araneae", "Araneidae", "Argiope", "bruennichi"), "Wasp Spider"),
    (Taxon("Plantae", "Tracheophyta", "Magnoliopsida", "Rosales", "Moraceae", "Morus", "alba"), "White Mulberry"),
    (
        Taxon("Plantae", "Tracheophyta", "Magnoliopsida", "Ericales", "Ericaceae", "Arctostaphylos", "uva-ursi"),
        "Bearberry",
    ),
    (Taxon("Plantae", "Tracheophyta", "Liliopsida", "Poales", "Poaceae", "Poa", "annua"), ""),
    (Taxon("Plantae", "", "Bryopsida", "Hypnales", "Hylocomiaceae", "Pleurozium", "schreberi"), ""),
    (
        Taxon("Fungi", "Basidiomycota", "Agaricomycetes", "Agaricales", "Amanitaceae", "Amanita", "muscaria"),
        "Fly Agaric",
    ),
    (Taxon("Animalia", "Chordata", "Aves", "Suliformes", "Sulidae", "Morus", "bassanus"), "Northern Gannet"),
    (Taxon("Animalia", "Chordata", "Reptilia", "Squamata", "Gekkonidae", "Cnemaspis", "kandiana"), ""),
)
INSECTS = (
    Taxon("Animalia", "Arthropoda", "Insecta", "Diptera", "Cecidomyiidae"),
    Taxon("Animalia", "Arthropoda", "Insecta", "Hymenoptera", "Braconidae", "Apanteles"),
    Taxon("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Curculionidae", "Sitona", "lineatus"),
)
HELD_OUT, SEEN = 3, 0
_FIRST_PAGE, _FIRST_CONTENT = 1000, 500_000


@dataclass(frozen=True)
class World:
    """What was drawn.

    Attributes:
        root: its folder: ``dataset`` and ``metadata``, as published.
        images: files by source, broken ones among them.
        broken: files that no decoder can make an image of.
        held_out_species: a species that must not be in the dataset, as 'Genus epithet'.
    """

    root: Path
    images: dict[str, int]
    broken: tuple[str, ...]
    held_out_species: str


def draw(root: Path, images: int = 120, seed: int = 1, *, natural: bool = False) -> World:
    """Draw a world into ``root``; the same arguments give the same one.

    Args:
        root: a folder; what is in it already is written over.
        images: roughly how many images, over all sources.
        seed: of everything that is drawn.
        natural: as the providers lay their files out, with their taxonomies; else as they are published, with a
            mapping and name lookups.
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
    return World(root, counts, broken, SPECIES[HELD_OUT][0].scientific_name)


def picture(rng: random.Random, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A blotchy picture, no two alike."""
    image = Image.new("RGB", size, tuple(rng.randrange(40, 220) for _ in range(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(14):
        x, y, r = rng.randrange(size[0]), rng.randrange(size[1]), rng.randrange(8, 70)
        pen.ellipse((x - r, y - r, x + r, y + r), fill=tuple(rng.randrange(256) for _ in range(3)))
    return image.filter(ImageFilter.GaussianBlur(2))


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """An image as the bytes of a file."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def awkward(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    """Files that are not what they are called, each with its kind; ``bad…`` ones are broken."""
    image = picture(rng)
    whole = encoded(image, quality=90)
    yield "gray", encoded(image.convert("L"))
    yield "cmyk", encoded(image.convert("CMYK"))
    yield "png-rgba", encoded(image.convert("RGBA"), "PNG")
    yield "png-16bit", encoded(Image.new("I;16", (60, 40), 40_000), "PNG")
    yield "gif", encoded(image.convert("P"), "GIF")
    yield "one-pixel", encoded(Image.new("RGB", (1, 1), (200, 10, 10)))
    yield "bad-truncated", whole[: len(whole) // 2]
    yield "bad-zeroed-tail", whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2)
    yield "bad-empty", b""
    yield "bad-text", b"<html><body>404 Not Found</body></html>"
    yield "bad-bomb", encoded(Image.new("1", (40_000, 40_000)), "PNG")


def _uuid(rng: random.Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _eol(
    root: Path, count: int, rng: random.Random, *, natural: bool
) -> tuple[list[tuple[int, int, str]], tuple[str, ...]]:
    """Two archives; returns a row of the mapping per image, and the names of the broken ones."""
    rows, broken = [], []
    odd = list(awkward(rng))
    archives: list[list[tuple[str, bytes]]] = [[], []]
    for number in range(count):
        species = number % len(SPECIES)
        row = (_FIRST_CONTENT + number * 7, _FIRST_PAGE + species, _uuid(rng))
        name = f"{row[0]}_{row[1]}_eol-full-size-copy.jpg" if natural else f"{row[2]}.jpg"
        kind, data = odd.pop() if odd and species not in (HELD_OUT, SEEN) else ("", encoded(picture(rng)))
        if kind.startswith("bad"):
            broken.append(name)
        archives[number % 2].append((name, data))
        rows.append(row)
    for number, files in enumerate(archives, 1):
        write_archive(root / f"dataset/eol/image_set_{number:02d}.tar.gz", files)
    return rows, tuple(broken)


def write_archive(path: Path, files: list[tuple[str, bytes]]) -> None:
    """A .tar.gz of files, with nothing in it that depends on the time."""
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


def _inat21(root: Path, count: int, rng: random.Random) -> list[tuple[str, str, int, str]]:
    rows = []
    for number in range(count):
        class_number = number % (len(SPECIES) - 4)
        class_name = "_".join(SPECIES[class_number + 4][0])
        name = f"{_uuid(rng)}.jpg"
        path = root / f"dataset/inat21/train/{class_number:05d}_{class_name}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(rng, (300, 300))))
        rows.append((name, class_name, class_number, _uuid(rng)))
    return rows


def _bioscan(root: Path, count: int, rng: random.Random) -> list[tuple[int, str, str]]:
    rows = []
    for number in range(count):
        part, name = number % 2 + 1, f"BIOUG{number:05d}-A01.jpg"
        path = root / f"dataset/bioscan/part{part}/{name}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture(rng, (341, 256))))
        rows.append((part, name, _uuid(rng)))
    return rows


def _mapping(
    path: Path,
    eol: list[tuple[int, int, str]],
    inat21: list[tuple[str, str, int, str]],
    bioscan: list[tuple[int, str, str]],
    rng: random.Random,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "CREATE TABLE eol (content_id INT NOT NULL, page_id INT NOT NULL, evobio10m_id TEXT NOT NULL PRIMARY KEY)"
        )
        db.execute(
            "CREATE TABLE inat21 (filename TEXT, cls_name TEXT, cls_num INT, evobio10m_id TEXT NOT NULL PRIMARY KEY)"
        )
        db.execute("CREATE TABLE bioscan (part INT, filename TEXT, evobio10m_id TEXT NOT NULL PRIMARY KEY)")
        db.execute(
            "CREATE TABLE split (evobio10m_id TEXT NOT NULL PRIMARY KEY, is_val INTEGER, is_train_small INTEGER)"
        )
        db.executemany("INSERT INTO eol VALUES (?, ?, ?)", eol)
        db.executemany("INSERT INTO inat21 VALUES (?, ?, ?, ?)", inat21)
        db.executemany("INSERT INTO bioscan VALUES (?, ?, ?)", bioscan)
        for one in (row[-1] for table in (eol, inat21, bioscan) for row in table):
            place = rng.random()
            db.execute("INSERT INTO split VALUES (?, ?, ?)", (one, int(place < 0.08), int(place > 0.85)))


def _taxonomies(folder: Path, bioscan: list[tuple[int, str, str]]) -> None:
    """What the providers know of the names: EOL's tree lacks the last species, of whose page only the name is known."""
    pages = {_FIRST_PAGE + number: one for number, one in enumerate(SPECIES)}
    last = _FIRST_PAGE + len(SPECIES) - 1
    taxonomies.write_eol(
        folder / "eol",
        {page: one for page, one in pages.items() if page != last},
        {last: f"<i>{pages[last][0].scientific_name}</i> (Rao, 2000)"},
    )
    taxonomies.write_itis(folder / "itis", SPECIES[::2])
    taxonomies.write_inaturalist(folder / "inat", SPECIES[4:])
    labels = [(part, name, INSECTS[number % len(INSECTS)]) for number, (part, name, _) in enumerate(bioscan)]
    taxonomies.write_bioscan(folder / "bioscan", labels)


def _names(folder: Path, bioscan: list[tuple[int, str, str]]) -> None:
    zeros = [0] * 7
    tables = {
        "eol": {str(_FIRST_PAGE + n): [list(taxon), common, zeros] for n, (taxon, common) in enumerate(SPECIES)},
        "inat21": {str(n): [list(taxon), common, zeros] for n, (taxon, common) in enumerate(SPECIES[4:])},
        "bioscan": {row[-1]: [list(INSECTS[n % len(INSECTS)]), "", zeros] for n, row in enumerate(bioscan)},
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        (folder / f"{name}_name_lookup.json").write_text(json.dumps(table))


def _holdouts(folder: Path, eol: list[tuple[int, int, str]]) -> None:
    """A species that must go altogether, spelled with all its ranks, and one image of a species that may stay."""
    folder.mkdir(parents=True, exist_ok=True)
    images = {
        n: [f"{row[0]}_{row[1]}_eol-full-size-copy.jpg" for row in eol if row[1] == _FIRST_PAGE + n]
        for n in (HELD_OUT, SEEN)
    }
    unseen = {"-".join(SPECIES[HELD_OUT][0]): [f"/benchmark/rare/{name}" for name in images[HELD_OUT][:1]]}
    seen = {SPECIES[SEEN][0].scientific_name: [f"/benchmark/rare/{name}" for name in images[SEEN][:1]]}
    (folder / "unseen_in_training.json").write_text(json.dumps(unseen, indent=1))
    (folder / "seen_in_training.json").write_text(json.dumps(seen, indent=1))
