"""The tasks of workers on containers: encode, join parts, hash the content, scan the names.

Decoding is nearly all of the cost of a dataset, so each image is read and decoded once, whatever is made of it later. A
container that would keep one core busy long after the others are done is encoded in parts: each part reads the whole
container, which is cheap, and decodes every n-th image; then the parts are joined.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl
from PIL import features

from ..config.tables import Images
from ..core import tar_writer
from ..core.files import stamp
from ..core.parquet_meta import read_meta
from ..core.values import GONE, Skip
from ..core.versions import versions
from ..engines.base import Tick, is_expendable
from ..errors import ContainerError, StoreError
from ..sources.base import Container, Source, signature
from ..sources.withdrawn import withdrawn_of
from .convert import EMPTY, Encoded
from .guard import decoder
from .heif import NEEDS_EXTRA
from .resample import PACKAGES
from .store import Digests, IndexRows, expected_meta, natural_keys, write_index
from .store_tar import replacing_tar
from .withdrawn import index_without, withdrawn_meta

ENCODE_BYTES_PER_SECOND = 18e6
"""About how fast a core encodes photographs, in bytes of the originals (measured by ``benchmarks/parts.py``)."""
READ_BYTES_PER_SECOND = 270e6
"""About how fast a core only reads a compressed archive (the same benchmark)."""
# About how fast parts are joined: their bytes are read, hashed and written.
_JOIN_BYTES_PER_SECOND = 200e6


@dataclass(frozen=True)
class EncodeTask:
    """A container to encode, or the part of one that ``container.part`` says.

    Attributes:
        index: the index to write, after the tar.
        marker: a file that exists while a worker is decoding; see :func:`treeoflife.images.guard.decoder`.
        size: the size of the container's files in bytes.
        withdrawn: the table of withdrawn images, which are not encoded; it need not exist.
    """

    source: Source
    container: Container
    images: Images
    tar: Path
    index: Path
    marker: Path
    size: int = 0
    withdrawn: Path | None = None

    @property
    def label(self) -> str:
        """The name of the task in messages."""
        number, count = self.container.part
        part = f", part {number + 1} of {count}" if count > 1 else ""
        return f"{self.source.name}/{self.container.name}{part}"

    @property
    def cost(self) -> float:
        """About how many seconds it takes: a part reads all of the container, and encodes its own images."""
        return self.size / self.container.part[1] / ENCODE_BYTES_PER_SECOND + self.size / READ_BYTES_PER_SECOND


@dataclass(frozen=True)
class EncodedContainer:
    """The result of encoding a container: what its files and its tar are recognised by, and numbers of images."""

    signature: str
    tar_stamp: str
    tar_sha256: str
    images: int
    skipped: int


def encode_container(task: EncodeTask, tick: Tick) -> EncodedContainer:
    """Encode the images of a container, or of a part of one, into the store.

    Raises:
        ContainerError: it cannot be read to its end, or changed while it was read. The store is as before.
    """
    before = signature(task.source, task.container)
    rows = IndexRows(task.source)
    expendable = is_expendable(tick)
    withdrawn = withdrawn_of(task.withdrawn, task.source.name) if task.withdrawn else None
    with replacing_tar(task.tar, task.index) as tar, decoder(task.images, task.marker, expendable=expendable) as decode:
        for position, image in enumerate(task.source.read(task.container, task.images.max_bytes)):
            if not task.container.includes(position):
                continue
            if withdrawn and withdrawn.has(task.source, image):
                result: Encoded | Skip = GONE
            else:
                result = image.skip or decode(image.data, image.box)
            rows.add(position, image, result, tar.size + tar_writer.BLOCK)
            if isinstance(result, Encoded):
                tar.add(tar_writer.encode_member(f"{position:08d}.jpg", result.data))
            tick(len(image.data))
        if signature(task.source, task.container) != before:
            raise ContainerError(f"{task.container.path} changed while it was read; run again")
    return _write_index(task, rows.frame(), before, tar.sha256)


def _write_index(task: EncodeTask | JoinTask, rows: pl.DataFrame, signature: str, digest: str) -> EncodedContainer:
    digests = Digests().add_rows(rows).hexdigests()
    inputs = {"files": rows.height, "bytes": rows["source_bytes"].sum(), "versions": _versions(task.images)}
    meta = expected_meta(task.images) | digests | inputs | {"sha256": digest}
    if unread := rows.filter(reason=NEEDS_EXTRA).height:
        meta["unread"] = unread
    if task.container.part[1] > 1:
        meta |= part_meta(task.container, task.images, signature)
        write_index(task.index, rows, meta)
    else:
        write_index(task.index, index_without(rows), meta | withdrawn_meta(task.source, rows))
    skipped = rows["reason"].count()
    return EncodedContainer(signature, stamp(task.tar), digest, rows.height - skipped, skipped)


def _versions(images: Images) -> dict[str, str]:
    """The versions of the packages that make pixels. For the record only: a new Pillow seldom changes a pixel."""
    return versions(*PACKAGES[images.resampler]) | {"libjpeg-turbo": features.version("libjpeg_turbo") or "unknown"}


def part_meta(container: Container, images: Images, signature: str) -> dict[str, object]:
    """The further metadata of a part: all parts of a tar are made from the same files by the same packages."""
    return {"share": list(container.part), "signature": signature, "versions": _versions(images)}


@dataclass(frozen=True)
class JoinTask:
    """The encoded parts of a container (the tar and the index of each), and the tar and index to join them to."""

    source: Source
    container: Container
    images: Images
    parts: tuple[tuple[Path, Path], ...]
    tar: Path
    index: Path

    @property
    def label(self) -> str:
        """The name of the task in messages."""
        return f"{self.source.name}/{self.container.name}, joining"

    @property
    def cost(self) -> float:
        """About how many seconds it takes."""
        return sum(tar.stat().st_size for tar, _ in self.parts) / _JOIN_BYTES_PER_SECOND


def join_parts(task: JoinTask, _tick: Tick) -> EncodedContainer:
    """Join the parts of a container; the bytes are the same as if it had been encoded as one.

    Raises:
        ContainerError: the container's files changed between two parts.
        StoreError: an image in a part is damaged.
    """
    signatures = {str((read_meta(index) or {}).get("signature")) for _, index in task.parts}
    if len(signatures) > 1:
        raise ContainerError(f"{task.container.path} changed while it was read; run again")
    rows = pl.concat([pl.read_parquet(index, glob=False) for _, index in task.parts]).sort("position")
    offsets: list[int | None] = []
    with replacing_tar(task.tar, task.index) as whole, ExitStack() as stack:
        tars = [stack.enter_context(tar.open("rb")) for tar, _ in task.parts]
        for position, size, sha256 in rows.select("position", "size", "sha256").iter_rows():
            offsets.append(None if size is None else whole.size + tar_writer.BLOCK)
            if size is not None:
                whole.add(_read_member(tars[position % len(tars)], position, size, sha256))
    joined = rows.with_columns(pl.Series("offset", offsets, dtype=pl.UInt64))
    return _write_index(task, joined, signatures.pop(), whole.sha256)


def _read_member(tar: IO[bytes], position: int, size: int, sha256: bytes) -> bytes:
    """Read the next member of a part's tar, which holds its images in the order of their positions."""
    block = tar.read(tar_writer.BLOCK + tar_writer.padded_size(size))
    if hashlib.sha256(block[tar_writer.BLOCK : tar_writer.BLOCK + size]).digest() != sha256:
        raise StoreError(f"{tar.name} is damaged at image {position}; delete it, and run again")
    return block


