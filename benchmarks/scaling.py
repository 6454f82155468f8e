"""Builds with more and more workers, each held against the bare loop in as many processes.

    make bench PARTS=scaling WORKERS="1 2 4 8 16"
    python benchmarks/scaling.py RAW 1 2 4 [--turns 3]

RAW as for ``images.py``. The loop and the build take the resampler that ``init`` writes. A row is the median of the
turns; ``to the loop`` is the median of the ratios within each turn.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

from table import show

from images import build, configured, loop, loop_container
from treeoflife.images.resample import fastest


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raw", type=Path)
    parser.add_argument("workers", type=int, nargs="+")
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        show(
            "A build by the number of workers",
            [row(given.raw, Path(folder), width, given.turns) for width in given.workers],
        )


def row(raw: Path, root: Path, width: int, turns: int) -> dict[str, object]:
    """What a number of workers takes."""
    name, images = fastest(), 0
    limit = partial(loop, configured(raw, root / f"{width}-loop", name), partial(loop_container, resampler=name), width)
    limits, builds = [], []
    for turn in range(turns):
        config = configured(raw, root / f"{width}-{turn}", name)
        for taken, run in ((limits, limit), (builds, partial(build, config, width))):
            begun = time.perf_counter()
            images = run()
            taken.append(time.perf_counter() - begun)
    bare, whole = statistics.median(limits), statistics.median(builds)
    ratios = [one / other for one, other in zip(builds, limits, strict=True)]
    return {
        "workers": width,
        "images": images,
        "loop, s": bare,
        "build, s": whole,
        "loop, images/s": images / bare,
        "build, images/s": images / whole,
        "to the loop": statistics.median(ratios),
    }


if __name__ == "__main__":
    main()
