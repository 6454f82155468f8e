"""The encoded store: one container -> a tar of small JPEGs, and an index with a row per file.

Decoding is nearly all of the cost of a dataset, so each image is read and decoded once, whatever is made of it
afterwards. The store knows nothing of ids, splits or names: those may change without a pixel being touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import polars as pl

from .. import tarwrite
from ..config import Images
from ..engines.base import Tick
from ..errors import ContainerError
from ..files import replacing, stamp
from ..records import RawImage, Skip
from ..sources import Container, Source, signature
from .convert import STEP_VERSION, Encoded, convert

_ROWS_AT_ONCE = 4096

_SCHEMA: dict[str, Any] = {
    "position": pl.UInt32,
    "file": pl.String,
    "treeoflife_id": pl.String,
    "offset": pl.UInt64,
    "size": pl.UInt32,
    "sha256": pl.Binary,
    "source_bytes": pl.UInt64,
    "source_sha256": pl.Binary,
    "width": pl.UInt32,
    "height": pl.UInt32,
    "format": pl.String,
    "mode": pl.String,
    "reason": pl.String,
    "detail": pl.String,
}
"""The columns of an index beside those of the source. ``offset`` and ``size`` say where a JPEG lies in the tar;
``reason`` and ``detail`` why there is none; ``sha256`` is of the JPEG, ``source_sha256`` of the file as it came."""


@dataclass(frozen=True)
class EncodeTask:
    """A container to encode.

    Attributes:
        tar: where its images go.
        index: where its index goes; written last.
        expected: the digest of its content when it was last encoded with these settings: if it is still
            the same, nothing is decoded.
        size: the bytes that its files take.
    """

    source: Source
    container: Container
    images: Images
    tar: Path
    index: Path
    expected: str | None = None
    size: int = 0

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.source.name}/{self.container.name}"

    @property
    def cost(self) -> float:
        """About how many seconds it takes: 18 MB of photographs a second."""
        return self.size / 18e6


@dataclass(frozen=True)
class EncodedContainer:
    """What became of a container: how its files, and the tar, are known again; how many images came and went."""

    signature: str
    content: str
    tar_stamp: str
    tar_sha256: str
    images: int = 0
    skipped: int = 0
    unchanged: bool = False


def wanted(images: Images) -> dict[str, Any]:
    """What an encoded container is made from, beside its content."""
    return {"step": STEP_VERSION, "images": images.model_dump(mode="json")}


def encode_container(task: EncodeTask, tick: Tick) -> EncodedContainer:
    """Encode all images of a container into the store.

    Raises:
        ContainerError: it cannot be read to its end, or changed while it was read. Nothing is left behind.
    """
    before = signature(task.source, task.container)
    if task.expected and task.expected == content_digest(task, tick):
        meta = read_meta(task.index) or {}
        tar = stamp(task.tar) if task.tar.exists() else ""
        return EncodedContainer(before, task.expected, tar, str(meta["sha256"]), unchanged=True)
    rows = _Rows(task.source)
    with replacing(task.tar) as temporary:
        with temporary.open("wb") as out:
            digest = _encode_all(task, tick, out, rows)
        if signature(task.source, task.container) != before:
            raise ContainerError(f"{task.container.path} changed while it was read; run again")
        meta = {"content": rows.content.hexdigest(), "names": rows.names.hexdigest(), "sha256": digest}
        task.index.unlink(missing_ok=True)  # it speaks of the tar that is about to go
    frame = rows.frame()
    with replacing(task.index) as temporary:
        frame.write_parquet(temporary, metadata={"treeoflife": json.dumps(wanted(task.images) | meta, sort_keys=True)})
    skipped = frame["reason"].count()
    return EncodedContainer(
        before, meta["content"], stamp(task.tar), digest, images=frame.height - skipped, skipped=skipped
    )


def content_digest(task: EncodeTask, tick: Tick) -> str:
    """The digest of the names and bytes of a container's files."""
    rows = _Rows(task.source)
    for image in task.source.read(task.container, task.images.max_bytes):
        rows.see(image)
        tick(len(image.data))
    return rows.content.hexdigest()


