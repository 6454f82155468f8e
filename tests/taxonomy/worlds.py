"""Worlds in the providers' real formats, named for the tests; made by a script that is read in place."""

from __future__ import annotations

import csv
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import polars as pl

from treeoflife.config.config import Config
from treeoflife.config.paths import Paths
from treeoflife.core.database import open_database
from treeoflife.core.files import fingerprint
from treeoflife.mapping.images import open_images
from treeoflife.selection import marks
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_sources
from treeoflife.taxonomy import naming
from treeoflife.taxonomy.providers import authorities

WORLD = Path(os.environ.get("TREEOFLIFE_WORLD", Path(__file__).parents[3] / "shared" / "world"))
Row = dict[str, str]


def make(folder: Path, seed: int, images: int, *options: str) -> Path:
    """A world in ``folder``."""
    script = WORLD / "make_world.py"
    command = [sys.executable, str(script), str(folder), "--images", str(images), "--seed", str(seed), *options]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def name(world: Path, out: Path, *, built_in: bool = False) -> tuple[Paths, naming.NamesReport]:
    """Map the world's images, all of them train, and name them."""
    raw = world / "raw"
    found, _ = authorities.find_files(raw)
    names = found.model_copy(update={"built_in": built_in})
    metadata = raw / "metadata/bioscan/BIOSCAN_Insect_Dataset_metadata.jsonld"
    tables = {
        "eol": {"path": raw / "eol"},
        "inat21": {"path": raw / "inat21/train"},
        "bioscan": {"path": raw / "bioscan", "metadata": metadata},
    }
    config = Config.model_validate({"sources": tables, "names": names})
    paths, sources = Paths(out, config.images), load_sources(config, world)
    write_mapping(paths.mapping_parquet, sources)
    with open_database(paths.scratch, 1) as database:
        open_images(database, paths.mapping_parquet, sources)
        marks.load_marks(database, marks.Marks({}))
        return paths, naming.resolve_names(config.names, sources, database, files_of(paths))


def files_of(paths: Paths) -> naming.NameFiles:
    """The files of names of a dataset."""
    return naming.NameFiles(
        names=paths.names, findings=paths.name_findings, findings_csv=paths.name_findings_csv, lookups=paths.naming,
        scientific_to_common=paths.scientific_to_common, predicted_catalog=paths.predicted_catalog,
        verifier_cache=paths.verifier_cache,
    )  # fmt: skip


def write_mapping(path: Path, sources: list[Source]) -> None:
    """A mapping of all images of the sources, all of them train."""
    tables = []
    for source in sources:
        keys = [image.key for container in source.containers() for image in source.names(container) if image.key]
        rows = [(*key, fingerprint([source.name, *key])[:32]) for key in keys]
        frame = pl.DataFrame(rows, schema=[*source.catalog, "treeoflife_id"], orient="row")
        tables.append(frame.with_columns(source=pl.lit(source.name)))
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = {"is_val": pl.lit(value=False), "is_train_small": pl.lit(value=False)}
    pl.concat(tables, how="diagonal").sort("source", "treeoflife_id").with_columns(**flags).write_parquet(path)


def catalog(path: Path) -> dict[tuple[str, ...], Row]:
    """The rows of a catalog by natural key, whatever their id."""
    columns = ("eol_content_id", "eol_page_id", "bioscan_part", "bioscan_filename", "inat21_filename", "inat21_cls_num")
    with path.open(newline="") as fd:
        return {tuple(row[c] for c in columns): row for row in csv.DictReader(fd) if row["split"] != "train_small"}


def truth(world: Path) -> dict[str, dict[str, list[str]]]:
    """The lineage behind every EOL page, iNat21 class and BIOSCAN file."""
    names: dict[str, dict[str, list[str]]] = json.loads((world / "truth.json").read_text())["names"]
    return names


def shuffle(world: Path) -> None:
    """Put the rows of every table of the world into another order."""
    rng = random.Random(5)
    for path in sorted((world / "raw/metadata").rglob("*")):
        if path.suffix in (".tab", ".csv", ".jsonl") and "media_manifest" not in path.name:
            head, *rows = path.read_text().splitlines(keepends=True)
            if path.suffix == ".jsonl":
                head, rows = "", [head, *rows]
            rng.shuffle(rows)
            path.write_text(head + "".join(rows))
        if path.suffix == ".jsonld":
            records = json.loads(path.read_text())
            rng.shuffle(records)
            path.write_text(json.dumps(records))
