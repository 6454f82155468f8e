"""Lists of ids or addresses of images, in files of any kind: what a benchmark is made of, without its images."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core.database import Database, column, quoted
from ..core.table_files import table_kind
from ..core.text_tables import read_text_header, read_text_pieces
from ..errors import InputError
from ..mapping.ids import is_uuid
from ..mapping.images import listed_name
from ..sources.base import Source
from ..sources.file_names import IMAGE_SUFFIXES
from ..sources.lists.id_columns import IdKind, id_columns, kind_of
from ..sources.lists.text_columns import ROW, Table, without_words_for_nothing
from ..sources.spellings import plain_header
from .benchmark import has_images, is_packed
from .id_values import values

_VALUE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+|//\S+|[0-9]+(\.0+)?")
_SOURCES = ("datasource", "sourcedataset", "datasetname")
_KIND_BY_SOURCE = "CASE lower({column}) WHEN 'gbif' THEN 'gbif_id' ELSE 'any' END"
"""What ``source_id`` holds, in tables that say which source it is of: that of GBIF is the number of the occurrence."""


@dataclass(frozen=True)
class IdList:
    """How a list of ids was read.

    Attributes:
        items: the number of its rows with an id.
        columns: the columns that were read, each with the kind of its ids.
        remarks: sentences on what had to be guessed or repaired.
    """

    path: Path
    items: int
    columns: Mapping[str, str]
    remarks: tuple[str, ...] = ()


def is_id_list(path: Path, named: Mapping[str, IdKind]) -> bool:
    """Whether a file may be a list of ids: a table or text, with a column that identifies images.

    Raises:
        InputError: it cannot be read.
    """
    if path.is_dir() or path.suffix.lower() == ".tar" or is_packed(path) or not path.exists():
        return False
    if table_kind(path) != "parquet":
        return path.suffix.lower() not in IMAGE_SUFFIXES
    return not has_images(path) and (bool(named) or any(kind_of(name) for name in Table.of(path).columns))


def open_id_list(database: Database, path: Path, named: Mapping[str, IdKind], sources: Sequence[Source]) -> IdList:
    """Make the ids of a list known to a database.

    out: list_item  item, image            what the row says, for people; items are rows, numbered from 0 on
         list_id    item, kind, value      see :func:`.id_values.values`

    Args:
        path: a table such as CSV, Parquet, or a spreadsheet; or a text with an id or address on each line.
        named: columns that the user names, each with the kind of its ids; see :func:`.id_columns.parse_named`.
        sources: of the dataset, whose columns its own catalog has.

    Raises:
        InputError: the list is missing, empty or damaged, or no column identifies images.
        MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
    """
    headless = _headless_columns(path)
    if headless:
        remarks = _open_headless(database, path, headless)
        own = dict.fromkeys(headless, named.get("", "any"))
        texts = [(column(name), quoted(kind), name) for name, kind in own.items()]
    else:
        table = Table.of(path)
        texts, remarks = _open_table(database, path, table, named, sources), table.remarks
    _make_items(database, texts)
    items = database.value("SELECT count(*) FROM list_item")
    if not items:
        raise InputError(f"the list {path} has no id and no address")
    return IdList(path, items, {name: kind.strip("'") for _, kind, name in texts}, tuple(remarks))


def _headless_columns(path: Path) -> list[str]:
    """Names for the columns of a text whose first line has ids already; none if that is a header."""
    if table_kind(path) != "text":
        return []
    header = read_text_header(path)
    is_value = any(_VALUE.fullmatch(cell.strip()) or is_uuid(cell) for cell in header)
    return [f"column {number}" for number in range(1, len(header) + 1)] if is_value else []


def _open_headless(database: Database, path: Path, columns: Sequence[str]) -> tuple[str, ...]:
    # An address may have commas: where there is one column, each line is one value.
    single = {"delimiter": "\x1f"} if len(columns) == 1 else {}
    remarks: tuple[str, ...] = ()

    def frames() -> Iterator[pl.DataFrame]:
        nonlocal remarks
        for piece in read_text_pieces(path, quoted=None, columns=columns, **single):
            remarks = piece.remarks
            yield piece.rows.select(*columns, pl.Series(ROW, piece.lines, dtype=pl.Int64))

    database.spool("list_file", frames(), pl.Schema({**dict.fromkeys(columns, pl.String), ROW: pl.Int64}))
    return (*remarks, f"{path} has no header: its first line is an image like the others")


def _open_table(
    database: Database, path: Path, table: Table, named: Mapping[str, IdKind], sources: Sequence[Source]
) -> list[tuple[str, str, str]]:
    """SQL for the text and the kind of each id of a row, with the name of its column."""
    named = {name or next(iter(table.columns)): kind for name, kind in named.items()}
    keys = [] if named else [one for source in sources if (one := _key(table, source))]
    own = {} if keys and not any(map(kind_of, table.columns)) else id_columns(path, list(table.columns), named)
    by_source = next((name for name in table.columns if plain_header(name) in _SOURCES), None)
    used = {*own, *([by_source] if by_source else []), *(name for _, names in keys for name in names)}
    table.open(database, "list_file", used)
    texts = [(column(name), quoted(kind), name) for name, kind in own.items()]
    if by_source:
        by_row = _KIND_BY_SOURCE.format(column=column(by_source))
        texts = [(text, by_row if kind == "'source_id'" else kind, name) for text, kind, name in texts]
    return texts + [(sql, "'source_id'", " and ".join(names)) for sql, names in keys]


def _key(table: Table, source: Source) -> tuple[str, list[str]] | None:
    """SQL for what lists call an image of a source, if a table has the columns of its natural key; and these."""
    names = [name for name in source.catalog if name in table.columns]
    listed = [name for name in names if column(name) in listed_name(source)]
    if len(names) < len(source.catalog) or not listed or any(map(kind_of, listed)):
        return None
    is_filled = " AND ".join(f"{column(name)} <> ''" for name in listed)
    return f"CASE WHEN {is_filled} THEN {listed_name(source)} END", listed


def _make_items(database: Database, columns: Sequence[tuple[str, str, str]]) -> None:
    texts = [(without_words_for_nothing(text), kind) for text, kind, _ in columns]
    image = f"coalesce({', '.join(f'nullif({text}, {_NOTHING})' for text, _ in texts)})"
    own = ", ".join(f"{text} AS text_{number}, {kind} AS kind_{number}" for number, (text, kind) in enumerate(texts))
    database.sort("list_row", f"""
        SELECT row_number() OVER (ORDER BY {ROW}) - 1 AS item, {image} AS image, {own}
        FROM list_file
    """)  # fmt: skip
    database.run("CREATE OR REPLACE VIEW list_item AS SELECT item, image FROM list_row WHERE image IS NOT NULL")
    rows = (f"SELECT item, kind_{number} AS kind, text_{number} AS text FROM list_row" for number in range(len(texts)))
    database.sort("list_id", values(" UNION ALL ".join(rows), "item"))


_NOTHING = "''"
