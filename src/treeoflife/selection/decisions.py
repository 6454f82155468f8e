"""The tables of the plan's decisions: all images, the files of the store, and which file is used for which image."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..core.tables import Array
from ..sources.base import Source
from .rules import Rule

LOCATION_COLUMNS = ("position", "offset", "size", "sha256", "width", "height")
"""The columns of an index that a plan takes over."""
_DESCRIPTION = {"file_row": pl.UInt32, **dict.fromkeys(("container", "file", "file_reason", "file_detail"), pl.String)}
# Rows of files are numbers of 32 bits, to halve the memory of ten million images: room for four billion files.
NO_FILE = np.uint32(0xFFFFFFFF)
Tables = Sequence[tuple[Source, pl.DataFrame]]
"""Each source with its images: the source's columns, and ``treeoflife_id``."""


@dataclass(frozen=True)
class Index:
    """The store's index of one container."""

    source: Source
    container: str
    path: Path


@dataclass(frozen=True)
class StoreFiles:
    """All files of the store, in the order of containers and positions.

    Attributes:
        indexes: the indexes of the containers.
        starts: the row of each container's first file, and at the end the number of files.
        locations: a row per file: :data:`LOCATION_COLUMNS`, ``container`` (its number), and ``bad``, whether the file
            is not a usable image.
    """

    indexes: Sequence[Index]
    starts: Array
    locations: pl.DataFrame

    def describe(self, rows: Array) -> pl.DataFrame:
        """Container, name, and reason and detail of what is wrong, for the files in these rows.

        The indexes are read again: only the ledger needs these texts, and only for few files.
        """
        rows = np.unique(rows)
        frames = [pl.DataFrame(schema=_DESCRIPTION)]
        for index, start, own in self._by_container(rows):
            texts = pl.read_parquet(index.path, columns=["file", "reason", "detail"], glob=False)[own - start]
            frames.append(texts.select(file_row=pl.Series(own, dtype=pl.UInt32), container=pl.lit(index.container),
                                       file="file", file_reason="reason", file_detail="detail"))  # fmt: skip
        return pl.concat(frames)

    def read(self, rows: Array, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of the indexes for the files in these rows, in the order of ``rows``; read again."""
        order = np.argsort(rows, kind="stable")
        frames = [
            pl.read_parquet(index.path, columns=list(columns), glob=False)[own - start]
            for index, start, own in self._by_container(rows[order])
        ]
        return pl.concat(frames)[np.argsort(order, kind="stable")] if frames else pl.DataFrame()

    def _by_container(self, rows: Array) -> Iterator[tuple[Index, int, Array]]:
        """Sorted rows, divided by their containers: index, first row of the container, and the rows."""
        cuts = np.searchsorted(rows, self.starts)
        for number, index in enumerate(self.indexes):
            if cuts[number] < cuts[number + 1]:
                yield index, self.starts[number], rows[cuts[number] : cuts[number + 1]]


@dataclass(frozen=True)
class Matching:
    """Which file is used for which image.

    Attributes:
        files: all files.
        file_rows: for each image, the row of its file; ``NO_FILE`` if it has none.
        unused: ``file_row`` of each file that is used for no image, and ``chosen``: the row of the file that is used
            for its image instead, null if the file belongs to no image.
    """

    files: StoreFiles
    file_rows: Array
    unused: pl.DataFrame


@dataclass(frozen=True)
class Decisions:
    """All images of a dataset, and the decision on each.

    Attributes:
        sources: the sources.
        keys: the columns of each source, a row per image.
        images: a row per image, in the order of sources and of the mapping: ``treeoflife_id``; ``source``, its index in
            ``sources``; ``file_row``, its row in ``matching.files``, and ``bad``, both null without a file;
            ``held_out``, ``marked`` and ``unlicensed``, why it must be left out, or null; ``name``, its row in
            ``names``, or null; ``is_val`` and ``is_train_small``, null without a split; the columns of policies;
            ``rule``, the index in ``rules`` of the rule that leaves it out, null for a sample; and ``cause`` (see
            :class:`.rules.Rule`).
        names: the distinct names: ranks and common name.
        matching: which file is used for which image.
        held_out: ``treeoflife_id``, ``reason`` and ``detail`` of the images that are held out.
        matched_entries: for each hold-out list, by its path, the entries that matched an image.
        rules: the rules that were applied.
    """

    sources: Sequence[Source]
    keys: Sequence[pl.DataFrame]
    images: pl.DataFrame
    names: pl.DataFrame
    matching: Matching
    held_out: pl.DataFrame
    matched_entries: dict[str, set[str]]
    rules: Sequence[Rule]

    def samples(self, split: str) -> Array:
        """The rows of ``images`` that are the samples of a split."""
        return self.images.select((pl.col("rule").is_null() & in_split(split)).arg_true()).to_series().to_numpy()

    def key_columns(self, images: Array) -> Iterator[tuple[Source, pl.DataFrame]]:
        """Each source with its columns for these rows of ``images``; null for images of other sources."""
        first = 0
        for source, keys in zip(self.sources, self.keys, strict=True):
            own = (images >= first) & (images < first + keys.height)
            rows = pl.select(pl.when(pl.Series(own)).then(pl.Series(np.where(own, images - first, 0)))).to_series()
            yield source, keys.select(pl.all().gather(rows))
            first += keys.height

    def catalog_keys(self, images: Array) -> list[pl.Series]:
        """The key columns of all sources for these rows of ``images``, as the catalog calls them.

        Sources of one kind share their columns: each image has a value of its own source, or none.
        """
        columns: dict[str, pl.Series] = {}
        for source, keys in self.key_columns(images):
            for column, name in zip(source.columns, source.catalog, strict=True):
                own, others = keys[column].alias(name), columns.get(name)
                columns[name] = own if others is None else others.zip_with(others.is_not_null(), own)
        return list(columns.values())


def in_split(split: str) -> pl.Expr:
    """Whether an image is in a split, as an expression over ``is_val`` and ``is_train_small``."""
    is_val = pl.col("is_val")
    return {"train": ~is_val, "val": is_val, "train_small": pl.col("is_train_small") & ~is_val}[split]
