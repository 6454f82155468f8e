"""The task of a worker that removes withdrawn images from a container of the store, without decoding any image."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..core import tar_writer
from ..core.files import exists, stamp
from ..core.parquet_meta import read_meta
from ..engines.base import Tick
from ..errors import StoreError
from ..sources.base import Container, Source, signature
from ..sources.lists.listed import ListedImages
from ..sources.withdrawn import WITHDRAWN, key_digest, natural_key, withdrawn_of
from .encode import HashTask, hash_container
from .heif import NEEDS_EXTRA
from .store import Digests, write_index
from .store_tar import replacing_tar
from .withdrawn import index_without, withdrawn_meta


@dataclass(frozen=True)
class LeaveOutTask:
    """A container of the store whose withdrawn images are to go; no image is decoded for it.

    Attributes:
        tar: the images of the container; where they are not kept, the index alone is written.
        withdrawn: the table of withdrawn images.
        has_changed: the files of the container are not those that were encoded, by their times: they are read.
    """

    source: Source
    container: Container
    tar: Path
    index: Path
    withdrawn: Path
    max_bytes: int
    has_changed: bool

    @property
    def label(self) -> str:
        """The name of the task in messages."""
        return self.container.label


@dataclass(frozen=True)
class LeftOut:
    """The container as it is now: its signature, the stamp and digest of its tar if it has one, and what went."""

    signature: str
    tar_stamp: str
    tar_sha256: str
    images: int


def leave_out(task: LeaveOutTask, tick: Tick) -> LeftOut | None:
    """Remove the withdrawn images of a container; None if it has to be encoded again.

    That is where its files are not those that were encoded, or an image is not withdrawn any more.

    Raises:
        StoreError: an image in the tar is damaged.
    """
    before, meta = signature(task.source, task.container), read_meta(task.index) or {}
    former = pl.read_parquet(task.index, glob=False)
    marked = _mark(task, former)
    rows = index_without(marked)
    current = withdrawn_of(task.withdrawn, task.source.name)
    if not set(meta.get(WITHDRAWN, ())) <= {key_digest(one) for one in (*current.keys, *current.ids)}:
        return None
    changed = _changed_meta(task, meta, marked, rows)
    if task.has_changed:
        read = HashTask(task.source, task.container, task.max_bytes)
        if hash_container(read, lambda _: None)[1] != changed["content"]:
            return None
    if changed != meta or not rows.equals(former):
        _write(task, rows, changed)
    tick(1)
    has_tar, digest = exists(task.tar), (read_meta(task.index) or {}).get("sha256")
    gone = former["size"].count() - rows["size"].count()
    return LeftOut(before, stamp(task.tar) if has_tar else "", digest or "", gone)


def _changed_meta(task: LeaveOutTask, meta: dict[str, Any], marked: pl.DataFrame, rows: pl.DataFrame) -> dict[str, Any]:
    """The metadata of the index as encoding the container now would write it, but for the digest of its tar."""
    unread = rows.filter(reason=NEEDS_EXTRA).height
    changed = {key: value for key, value in meta.items() if key != "unread"} | ({"unread": unread} if unread else {})
    if isinstance(task.source, ListedImages):
        # What was fetched has the place of a withdrawn image, and nothing else of it. The files of a user stay.
        return changed | Digests().add_rows(rows).hexdigests() | {"bytes": rows["source_bytes"].sum()}
    new = withdrawn_meta(task.source, marked).get(WITHDRAWN, [])
    digests = sorted({*meta.get(WITHDRAWN, ()), *new})
    return changed | ({WITHDRAWN: digests} if digests else {})


def _mark(task: LeaveOutTask, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of the index with the reason of those that are withdrawn now."""
    current = withdrawn_of(task.withdrawn, task.source.name)
    columns = rows.select("treeoflife_id", *task.source.columns).iter_rows()
    gone = [
        treeoflife_id in current.ids or (None not in key and natural_key(task.source, key) in current.keys)
        for treeoflife_id, *key in columns
    ]
    if isinstance(task.source, ListedImages):
        emptied = {at for at, image in enumerate(task.source.names(task.container)) if image.skip and not image.file}
        gone = [one or position in emptied for one, position in zip(gone, rows["position"], strict=True)]
    is_gone = pl.Series(gone, dtype=pl.Boolean)
    return rows.with_columns(pl.when(is_gone).then(pl.lit(WITHDRAWN)).otherwise(pl.col("reason")).alias("reason"))


def _write(task: LeaveOutTask, rows: pl.DataFrame, meta: dict[str, Any]) -> None:
    """Copy the tar without the withdrawn images, and write the index; where there is no tar, the index alone."""
    digest = _copy_tar(task, rows) if exists(task.tar) else None
    starts, end = list[int | None](), 0
    for size in rows["size"]:
        starts.append(None if size is None else end + tar_writer.BLOCK)
        end += 0 if size is None else tar_writer.BLOCK + tar_writer.padded_size(size)
    placed = rows.with_columns(pl.Series("offset", starts, dtype=pl.UInt64))
    write_index(task.index, placed, meta | {"sha256": digest})


def _copy_tar(task: LeaveOutTask, rows: pl.DataFrame) -> str:
    """Copy the images that stay; returns the SHA-256 of the new tar."""
    images = rows.filter(pl.col("size").is_not_null()).select("position", "offset", "size", "sha256")
    with task.tar.open("rb") as old, replacing_tar(task.tar, task.index) as new:
        for position, offset, size, digest in images.iter_rows():
            old.seek(offset)
            jpeg = old.read(size)
            if hashlib.sha256(jpeg).digest() != digest:
                raise StoreError(f"{task.tar} is damaged at image {position}; delete it, and run again")
            new.add(tar_writer.encode_member(f"{position:08d}.jpg", jpeg))
    return new.sha256
