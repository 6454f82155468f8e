"""Making a hold-out set: its images in folders of classes, a catalog, licences, and lists that the build obeys."""

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from ..config.config import Config
from ..config.own_folders import HOLDOUT_RECORD
from ..config.paths import Paths
from ..config.tables import Holdout
from ..config.writer import add_holdout
from ..core.database import Database, columns
from ..core.files import remove_leftovers, replacing, write_bytes, write_json
from ..core.json_reader import read_json
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..engines.base import Tick
from ..engines.tasks import TaskRunner
from ..errors import ConfigError, ContainerError, HoldoutError
from ..mapping.images import catalog_types
from ..mapping.stored_files import open_files
from ..selection import eol_manifest, holdout
from ..sources.base import Container, Index, Source
from ..sources.file_names import safe_file_name
from ..taxonomy.species_key import species_name
from .choose import ABSENT, Choice, Request, choose

_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "JPEG2000": ".jp2", "TIFF": ".tif"}
_INDEX_COLUMNS = ["position", "file", "source_sha256", "width", "height", "format"]
UNSEEN, SEEN, RECORD = "unseen_in_training.json", "seen_in_training.json", HOLDOUT_RECORD


def read_request(path: Path, per_species: int, not_in: Sequence[str], seed: int) -> Request:
    """What a list of species asks for; it may be in any form that a hold-out list may have.

    Raises:
        InputError: it cannot be read, or has no entry.
        HoldoutError: no entry is a species.
    """
    entries = holdout.read_list(Holdout(path=path, by="species")).species
    species = tuple(dict.fromkeys(name for name in map(species_name, entries) if name))
    if not species:
        raise HoldoutError(f"{path} names no species: an entry is a genus and an epithet, such as 'Panthera leo'")
    return Request(species, per_species, tuple(not_in), seed)


@dataclass(frozen=True)
class NamedDataset:
    """A dataset that has names.

    Attributes:
        database: has the decisions (:func:`treeoflife.selection.decide.decide`) on what would become of each image if
            this hold-out set did not exist.
        indexes: the store's index of every container.
    """

    config: Config
    paths: Paths
    containers: Sequence[tuple[Source, Container]]
    database: Database
    indexes: Sequence[Index]
    runner: TaskRunner


def check_request(request: Request, sources: Sequence[str], out: Path) -> None:
    """Check a request before images are decided on.

    Raises:
        ConfigError: ``out`` holds something else, or a source of ``not_in`` is none of the dataset.
    """
    if unknown := [name for name in request.not_in if name not in sources]:
        raise ConfigError(f"--not-in names {unknown[0]}, which is no source of this dataset; there are {list(sources)}")
    if out.exists() and any(out.iterdir()) and not (out / RECORD).exists():
        raise ConfigError(f"{out} holds something that is no hold-out set; name another folder with --out")


def default_folder(paths: Paths, name: str, request: Request) -> Path:
    """Where the set of a list called ``name`` is made if the user names no folder.

    Raises:
        ConfigError: the set of other species is there, such as that of another list with this name.
    """
    folder = paths.holdout_set(name)
    record = read_json(folder / RECORD) or {}
    made_for = record.get("unfinished", record).get("species", list(request.species))
    if made_for != list(request.species):
        raise ConfigError(
            f"{folder} holds the set of another list, of {len(made_for):,} species: name a folder with --out; "
            f"'--out {folder}' replaces the set that is there"
        )
    return folder


@dataclass(frozen=True)
class ExtractTask:
    """Files of one container to write; ``wanted`` has the position, the SHA-256 when encoded, and new path of each."""

    source: Source
    container: Container
    max_bytes: int
    wanted: tuple[tuple[int, bytes, Path], ...]

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.container.label


def extract(task: ExtractTask, tick: Tick) -> int:
    """Write the files; returns how many.

    Raises:
        ContainerError: a file is not the one that was encoded, or is gone.
    """
    left = {position: (digest, path) for position, digest, path in task.wanted}
    for position, image in enumerate(task.source.read(task.container, task.max_bytes)):
        if position in left:
            digest, path = left.pop(position)
            if image.digest() != digest:
                raise ContainerError(
                    f"{task.container.path} changed since it was encoded, at {image.file}; build again"
                )
            write_bytes(path, image.data)
            tick(1)
        if not left:
            break
    if left:
        raise ContainerError(f"{task.container.path} has fewer files than when it was encoded; build again")
    return len(task.wanted)


