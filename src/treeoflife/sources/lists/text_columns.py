"""Tables in files of any kind, made known to a database with all values as texts, whatever their number of rows."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ...core.database import Database, column, quoted
from ...core.folders import walk_folder
from ...core.table_files import read_table_file, table_kind
from ...core.tables import parquet_schema
from ...core.text import reason
from ...core.text_tables import read_text_pieces
from ...core.written_numbers import ABSENT
from ...errors import InputError

ROW = "listed_row"
"""The column with the number of a row, or of its line in a text."""
FILE = "listed_in"
"""The column with the name of a row's file, in tables of several files."""
_OTHER_TABLES = (".csv", ".tsv", ".xlsx", ".xls")
_SPACES = " \t\r\n\v\f\u00a0"


@dataclass(frozen=True)
class Table:
    """A table in a file, or in a folder of files of Parquet.

    Attributes:
        path: the file or the folder.
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
        """The table in a file: a text with a header, Parquet, or a spreadsheet; or in a folder of files of Parquet.

        Raises:
            InputError: it is missing, empty, or damaged.
            MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
        """
        if path.is_dir():
            return _parquet(path)
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
        kind = "parquet" if self.path.is_dir() else table_kind(self.path)
        own = [one for one in self.columns if one in columns]
        if kind == "parquet":
            database.view(f"{name}_file", table_files(self.path), rows=True, named=f"{FILE}_path")
            texts = "".join(f", {sql} AS {column(one)}" for one, sql in self.columns.items() if one in columns)
            database.run(f"""
                CREATE OR REPLACE VIEW {name} AS
                SELECT file_row_number + 1 AS {ROW}, parse_filename({FILE}_path) AS {FILE}{texts}
                FROM {name}_file
            """)
            return
        pieces = (
            [read_table_file(self.path)] if kind == "spreadsheet" else read_text_pieces(self.path, own, quoted=None)
        )
        frames: Iterator[pl.DataFrame] = (
            piece.rows.select(*own, pl.Series(ROW, piece.lines, dtype=pl.Int64)) for piece in pieces
        )
        database.spool(name, frames, pl.Schema({**dict.fromkeys(own, pl.String), ROW: pl.Int64}))

    @property
    def place(self) -> str:
        """SQL for where a row of the opened table is, such as ``line 7``, or ``row 7 of part-3.parquet``."""
        place = f"'{self.row} ' || {ROW}"
        return f"{place} || ' of ' || {FILE}" if self.path.is_dir() else place


def table_files(path: Path) -> list[Path]:
    """The files of a table: one, or all files of Parquet in a folder and the folders below it, in the order of names.

    Raises:
        InputError: it is a folder without such files, or with other tables beside them.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in walk_folder(path).files if not file.name.startswith((".", "_")))
    tables = [file for file in files if file.suffix.lower() == ".parquet"]
    if not tables:
        raise InputError(f"the table {path} is a folder without files of Parquet: name a table in it")
    if others := [file.name for file in files if file.suffix.lower() in _OTHER_TABLES]:
        raise InputError(f"the table {path} is a folder of Parquet, and {others[0]} in it is another table: move one")
    return tables


def _parquet(path: Path) -> Table:
    kinds: dict[str, list[pl.DataType]] = {}
    for file in table_files(path):
        try:
            schema = parquet_schema(file)
        except (OSError, PolarsError) as error:
            raise InputError(f"the table {file} cannot be read: {reason(error)}") from None
        for name, kind in schema.items():
            kinds.setdefault(name, []).append(kind)
    others = [name for name, own in kinds.items() if any(kind.is_nested() or kind == pl.Binary for kind in own)]
    columns = {name: _text(name, own) for name, own in kinds.items() if name not in others}
    remark = f"what cannot be text was not read: {', '.join(map(repr, others))}"
    return Table(path, columns, (remark,) if others else (), "row")


def _text(name: str, kinds: list[pl.DataType]) -> str:
    """SQL for a value as text: whole numbers have no decimals, which pandas gives them beside empty cells."""
    value = column(name)
    # The numbers of several files are read as floats where they are floats in one of them, and as texts beside texts.
    if any(kind.is_float() for kind in kinds) and all(kind.is_numeric() for kind in kinds):
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
