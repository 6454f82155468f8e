"""Following samples back: from a shard to its plan, and from the encoded store to the source. Tasks for workers."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core import tar_writer
from ..core.files import read_at
from ..engines.base import Tick
from ..errors import ContainerError
from ..shards.pack import PackTask, compute_layout, read_index_meta
from ..shards.plan import PLACEMENT_COLUMNS, read_shard, shard_fingerprint
from ..shards.texts import encode_texts
from ..sources.base import Container, Source
from ..sources.withdrawn import WITHDRAWN

# A file that is damaged all over need not be described a million times.
_MISMATCHES_KEPT = 20


@dataclass(frozen=True)
class Mismatch:
    """Something on the way from a sample to its source that is not as it was recorded.

    Attributes:
        kind: ``shard``, ``index``, ``plan``, ``store`` or ``source``.
        detail: a sentence for people.
    """

    kind: str
    path: Path
    detail: str


@dataclass(frozen=True)
class ShardTask:
    """A shard whose samples are compared with the plan.

    Attributes:
        planned: the shard as it is planned.
        rows: the samples to compare, by their rows in the shard; None for all, and every byte between them.
    """

    planned: PackTask
    rows: tuple[int, ...] | None

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.planned.label


def follow_shard(task: ShardTask, tick: Tick) -> tuple[tuple[Mismatch, ...], int]:
    """Compare a shard with its index and its plan; returns mismatches, and how many samples were compared."""
    planned = task.planned
    plan = read_shard(planned.plan, planned.number)
    rows = range(plan.height) if task.rows is None else task.rows
    mismatches = [*_check_index(planned, plan), *_check_samples(planned, plan, rows, whole=task.rows is None)]
    tick(1)
    return tuple(mismatches[:_MISMATCHES_KEPT]), len(rows)


def _check_index(planned: PackTask, plan: pl.DataFrame) -> Iterator[Mismatch]:
    """What is wrong with the plan of a shard, or with its index."""
    if shard_fingerprint(plan, planned.further) != planned.fingerprint:
        yield Mismatch("plan", planned.plan, f"its rows of {planned.shard.name} are not those that were planned")
    offsets = pl.Series("offset", compute_layout(plan)[0], dtype=pl.Int64) + tar_writer.BLOCK
    if read_index_meta(planned.index).get("fingerprint") != planned.fingerprint:
        yield Mismatch("index", planned.index, "it belongs to another plan")
    elif not pl.read_parquet(planned.index, glob=False).equals(
        plan.drop(PLACEMENT_COLUMNS).with_columns(offset=offsets)
    ):
        yield Mismatch("index", planned.index, "its rows are not those that were planned")


def _check_samples(
    planned: PackTask, plan: pl.DataFrame, rows: range | tuple[int, ...], *, whole: bool
) -> Iterator[Mismatch]:
    """Samples in a shard that are not, byte for byte, what the plan makes of them."""
    shard, (starts, size) = planned.shard, compute_layout(plan)
    ids, sizes, lengths, digests = (plan[name] for name in ("treeoflife_id", "size", "tar_bytes", "sha256"))
    with shard.open("rb", buffering=0) as fd:
        for row in rows:
            members = read_at(fd, lengths[row], starts[row])
            jpeg = members[tar_writer.BLOCK : tar_writer.BLOCK + sizes[row]]
            if hashlib.sha256(jpeg).digest() != digests[row]:
                yield Mismatch("shard", shard, f"the image of {ids[row]} is not the one that was encoded")
                continue
            texts = encode_texts(plan.row(row, named=True), planned.further)
            if members != tar_writer.encode_member(f"{ids[row]}.jpg", jpeg) + texts:
                yield Mismatch("shard", shard, f"the texts or headers of {ids[row]} are not those that were planned")
        tail = size - sum(lengths)
        # One byte more than there should be, to notice a file that is too long.
        if whole and read_at(fd, tail + 1, size - tail) != bytes(tail):
            yield Mismatch("shard", shard, "it does not end as it was written")


@dataclass(frozen=True)
class ContainerTask:
    """A container whose images in the store are compared with its index, and the source's files too.

    Attributes:
        index: its index in the store.
        tar: its images in the store; None where they are not kept.
        positions: the positions to compare; None for all.
        max_bytes: the longest file that is read.
        read_source: whether the source is read.
    """

    source: Source
    container: Container
    index: Path
    tar: Path | None
    positions: tuple[int, ...] | None
    max_bytes: int
    read_source: bool

    @property
    def label(self) -> str:
        """What messages call it."""
        return self.container.label


def follow_container(task: ContainerTask, tick: Tick) -> tuple[tuple[Mismatch, ...], int]:
    """Compare the store, and the source, with an index; returns mismatches, and how many source files were read."""
    columns = ["position", "file", "offset", "size", "sha256", "source_sha256", "source_bytes", "reason"]
    rows = pl.read_parquet(task.index, columns=columns, glob=False)
    if task.positions is not None:
        rows = rows.filter(pl.col("position").is_in(task.positions))
    mismatches = list(_check_store(task.tar, rows)) if task.tar else []
    files_read = 0
    if task.read_source:
        try:
            mismatches += list(_check_source(task, rows))
            files_read = rows.height
        except (ContainerError, OSError) as error:
            mismatches.append(Mismatch("source", task.container.path, f"it cannot be read: {error}"))
    tick(1)
    return tuple(mismatches[:_MISMATCHES_KEPT]), files_read


def _check_store(tar: Path, rows: pl.DataFrame) -> Iterator[Mismatch]:
    """Images in the store that are not those that were encoded."""
    encoded = rows.filter(pl.col("sha256").is_not_null())
    with tar.open("rb", buffering=0) as fd:
        for file, offset, size, digest in encoded.select("file", "offset", "size", "sha256").iter_rows():
            if hashlib.sha256(read_at(fd, size, offset)).digest() != digest:
                yield Mismatch("store", tar, f"the image of {file} is not the one that was encoded")


def _check_source(task: ContainerTask, rows: pl.DataFrame) -> Iterator[Mismatch]:
    """Files of the source that are not those that were encoded, and files too few or too many."""
    path, last = task.container.path, rows["position"].max()
    recorded = {row[0]: row[1:] for row in rows.select("position", "file", "source_bytes", "source_sha256").iter_rows()}
    # Of withdrawn images nothing is on record that their files could be compared with.
    withdrawn = set(rows.filter(reason=WITHDRAWN)["position"])
    for position, image in enumerate(task.source.read(task.container, task.max_bytes)):
        expected = recorded.pop(position, None)
        if expected and position not in withdrawn and expected != (image.file, len(image.data), image.digest()):
            yield Mismatch("source", path, f"{expected[0]} is not the file that was encoded")
        if expected is None and task.positions is None:
            yield Mismatch("source", path, f"{image.file} was not there when the container was encoded")
        if task.positions is not None and position == last:
            break
    lost = (file for position, (file, *_) in recorded.items() if position not in withdrawn)
    yield from (Mismatch("source", path, f"{file} is gone") for file in lost)
