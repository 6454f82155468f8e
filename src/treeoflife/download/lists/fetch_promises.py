"""Which addresses are to be asked, divided into archives.

The addresses of an archive are written down before any of them is asked. A run that was killed goes on with the same
archives, so that their numbers and contents do not depend on when it was.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from ...config.fetched_files import FetchedFiles
from ...core.database import Database, quoted
from ...core.files import replacing
from ...core.json_reader import parse_json

# One query is read in pieces of about this many addresses, which are then divided.
_ROWS_AT_ONCE = 500_000
_LISTED = "(SELECT DISTINCT url FROM listed_image WHERE problem = '')"


@dataclass(frozen=True)
class Promise:
    """An archive that is to be made.

    Attributes:
        count: the number of its addresses.
        retry: whether they were asked before, and failed.
    """

    files: FetchedFiles
    number: int
    count: int
    retry: bool


def promise_archives(database: Database, files: FetchedFiles, per_archive: int, again: str) -> list[Promise]:
    """Write down what is to be asked, and give all archives that are to be made, also those of a run that was killed.

    These are the listed addresses that were never asked, and those that are to be asked again.

    Args:
        database: has the tables of :mod:`.fetch_outcomes`.
        again: SQL over ``reason``: whether an address that failed is to be asked again.
    """
    _drop_unwanted(database, files)
    _open_promised(database, files)
    new, failed = f"FROM {_LISTED} ANTI JOIN last_answer USING (url)", f"""
        FROM {_LISTED}
        SEMI JOIN (SELECT url FROM outcome WHERE reason IS NOT NULL AND ({again})) USING (url)
    """  # fmt: skip
    _promise(database, files, new, per_archive, retry=False)
    _promise(database, files, failed, per_archive, retry=True)
    return [_read(files, number) for number in files.unfinished()]


def reasons_sql(reasons: Collection[str]) -> str:
    """SQL over ``reason``: whether it is one of these."""
    return f"reason IN ({', '.join(map(quoted, sorted(reasons)))})" if reasons else "false"


def _drop_unwanted(database: Database, files: FetchedFiles) -> None:
    """Give up the archives of which nothing was fetched yet, and which have addresses that the list no longer has.

    The list may have become far shorter since they were planned. What is still wanted is promised anew.
    """
    _open_promised(database, files)
    for (number,) in database.rows(f"SELECT DISTINCT archive FROM promised ANTI JOIN {_LISTED} AS listed USING (url)"):
        if not files.has_begun(number):
            files.urls(number).unlink()


def _open_promised(database: Database, files: FetchedFiles) -> None:
    """Make the addresses of archives that are not finished known as the table ``promised``: archive, url."""
    numbers = files.unfinished()
    schema = pl.Schema({"archive": pl.Int64, "url": pl.String})
    tables = (pl.read_parquet(files.urls(number), columns=["url"], glob=False) for number in numbers)
    rows = (
        table.select(archive=pl.lit(number, pl.Int64), url="url") for number, table in zip(numbers, tables, strict=True)
    )
    database.spool("promised", rows, schema)


def _promise(database: Database, files: FetchedFiles, urls: str, per_archive: int, *, retry: bool) -> None:
    """Write the addresses down, in an order that mixes hosts, so that every task has some of each to ask."""
    number = files.next_number()
    rows = f"SELECT url FROM (SELECT url {urls}) ANTI JOIN (SELECT url FROM promised) AS promised USING (url)"
    at_once = max(1, _ROWS_AT_ONCE // per_archive) * per_archive
    for some in database.pieces(f"{rows} ORDER BY md5(url), url", at_once):
        for few in some.iter_slices(per_archive) if some.height else ():
            with replacing(files.urls(number)) as temporary:
                few.write_parquet(temporary, metadata={"treeoflife": json.dumps({"retry": retry})})
            number += 1


def _read(files: FetchedFiles, number: int) -> Promise:
    path = files.urls(number)
    meta = parse_json(pl.read_parquet_metadata(path).get("treeoflife", "{}"), own=True)
    count = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
    return Promise(files, number, count, bool(meta.get("retry")) if isinstance(meta, dict) else False)
