"""The tables of what was fetched, which are the containers of a source: who is in which archive, and who is in none.

A table is written anew only where its content changed: nothing else is encoded again.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ..config.fetched_files import FetchedFiles
from ..core.database import Database, columns
from ..core.files import replacing
from ..mapping.natural_keys import joined_sql
from ..sources.listed import ListedImages

BAD_ROW = "bad-row"
"""The reason of an image whose row in the list cannot be used."""
NOT_ASKED = "not-asked"
"""The reason of an image whose address was not asked yet."""
# On average a part has at most half as many rows as it may have, which are 100,000: no hash is so uneven.
_ROWS_A_PART = 50_000
_TABLE = "number of the table"  # no source has a column of this name


def write_archive_images(source: ListedImages, database: Database, files: FetchedFiles) -> int:
    """Write which images of the list are in which archive; returns how many are in one.

    Several images may have the same address: each is one, with the same bytes.
    """
    rows = f"""
        SELECT "{_TABLE}", {columns(source.columns, "listed_image")}, {_file(source)} AS file,
            outcome."offset", outcome.size
        FROM listed_image
        JOIN (
            SELECT archive AS "{_TABLE}", url, "offset", size FROM outcome WHERE reason IS NULL
        ) AS outcome USING (url)
        WHERE problem = ''
        ORDER BY "{_TABLE}", "offset", {columns(source.columns, "listed_image")}
    """
    images, written = 0, set()
    for number, table in _tables(database, rows):
        _write_changed(files.archive_images(number), table)
        images += table.height
        written.add(number)
    for number in set(files.with_images()) - written:
        files.archive_images(number).unlink()
    return images


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
