"""The rows of ``marks.csv``: its columns, and whether what a row says can be done."""

import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from ..core.text_tables import TextTable
from ..core.values import NAME_COLUMNS, RANKS
from ..errors import InputError

COLUMNS = ("treeoflife_id", "verdict", *RANKS, "common", "note", "who", "when")
"""The columns of ``marks.csv``. ``who`` and ``when`` are for people; a build does not read them."""
VERDICTS = ("drop", "relabel", "agree", "later")
"""What a mark may say of an image. A build leaves out what is dropped and renames what is relabelled; ``agree`` (the
label is right) and ``later`` (somebody has to look again) are notes for curators."""
Mark = Mapping[str, str]
"""A row of ``marks.csv``: the values of :data:`COLUMNS`."""

_REQUIRED = ("treeoflife_id", "verdict")
# All names of a sample together must stay below the longest text that readers of shards accept (100,000 bytes).
_MAX_BYTES = 10_000
# Of the categories of Unicode: control characters, halves of surrogate pairs, separators of lines.
_FORBIDDEN = ("Cc", "Cs", "Zl", "Zp")


def find_columns(table: TextTable, path: Path) -> dict[str, str]:
    """The column of the file for each of :data:`COLUMNS` that it has; capitals and spaces in headers do not count.

    Raises:
        InputError: a column is missing, or there twice.
    """
    columns: dict[str, str] = {}
    for header in table.columns:
        name = header.strip().lower().replace(" ", "_")
        if name in columns:
            raise InputError(f"{path} has two columns for {name}, '{columns[name]}' and '{header}'; remove one")
        if name in COLUMNS:
            columns[name] = header
    if missing := [name for name in _REQUIRED if name not in columns]:
        raise InputError(
            f"{path} has no column {missing[0]}, but {', '.join(table.columns[:12])}; a table of marks has the columns "
            f"{', '.join(COLUMNS)}"
        )
    return columns


def checked_rows(table: TextTable, columns: Mapping[str, str], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row of a table as a mark with all columns, and the number of its line.

    Raises:
        InputError: a row is no mark; the message names its line.
    """
    rows = table.rows.select(
        (pl.col(columns[name]).str.strip_chars() if name in columns else pl.lit("")).alias(name) for name in COLUMNS
    ).with_columns(pl.col("verdict").str.to_lowercase())
    # Columns are compared at once, which takes a hundredth of the time; only rows that may be wrong are looked at.
    doubtful = rows.select(_is_doubtful()).to_series()
    for line, is_doubtful, row in zip(table.lines, doubtful, rows.iter_rows(named=True), strict=True):
        yield line, check(row, f"{path}, line {line}") if is_doubtful else row


def _is_doubtful() -> pl.Expr:
    """Whether a row may be no mark, or has a note that is written in several lines."""
    wrong = (pl.col("treeoflife_id") == "") | ~pl.col("verdict").is_in(VERDICTS)
    nameless = (pl.col("verdict") == "relabel") & pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)
    odd = pl.any_horizontal(pl.col(COLUMNS).str.contains(r"[\p{Cc}\p{Zl}\p{Zp}]"))
    long = pl.any_horizontal(pl.col(COLUMNS).str.len_bytes() > _MAX_BYTES)
    return (
        wrong | nameless | odd | long | pl.col("treeoflife_id").str.contains('"', literal=True)
        | pl.col("note").str.contains(r"\s\s|[^\S ]")
    )  # fmt: skip


def check(values: Mapping[str, str], where: str) -> dict[str, str]:
    """A mark with all columns, checked.

    Args:
        where: begins the message of what is wrong.

    Raises:
        InputError: it has no id or an unknown verdict, relabels without a rank, or has a text that no caption can hold.

    >>> check({"treeoflife_id": "0b5c", "verdict": "Drop"}, "the mark")["verdict"]
    'drop'
    """
    mark = {column: values.get(column, "").strip() for column in COLUMNS}
    # A note may be written in several lines; in the ledger it is one.
    mark |= {"verdict": mark["verdict"].lower(), "note": " ".join(mark["note"].split())}
    if not mark["treeoflife_id"] or mark["verdict"] not in VERDICTS:
        given = f", not '{mark['verdict'][:40]}'" if mark["verdict"] else ""
        raise InputError(f"{where}: needs a treeoflife_id and a verdict, one of {', '.join(VERDICTS)}{given}")
    if '"' in mark["treeoflife_id"]:
        raise InputError(f"{where}: the id {mark['treeoflife_id'][:60]} has a quotation mark; is one never closed?")
    if mark["verdict"] == "relabel" and not any(mark[rank] for rank in RANKS):
        raise InputError(f"{where}: relabel needs at least one rank of {', '.join(RANKS)}")
    for column, value in mark.items():
        _check_text(column, value, where)
    return mark


def _check_text(column: str, value: str, where: str) -> None:
    for character in value:
        if unicodedata.category(character) in _FORBIDDEN:
            raise InputError(
                f"{where}: {column} has a line break or control character (U+{ord(character):04X}) after "
                f"'{value.partition(character)[0][-40:]}'; write it in one line"
            )
    if (size := len(value.encode())) > _MAX_BYTES:
        raise InputError(f"{where}: {column} has {size:,} bytes; at most {_MAX_BYTES:,} fit into a caption")


def meaning(mark: Mark) -> list[str]:
    """What a mark does: its verdict, and of one that relabels the names."""
    return [mark["verdict"], *(mark[name] for name in NAME_COLUMNS if mark["verdict"] == "relabel")]
