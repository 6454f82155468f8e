"""Mappings for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from treeoflife.config.tables import Splits
from treeoflife.core.database import Database, open_database
from treeoflife.mapping.build import write_ids
from treeoflife.mapping.images import open_images
from treeoflife.mapping.splits import write_splits
from treeoflife.sources.base import Source

Tables = Sequence[tuple[Source, pl.DataFrame]]
NO_GROUPS = pl.DataFrame(schema={"treeoflife_id": pl.String, "group": pl.Int64})


@contextmanager
def database(folder: Path) -> Iterator[Database]:
    """A database of its own."""
    with open_database(folder / "scratch") as opened:
        yield opened


def ids_of(path: Path, tables: Tables, earlier: Path | None = None) -> pl.DataFrame:
    """The ids of these images, written to a file and read from there."""
    with database(path.parent) as opened:
        write_ids(opened, path, [one for one, _ in tables], {}, {one.name: [rows] for one, rows in tables}, earlier)
    return pl.read_parquet(path)


def mapping_of(path: Path, tables: Tables, groups: pl.DataFrame = NO_GROUPS, seed: int = 17) -> pl.DataFrame:
    """A mapping with splits, written to a file and read from there."""
    ids, sources = path.with_name("ids.parquet"), [one for one, _ in tables]
    ids_of(ids, tables)
    with database(path.parent) as opened:
        open_images(opened, ids, sources)
        opened.load("grouped", groups)
        write_splits(opened, path, sources, Splits(), seed)
    return pl.read_parquet(path)
