"""Read and write a mapping in either of its formats: Parquet (``.parquet``), or SQLite as the published mappings are.

The suffix of the file selects the format. A published mapping is only read; our own is replaced as a whole.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

import polars as pl

from ..errors import InputError
from ..sources.base import Source
from . import parquet, sqlite

SPLIT_SCHEMA = {"treeoflife_id": pl.String, "is_val": pl.Boolean, "is_train_small": pl.Boolean}


class Format(Protocol):
    """A format of mappings, such as the modules ``sqlite`` and ``parquet``. Tables that a mapping lacks read as empty.

    ``describe_missing`` and ``describe_missing_splits`` return what the mapping lacks of a source or of its splits, as
    part of a message, or an empty text; ``batches`` yields some columns of a source and ``treeoflife_id``, and its
    first batch may be empty. The other functions are those of this module with similar names. All raise InputError if
    there is no file, or it cannot be read as a mapping.
    """

    def describe_missing(self, path: Path, source: Source) -> str: ...
    def describe_missing_splits(self, path: Path) -> str: ...
    def batches(self, path: Path, source: Source, columns: Iterable[str]) -> Iterator[pl.DataFrame]: ...
    def split_batches(self, path: Path) -> Iterator[pl.DataFrame]: ...
    def ids(self, path: Path) -> Iterator[pl.Series]: ...
    def count(self, path: Path, source: Source) -> int: ...
    def write_mapping(self, path: Path, tables: Iterable[tuple[Source, pl.DataFrame]]) -> None: ...
    def write_splits(self, path: Path, splits: pl.DataFrame) -> None: ...


def _format(path: Path) -> Format:
    return parquet if path.suffix == ".parquet" else sqlite


def check(path: Path, sources: Iterable[Source]) -> None:
    """Check that a mapping has the tables and columns of all sources, and splits.

    Raises:
        InputError: something is missing; the message names it.
    """
    form, sources = _format(path), list(sources)
    for missing in [*(form.describe_missing(path, source) for source in sources), form.describe_missing_splits(path)]:
        if missing:
            expected = [*(source.name for source in sources), "split"]
            raise InputError(f"the mapping {path} has {missing}; a mapping has {expected}")


def read_source(path: Path, source: Source) -> pl.DataFrame:
    """All images of a source: its columns, and ``treeoflife_id``. Empty if the mapping has no table of the source.

    Raises:
        InputError: there is no such file, it is not a mapping, or a value is of the wrong type.
    """
    return pl.concat(_format(path).batches(path, source, source.columns))


def read_ids(path: Path, source: Source) -> pl.DataFrame:
    """The ids of the images of a source, in the order of :func:`read_source`: one column, ``treeoflife_id``."""
    return pl.concat(_format(path).batches(path, source, ()))


def read_all_ids(path: Path) -> pl.Series:
    """The ids of the images of all sources in a mapping."""
    return pl.concat(_format(path).ids(path))


def read_splits(path: Path) -> pl.DataFrame:
    """The split of every image: the columns of :data:`SPLIT_SCHEMA`."""
    return pl.concat(split_batches(path))


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    """:func:`read_splits` in batches, for bounded memory; the first is empty."""
    yield pl.DataFrame(schema=SPLIT_SCHEMA)
    yield from _format(path).split_batches(path)


def count_images(path: Path, source: Source) -> int:
    """The number of images of a source; 0 if the mapping has no table of the source."""
    return _format(path).count(path, source)


def write_mapping(path: Path, tables: Iterable[tuple[Source, pl.DataFrame]]) -> None:
    """Write a mapping without splits. Rows are sorted by natural key, so the same images give the same bytes.

    Args:
        path: the file, replaced as a whole; its suffix selects the format.
        tables: the images of each source: its columns and ``treeoflife_id``.
    """
    _format(path).write_mapping(path, ((source, frame.sort(source.key)) for source, frame in tables))


def write_splits(path: Path, splits: pl.DataFrame) -> None:
    """Replace the splits of a mapping.

    Args:
        splits: the columns of :data:`SPLIT_SCHEMA` for all images, source by source, in the order of the mapping.
    """
    _format(path).write_splits(path, splits)
