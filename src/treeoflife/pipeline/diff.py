"""``treeoflife diff`` and ``treeoflife.diff``: what changed between two builds, catalogs, or downloads of a source."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..config.config import FILE_NAME
from ..core.database import Database, open_database
from ..core.progress import Listener, SilentListener
from ..core.table_changes import Comparison, Counts, count_changes, find_changes, in_order
from ..errors import ConfigError
from ..sources.lists.inaturalist_open_data import tables as open_data_tables
from ..sources.lists.text_columns import Table
from ..sources.spellings import plain_header
from .compared_datasets import Samples, compare_samples, samples_of_build, samples_of_catalog
from .compared_lists import compare_lists, open_list
from .taxa import write_query
from .workspace import open_workspace

KINDS = ("build", "catalog", "gbif", "inaturalist", "urls")
_DATASETS = KINDS[:2]
_ARCHIVE_FILES = ("meta.xml", "occurrence.txt", "multimedia.txt")
_OF_EXPORTS = {"qualitygrade", "userlogin", "placeguess", "numidentificationagreements"}


def diff(before: str | os.PathLike[str], after: str | os.PathLike[str], *, kind: str = "") -> pl.DataFrame:
    """What changed between two builds of a dataset, two catalogs, or two downloads of a source.

    Args:
        before: the folder of a build or its dataset.toml; a catalog with the column ``treeoflife_id``; a download of
            GBIF, a folder of iNaturalist's tables, an export of iNaturalist, or a table of addresses.
        after: the same, later.
        kind: what both are, of ``build``, ``catalog``, ``gbif``, ``inaturalist`` and ``urls``; recognised if not given.

    Returns:
        A row per value that changed: ``treeoflife_id``, ``source``, ``natural_key``, ``change``, ``column``,
        ``before`` and ``after``, in the order of ids.

    Raises:
        ConfigError: the two cannot be compared, or ``kind`` is none of these.
        InputError: one of the two cannot be read.
    """
    with opened_diff(Path(before), Path(after), kind, SilentListener()) as (database, comparison):
        return database.frame(in_order(comparison))


@contextmanager
def opened_diff(before: Path, after: Path, kind: str, listener: Listener) -> Iterator[tuple[Database, Comparison]]:
    """A database with the table ``change`` of :mod:`..core.table_changes`; see :func:`diff`."""
    kinds = [kind or recognise(path) for path in (before, after)]
    if kind and kind not in KINDS:
        raise ConfigError(f"--kind {kind}: it is one of {', '.join(KINDS)}")
    are_datasets = [one in _DATASETS for one in kinds]
    if kinds[0] != kinds[1] and not all(are_datasets):
        raise ConfigError(f"{before} is read as {kinds[0]} and {after} as {kinds[1]}: --kind says what both are")
    with TemporaryDirectory(prefix="treeoflife-") as folder, open_database(Path(folder, "tables")) as database:
        if all(are_datasets):
            samples = [_samples(path, one) for path, one in zip((before, after), kinds, strict=True)]
            comparison = compare_samples(database, samples[0], samples[1], listener)
        else:
            comparison = compare_lists(database, open_list(before, kinds[0]), open_list(after, kinds[1]), listener)
        find_changes(database, comparison)
        yield database, comparison


def write_diff(database: Database, comparison: Comparison, out: Path | None) -> Counts:
    """Count the changes, and write them as CSV or Parquet if a file is named.

    Raises:
        ConfigError: the name of the file ends otherwise.
    """
    if out:
        write_query(database, out, in_order(comparison))
    return count_changes(database, comparison)


def recognise(path: Path) -> str:
    """What a path holds, of :data:`KINDS`.

    Raises:
        ConfigError: there is nothing.
        InputError: it is a table that cannot be read.
    """
    if not path.exists():
        raise ConfigError(f"there is no file or folder {path}")
    if path.name == FILE_NAME or (path / FILE_NAME).is_file():
        return "build"
    if path.is_dir():
        if open_data_tables(path) or any(path.glob("observations-*.csv")):
            return "inaturalist"
        return "gbif" if any((path / name).is_file() for name in _ARCHIVE_FILES) else "urls"
    if path.suffix.lower() == ".zip":
        return "gbif"
    headers = {plain_header(name) for name in Table.of(path).columns}
    if "treeoflifeid" in headers:
        return "catalog"
    return "inaturalist" if "imageurl" in headers and headers & _OF_EXPORTS else "urls"


def _samples(path: Path, kind: str) -> Samples:
    return samples_of_build(open_workspace(path)) if kind == "build" else samples_of_catalog(path)
