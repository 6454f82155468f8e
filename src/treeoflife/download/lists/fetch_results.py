"""The tables of what was fetched, which are the containers of a source: who is in which archive, and who is in none.

A table is written anew only where its content changed: nothing else is encoded again.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ...config.fetched_files import FetchedFiles
from ...core.database import Database, columns
from ...core.files import replacing
from ...core.tables import PARQUET_ERRORS, parquet_schema
from ...mapping.natural_keys import joined_sql
from ...sources.lists.listed import ListedImages
from .fetch_reasons import NOT_ASKED

BAD_ROW = "bad-row"
"""The reason of an image whose row in the list cannot be used."""
# On average a part has at most half as many rows as it may have, which are 100,000: no hash is so uneven.
_ROWS_A_PART = 50_000
_TABLE = "number of the table"  # no source has a column of this name


def write_archive_images(source: ListedImages, database: Database, files: FetchedFiles) -> int:
    """Write which images of the list are in which archive; returns how many are in one.

    Several images may have the same address: each is one, with the same bytes. Images that the list no longer has stay
    in the table of an archive, so that its others need not be encoded again, unless they would be more than these; they
    are in the table ``unlisted`` too. So do the places of images that were withdrawn, which are rows without a file.
    """
    _open_unlisted(source, database, files)
    vacant = database.frame("FROM vacant_place ORDER BY ALL")
    keys = columns(source.columns)
    rows = f"""
        SELECT "{_TABLE}", {columns(source.columns, "listed_image")}, {_file(source)} AS file,
            outcome."offset", outcome.size, true AS is_listed
        FROM listed_image
        JOIN (
            SELECT archive AS "{_TABLE}", url, "offset", size FROM outcome WHERE reason IS NULL
        ) AS outcome USING (url)
        WHERE problem = ''
        UNION ALL
        SELECT "{_TABLE}", {keys}, file, "offset", size, false FROM unlisted_image
    """
    written = _Written()
    schema = pl.Schema({name: pl.Int64 if kind is int else pl.String for name, kind in source.columns.items()})
    tables = _tables(database, f'FROM ({rows}) ORDER BY "{_TABLE}", "offset", {keys}')
    database.spool("kept", _write_tables(tables, files, written, vacant, schema.names()), schema)
    if database.value("SELECT count(*) FROM kept"):
        database.write(files.unlisted, f"FROM kept ORDER BY {keys}")
    else:
        files.unlisted.unlink(missing_ok=True)
    for number in set(files.with_images()) - written.archives:
        _leave_vacant(files.archive_images(number), vacant.filter(pl.col(_TABLE) == number), schema)
    return written.images


def _leave_vacant(path: Path, vacant: pl.DataFrame, schema: pl.Schema) -> None:
    """Write the table of an archive of whose images none is left: it goes, unless it has places of withdrawn images."""
    if vacant.height:
        nothing = pl.DataFrame(schema={**schema, "file": pl.String, "offset": pl.Int64, "size": pl.Int64})
        _write_changed(path, _with_vacant(nothing, vacant))
    else:
        path.unlink()


def _with_vacant(images: pl.DataFrame, vacant: pl.DataFrame) -> pl.DataFrame:
    """The images of an archive, with the places of withdrawn ones in the rows that they had: no other image moves."""
    if vacant.is_empty():
        return images
    rows = pl.int_range(images.height + vacant.height, eager=True).alias("row")
    free = rows.filter(~rows.is_in(vacant["row"].implode())).head(images.height)
    places = vacant.select("row", pl.lit("").alias("file"), "offset", "size")
    both = pl.concat([images.with_columns(free), places], how="diagonal")
    return both.sort("row").select(images.columns)


@dataclass
class _Written:
    """What has been written so far: listed images, and the archives that they are in."""

    images: int = 0
    archives: set[int] = field(default_factory=set)


def _write_tables(
    tables: Iterable[tuple[int, pl.DataFrame]],
    files: FetchedFiles,
    written: _Written,
    vacant: pl.DataFrame,
    keys: Sequence[str],
) -> Iterator[pl.DataFrame]:
    """Write the table of each archive; yields the natural keys of the images in it that are not listed any more."""
    for number, rows in tables:
        listed = rows.filter("is_listed")
        if listed.height:
            table = listed if listed.height == rows.height else _with_unlisted(rows, files.index(number))
            own = vacant.filter(pl.col(_TABLE) == number)
            _write_changed(files.archive_images(number), _with_vacant(table.drop("is_listed"), own))
            written.images += listed.height
            written.archives.add(number)
            yield table.filter(~pl.col("is_listed")).select(keys)


def _with_unlisted(rows: pl.DataFrame, index: Path) -> pl.DataFrame:
    """The listed images of an archive, with the others if these are as many at most, and if they are where they were.

    The archive may have been deleted and fetched again since.
    """
    places = pl.read_parquet(index, columns=["offset", "size"], glob=False).drop_nulls().with_columns(there=True)
    there = rows.join(places, on=["offset", "size"], how="left", maintain_order="left")["there"].fill_null(value=False)
    kept = rows.filter(rows["is_listed"] | there)
    return kept if kept.height <= 2 * kept["is_listed"].sum() else kept.filter("is_listed")


def _open_unlisted(source: ListedImages, database: Database, files: FetchedFiles) -> None:
    """Make known what is in the tables of archives beside images of the list.

    in:  listed_image, answer
    out: unlisted_image   images that the list no longer has
         vacant_place     the number of the table, row, offset, size: places of images that were withdrawn
    """
    keys = columns(source.columns)
    # A table that was written with other keys, before the settings changed, names none of these images.
    numbers = [number for number in files.with_images() if _has_keys(source, files.archive_images(number))]
    paths = [files.archive_images(number) for number in numbers]
    tables = {_TABLE: numbers, "path": [str(path) for path in paths]}
    database.load("written_table", pl.DataFrame(tables, schema={_TABLE: pl.Int64, "path": pl.String}))
    stored = "read_parquet($paths, hive_partitioning = false, file_row_number = true, filename = 'file name')"
    if not paths:
        nothing = "'' AS file, 0 AS \"offset\", 0 AS size, 0 AS file_row_number, '' AS \"file name\""
        stored = f"(SELECT {keys}, {nothing} FROM listed_image LIMIT 0)"
    given = {"paths": paths} if paths else {}
    database.make("unlisted_image", f"""
        SELECT "{_TABLE}", {keys}, file, "offset", size
        FROM {stored} AS stored
        ANTI JOIN (SELECT {keys} FROM listed_image) AS listed USING ({keys})
        JOIN written_table ON written_table.path = stored."file name"
        WHERE file <> ''
    """, **given)  # fmt: skip
    # The archive may have been deleted and fetched again since.
    database.make("vacant_place", f"""
        SELECT "{_TABLE}", file_row_number AS "row", "offset", size
        FROM {stored} AS stored
        JOIN written_table ON written_table.path = stored."file name"
        SEMI JOIN answer ON answer.archive = "{_TABLE}" AND answer."offset" = stored."offset"
        WHERE file = ''
    """, **given)  # fmt: skip


def _has_keys(source: ListedImages, path: Path) -> bool:
    try:
        return {*parquet_schema(path)} == {*source.columns, "file", "offset", "size"}
    except PARQUET_ERRORS:  # damaged: it is written anew
        return False


def write_not_fetched(source: ListedImages, database: Database, files: FetchedFiles) -> Counter[str]:
    """Write which images of the list are in no archive, and why; returns how many, by reason."""
    database.sort("unfetched", f"""
        SELECT {columns(source.columns, "listed_image")},
            coalesce({_file(source)}, nullif(url, ''), 'a row without a natural key') AS file,
            CASE WHEN problem <> '' THEN '{BAD_ROW}'
                WHEN outcome.url IS NULL THEN '{NOT_ASKED}'
                ELSE outcome.reason
            END AS reason,
            concat_ws(': ', nullif(url, ''), coalesce(nullif(problem, ''), nullif(outcome.detail, ''))) AS detail
        FROM listed_image
        LEFT JOIN (SELECT url, reason, detail FROM outcome) AS outcome USING (url)
        WHERE problem <> '' OR outcome.url IS NULL OR outcome.reason IS NOT NULL
    """)  # fmt: skip
    reasons = Counter(dict(database.rows("SELECT reason, count(*) FROM unfetched GROUP BY reason")))
    # A power of two: while it stays, an image stays in its part.
    parts = 1 << (max(0, reasons.total() - 1) // _ROWS_A_PART).bit_length()
    rows = f"""
        SELECT (md5_number_lower(file) % {parts})::BIGINT AS "{_TABLE}", *
        FROM unfetched
        ORDER BY "{_TABLE}", file, {columns(source.columns)}, reason, detail
    """
    written = set()
    for number, table in _tables(database, rows):
        _write_changed(files.not_fetched(number), table)
        written.add(files.not_fetched(number))
    for path in set(files.not_fetched_parts()) - written:
        path.unlink()
    return reasons


def _file(source: ListedImages) -> str:
    """SQL for what messages and the ledger call an image: its natural key."""
    return joined_sql({name: source.columns[name] for name in source.key})


def _tables(database: Database, sql: str) -> Iterator[tuple[int, pl.DataFrame]]:
    """The rows of each table, of which one after the other is in memory; the query orders them by table."""
    number, held = -1, list[pl.DataFrame]()
    for piece in database.pieces(sql):
        for (found,), rows in piece.group_by(_TABLE, maintain_order=True):
            if found != number and held:
                yield number, pl.concat(held)
                held = []
            number = found
            held.append(rows.drop(_TABLE))
    if held:
        yield number, pl.concat(held)


def _write_changed(path: Path, table: pl.DataFrame) -> None:
    """Write a table, unless the file has it already."""
    if not _has(path, table):
        with replacing(path) as temporary:
            table.rechunk().write_parquet(temporary)


def _has(path: Path, table: pl.DataFrame) -> bool:
    try:
        return pl.read_parquet(path, glob=False).equals(table)
    except FileNotFoundError:
        return False
    except pl.exceptions.PolarsError:  # damaged
        return False
