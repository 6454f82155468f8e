"""Whose images the files of groups are: ids for the rows of a table of groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ...images.store import read_indexes
from ...mapping.store import read_source
from ...sources.base import Source

_SCHEMA = {"source": pl.String, "container": pl.String, "position": pl.UInt32, "treeoflife_id": pl.String}


def with_ids(
    found: pl.DataFrame, indexes: Sequence[tuple[Source, str, Path]], mapping: Path, sources: Sequence[Source]
) -> pl.DataFrame:
    """The rows of ``found`` whose files are images of the mapping, with ``treeoflife_id``; each image once.

    Args:
        found: ``source``, ``container``, ``position``, and any other columns.
        indexes: the store's index of every container, in order.
        mapping: the mapping.
        sources: the sources.
    """
    parts = [pl.DataFrame(schema=_SCHEMA)]
    for source in sources:
        own = {container: index for one, container, index in indexes if one.name == source.name}
        keys = _keys(found.filter(source=source.name), own, source)
        parts += [_ids(pl.concat(keys), read_source(mapping, source), source)] if keys else []
    ids = pl.concat(parts)
    return found.join(ids, on=list(_SCHEMA)[:3], how="inner", maintain_order="left").unique(
        "treeoflife_id", keep="first", maintain_order=True
    )


def _keys(found: pl.DataFrame, indexes: Mapping[str, Path], source: Source) -> list[pl.DataFrame]:
    """The natural keys, or the ids, of the files of a source that are wanted."""
    asked = set(found["container"])
    names = pl.Series([container for container in indexes if container in asked], dtype=pl.String)
    wanted = found.select("source", "container", "position")
    columns = ["position", "treeoflife_id", *source.key]
    return [
        wanted.join(
            rows.with_columns(names.gather(rows["container"]).alias("container")),
            on=["container", "position"],
            how="inner",
            maintain_order="left",
        )
        for rows in read_indexes([indexes[container] for container in names], columns)
    ]


def _ids(keys: pl.DataFrame, images: pl.DataFrame, source: Source) -> pl.DataFrame:
    named = keys.filter(pl.col("treeoflife_id").is_not_null()).join(images, on="treeoflife_id", how="semi")
    by_key = keys.filter(pl.col("treeoflife_id").is_null()).drop("treeoflife_id")
    found = by_key.join(images.select(*source.key, "treeoflife_id"), on=list(source.key), maintain_order="left")
    return pl.concat([named.select(list(_SCHEMA)), found.select(list(_SCHEMA))])
