"""The encoded store: for each container a tar of small JPEGs, and an index with a row per file.

An image is filed by its position in its container. The store does not depend on ids, splits or names, which may change
without an image being decoded again (docs/decisions/encode-first.md).
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
from ..sources.base import MAX_FILES, Source, check_image
from . import measure
from .convert import STEP_VERSION, Encoded

# Rows as Python objects take several times the memory of columns, and a container may have a million.
_ROWS_AT_ONCE = 4096
# Read one by one, indexes took 1.4 ms each; in batches 0.2 ms. A batch is limited by size too, to bound memory.
_FILES_AT_ONCE = 512
_BYTES_AT_ONCE = 16 << 20

LOCATION_COLUMNS = ("position", "offset", "size", "sha256", "width", "height")
"""The columns of an index that a plan takes over."""
STORED_COLUMNS = LOCATION_COLUMNS[1:]
"""Those but for the position, which is a part of the number of a file in :mod:`treeoflife.mapping.stored_files`."""

SCHEMA: dict[str, Any] = {
    "position": pl.UInt32, "file": pl.String, "treeoflife_id": pl.String,
    "offset": pl.UInt64, "size": pl.UInt32, "sha256": pl.Binary, "source_bytes": pl.UInt64, "source_sha256": pl.Binary,
    "width": pl.UInt32, "height": pl.UInt32, "format": pl.String, "mode": pl.String, **measure.COLUMNS,
    "reason": pl.String, "detail": pl.String,
}  # fmt: skip
"""The columns of an index; those of the source follow. ``offset`` and ``size`` say where the JPEG lies in the tar, or
``reason`` and ``detail`` why there is none; of a box that was clipped, ``detail`` says so. ``sha256`` is of the JPEG,
``source_sha256`` of the original file, or of that and the box that is meant."""


def expected_meta(images: Images) -> dict[str, Any]:
    """The part of an index's metadata that follows from the settings: if it differs, the container is stale."""
    measures = {"measures": measure.STEP_VERSION} if images.measure else {}
    return {"step": STEP_VERSION, "images": images.model_dump(mode="json")} | measures


class IndexRows:
    """Collects the rows of an index."""

    def __init__(self, source: Source) -> None:
        types = {int: pl.Int64, str: pl.String}
        self._source = source
        self._schema = SCHEMA | {column: types[kind] for column, kind in source.columns.items()}
        self._empty_key = (None,) * len(source.columns)
        self._rows: list[tuple[Any, ...]] = []
        self._frames: list[pl.DataFrame] = []

    def add(self, position: int, image: RawImage, result: Encoded | Skip, offset: int) -> None:
        """Add the row of one file; ``offset`` is that of its JPEG in the tar, if it has one.

        Raises:
            ContainerError: the container holds more files than it may, or the source gives a key that no table holds.
        """
        check_image(self._source, image)
        if position >= MAX_FILES:
            raise ContainerError(f"more than {MAX_FILES:,} files in one container; divide it into several")
        jpeg: tuple[Any, ...] = (None, None, None)
        about: tuple[Any, ...] = (None, None, None, None, *measure.NO_MEASURES)
        outcome: tuple[str | None, str | None] = (None, None)
        if isinstance(result, Encoded):
            outcome = (None, result.note or None)
            jpeg = (offset, len(result.data), hashlib.sha256(result.data).digest())
            measures = result.measures.row() if result.measures else measure.NO_MEASURES
            about = (result.width, result.height, result.format, result.mode, *measures)
        else:
            outcome = (result.reason, result.detail)
        original = (len(image.data), image.digest())
        key = image.key or self._empty_key
        self._rows.append((position, image.file, image.treeoflife_id, *jpeg, *original, *about, *outcome, *key))
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
    """Digests of the files of a container: of their names and contents, and of their names alone."""

    def __init__(self) -> None:
        self._content, self._names = hashlib.sha256(), hashlib.sha256()

    def add(self, file: str, size: int, sha256: bytes, reason: str | None) -> None:
        """Add one file: its name, its size, the SHA-256 of its content, and why that was not read, if it is empty."""
        name = file.encode() + b"\0"
        unread = reason or "" if not size else ""
        self._names.update(name)
        self._content.update(name + sha256 + unread.encode() + b"\0")

    def add_rows(self, index: pl.DataFrame) -> Digests:
        """Add the files of an index; returns itself."""
        columns = [index[name] for name in ("file", "source_bytes", "source_sha256", "reason")]
        for row in pl.DataFrame(columns).iter_rows():
            self.add(*row)
        return self

    def hexdigests(self) -> dict[str, str]:
        """The digests, in hex."""
        return {"content": self._content.hexdigest(), "names": self._names.hexdigest()}


def write_index(path: Path, rows: pl.DataFrame, meta: dict[str, Any]) -> None:
    """Write the index of a container: the same bytes for the same rows."""
    with replacing(path) as temporary:
        rows.rechunk().write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})


def natural_keys(index: pl.DataFrame, source: Source) -> pl.DataFrame:
    """The natural keys in an index, without duplicates, in the order of the files."""
    return index.select(list(source.columns)).drop_nulls().unique(maintain_order=True)


def read_indexes(indexes: Sequence[Path], columns: Iterable[str]) -> Iterator[pl.DataFrame]:
    """Read columns of many indexes, in their order, in batches: opening one costs as much as reading 10,000 rows.

    Args:
        indexes: the files; neighbours in the same folder belong to one source, so they have the same columns.
        columns: columns that all of them have.

    Yields:
        These columns, and ``container``, the number of the row's index in ``indexes``.
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
    rows = pl.scan_parquet(list(indexes), glob=False, include_file_paths="container")
    return rows.select(*columns, container).collect()
