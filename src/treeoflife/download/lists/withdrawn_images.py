"""Withdrawn images in what was fetched: their bytes are overwritten in their place, and their addresses are forgotten.

An archive of many gigabytes is not written anew for a few images, and no other image in it moves. Their rows in the
tables of the archive stay too, without anything that says whose they were. What another image needs is left alone:
several images may have the same address, and then have the same bytes.

A run that was killed is repeated: bytes go first, and what says where they are goes last.
"""

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ...config.fetched_files import FetchedFiles
from ...core.database import Database, column, columns
from ...core.files import replacing
from ...core.parquet_meta import read_meta
from ...core.tables import PARQUET_ERRORS, parquet_schema
from ...mapping.natural_keys import joined_sql
from ...sources.lists.listed import ListedImages
from ...sources.withdrawn import WITHDRAWN
from . import archive_journal

_ZEROS = bytes(1 << 20)
_FILE_NAME = "file name"  # no source has a column of this name
_PLACE = ("offset", "size")


def forget_withdrawn(source: ListedImages, database: Database, files: FetchedFiles, withdrawn: pl.DataFrame) -> int:
    """Remove withdrawn images from all that was fetched of a source, but for the list; returns how many addresses of
    archives were forgotten.

    The list has to be the former one still: it may be the only table that says which addresses they had.

    Args:
        withdrawn: the rows of ``withdrawn.csv``.
    """
    own = withdrawn.filter(source=source.name)
    database.load("withdrawn_key", own.select("natural_key", "url"))
    if own.is_empty() or not files.folder.is_dir():
        return 0
    _find_places(source, database, files)
    _find_addresses(source, database, files)
    urls = database.frame("SELECT url FROM withdrawn_address ORDER BY url")["url"]
    places = database.frame(f"""
        SELECT archive, {columns(source.columns)} FROM withdrawn_place ORDER BY ALL
    """)  # fmt: skip
    asked = database.rows("SELECT DISTINCT archive FROM answer SEMI JOIN withdrawn_address USING (url)")
    forgotten = 0
    for number in sorted({*places["archive"], *(number for (number,) in asked)}):
        forgotten += _clean_archive(files, number, urls, places.filter(archive=number).drop("archive"))
    for number in files.unfinished():
        forgotten += _clean_unfinished(files, number, urls)
    return forgotten


def is_withdrawn(source: ListedImages) -> str:
    """SQL over a source's columns: whether an image is withdrawn.

    in:  withdrawn_key, as :func:`forget_withdrawn` makes it
    """
    return f"{_key(source)} IN (SELECT natural_key FROM withdrawn_key)"


def _key(source: ListedImages) -> str:
    return joined_sql({name: source.columns[name] for name in source.key})


def _find_places(source: ListedImages, database: Database, files: FetchedFiles) -> None:
    """Find where the archives have withdrawn images, and what was asked for them.

    in:  withdrawn_key
    out: withdrawn_place   archive, offset, and the columns of the source
         answer            archive, url, offset: of all archives
    """
    # A table that was written with other keys, before the settings changed, is written anew.
    tables = [number for number in files.with_images() if _has(files.archive_images(number), source.columns)]
    _open(database, "placed", {number: files.archive_images(number) for number in tables}, [*source.columns, "offset"])
    database.make("withdrawn_place", f"FROM placed WHERE {is_withdrawn(source)}")
    _open(database, "answered", {number: files.index(number) for number in files.finished()}, ["url", "offset"])
    database.make("answer", "FROM answered")


def _open(database: Database, name: str, tables: dict[int, Path], wanted: Sequence[str]) -> None:
    """Make some columns of the tables of archives known, with the column ``archive``."""
    paths = {"archive": list(tables), "path": [str(path) for path in tables.values()]}
    database.load(f"{name}_archive", pl.DataFrame(paths, schema={"archive": pl.Int64, "path": pl.String}))
    if not tables:
        nothing = ", ".join(f"NULL AS {column(one)}" for one in wanted)
        database.run(f"CREATE OR REPLACE VIEW {name} AS SELECT NULL::BIGINT AS archive, {nothing} LIMIT 0")
        return
    database.view(f"{name}_table", tables.values(), named=_FILE_NAME)
    database.run(f"""
        CREATE OR REPLACE VIEW {name} AS
        SELECT archive, {columns(wanted)}
        FROM {name}_table
        JOIN {name}_archive ON path = {column(_FILE_NAME)}
    """)


def _has(path: Path, wanted: Iterable[str]) -> bool:
    """Whether a table can be read and has these columns."""
    try:
        return {*wanted} <= {*parquet_schema(path)}
    except PARQUET_ERRORS:
        return False


def _find_addresses(source: ListedImages, database: Database, files: FetchedFiles) -> None:
    """Find the addresses that belong to withdrawn images alone.

    in:  withdrawn_key, withdrawn_place, answer
    out: withdrawn_address   url
    """
    listed = "SELECT NULL::VARCHAR AS url, NULL::VARCHAR AS natural_key LIMIT 0"
    if _has(files.images, [*source.columns, "url", "problem"]):
        database.view("formerly_listed", [files.images])
        listed = f"SELECT url, {_key(source)} AS natural_key FROM formerly_listed WHERE problem = ''"
    database.make("withdrawn_address", f"""
        WITH listed AS ({listed})
        SELECT DISTINCT url
        FROM (
            SELECT url FROM withdrawn_key
            UNION ALL
            SELECT url FROM listed SEMI JOIN withdrawn_key USING (natural_key)
            UNION ALL
            SELECT url FROM answer SEMI JOIN withdrawn_place USING (archive, "offset")
        )
        ANTI JOIN (SELECT url FROM listed ANTI JOIN withdrawn_key USING (natural_key)) AS others USING (url)
        WHERE url <> ''
    """)  # fmt: skip


