"""Every file of a dataset. No other module builds a path inside OUT."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..core.objects import ObjectPath, as_path
from ..core.values import SPLITS
from ..errors import ConfigError
from .fetched_files import FetchedFiles
from .tables import Images, Storage

_PART_NAME = re.compile(r"\.(.+)\.[0-9]{4,}-of-[0-9]{4,}\.[a-z]+", re.DOTALL)

_SHARD = re.compile(r"shard-[0-9]{6}\.(tar|parquet)")


def is_utf8(path: Path) -> bool:
    """Whether a path can stand in dataset.toml, and be read by libraries that take no other paths."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def require_utf8(path: Path) -> None:
    """Raise an error unless the absolute form of a path is UTF-8; links are not resolved for it.

    Raises:
        ConfigError: it is not.
    """
    if not is_utf8(path.absolute()):
        raise ConfigError(
            f"the path {path.absolute()} is not UTF-8: rename it, or make a link to it and name the link instead. "
            "Only what lies in the folder of a source may have any name"
        )


def require_utf8_name(path: Path) -> None:
    """The same for the path as it is given, which is all that a file that is only read needs."""
    if not is_utf8(path):
        require_utf8(path)


def real_path(path: Path) -> Path:
    """The absolute path with links resolved, unless that leads to one that is not UTF-8. A loop of links stays one."""
    path = as_path(os.path.expanduser(str(path)))  # noqa: PTH111 - Path.expanduser raises for a user who does not exist
    if isinstance(path, ObjectPath):
        return path
    real = Path(os.path.realpath(path))  # Path.resolve raises for a loop of links
    return real if is_utf8(real) else path.absolute()


class _Below:
    """An attribute of :class:`Paths`: a path below ``root``, where ``{set}`` stands for the name of the image set."""

    def __init__(self, template: str) -> None:
        self._template = template

    def __set_name__(self, owner: type[Paths], name: str) -> None:
        self._name = name

    def __get__(self, paths: Paths, owner: type[Paths]) -> Path:
        images = paths.images
        path = paths.root / self._template.format(set=images.set_name, quality=images.quality)
        # Found before this descriptor from now on: ten thousand containers ask for the store's folder many times.
        paths.__dict__[self._name] = path
        return path


