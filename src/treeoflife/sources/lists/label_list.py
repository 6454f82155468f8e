"""Labels without images: a table of names in a file of any kind, or a text with a name on each line.

They become known to a database as the table ``label_list``, a row per label:

number       counts them from 1 on
place        the line of a text, or the row of another table, that it stands on
label        what it says, as it is written
             the seven ranks, scientific_name, taxon_rank and common_name: its parts, empty where there is none
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from ...config.base import Model
from ...core.database import Database, column
from ...core.table_files import table_kind
from ...core.text_tables import read_text_header, read_text_pieces
from ...core.values import RANKS, RawImage
from ...errors import InputError
from ..base import Container, Source
from .listed_columns import first_filled, name_columns, own_species, shown
from .text_columns import ROW, Table

PARTS = (*RANKS, "scientific_name", "taxon_rank", "common_name")
"""The columns of ``label_list`` with the parts of a label."""
SOURCE = "label"
"""What these labels are called as a source: ranks that a label gives itself are from it."""

_NUMBERED = """
    SELECT row_number() OVER (ORDER BY place) AS number, *
    FROM ({labels})
"""
_LABEL = """
    CASE WHEN scientific_name <> '' THEN scientific_name ELSE concat_ws(' ', {ranks}) END
"""
# As in lists of other images, each label is the label of an "image", which only its number identifies.
_IMAGES = """
    CREATE OR REPLACE VIEW image AS
    SELECT '{source}' AS source, printf('%012d', number) AS treeoflife_id, number AS label_number
    FROM label_list
"""


class LabelList(Source):
    """The labels of ``label_list`` as a source of names, so that they are named as the images of a build are."""

    Settings: ClassVar[type[Model]] = Model
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"number": int}
    key: ClassVar[tuple[str, ...]] = ("number",)
    listed_as: ClassVar[str] = "{number}"
    name_key: ClassVar[str] = "treeoflife_id"
    catalog: tuple[str, ...] = ("label_number",)

    def __init__(self, name: str = SOURCE, settings: Model | None = None) -> None:  # noqa: ARG002
        self.name = name

    def containers(self) -> list[Container]:
        """None: there are no images."""
        return []

    def files(self, container: Container) -> list[Path]:  # noqa: ARG002
        """None."""
        return []

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:  # noqa: ARG002
        """No images."""
        return iter(())

    def names(self, container: Container) -> Iterator[RawImage]:  # noqa: ARG002
        """No images."""
        return iter(())

    def label_table(self, database: Database) -> bool:
        """The labels, by their numbers."""
        database.run("CREATE OR REPLACE VIEW image_label AS FROM label_list")
        database.run(_IMAGES.format(source=self.name))
        return True


@dataclass(frozen=True)
class LabelFile:
    """How a file of labels was read.

    Attributes:
        columns: the columns that were read, by what they hold; none in a text with a name on each line.
        remarks: sentences on what had to be guessed or repaired.
        place: what a row is called: ``line`` in a text.
    """

    columns: Mapping[str, Sequence[str]]
    remarks: tuple[str, ...] = ()
    place: str = "line"


def open_label_file(path: Path, name_column: str, database: Database) -> LabelFile:
    """Make the labels of a file known as ``label_list``.

    Args:
        path: a table with a header: text such as CSV, Parquet, or a spreadsheet; or a text with a name on each line.
        name_column: the column with the scientific names; empty for one with a usual name.

    Raises:
        InputError: the file is missing, empty or damaged, or has no column with names.
        MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a table in it")
    if not name_column and _is_list(path):
        return _open_lines(path, database)
    table = Table.of(path)
    columns = name_columns(path, list(table.columns), name_column)
    if not _has_names(columns):
        raise InputError(
            f"the table {path} has no column with names; it has {shown(table.columns)}: name the one that holds the "
            "scientific names with --column"
        )
    used = {name for names in columns.values() for name in names}
    table.open(database, "label_file", used)
    values = {meaning: first_filled(names) for meaning, names in columns.items()} | {"species": own_species(columns)}
    values["scientific_name"] = _with_author(values["scientific_name"], values.pop("author"))
    _make_list(database, ", ".join(f"{sql} AS {column(name)}" for name, sql in values.items()), f"{ROW}", "label_file")
    return LabelFile({meaning: names for meaning, names in columns.items() if names}, table.remarks, table.row)


def _has_names(columns: Mapping[str, Sequence[str]]) -> bool:
    return any(columns[meaning] for meaning in (*RANKS, "scientific_name", "common_name"))


def _is_list(path: Path) -> bool:
    """Whether a file is a text with a name on each line: nothing on its first line is the header of names."""
    if table_kind(path) != "text":
        return False
    header = read_text_header(path)
    could_be = len(header) == 1 or path.suffix.lower() == ".txt"
    return could_be and not _has_names(name_columns(path, header, ""))


def _open_lines(path: Path, database: Database) -> LabelFile:
    """Make the lines of a text known as labels; empty ones are none."""
    # No name has this character, so each line is one field, whatever commas the name's author brings with it.
    pieces = list(read_text_pieces(path, delimiter="\x1f", quoted=False, columns=("scientific_name",)))
    frames = (
        piece.rows.select("scientific_name", pl.Series("line", piece.lines, dtype=pl.Int64)).filter(
            pl.col("scientific_name") != ""
        )
        for piece in pieces
    )
    database.spool("label_line", frames, pl.Schema({"scientific_name": pl.String, "line": pl.Int64}))
    _make_list(database, _texts(["scientific_name"]), "line", "label_line")
    return LabelFile({}, pieces[0].remarks)


def open_labels(labels: pl.DataFrame, database: Database) -> None:
    """Make labels known as ``label_list``; ``labels`` has some of :data:`PARTS`, as texts that may be null."""
    database.load("label_frame", labels.with_row_index("place", 1))
    _make_list(database, _texts(labels.columns), "place", "label_frame")


def _texts(present: Sequence[str]) -> str:
    """SQL for the parts of labels; those that are not present are empty."""
    return ", ".join(
        f"{f'coalesce({column(name)}, {_NOTHING})' if name in present else _NOTHING} AS {column(name)}"
        for name in PARTS
    )


_NOTHING = "''"


def _make_list(database: Database, parts: str, place: str, table: str) -> None:
    database.sort("label_part", f"SELECT {place}::BIGINT AS place, {parts} FROM {table} ORDER BY place")
    label = _LABEL.format(ranks=", ".join(f"nullif({column(rank)}, '')" for rank in RANKS))
    numbered = _NUMBERED.format(labels=f"SELECT *, {label} AS label FROM label_part")
    database.sort("label_list", f"{numbered} ORDER BY number")


def _with_author(name: str, author: str) -> str:
    """SQL for a scientific name with the author that stands in a column of its own."""
    if author == _NOTHING:
        return name
    return f"CASE WHEN {name} = '' OR ends_with({name}, {author}) THEN {name} ELSE {name} || ' ' || {author} END"