@dataclass(frozen=True)
class HashTask:
    """A container whose files may have changed since they were encoded."""

    source: Source
    container: Container
    max_bytes: int


def hash_container(task: HashTask, tick: Tick) -> tuple[str, str]:
    """Read a container without decoding; returns its signature, and the digest of its content as in the index."""
    before, digests = signature(task.source, task.container), Digests()
    for image in task.source.read(task.container, task.max_bytes):
        reason = (image.skip or EMPTY).reason
        digests.add(image.file, len(image.data), image.digest(), reason)
        tick(len(image.data))
    return before, digests.hexdigests()["content"]


@dataclass(frozen=True)
class ScanTask:
    """A container whose natural keys are read without encoding it."""

    source: Source
    container: Container


@dataclass(frozen=True)
class ScannedContainer:
    """The natural keys in a container, its signature, and a digest of the names of its files."""

    signature: str
    names: str
    keys: pl.DataFrame


def scan_container(task: ScanTask, _tick: Tick) -> ScannedContainer:
    """Read the natural keys in a container, without decoding an image."""
    rows, before = IndexRows(task.source), signature(task.source, task.container)
    for position, image in enumerate(task.source.names(task.container)):
        rows.add(position, image, Skip("scanned"), 0)
    index = rows.frame()
    return ScannedContainer(before, Digests().add_rows(index).hexdigests()["names"], natural_keys(index, task.source))
