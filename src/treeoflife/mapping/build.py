"""Give an id to every natural key that the sources hold: the mapping without splits."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ..core.database import Database, column, columns, quoted
from ..core.tables import parquet_schema
from ..errors import InputError
from ..sources.base import Source
from .ids import id_sql
from .images import MAPPING_COLUMNS, catalog_names, catalog_types, id_order, load_withdrawn
from .published import load_images

STEP_VERSION = 2
_TYPES = {int: pl.Int64, str: pl.String}


def write_ids(
    database: Database,
    path: Path,
    sources: Sequence[Source],
    indexes: Mapping[str, Sequence[Path]],
    scanned: Mapping[str, Iterable[pl.DataFrame]] | None = None,
    earlier: Path | None = None,
    withdrawn: pl.DataFrame | None = None,
) -> None:
    """Write the ids of the images that the sources hold, and of those that they held before.

    An image that has disappeared from its source keeps its id and its row. Building again from the same images writes
    the same bytes.

    Args:
        path: the file to write: the columns of a mapping, without a split, in the order of source and id.
        indexes: for each source, the store's indexes of its containers.
        scanned: for each source, the columns of the images in containers that the store does not have.
        earlier: a mapping that this program made before, whose images are kept.
        withdrawn: the table of withdrawn images, which are left out.

    Raises:
        InputError: an id that a source gives is that of an image of another source too.
    """
    before = _earlier(database, earlier, sources)
    paths: dict[str, Any] = {}
    images = []
    for number, source in enumerate(sources):
        renamed = ", ".join(f"{column(own)} AS {column(name)}" for own, name in catalog_names(source).items())
        schema = pl.Schema({name: _TYPES[kind] for name, kind in source.columns.items()})
        frames = (frame.select(schema.names()) for frame in (scanned or {}).get(source.name, ()))
        database.spool(f"scanned_{number}", frames, schema)
        parts = [f"SELECT 0 AS _age, {renamed} FROM scanned_{number}"]
        if own := list(indexes.get(source.name, ())):
            paths[f"indexes_{number}"] = own
            parts.append(f"SELECT 0 AS _age, {renamed} FROM read_parquet($indexes_{number}, hive_partitioning = false)")
        if source.name in before:
            parts.append(f"SELECT 1 AS _age, {columns(source.catalog)} FROM {before[source.name]}")
        images.append(_with_ids(source, " UNION ALL ".join(parts)))
    found = " UNION ALL BY NAME ".join(images)
    _check_given_ids(database, found, sources, paths)
    load_withdrawn(database, withdrawn)
    database.write(path, f"""
        SELECT {columns((*MAPPING_COLUMNS, *catalog_types(sources)))}
        FROM ({found})
        ANTI JOIN withdrawn USING (source, treeoflife_id)
        ORDER BY {id_order(sources)}
    """, **paths)  # fmt: skip


def _check_given_ids(database: Database, found: str, sources: Sequence[Source], paths: Mapping[str, Any]) -> None:
    """Check that no two sources have an image with the same id. Ids that are made here differ by themselves."""
    if len(sources) < 2 or not any(source.given_id for source in sources):
        return
    shared = database.rows(
        f"""
        SELECT treeoflife_id, min(source), max(source)
        FROM ({found})
        GROUP BY treeoflife_id
        HAVING count(*) > 1
        ORDER BY treeoflife_id
        LIMIT 1
        """,
        **paths,
    )
    for treeoflife_id, one, other in shared:
        raise InputError(
            f"[sources.{one}] and [sources.{other}] both have an image with the id {treeoflife_id}, which the tables "
            "give: take the images from one of them alone, such as by where in dataset.toml"
        )


def _with_ids(source: Source, keys: str) -> str:
    """SQL for the images of a source, each natural key once.

    Of several rows with one natural key, one of now comes before an earlier one, and then that with lower values.
    """
    catalog = {own: column(name) for own, name in catalog_names(source).items()}
    key = ", ".join(catalog[name] for name in source.key)
    others = [catalog[name] for name in source.columns if name not in source.key]
    chosen = "".join(f", lowest.{name}" for name in others)
    values = ", ".join(f"{name} := {name}" for name in ("_age", *others))
    lowest = f", min(struct_pack({values})) AS lowest" if others else ""
    return f"""
        SELECT {quoted(source.name)} AS source, {id_sql(source)} AS treeoflife_id,
            NULL::BOOLEAN AS is_val, NULL::BOOLEAN AS is_train_small, {key}{chosen}
        FROM (
            SELECT {key}{lowest}
            FROM ({keys})
            WHERE {" AND ".join(f"{name} IS NOT NULL" for name in catalog.values())}
            GROUP BY {key}
        )
    """


def _earlier(database: Database, path: Path | None, sources: Sequence[Source]) -> dict[str, str]:
    """SQL for the table of each source's images in an earlier mapping; nothing for a source that it lacks."""
    if path is None:
        return {}
    if path.suffix != ".parquet":
        load_images(database, path, sources)
        return {one.name: f"(FROM published WHERE source = {quoted(one.name)})" for one in sources}
    database.view("earlier", [path])
    present = set(parquet_schema(path).names())
    held = [one.name for one in sources if present.issuperset(one.catalog)]
    return {name: f"(FROM earlier WHERE source = {quoted(name)})" for name in held}


def count_images(database: Database, path: Path, sources: Sequence[Source]) -> dict[str, int]:
    """The number of images of each source in a mapping of this program."""
    database.view("counted", [path])
    counts = dict(database.rows("SELECT source, count(*) FROM counted GROUP BY source"))
    return {source.name: counts.get(source.name, 0) for source in sources}