def _clean_archive(files: FetchedFiles, number: int, urls: pl.Series, keys: pl.DataFrame) -> int:
    """Remove images from an archive that is finished; returns how many of its addresses are forgotten.

    Args:
        urls: the addresses to forget, unless another image is in the archive with one of them.
        keys: the natural keys of the images.
    """
    index, table, forgotten = files.index(number), files.archive_images(number), 0
    images = pl.read_parquet(table, glob=False) if _has(table, ["file", "offset", *keys.columns]) else None
    if index.exists():
        rows = pl.read_parquet(index, glob=False)
        needed = _needed_offsets(images, keys) if images is not None else pl.Series("offset", [], pl.Int64)
        is_needed = rows["offset"].is_in(needed.implode()).fill_null(value=False)
        gone = rows["url"].is_in(urls.implode()).fill_null(value=False) & ~is_needed
        _overwrite(files.archive(number), rows.filter(gone))
        forgotten = _forget(files, number, rows, gone)
    if images is not None and keys.height:
        _empty(table, images, keys)
    return forgotten


def _needed_offsets(images: pl.DataFrame, keys: pl.DataFrame) -> pl.Series:
    """Where the images of an archive are that are not among these."""
    return images.filter(pl.col("file") != "").join(keys, on=keys.columns, how="anti")["offset"]


def _overwrite(archive: Path, rows: pl.DataFrame) -> None:
    """Write zeros over the images of these rows of the index, and bring them to the disk."""
    extents = rows.select(_PLACE).drop_nulls().rows()
    if not extents or not archive.exists():
        return
    with archive.open("r+b") as tar:
        for offset, size in extents:
            tar.seek(offset)
            for start in range(0, size, len(_ZEROS)):
                tar.write(_ZEROS[: size - start])
        tar.flush()
        os.fsync(tar.fileno())


def _forget(files: FetchedFiles, number: int, rows: pl.DataFrame, gone: pl.Series) -> int:
    """Write the addresses of an archive, and its index, without these; returns how many were forgotten."""
    if not gone.any():
        return 0
    promised = files.urls(number)
    if promised.exists():
        urls = pl.read_parquet(promised, glob=False)
        in_gone = pl.col("url").is_in(rows.filter(gone)["url"].implode())
        _replace(promised, urls.with_columns(pl.when(~in_gone).then("url").alias("url")))
    others = [name for name in rows.columns if name not in (*_PLACE, "status", "reason")]
    emptied = rows.with_columns(
        *(pl.when(~gone).then(name).alias(name) for name in others),
        pl.when(gone).then(pl.lit(WITHDRAWN)).otherwise("reason").alias("reason"),
    )
    _replace(files.index(number), emptied, _counted(emptied))
    return int(gone.sum())


def _counted(rows: pl.DataFrame) -> dict[str, Any]:
    """What the metadata of an index says of its rows."""
    failed = rows["reason"].drop_nulls()
    reasons = Counter(failed.filter(failed != WITHDRAWN))
    return {
        "urls": archive_journal.digest(rows["url"].to_list()),
        "images": rows.height - failed.len(),
        "reasons": dict(sorted(reasons.items())),
    }


def _empty(path: Path, images: pl.DataFrame, keys: pl.DataFrame) -> None:
    """Write the table of the images of an archive with nothing in the rows of these but their places."""
    marked = images.join(keys.with_columns(gone=True), on=keys.columns, how="left", maintain_order="left")
    gone = pl.col("gone").is_not_null()
    emptied = marked.with_columns(
        *(pl.when(~gone).then(name).alias(name) for name in keys.columns),
        pl.when(gone).then(pl.lit("")).otherwise("file").alias("file"),
    )
    _replace(path, emptied.drop("gone"))


def _replace(path: Path, table: pl.DataFrame, changed: Mapping[str, Any] | None = None) -> None:
    """Write a table in place of another, with the metadata of that, but for what changed in it."""
    metadata = (read_meta(path) or {}) | dict(changed or {})
    with replacing(path) as temporary:
        table.rechunk().write_parquet(temporary, metadata={"treeoflife": json.dumps(metadata)} if metadata else None)


def _clean_unfinished(files: FetchedFiles, number: int, urls: pl.Series) -> int:
    """Remove images from an archive of which some addresses were asked, and others are still to be asked."""
    promised, archive = pl.read_parquet(files.urls(number), glob=False), files.archive(number)
    gone = promised["url"].is_in(urls.implode()).fill_null(value=False)
    if not gone.any():
        return 0
    part = archive_journal.part_of(archive)
    rows = [row for _, row in archive_journal.read_lines(archive) if row]
    if tar := next((path for path in (part, archive) if path.exists()), None):
        # What the journal does not speak of may be of any address, and whoever goes on with the archive cuts it off.
        os.truncate(tar, max(map(archive_journal.end_of, rows), default=0))
        extents = [(row[6], row[7]) for row in rows if gone[row[0]]]
        _overwrite(tar, pl.DataFrame(extents, schema=dict.fromkeys(_PLACE, pl.Int64), orient="row"))
    kept = promised.with_columns(pl.when(~gone).then("url").alias("url"))
    if archive_journal.journal_of(archive).exists():
        archive_journal.rewrite(archive, kept["url"].to_list())
    _replace(files.urls(number), kept)
    return int(gone.sum())
