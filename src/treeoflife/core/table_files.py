"""Reading a table in any kind of file, which its content decides and not its name: text, Parquet, a spreadsheet."""

import datetime
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import polars as pl
from polars.exceptions import PolarsError

from ..errors import InputError
from .extras import import_extra
from .tables import PARQUET_ERRORS, parquet_schema
from .text import reason
from .text_tables import TextTable, read_text_header, read_text_pieces, read_text_table, simple_name

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""File name endings, in lower case, of files that are tables and nothing else."""

_PARQUET, _ZIP, _OLD_EXCEL = b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
# A spreadsheet is unpacked in memory. One of a million rows and ten columns has about half of this.
_MAX_UNPACKED = 1 << 30
_ROWS_OF_A_PIECE = 250_000


def read_table_file(path: Path) -> TextTable:
    """Read all columns of a table with a header, as text without spaces around it.

    Args:
        path: a text, see :func:`.text_tables.read_text_table`; Parquet, without columns that cannot be text, such as
            lists or bytes of images; or a spreadsheet, of which the first sheet that is not empty is read.

    Raises:
        InputError: it is missing, empty or damaged, or a row cannot be told.
        MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
    """
    kind = table_kind(path)
    if kind == "parquet":
        return _read_parquet(path)
    return _read_spreadsheet(path) if kind == "spreadsheet" else read_text_table(path)


def read_header(path: Path) -> tuple[str, ...]:
    """The names of the columns of a table that is text or Parquet; its rows are not looked at.

    Raises:
        InputError: it is missing, empty or damaged, or a spreadsheet.
    """
    return tuple(_parquet_types(path)) if table_kind(path) == "parquet" else read_text_header(path)


def read_table_pieces(path: Path, wanted: Collection[str]) -> Iterator[TextTable]:
    """Some columns of a table that is text or Parquet, as tables of some of its rows each; the first has no rows.

    One of them is in memory at a time. Values are text without spaces around it, empty where there is none.

    Args:
        wanted: the columns, as far as they are there; see :func:`.text_tables.simple_name` for names that count as the
            same.

    Raises:
        InputError: it is missing, empty or damaged, a row cannot be told, or it is a spreadsheet.
    """
    return _parquet_pieces(path, wanted) if table_kind(path) == "parquet" else read_text_pieces(path, wanted)


def table_kind(path: Path) -> Literal["parquet", "spreadsheet", "text"]:
    """What a table is, by its first bytes.

    Raises:
        InputError: it is missing, or cannot be read.
    """
    try:
        with path.open("rb") as fd:
            beginning = fd.read(4)
    except FileNotFoundError:
        raise InputError(f"there is no table {path}") from None
    except OSError as error:
        raise InputError(f"the table {path} cannot be read: {error.strerror or error}") from None
    if beginning == _PARQUET:
        return "parquet"
    return "spreadsheet" if beginning in (_ZIP, _OLD_EXCEL) else "text"


def _parquet_types(path: Path) -> pl.Schema:
    try:
        return parquet_schema(path)
    except PARQUET_ERRORS as error:
        raise InputError(f"the table {path} cannot be read: {reason(error)}") from None


def _parquet_pieces(path: Path, wanted: Collection[str]) -> Iterator[TextTable]:
    schema, simple = _parquet_types(path), {simple_name(name) for name in wanted}
    chosen = [name for name in schema if simple_name(name) in simple]
    table = pl.scan_parquet(path, glob=False)
    texts = table.select(pl.col(chosen).cast(pl.String).fill_null("").str.strip_chars()) if chosen else pl.LazyFrame()
    try:
        rows = table.select(pl.len()).collect().item() if chosen else 0
        yield TextTable(pl.DataFrame(schema=dict.fromkeys(chosen, pl.String)), tuple(schema), range(1, 1), "", "")
        for start in range(0, rows, _ROWS_OF_A_PIECE):
            piece = texts.slice(start, _ROWS_OF_A_PIECE).collect()
            yield TextTable(piece, tuple(schema), range(start + 1, start + 1 + piece.height), "", "")
    except PARQUET_ERRORS as error:
        raise InputError(f"the table {path} cannot be read: {reason(error)}") from None


def _read_parquet(path: Path) -> TextTable:
    schema = _parquet_types(path)
    try:
        # Lists of numbers, such as embeddings, may take far more memory than all else.
        frame = pl.read_parquet(path, columns=[one for one, kind in schema.items() if not kind.is_nested()], glob=False)
    except PARQUET_ERRORS as error:
        raise InputError(f"the table {path} cannot be read: {reason(error)}") from None
    texts = pl.DataFrame([text for column in frame if (text := _as_text(column)) is not None])
    no_texts = [name for name in schema if name not in texts.columns]
    remark = f"what cannot be text was not read: {', '.join(map(repr, no_texts))}"
    return TextTable(texts, tuple(schema), range(1, frame.height + 1), "", "", (remark,) if no_texts else ())


def _as_text(column: pl.Series) -> pl.Series | None:
    """A column as text; None if that cannot be, as for the bytes of images."""
    try:
        return column.cast(pl.String).fill_null("").str.strip_chars()
    except PolarsError:
        return None


def _read_spreadsheet(path: Path) -> TextTable:
    calamine = import_extra("python_calamine", "excel", f"reading the spreadsheet {path}", "save it as CSV")
    try:
        _check_size(path)
        workbook = calamine.CalamineWorkbook.from_path(str(path))
        sheets = {
            name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in workbook.sheet_names
        }
    except (calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError) as error:
        raise InputError(f"the table {path} cannot be read as a spreadsheet: {error}; save it as CSV") from None
    filled = {name: rows for name, rows in sheets.items() if any(_text(cell) for row in rows for cell in row)}
    if not filled:
        raise InputError(f"the table {path} is empty")
    first, *others = filled
    remark = f"only its first sheet, '{first}', was read, and not {', '.join(map(repr, others))}"
    return _table(path, filled[first], (remark,) if others else ())


def _check_size(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > _MAX_UNPACKED:
        raise InputError(f"the spreadsheet {path} unpacks to {size:,} bytes, too many to read: save it as CSV")


def _table(path: Path, rows: Sequence[Sequence[Any]], remarks: tuple[str, ...]) -> TextTable:
    """The table in the cells of a sheet, whose header is the first row that is not empty."""
    texts = [(line, [_text(cell) for cell in row]) for line, row in enumerate(rows, 1)]
    (_, header), *body = [(line, row) for line, row in texts if any(row)]
    width = max((number for number, name in enumerate(header, 1) if name), default=0)
    names = tuple(name or f"column {number}" for number, name in enumerate(header[:width], 1))
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InputError(f"the table {path} has two columns called {twice!r}; remove or rename one")
    for line, row in body:
        if any(row[width:]):
            raise InputError(f"the table {path}, row {line}: has a value beyond the last column of the header")
    frame = pl.DataFrame([row[:width] for _, row in body], schema=dict.fromkeys(names, pl.String), orient="row")
    return TextTable(frame, names, [line for line, _ in body], "", "", remarks)


def _text(cell: Any) -> str:
    """What a spreadsheet shows of a cell: whole numbers have no decimals, as in ``1.0``."""
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell).strip()
