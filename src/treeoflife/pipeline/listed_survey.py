"""What a source lists whose images are on the web, counted for people before a build asks for the first image."""

from collections.abc import Iterator

from ..core.database import Database, column
from ..core.values import RANKS
from ..sources.lists.listed import ListedImages

_SHOWN = 5
_NAMES = (*RANKS, "scientific_name", "common_name")
_ROWS = "SELECT count(*), count(*) FILTER (problem <> ''), min(problem) FILTER (problem <> '') FROM listed"
_COUNTS = """
    SELECT {text} AS value, count(*) AS rows
    FROM listed
    WHERE problem = ''
    GROUP BY value
    ORDER BY rows DESC, value
    LIMIT {limit}
"""
_KINDS = "SELECT count(DISTINCT {text}) FROM listed WHERE problem = ''"
_OBSERVATIONS = """
    SELECT count(*), count(*) FILTER (images > 1), coalesce(max(images), 0)
    FROM (
        SELECT count(DISTINCT url) AS images
        FROM listed
        WHERE problem = '' AND observation <> ''
        GROUP BY observation
    )
"""
# In small letters, since a host is the same in any.
_HOST = "lower(regexp_extract(url, '^[A-Za-z]+://(?:[^/?#]*@)?([^/?#]+)', 1))"


def survey(source: ListedImages, database: Database) -> list[str]:
    """Lines on the rows, hosts, names, licences and observations of a source.

    Raises:
        InputError: a table cannot be read, or no row of it can be used.
    """
    source.list_images(database)
    return [*_rows(database), *_hosts(database), *_names(database), *_licences(database), *_observations(database)]


def _rows(database: Database) -> Iterator[str]:
    ((rows, bad, example),) = database.rows(_ROWS)
    yield f"rows: {rows:,}"
    if bad:
        yield f"rows that cannot be used, and become rows of the ledger: {bad:,}, such as {example}"


def _hosts(database: Database) -> Iterator[str]:
    count = database.value(_KINDS.format(text=_HOST))
    yield f"hosts: {count:,}: {_listed(database, _HOST)}{' …' if count > _SHOWN else ''}"


def _names(database: Database) -> Iterator[str]:
    """In how many rows each rank is filled."""
    filled = ", ".join(f"count(*) FILTER ({column(name)} <> '')" for name in _NAMES)
    (counts,) = database.rows(f"SELECT {filled} FROM listed WHERE problem = ''")
    present = ", ".join(f"{name} {count:,}" for name, count in zip(_NAMES, counts, strict=True) if count)
    yield f"rows with a name, by its parts: {present or 'none'}"


def _licences(database: Database) -> Iterator[str]:
    licence = "coalesce(nullif(license_name, ''), nullif(license_link, ''), 'none')"
    count = database.value(_KINDS.format(text=licence))
    yield f"licences: {_listed(database, licence)}{' …' if count > _SHOWN else ''}"


def _observations(database: Database) -> Iterator[str]:
    ((observations, several, most),) = database.rows(_OBSERVATIONS)
    if observations:
        yield f"observations: {observations:,}, of which {several:,} have several images, at most {most:,}"
    else:
        yield "observations: none are known, so that images of one may be in different splits"


def _listed(database: Database, text: str) -> str:
    rows = database.rows(_COUNTS.format(text=text, limit=_SHOWN))
    return ", ".join(f"{value} {count:,}" for value, count in rows)
