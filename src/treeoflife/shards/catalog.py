"""The catalog: one row per sample, from the shards' own indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ..core.files import replacing, sha256
from ..core.tables import write_parquet
from ..core.values import RANKS
from ..sources.base import Source

COLUMNS = (
    "eol_content_id",
    "eol_page_id",
    "bioscan_part",
    "bioscan_filename",
    "inat21_filename",
    "inat21_cls_name",
    "inat21_cls_num",
)
"""The key columns of the published sources: in every catalog, whatever the sources."""


def columns(sources: Iterable[Source]) -> list[str]:
    """The columns of a catalog of these sources, in order."""
    further = [name for source in sources for name in source.catalog if name not in COLUMNS]
    return ["split", "treeoflife_id", *COLUMNS, *further, *RANKS, "common"]


def write(
    csv: Path, parquet: Path, indexes: Sequence[tuple[str, Path]], sources: Sequence[Source], meta: dict[str, Any]
) -> int:
    """Write the catalog as CSV, and then as Parquet.

    Args:
        csv: where the CSV goes.
        parquet: where the Parquet file goes; it is written last and says what both were made from.
        indexes: the split and the index of every shard, in order.
        sources: the sources, for their columns.
        meta: what the catalog is made from.

    Returns:
        The number of rows.
    """
    wanted = columns(sources)

    def pieces() -> Iterator[pl.DataFrame]:
        return (_rows(split, index, wanted) for split, index in indexes)

    none = next(pieces(), pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))).clear()
    parquet.unlink(missing_ok=True)
    rows = 0
    with replacing(csv) as temporary, temporary.open("wb") as out:
        none.write_csv(out)
        for piece in pieces():
            piece.write_csv(out, include_header=False)
            rows += piece.height
    write_parquet(parquet, none.schema, pieces, lambda: meta | {"csv": sha256(csv)})
    return rows


def _rows(split: str, index: Path, wanted: Sequence[str]) -> pl.DataFrame:
    frame = pl.read_parquet(index).with_columns(split=pl.lit(split))
    empty = [pl.lit(None, pl.String).alias(column) for column in wanted if column not in frame.columns]
    return frame.with_columns(empty).select(wanted)
