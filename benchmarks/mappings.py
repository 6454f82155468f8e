"""The mapping in both of its formats: writing, splitting, reading, and size, by number of images.

    python benchmarks/mappings.py [ROWS ...]        # 1000000 3000000, if none are given

Ids are random, as UUIDs are. Each step runs in a process of its own. SQLite keeps the ids sorted: while their index
fits into its cache, an insertion costs the same however many there are; beyond that, each goes to a page that must be
fetched.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
from table import measured, show

from treeoflife.mapping import store
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source

AT_ONCE = 1_000_000


def eol() -> Source:
    """The source of the images."""
    return load_source("eol", {"path": "."}, Path())


def ids(start: int, count: int) -> pl.Series:
    """Random ids, the same for the same places."""
    texts = pl.Series([np.random.default_rng(start).bytes(16 * count)]).bin.encode("hex")
    parts = pl.select(pl.lit(texts.item()).str.extract_all(".{32}").explode().alias("id")).to_series()
    cut = [parts.str.slice(at, size) for at, size in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return pl.select(pl.concat_str(cut, separator="-")).to_series().alias("treeoflife_id")


def images(rows: int) -> pl.DataFrame:
    """The images, in the order of their keys."""
    every = pl.concat([ids(start, min(AT_ONCE, rows - start)) for start in range(0, rows, AT_ONCE)])
    content = pl.int_range(rows, eager=True)
    return pl.DataFrame({"content_id": content, "page_id": content * 2_654_435_761 % max(1, rows // 20), "id": every})


def write(path: Path, rows: int) -> tuple[float, float]:
    """Write the images; returns the seconds of writing alone, and of CPU."""
    frame = images(rows).rename({"id": "treeoflife_id"})
    return timed(lambda: store.write_mapping(path, [(eol(), frame)]))


def split(path: Path) -> tuple[float, float]:
    """Write the splits; returns the seconds of writing alone, and of CPU."""
    places = store.read_ids(path, eol()).with_row_index("place")
    flags = {"is_val": pl.col("place") % 20 == 0, "is_train_small": pl.col("place") % 10 == 1}
    frame = places.select("treeoflife_id", **flags)
    return timed(lambda: store.write_splits(path, frame))


def timed(function: Callable[[], None]) -> tuple[float, float]:
    """Seconds, and seconds of CPU."""
    begun, cpu = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - begun, time.process_time() - cpu


def read(path: Path) -> int:
    """Read the images, as planning does."""
    return store.read_source(path, eol()).height


def read_splits(path: Path) -> int:
    """Read the splits, batch by batch."""
    return sum(batch.height for batch in store.split_batches(path))


def measure(path: Path, rows: int) -> dict[str, object]:
    """A row of the table."""
    writing, splitting = measured(write, path, rows), measured(split, path)
    reading, splits = measured(read, path), measured(read_splits, path)
    assert reading.value == splits.value == rows
    took = {
        "write": writing.value,
        "split": splitting.value,
        "read": (reading.seconds, reading.cpu),
        "read splits": (splits.seconds, splits.cpu),
    }
    return {
        "format": path.suffix.removeprefix("."),
        "rows": rows,
        **{f"{name}, s": seconds for name, (seconds, _) in took.items()},
        "CPU, µs a row": sum(cpu for _, cpu in took.values()) / rows * 1e6,
        "bytes a row": path.stat().st_size / rows,
        "peak MB": max(writing.peak, splitting.peak),
    }


def main() -> None:
    """Measure, and print a table."""
    lines = []
    for rows in [int(one) for one in sys.argv[1:]] or [1_000_000, 3_000_000]:
        for ending in ("sqlite", "parquet"):
            with tempfile.TemporaryDirectory() as folder:
                lines.append(measure(Path(folder, f"mapping.{ending}"), rows))
                print(lines[-1], file=sys.stderr)
    show("The mapping in both of its formats", lines)


if __name__ == "__main__":
    main()
