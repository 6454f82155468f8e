"""The tables of a dataset at scale: mapping, splits, metadata, plan and catalog, without an image.

    python benchmarks/rows.py [ROWS ...]        # 100000 1000000, if none are given

For each number of rows it makes the encoded store's indexes of that many images that do not exist, with a page for
every 20 of them and a tree of these pages, runs the stages that work on whole tables, each in a process of its own, and
prints seconds, CPU, microseconds a row and peak memory. The budget: 10,000,000 rows in 600 s and 4 GB on two cores.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

import polars as pl
from names import write as write_tree
from table import Measured, measured, show

from treeoflife.config.config import Config
from treeoflife.config.paths import Paths
from treeoflife.config.tables import Images, Names
from treeoflife.core.values import SPLITS
from treeoflife.mapping import splits
from treeoflife.mapping.build import build_mapping
from treeoflife.selection import marks
from treeoflife.selection.decide import decide
from treeoflife.selection.decisions import Index
from treeoflife.selection.ledger import check_balance, ledger, write_ledger
from treeoflife.shards import catalog, plan
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy.naming import NameFiles, resolve_names

PER_CONTAINER = 100_000
IMAGES_PER_PAGE = 20


def make(root: Path, rows: int) -> None:
    """The store's indexes of ``rows`` images, and the tree that their pages are in."""
    paths = Paths(root, Images())
    for number in range(-(-rows // PER_CONTAINER)):
        first = number * PER_CONTAINER
        count = min(PER_CONTAINER, rows - first)
        content = pl.int_range(first, first + count, eager=True)
        digests = [hashlib.sha256(b"%d" % one).digest() for one in range(first, first + count)]
        page = (content * 2_654_435_761) % max(1, rows // IMAGES_PER_PAGE)
        frame = pl.DataFrame(
            {
                "position": content - first,
                "file": content.cast(pl.String) + "_" + page.cast(pl.String) + "_eol-full-size-copy.jpg",
                "treeoflife_id": pl.Series([None] * count, dtype=pl.String),
                "offset": (content - first) * 31_000 + 512,
                "size": 25_000 + content % 9_000,
                "sha256": pl.Series(digests, dtype=pl.Binary),
                "width": 1024 + content % 100,
                "height": 768 + content % 100,
                "reason": pl.Series(["broken" if one % 1000 == 0 else None for one in range(count)], dtype=pl.String),
                "detail": pl.Series([None] * count, dtype=pl.String),
                "content_id": content,
                "page_id": page,
            }
        ).cast({"position": pl.UInt32, "offset": pl.UInt64, "size": pl.UInt32, "width": pl.UInt32, "height": pl.UInt32})
        path = paths.encoded_index("eol", f"image_set_{number:04d}")
        path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(path)
    write_tree(root, max(1, rows // IMAGES_PER_PAGE))


def indexes(root: Path) -> list[tuple[str, Path]]:
    """The containers of the store."""
    return [(path.stem, path) for path in sorted((Paths(root, Images()).store / "eol").glob("*.parquet"))]


def source(root: Path) -> object:
    """The source of the images."""
    return load_source("eol", {"path": str(root)}, root)


def run_mapping(root: Path) -> None:
    """Ids for all natural keys, and the mapping written."""
    keys = pl.concat([pl.read_parquet(path, columns=["content_id", "page_id"]) for _, path in indexes(root)])
    build_mapping(Paths(root, Images()).mapping, [(source(root), keys)])  # type: ignore[list-item]


def run_splits(root: Path) -> None:
    """The table of splits."""
    splits.write(Paths(root, Images()).mapping, [source(root)], Config(sources={}).splits, 17)  # type: ignore[list-item]


def run_plan(root: Path) -> None:
    """Ledger and plans."""
    paths, config, eol = Paths(root, Images()), Config(sources={}), source(root)
    files = [Index(eol, name, path) for name, path in indexes(root)]  # type: ignore[arg-type]
    decided = decide([eol], files, paths.mapping, pl.read_parquet(paths.names))  # type: ignore[list-item]
    samples, rows = {split: decided.samples(split) for split in SPLITS}, ledger(decided)
    check_balance(paths.mapping, decided, samples, rows)
    for split in SPLITS:
        plan.write_split(paths.split_plan(split), split, decided, samples[split], config, {})
    write_ledger(paths.ledger, rows, {})


def run_metadata(root: Path) -> None:
    """Every page named, lookups and predicted-catalog.csv written."""
    paths, names = Paths(root, Images()), Names(eol_tree=root / "taxon.tab", itis=root / "itis.csv")
    files = NameFiles(
        names=paths.names, findings=paths.name_findings, findings_csv=paths.name_findings_csv, lookups=paths.naming,
        scientific_to_common=paths.scientific_to_common, predicted_catalog=paths.predicted_catalog,
        verifier_cache=paths.verifier_cache,
    )  # fmt: skip
    resolve_names(names, [source(root)], paths.mapping, marks.table({}), files)  # type: ignore[list-item]


def cut(root: Path) -> None:
    """The shards' indexes, as packing would write them; not measured."""
    paths = Paths(root, Images())
    for split in SPLITS:
        whole = pl.read_parquet(paths.split_plan(split))
        for rows in whole.partition_by("shard", maintain_order=True):
            index = paths.shard_index(split, rows["shard"][0])
            index.parent.mkdir(parents=True, exist_ok=True)
            rows.drop(plan.PLACEMENT_COLUMNS).write_parquet(index)


def run_catalog(root: Path) -> None:
    """The catalog, from the shards' indexes."""
    paths = Paths(root, Images())
    shards = [
        (split, path) for split in SPLITS for path in sorted(paths.shard_index(split, 0).parent.glob("*.parquet"))
    ]
    catalog.write(paths.catalog_csv, paths.catalog, shards, [source(root)])  # type: ignore[list-item]


STAGES = (run_mapping, run_splits, run_metadata, run_plan, cut, run_catalog)


def main() -> None:
    """Measure, and print a table."""
    for rows in [int(one) for one in sys.argv[1:]] or [100_000, 1_000_000]:
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), rows)
            found = {stage.__name__.removeprefix("run_"): measured(stage, Path(folder)) for stage in STAGES}
        del found["cut"]
        taken = found.values()
        seconds, cpu = sum(one.seconds for one in taken), sum(one.cpu for one in taken)
        found["total"] = Measured(seconds, cpu, max(one.peak for one in taken), None)
        show(f"Tables of {rows:,} images", [line(rows, stage, one) for stage, one in found.items()])


def line(rows: int, stage: str, one: Measured) -> dict[str, object]:
    """A row of the table."""
    each = {"µs a row": one.seconds / rows * 1e6, "CPU, µs a row": one.cpu / rows * 1e6}
    return {"stage": stage, "seconds": one.seconds, "CPU seconds": one.cpu, **each, "peak MB": one.peak}


if __name__ == "__main__":
    main()
