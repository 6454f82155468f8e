"""What the seconds of a build go to, by cause, for datasets of several sizes: ``make bench PARTS=causes``.

    python benchmarks/causes.py [--sizes 1 300 4000] [--py-spy PROGRAM]

py-spy (``pip install py-spy``) looks 200 times a second at what each process of a build with two workers does. The
cause of what it sees is the first line below that a frame of the stack matches, from the innermost frame outwards.
What waits for something else is not counted.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import world
from table import show

RATE = 200
IMPORTS, IMPORTING = "interpreter and imports", re.compile(r"<frozen importlib|\(site\.py|_bootstrap_external")
CAUSES = {
    "fsync": r"_sync \(treeoflife/core/files",
    "decoding": r"_Feeder|load_jpeg|load_whole|ImageFile\.load|_open \(PIL|ImageFile\.draft|open \(PIL/Image",
    "resizing": r"images/resample\.py|Image\.resize|Image\.reduce|resize_pil",
    "encoding": r"_encode_tile|_save \(PIL|Image\.save",
    "measuring": r"images/(measure|perceptual_hash|dct_hash)\.py",
    "hashing": r"file_digest|RawImage\.digest|Digests\.|core/hash_cache\.py|sha256 \(treeoflife",
    "writing the store": r"images/store_tar\.py|StoreTar|core/tar_writer\.py",
    "indexes of the store": r"images/store\.py|_write_index \(treeoflife/images",
    "reading": r"treeoflife/sources/|core/(tar_reader|zip_reader|folders)\.py|gzip\.py",
    "packing": r"treeoflife/shards/(pack|texts)\.py",
    "checking": r"treeoflife/shards/check",
    "encode, all else": r"treeoflife/images/|stages/encode\.py",
    "duplicates": r"stages/duplicates\.py|selection/duplicates/",
    "mapping, splits, provenance": r"stages/(mapping|splits|provenance)\.py",
    "names": r"stages/metadata\.py|stages/check_taxa\.py",
    "plan": r"stages/plan\.py",
    "catalog, card, credits, checksums": r"stages/(catalog|card|credits|checksums|tidy)\.py",
    "DuckDB, by whatever stage": r"core/database\.py|duckdb/",
    "starting and ending workers": r"engines/local\.py|multiprocessing/",
    "opening the dataset": r"pipeline/(opening|workspace|session|stage)|config/",
}
OTHER = "all else"


def cause_of(stack: list[str]) -> str:
    """The cause of a stack, whose innermost frame is the last.

    >>> cause_of(["main (treeoflife/cli.py:1)", "save (PIL/x.py:1)", "Image.save (PIL/Image.py:2)"])
    'encoding'
    """
    if any(map(IMPORTING.search, stack)):
        return IMPORTS
    found = (cause for frame in reversed(stack) for cause, pattern in CAUSES.items() if re.search(pattern, frame))
    return next(found, OTHER)


def seconds_by_cause(config: Path, py_spy: str) -> tuple[Counter[str], float]:
    """The seconds of all processes of a build by cause, and those of the clock."""
    with tempfile.NamedTemporaryFile("r", suffix=".txt") as stacks:
        words = ["build", "--config", str(config), "--workers", "2"]
        begun = time.perf_counter()
        subprocess.run([py_spy, "record", "--rate", str(RATE), "--subprocesses", "--nonblocking", "--format", "raw",
                        "--output", stacks.name, "--", sys.executable, "-m", "treeoflife", *words],
                       check=True, capture_output=True)  # fmt: skip
        clock, found = time.perf_counter() - begun, Counter[str]()
        for line in Path(stacks.name).read_text(encoding="utf-8").splitlines():
            stack, count = line.rsplit(" ", 1)
            found[cause_of(stack.split(";"))] += int(count) / RATE
    return found, clock


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 300, 4000])
    parser.add_argument("--py-spy", default=shutil.which("py-spy") or "py-spy")
    given = parser.parse_args()
    columns: dict[str, Counter[str]] = {}
    clocks: dict[str, float] = {}
    for size in given.sizes:
        with tempfile.TemporaryDirectory() as folder:
            root, name = Path(folder), f"{size:,} images"
            config = configured(root, size)
            columns[name], clocks[name] = seconds_by_cause(config, given.py_spy)
    totals = Counter[str]()
    for found in columns.values():
        totals += found
    rows = [{"cause": cause, **{name: found[cause] for name, found in columns.items()}}
            for cause, _ in totals.most_common()]  # fmt: skip
    rows.append({"cause": "all of these", **{name: found.total() for name, found in columns.items()}})
    rows.append({"cause": "by the clock", **clocks})
    show("Seconds of all processes of a build, by cause, 2 workers", rows)


def configured(root: Path, size: int) -> Path:
    """The dataset.toml for so many images of real sizes; one is a photograph in a folder that bears its name."""
    if size == 1:
        (root / "photos/Parus_major").mkdir(parents=True)
        (root / "photos/Parus_major/1.jpg").write_bytes(world.photograph(1, 1600))
        words = ["folder", "--raw", str(root / "photos")]
    else:
        world.draw_real(root / "world", size)
        words = ["original", "--raw", str(root / "world")]
    subprocess.run([sys.executable, "-m", "treeoflife", "init", *words, "--out", str(root / "out")],
                   check=True, capture_output=True)  # fmt: skip
    return root / "out/dataset.toml"


if __name__ == "__main__":
    main()