def read_meta(index: Path) -> dict[str, Any] | None:
    """What an index was made from; None where there is no whole index."""
    try:
        found = pl.read_parquet_metadata(index).get("treeoflife")
    except (OSError, pl.exceptions.PolarsError):
        return None
    meta: dict[str, Any] | None = json.loads(found) if found else None
    return meta


def _encode_all(task: EncodeTask, tick: Tick, out: IO[bytes], rows: _Rows) -> str:
    """Encode into an open tar; returns its SHA-256."""
    digest, offset = hashlib.sha256(), 0
    for position, image in enumerate(task.source.read(task.container, task.images.max_bytes)):
        result = image.skip or convert(image.data, task.images)
        rows.add(position, image, result, offset + tarwrite.BLOCK)
        if isinstance(result, Encoded):
            block = tarwrite.member(f"{position:08d}.jpg", result.data)
            out.write(block)
            digest.update(block)
            offset += len(block)
        tick(len(image.data))
    end = tarwrite.end(offset)
    out.write(end)
    digest.update(end)
    return digest.hexdigest()


class _Rows:
    """The rows of an index while they come in, and digests of what came."""

    def __init__(self, source: Source) -> None:
        types = {int: pl.Int64, str: pl.String}
        self._schema = _SCHEMA | {column: types[kind] for column, kind in source.columns.items()}
        self._empty_key = (None,) * len(source.columns)
        self._rows: list[tuple[Any, ...]] = []
        self._frames: list[pl.DataFrame] = []
        self.content = hashlib.sha256()
        self.names = hashlib.sha256()

    def see(self, image: RawImage) -> bytes:
        """Take the image into the digests; returns the digest of its bytes."""
        name = image.file.encode() + b"\0"
        digest = hashlib.sha256(image.data).digest()
        self.names.update(name)
        self.content.update(name + digest + (image.skip.reason.encode() if image.skip else b"") + b"\0")
        return digest

    def add(self, position: int, image: RawImage, result: Encoded | Skip, offset: int) -> None:
        """Add the row of one file."""
        digest = self.see(image)
        if isinstance(result, Encoded):
            size, sha256 = len(result.data), hashlib.sha256(result.data).digest()
            made = (offset, size, sha256, len(image.data), digest)
            told: tuple[Any, ...] = (result.width, result.height, result.format, result.mode, None, None)
        else:
            made = (None, None, None, len(image.data), digest)  # type: ignore[assignment]
            told = (None, None, None, None, result.reason, result.detail)
        self._rows.append((position, image.file, image.treeoflife_id, *made, *told, *(image.key or self._empty_key)))
        if len(self._rows) == _ROWS_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        self._frames.append(pl.DataFrame(self._rows, schema=self._schema, orient="row"))
        self._rows = []

    def frame(self) -> pl.DataFrame:
        """All rows."""
        self._pack()
        return pl.concat(self._frames)


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
    rows, before = _Rows(task.source), signature(task.source, task.container)
    for position, image in enumerate(task.source.names(task.container)):
        rows.add(position, image, Skip("scanned"), 0)
    return ScannedContainer(before, rows.names.hexdigest(), key_rows(rows.frame(), task.source))


def key_rows(index: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The natural keys in an index, each once."""
    return index.select(list(source.columns)).drop_nulls().unique(maintain_order=True)


def read_keys(index: Path, source: Source) -> pl.DataFrame:
    """The natural keys in an index file, each once."""
    return key_rows(pl.read_parquet(index, columns=list(source.columns)), source)


def read_images(tar: Path, places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The JPEGs at the given (offset, size) in a container's tar, in that order."""
    with tar.open("rb") as fd:
        for offset, size in places:
            fd.seek(offset)
            yield fd.read(size)
