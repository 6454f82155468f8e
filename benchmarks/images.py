"""Raw images to shards, against the bare loop that is its limit, and against img2dataset.

    python benchmarks/images.py RAW [--pairs 3] [--img2dataset PYTHON]

RAW is a folder of raw images as the providers lay them out, such as the shared world draws with ``--sizes real``:

    python ../shared/world/make_world.py WORLD --images 4000 --seed 1 --sizes real      # then RAW is WORLD/raw

Each pair is run back to back: the loop that reads, drafts, resizes and encodes the same bytes in as many processes as
there are cores, and the whole of ``treeoflife build`` from nothing. PYTHON is the interpreter of an environment that
has img2dataset; the same images, unpacked, come to it from a local nginx. Prints medians and their ratios.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from treeoflife.dataset import open_dataset
from treeoflife.engines import cores
from treeoflife.sources import Container, Source

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
        config = configured(given.raw, root / "first")
        peers = {"loop": lambda: loop(config), "treeoflife": lambda: build(given.raw, root / "out")}
        if given.img2dataset:
            urls = unpacked(config, root / "www")
            peers["img2dataset"] = lambda: img2dataset(given.img2dataset, urls, root)
        compare(peers, given.pairs)
        each_source(config, root)


def compare(peers: dict[str, Callable[[], int]], pairs: int) -> None:
    """Run the peers in turn, and print the medians and the ratios of each turn."""
    seconds: dict[str, list[float]] = {name: [] for name in peers}
    images = {}
    for _ in range(pairs):
        for name, run in peers.items():
            begun = time.perf_counter()
            images[name] = run()
            seconds[name].append(time.perf_counter() - begun)
    print(f"{'':<14}{'images':>8}{'seconds':>9}{'images/s':>10}{'to the loop, pair by pair':>30}")
    for name, taken in seconds.items():
        ratios = [one / limit for one, limit in zip(taken, seconds["loop"], strict=True)]
        middle = statistics.median(taken)
        shown = f"{statistics.median(ratios):.2f}  ({', '.join(f'{one:.2f}' for one in ratios)})"
        print(f"{name:<14}{images[name]:>8,}{middle:>9.1f}{images[name] / middle:>10.0f}{shown:>30}")


def configured(raw: Path, out: Path) -> Path:
    """A dataset.toml for the images."""
    run([*COMMAND, "init", "original", "--raw", str(raw), "--out", str(out)])
    return out / "dataset.toml"


def build(raw: Path, out: Path) -> int:
    """All of a build, from nothing; returns how many images it decoded."""
    shutil.rmtree(out, ignore_errors=True)
    said = run([*COMMAND, "build", "--config", str(configured(raw, out))])
    found = re.search(r"([0-9]+) images encoded", said)
    assert found, said
    print("    " + ", ".join(f"{stage} {taken}" for stage, taken in STAGE.findall(said)), file=sys.stderr)
    return int(found[1])


def run(command: list[str]) -> str:
    """What a command says; it must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stderr + done.stdout


def loop(config: Path, only: str = "") -> int:
    """The limit: nothing but reading, drafting, resizing and encoding; returns how many images."""
    pairs = [pair for pair in containers(config) if only in ("", pair[0].name)]
    with multiprocessing.get_context("spawn").Pool(cores()) as pool:
        return sum(pool.imap_unordered(loop_container, pairs))


def containers(config: Path) -> list[tuple[Source, Container]]:
    """All containers."""
    return [(source, one) for source in open_dataset(config).sources for one in source.containers()]


def loop_container(pair: tuple[Source, Container]) -> int:
    """The bare loop over one container."""
    source, container = pair
    count = 0
    for raw in source.read(container, 10**9):
        image = Image.open(io.BytesIO(raw.data))
        drafted = image.draft(None, (448, 448))
        rgb = image if image.mode == "RGB" else image.convert("RGB")
        small = rgb.resize((224, 224), Image.Resampling.BICUBIC, box=drafted[1] if drafted else None)
        small.save(io.BytesIO(), "JPEG", quality=100)
        count += 1
    return count


def each_source(config: Path, root: Path) -> None:
    """Encoding of each source alone, against the loop over it, in seconds of CPU: of one process, without start-up."""
    print(f"\n{'CPU a image':<14}{'images':>8}{'loop, ms':>10}{'encode, ms':>12}{'ratio':>8}{'peak MB':>9}")
    for name in dict.fromkeys(source.name for source, _ in containers(config)):
        alone = multiprocessing.get_context("spawn")
        ours, theirs = alone.Pipe()
        alone.Process(target=_cpu, args=(theirs, config, name, root / name)).start()
        count, limit, taken, peak = ours.recv()
        each = f"{limit / count * 1e3:>10.2f}{taken / count * 1e3:>12.2f}{taken / limit:>8.2f}"
        print(f"{name:<14}{count:>8,}{each}{peak:>9.0f}")


def _cpu(pipe: object, config: Path, name: str, out: Path) -> None:
    from treeoflife.engines import base
    from treeoflife.images.encode import EncodeTask, encode_container

    base.expendable = True
    images = open_dataset(config).config.images
    pairs = [pair for pair in containers(config) if pair[0].name == name]
    begun = time.process_time()
    count = sum(map(loop_container, pairs))
    limit, begun = time.process_time() - begun, time.process_time()
    for number, (source, container) in enumerate(pairs):
        stem = out / f"{number}"
        task = EncodeTask(
            source,
            container,
            images,
            stem.with_suffix(".tar"),
            stem.with_suffix(".parquet"),
            stem.with_suffix(".tried"),
        )
        encode_container(task, lambda _: None)
    taken = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    pipe.send((count, limit, taken, peak))  # type: ignore[attr-defined]


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
