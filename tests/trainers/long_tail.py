"""A world of few samples whose classes are as uneven as those of living things."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from helpers import tar_of

SIZES = {"Apis": 320, "Bombus": 160, "Vespa": 80, "Formica": 40, "Tipula": 20, "Aedes": 10, "Culex": 4, "Asilus": 1}
"""How many samples each class has. The last is known to its genus alone."""
SAMPLES = sum(SIZES.values())


def write_long_tail(folder: Path, samples_per_shard: int = 25) -> Path:
    """Shards of others, in which the classes are mixed; returns the folder of the dataset."""
    image = io.BytesIO()
    Image.new("RGB", (8, 8), "green").save(image, "JPEG")
    names = [(genus, number) for genus, size in SIZES.items() for number in range(size)]
    names.sort(key=lambda name: (name[1] * 7919 % 337, name))
    split = folder / "224x224/train"
    split.mkdir(parents=True)
    for shard, first in enumerate(range(0, len(names), samples_per_shard)):
        files = []
        for genus, number in names[first : first + samples_per_shard]:
            species = "" if genus == "Asilus" else " species vulgaris"
            text = f"a photo of kingdom Animalia class Insecta genus {genus}{species}."
            files += [(f"{genus}-{number}.jpg", image.getvalue()), (f"{genus}-{number}.taxonTag.txt", text.encode())]
        (split / f"shard-{shard:06d}.tar").write_bytes(tar_of(files))
    return folder


def class_of(key: str) -> str:
    """The class of a sample, by its key."""
    return key.partition("-")[0]


def expected_shares(power: float) -> dict[str, float]:
    """The share of each class by the rule, computed on its own."""
    total = sum(size**power for size in SIZES.values())
    return {genus: size**power / total for genus, size in SIZES.items()}
