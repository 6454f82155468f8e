"""Tables in files of any kind, made known to a database with all values as texts, whatever their number of rows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ...core.database import Database, column, quoted
from ...core.table_files import read_table_file, table_kind
from ...core.tables import parquet_schema
from ...core.text import reason
from ...core.text_tables import read_text_pieces
from ...core.written_numbers import ABSENT
from ...errors import InputError

ROW = "listed_row"
"""The column with the number of a row, or of its line in a text."""
_SPACES = " \t\r\n\v\f\u00a0"


@dataclass(frozen=True)
class Table:
    """A table in a file.

    Attributes:
        path: the file.
        columns: the columns that can be texts, each with an expression of SQL for its text.
        remarks: sentences on what had to be guessed or repaired.
        row: what a row is called: ``line`` in a text.
    """

    path: Path
    columns: dict[str, str]
    remarks: tuple[str, ...]
    row: str

    @classmethod
    def of(cls, path: Path) -> "Table":
        """The table in a file: a text with a header, Parquet, or a spreadsheet.

        Raises:
            InputError: it is missing, empty, or damaged.
            MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
        """
        kind = table_kind(path)
        if kind == "parquet":
            return _parquet(path)
        first = read_table_file(path) if kind == "spreadsheet" else next(read_text_pieces(path, quoted=None))
        texts = {name: column(name) for name in first.columns}
        return cls(path, texts, first.remarks, "row" if kind == "spreadsheet" else "line")

    def open(self, database: Database, name: str, columns: Collection[str]) -> None:
        """Make some of its columns and :data:`ROW` known to a database as the table ``name``.

        They are texts without spaces around them, empty where there is no value.

        Raises:
            InputError: a row cannot be told.
        """
        kind = table_kind(self.path)
        own = [one for one in self.columns if one in columns]
        if kind == "parquet":
            database.view(f"{name}_file", [self.path], rows=True)
            texts = ", ".join(f"{sql} AS {column(one)}" for one, sql in self.columns.items() if one in columns)
            database.run(
                f"CREATE OR REPLACE VIEW {name} AS SELECT file_row_number + 1 AS {ROW}, {texts} FROM {name}_file"
            )
            return
        pieces = (
            [read_table_file(self.path)] if kind == "spreadsheet" else read_text_pieces(self.path, own, quoted=None)
        )
        frames: Iterator[pl.DataFrame] = (
            piece.rows.select(*own, pl.Series(ROW, piece.lines, dtype=pl.Int64)) for piece in pieces
        )
        database.spool(name, frames, pl.Schema({**dict.fromkeys(own, pl.String), ROW: pl.Int64}))


def _parquet(path: Path) -> Table:
    try:
        schema = parquet_schema(path)
    except (OSError, PolarsError) as error:
        raise InputError(f"the table {path} cannot be read: {reason(error)}") from None
    columns = {name: _text(name, kind) for name, kind in schema.items() if not kind.is_nested() and kind != pl.Binary}
    others = [name for name in schema if name not in columns]
    remark = f"what cannot be text was not read: {', '.join(map(repr, others))}"
    return Table(path, columns, (remark,) if others else (), "row")


def _text(name: str, kind: pl.DataType) -> str:
    """SQL for a value as text: whole numbers have no decimals, which pandas gives them beside empty cells."""
    value = column(name)
    if kind.is_float():
        whole = f"{value} = trunc({value}) AND abs({value}) < 1e15"
        text = f"CASE WHEN isnan({value}) THEN '' WHEN {whole} THEN {value}::BIGINT::VARCHAR ELSE {value}::VARCHAR END"
    else:
        text = f"trim({value}::VARCHAR, {quoted(_SPACES)})"
    return f"coalesce({text}, '')"


def without_words_for_nothing(text: str) -> str:
    """SQL for a text, empty where it only says that there is no value, such as ``NA``; ``5001.0`` is ``5001``."""
    if text == "''":
        return text
    absent = ", ".join(map(quoted, sorted(ABSENT)))
    number = f"regexp_replace({text}, '^(-?[0-9]+)\\.0+$', '\\1')"
    # Patterns and lower case are for few values, since there are many columns and rows.
    return f"""
        CASE
            WHEN ends_with({text}, '.0') THEN {number}
            WHEN strlen({text}) > {max(map(len, ABSENT))} THEN {text}
            WHEN lower({text}) IN ({absent}) THEN ''
            ELSE {text}
        END
    """
