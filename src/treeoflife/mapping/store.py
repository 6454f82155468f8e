"""Reading and writing a mapping, in either of its formats: ``.parquet``, or SQLite, which is what published ones are.

A published mapping is only ever read; ours is replaced as a whole. What a file is, its name says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from ..errors import InputError
from ..sources.base import Source
from . import parquet, sqlite

SPLIT_SCHEMA = {"treeoflife_id": pl.String, "is_val": pl.Boolean, "is_train_small": pl.Boolean}


class Format(Protocol):
    """What a format of mappings can do. Tables of which the mapping has none are empty."""

    def absent(self, path: Path, source: Source) -> str:
        """What the mapping lacks of a source's table, in words; empty if nothing."""

    def without_splits(self, path: Path) -> str:
        """What the mapping lacks of its splits, in words; empty if nothing."""

    def batches(self, path: Path, source: Source, columns: Iterable[str]) -> Iterator[pl.DataFrame]:
        """The images of a source: these of its columns, and ``treeoflife_id``."""

    def split_batches(self, path: Path) -> Iterator[pl.DataFrame]:
        """The split of every image, in the columns of :data:`SPLIT_SCHEMA`."""

    def ids(self, path: Path) -> Iterator[pl.Series]:
        """All ids, whatever their sources."""

    def count(self, path: Path, source: Source) -> int:
        """How many images of a source there are."""

    def made_from(self, path: Path, stage: str) -> Any:
        """What a stage recorded about its inputs when it wrote the mapping; None if it did not."""

    def write_mapping(self, path: Path, tables: Iterable[tuple[Source, pl.DataFrame]], inputs: Any) -> None:
        """Write a mapping without splits."""

    def write_splits(self, path: Path, splits: pl.DataFrame, inputs: Any) -> None:
        """Give a mapping these splits, in place of others."""


def _format(path: Path) -> Format:
    return parquet if path.suffix == ".parquet" else sqlite


def check(path: Path, sources: Iterable[Source]) -> None:
    """See that a mapping has the tables and columns of all sources, and of the splits.

    Raises:
        InputError: one is missing; the message names it.
    """
    form, sources = _format(path), list(sources)
    for missing in [*(form.absent(path, source) for source in sources), form.without_splits(path)]:
        if missing:
            expected = [*(source.name for source in sources), "split"]
            raise InputError(f"the mapping {path} has {missing}; a mapping has {expected}")


def read_source(path: Path, source: Source) -> pl.DataFrame:
    """All images of a source: its columns, and ``treeoflife_id``. Empty where the mapping lacks its table.

    Raises:
        InputError: there is no such file, it is not a mapping, or a value is of the wrong type.
    """
    return pl.concat(_format(path).batches(path, source, source.columns))


def read_ids(path: Path, source: Source) -> pl.DataFrame:
    """The ids of the images of a source, in the same order: ``treeoflife_id``."""
    return pl.concat(_format(path).batches(path, source, ()))


def ids(path: Path) -> pl.Series:
    """All ids of a mapping, whatever its sources."""
    return pl.concat(_format(path).ids(path))


def read_splits(path: Path) -> pl.DataFrame:
    """The split of every image: ``treeoflife_id``, ``is_val``, ``is_train_small``."""
    return pl.concat(split_batches(path))


def split_batches(path: Path) -> Iterator[pl.DataFrame]:
    """The same in batches, of which the first is empty."""
    yield pl.DataFrame(schema=SPLIT_SCHEMA)
    yield from _format(path).split_batches(path)


def count(path: Path, source: Source) -> int:
    """How many images of a source there are; none where the mapping lacks its table."""
    return _format(path).count(path, source)


def made_from(path: Path, stage: str) -> Any:
    """What ``stage`` recorded about its inputs when it wrote the mapping; None if it did not."""
    return _format(path).made_from(path, stage) if path.is_file() else None


def write_mapping(path: Path, tables: Iterable[tuple[Source, pl.DataFrame]], inputs: Any) -> None:
    """Write a mapping without splits; rows lie in the order of their natural keys: its bytes depend on them alone.

    Args:
        path: the file, replaced as a whole; its ending says in which format.
        tables: the images of each source: its columns and ``treeoflife_id``.
        inputs: what they were made from.
    """
    _format(path).write_mapping(path, ((source, frame.sort(source.key)) for source, frame in tables), inputs)


def write_splits(path: Path, splits: pl.DataFrame, inputs: Any) -> None:
    """Give an existing mapping these splits, in place of others.

    Args:
        path: the mapping, replaced as a whole.
        splits: ``treeoflife_id``, ``is_val``, ``is_train_small`` of all images, source by source in the order in which
            the mapping has them.
        inputs: what they were made from.
    """
    _format(path).write_splits(path, splits, inputs)
