"""Memory of a worker, and cost of an image, as containers and datasets grow. The budget: 300 MB at any size.

    python benchmarks/memory.py [IMAGES ...]        # 1000 8000 64000, if none are given

Encodes one archive of that many images, and packs and checks one shard of a plan that has that many samples; each in a
process of its own. The images are small and alike, so that what is seen is what a worker keeps of each.
"""

from __future__ import annotations

import io
import random
import sys
import tarfile
import tempfile
from pathlib import Path

import polars as pl
from table import measured, show

from treeoflife.config.config import Config
from treeoflife.config.tables import Images, Wds
from treeoflife.core.database import open_database
from treeoflife.core.values import RANKS
from treeoflife.engines.base import WorkerTick
from treeoflife.images.encode import EncodeTask, encode_container
from treeoflife.mapping.build import write_ids
from treeoflife.mapping.images import open_images
from treeoflife.mapping.splits import write_splits
from treeoflife.selection.decide import decide
from treeoflife.selection.duplicates.image_ids import load_groups
from treeoflife.selection.marks import Marks, load_marks
from treeoflife.shards.check import CheckTask, check_shard
from treeoflife.shards.pack import PackTask, pack_shard, read_index_meta
from treeoflife.shards.plan import Samples
from treeoflife.sources.base import Index, Source
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import draw_picture, encode_image

SHARD = 1_000
SMALL = Images(size=(64, 64))


def source(folder: Path) -> Source:
    """The source of the archive in a folder."""
    return load_source("eol", {"path": str(folder)}, folder)


def draw(folder: Path, images: int) -> None:
    """One archive of small images."""
    kinds = [encode_image(draw_picture(random.Random(one), (160, 120))) for one in range(50)]
    with tarfile.open(folder / "image_set_01.tar.gz", "w:gz", compresslevel=1) as tar:
        for number in range(images):
            info = tarfile.TarInfo(f"{number}_{number % 500}_eol-full-size-copy.jpg")
            info.size = len(kinds[number % 50])
            tar.addfile(info, io.BytesIO(kinds[number % 50]))


def encode(folder: Path) -> None:
    """Encode the archive, as a worker does."""
    eol = source(folder)
    (container,) = eol.containers()
    files = (folder / f"eol/{container.name}.{ending}" for ending in ("tar", "parquet", "tried"))
    encode_container(EncodeTask(eol, container, SMALL, *files), WorkerTick(lambda _: None, 1))


def make_plan(folder: Path) -> None:
    """Mapping, splits and plan of train."""
    eol, index = source(folder), next((folder / "eol").glob("*.parquet"))
    ids, mapping, names = (folder / f"{name}.parquet" for name in ("ids", "mapping", "names"))
    rows = pl.DataFrame({"source": "eol", "name_key": [str(one) for one in range(500)]})
    rows.with_columns(*(pl.lit(f"{rank}um").alias(rank) for rank in RANKS), common=pl.lit("")).write_parquet(names)
    config, indexes = Config(sources={}, wds=Wds(max_samples=SHARD)), [Index(eol, index.stem, index)]
    with open_database(folder / "scratch") as database:
        write_ids(database, ids, [eol], {"eol": [index]})
        open_images(database, ids, [eol])
        load_groups(database, None, indexes, [eol])
        write_splits(database, mapping, [eol], config.splits, 17)
        open_images(database, mapping, [eol])
        load_marks(database, Marks({}))
        decide(database, [eol], indexes, names)
        Samples(database, [eol], config).write_split(folder / "train.parquet", "train", {})


def pack(folder: Path) -> None:
    """Pack the first shard of the plan."""
    pack_shard(PackTask(folder / "train.parquet", 0, "", SHARD, folder, *_shard(folder)), lambda _: None)


def check(folder: Path) -> None:
    """Check it."""
    shard, index = _shard(folder)
    found = check_shard(CheckTask(shard, "train", SMALL.size, index), lambda _: None)
    assert read_index_meta(index)["samples"]
    assert not found.findings, found.findings


def _shard(folder: Path) -> tuple[Path, Path]:
    return folder / "shard-000000.tar", folder / "shard-000000.parquet"


def main() -> None:
    """Measure, and print a table."""
    rows = []
    for images in [int(one) for one in sys.argv[1:]] or [1_000, 8_000, 64_000]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            measured(draw, folder, images)
            found = {"encode": measured(encode, folder)}
            measured(make_plan, folder)
            found |= {"pack": measured(pack, folder), "check-wds": measured(check, folder)}
        each = {f"{stage}, MB": one.peak for stage, one in found.items()}
        rows.append({"images": images, **each, "encode, CPU ms an image": found["encode"].cpu / images * 1e3})
    show("Memory of a worker as a dataset grows", rows)


if __name__ == "__main__":
    main()
