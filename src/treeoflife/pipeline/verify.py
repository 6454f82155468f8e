"""Verifying a dataset: every checksum anew, and every sample, or some drawn by chance, from its shard to its source.

    SHA256SUMS -> every file                        is it as it was written?
    shard      -> its index, and the plan           are the bytes of every sample those that were planned?
    plan       -> mapping, and the store's index    is it the image that the id stands for?
    store      -> the source                        is it the file that was encoded, and is it still there?

Caches and times are not asked: all is read.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..core import checksums as sums
from ..core.files import sha256
from ..core.values import SPLITS
from ..engines.base import Tick
from ..errors import InputError
from ..images.store import read_meta
from ..mapping.store import read_source
from ..sources.base import Source
from . import build as pipeline
from .follow import Break, ContainerTask, ShardTask, trace_container, trace_shard
from .run import Run
from .stages import checksums, pack

CONFIDENCE = 0.95
_TARS = ".tar"
_PLANNED = pl.Schema(
    {
        "treeoflife_id": pl.String,
        "source": pl.String,
        "container": pl.String,
        "position": pl.UInt32,
        "offset": pl.UInt64,
        "size": pl.UInt32,
        "sha256": pl.Binary,
        "shard": pl.UInt32,
        "split": pl.String,
        "place": pl.Int64,
    }
)
"""What is read of the plans: where an image lies in the store, and its shard, split and place there."""


@dataclass(frozen=True)
class Damage:
    """Something that is not as it was.

    Attributes:
        kind: of a file, ``checksum``, ``missing`` or ``unlisted``; where the way of a sample breaks off, ``shard``,
            ``index``, ``plan`` or ``store``; of what is not ours, ``input`` or ``source``.
        file: what is damaged: below OUT by its name there, else by its path.
        detail: a sentence for people.
    """

    kind: str
    file: str
    detail: str

    def to_json(self) -> dict[str, str]:
        """For programs."""
        return asdict(self)


@dataclass(frozen=True)
class Verdict:
    """What came of it.

    Attributes:
        damage: all that is not as it was.
        files: how many files were hashed.
        samples: how many samples were followed.
        of: how many there are.
        images: how many files of the sources were read again.
    """

    damage: tuple[Damage, ...]
    files: int
    samples: int
    of: int
    images: int

    def text(self) -> str:
        """For people: what was read, and how sure one may be."""
        read = f"{self.files:,} files hashed, {self.samples:,} of {self.of:,} samples followed"
        read += f", {self.images:,} files of the sources read" if self.images else ", the sources left alone"
        if self.damage:
            return f"{read}: {len(self.damage)} things wrong"
        if self.samples == self.of:
            return f"{read}: all is as it was written"
        most = at_most(self.of, self.samples)
        sure = f"with {CONFIDENCE:.0%} confidence, at most {most:,} samples are bad ({most / self.of:.3%})"
        return f"{read}: nothing wrong; {sure}"


def at_most(population: int, drawn: int, confidence: float = CONFIDENCE) -> int:
    """The most bad samples that there may be, when of some drawn by chance none was bad.

    With K bad ones in M, none of N drawn is bad with probability C(M - K, N) / C(M, N): the hypergeometric
    distribution. The largest K is wanted for which that is still above 1 - confidence.

    >>> at_most(10_000_000, 3000), at_most(100, 100), at_most(100, 0)
    (9979, 0, 100)
    """
    low, high = 0, population - drawn
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if _unseen(population, middle, drawn) > math.log(1 - confidence) else (low, middle - 1)
        )
    return low


def _unseen(population: int, bad: int, drawn: int) -> float:
    """The logarithm of the probability that none of the bad ones is drawn."""
    good = population - bad
    return (math.lgamma(good + 1) - math.lgamma(good - drawn + 1)) - (
        math.lgamma(population + 1) - math.lgamma(population - drawn + 1)
    )


def verify(run: Run, sample: int | None = None, *, sources: bool = True, seed: int | None = None) -> Verdict:
    """Verify a dataset.

    Args:
        run: the run.
        sample: how many samples to draw by chance and follow; all, if not given. Then shards and encoded images are
            not hashed as a whole; all other files are.
        sources: whether to read the sources too.
        seed: of the draw; without it, every draw is another.

    Raises:
        InputError: the dataset is not finished.
    """
    listed = sums.read(run.dataset.paths.sums)
    if listed is None:
        raise InputError(f"there is no {run.dataset.paths.sums}: 'treeoflife build' finishes the dataset and writes it")
    damage = list(_compare(run, listed, whole=sample is None))
    bad = {one.file for one in damage}
    damage += _inputs(run, bad)
    rows = _planned(run, bad)
    chosen = _draw(rows, sample, seed)
    damage += _links(run, chosen, bad)
    shards = list(_shard_tasks(run, chosen, bad, whole=sample is None))
    containers = list(_container_tasks(run, chosen, bad, whole=sample is None, sources=sources))
    breaks = [*_follow_shards(run, shards), *(follow := _follow_containers(run, containers))]
    damage += _named(run, (one for traced in breaks for one in traced[0]))
    hashed = sum(1 for name in listed.digests if sample is None or not name.endswith(_TARS))
    return Verdict(tuple(dict.fromkeys(damage)), hashed, chosen.height, rows.height, sum(read for _, read in follow))


def repair(run: Run, verdict: Verdict) -> list[str]:
    """Remove what is damaged, and build: the same bytes as before. Returns the names of what was removed.

    Inputs and sources are left alone: they are not ours, and there is nothing to make them from.
    """
    ours = {checksums.name_of(run, path): path for path in (*checksums.outputs(run), run.dataset.paths.sums)}
    removed = [name for name in dict.fromkeys(one.file for one in verdict.damage) if name in ours]
    for name in removed:
        ours[name].unlink(missing_ok=True)
    pipeline.build(run)
    return removed


@dataclass(frozen=True)
class _HashTask:
    path: Path
    digest: str


def _hash(task: _HashTask, tick: Tick) -> bool:
    """Whether a file is as the list says."""
    same = sha256(task.path) == task.digest
    tick(1)
    return same


def _compare(run: Run, listed: sums.Sums, *, whole: bool) -> Iterator[Damage]:
    """What is not as the list says; the tars are left out if not ``whole``."""
    paths = run.dataset.paths
    there = {checksums.name_of(run, path): path for path in checksums.outputs(run)}
    if not listed.whole:
        yield Damage("checksum", paths.sums.name, "the list of checksums is not the one that was written")
    yield from (Damage("missing", name, "the file is gone") for name in sorted(listed.digests.keys() - there.keys()))
    yield from (Damage("unlisted", name, "it is not in SHA256SUMS") for name in sorted(there.keys() - listed.digests))
    names = [name for name in sorted(there.keys() & listed.digests.keys()) if whole or not name.endswith(_TARS)]
    tasks = [_HashTask(there[name], listed.digests[name]) for name in names]
    run.listener.start("verify: checksums", len(tasks), "files")
    changed = [task.path for task, same in run.tasks(_hash, tasks, lambda task: str(task.path)) if not same]
    run.listener.finish(f"{len(tasks)} files, {len(changed)} changed")
    for path in sorted(changed):
        yield Damage("checksum", checksums.name_of(run, path), "its SHA-256 is not the one that it was written with")


def _inputs(run: Run, bad: set[str]) -> Iterator[Damage]:
    """Inputs beside the sources that are not those that the plan was made from."""
    plan = run.dataset.paths.split_plan("train")
    made = (read_meta(plan) or {}).get("from", {}) if checksums.name_of(run, plan) not in bad else {}
    lists = zip(run.dataset.config.holdout, made.get("holdouts", []), strict=False)
    recorded: dict[Path, str] = {one.path: digest for one, (_, digest, _) in lists}
    if run.dataset.config.mapping.published and "mapping" in made:
        recorded[run.dataset.mapping] = made["mapping"]
    for path, digest in recorded.items():
        if not path.exists():
            yield Damage("input", str(path), "the file is gone")
        elif sha256(path) != digest:
            yield Damage("input", str(path), "it is not the file that the plan was made from")


def _planned(run: Run, bad: set[str]) -> pl.DataFrame:
    """All samples of the plans that are sound, with their place in their shard."""
    paths = run.dataset.paths
    frames = [pl.DataFrame(schema=_PLANNED)]
    for split in SPLITS:
        plan = paths.split_plan(split)
        if checksums.name_of(run, plan) not in bad and plan.exists():
            frame = pl.read_parquet(plan, columns=list(_PLANNED)[:-2]).with_columns(split=pl.lit(split))
            frames.append(frame.with_columns(place=pl.int_range(pl.len()).over("shard")).cast(_PLANNED))
    return pl.concat(frames)


def _draw(rows: pl.DataFrame, sample: int | None, seed: int | None) -> pl.DataFrame:
    """As many rows, each as likely as any other."""
    if sample is None or sample >= rows.height:
        return rows
    chance = random.Random(seed)  # noqa: S311 - nothing is kept secret
    return rows[sorted(chance.sample(range(rows.height), sample))]


def _links(run: Run, chosen: pl.DataFrame, bad: set[str]) -> Iterator[Damage]:
    """Samples whose id, by the mapping, is of another image than the one at its place in the store."""
    if _mapping_is(run, bad):
        return
    for source in run.dataset.sources:
        files = _files(run, source, bad)
        if files.is_empty():
            continue
        files = files.rename({"treeoflife_id": "file_id"})
        mapping = read_source(run.dataset.mapping, source).select(*source.key, key_id="treeoflife_id")
        named = files.join(mapping, on=list(source.key), how="left").with_columns(id=pl.coalesce("file_id", "key_id"))
        rows = chosen.filter(source=source.name).join(files.select("container").unique(), on="container", how="semi")
        place = ["container", "position", "offset", "size", "sha256"]
        lost = rows.join(named, left_on=[*place, "treeoflife_id"], right_on=[*place, "id"], how="anti")
        for treeoflife_id, container, split in lost.select("treeoflife_id", "container", "split").iter_rows():
            plan = checksums.name_of(run, run.dataset.paths.split_plan(split))
            yield Damage("plan", plan, f"{treeoflife_id} is not the image at its place in {source.name}/{container}")


def _files(run: Run, source: Source, bad: set[str]) -> pl.DataFrame:
    """The images of a source in the store, by the indexes that are sound."""
    columns = ["position", "treeoflife_id", "offset", "size", "sha256", *source.key]
    indexes = [
        (one.name, run.dataset.paths.encoded_index(source.name, one.name))
        for other, one in run.containers()
        if other is source
    ]
    frames = [
        pl.read_parquet(index, columns=columns).with_columns(container=pl.lit(name))
        for name, index in indexes
        if index.exists() and checksums.name_of(run, index) not in bad
    ]
    return pl.concat(frames) if frames else pl.DataFrame()


def _mapping_is(run: Run, bad: set[str]) -> bool:
    """Whether the mapping is among what is bad."""
    path = run.dataset.mapping
    return str(path) in bad or (path.is_relative_to(run.dataset.paths.root) and checksums.name_of(run, path) in bad)


def _shard_tasks(run: Run, chosen: pl.DataFrame, bad: set[str], *, whole: bool) -> Iterator[ShardTask]:
    by_shard = {
        (split, number): tuple(rows["place"])
        for (split, number), rows in chosen.group_by("split", "shard", maintain_order=True)
    }
    for task in pack.planned(run):
        places = by_shard.get((task.shard.parent.name, task.number))
        files = {checksums.name_of(run, path) for path in (task.plan, task.index, task.shard)}
        if places and not files & bad:
            yield ShardTask(task, None if whole else places)


def _container_tasks(
    run: Run, chosen: pl.DataFrame, bad: set[str], *, whole: bool, sources: bool
) -> Iterator[ContainerTask]:
    paths, most = run.dataset.paths, run.dataset.config.images.max_bytes
    drawn = {key: tuple(rows["position"].unique().sort()) for key, rows in chosen.group_by("source", "container")}
    for source, one in run.containers():
        tar, index = paths.encoded(source.name, one.name), paths.encoded_index(source.name, one.name)
        positions = drawn.get((source.name, one.name), ())
        if (whole or positions) and checksums.name_of(run, index) not in bad and index.exists():
            sound = tar.exists() and checksums.name_of(run, tar) not in bad
            yield ContainerTask(source, one, index, tar if sound else None, None if whole else positions, most, sources)


Traced = list[tuple[tuple[Break, ...], int]]


def _follow_shards(run: Run, tasks: Sequence[ShardTask]) -> Traced:
    run.listener.start("verify: shards", len(tasks), "shards")
    traced = [done for _, done in run.tasks(trace_shard, tasks, lambda task: task.label)]
    run.listener.finish(f"{len(tasks)} shards")
    return traced


def _follow_containers(run: Run, tasks: Sequence[ContainerTask]) -> Traced:
    run.listener.start("verify: sources", len(tasks), "containers")
    traced = [done for _, done in run.tasks(trace_container, tasks, lambda task: task.label)]
    run.listener.finish(f"{len(tasks)} containers")
    return traced


def _named(run: Run, breaks: Any) -> list[Damage]:
    """Breaks as damage, in a fixed order."""
    root = run.dataset.paths.root
    found = (
        Damage(
            one.kind, checksums.name_of(run, one.path) if one.path.is_relative_to(root) else str(one.path), one.detail
        )
        for one in breaks
    )
    return sorted(found, key=lambda one: (one.kind, one.file, one.detail))
