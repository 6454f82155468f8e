"""Making a hold-out set: its images in folders of classes, a catalog, licences, and lists that the build obeys."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import polars as pl

from ..config.edit import register
from ..config.tables import Holdout
from ..core.files import remove_leftovers, replacing, write_json
from ..core.tables import Array
from ..core.values import RANKS, Taxon
from ..errors import ConfigError, HoldoutError
from ..pipeline.run import Run
from ..pipeline.stages import plan
from ..selection import holdout, licences
from ..selection.decide import NAME_COLUMNS, Decisions
from ..sources.base import file_name
from .choose import ABSENT, Chosen, Wish, choose
from .extract import ExtractTask, extract

_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "JPEG2000": ".jp2", "TIFF": ".tif"}
_OF_INDEX = ["position", "file", "source_sha256", "width", "height", "format"]
UNSEEN, SEEN, RECORD = "unseen_in_training.json", "seen_in_training.json", "holdout.json"


def wish_of(path: Path, per_species: int, not_in: Sequence[str], seed: int) -> Wish:
    """What a list of species asks for; it may be in any form that a hold-out list may have.

    Raises:
        InputError: it cannot be read, or has no entry.
        HoldoutError: no entry is a species.
    """
    species = holdout.read(Holdout(path=path, by="species")).species.values()
    if not any(species):
        raise HoldoutError(f"{path} names no species: an entry is a genus and an epithet, such as 'Panthera leo'")
    return Wish(tuple(dict.fromkeys(filter(None, species))), per_species, tuple(not_in), seed)


def make(run: Run, wish: Wish, out: Path) -> Chosen:
    """Make a hold-out set from the dataset's sources, and have the build leave its species out altogether.

    The same wish, dataset and seed give the same set. A set that was made in ``out`` before is replaced.

    Args:
        run: a run over a dataset that has names.
        wish: what the set is to be.
        out: its folder.

    Raises:
        ConfigError: ``out`` holds something else, or a source of ``not_in`` is none of the dataset.
        HoldoutError: no species has enough images.
    """
    sources = [source.name for source in run.dataset.sources]
    if unknown := [name for name in wish.not_in if name not in sources]:
        raise ConfigError(f"--not-in names {unknown[0]}, which is no source of this dataset; there are {sources}")
    if out.exists() and any(out.iterdir()) and not (out / RECORD).exists():
        raise ConfigError(f"{out} holds something that is no hold-out set; name another folder with --out")
    decided = plan.decide_on(run, [one for one in run.dataset.config.holdout if one.path.parent != out.resolve()])
    chosen = choose(decided, wish)
    if not chosen.images.height:
        example = chosen.passed_over.sort(pl.col("reason") == ABSENT, maintain_order=True).row(0)
        raise HoldoutError(f"no species has {wish.per_species} images to hold out; of {example[0]}: {example[1]}")
    _write(run, decided, chosen, wish, out)
    register(run.dataset.paths.config, Holdout(path=(out / UNSEEN).resolve(), by="species"))
    return chosen


def _write(run: Run, decided: Decisions, chosen: Chosen, wish: Wish, out: Path) -> None:
    """Write the set; the record comes first and last, so that what a killed run has left is known for a set."""
    write_json(out / RECORD, {"unfinished": asdict(wish)})
    shutil.rmtree(out / "images", ignore_errors=True)
    remove_leftovers(out)
    rows = _catalog(decided, chosen)
    run.listener.start("holdout", rows.height, "images")
    for _ in run.tasks(extract, _tasks(run, rows, out), lambda task: str(task.container.path)):
        pass
    _write_tables(rows.drop("container", "position", "source_sha256"), chosen, out)
    if manifest := run.dataset.config.licences.manifest:
        licences.write(out / "licences.csv", out / "catalog.parquet", manifest)
    lists = {name: list(files) for name, files in _by_species(rows)}
    write_json(out / UNSEEN, lists)
    write_json(out / SEEN, {name[:1].upper() + name[1:]: [] for name in _staying(chosen)})
    write_json(out / RECORD, asdict(wish) | {"images": rows.height, "chosen": len(lists)})
    run.listener.finish(f"{rows.height} images of {len(lists)} species")


def _write_tables(rows: pl.DataFrame, chosen: Chosen, out: Path) -> None:
    for name, table in {"catalog": rows, "passed-over": chosen.passed_over}.items():
        with replacing(out / f"{name}.csv") as temporary:
            table.write_csv(temporary)
    with replacing(out / "catalog.parquet") as temporary:
        rows.write_parquet(temporary)


def _staying(chosen: Chosen) -> list[str]:
    """The species that were asked for and stay in the dataset."""
    return chosen.passed_over.filter(pl.col("reason") != ABSENT)["species"].to_list()


def _by_species(rows: pl.DataFrame) -> Iterator[tuple[str, pl.Series]]:
    """Each species, and the files of its images."""
    for part in rows.partition_by("genus", "species", maintain_order=True):
        yield Taxon(*part.select(RANKS).row(0)).scientific_name, part["file_name"]


def _catalog(decided: Decisions, chosen: Chosen) -> pl.DataFrame:
    """A row per image: the file it becomes, where it is from and what it shows."""
    images, files = chosen.images, decided.matched.files
    places = images["place"].to_numpy()
    found = pl.concat([images.drop("place"), files.read(places, _OF_INDEX)], how="horizontal")
    keys = [
        cells.rename(dict(zip(source.columns, source.catalog, strict=True)))
        for source, cells in decided.cells(_rows_of(decided, images))
    ]
    names = [
        f"images/{file_name('_'.join(row[:7]))}/{row[7]}{_SUFFIXES.get(row[8], '.' + row[8].lower())}"
        for row in found.select(*RANKS, "treeoflife_id", "format").iter_rows()
    ]
    numbers = files.where["container"].gather(places)
    containers = pl.Series("container", [files.indexes[number].container for number in numbers])
    told = found.with_columns(pl.Series("file_name", names), containers)
    every = pl.concat([told, *keys], how="horizontal")
    own = [name for source in decided.sources for name in source.catalog]
    return every.select("file_name", "treeoflife_id", "source", "container", "position", "file", "source_sha256",
                        "width", "height", *own, *NAME_COLUMNS)  # fmt: skip


def _rows_of(decided: Decisions, images: pl.DataFrame) -> Array:
    """The numbers of images, by their ids."""
    numbered = decided.images.select("treeoflife_id").with_row_index("row")
    return images.join(numbered, on="treeoflife_id", maintain_order="left")["row"].to_numpy()


def _tasks(run: Run, rows: pl.DataFrame, out: Path) -> list[ExtractTask]:
    """A task for each container that has some of the images."""
    containers = {(source.name, one.name): (source, one) for source, one in run.containers()}
    tasks = []
    for part in rows.partition_by("source", "container", maintain_order=True):
        source, container = containers[part["source"][0], part["container"][0]]
        wanted = part.select("position", "source_sha256", "file_name").iter_rows()
        files = tuple((position, digest, out / name) for position, digest, name in wanted)
        tasks.append(ExtractTask(source, container, run.dataset.config.images.max_bytes, files))
    return tasks
