"""Following samples: from a shard to what was planned, and from the encoded store to the source."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core import tar_writer as tarwrite
from ..engines.base import Tick
from ..errors import ContainerError
from ..shards.pack import PackTask, index_meta, layout, texts_block
from ..shards.plan import PLACE, read_shard, shard_fingerprint
from ..sources.base import Container, Source

_SHOWN = 20


@dataclass(frozen=True)
class Break:
    """Where the way back from a sample breaks off: the kind and path of what is damaged, and a sentence for people."""

    kind: str
    path: Path
    detail: str


@dataclass(frozen=True)
class ShardTask:
    """A shard whose samples are compared with the plan: those at ``places``, or all and every byte between."""

    planned: PackTask
    places: tuple[int, ...] | None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.planned.label


def trace_shard(task: ShardTask, tick: Tick) -> tuple[tuple[Break, ...], int]:
    """Compare a shard with its index and its plan; returns what is wrong, and how many samples were compared."""
    planned = task.planned
    rows = read_shard(planned.plan, planned.number)
    places = range(rows.height) if task.places is None else task.places
    found = [*_indexed(planned, rows), *_compare(planned.shard, rows, places, whole=task.places is None)]
    tick(1)
    return tuple(found[:_SHOWN]), len(places)


def _indexed(planned: PackTask, rows: pl.DataFrame) -> Iterator[Break]:
    """What is wrong with the plan of a shard, or its index."""
    if shard_fingerprint(rows) != planned.fingerprint:
        yield Break("plan", planned.plan, f"its rows of {planned.shard.name} are not those that were planned")
    starts = pl.Series("offset", layout(rows)[0], dtype=pl.Int64) + tarwrite.BLOCK
    if index_meta(planned.index).get("fingerprint") != planned.fingerprint:
        yield Break("index", planned.index, "it is of another plan")
    elif not pl.read_parquet(planned.index).equals(rows.drop(PLACE).with_columns(offset=starts)):
        yield Break("index", planned.index, "its rows are not those that were planned")


def _compare(shard: Path, rows: pl.DataFrame, places: range | tuple[int, ...], *, whole: bool) -> Iterator[Break]:
    """Samples in a shard that are not, byte for byte, what the plan makes of them."""
    starts, size = layout(rows)
    ids, sizes, lengths, digests = (rows[name] for name in ("treeoflife_id", "size", "tar_bytes", "sha256"))
    with shard.open("rb", buffering=0) as fd:
        for place in places:
            there = os.pread(fd.fileno(), lengths[place], starts[place])
            jpeg = there[tarwrite.BLOCK : tarwrite.BLOCK + sizes[place]]
            if hashlib.sha256(jpeg).digest() != digests[place]:
                yield Break("shard", shard, f"the image of {ids[place]} is not the one that was encoded")
            elif there != tarwrite.member(f"{ids[place]}.jpg", jpeg) + texts_block(rows.row(place, named=True)):
                yield Break("shard", shard, f"the texts or headers of {ids[place]} are not those that were planned")
        tail = size - sum(lengths)
        if whole and os.pread(fd.fileno(), tail + 1, size - tail) != bytes(tail):
            yield Break("shard", shard, "it does not end as it was written")


@dataclass(frozen=True)
class ContainerTask:
    """A container of which the store's images are compared with its index, and the source's files too.

    Attributes:
        source: its source.
        container: the container.
        index: its index in the store.
        tar: its images in the store; None where they are not kept.
        positions: those that are compared; None for all.
        max_bytes: the longest file that is read.
        sources: whether the source is read.
    """

    source: Source
    container: Container
    index: Path
    tar: Path | None
    positions: tuple[int, ...] | None
    max_bytes: int
    sources: bool

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.source.name}/{self.container.name}"


def trace_container(task: ContainerTask, tick: Tick) -> tuple[tuple[Break, ...], int]:
    """Compare the store, and the source, with an index; returns what is wrong, and how many source files were read."""
    rows = pl.read_parquet(
        task.index, columns=["position", "file", "offset", "size", "sha256", "source_sha256", "source_bytes"]
    )
    if task.positions is not None:
        rows = rows.filter(pl.col("position").is_in(task.positions))
    found = list(_stored(task.tar, rows)) if task.tar else []
    read = 0
    if task.sources:
        try:
            broken = list(_sourced(task, rows))
            found, read = found + broken, rows.height
        except (ContainerError, OSError) as error:
            found.append(Break("source", task.container.path, f"it cannot be read: {error}"))
    tick(1)
    return tuple(found[:_SHOWN]), read


def _stored(tar: Path, rows: pl.DataFrame) -> Iterator[Break]:
    """Images in the store that are not those that were encoded."""
    wanted = rows.filter(pl.col("sha256").is_not_null())
    with tar.open("rb", buffering=0) as fd:
        for file, offset, size, digest in wanted.select("file", "offset", "size", "sha256").iter_rows():
            if hashlib.sha256(os.pread(fd.fileno(), size, offset)).digest() != digest:
                yield Break("store", tar, f"the image of {file} is not the one that was encoded")


def _sourced(task: ContainerTask, rows: pl.DataFrame) -> Iterator[Break]:
    """Files of the source that are not those that were encoded, and files too few or too many."""
    path, last = task.container.path, rows["position"].max()
    wanted = {row[0]: row[1:] for row in rows.select("position", "file", "source_bytes", "source_sha256").iter_rows()}
    for position, image in enumerate(task.source.read(task.container, task.max_bytes)):
        known = wanted.pop(position, None)
        if known and known != (image.file, len(image.data), hashlib.sha256(image.data).digest()):
            yield Break("source", path, f"{known[0]} is not the file that was encoded")
        if known is None and task.positions is None:
            yield Break("source", path, f"{image.file} was not there when it was encoded")
        if task.positions is not None and position == last:
            break
    yield from (Break("source", path, f"{file} is gone") for file, *_ in wanted.values())