@dataclass(frozen=True)
class Paths:
    """The files of the dataset in the folder ``root``, for one way of encoding images.

    >>> paths = Paths(Path("OUT"), Images())
    >>> paths.catalog_csv.as_posix(), paths.shard("train", 3).as_posix()
    ('OUT/224x224/catalog.csv', 'OUT/224x224/train/shard-000003.tar')
    """

    root: Path
    images: Images
    storage: Storage = Storage()

    def __post_init__(self) -> None:
        require_utf8(self.root)

    # Inputs: no stage writes them.
    config = _Below("dataset.toml")
    """The configuration."""
    marks = _Below("marks.csv")
    """A curator's corrections: images to drop or to relabel. The plan applies them."""
    marks_lock = _Below(".lock.marks")
    """Held for a moment by whoever saves a mark."""
    mark_history = _Below(".state/marks.sqlite")
    """What was done to marks, so that it can be undone. May be deleted: then nothing can be undone."""
    withdrawn = _Below("withdrawn.csv")
    """Images that were withdrawn: no build has them; see :mod:`treeoflife.sources.withdrawn`."""
    downloads = _Below("downloads.jsonl")
    """One line per downloaded file: its URL, time, length and SHA-256."""

    # What runs keep for themselves.
    lock = _Below(".lock")
    """Held by the one run that works on the dataset."""
    hash_cache = _Below(".known.sqlite")
    """SHA-256 of files by size, time and inode. May be deleted: files are hashed again."""
    stage_records = _Below(".state/records.sqlite")
    """What each output was made from."""
    owner = _Below(".state/owner")
    """What this dataset is called where its large files are in an object store: a number that was drawn once."""
    share_records = _Below(".shares")
    """Hashes and records of shares of stages, until the next run of the whole dataset takes them in."""
    sample_index = _Below(".view/{set}")
    """The location of every sample, with indexes for fast search. May be deleted: it is built again."""
    leak_folder = _Below("leaks")
    """The folder of the images of the dataset that are in benchmarks."""
    holdout_sets = _Below("holdout")
    """The folder of the hold-out sets that were made from this dataset."""
    leak_scratch = _Below(".leaks")
    """The images of a benchmark while they are compared."""

    scratch = _Below(".scratch")
    """Tables that do not fit into memory, while a step needs them."""

    # What hosts sent. It is no part of the published dataset, and nobody can make it again.
    fetched = _Below("fetched")
    """The folder of the images that were fetched from the web, with a folder for each source."""

    # Ids, splits and names.
    metadata = _Below("metadata")
    """The folder of ids, splits and names."""
    ids = _Below(".tables/ids.parquet")
    """The mapping before splits."""
    mapping_parquet = _Below("metadata/mapping.parquet")
    """The mapping, which all stages read: made from the sources, or copied from a published one."""
    mapping = _Below("metadata/mapping.sqlite")
    """The same in the published format, where new ids and splits are made."""
    facts = _Below(".tables/facts.parquet")
    """What the sources say about their images: what they have in common, and their licences."""
    source_columns = _Below(".tables/columns.parquet")
    """The values of the columns of sources' tables that go into samples."""
    provenance = _Below("metadata/provenance.parquet")
    """One row per image of the mapping: where it comes from, its owner and its licence."""
    names = _Below("metadata/names.parquet")
    """One row per name key and source: its seven ranks and common name, and the origin of each."""
    naming = _Below("metadata/naming")
    """The folder of name lookups in their published form."""
    scientific_to_common = _Below("metadata/scientific_to_common.json")
    """Every scientific name that has a common name, with that common name."""
    predicted_catalog = _Below("metadata/predicted-catalog.csv")
    """One row per image and split that the mapping foresees, with its names."""
    name_findings = _Below("metadata/name-findings.parquet")
    """Names that are wrong or could not be resolved."""
    name_findings_csv = _Below("metadata/name-findings.csv")
    """The same for people."""
    verifier_cache = _Below("metadata/verifier.sqlite")
    """The answers of GNVerifier."""
    checklists = _Below(".tables/checklists")
    """The folder of checklists as they were read. May be deleted: they are read again."""

    own_scores = _Below("scores")
    """The folder of scores by ``treeoflife_id`` that commands make, or that anybody puts there: NAME.parquet each."""
    embeddings = _Below("embeddings")
    """The folder of vectors of images, with a folder for each model; see :mod:`treeoflife.shards.embeddings`."""

    # The store, the selection of images, and the plan.
    store = _Below("encoded/{set}-q{quality}")
    """The folder of the encoded store: of the indexes of its tars, and of the tars, unless they are elsewhere."""
    duplicates = _Below("duplicates/groups.parquet")
    """One row per image that is the same picture as another: its group, and its distance from the others."""
    duplicates_csv = _Below("duplicates/groups.csv")
    """The same for people."""
    conflicts = _Below("duplicates/conflicts.parquet")
    """Images that are the same picture and have different names."""
    conflicts_csv = _Below("duplicates/conflicts.csv")
    """The same for people."""
    ledger = _Below("ledger/ledger.parquet")
    """Every image that did not become a sample, and the reason."""
    plan = _Below("plan/{set}")
    """The folder of the plan, with one Parquet file per split."""

    # The image set.
    shards = _Below("{set}")
    """The folder of the image set: a folder of shards per split, unless they are elsewhere, and the catalog."""
    catalog_csv = _Below("{set}/catalog.csv")
    """One row per sample, as CSV."""
    catalog = _Below("{set}/catalog.parquet")
    """One row per sample, as Parquet."""

    # For people, and for other programs.
    checksums = _Below("SHA256SUMS")
    """The SHA-256 of every file that the stages made, in the form of sha256sum; exists when all are done."""
    card = _Below("README.md")
    """The dataset card."""
    card_pictures = _Below("card")
    """The folder of the sample pictures that the card shows."""
    croissant = _Below("croissant.json")
    """The description of the dataset for machines, as Croissant."""
    licences = _Below("licences.csv")
    """One row per image of EOL, in the form of TreeOfLife-10M's."""
    credits = _Below("credits.csv")
    """One row per image in the shards: its title, owner, licence and source."""
    credits_page = _Below("credits.html")
    """The same for people, by owner and licence."""
    reports = _Below("reports")
    """The folder of reports for people: index.html, statistics, treemaps."""
    findings_folder = _Below("findings")
    """The folder of findings about single samples; see :mod:`treeoflife.selection.findings`."""
    logs = _Below("logs")
    """The folder of messages of runs and checks; nothing depends on them."""
    failures = _Below("logs/failures.log")
    """The tracebacks of the tasks that failed last."""
    jobs = _Below("logs/jobs")
    """One folder per run of an engine on a cluster."""
    bad_shards = _Below("logs/bad-shards.txt")
    """The shards that failed check-wds, one per line."""

    def written_folders(self) -> tuple[Path, ...]:
        """The folders below OUT that hold what runs write, and nothing else."""
        top = (self.fetched, self.metadata, self.store, self.ledger, self.findings_folder, self.plan, self.shards)
        further = (
            self.ids.parent,
            self.duplicates.parent,
            self.leak_folder,
            self.holdout_sets,
            self.card_pictures,
            self.logs,
            self.reports,
            self.own_scores,
            self.embeddings,
        )
        return (*top, *further, self.shard_index("train", 0).parents[1])

    def written_files(self) -> tuple[Path, ...]:
        """The files that runs write into OUT itself, where there may be anything else."""
        return (
            self.config,
            self.marks,
            self.withdrawn,
            self.checksums,
            self.card,
            self.croissant,
            self.licences,
            self.credits,
            self.credits_page,
        )

    def fetched_files(self, source: str) -> FetchedFiles:
        """The files of a source whose images are fetched from the web."""
        return FetchedFiles(self.fetched / source)

    def share_record(self, name: str) -> Path:
        """Hashes and records of one share of a stage."""
        return self.share_records / f"{name}.sqlite"

    @property
    def encoded_images(self) -> Path:
        """The folder of the tars of the encoded store, with a folder for each source."""
        return self.storage.store / self.store.name if self.storage.store else self.store

    def encoded(self, source: str, container: str) -> Path:
        """The encoded images of one container, as a tar."""
        return self.encoded_images.joinpath(source, f"{container}.tar")

    def encoded_index(self, source: str, container: str) -> Path:
        """One row per file of the container, encoded or skipped."""
        return self.store.joinpath(source, f"{container}.parquet")

    def encoded_part(self, source: str, container: str, part: int, parts: int) -> Path:
        """The encoded images of one part of a container, until the parts are joined."""
        return self.store / source / f".{container}.{part:04d}-of-{parts:04d}.tar"

    def encoded_part_index(self, source: str, container: str, part: int, parts: int) -> Path:
        """One row per file of one part of a container, until the parts are joined."""
        return self.store / source / f".{container}.{part:04d}-of-{parts:04d}.parquet"

    def encode_marker(self, source: str, container: str, part: int, parts: int) -> Path:
        """Exists while a worker encodes the container or part; still there afterwards if the worker died."""
        return self.store / source / f".{container}.{part:04d}-of-{parts:04d}.tried"

    def unfinished_files(self) -> dict[Path, tuple[str, str]]:
        """The parts and markers that encoding has left in the store, each with its source and container."""
        files = sorted(self.store.glob("*/.*-of-*.*"))
        return {path: (path.parent.name, match[1]) for path in files if (match := _PART_NAME.fullmatch(path.name))}

    def leaks(self, benchmark: str) -> Path:
        """The images of the dataset that are in a benchmark."""
        return self.leak_folder / f"{benchmark}.parquet"

    def leak_list(self, benchmark: str) -> Path:
        """The hold-out list of the leaks that must be left out."""
        return self.leak_folder / f"{benchmark}.txt"

    def holdout_set(self, name: str) -> Path:
        """The folder of a hold-out set that was made from this dataset."""
        return self.holdout_sets / name

    def caption_table(self, name: str) -> Path:
        """The captions of a table, by the ids that it gives them."""
        return self.root / ".tables" / "captions" / f"{name}.parquet"

    def own_score(self, name: str) -> Path:
        """The scores that a command made, or that were put there, under this name."""
        return self.own_scores / f"{name}.parquet"

    def vectors(self, name: str) -> Path:
        """The folder of the vectors that one model made, which are called ``name``."""
        return self.embeddings / name

    def score(self, name: str) -> Path:
        """The scores of a configured table, as it was read: by ``treeoflife_id``."""
        return self.root / ".tables" / "scores" / f"{name}.parquet"

    def split_plan(self, split: str) -> Path:
        """The plan of one split: one row group per shard, rows in the shard's order."""
        return self.plan / f"{split}.parquet"

    @property
    def image_set(self) -> Path:
        """The folder of the folders of shards."""
        return self.storage.shards / self.shards.name if self.storage.shards else self.shards

    def split_folder(self, split: str) -> Path:
        """The folder of a split's shards, and of the lists of them that trainers read."""
        return self.image_set / split

    def shard(self, split: str, number: int) -> Path:
        """A shard."""
        return self.split_folder(split) / f"shard-{number:06d}.tar"

    def shard_files(self) -> list[Path]:
        """Every shard that is there, and every index of one, of whichever plan; of a split the indexes come first."""
        folders = [one for split in SPLITS for one in (self.shard_index(split, 0).parent, self.split_folder(split))]
        files = (path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()))
        return [path for path in files if _SHARD.fullmatch(path.name)]

    def shard_index(self, split: str, number: int) -> Path:
        """One row per sample of the shard, and what the shard was made from."""
        return self.root / "index" / self.images.set_name / split / f"shard-{number:06d}.parquet"

    def sizes(self, split: str) -> Path:
        """The number of samples per shard, for open_clip."""
        return self.split_folder(split) / "sizes.json"

    def wids(self, split: str) -> Path:
        """The list of shards, for wids."""
        return self.split_folder(split) / "index.json"

    def moved_folders(self) -> tuple[Path, ...]:
        """The folders of the dataset that are in an object store, each with a mark of whose it is."""
        folders = ((self.encoded_images, self.storage.store), (self.image_set, self.storage.shards))
        return tuple(folder for folder, address in folders if address)

    def owner_mark(self, folder: Path) -> Path:
        """The mark in such a folder."""
        return folder / "treeoflife-owner"

    def name(self, path: Path) -> str:
        """What records and checksums call a file: its path below OUT, where it would be without ``[storage]`` too.

        A file that is no part of the dataset is called by its whole path.
        """
        moved = ((self.encoded_images, self.store), (self.image_set, self.shards))
        for folder, below in moved:
            if folder != below and path.is_relative_to(folder):
                path = below / path.relative_to(folder)
        return str(path).removeprefix(f"{self.root}/")

    def findings(self, name: str) -> Path:
        """The findings of one check or stage about single samples."""
        return self.findings_folder / f"{name}.parquet"

    def card_picture(self, number: int) -> Path:
        """A sample picture of the card; they are numbered from 1 on."""
        return self.card_pictures / f"sample-{number}.jpg"

    def all_card_pictures(self) -> tuple[Path, ...]:
        """The sample pictures that the card may have: as many as fit side by side on the Hub's page."""
        return tuple(self.card_picture(number) for number in range(1, 5))

    def log_file(self, name: str) -> Path:
        """The report of a stage or check as JSON, for people and their programs; nothing depends on it."""
        return self.logs / f"{name}.json"
