"""Raw images as the providers lay them out and as large as theirs are, drawn: nothing has to be fetched.

    python benchmarks/world.py FOLDER [IMAGES]

The sources' shares and sizes are those of TreeOfLife-10M in the mean: EOL 1 to 5 megapixels, iNat21 500 pixels on its
long side, BIOSCAN 341. Pictures are clouds and grain, which take as many bytes as photographs; no two are alike.
"""

from __future__ import annotations

import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from PIL import Image

from treeoflife.testing.world import draw_world, encode_image, write_archive

LONG_SIDES = {"eol": (580, 1024, 1600, 1600, 2600, 2600), "inat21": (500,), "bioscan": (341,)}
ARCHIVES = 4


def photograph(number: int, side: int) -> bytes:
    """A JPEG of clouds and grain."""
    rng = random.Random(number)
    size = (side, side * 3 // 4) if number % 3 else (side * 3 // 4, side)
    clouds = Image.effect_noise((24 + number % 80, 60), 80).resize(size, Image.Resampling.BICUBIC)
    grain = Image.effect_noise((size[0] // 2, size[1] // 2), 30).resize(size, Image.Resampling.BILINEAR)
    mixed = Image.blend(clouds, grain, 0.15 + rng.random() * 0.2)
    return encode_image(Image.merge("RGB", (mixed, clouds, mixed.transpose(Image.Transpose.ROTATE_180))), quality=90)


def draw_real(root: Path, images: int) -> None:
    """Draw a tiny world with its taxonomies, and then pictures of real sizes in their places and beside them."""
    draw_world(root, 120, natural=True)
    inat21 = sorted((root / "dataset/inat21/train").iterdir())
    bioscan = sorted(folder for folder in (root / "dataset/bioscan").iterdir() if folder.is_dir())
    folders = [(folder, images * 30 // 100 // len(inat21), *LONG_SIDES["inat21"]) for folder in inat21]
    folders += [(folder, images * 15 // 100 // len(bioscan), *LONG_SIDES["bioscan"]) for folder in bioscan]
    with ProcessPoolExecutor() as pool:
        list(pool.map(_archive, [(root, number, images * 55 // 100 // ARCHIVES) for number in range(ARCHIVES)]))
        list(pool.map(_folder, folders))


def _archive(what: tuple[Path, int, int]) -> None:
    root, archive, count = what
    sides = LONG_SIDES["eol"]
    files = []
    for number in range(archive * count, (archive + 1) * count):
        name = f"{500_000 + number * 7}_{1000 + number % 12}_eol-full-size-copy.jpg"
        files.append((name, photograph(number, sides[number % len(sides)])))
    write_archive(root / f"dataset/eol/image_set_{archive + 1:02d}.tar.gz", files)


def _folder(what: tuple[Path, int, int]) -> None:
    folder, count, side = what
    there = sorted(folder.glob("*.jpg"))
    names = [path.name for path in there] + [f"more-{number:05d}.jpg" for number in range(count - len(there))]
    for number, name in enumerate(names):
        (folder / name).write_bytes(photograph(number + 1000 * len(folder.name), side))


if __name__ == "__main__":
    draw_real(Path(sys.argv[1]), int((sys.argv[2:] or ["4000"])[0]))
