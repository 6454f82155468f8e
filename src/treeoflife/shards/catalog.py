"""The catalog: one row per sample, from the indexes of the shards."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from ..core.files import replacing, sha256
from ..core.tables import write_parquet
from ..sources.base import Source
from ..sources.columns import catalog_columns


def write(
    csv: Path,
    parquet: Path,
    indexes: Sequence[tuple[str, Path]],
    sources: Sequence[Source],
    further: Sequence[str] = (),
) -> int:
    """Write the catalog of shards as CSV and as Parquet; returns the number of rows.

    Args:
        indexes: the split and the index of each shard.
        further: the columns of sources' tables, which come last.
    """
    columns = [*catalog_columns(sources), *further]

    # Shard by shard: all rows together may not fit into memory.
    def tables() -> Iterator[pl.DataFrame]:
        for split, index in indexes:
            yield select_columns(pl.read_parquet(index, glob=False).with_columns(split=pl.lit(split)), columns)

    header = next(tables(), pl.DataFrame(schema=dict.fromkeys(columns, pl.String))).clear()
    rows = 0

    def written() -> Iterator[pl.DataFrame]:
        """The same tables, each of them written as CSV; the CSV is whole once there is no further one."""
        nonlocal rows
        with replacing(csv) as temporary, temporary.open("wb") as out:
            header.write_csv(out)
            for table in tables():
                table.write_csv(out, include_header=False)
                rows += table.height
                yield table

    parquet.unlink(missing_ok=True)  # it has the digest of the CSV that is about to change
    write_parquet(parquet, header.schema, written, lambda: {"csv": sha256(csv)})
    return rows


def select_columns(table: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """These columns of a table, in order; those that it lacks are null."""
    missing = [pl.lit(None, pl.String).alias(column) for column in columns if column not in table.columns]
    return table.with_columns(missing).select(columns)
