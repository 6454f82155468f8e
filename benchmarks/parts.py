"""One large archive on several cores: encoded in parts, and what reading it once for each part costs.

    python benchmarks/parts.py [ARCHIVE]

Without ARCHIVE, an EOL archive of photographs, one is drawn. Encodes it in one piece, and in as many parts as a build
on this computer would (one for each core at least), joins them, and compares the bytes. The end is when the first
worker has nothing left to do.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from PIL import Image
from table import measured, show

from treeoflife.config.tables import Images
from treeoflife.core.files import sha256
from treeoflife.core.system import cores
from treeoflife.engines.base import Done, WorkerTick
from treeoflife.engines.local import LocalEngine
from treeoflife.images.encode import EncodeTask, JoinTask, encode_container, join_parts
from treeoflife.pipeline.stages.encode import parts_of
from treeoflife.sources.base import Container, Source
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import encode_image, write_archive

DRAWN = 200


def draw(path: Path) -> None:
    """An archive of photographs that do not exist: clouds and grain, two megapixels, about half a megabyte each."""
    files = []
    for number in range(DRAWN):
        clouds = Image.effect_noise((96, 72), 70).resize((1600, 1200), Image.Resampling.BICUBIC)
        grain = Image.effect_noise((1600, 1200), 24)
        mixed = Image.blend(clouds, grain, 0.2)
        rgb = Image.merge("RGB", (mixed, clouds, mixed.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
        files.append((f"{number}_{number % 20}_eol-full-size-copy.jpg", encode_image(rgb, quality=80)))
    write_archive(path, files)


def one_of(path: Path) -> tuple[Source, Container]:
    """The source and the container."""
    eol = load_source("eol", {"path": str(path)}, path.parent)
    return eol, eol.containers()[0]


def task(pair: tuple[Source, Container], out: Path, part: tuple[int, int]) -> EncodeTask:
    """The task of a part."""
    source, container = pair
    stem = out / f"{part[0]}-of-{part[1]}"
    files = (stem.with_suffix(ending) for ending in (".tar", ".parquet", ".tried"))
    return EncodeTask(source, replace(container, part=part), Images(), *files)


def read(path: Path) -> int:
    """Read the archive, and decode nothing."""
    source, container = one_of(path)
    return sum(1 for _ in source.read(container, 10**9))


def whole(path: Path, out: Path) -> int:
    """Encode it in one piece, in this process: a worker's own."""
    return encode_container(task(one_of(path), out, (0, 1)), WorkerTick(lambda _: None, 1)).images


def in_parts(path: Path, out: Path, count: int, workers: int) -> dict[str, float]:
    """Encode it in parts, and join them; returns when the first worker was idle, and when all was done."""
    pair, ends, begun = one_of(path), [], time.perf_counter()
    engine, tasks = LocalEngine(workers), [task(pair, out, (one, count)) for one in range(count)]
    for outcome in engine.run(encode_container, tasks):
        assert isinstance(outcome, Done), outcome
        ends.append(time.perf_counter() - begun)
    engine.close()
    files = tuple((one.tar, one.index) for one in tasks)
    join_parts(JoinTask(*pair, Images(), files, out / "joined.tar", out / "joined.parquet"), lambda _: None)
    return {"idle": sorted(ends)[-workers], "encoded": ends[-1], "joined": time.perf_counter() - begun}


def main() -> None:
    """Measure, and print tables."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else out / "image_set_01.tar.gz"
        if len(sys.argv) < 2:
            draw(path)
        reading, alone = measured(read, path), measured(whole, path, out)
        share = reading.cpu / alone.cpu
        size, workers = path.stat().st_size, cores()
        parts = max(workers, *parts_of([size], workers))
        found = in_parts(path, out, parts, workers)
        same = sha256(out / "0-of-1.tar") == sha256(out / "joined.tar")
        same &= sha256(out / "0-of-1.parquet") == sha256(out / "joined.parquet")
    rates = {"MB": size / 1e6, "read, MB of CPU second": size / 1e6 / reading.cpu,
             "encode, MB of CPU second": size / 1e6 / alone.cpu, "reading in encoding": f"{share:.1%}"}  # fmt: skip
    show("One archive, read and encoded in one process", [rates])
    idle = 1 - found["idle"] / found["encoded"]
    show(f"The same in parts, on {workers} cores", [{
        "parts": parts, "seconds, encoded": found["encoded"], "and joined": found["joined"],
        "of that time a core idle at the end": f"{idle:.1%}",
        "more CPU for reading again": f"{(parts - 1) * share:.1%}", "same bytes": "yes" if same else "NO",
    }])  # fmt: skip


if __name__ == "__main__":
    main()
