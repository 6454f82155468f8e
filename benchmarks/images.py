"""Raw images to shards, against the bare loop that is its limit, and against img2dataset.

    python benchmarks/images.py RAW [--pairs 3] [--img2dataset PYTHON]

RAW is a folder of raw images as the providers lay them out, such as the shared world draws with ``--sizes real``:

    python ../shared/world/make_world.py WORLD --images 4000 --seed 1 --sizes real      # then RAW is WORLD/raw

For each resampler, these are run back to back: the loop that reads, drafts, resizes and encodes the same bytes in as
many processes as there are cores, and the whole of ``treeoflife build`` from nothing. A build is held against the loop
with its own resampler. PYTHON is the interpreter of an environment that
has img2dataset; the same images, unpacked, come to it from a local nginx. Prints medians and their ratios.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from PIL import Image
from table import measured, show

from treeoflife.config.tables import Images
from treeoflife.core.system import cores
from treeoflife.engines.base import WorkerTick
from treeoflife.images.encode import EncodeTask, encode_container
from treeoflife.images.resample import fastest
from treeoflife.images.resample import resampler as resampler_of
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.shards.check import CheckTask, check_shard
from treeoflife.shards.pack import PackTask, pack_shard, planned_shards
from treeoflife.sources.base import Container, Source

Share = tuple[Source, Container]

STAGE = re.compile(r"^([a-z-]+): .*\((\d+:\d\d)\)$", re.MULTILINE)
COMMAND = [sys.executable, "-m", "treeoflife"]


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--img2dataset", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        peers: dict[str, Callable[[], int]] = {}
        limits: dict[str, str] = {}
        for name in ("simd", "pillow") if fastest() == "simd" else ("pillow",):
            config = configured(given.raw, root / name, name)
            fresh = [configured(given.raw, root / f"{name}-{turn}", name) for turn in range(given.pairs)]
            peers |= {f"loop, {name}": partial(loop, config, partial(loop_container, resampler=name)),
                      f"treeoflife, {name}": partial(build_one_of, fresh)}  # fmt: skip
            limits |= dict.fromkeys((f"loop, {name}", f"treeoflife, {name}"), f"loop, {name}")
        if given.img2dataset:
            urls = unpacked(config, root / "www")
            peers["img2dataset"] = lambda: img2dataset(given.img2dataset, urls, root)
        peers["as the original"] = partial(loop, config, original_container)
        compare(peers, limits, given.pairs)
        shards(root / "pillow-0")
        each_source(root / fastest() / "dataset.toml", root)


def compare(peers: dict[str, Callable[[], int]], limits: dict[str, str], pairs: int) -> None:
    """Run the peers in turn, and print the medians and the ratios of each turn.

    Args:
        limits: the loop that a peer is held against; for all others it is that of Pillow.
    """
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    images = {}
    for _ in range(pairs):
        for name, run in peers.items():
            begun = time.perf_counter()
            images[name] = run()
            seconds[name].append(time.perf_counter() - begun)
            print(f"    {name}: {images[name]:,} images in {seconds[name][-1]:.1f} s", file=sys.stderr, flush=True)
    rows = []
    for name, taken in seconds.items():
        limit_of_each = seconds[limits.get(name, "loop, pillow")]
        ratios = [one / limit for one, limit in zip(taken, limit_of_each, strict=True)]
        middle = statistics.median(taken)
        each = {"images": images[name], "seconds": middle, "images/s": images[name] / middle}
        if peer := seconds.get("img2dataset"):
            times = [other / one for other, one in zip(peer, taken, strict=True)]
            each["as fast as img2dataset"] = f"{statistics.median(times):.2f} times"
        pairs_shown = ", ".join(f"{one:.2f}" for one in ratios)
        rows.append({"": name, **each, "to the loop": statistics.median(ratios), "pair by pair": pairs_shown})
    show(f"Raw images to all splits, {cores()} workers, medians of {pairs} turns", rows)


def configured(raw: Path, out: Path, resampler: str) -> Path:
    """A dataset.toml for the images."""
    run([*COMMAND, "init", "original", "--raw", str(raw), "--out", str(out)])
    config = out / "dataset.toml"
    config.write_text(re.sub(r'(?m)^resampler = ".*"$', f'resampler = "{resampler}"', config.read_text()))
    return config


def build_one_of(fresh: list[Path]) -> int:
    """Build one of these datasets, of which none is built yet."""
    return build(fresh.pop())


def build(config: Path, workers: int = 0) -> int:
    """All of a build, from nothing; returns how many images it decoded."""
    said = run([*COMMAND, "build", "--config", str(config), "--workers", str(workers or cores())])
    found = re.search(r"([0-9,]+) images encoded", said)
    assert found, said
    print("    " + ", ".join(f"{stage} {taken}" for stage, taken in STAGE.findall(said)), file=sys.stderr)
    return int(found[1].replace(",", ""))


def run(command: list[str]) -> str:
    """What a command says; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr + done.stdout


