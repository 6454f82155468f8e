"""The tables of a dataset at scale: ids, splits, names, plan, catalog and check-wds' driver, without an image.

    python benchmarks/rows.py [ROWS ...]        # 100000 1000000, if none are given

For each number of rows it makes the encoded store's indexes of that many images that do not exist, on a page for every
20 of them, but at most 450,000 pages, of which a fifth has no name; 1 % of the images are in groups of duplicates;
two hold-out lists have 10,000 entries each, and 10,000 images are marked. Then the stages that work on whole tables
run, each in a process of its own, with two policies: the best of each group stays, and at most 1,000 images of a
species.

It prints seconds, CPU, microseconds a row and peak memory. The budgets, on two cores: 10,000,000 rows in 120 s and
2 GB; 100,000,000 rows in 25 minutes and 4 GB.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl
from names import write as write_tree
from table import Measured, measured, show

from treeoflife.config.config import Config
from treeoflife.config.paths import Paths
from treeoflife.config.tables import Holdout, Images, Names, Wds
from treeoflife.core.database import Database, open_database
from treeoflife.core.files import write_text
from treeoflife.core.values import SPLITS
from treeoflife.mapping import sqlite
from treeoflife.mapping.build import write_ids
from treeoflife.mapping.groups import join_groups
from treeoflife.mapping.ids import treeoflife_id
from treeoflife.mapping.images import open_images
from treeoflife.mapping.splits import write_splits
from treeoflife.selection import findings, holdout, licences, marks, plan_findings, policies, quality
from treeoflife.selection.conflicts import find_conflicts
from treeoflife.selection.decide import decide
from treeoflife.selection.duplicates.image_ids import load_groups
from treeoflife.selection.ledger import check_balance, write_ledger
from treeoflife.selection.provenance import write_provenance
from treeoflife.selection.scores.rules import leave_out
from treeoflife.shards import catalog, plan
from treeoflife.shards.check import CheckedShard, CheckTask
from treeoflife.shards.check_keys import join_findings
from treeoflife.shards.plan import read_shard
from treeoflife.sources.base import Index, Source
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy.naming import NameFiles, resolve_names

PER_CONTAINER = 100_000
IMAGES_PER_PAGE, MOST_PAGES = 20, 450_000
LISTED = 10_000
UNNAMED = 10_000_000
"""Pages from this number on are in no tree."""
CONFIG = Config(sources={}, wds=Wds(max_per_species=1_000))
MEMORY = "ROWS_MEMORY_GB"
"""The variable with the memory of DuckDB; what Polars and Python take comes to it."""


def make(root: Path, rows: int, per_container: int = PER_CONTAINER) -> None:
    """The store's indexes of ``rows`` images, and all that decides on them."""
    paths, pages = Paths(root, Images()), page_ids(root, page_count(rows))
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE page AS SELECT unnest(range(len($pages))) AS number, unnest($pages) AS page", {"pages": pages}
    )
    for number in range(-(-rows // per_container)):
        path = paths.encoded_index("eol", f"image_set_{number:06d}")
        path.parent.mkdir(parents=True, exist_ok=True)
        first = number * per_container
        connection.execute(f"""
            COPY (
                SELECT (one - {first})::UINTEGER AS position, one || '_' || page || '_eol-full-size-copy.jpg' AS file,
                    NULL::VARCHAR AS treeoflife_id, ((one - {first}) * 31000 + 512)::UBIGINT AS offset,
                    (25000 + one % 9000)::UINTEGER AS size, unhex(sha256(one::VARCHAR)) AS sha256,
                    (1024 + one % 100)::UINTEGER AS width, (768 + one % 100)::UINTEGER AS height,
                    30::UTINYINT AS contrast, 40::UTINYINT AS colour, 90::UTINYINT AS ground, 20::UTINYINT AS plain,
                    3::UTINYINT AS strokes, 2::UTINYINT AS lines,
                    CASE one % 1000 WHEN 0 THEN 'broken' END AS reason, NULL::VARCHAR AS detail,
                    one AS content_id, page AS page_id
                FROM range({first}, {min(rows, first + per_container)}) AS r(one)
                JOIN page ON number = one * 2654435761 % {len(pages)}
                ORDER BY one
            ) TO '{path}' (FORMAT parquet)
        """)
    grouped = f"SELECT unnest([one, one + 1]) AS one, one // 200 AS number FROM range(0, {rows - 200}, 200) AS r(one)"
    paths.duplicates.parent.mkdir(parents=True)
    connection.execute(f"""
        COPY (
            SELECT number::UINTEGER AS "group", 'eol' AS source,
                'image_set_' || lpad((one // {per_container})::VARCHAR, 6, '0') AS container,
                (one % {per_container})::UINTEGER AS position
            FROM ({grouped})
        ) TO '{paths.duplicates}' (FORMAT parquet)
    """)
    step = max(1, rows // LISTED)
    keys = [(one, page_of(pages, one)) for one in range(1, rows, step)][:LISTED]
    write_text(root / "images.txt", "".join(f"{content}_{page}.jpg\n" for content, page in keys))
    ids = [treeoflife_id("eol", (one + 1, page_of(pages, one + 1))) for one, _ in keys]
    columns = ",".join(marks.COLUMNS)
    relabelled = ",Animalia,Chordata,Aves,Passeriformes,Turdidae,Turdus,merula,blackbird,"
    rows_of_marks = [
        f"{one},drop,,,,,,,,,\n" if number % 2 else f"{one},relabel{relabelled}\n" for number, one in enumerate(ids)
    ]
    write_text(paths.marks, f"{columns}\n" + "".join(rows_of_marks))


def page_ids(root: Path, count: int) -> list[int]:
    """That many pages, of which each fifth is not in the tree that is written."""
    write_tree(root, count * 6 // 5)  # not every node of it is a page
    tree = pl.read_csv(root / "taxon.tab", separator="\t", quote_char=None, infer_schema=False)
    named = tree["eolID"].drop_nulls().cast(pl.Int64).to_list()
    return [named[number * 4 // 5] if number % 5 else UNNAMED + number for number in range(count)]


def page_of(pages: list[int], image: int) -> int:
    """The page of an image."""
    return pages[image * 2_654_435_761 % len(pages)]


def page_count(rows: int) -> int:
    """The number of pages of that many images."""
    return max(1, min(MOST_PAGES, rows // IMAGES_PER_PAGE))


def eol(root: Path) -> Source:
    """The source of the images."""
    return load_source("eol", {"path": str(root)}, root)


def stored(root: Path) -> list[Index]:
    """The containers of the store."""
    source = eol(root)
    return [Index(source, path.stem, path) for path in sorted((Paths(root, Images()).store / "eol").glob("*.parquet"))]


@contextmanager
def tables(root: Path) -> Iterator[tuple[Database, Paths, list[Source]]]:
    """A database, as the stages open it."""
    paths = Paths(root, Images())
    with open_database(paths.scratch, float(os.environ[MEMORY])) as database:
        yield database, paths, [eol(root)]


def run_mapping(root: Path) -> None:
    """Ids for all natural keys."""
    with tables(root) as (database, paths, sources):
        write_ids(database, paths.ids, sources, {"eol": [one.path for one in stored(root)]})


def run_provenance(root: Path) -> None:
    """Where the images come from, as far as a source without tables knows it."""
    with tables(root) as (database, paths, sources):
        open_images(database, paths.ids, sources)
        write_provenance(database, sources, (), paths.provenance, paths.facts)


def run_splits(root: Path) -> None:
    """The mapping with splits."""
    with tables(root) as (database, paths, sources):
        open_images(database, paths.ids, sources)
        load_groups(database, paths.duplicates, stored(root), sources)
        join_groups(database, paths.facts, CONFIG.splits.group_by)
        write_splits(database, paths.mapping_parquet, sources, CONFIG.splits, 17)


def run_export(root: Path) -> None:
    """mapping.sqlite."""
    with tables(root) as (database, paths, sources):
        open_images(database, paths.mapping_parquet, sources)
        sqlite.export(database, paths.mapping, sources)


def run_metadata(root: Path) -> None:
    """Every page named, lookups and predicted-catalog.csv written."""
    with tables(root) as (database, paths, sources):
        files = NameFiles(
            names=paths.names, findings=paths.name_findings, findings_csv=paths.name_findings_csv,
            lookups=paths.naming, scientific_to_common=paths.scientific_to_common,
            predicted_catalog=paths.predicted_catalog, verifier_cache=paths.verifier_cache,
        )  # fmt: skip
        open_images(database, paths.mapping_parquet, sources)
        marks.load_marks(database, marks.read(paths.marks))
        resolve_names(Names(eol_tree=root / "taxon.tab", itis=root / "itis.csv"), sources, database, files)


def list_species(root: Path) -> None:
    """A list of species to hold out; not measured."""
    named = pl.scan_parquet(Paths(root, Images()).names).filter(pl.col("species") != "")
    species = named.select(pl.concat_str("genus", "species", separator=" ")).unique().collect().to_series().sort()
    write_text(
        root / "species.txt",
        "".join(f"{one}\n" for one in species.gather_every(max(1, len(species) // LISTED))[:LISTED]),
    )


def run_plan(root: Path) -> None:
    """Decisions, plans, findings and ledger."""
    with tables(root) as (database, paths, sources):
        open_images(database, paths.mapping_parquet, sources)
        marks.load_marks(database, marks.read(paths.marks))
        settings = [Holdout(path=root / name) for name in ("species.txt", "images.txt")]
        lists = holdout.read_lists(settings)
        further = [*policies.doubtful([]), *policies.duplicates("best", one_side=True), *policies.cap(1_000, 17)]
        licences.refuse(database, sources, None, ())
        leave_out(database)
        rules = decide(database, sources, stored(root), paths.names, lists, paths.duplicates, further)
        holdout.count_matches(database, lists, settings)
        samples = plan.Samples(database, sources, CONFIG)
        for split in SPLITS:
            samples.write_split(paths.split_plan(split), split, {})
        find_conflicts(database)
        findings.write_query(database, paths.findings("quality"), plan_findings.of_quality(), quality.MEANING)
        findings.write_query(
            database, paths.findings("duplicates"), plan_findings.duplicates(), plan_findings.DUPLICATES
        )
        plan_findings.count_straddling(database)
        write_ledger(database, paths.ledger, sources, rules, {})
        check_balance(database, {split: paths.split_plan(split) for split in SPLITS}, paths.ledger)


def planned(root: Path) -> Iterator[tuple[str, int, pl.DataFrame]]:
    """The shards of the plans."""
    for split in SPLITS:
        path = Paths(root, Images()).split_plan(split)
        for number in range(pl.scan_parquet(path).select(pl.col("shard").max() + 1).collect().item() or 0):
            yield split, number, read_shard(path, number)


def cut(root: Path) -> None:
    """The shards' indexes, as packing would write them; not measured."""
    for split, number, rows in planned(root):
        index = Paths(root, Images()).shard_index(split, number)
        index.parent.mkdir(parents=True, exist_ok=True)
        rows.drop(plan.PLACEMENT_COLUMNS).write_parquet(index)


def indexes(root: Path) -> list[tuple[str, Path]]:
    """The split and the index of each shard."""
    folders = {split: Paths(root, Images()).shard_index(split, 0).parent for split in SPLITS}
    return [(split, path) for split, folder in folders.items() for path in sorted(folder.glob("*.parquet"))]


def run_check(root: Path) -> None:
    """What check-wds' driver does with the keys that the workers send."""
    shards = indexes(root)
    tasks = [CheckTask(path, split, None) for split, path in shards]

    def checked() -> Iterator[CheckedShard]:
        for split, path in shards:
            rows = pl.read_parquet(path, columns=["treeoflife_id", "genus", "species"])
            name = pl.concat_str("genus", "species", separator=" ")
            yield CheckedShard(
                (), rows.select(key="treeoflife_id", shard=pl.lit(str(path)), split=pl.lit(split), name=name)
            )

    with tables(root) as (database, paths, sources):
        open_images(database, paths.mapping_parquet, sources)
        found = join_findings(database, checked(), tasks, "SELECT treeoflife_id AS key FROM image", None)
    assert not found


def run_catalog(root: Path) -> None:
    """The catalog, from the shards' indexes."""
    paths = Paths(root, Images())
    catalog.write(paths.catalog_csv, paths.catalog, indexes(root), [eol(root)])


def forget(root: Path) -> None:
    """Remove what no later stage reads, so that 100 million rows fit on a disk of 80 GB."""
    paths = Paths(root, Images())
    for path in (paths.mapping, paths.predicted_catalog):
        path.unlink(missing_ok=True)


STAGES = (
    run_mapping, run_provenance, run_splits, run_export, run_metadata, list_species, run_plan, cut, run_check,
    run_catalog,
)  # fmt: skip


def main() -> None:
    """Measure, and print a table."""
    for rows in [int(one) for one in sys.argv[1:]] or [100_000, 1_000_000]:
        os.environ[MEMORY] = "1.5" if rows <= 10_000_000 else "3"  # for 2 GB, and 4 GB, in all
        with tempfile.TemporaryDirectory() as folder:
            make(Path(folder), rows)
            found: dict[str, Measured] = {}
            for stage in STAGES:
                taken = measured(stage, Path(folder))
                forget(Path(folder))
                if stage.__name__.startswith("run_"):
                    found[stage.__name__.removeprefix("run_")] = taken
                    print(f"{rows:,} rows, {stage.__name__}: {taken.seconds:.1f} s, {taken.peak:.0f} MB", flush=True)
            shutil.rmtree(folder, ignore_errors=True)
        each = found.values()
        seconds, cpu = sum(one.seconds for one in each), sum(one.cpu for one in each)
        found["total"] = Measured(seconds, cpu, max(one.peak for one in each), None)
        show(f"Tables of {rows:,} images", [line(rows, stage, one) for stage, one in found.items()])


def line(rows: int, stage: str, one: Measured) -> dict[str, object]:
    """A row of the table."""
    each = {"µs a row": one.seconds / rows * 1e6, "CPU, µs a row": one.cpu / rows * 1e6}
    return {"stage": stage, "seconds": one.seconds, "CPU seconds": one.cpu, **each, "peak MB": one.peak}


if __name__ == "__main__":
    main()
