"""Shuffles that depend only on a seed and the ids: the same on every computer, whatever order the ids come in."""

from ..core.database import Database, quoted


def shuffle_key(seed: int, purpose: str, column: str = "treeoflife_id") -> str:
    """SQL for the number by which ids are shuffled: the first 64 bits of the MD5 of seed, purpose and id.

    Equal numbers are ordered by id; among 10 million ids, two are equal with a probability of 3 in a million.
    """
    return f"('0x' || left({_digest(seed, purpose, column)}, 16))::UBIGINT"


def second_key(seed: int, purpose: str, column: str = "treeoflife_id") -> str:
    """SQL for a further such number, independent of the first: the other 64 bits, which cost no MD5 of their own."""
    return f"('0x' || right({_digest(seed, purpose, column)}, 16))::UBIGINT"


def share(part: int, whole: int) -> str:
    """SQL for the number up to which about ``part`` of ``whole`` ids are by :func:`shuffle_key`.

    >>> share(1, 2)
    '9223372036854775808::UBIGINT'
    """
    most = (1 << 64) - 1
    return f"{min(most, (part << 64) // whole) if whole else most}::UBIGINT"


def _digest(seed: int, purpose: str, column: str) -> str:
    # Seed and purpose are divided from the id by a sign that neither can contain.
    return f"md5({quoted(f'{seed}/{purpose}/')} || {column})"


def lowest(database: Database, table: str, count: int, where: str = "true") -> str:
    """SQL for the condition that a row is among the ``count`` lowest by the columns ``_shuffle`` and ``image_row``.

    The rows are counted, not sorted: first by the beginning of their number, then one by one where the limit lies.

    Args:
        table: has these columns.
        where: the rows that count.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from treeoflife.core.database import open_database
    >>> with open_database(Path(tempfile.mkdtemp(), "scratch")) as database:
    ...     shuffle = f"{shuffle_key(17, 'val', 'i')} AS _shuffle"
    ...     database.make("shuffled", f"SELECT i AS image_row, {shuffle} FROM range(99) AS r(i)")
    ...     database.value(f"SELECT count(*) FROM shuffled WHERE {lowest(database, 'shuffled', 7)}")
    7
    """
    if count <= 0:
        return "false"
    # A part has the same first 16 bits: of 100 million rows some 1,500.
    parts = database.rows(f"""
        SELECT part, before
        FROM (
            SELECT part, sum(rows) OVER (ORDER BY part) - rows AS before, rows
            FROM (SELECT _shuffle >> 48 AS part, count(*) AS rows FROM {table} WHERE {where} GROUP BY part)
        )
        WHERE before < $count AND $count <= before + rows
    """, count=count)  # fmt: skip
    if not parts:  # there are fewer rows
        return "true"
    ((part, before),) = parts
    ((shuffle, image_row),) = database.rows(f"""
        SELECT _shuffle, image_row
        FROM {table}
        WHERE {where} AND _shuffle >> 48 = $part
        ORDER BY _shuffle, image_row
        LIMIT 1
        OFFSET $skipped
    """, part=part, skipped=int(count - before - 1))  # fmt: skip
    return f"(_shuffle, image_row) <= ({shuffle}::UBIGINT, {image_row}::BIGINT)"
