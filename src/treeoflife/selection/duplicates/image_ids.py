"""Look up the ids of stored images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ...images.store import read_indexes
from ...mapping.store import read_source
from ...sources.base import Source

_SCHEMA = {"source": pl.String, "container": pl.String, "position": pl.UInt32, "treeoflife_id": pl.String}


def add_ids(
    files: pl.DataFrame, indexes: Sequence[tuple[Source, str, Path]], mapping: Path, sources: Sequence[Source]
) -> pl.DataFrame:
    """Add ``treeoflife_id`` to the rows whose files are images of the mapping, and drop the others.

    Args:
        files: ``source``, ``container``, ``position``, and any other columns. Of several files of one image, the first
            row is kept.
        indexes: source, container and path of the store's index of every container, in order.
    """
    parts = [pl.DataFrame(schema=_SCHEMA)]
    for source in sources:
        own = {container: index for owner, container, index in indexes if owner.name == source.name}
        keys = _read_keys(files.filter(source=source.name), own, source)
        parts += [_ids(pl.concat(keys), read_source(mapping, source), source)] if keys else []
    located = files.join(pl.concat(parts), on=list(_SCHEMA)[:3], how="inner", maintain_order="left")
    return located.unique("treeoflife_id", keep="first", maintain_order=True)


def _read_keys(files: pl.DataFrame, indexes: Mapping[str, Path], source: Source) -> list[pl.DataFrame]:
    """The natural keys or ids of these files of a source, from the indexes of their containers alone."""
    used = set(files["container"])
    names = pl.Series([container for container in indexes if container in used], dtype=pl.String)
    files = files.select("source", "container", "position")
    columns = ["position", "treeoflife_id", *source.key]
    batches = read_indexes([indexes[container] for container in names], columns)
    named = (rows.with_columns(names.gather(rows["container"]).alias("container")) for rows in batches)
    return [files.join(rows, on=["container", "position"], how="inner", maintain_order="left") for rows in named]


def _ids(keys: pl.DataFrame, images: pl.DataFrame, source: Source) -> pl.DataFrame:
    named = keys.filter(pl.col("treeoflife_id").is_not_null()).join(images, on="treeoflife_id", how="semi")
    by_key = keys.filter(pl.col("treeoflife_id").is_null()).drop("treeoflife_id")
    looked_up = by_key.join(images.select(*source.key, "treeoflife_id"), on=list(source.key), maintain_order="left")
    return pl.concat([named.select(list(_SCHEMA)), looked_up.select(list(_SCHEMA))])
