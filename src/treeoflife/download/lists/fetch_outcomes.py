"""What came of the addresses that a source lists, from the indexes of all its archives.

listed_image   a row per image of the list                                      :mod:`~treeoflife.sources.lists.listing`
answer         archive, url, reason, detail, offset, size, sha256               each time that an address was asked
outcome        the same, and reason and detail of a placeholder                 the last time
"""

import polars as pl

from ...config.fetched_files import FetchedFiles
from ...core.database import Database
from .url_archive import INDEX_COLUMNS

PLACEHOLDER = "placeholder"
"""The reason of a picture that hosts send in place of many others."""
_TAKEN = ("url", "reason", "detail", "offset", "size", "sha256")
_FILE_NAME = "file name"


def open_outcomes(database: Database, files: FetchedFiles, placeholder_after: int) -> None:
    """Make the tables known; see above.

    Args:
        placeholder_after: a picture that so many addresses of different observations give is a placeholder; 0 for none.
    """
    database.view("listed_image", [files.images])
    _open_answers(database, files)
    # Few addresses are asked twice. Those are looked up first: to order all answers would take far longer.
    database.sort("last_answer", """
        SELECT answer.*
        FROM answer
        LEFT JOIN (
            SELECT url, max(archive) AS last FROM answer GROUP BY url HAVING count(*) > 1
        ) AS again USING (url)
        WHERE last IS NULL OR archive = last
    """)  # fmt: skip
    _find_placeholders(database, placeholder_after)
    database.run(f"""
        CREATE OR REPLACE VIEW outcome AS
        SELECT last_answer.* EXCLUDE (reason, detail),
            coalesce(reason, CASE WHEN urls IS NOT NULL THEN '{PLACEHOLDER}' END) AS reason,
            CASE WHEN reason IS NULL AND urls IS NOT NULL
                THEN 'the same picture as at ' || (urls - 1) || ' other addresses, such as ' || example
                ELSE detail
            END AS detail
        FROM last_answer
        LEFT JOIN placeholder USING (sha256)
    """)


def _open_answers(database: Database, files: FetchedFiles) -> None:
    numbers = files.finished()
    archives = {"archive": numbers, "path": [str(files.index(number)) for number in numbers]}
    database.load("archive", pl.DataFrame(archives, schema={"archive": pl.Int64, "path": pl.String}))
    if not numbers:
        empty = pl.DataFrame(schema=INDEX_COLUMNS).select(_TAKEN)
        database.load("answer", empty.with_columns(archive=pl.lit(None, pl.Int64)))
        return
    taken = ", ".join(f'stored."{name}"' for name in _TAKEN)
    database.sort("answer", f"""
        SELECT archive.archive, {taken}
        FROM read_parquet($paths, hive_partitioning = false, filename = '{_FILE_NAME}') AS stored
        JOIN archive ON archive.path = stored."{_FILE_NAME}"
    """, paths=[files.index(number) for number in numbers])  # fmt: skip


def _find_placeholders(database: Database, placeholder_after: int) -> None:
    """Find the pictures that stand for many others.

    in:  listed_image, last_answer
    out: placeholder   sha256; urls: how many addresses give it; example: one of them
    """
    # An image without an observation is one of its own. A picture must be the same for many of them: photographs of one
    # observation may be listed under several addresses.
    database.make("placeholder", """
        WITH common AS MATERIALIZED (
            SELECT sha256 FROM last_answer WHERE reason IS NULL GROUP BY sha256 HAVING count(*) >= $least
        ),
        listed AS (
            SELECT url, sha256, nullif(observation, '') AS observation
            FROM listed_image
            JOIN (SELECT url, sha256 FROM last_answer SEMI JOIN common USING (sha256) WHERE reason IS NULL) USING (url)
            WHERE problem = ''
        )
        SELECT sha256, count(DISTINCT url) AS urls, min(url) AS example
        FROM listed
        WHERE $least > 0
        GROUP BY sha256
        HAVING count(DISTINCT url) >= $least AND count(DISTINCT coalesce(observation, url)) >= $least
    """, least=placeholder_after)  # fmt: skip


def placeholders(database: Database) -> list[tuple[int, str]]:
    """The pictures that stand for many others, the most frequent first: how many addresses give it, and one of them."""
    return [
        (urls, url) for urls, url in database.rows("SELECT urls, example FROM placeholder ORDER BY urls DESC, example")
    ]
