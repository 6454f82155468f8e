"""Writing down what a source lists: each image once, in the order of the natural keys, with what is wrong with it.

listed      the columns of the source and LISTED_COLUMNS      as the source gives them
checked     the same, cleaned; problem is not empty           only withdrawn images are left out yet
            where an image cannot be asked for
"""

from dataclasses import dataclass
from pathlib import Path

from ...core.database import Database, column, columns
from ...errors import ConfigError
from .listed import LISTED_COLUMNS, REPEATED, ListedImages

STEP_VERSION = 1
_TYPES = {int: "BIGINT", str: "VARCHAR"}
# Spaces and other characters that an address must not have are left to whoever asks for it: browsers take them too.
_IS_ADDRESS = r"regexp_full_match(url, '(?is)https?://[^\s/?#]+.*') AND NOT regexp_matches(url, '[\x00-\x1f\x7f]')"


@dataclass(frozen=True)
class Listing:
    """What was written down.

    Attributes:
        images: rows, each of another image.
        bad: rows among these that cannot be asked for.
        repeated: rows that were left out since they say the same as another row.
        differing: natural keys of which other rows say something else; the first by the order of texts is taken.
    """

    images: int
    bad: int
    repeated: int
    differing: int

    def remark(self) -> str:
        """For people: what was left out or looks wrong; empty if nothing does."""
        said = [
            f"{self.bad:,} rows cannot be used, and become rows of the ledger" if self.bad else "",
            f"{self.repeated:,} rows repeat another row" if self.repeated else "",
            f"{self.differing:,} images have rows that differ, of which one is used" if self.differing else "",
        ]
        return "; ".join(filter(None, said))


def write_listing(source: ListedImages, database: Database, path: Path, left_out: str = "false") -> Listing:
    """Write the list of a source's images: its columns, LISTED_COLUMNS, and REPEATED.

    A row without a natural key stays, with that as its problem.

    Args:
        left_out: SQL over the source's columns: which images are left out, since they were withdrawn.

    Raises:
        ConfigError: the source does not give the columns that it must.
        InputError: a table is malformed.
    """
    source.list_images(database)
    _check_columns(source, database)
    database.sort("checked", _checked(source, left_out))
    key, everything = columns(source.key), columns((*source.columns, *LISTED_COLUMNS))
    has_key = f"({' AND '.join(f'{column(name)} IS NOT NULL' for name in source.columns)})"
    # The few keys that occur twice are looked up first: to compare all rows with each other would take far longer.
    database.make("twice", f"SELECT {key} FROM checked WHERE {has_key} GROUP BY {key} HAVING count(*) > 1")
    rows = f"""
        SELECT {everything}, 0::BIGINT AS {REPEATED}
        FROM checked
        WHERE NOT {has_key}
        UNION ALL
        SELECT {everything}, 0
        FROM checked
        ANTI JOIN twice USING ({key})
        WHERE {has_key}
        UNION ALL
        SELECT * EXCLUDE ("number of the row")
        FROM (
            SELECT {everything}, count(*) OVER (PARTITION BY {key}) - 1,
                row_number() OVER (PARTITION BY {key} ORDER BY problem <> '', {everything}) AS "number of the row"
            FROM (SELECT DISTINCT {everything} FROM checked SEMI JOIN twice USING ({key}) WHERE {has_key})
        )
        WHERE "number of the row" = 1
    """
    # Rows without a key are in the order of all that they say.
    texts = ", ".join(f"{column(name)}::VARCHAR" for name in (*source.columns, *LISTED_COLUMNS))
    rest = f"CASE WHEN NOT {has_key} THEN concat_ws(chr(0), {texts}) END"
    images = database.write(path, f"FROM ({rows}) ORDER BY {columns(source.columns)}, {rest}")
    given = database.value("SELECT count(*) FROM checked")
    database.view("written", [path])
    bad, differing, of_these = database.rows(f"""
        SELECT count(*) FILTER (problem <> ''), count(*) FILTER ({REPEATED} > 0), coalesce(sum({REPEATED}), 0)::BIGINT
        FROM written
    """)[0]
    return Listing(images, bad, given - images - of_these, differing)


def _check_columns(source: ListedImages, database: Database) -> None:
    """Check that the source gives the columns that it must, and that none is both its own and one of all sources."""
    given = {name: kind for name, kind, *_ in database.rows("DESCRIBE listed")}
    where = f"[sources.{source.name}]: the plug-in {type(source).__name__}"
    if shared := sorted({*source.columns} & {*LISTED_COLUMNS, REPEATED}):
        raise ConfigError(f"{where} has a column {shared[0]!r}, which the lists of all sources have")
    if missing := [name for name in (*source.columns, *LISTED_COLUMNS) if name not in given]:
        raise ConfigError(f"{where} lists images without the column {missing[0]!r}")
    for name, kind in source.columns.items():
        if given[name] != _TYPES[kind]:
            raise ConfigError(f"{where} lists images whose column {name!r} is {given[name]} and not {_TYPES[kind]}")


def _checked(source: ListedImages, left_out: str) -> str:
    keys = [
        f"nullif({column(name)}, '') AS {column(name)}" if kind is str else column(name)
        for name, kind in source.columns.items()
    ]
    texts = [f"coalesce(trim({column(name)}::VARCHAR), '') AS {column(name)}" for name in LISTED_COLUMNS]
    no_key = " ".join(
        f"WHEN {column(name)} IS NULL THEN 'the row has no {name}, by which its image is known'"
        for name in source.columns
    )
    return f"""
        SELECT * REPLACE (
            CASE
                WHEN problem <> '' THEN problem
                {no_key}
                WHEN url = '' THEN 'the row has no address'
                WHEN NOT ({_IS_ADDRESS}) THEN 'the address is none that begins with http:// or https://'
                ELSE ''
            END AS problem
        )
        FROM (SELECT {", ".join((*keys, *texts))} FROM listed)
        WHERE NOT coalesce({left_out}, false)
    """
