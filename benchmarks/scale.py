"""What the measurements of ``results.json`` come to for 10 million and 200 million images: the tables of docs/scale.md.

    python benchmarks/scale.py

Encoding is scaled by bytes, packing and checking by samples, tables by rows. Reading and writing are taken to be as
fast as the cores: the last column says what the disk must give for that.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from table import show

RAW_A_IMAGE = 200_000
LARGEST = 30e9
SPLITS = 1.095
"""Samples of an image: 95 of 100 in train, 5 in val, and a tenth of train in train_small as well."""
A_SHARD = 10_000
PLACES = {"laptop, 4 cores": 4, "a node, 32 cores": 32, "40 nodes, 1,280 cores": 1_280}


@dataclass(frozen=True)
class Costs:
    """CPU seconds: of a byte encoded and read, of a sample packed and checked; seconds of a row of the tables."""

    encode: float
    read: float
    pack: float
    check: float
    rows: float


def tables() -> dict[str, list[dict[str, Any]]]:
    """The tables of the last run, by title."""
    kept = json.loads(Path(__file__).with_name("results.json").read_text())
    return {table["title"]: table["rows"] for table in kept["tables"]}


def costs(found: dict[str, list[dict[str, Any]]]) -> Costs:
    """What was measured."""
    archive = found["One archive, read and encoded in one process"][0]
    shards = {row["stage"]: row["CPU, ms each"] / 1e3 for row in found["Shards: packing and checking, one process"]}
    largest = [rows for title, rows in found.items() if title.startswith("Tables of")][-1]
    row = next(line for line in largest if line["stage"] == "total")
    encode, read = (1 / archive[f"{what}, MB of CPU second"] / 1e6 for what in ("encode", "read"))
    return Costs(encode, read, shards["pack"], shards["check-wds"], row["µs a row"] / 1e6)


def main() -> None:
    """Print the tables."""
    one = costs(tables())
    for images in (10_000_000, 200_000_000):
        raw, samples = images * RAW_A_IMAGE, images * SPLITS
        work = {"encode": raw * one.encode, "pack": samples * one.pack, "check-wds": samples * one.check}
        serial = images * one.rows
        rows = []
        for place, cores in PLACES.items():
            spent = {name: seconds / 3600 / cores for name, seconds in work.items()}
            hours = {name: max(value, LARGEST * one.read / 1800) if name == "encode" else value
                     for name, value in spent.items()}  # fmt: skip
            rows.append({
                "": place, **{f"{name}, h": value for name, value in hours.items()}, "tables, h": serial / 3600,
                "total, h": sum(hours.values()) + serial / 3600,
                "reading, GB/s": raw / hours["encode"] / 3600 / 1e9,
            })  # fmt: skip
        core_hours = (sum(work.values()) + serial) / 3600
        show(
            f"{images:,} images, {raw / 1e12:,.0f} TB: {core_hours:,.0f} core hours, {samples / A_SHARD:,.0f} shards",
            rows,
        )


if __name__ == "__main__":
    main()
