"""Encoding containers into the store, and scanning them for their names.

Decoding is nearly all of the cost of a dataset, so each image is read and decoded once, whatever is made of it
afterwards. A container that would keep one core busy long after the others are done is encoded in parts: each part
reads the whole container, which is cheap, and decodes every n-th image; then the parts are joined.
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
from ..core import tar_writer as tarwrite
from ..core.files import replacing, stamp
from ..core.values import Skip
from ..core.versions import versions
from ..engines.base import Tick
from ..errors import ContainerError, StoreError
from ..sources.base import Container, Source, signature
from .convert import EMPTY, Encoded
from .guard import decoder
from .resample import PACKAGES
from .store import Digests, Rows, key_rows, read_meta, wanted, write_index

ENCODED_A_SECOND = 18e6
"""Bytes of photographs, about, that a core decodes and encodes in a second (``benchmarks/parts.py``)."""
READ_A_SECOND = 270e6
"""The same of an archive that it only reads."""


@dataclass(frozen=True)
class EncodeTask:
    """A container to encode, or a part of one: its ``share``.

    Attributes:
        tar: where its images go.
        index: where its index goes; written last.
        tried: a file that is there while a worker is at it.
        size: the bytes that its files take.
    """

    source: Source
    container: Container
    images: Images
    tar: Path
    index: Path
    tried: Path
    size: int = 0

    @property
    def label(self) -> str:
        """What people call it."""
        first, count = self.container.share
        part = f", part {first + 1} of {count}" if count > 1 else ""
        return f"{self.source.name}/{self.container.name}{part}"

    @property
    def cost(self) -> float:
        """About how many seconds it takes."""
        return self.size / self.container.share[1] / ENCODED_A_SECOND + self.size / READ_A_SECOND


@dataclass(frozen=True)
class EncodedContainer:
    """What became of a container: how its files, and the tar, are known again; how many images came and went."""

    signature: str
    content: str
    tar_stamp: str
    tar_sha256: str
    images: int
    skipped: int


def encode_container(task: EncodeTask, tick: Tick) -> EncodedContainer:
    """Encode the images of a container, or of a part of one, into the store.

    Raises:
        ContainerError: it cannot be read to its end, or changed while it was read. Nothing is left behind.
    """
    before = signature(task.source, task.container)
    rows = Rows(task.source)
    with replacing(task.tar) as temporary:
        with temporary.open("wb") as out, decoder(task.images, task.tried) as decode:
            tar = _Tar(out)
            for position, image in enumerate(task.source.read(task.container, task.images.max_bytes)):
                if not task.container.shares(position):
                    continue
                result = image.skip or decode(image.data)
                rows.add(position, image, result, tar.size + tarwrite.BLOCK)
                if isinstance(result, Encoded):
                    tar.add(tarwrite.member(f"{position:08d}.jpg", result.data))
                tick(len(image.data))
            digest = tar.end()
        if signature(task.source, task.container) != before:
            raise ContainerError(f"{task.container.path} changed while it was read; run again")
        task.index.unlink(missing_ok=True)  # it speaks of the tar that is about to go
    return _indexed(task, rows.frame(), before, digest)


class _Tar:
    """A tar while it is written, with its size and digest."""

    def __init__(self, out: IO[bytes]) -> None:
        self.size = 0
        self._out, self._digest = out, hashlib.sha256()

    def add(self, block: bytes) -> None:
        self._out.write(block)
        self._digest.update(block)
        self.size += len(block)

    def end(self) -> str:
        """End it; returns its SHA-256."""
        self.add(tarwrite.end(self.size))
        return self._digest.hexdigest()


def _indexed(task: EncodeTask | JoinTask, rows: pl.DataFrame, signature: str, digest: str) -> EncodedContainer:
    """Write the index of what was encoded. That of a part, which soon goes, also says what the part was read from."""
    told = Digests().see_rows(rows).told()
    came = {"files": rows.height, "bytes": rows["source_bytes"].sum(), "versions": _versions(task.images)}
    meta = wanted(task.images) | told | came | {"sha256": digest}
    if task.container.share[1] > 1:
        meta |= part_of(task.container, task.images, signature)
    write_index(task.index, rows, meta)
    skipped = rows["reason"].count()
    return EncodedContainer(signature, told["content"], stamp(task.tar), digest, rows.height - skipped, skipped)


def _versions(images: Images) -> dict[str, str]:
    """Of what makes pixels. Versions are on record and no more: a new Pillow seldom changes a pixel."""
    return versions(*PACKAGES[images.resampler]) | {"libjpeg-turbo": features.version("libjpeg_turbo") or "unknown"}


def part_of(container: Container, images: Images, signature: str) -> dict[str, object]:
    """What a part is known again by, beside what all encoded images are known by: parts of one tar are made alike."""
    return {"share": list(container.share), "signature": signature, "versions": _versions(images)}


@dataclass(frozen=True)
class JoinTask:
    """The parts of a container, encoded, to be joined: their tars and indexes, and where the whole goes."""

    source: Source
    container: Container
    images: Images
    parts: tuple[tuple[Path, Path], ...]
    tar: Path
    index: Path

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.source.name}/{self.container.name}, joining"

    @property
    def cost(self) -> float:
        """About how many seconds it takes: 200 MB a second."""
        return sum(tar.stat().st_size for tar, _ in self.parts) / 200e6


def join_parts(task: JoinTask, _tick: Tick) -> EncodedContainer:
    """Join the parts of a container: the same files as if it had been encoded at once.

    Raises:
        ContainerError: the parts were read from different files.
        StoreError: an image in a part is not the one that was encoded.
    """
    signatures = {str((read_meta(index) or {}).get("signature")) for _, index in task.parts}
    if len(signatures) > 1:
        raise ContainerError(f"{task.container.path} changed while it was read; run again")
    rows = pl.concat([pl.read_parquet(index) for _, index in task.parts]).sort("position")
    offsets: list[int | None] = []
    with replacing(task.tar) as temporary:
        with temporary.open("wb") as out, ExitStack() as stack:
            tars = [stack.enter_context(tar.open("rb")) for tar, _ in task.parts]
            whole = _Tar(out)
            for position, size, sha256 in rows.select("position", "size", "sha256").iter_rows():
                offsets.append(None if size is None else whole.size + tarwrite.BLOCK)
                if size is not None:
                    whole.add(_next(tars[position % len(tars)], position, size, sha256))
            digest = whole.end()
        task.index.unlink(missing_ok=True)  # it speaks of the tar that is about to go
    joined = rows.with_columns(pl.Series("offset", offsets, dtype=pl.UInt64))
    return _indexed(task, joined, signatures.pop(), digest)


def _next(tar: IO[bytes], position: int, size: int, sha256: bytes) -> bytes:
    """The next member of a part: its tar holds its images in the order of their positions."""
    block = tar.read(tarwrite.BLOCK + tarwrite.padded(size))
    if hashlib.sha256(block[tarwrite.BLOCK : tarwrite.BLOCK + size]).digest() != sha256:
        raise StoreError(f"{tar.name} is damaged at image {position}; delete it, and run again")
    return block


@dataclass(frozen=True)
class LookTask:
    """A container whose files may be other than those that were encoded."""

    source: Source
    container: Container
    max_bytes: int


def look_again(task: LookTask, tick: Tick) -> tuple[str, str]:
    """The signature of a container, and the digest of its content: whether it is still what was encoded."""
    before, digests = signature(task.source, task.container), Digests()
    for image in task.source.read(task.container, task.max_bytes):
        reason = (image.skip or EMPTY).reason
        digests.see(image.file, len(image.data), hashlib.sha256(image.data).digest(), reason)
        tick(len(image.data))
    return before, digests.told()["content"]


@dataclass(frozen=True)
class ScanTask:
    """A container whose names are wanted and that is not encoded yet."""

    source: Source
    container: Container


@dataclass(frozen=True)
class ScannedContainer:
    """The names in a container: its key columns, and a digest to know them again by."""

    signature: str
    names: str
    keys: pl.DataFrame


def scan_container(task: ScanTask, _tick: Tick) -> ScannedContainer:
    """The natural keys in a container, without decoding an image."""
    rows, before = Rows(task.source), signature(task.source, task.container)
    for position, image in enumerate(task.source.names(task.container)):
        rows.add(position, image, Skip("scanned"), 0)
    frame = rows.frame()
    return ScannedContainer(before, Digests().see_rows(frame).told()["names"], key_rows(frame, task.source))
