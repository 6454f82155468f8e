"""Seconds to see that nothing is to be done, for datasets of many containers.

    python benchmarks/containers.py [CONTAINERS…]      # by default 100 1000 10000

Every container is a folder with one small photograph. The time is that of the whole command, Python's start included.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from treeoflife.core.files import write_text
from treeoflife.pipeline.discover import discover


def draw(folder: Path, containers: int) -> None:
    """iNat21's folder of each species, with one image."""
    random = np.random.default_rng(1)
    for number in range(containers):
        buffer = io.BytesIO()
        Image.fromarray(random.integers(0, 256, (16, 16, 3), np.uint8)).save(buffer, "JPEG")
        lineage = (
            f"Animalia_Chordata_Aves_Order{number // 1000}_Family{number // 100}_Genus{number // 10}_species{number}"
        )
        path = folder / "inat21" / "train" / f"{number:05d}_{lineage}" / f"{number:032x}.jpg"
        path.parent.mkdir(parents=True)
        path.write_bytes(buffer.getvalue())


def seconds(command: str, config: Path) -> float:
    """The duration of a command."""
    begin = time.perf_counter()
    words = [sys.executable, "-c", "from treeoflife.cli import main; main()", command, "--config", str(config)]
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - begin


def main() -> None:
    print(f"{'containers':>10} {'build':>8} {'nothing to build':>17} {'status':>8}")
    for containers in map(int, sys.argv[1:] or ("100", "1000", "10000")):
        with tempfile.TemporaryDirectory() as folder:
            draw(Path(folder, "raw"), containers)
            config = Path(folder, "out", "dataset.toml")
            write_text(config, discover("original", Path(folder, "raw")).text)
            times = [seconds(command, config) for command in ("build", "build", "status")]
            print(f"{containers:>10} {times[0]:8.2f} {times[1]:17.2f} {times[2]:8.2f}", flush=True)


main()
