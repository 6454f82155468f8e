"""Tables of captions that others made, by the ids of images.

caption_row       listed_row, key, text              the rows of the table that have both
caption_image     treeoflife_id, listed_row, text    the same by the ids of images, each text of an image once; a key
                                                   that no image has is an id of none, so that it can be reported
"""

from collections.abc import Sequence
from pathlib import Path

from ..config.captions import Caption
from ..core.database import Database, column, quoted
from ..core.text import counted
from ..errors import InputError
from ..mapping.ids import plain_id
from ..mapping.images import listed_name
from ..sources.base import Source
from ..sources.column_tables import clean_text
from ..sources.lists.listed_columns import find_column, shown
from ..sources.lists.text_columns import ROW, Table

STEP_VERSION = 1
_IDS = ("treeoflife_id", "uuid", "evobio10m_id", "key", "id")
"""What a column of ids may be called, the likeliest first."""


def write_captions(database: Database, name: str, caption: Caption, sources: Sequence[Source], path: Path) -> str:
    """Write the captions of a table, by ``treeoflife_id``: ``treeoflife_id``, ``text``. A caption that an image has
    twice counts once.

    in:  image, where images are known by their files; provenance, where by what that says

    Returns:
        A summary in a few words.

    Raises:
        InputError: the table cannot be read, lacks a column, or gives an image two captions.
    """
    assert caption.table
    table = Table.of(caption.table)
    key, text = _columns_of(name, caption, table)
    table.open(database, "caption_table", {key, text})
    key_text = plain_id(column(key)) if caption.by == "treeoflife_id" else column(key)
    database.make("caption_row", f"""
        SELECT {ROW}, {key_text} AS key, {clean_text(column(text))} AS text
        FROM caption_table
        WHERE {column(key)} <> '' AND {clean_text(column(text))} IS NOT NULL
    """)  # fmt: skip
    database.make("caption_image", f"""
        SELECT treeoflife_id, text, min({ROW}) AS {ROW}
        FROM ({_by_id(caption, sources)})
        GROUP BY treeoflife_id, text
    """)  # fmt: skip
    if caption.separator is None:
        _check_one_each(database, name, caption.table, table.row)
    captions = database.write(path, f"""
        SELECT treeoflife_id, string_agg(text, {quoted(caption.separator or " ")} ORDER BY {ROW}) AS text
        FROM caption_image
        GROUP BY treeoflife_id
        ORDER BY treeoflife_id
    """)  # fmt: skip
    return counted(captions, "caption")


def _check_one_each(database: Database, name: str, path: Path, row: str) -> None:
    """Check that no image has two captions.

    Raises:
        InputError: one has.
    """
    twice = f"""
        SELECT treeoflife_id, min({ROW}), max({ROW}), count(*) OVER ()
        FROM caption_image
        GROUP BY treeoflife_id
        HAVING count(*) > 1
        ORDER BY min({ROW})
        LIMIT 1
    """
    for image, first, last, images in database.rows(twice):
        raise InputError(
            f"[captions.{name}] table: {path} gives {images:,} images several captions, such as {image} on {row} "
            f'{first} and {last}: keep one of each, or set separator, such as separator = " ", which joins them'
        )


def check_table(name: str, caption: Caption) -> None:
    """Check that a table of captions has the columns that are read.

    Raises:
        InputError: it is missing, cannot be read, or lacks one.
    """
    assert caption.table
    _columns_of(name, caption, Table.of(caption.table))


def _columns_of(name: str, caption: Caption, table: Table) -> tuple[str, str]:
    """The columns with the keys and the captions, as the table calls them."""
    text = find_column(table.path, table.columns, caption.column, f"which [captions.{name}] names")
    if caption.key_column:
        return find_column(table.path, table.columns, caption.key_column, f"which [captions.{name}] names"), text
    usual = _IDS if caption.by == "treeoflife_id" else (caption.by,)
    if key := next((one for one in usual if one in table.columns), None):
        return key, text
    raise InputError(
        f"[captions.{name}] table: {table.path} has no column {usual[0]!r}; it has {shown(table.columns)}: name the "
        "one that says which image a row is of in key_column"
    )


def _by_id(caption: Caption, sources: Sequence[Source]) -> str:
    """SQL for the rows with the ids of images."""
    if caption.by == "treeoflife_id":
        return f"SELECT key AS treeoflife_id, {ROW}, text FROM caption_row"
    if caption.by == "file":
        names = " UNION ALL ".join(
            f"SELECT treeoflife_id, {listed_name(source)} AS known FROM image WHERE source = {quoted(source.name)}"
            for source in sources
        )
    else:
        names = f"SELECT treeoflife_id, {caption.by} AS known FROM provenance"
    return f"""
        SELECT coalesce(treeoflife_id, key) AS treeoflife_id, {ROW}, text
        FROM caption_row
        LEFT JOIN ({names}) AS named ON caption_row.key = named.known
    """