def make_holdout_set(dataset: NamedDataset, request: Request, out: Path) -> Choice:
    """Make a hold-out set from the dataset's sources, and have the build leave out its species altogether.

    The same request, dataset and seed give the same set. A set that was made in ``out`` before is replaced.

    Raises:
        HoldoutError: no species has enough images.
    """
    choice = choose(dataset.database, request)
    if not choice.images.height:
        species, reason = choice.rejected.sort(pl.col("reason") == ABSENT, maintain_order=True).row(0)
        raise HoldoutError(f"no species has {request.per_species} images to hold out; of {species}: {reason}")
    _write(dataset, choice, request, out)
    add_holdout(dataset.paths.config, Holdout(path=(out / UNSEEN).resolve(), by="species"))
    return choice


def _write(dataset: NamedDataset, choice: Choice, request: Request, out: Path) -> None:
    # The record is written first and last: a folder that a killed run left behind is thereby known as a hold-out set.
    write_json(out / RECORD, {"unfinished": asdict(request)})
    shutil.rmtree(out / "images", ignore_errors=True)
    remove_leftovers([out])
    rows, listener = _catalog(dataset, choice), dataset.runner.listener
    listener.start("holdout", rows.height, "images")
    for _ in dataset.runner.run(extract, _tasks(dataset, rows, out), lambda task: str(task.container.path)):
        pass
    _write_tables(rows.drop("container", "position", "source_sha256"), choice, out)
    if manifest := dataset.config.licences.manifest:
        eol_manifest.write_licences(dataset.database, out / "licences.csv", out / "catalog.parquet", manifest)
    by_species = rows.partition_by("genus", "species", maintain_order=True)
    lists = {Taxon(*part.select(RANKS).row(0)).scientific_name: list(part["file_name"]) for part in by_species}
    write_json(out / UNSEEN, lists)
    staying = choice.rejected.filter(pl.col("reason") != ABSENT)["species"]
    write_json(out / SEEN, {name[:1].upper() + name[1:]: [] for name in staying})
    write_json(out / RECORD, asdict(request) | {"images": rows.height, "chosen": len(lists)})
    listener.finish(f"{rows.height} images of {len(lists)} species")


def _write_tables(rows: pl.DataFrame, choice: Choice, out: Path) -> None:
    for name, table in {"catalog": rows, "passed-over": choice.rejected}.items():
        with replacing(out / f"{name}.csv") as temporary:
            table.write_csv(temporary)
    with replacing(out / "catalog.parquet") as temporary:
        rows.write_parquet(temporary)


def _catalog(dataset: NamedDataset, choice: Choice) -> pl.DataFrame:
    """A row per image: the file it becomes, where it is from and what it shows.

    in:  image
    """
    database, sources, images = dataset.database, [source for source, _ in dataset.containers], choice.images
    used = set(images.select("source", "container").iter_rows())
    stored = [one for one in dataset.indexes if (one.source.name, one.container) in used]
    distinct = list({source.name: source for source in sources}.values())
    database.load("chosen_image", images.with_row_index("place"))
    open_files(database, distinct, stored, _INDEX_COLUMNS, among="chosen_image")
    keys = list(catalog_types(distinct))
    described = database.frame(f"""
        SELECT chosen_image.* EXCLUDE (place), {columns(_INDEX_COLUMNS[1:], "file")},
            {columns(keys, "image")}
        FROM image
        JOIN chosen_image ON chosen_image.treeoflife_id = image.treeoflife_id
        JOIN file ON file.source = chosen_image.source AND file.container = chosen_image.container
            AND file.position = chosen_image.position
        ORDER BY place
    """)  # fmt: skip
    names = [
        f"images/{safe_file_name('_'.join(row[:7]))}/{row[7]}{_SUFFIXES.get(row[8], '.' + row[8].lower())}"
        for row in described.select(*RANKS, "treeoflife_id", "format").iter_rows()
    ]
    rows = described.with_columns(pl.Series("file_name", names, dtype=pl.String))
    return rows.select("file_name", "treeoflife_id", "source", "container", "position", "file", "source_sha256",
                       "width", "height", *keys, *NAME_COLUMNS)  # fmt: skip


def _tasks(dataset: NamedDataset, rows: pl.DataFrame, out: Path) -> list[ExtractTask]:
    """A task for each container that holds some of the images."""
    containers = {(source.name, one.name): (source, one) for source, one in dataset.containers}
    tasks = []
    for part in rows.partition_by("source", "container", maintain_order=True):
        source, container = containers[part["source"][0], part["container"][0]]
        files = part.select("position", "source_sha256", "file_name").iter_rows()
        targets = tuple((position, digest, out / name) for position, digest, name in files)
        tasks.append(ExtractTask(source, container, dataset.config.images.max_bytes, targets))
    return tasks
