"""The table ``file`` of a database: a row per file of the store's containers, from their indexes.

file_row            its number: that of the container times :data:`.sources.base.MAX_FILES`, and the position
source, container   the names of both
position            its place in the container
treeoflife_id       its id, if its name is one; null for most
is_bad              whether it is no usable image
                    the columns of the indexes that were asked for
                    the columns of all sources, as the catalog calls them; null for files of other sources

Beside it is the table ``container``: ``number``, ``source``, ``container`` (its name) and ``path``, of each index.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from ..core.database import Database, column, quoted
from ..images.store import SCHEMA
from ..sources.base import MAX_FILES, Index, Source
from .images import catalog_names, catalog_types

_FIXED = {"file_row": "BIGINT", "source": "VARCHAR", "container": "VARCHAR", "treeoflife_id": "VARCHAR",
          "is_bad": "BOOLEAN"}  # fmt: skip
_FILE_NAME = "file name"  # no source has a column of this name
_CONTAINER = {"number": pl.Int64, "source": pl.String, "container": pl.String, "path": pl.String}


def open_files(
    database: Database,
    sources: Sequence[Source],
    indexes: Sequence[Index],
    columns: Iterable[str] = (),
    among: str = "",
) -> None:
    """Make the files of these containers known as the table ``file``.

    Each index is opened once, however many there are: what is asked for is copied.

    Args:
        indexes: the containers, in order.
        columns: further columns of the indexes, or SQL over these.
        among: a table with the columns ``source``, ``container`` and ``position``: only these files are wanted.
    """
    rows = [(number, one.source.name, one.container, str(one.path)) for number, one in enumerate(indexes)]
    database.load("container", pl.DataFrame(rows, schema=_CONTAINER, orient="row"))
    named = dict.fromkeys(["position", *columns])
    wanted = ", ".join(column(one) if one.isidentifier() else one for one in named)
    database.load("no_file", pl.DataFrame(schema=SCHEMA).drop("treeoflife_id"))
    types = ", ".join(f"NULL::{kind} AS {column(name)}" for name, kind in (_FIXED | catalog_types(sources)).items())
    parts, paths = [f"SELECT {types}, {wanted} FROM no_file"], dict[str, Any]()
    for number, source in enumerate(sources):
        if own := [one.path for one in indexes if one.source.name == source.name]:
            paths[f"paths_{number}"] = own
            parts.append(_select(source, wanted, f"$paths_{number}"))
    files = " UNION ALL BY NAME ".join(parts)
    if among:
        files = f"FROM ({files}) SEMI JOIN {among} USING (source, container, position)"
    database.sort("file", files, **paths)


def _select(source: Source, columns: str, paths: str) -> str:
    keys = [f"{column(own, 'stored')} AS {column(name)}" for own, name in catalog_names(source).items()]
    return f"""
        SELECT container.number * {MAX_FILES} + stored.position AS file_row,
            {quoted(source.name)} AS source, container.container, stored.treeoflife_id,
            stored.reason IS NOT NULL AS is_bad, {columns}, {", ".join(keys)}
        FROM read_parquet({paths}, hive_partitioning = false, filename = {quoted(_FILE_NAME)}) AS stored
        JOIN container ON container.path = {column(_FILE_NAME, "stored")}
    """