def loop(config: Path, function: Callable[[Share], int], workers: int = 0) -> int:
    """Call a function for all containers, in ``workers`` processes, or one a core; returns how many images.

    Every process reads every container and takes its share of the images, so that none waits for another.
    """
    width = workers or cores()
    pairs = [(source, replace(one, part=(part, width))) for source, one in containers(config)
             for part in range(width)]  # fmt: skip
    with multiprocessing.get_context("spawn").Pool(width) as pool:
        return sum(pool.imap_unordered(function, pairs))


def containers(config: Path) -> list[Share]:
    """All containers."""
    return [(source, one) for source in open_workspace(config).sources for one in source.containers()]


def images_of(pair: Share) -> Iterator[bytes]:
    """The files of a container, or of a share of it."""
    source, container = pair
    for position, raw in enumerate(source.read(container, 10**9)):
        if container.includes(position):
            yield raw.data


def original_container(pair: Share) -> int:
    """What the original scripts do to an image: a full decode, two resizes, and no draft."""
    count = 0
    for data in images_of(pair):
        rgb = Image.open(io.BytesIO(data)).convert("RGB")
        small = rgb.resize((224, 224), Image.Resampling.BICUBIC)
        small.resize((224, 224), Image.Resampling.BICUBIC).save(io.BytesIO(), "JPEG", quality=100)
        count += 1
    return count


def loop_container(pair: Share, resampler: str = "pillow") -> int:
    """The limit: nothing but reading, drafting, resizing and encoding, for one container."""
    resize, count = resampler_of(resampler, "bicubic"), 0
    for data in images_of(pair):
        image = Image.open(io.BytesIO(data))
        drafted = image.draft(None, (448, 448))
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        resize(rgb, (224, 224), drafted[1] if drafted else (0, 0, *rgb.size)).save(io.BytesIO(), "JPEG", quality=100)
        count += 1
    return count


def each_source(config: Path, root: Path) -> None:
    """Encoding of each source alone, against the loop over it, in seconds of CPU: of one process, without start-up."""
    rows = []
    for name in dict.fromkeys(source.name for source, _ in containers(config)):
        one = measured(_cpu, config, name, root / name)
        count, reading, limit, taken = one.value
        each = {f"{what}, ms": seconds / count * 1e3
                for what, seconds in (("reading alone", reading), ("loop", limit), ("encode", taken))}  # fmt: skip
        rows.append({"source": name, "images": count, **each, "encode to loop": taken / limit, "peak MB": one.peak})
    show("Each source alone: CPU for an image, in one process", rows)


def _cpu(config: Path, name: str, out: Path) -> tuple[int, float, float, float]:
    pairs = [pair for pair in containers(config) if pair[0].name == name]
    images, taken = open_workspace(config).config.images, []
    limit = partial(loop_container, resampler=images.resampler)
    work = (lambda one: sum(1 for _ in images_of(one)), limit, lambda one: _encode(one, images, out))
    for function in work:
        begun = time.process_time()
        count = sum(map(function, pairs))
        taken.append(time.process_time() - begun)
    return (count, *taken)


def _encode(pair: Share, images: Images, out: Path) -> int:
    """Encode a container, as a worker does; returns how many files it has."""
    source, container = pair
    stem = out / container.name
    tar, index, tried = (stem.with_name(f"{stem.name}.{ending}") for ending in ("tar", "parquet", "tried"))
    done = encode_container(EncodeTask(source, container, images, tar, index, tried), WorkerTick(lambda _: None, 1))
    return done.images + done.skipped


