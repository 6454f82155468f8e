"""Packing: store + plan -> shards, one task per shard.

The plan determines where each member of a shard lies before any image is read. So images are read in the order in which
they lie in the store, forwards and in few large reads, and each is written at its position in the shard.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..config.paths import Paths
from ..core.files import read_at, replacing, sha256, stamp
from ..core.parquet_meta import read_meta
from ..core.tar_writer import BLOCK, encode_header, end_marker, padded_size
from ..core.values import NAME_COLUMNS, SPLITS
from ..core.versions import versions
from ..engines.base import Tick
from ..errors import StoreError
from .plan import PLACEMENT_COLUMNS, read_shard
from .sections import section_of
from .texts import FurtherTexts, encode_texts

# For a disk, a seek takes as long as reading about 1 MB: a gap of this size, or three images, is faster to read than to
# skip (docs/scale.md).
_MAX_GAP = 128 << 10
# Bounds the memory of a worker; a longer read would hardly be faster.
_MAX_READ = 8 << 20


@dataclass(frozen=True)
class PackTask:
    """A shard to pack.

    Attributes:
        fingerprint: the fingerprint of its rows in the plan.
        store: the folder of the tars of the encoded store.
        index: the index to write, after the shard.
        provenance: what the images come from and how they were made; recorded in the index.
        written_sha256: the digest of the shard if it already is as planned, so that only its index is written.
        further: the texts of its samples beside the ten.
    """

    plan: Path
    number: int
    fingerprint: str
    samples: int
    store: Path
    shard: Path
    index: Path
    provenance: Mapping[str, Any] = field(default_factory=dict)
    written_sha256: str | None = None
    further: FurtherTexts = FurtherTexts()

    @property
    def label(self) -> str:
        """What messages call it, such as ``train/shard-000000.tar``."""
        return f"{self.shard.parent.name}/{self.shard.name}"


def planned_shards(paths: Paths) -> list[PackTask]:
    """A task for every shard of the plans; none while a split has no plan yet."""
    metas = {split: meta for split in SPLITS if (meta := read_meta(paths.split_plan(split)))}
    if len(metas) < len(SPLITS):
        return []
    tasks = []
    for split, meta in metas.items():
        plan, made = paths.split_plan(split), meta.get("made", {})
        further = FurtherTexts.from_json(meta.get("texts"))
        for number, (digest, samples) in enumerate(zip(meta["shards"], meta["samples"], strict=True)):
            shard, index = paths.shard(split, number), paths.shard_index(split, number)
            tasks.append(
                PackTask(plan, number, digest, samples, paths.encoded_images, shard, index, made, further=further)
            )
    return tasks


@dataclass(frozen=True)
class PackedShard:
    """A shard that was written, with its stamp and digest, so that it need not be read again to hash it."""

    shard: Path
    tar_stamp: str
    tar_sha256: str


@dataclass(frozen=True)
class PackSection:
    """The ``number``-th of ``count`` sections of a shard, to be written into the ``file`` that becomes the shard.

    Tasks of one computer may write sections of one file at once. Those of two may not: where the file lies on a
    network, each would write whole pages, and so something of its neighbour's.
    """

    shard: PackTask
    file: Path
    number: int
    count: int

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.shard.label}, section {self.number + 1} of {self.count}"


def pack_shard(task: PackTask, tick: Tick) -> PackedShard:
    """Write one shard and its index; a StoreError if the store lacks an image, or has another one than was encoded."""
    return _pack(task, lambda file, rows: _write_samples(task, file, rows, (0, rows.height), tick))


def pack_in_sections(task: PackTask, count: int, run: Callable[[Sequence[PackSection]], object]) -> PackedShard:
    """The same for a shard whose sections several workers pack; ``run`` calls :func:`pack_section` for each."""
    return _pack(task, lambda file, _: run([PackSection(task, file, number, count) for number in range(count)]))


def pack_section(section: PackSection, tick: Tick) -> None:
    """Write the samples of a section; a StoreError as for :func:`pack_shard`."""
    rows = read_shard(section.shard.plan, section.shard.number)
    _write_samples(section.shard, section.file, rows, section_of(rows.height, section.number, section.count), tick)


def _pack(task: PackTask, write: Callable[[Path, pl.DataFrame], object]) -> PackedShard:
    """Write a shard and its index.

    Args:
        write: writes all samples, given the file, which has its full length, and the rows of the plan.
    """
    rows = read_shard(task.plan, task.number)
    starts, size = compute_layout(rows)
    digest = task.written_sha256
    if not digest:
        with replacing(task.shard, beside=task.index) as temporary:
            with temporary.open("wb") as out:
                out.truncate(size)  # what is not written, the end marker, reads as zeros
            write(temporary, rows)
            digest = sha256(temporary)
            task.index.unlink(missing_ok=True)  # it describes the shard that is about to be replaced
    _write_index(task, rows, starts, digest)
    return PackedShard(task.shard, stamp(task.shard), digest)


def compute_layout(rows: pl.DataFrame) -> tuple[list[int], int]:
    """The byte at which each sample of a planned shard begins, and the size of the shard."""
    *starts, end = 0, *rows["tar_bytes"].cum_sum()
    return starts, end + len(end_marker(end))


def _write_samples(task: PackTask, file: Path, rows: pl.DataFrame, section: tuple[int, int], tick: Tick) -> None:
    """Write the samples of some rows of a shard, from the first to the one before the second of ``section``."""
    part, starts = slice(*section), compute_layout(rows)[0][slice(*section)]
    columns = ("treeoflife_id", "size", "tar_bytes", *NAME_COLUMNS, *task.further.planned)
    ids = rows["treeoflife_id"][part].to_list()
    with file.open("r+b", buffering=0) as out:
        for start, row in zip(starts, rows[part].select(columns).iter_rows(named=True), strict=True):
            texts, before = encode_texts(row, task.further), BLOCK + padded_size(row["size"])
            # The plan measured them without making them: a difference would damage the next sample.
            assert before + len(texts) == row["tar_bytes"]
            _write_at(out.fileno(), start + before, texts)
        for index, jpeg in _read_images(rows[part], task.store, tick):
            header = encode_header(f"{ids[index]}.jpg", len(jpeg))
            _write_at(out.fileno(), starts[index], header, jpeg)  # the zeros behind it fill its last block


def _write_at(out: int, shard_offset: int, *pieces: bytes | memoryview) -> None:
    """Write all of the pieces, one after the other: a single call may write only a part, such as what still fits on a
    disk."""
    written, size = os.pwritev(out, pieces, shard_offset), sum(map(len, pieces))
    while written < size:
        written += os.pwrite(out, b"".join(pieces)[written:], shard_offset + written)


def _read_images(rows: pl.DataFrame, store: Path, tick: Tick) -> Iterator[tuple[int, memoryview]]:
    """Every image of the shard with the index of its row, in the order in which they lie in the store."""
    images = rows.select("source", "container", "offset", "size", "sha256").with_row_index()
    # One container after the other, each from front to back.
    ordered = images.sort("source", "container", "offset")
    for (source, container), group in ordered.group_by("source", "container", maintain_order=True):
        tar = store / str(source) / f"{container}.tar"
        try:
            yield from _read_container(tar, group, tick)
        except FileNotFoundError:
            raise StoreError(f"{tar} is missing from the encoded store; 'treeoflife wds' encodes it again") from None


def _read_container(tar: Path, images: pl.DataFrame, tick: Tick) -> Iterator[tuple[int, memoryview]]:
    rows = images.select("index", "offset", "size", "sha256").rows()
    with tar.open("rb", buffering=0) as file:
        for first, stop in group_reads([(offset, size) for _, offset, size, _ in rows]):
            start, end = rows[first][1], max(offset + size for _, offset, size, _ in rows[first:stop])
            block = memoryview(read_at(file, end - start, start))
            for index, offset, size, digest in rows[first:stop]:
                jpeg = block[offset - start : offset - start + size]
                # The store may have been damaged since it was written; such an image must not get into a shard.
                if hashlib.sha256(jpeg).digest() != digest:
                    raise StoreError(
                        f"{tar} is damaged at byte {offset}; delete it, and 'treeoflife wds' encodes it again"
                    )
                tick(1)
                yield index, jpeg


def group_reads(extents: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Group images for reading, given their offsets and sizes in order: neighbours with small gaps are read at once.

    Yields:
        The first position in ``extents`` of each read, and the position after its last.

    >>> list(group_reads([(0, 100), (612, 100), (10_000_000, 100)]))
    [(0, 2), (2, 3)]
    """
    first = 0
    for position in range(1, len(extents)):
        gap = extents[position][0] - sum(extents[position - 1])
        if gap > _MAX_GAP or sum(extents[position]) - extents[first][0] > _MAX_READ:
            yield first, position
            first = position
    if extents:
        yield first, len(extents)


def _write_index(task: PackTask, rows: pl.DataFrame, starts: list[int], digest: str) -> None:
    """Write the index of a shard: a row per sample as in the catalog, with the location of its image in the shard."""
    index = rows.drop(PLACEMENT_COLUMNS).with_columns(offset=pl.Series(starts, dtype=pl.Int64) + BLOCK)
    meta = {"fingerprint": task.fingerprint, "sha256": digest, "samples": rows.height}
    meta |= {"made": task.provenance, "packed_with": versions("polars")}
    if task.further:
        meta["texts"] = task.further.to_json()
    with replacing(task.index) as temporary:
        index.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})


def read_index_meta(index: Path) -> dict[str, Any]:
    """What a shard's index records about its shard; empty if there is no complete index."""
    return read_meta(index) or {}
