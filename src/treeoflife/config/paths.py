"""Every file of a dataset. No other module builds a path inside OUT."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ..core.values import SPLITS
from .tables import Images

_PART = re.compile(r"\.(.+)\.[0-9]{4,}-of-[0-9]{4,}\.[a-z]+", re.DOTALL)


@dataclass(frozen=True)
class Paths:
    """The files of the dataset in the folder ``root``, for one way of encoding images.

    >>> Paths(Path("OUT"), Images()).shard("train", 3).as_posix()
    'OUT/224x224/train/shard-000003.tar'
    """

    root: Path
    images: Images

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.root / "dataset.toml"

    @property
    def downloads(self) -> Path:
        """A line for every file that was downloaded: where from, when, its length and SHA-256."""
        return self.root / "downloads.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the one run that works on the dataset."""
        return self.root / ".lock"

    @property
    def known(self) -> Path:
        """Hashes of files that were read, by size, time and inode. May be deleted: they are made anew."""
        return self.root / ".known.sqlite"

    @property
    def shares(self) -> Path:
        """What shares of stages learned of files, until the next whole run takes it in."""
        return self.root / ".shares"

    def share(self, name: str) -> Path:
        """The same of one share."""
        return self.shares / f"{name}.sqlite"

    @property
    def sums(self) -> Path:
        """The SHA-256 of every file that the stages made, in the form of sha256sum; there when all are done."""
        return self.root / "SHA256SUMS"

    @property
    def metadata(self) -> Path:
        """Ids, splits and names."""
        return self.root / "metadata"

    @property
    def mapping(self) -> Path:
        """The mapping that this program makes."""
        return self.metadata / "mapping.sqlite"

    @property
    def mapping_parquet(self) -> Path:
        """The same, for datasets whose mapping is kept as Parquet."""
        return self.metadata / "mapping.parquet"

    @property
    def names(self) -> Path:
        """One row per name key and source: its seven ranks and common name, and where each came from."""
        return self.metadata / "names.parquet"

    @property
    def naming(self) -> Path:
        """The name lookups in their published form."""
        return self.metadata / "naming"

    @property
    def scientific_to_common(self) -> Path:
        """Every scientific name that has a common name, and that name."""
        return self.metadata / "scientific_to_common.json"

    @property
    def predicted_catalog(self) -> Path:
        """One row per image and split that the mapping foresees, with its names."""
        return self.metadata / "predicted-catalog.csv"

    @property
    def name_findings(self) -> Path:
        """What resolving names could not settle or found wrong."""
        return self.metadata / "name-findings.parquet"

    @property
    def name_findings_csv(self) -> Path:
        """The same for people."""
        return self.metadata / "name-findings.csv"

    @property
    def verifier_cache(self) -> Path:
        """The answers of GNVerifier."""
        return self.metadata / "verifier.sqlite"

    @property
    def store(self) -> Path:
        """The encoded store."""
        return self.root / "encoded" / f"{self.images.set_name}-q{self.images.quality}"

    def encoded(self, source: str, container: str) -> Path:
        """The encoded images of one container, as a tar."""
        return self.store / source / f"{container}.tar"

    def encoded_index(self, source: str, container: str) -> Path:
        """A row per file of the container, encoded or skipped."""
        return self.store / source / f"{container}.parquet"

    def encoded_part(self, source: str, container: str, part: int, parts: int) -> Path:
        """The images of one part of a container, until the parts are joined."""
        return self.store / source / f".{container}.{part:04d}-of-{parts:04d}.tar"

    def encoded_part_index(self, source: str, container: str, part: int, parts: int) -> Path:
        """The rows of one part of a container, until the parts are joined."""
        return self.store / source / f".{container}.{part:04d}-of-{parts:04d}.parquet"

    def encoding(self, source: str, container: str, part: int, parts: int) -> Path:
        """There while a worker encodes the container, or the part; and after a worker died at it."""
        return self.store / source / f".{container}.{part:04d}-of-{parts:04d}.tried"

    def unfinished(self) -> dict[Path, tuple[str, str]]:
        """What encoding has left in the store beside it, with the source and the container: parts, and marks."""
        there = sorted(self.store.glob("*/.*-of-*.*"))
        return {path: (path.parent.name, found[1]) for path in there if (found := _PART.fullmatch(path.name))}

    def leaks(self, benchmark: str) -> Path:
        """The images of the dataset that are in a benchmark."""
        return self.root / "leaks" / f"{benchmark}.parquet"

    def leak_list(self, benchmark: str) -> Path:
        """Those of them that are to be left out, as a hold-out list."""
        return self.root / "leaks" / f"{benchmark}.txt"

    @property
    def leak_work(self) -> Path:
        """The pictures of a benchmark while they are compared."""
        return self.root / ".leaks"

    def holdout_set(self, name: str) -> Path:
        """A hold-out set that was made from this dataset."""
        return self.root / "holdout" / name

    @property
    def duplicates(self) -> Path:
        """A row per image that is the same picture as another: its group, and how far it is from the others."""
        return self.root / "duplicates" / "groups.parquet"

    @property
    def duplicates_csv(self) -> Path:
        """The same for people."""
        return self.duplicates.with_suffix(".csv")

    @property
    def conflicts(self) -> Path:
        """Images that are the same picture and have different names."""
        return self.root / "duplicates" / "conflicts.parquet"

    @property
    def conflicts_csv(self) -> Path:
        """The same for people."""
        return self.conflicts.with_suffix(".csv")

    @property
    def ledger(self) -> Path:
        """The record of every image that did not become a sample."""
        return self.root / "ledger" / "ledger.parquet"

    @property
    def plan(self) -> Path:
        """Which sample goes into which shard: one Parquet file per split."""
        return self.root / "plan" / self.images.set_name

    def split_plan(self, split: str) -> Path:
        """The plan of one split: a row group per shard, rows in the shard's order."""
        return self.plan / f"{split}.parquet"

    @property
    def shards(self) -> Path:
        """The image set: a folder of shards per split, and the catalog."""
        return self.root / self.images.set_name

    def split(self, split: str) -> Path:
        """The folder of a split's shards."""
        return self.shards / split

    def shard(self, split: str, number: int) -> Path:
        """A shard."""
        return self.split(split) / f"shard-{number:06d}.tar"

    def shard_index(self, split: str, number: int) -> Path:
        """A row per sample of the shard, and what the shard was made from."""
        return self.root / "index" / self.images.set_name / split / f"shard-{number:06d}.parquet"

    def sizes(self, split: str) -> Path:
        """Samples per shard, for open_clip."""
        return self.split(split) / "sizes.json"

    def wids(self, split: str) -> Path:
        """The shard list, for wids."""
        return self.split(split) / "index.json"

    @property
    def catalog_csv(self) -> Path:
        """One row per sample, as CSV."""
        return self.shards / "catalog.csv"

    @property
    def catalog(self) -> Path:
        """One row per sample, as Parquet."""
        return self.shards / "catalog.parquet"

    @property
    def logs(self) -> Path:
        """What runs and checks have to say."""
        return self.root / "logs"

    @property
    def jobs(self) -> Path:
        """A folder for each run of an engine on a cluster."""
        return self.logs / "jobs"

    @property
    def bad_shards(self) -> Path:
        """The shards that check-wds found something wrong with, one a line."""
        return self.logs / "bad-shards.txt"

    @property
    def marks(self) -> Path:
        """What a curator found wrong: images to drop or to relabel. An input, which the plan obeys."""
        return self.root / "marks.csv"

    @property
    def all_findings(self) -> Path:
        """The folder of what was found about single samples; see :mod:`treeoflife.selection.findings`."""
        return self.root / "findings"

    def findings(self, name: str) -> Path:
        """What one that looks has found about single samples."""
        return self.all_findings / f"{name}.parquet"

    @property
    def view(self) -> Path:
        """Where samples lie, and what pages need to find them fast. May be deleted: it is made anew."""
        return self.root / ".view" / self.images.set_name

    @property
    def reports(self) -> Path:
        """Reports for people: index.html, statistics, treemaps."""
        return self.root / "reports"

    @property
    def licences(self) -> Path:
        """A row per image of which a licence is known."""
        return self.root / "licences.csv"

    @property
    def card(self) -> Path:
        """The dataset card."""
        return self.root / "README.md"

    @property
    def croissant(self) -> Path:
        """The dataset described for machines, as Croissant."""
        return self.root / "croissant.json"

    def report(self, name: str) -> Path:
        """A machine-readable report of a stage or check."""
        return self.logs / f"{name}.json"

    def finished(self) -> tuple[Path, ...]:
        """Files that a training run reads, beyond the shards themselves."""
        return (*(self.sizes(split) for split in SPLITS), *(self.wids(split) for split in SPLITS), self.catalog)