def shards(out: Path) -> None:
    """Packing and checking the shards of a build again, in one process; and what packing reads of the store."""
    packing, checking = measured(_pack, out), measured(_check, out)
    samples, reads = packing.value
    rows = [
        {
            "stage": stage,
            "samples": samples,
            "CPU, ms each": one.cpu / samples * 1e3,
            "samples/s": samples / one.seconds,
            "peak MB": one.peak,
        }
        for stage, one in (("pack", packing), ("check-wds", checking))
    ]
    show("Shards: packing and checking, one process", rows)
    show("What packing reads of the store", [reads])


def _tasks(out: Path) -> list[PackTask]:
    return planned_shards(open_workspace(out / "dataset.toml").paths)


def _pack(out: Path) -> tuple[int, dict[str, object]]:
    """Pack all shards anew, elsewhere; returns the samples, and what was read."""
    reads: list[tuple[int, int, int]] = []
    pread = os.pread

    def noted(fd: int, size: int, offset: int) -> bytes:
        reads.append((os.fstat(fd).st_ino, offset, size))
        return pread(fd, size, offset)

    os.pread = noted
    tasks = [replace(one, shard=out / "again.tar", index=out / "again.parquet") for one in _tasks(out)]
    for task in tasks:
        pack_shard(task, lambda _: None)
        reads.append((-1, 0, 0))
    forward = [after[1] >= before[1] for before, after in pairwise(reads) if before[0] == after[0] != -1]
    sizes = [size for fd, _, size in reads if fd != -1]
    return sum(task.samples for task in tasks), {
        "shards": len(tasks), "reads": len(sizes), "kB a read": sum(sizes) / len(sizes) / 1e3,
        "forwards": f"{sum(forward) / max(1, len(forward)):.0%}",
    }  # fmt: skip


def _check(out: Path) -> None:
    size = open_workspace(out / "dataset.toml").config.images.size
    for one in _tasks(out):
        found = check_shard(CheckTask(one.shard, one.shard.parent.name, size, one.index), lambda _: None)
        assert not found.findings, found.findings


def unpacked(config: Path, folder: Path) -> Path:
    """All images as files under ``folder``, and a list of their URLs with a caption each."""
    folder.mkdir()
    rows = []
    for source, container in containers(config):
        for number, raw in enumerate(source.read(container, 10**9)):
            name = f"{source.name}-{container.name}-{number}.jpg"
            (folder / name).write_bytes(raw.data)
            rows.append({"url": f"http://127.0.0.1:PORT/{name}", "caption": "a photo of a living thing."})
    listed = folder.parent / "urls.json"
    listed.write_text(json.dumps(rows))
    return listed


def img2dataset(python: Path, listed: Path, root: Path) -> int:
    """The same images through img2dataset, from a local nginx, with as many processes; returns how many came."""
    out = root / "img2dataset"
    shutil.rmtree(out, ignore_errors=True)
    with nginx(root / "www", root / "nginx") as port:
        urls = root / "served.json"
        urls.write_text(listed.read_text().replace("PORT", str(port)))
        run([
            str(python), "-c", "from img2dataset import main; main()", str(urls), "--input_format", "json",
            "--url_col", "url", "--caption_col", "caption", "--image_size", "224", "--resize_mode", "center_crop",
            "--encode_quality", "100", "--output_format", "webdataset", "--output_folder", str(out),
            "--processes_count", str(cores()), "--thread_count", "16", "--number_sample_per_shard", "1000",
        ])  # fmt: skip
    return sum(json.loads(path.read_text())["successes"] for path in out.glob("*_stats.json"))


@contextmanager
def nginx(folder: Path, work: Path) -> Iterator[int]:
    """nginx on a free port, over the files of a folder."""
    work.mkdir(exist_ok=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (work / "nginx.conf").write_text(
        f"daemon off; error_log stderr; pid {work}/pid; worker_processes 1; user root; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {folder}; }} }}\n"
    )
    command = ["nginx", "-c", str(work / "nginx.conf"), "-p", str(work)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if not probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()
