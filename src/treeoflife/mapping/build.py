"""Make the mapping: an id for every natural key that the sources hold."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from ..core.files import exists
from ..sources.base import Source
from .ids import treeoflife_ids
from .store import read_source, write_mapping

STEP_VERSION = 1
# Python strings for all images at once would take some 100 bytes each; a part of this size keeps them below 20 MB.
_ROWS_AT_ONCE = 100_000


def build_mapping(
    path: Path, keys: Iterable[tuple[Source, pl.DataFrame]], former: Path | None = None
) -> tuple[dict[str, int], str]:
    """Write a mapping of the images that the sources hold and of those that it already held.

    An image that has disappeared from its source keeps its id and its row. Building again from the same images writes
    the same bytes.

    Args:
        keys: the columns of the images that each source holds now.
        former: a mapping in the other format, whose images are kept as well.

    Returns:
        The number of images of each source, and a digest of all ids and natural keys.
    """
    earlier = [mapping for mapping in (path, former) if mapping and exists(mapping)]
    tables = [(source, _with_ids(source, _merge(earlier, source, frame))) for source, frame in keys]
    digest = _digest(frame for _, frame in tables)
    write_mapping(path, tables)
    return {source.name: frame.height for source, frame in tables}, digest


def _digest(tables: Iterable[pl.DataFrame]) -> str:
    """A digest of ids and natural keys that does not depend on the order of the rows."""
    digest = hashlib.sha256()
    for table in tables:
        digest.update(table.clear().write_csv().encode())
        for part in table.sort("treeoflife_id").iter_slices(_ROWS_AT_ONCE):
            digest.update(part.write_csv(include_header=False).encode())
    return digest.hexdigest()


def _merge(earlier: Iterable[Path], source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    """The images that a source holds now and those of earlier mappings, each natural key once."""
    columns = list(source.columns)
    images = pl.concat([frame.select(columns), *(read_source(path, source).select(columns) for path in earlier)])
    return images.unique(source.key, keep="first", maintain_order=True)


def _with_ids(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    parts = [treeoflife_ids(source.name, part) for part in frame.select(source.key).iter_slices(_ROWS_AT_ONCE)]
    return frame.with_columns(pl.concat([pl.Series("treeoflife_id", [], pl.String), *parts]))
