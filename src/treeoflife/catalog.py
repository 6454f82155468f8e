"""The catalog: one row per sample, from the shards' own indexes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from .files import replacing, sha256
from .records import RANKS
from .sources import Source

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
    frames = [_rows(split, index, wanted) for split, index in indexes]
    catalog = pl.concat(frames) if frames else pl.DataFrame(schema=dict.fromkeys(wanted, pl.String))
    parquet.unlink(missing_ok=True)
    with replacing(csv) as temporary:
        catalog.write_csv(temporary)
    meta = meta | {"csv": sha256(csv)}
    with replacing(parquet) as temporary:
        catalog.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})
    return catalog.height


def _rows(split: str, index: Path, wanted: Sequence[str]) -> pl.DataFrame:
    frame = pl.read_parquet(index).with_columns(split=pl.lit(split))
    empty = [pl.lit(None, pl.String).alias(column) for column in wanted if column not in frame.columns]
    return frame.with_columns(empty).select(wanted)
