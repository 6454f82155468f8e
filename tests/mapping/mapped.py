"""Mappings for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from treeoflife.config.tables import Splits
from treeoflife.core.database import Database, open_database
from treeoflife.mapping.build import write_ids
from treeoflife.mapping.groups import join_groups
from treeoflife.mapping.images import open_images
from treeoflife.mapping.splits import write_splits
from treeoflife.sources.base import GROUP_COLUMNS, Source

Tables = Sequence[tuple[Source, pl.DataFrame]]
NO_GROUPS = pl.DataFrame(schema={"treeoflife_id": pl.String, "group": pl.Int64})
NO_FACTS = pl.DataFrame(schema=dict.fromkeys(("treeoflife_id", "source", *GROUP_COLUMNS), pl.String))


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


def mapping_of(
    path: Path,
    tables: Tables,
    groups: pl.DataFrame = NO_GROUPS,
    seed: int = 17,
    facts: pl.DataFrame = NO_FACTS,
    group_by: Sequence[str] = ("observation",),
    val_percent: int = 5,
) -> pl.DataFrame:
    """A mapping with splits, written to a file and read from there."""
    ids, known, sources = path.with_name("ids.parquet"), path.with_name("facts.parquet"), [one for one, _ in tables]
    ids_of(ids, tables)
    facts.write_parquet(known)
    with database(path.parent) as opened:
        open_images(opened, ids, sources)
        opened.load("duplicate", groups)
        opened.make("grouped", 'SELECT image_row, "group" FROM image JOIN duplicate USING (treeoflife_id)')
        join_groups(opened, known, group_by)
        write_splits(opened, path, sources, Splits(val_percent=val_percent), seed)
    return pl.read_parquet(path)
