"""Packing: store + plan -> shards, one task per shard.

Where each member of a shard lies is known from the plan before a byte is read. So images are gathered in the
order in which they lie in the store, and each is written straight to its place: the bytes of the shard do not
depend on that order, and a disk that dislikes jumping about is read in sweeps.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from ..core import tar_writer as tarwrite
from ..core.files import replacing, sha256, stamp
from ..core.values import Taxon
from ..core.versions import versions
from ..engines.base import Tick
from ..errors import StoreError
from ..images.store import read_meta
from ..selection.decide import NAME_COLUMNS
from .captions import captions
from .plan import PLACE, read_shard

_GAP = 128 << 10
_AT_ONCE = 8 << 20
"""Bytes that are not wanted and read all the same, at most, between two images; and bytes of one read."""


@dataclass(frozen=True)
class PackTask:
    """A shard to pack.

    Attributes:
        plan: the plan of its split.
        number: the shard's number.
        fingerprint: of its rows in the plan.
        samples: how many rows it has there.
        store: the folder of the encoded store.
        shard: where it goes.
        index: where its index goes; written last.
        made: what its images come from and how they were made, for the index to say.
        written: the digest of the shard where it is there and right, and only its index is to be written.
    """

    plan: Path
    number: int
    fingerprint: str
    samples: int
    store: Path
    shard: Path
    index: Path
    made: Mapping[str, Any] = field(default_factory=dict)
    written: str | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.shard.parent.name}/{self.shard.name}"


@dataclass(frozen=True)
class PackedShard:
    """What was written, and how it is known again."""

    shard: Path
    samples: int
    tar_stamp: str
    tar_sha256: str


def pack_shard(task: PackTask, tick: Tick) -> PackedShard:
    """Write one shard and its index.

    Raises:
        StoreError: the store lacks an image of the plan, or an image there is not the one that was encoded.
    """
    rows = read_shard(task.plan, task.number)
    starts, size = layout(rows)
    digest = task.written or _write_shard(task, rows, starts, size, tick)
    _write_index(task, rows, starts, digest)
    return PackedShard(task.shard, rows.height, stamp(task.shard), digest)


def _write_shard(task: PackTask, rows: pl.DataFrame, starts: list[int], size: int, tick: Tick) -> str:
    with replacing(task.shard) as temporary:
        with temporary.open("wb") as out:
            out.truncate(size)
            _write_texts(out.fileno(), rows, starts)
            for place, jpeg in _gather(rows, task.store, tick):
                name = f"{rows['treeoflife_id'][place]}.jpg"
                _put(out.fileno(), tarwrite.member(name, jpeg), starts[place])
        digest = sha256(temporary)
        task.index.unlink(missing_ok=True)  # it speaks of the shard that is about to go
    return digest


def layout(rows: pl.DataFrame) -> tuple[list[int], int]:
    """Where each sample of a shard begins, and how long the shard is, both in bytes."""
    starts, position = [], 0
    for size in rows["tar_bytes"]:
        starts.append(position)
        position += size
    return starts, position + len(tarwrite.end(position))


def _write_texts(out: int, rows: pl.DataFrame, starts: list[int]) -> None:
    """Write the ten texts of every sample behind the place of its image."""
    for place, row in enumerate(rows.select("treeoflife_id", "size", *NAME_COLUMNS).iter_rows(named=True)):
        _put(out, texts_block(row), starts[place] + tarwrite.BLOCK + tarwrite.padded(row["size"]))


def texts_block(row: Mapping[str, Any]) -> bytes:
    """The ten texts of a sample as they stand in a shard, for its row of the plan."""
    names = [row[column] for column in NAME_COLUMNS]
    texts = captions(Taxon(*names[:-1]), names[-1])
    return b"".join(tarwrite.member(f"{row['treeoflife_id']}.{name}", text.encode()) for name, text in texts.items())


def _put(out: int, data: bytes, position: int) -> None:
    """Write all of ``data``; a full disk may take a part of it first."""
    view = memoryview(data)
    while view:
        written = os.pwrite(out, view, position)
        view, position = view[written:], position + written


def _gather(rows: pl.DataFrame, store: Path, tick: Tick) -> Iterator[tuple[int, bytes]]:
    """Every image of the shard with its row's number, in the order in which they lie in the store."""
    wanted = rows.select("source", "container", "offset", "size", "sha256").with_row_index("place")
    for (source, container), group in wanted.sort("source", "container", "offset").group_by(
        "source", "container", maintain_order=True
    ):
        tar = store / str(source) / f"{container}.tar"
        try:
            yield from _read(tar, group, tick)
        except FileNotFoundError:
            raise StoreError(f"the encoded store lacks {tar}; 'treeoflife wds' encodes it again") from None


def _read(tar: Path, group: pl.DataFrame, tick: Tick) -> Iterator[tuple[int, bytes]]:
    rows = group.select("place", "offset", "size", "sha256").rows()
    with tar.open("rb", buffering=0) as fd:
        for first, stop in sweeps([(offset, size) for _, offset, size, _ in rows]):
            start, end = rows[first][1], max(offset + size for _, offset, size, _ in rows[first:stop])
            block = memoryview(os.pread(fd.fileno(), end - start, start))
            for place, offset, size, digest in rows[first:stop]:
                jpeg = bytes(block[offset - start : offset - start + size])
                if hashlib.sha256(jpeg).digest() != digest:
                    raise StoreError(
                        f"{tar} is damaged at byte {offset}; delete it, and 'treeoflife wds' encodes it again"
                    )
                tick(1)
                yield place, jpeg


def sweeps(places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Which neighbours are read at once, as ranges of ``places``: those between which little lies that is not wanted.

    A disk that must move its head, or a server that must be asked, takes longer for that than for reading on.

    Args:
        places: (offset, size) of each, in the order of offsets.

    >>> list(sweeps([(0, 100), (612, 100), (10_000_000, 100)]))
    [(0, 2), (2, 3)]
    """
    first = 0
    for number in range(1, len(places)):
        gap = places[number][0] - sum(places[number - 1])
        if gap > _GAP or sum(places[number]) - places[first][0] > _AT_ONCE:
            yield first, number
            first = number
    if places:
        yield first, len(places)


def _write_index(task: PackTask, rows: pl.DataFrame, starts: list[int], digest: str) -> None:
    """A row per sample: what the catalog says of it, and where its image lies in the shard; and what it is made of."""
    places = pl.Series("offset", starts, dtype=pl.Int64) + tarwrite.BLOCK
    index = rows.drop(PLACE).with_columns(offset=places)
    known = {"fingerprint": task.fingerprint, "sha256": digest, "samples": rows.height}
    meta = known | {"made": task.made, "packed_with": versions("polars")}
    with replacing(task.index) as temporary:
        index.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})


def index_meta(index: Path) -> dict[str, Any]:
    """What a shard's index says of it; empty where there is no whole index."""
    return read_meta(index) or {}
