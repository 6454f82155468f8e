"""The encoded store: of one container, a tar of small JPEGs and an index with a row per file.

The store knows nothing of ids, splits or names: those may change without a pixel being touched.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ..config.tables import Images
from ..core.files import replacing
from ..core.values import RawImage, Skip
from ..errors import ContainerError
from ..sources.base import MOST_FILES, Source
from . import measure
from .convert import STEP_VERSION, Encoded

_ROWS_AT_ONCE = 4096
_FILES_AT_ONCE = 512
_BYTES_AT_ONCE = 16 << 20

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
    **measure.COLUMNS,
    "reason": pl.String,
    "detail": pl.String,
}
"""The columns of an index beside those of the source. ``offset`` and ``size`` say where a JPEG lies in the tar;
``reason`` and ``detail`` why there is none; ``sha256`` is of the JPEG, ``source_sha256`` of the file as it came."""


def wanted(images: Images) -> dict[str, Any]:
    """What an encoded container is made from, beside its content."""
    measured = {"measures": measure.STEP_VERSION} if images.measure else {}
    return {"step": STEP_VERSION, "images": images.model_dump(mode="json")} | measured


class Rows:
    """The rows of an index while they come in."""

    def __init__(self, source: Source) -> None:
        types = {int: pl.Int64, str: pl.String}
        self._schema = _SCHEMA | {column: types[kind] for column, kind in source.columns.items()}
        self._empty_key = (None,) * len(source.columns)
        self._rows: list[tuple[Any, ...]] = []
        self._frames: list[pl.DataFrame] = []

    def add(self, position: int, image: RawImage, result: Encoded | Skip, offset: int) -> None:
        """Add the row of one file; ``offset`` is where its JPEG, if it has one, begins in the tar.

        Raises:
            ContainerError: it is one more than a container may hold.
        """
        if position >= MOST_FILES:
            raise ContainerError(f"more than {MOST_FILES:,} files in one container; divide it into several")
        if isinstance(result, Encoded):
            made: tuple[Any, ...] = (offset, len(result.data), hashlib.sha256(result.data).digest())
            measured = result.measured.row() if result.measured else measure.NOTHING
            told: tuple[Any, ...] = (result.width, result.height, result.format, result.mode, *measured, None, None)
        else:
            made = (None, None, None)
            told = (None, None, None, None, *measure.NOTHING, result.reason, result.detail)
        came = (len(image.data), hashlib.sha256(image.data).digest())
        key = image.key or self._empty_key
        self._rows.append((position, image.file, image.treeoflife_id, *made, *came, *told, *key))
        if len(self._rows) == _ROWS_AT_ONCE:
            self._pack()

    def _pack(self) -> None:
        self._frames.append(pl.DataFrame(self._rows, schema=self._schema, orient="row"))
        self._rows = []

    def frame(self) -> pl.DataFrame:
        """All rows."""
        self._pack()
        return pl.concat(self._frames)


class Digests:
    """Digests of the files of a container: of their names and bytes, and of their names alone."""

    def __init__(self) -> None:
        self._content, self._names = hashlib.sha256(), hashlib.sha256()

    def see(self, file: str, size: int, sha256: bytes, reason: str | None) -> None:
        """Take in one file: its name, its bytes, and why it has none."""
        name = file.encode() + b"\0"
        unread = reason or "" if not size else ""
        self._names.update(name)
        self._content.update(name + sha256 + unread.encode() + b"\0")

    def see_rows(self, index: pl.DataFrame) -> Digests:
        """Take in the files of an index; returns itself."""
        columns = [index[name] for name in ("file", "source_bytes", "source_sha256", "reason")]
        for row in pl.DataFrame(columns).iter_rows():
            self.see(*row)
        return self

    def told(self) -> dict[str, str]:
        """The digests, in hex."""
        return {"content": self._content.hexdigest(), "names": self._names.hexdigest()}


def write_index(path: Path, rows: pl.DataFrame, meta: dict[str, Any]) -> None:
    """Write the index of a container: the same bytes for the same rows."""
    with replacing(path) as temporary:
        rows.rechunk().write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})


def read_meta(index: Path) -> dict[str, Any] | None:
    """What an index was made from; None where there is no whole index."""
    try:
        meta = json.loads(pl.read_parquet_metadata(index).get("treeoflife") or "null")
    except (OSError, ValueError, pl.exceptions.PolarsError):
        return None
    return meta if isinstance(meta, dict) else None


def key_rows(index: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The natural keys in an index, each once."""
    return index.select(list(source.columns)).drop_nulls().unique(maintain_order=True)


def read_indexes(indexes: Sequence[Path], columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """Columns of many indexes, in their order, a batch at a time: to open one costs as much as to read 10,000 rows.

    Args:
        indexes: the files; those beside each other in one folder are of one source.
        columns: columns that all of them have.

    Yields:
        These columns, and ``container``, the number of the row's index.
    """
    first, total = 0, 0
    for number, index in enumerate(indexes):
        fits = number - first < _FILES_AT_ONCE and total < _BYTES_AT_ONCE and index.parent == indexes[first].parent
        if not fits:
            yield _read_batch(indexes[first:number], first, columns)
            first, total = number, 0
        total += index.stat().st_size
    if indexes:
        yield _read_batch(indexes[first:], first, columns)


def _read_batch(indexes: Sequence[Path], first: int, columns: Iterable[str]) -> pl.DataFrame:
    numbers = {str(index): number for number, index in enumerate(indexes, first)}
    container = pl.col("container").replace_strict(numbers, return_dtype=pl.UInt32)
    return (
        pl.scan_parquet(list(indexes), glob=False, include_file_paths="container").select(*columns, container).collect()
    )


def count_rows(indexes: Sequence[Path]) -> int:
    """How many files indexes speak of."""
    return sum(rows.height for rows in read_indexes(indexes, ["position"]))


def read_images(tar: Path, places: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """The JPEGs at the given (offset, size) in a container's tar, in that order."""
    with tar.open("rb") as fd:
        for offset, size in places:
            fd.seek(offset)
            yield fd.read(size)
