"""Verifying a dataset: every checksum anew, and every sample, or a random draw, followed from its shard to its source.

    SHA256SUMS -> every file                        is it as it was written?
    shard      -> its index, and the plan           are the bytes of every sample those that were planned?
    plan       -> mapping, and the store's index    is it the image that the id stands for?
    store      -> the source                        is it the file that was encoded, and is it still there?

Nothing is taken from caches or file times: everything is read.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import polars as pl

from ..core import checksums
from ..core.database import columns, open_database
from ..core.files import exists, is_no_file, sha256
from ..core.values import SPLITS
from ..engines.base import Function, Tick
from ..errors import InputError
from ..images.store import LOCATION_COLUMNS
from ..mapping.images import open_images
from ..mapping.stored_files import open_files
from ..selection.match import pair_files
from ..shards.pack import planned_shards
from .build import build
from .follow_samples import ContainerTask, Mismatch, ShardTask, follow_container, follow_shard
from .session import Session
from .stages.checksums import outputs
from .stages.plan import changed_inputs

T = TypeVar("T", ShardTask, ContainerTask)
_Outcome = tuple[tuple[Mismatch, ...], int]
CONFIDENCE = 0.95
_PLANNED = pl.Schema(
    {"treeoflife_id": pl.String, "source": pl.String, "container": pl.String, "position": pl.UInt32,
     "offset": pl.UInt64, "size": pl.UInt32, "sha256": pl.Binary, "shard": pl.UInt32, "split": pl.String,
     "row": pl.Int64}
)  # fmt: skip
"""What is read of the plans: where an image lies in the store, and its shard, split and row there."""
_STORED = ("position", "offset", "size", "sha256")


@dataclass(frozen=True)
class Damage:
    """Something that is not as it was.

    Attributes:
        kind: of a file, ``checksum``, ``missing``, ``not-a-file`` or ``unlisted``; on the way from a sample to its
            source, ``shard``, ``index``, ``plan`` or ``store``; of files that this program did not write, ``input`` or
            ``source``.
        file: what is damaged: its name below OUT, or its path elsewhere.
        detail: a sentence for people.
    """

    kind: str
    file: str
    detail: str


@dataclass(frozen=True)
class Verdict:
    """What verifying found.

    Attributes:
        damage: everything that is not as it was.
        files: how many files were hashed.
        samples: how many samples were followed.
        of: how many samples the dataset has.
        images: how many files of the sources were read again.
    """

    damage: tuple[Damage, ...]
    files: int
    samples: int
    of: int
    images: int

    def text(self) -> str:
        """For people: what was read, and how certain the result is."""
        read = f"{self.files:,} files hashed, {self.samples:,} of {self.of:,} samples followed"
        read += f", {self.images:,} files of the sources read" if self.images else ", the sources were not read"
        if self.damage:
            return f"{read}: {len(self.damage)} things wrong"
        if self.samples == self.of:
            return f"{read}: all is as it was written"
        most = at_most(self.of, self.samples)
        certainty = f"with {CONFIDENCE:.0%} confidence, at most {most:,} samples are bad ({most / self.of:.3%})"
        return f"{read}: nothing wrong; {certainty}"


def at_most(population: int, drawn: int, confidence: float = CONFIDENCE) -> int:
    """The largest number of bad samples that is compatible with drawing some at random and finding none of them bad.

    With K bad ones among M, none of N drawn is bad with probability C(M - K, N) / C(M, N), by the hypergeometric
    distribution. The result is the largest K for which that is still above 1 - confidence.

    >>> at_most(10_000_000, 3000), at_most(100, 100), at_most(100, 0)
    (9979, 0, 100)
    """
    low, high = 0, population - drawn
    while low < high:
        middle = (low + high + 1) // 2
        if _log_none_drawn(population, middle, drawn) > math.log(1 - confidence):
            low = middle
        else:
            high = middle - 1
    return low


def _log_none_drawn(population: int, bad: int, drawn: int) -> float:
    """The logarithm of the probability that none of the bad ones is drawn."""
    good = population - bad
    return (math.lgamma(good + 1) - math.lgamma(good - drawn + 1)) - (
        math.lgamma(population + 1) - math.lgamma(population - drawn + 1)
    )


def verify(session: Session, sample: int | None = None, *, sources: bool = True, seed: int | None = None) -> Verdict:
    """Verify a dataset.

    Args:
        sample: how many samples to draw at random and follow; all, if not given. With a draw, shards and encoded images
            are not hashed as a whole; all other files are.
        sources: whether to read the sources too.
        seed: of the draw; without it, every draw differs.

    Raises:
        InputError: the dataset is not finished.
        OSError: a folder or a pipe is in the place of a plan, which says what files there should be.
    """
    listed = checksums.read(session.workspace.paths.checksums)
    if listed is None:
        path = session.workspace.paths.checksums
        raise InputError(f"there is no {path}: 'treeoflife build' finishes the dataset and writes it")
    return _Verification(session, listed, whole=sample is None, sources=sources).run(sample, seed)


def repair(session: Session, verdict: Verdict) -> list[str]:
    """Remove what is damaged, and build it again: the same bytes as before. Returns the names of what was removed.

    Inputs and sources are left alone: this program did not write them, and has nothing to make them from.

    Raises:
        InputError: a folder, or anything else that is no file, is in the place of a file. Nothing was removed then.
    """
    paths = [*_outputs(session), session.workspace.paths.checksums]
    files = {session.evidence.name(path): path for path in paths}
    removed = [name for name in dict.fromkeys(one.file for one in verdict.damage) if name in files]
    if no_files := sorted(str(files[name]) for name in removed if is_no_file(files[name])):
        raise InputError(f"{no_files[0]} is a folder, a pipe or the like where a file was: move it away")
    for name in removed:
        files[name].unlink(missing_ok=True)
    build(session)
    return removed


def _outputs(session: Session) -> list[Path]:
    stages = [stage for name, stage in session.stages.items() if name not in ("checksums", "report")]
    return outputs(session.workspace.paths, stages)


def _fault(task: tuple[Path, str], tick: Tick) -> tuple[str, str] | None:
    """The kind and detail of the damage of a file whose digest is given; None if it is as it was written."""
    path, digest = task
    tick(1)
    if is_no_file(path):
        return "not-a-file", "a folder, a pipe or the like is in its place: move it away"
    if sha256(path) != digest:
        return "checksum", "its SHA-256 is not the one that it was written with"
    return None


@dataclass(frozen=True)
class _Verification:
    """One verification."""

    session: Session
    listed: checksums.Checksums
    whole: bool
    sources: bool

    def run(self, sample: int | None, seed: int | None) -> Verdict:
        damage = list(self._compare_checksums())
        bad = {one.file for one in damage}
        damage += self._check_inputs(bad)
        rows = self._planned(bad)
        chosen = _draw(rows, sample, seed)
        damage += self._check_ids(chosen, bad)
        of_shards = self._follow("shards", follow_shard, list(self._shard_tasks(chosen, bad)))
        of_containers = self._follow("sources", follow_container, list(self._container_tasks(chosen, bad)))
        mismatches = [one for some, _ in (*of_shards, *of_containers) for one in some]
        damage += sorted((Damage(one.kind, self._name(one.path), one.detail) for one in mismatches), key=astuple)
        files = sum(1 for name in self.listed.digests if self.whole or not name.endswith(".tar"))
        images = sum(count for _, count in of_containers)
        return Verdict(tuple(dict.fromkeys(damage)), files, chosen.height, rows.height, images)

    def _name(self, path: Path) -> str:
        return self.session.evidence.name(path)

    def _compare_checksums(self) -> Iterator[Damage]:
        """What is not as the list says; shards and encoded images are left out of a draw."""
        listed, files = self.listed.digests, {self._name(path): path for path in _outputs(self.session)}
        if not self.listed.intact:
            yield Damage("checksum", "SHA256SUMS", "the list of checksums is not the one that was written")
        yield from (Damage("missing", name, "the file is gone") for name in sorted(listed.keys() - files.keys()))
        yield from (
            Damage("unlisted", name, "it is not in SHA256SUMS") for name in sorted(files.keys() - listed.keys())
        )
        names = [name for name in sorted(files.keys() & listed.keys()) if self.whole or not name.endswith(".tar")]
        tasks = [(files[name], listed[name]) for name in names]
        listener = self.session.listener
        listener.start("verify: checksums", len(tasks), "files")
        outcomes = self.session.runner.run(_fault, tasks, lambda task: str(task[0]))
        changed = sorted((path, *fault) for (path, _), fault in outcomes if fault)
        listener.finish(f"{len(tasks)} files, {len(changed)} changed")
        for path, kind, detail in changed:
            yield Damage(kind, self._name(path), detail)

    def _check_inputs(self, bad: set[str]) -> Iterator[Damage]:
        """Inputs beside the sources that are not those that the plan was made from."""
        record = self.session.evidence.records.get("plan", "plan")
        for path in changed_inputs(self.session.workspace, record.inputs if record else {}):
            if str(path) not in bad:
                detail = "it is not the file that the plan was made from" if exists(path) else "the file is gone"
                yield Damage("input", str(path), detail)

    def _planned(self, bad: set[str]) -> pl.DataFrame:
        """All samples of the plans that are sound, with their rows in their shards."""
        frames = [pl.DataFrame(schema=_PLANNED)]
        for split in SPLITS:
            plan = self.session.workspace.paths.split_plan(split)
            if self._name(plan) not in bad and exists(plan):
                frame = pl.read_parquet(plan, columns=list(_PLANNED)[:-2], glob=False).with_columns(split=pl.lit(split))
                frames.append(frame.with_columns(row=pl.int_range(pl.len()).over("shard")).cast(_PLANNED))
        return pl.concat(frames)

    def _check_ids(self, chosen: pl.DataFrame, bad: set[str]) -> Iterator[Damage]:
        """Samples whose id, by the mapping, belongs to another image than the one at its position in the store."""
        workspace, mapping = self.session.workspace, self.session.workspace.paths.mapping_parquet
        if self._name(mapping) in bad or not exists(mapping):
            return
        used = {f"{source}/{container}" for source, container in chosen.select("source", "container").unique().rows()}
        stored = [one for one in workspace.stored(used) if exists(one.path) and self._name(one.path) not in bad]
        # A dataset that is verified may be on a read-only disk, or a build may use its scratch folder at the moment.
        with TemporaryDirectory() as folder, open_database(Path(folder, "tables")) as database:
            open_images(database, mapping, workspace.sources)
            database.load("chosen_sample", chosen.select("treeoflife_id", "source", "container", "split", *_STORED))
            open_files(database, workspace.sources, stored, LOCATION_COLUMNS, among="chosen_sample")
            pair_files(database, workspace.sources)
            lost = database.rows(f"""
                SELECT treeoflife_id, source, container, split
                FROM chosen_sample
                SEMI JOIN container USING (source, container)
                ANTI JOIN (
                    SELECT image.treeoflife_id, file.* EXCLUDE (treeoflife_id)
                    FROM image
                    JOIN match USING (image_row)
                    JOIN file USING (file_row)
                ) AS stored USING (treeoflife_id, source, container, {columns(_STORED)})
                ORDER BY ALL
            """)
        for treeoflife_id, source, container, split in lost:
            plan = self._name(workspace.paths.split_plan(split))
            yield Damage("plan", plan, f"{treeoflife_id} is not the image at its position in {source}/{container}")

    def _shard_tasks(self, chosen: pl.DataFrame, bad: set[str]) -> Iterator[ShardTask]:
        groups = chosen.group_by("split", "shard", maintain_order=True)
        by_shard = {(split, number): tuple(rows["row"]) for (split, number), rows in groups}
        for task in planned_shards(self.session.workspace.paths):
            rows = by_shard.get((task.shard.parent.name, task.number))
            files = {self._name(path) for path in (task.plan, task.index, task.shard)}
            if rows and not files & bad:
                yield ShardTask(task, None if self.whole else rows)

    def _container_tasks(self, chosen: pl.DataFrame, bad: set[str]) -> Iterator[ContainerTask]:
        paths, max_bytes = self.session.workspace.paths, self.session.workspace.config.images.max_bytes
        groups = chosen.group_by("source", "container")
        drawn = {key: tuple(rows["position"].unique().sort()) for key, rows in groups}
        for source, one in self.session.workspace.containers():
            tar, index = paths.encoded(source.name, one.name), self.session.workspace.indexes()[one.label]
            positions = drawn.get((source.name, one.name), ())
            if (self.whole or positions) and self._name(index) not in bad and exists(index):
                sound_tar = tar if exists(tar) and self._name(tar) not in bad else None
                compared = None if self.whole else positions
                yield ContainerTask(source, one, index, sound_tar, compared, max_bytes, self.sources)

    def _follow(self, unit: str, function: Function[T, _Outcome], tasks: Sequence[T]) -> list[_Outcome]:
        listener = self.session.listener
        listener.start(f"verify: {unit}", len(tasks), unit)
        outcomes = [outcome for _, outcome in self.session.runner.run(function, tasks, lambda task: str(task.label))]
        listener.finish(f"{len(tasks)} {unit}")
        return outcomes


def _draw(rows: pl.DataFrame, sample: int | None, seed: int | None) -> pl.DataFrame:
    """As many rows as asked for, each as likely as any other."""
    if sample is None or sample >= rows.height:
        return rows
    chance = random.Random(seed)  # noqa: S311 - nothing is kept secret
    return rows[sorted(chance.sample(range(rows.height), sample))]
