"""A curator's marks, ``marks.csv``: an image that is marked ``drop`` becomes a ledger row, one that is marked
``relabel`` gets the ranks and the common name of its mark. If an image is marked twice, the last mark counts.

The page saves marks in the file, and people edit it by hand, both at any time. So a mark is added to the file as it is
at that moment, under a lock, and whatever else the file has stays in it.
"""

import csv
import io
import os
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core.brief_lock import brief_lock
from ..core.database import Database
from ..core.files import replacing, stamp
from ..core.text_tables import TextTable, read_text_table
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..errors import BusyError, InputError
from ..mapping.ids import id_key

COLUMNS = ("treeoflife_id", "verdict", *RANKS, "common", "note")
VERDICTS = ("drop", "relabel")
Mark = Mapping[str, str]
"""A row of ``marks.csv``: the values of :data:`COLUMNS`."""

_REQUIRED = ("treeoflife_id", "verdict")
_NAMES = (*RANKS, "common")
# All names of a sample together must stay below the longest text that readers of shards accept (100,000 bytes).
_MAX_BYTES = 10_000
_TRIES = 20  # of saving a mark while other programs change the file
_SETTLING_SECONDS = 0.2  # an editor that writes into the file itself takes some milliseconds for it


@dataclass(frozen=True)
class Marks:
    """The marks of a file.

    Attributes:
        by_key: the marks, by the :func:`~treeoflife.mapping.ids.id_key` of their image, sorted.
        remarks: sentences on what is doubtful in the file.
    """

    by_key: Mapping[str, Mark]
    remarks: tuple[str, ...] = ()

    def of(self, treeoflife_id: str) -> Mark | None:
        """The mark of an image, or None."""
        return self.by_key.get(id_key(treeoflife_id))


def read(path: Path) -> Marks:
    """The marks in a file; none if there is no file.

    Raises:
        InputError: the file is not such a table, or a row has no id or an unknown verdict, relabels without a rank, or
            has a name that no caption can hold. The message names the line.
    """
    if not path.exists():
        return Marks({})
    if _is_blank(path):
        return Marks({}, (f"{path} is empty: no image is marked",))
    table = _read_table(path)
    columns = _find_columns(table, path)
    rows = zip(table.lines, table.rows.iter_rows(named=True), strict=True)
    marks, lines = dict[str, Mark](), dict[str, int]()
    remarks = [f"{path}: {remark}" for remark in (*table.remarks, *_unused_columns(table, columns))]
    for line, row in rows:
        mark = _check({name: row[column] for name, column in columns.items()}, f"{path}, line {line}")
        key = id_key(mark["treeoflife_id"])
        if key in marks and _meaning(marks[key]) != _meaning(mark):
            remarks.append(
                f"{path} marks {mark['treeoflife_id']} twice and differently, on lines {lines[key]} and {line}; "
                f"line {line} counts"
            )
        marks[key], lines[key] = mark, line
    return Marks(dict(sorted(marks.items())), tuple(remarks))


def _read_table(path: Path) -> TextTable:
    """The file as a table; once more if it was replaced while it was read."""
    for _ in range(_TRIES):
        before = _stamp(path)
        try:
            table = read_text_table(path)
        except InputError:
            if _stamp(path) == before:
                raise
        else:
            if _stamp(path) == before:
                return table
    raise BusyError(f"other programs keep changing {path}; try again")


def _is_blank(path: Path) -> bool:
    return not path.read_bytes().strip(b"\xef\xbb\xbf\r\n\t ")


def _find_columns(table: TextTable, path: Path) -> dict[str, str]:
    """The column of the file for each of :data:`COLUMNS` that it has; capitals and spaces in headers do not count."""
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


def _unused_columns(table: TextTable, columns: Mapping[str, str]) -> list[str]:
    unused = [header for header in table.columns if header not in columns.values()]
    return [f"not used: the columns {', '.join(unused)}"] if unused else []


def _check(values: Mapping[str, str], where: str) -> dict[str, str]:
    """A mark with all columns, checked; ``where`` begins the message of what is wrong."""
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
        # Of the categories of Unicode: control characters, halves of surrogate pairs, separators of lines.
        if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp"):
            raise InputError(
                f"{where}: {column} has a line break or control character (U+{ord(character):04X}) after "
                f"'{value.partition(character)[0][-40:]}'; write it in one line"
            )
    if (size := len(value.encode())) > _MAX_BYTES:
        raise InputError(f"{where}: {column} has {size:,} bytes; at most {_MAX_BYTES:,} fit into a caption")


def _meaning(mark: Mark) -> list[str]:
    """What a mark does, without its note."""
    return [mark["verdict"], *(mark[name] for name in _NAMES if mark["verdict"] == "relabel")]


def save(path: Path, lock: Path, mark: Mark) -> None:
    """Add a mark, in place of any earlier one of the same image; or, if it has no verdict, remove the earlier one.

    Args:
        path: the file of marks; it need not exist.
        lock: the file of the lock, beside it.

    Raises:
        InputError: this mark, or one in the file, is malformed.
        BusyError: other programs change the file all the time.
        OSError: the file cannot be written.
    """
    checked = _check(mark, "the mark") if mark["verdict"].strip() else None
    with brief_lock(lock):
        for _ in range(_TRIES):
            before = _settled(path, lock)
            text = _changed(path, id_key(mark["treeoflife_id"]), checked)
            if text is None:
                return
            if _replace(path, text, before):
                lock.write_text(stamp(path), encoding="utf-8")
                return
    raise BusyError(f"other programs keep changing {path}; the mark was not saved")


def _settled(path: Path, lock: Path) -> str | None:
    """The stamp of the file once no editor is writing into it; None if there is no file.

    The lock has the stamp of the last state that was saved here, which is whole.
    """
    current = _stamp(path)
    saved = lock.read_text(encoding="utf-8", errors="replace")
    while current not in (None, saved):
        time.sleep(_SETTLING_SECONDS)
        saved, current = current, _stamp(path)
    return current


def _replace(path: Path, text: str, before: str | None) -> bool:
    """Replace the file if it is still as it was; an editor knows no lock, and what it saved must not be undone."""
    try:
        with replacing(path) as temporary:
            with temporary.open("wb") as out:
                out.write(text.encode())
                out.flush()
                os.fsync(out.fileno())  # so that next to no time passes between the look and the replacement
            if _stamp(path) != before:
                raise BusyError(f"{path} was changed meanwhile")
    except BusyError:
        return False
    return True


def _stamp(path: Path) -> str | None:
    try:
        return stamp(path)
    except FileNotFoundError:
        return None


def _changed(path: Path, key: str, mark: Mark | None) -> str | None:
    """The text of the file with the mark of an image changed; None if there is nothing to change."""
    read(path)  # a file that is not understood is not written to
    if not path.exists() or _is_blank(path):
        return _render(pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)), ",", mark) if mark else None
    table = _read_table(path)
    columns = _find_columns(table, path)
    ids = table.rows[columns["treeoflife_id"]]
    is_other = pl.Series([id_key(one) != key for one in ids], dtype=pl.Boolean)
    if mark is None and is_other.all():
        return None
    new = [name for name in COLUMNS if name not in columns and mark and mark[name]]
    rows = table.rows.filter(is_other).with_columns(pl.lit("").alias(name) for name in new)
    named = {columns.get(name, name): value for name, value in (mark or {}).items()}
    return _render(rows, table.delimiter, named or None, bom=table.encoding != "utf-8" or _has_bom(path))


def _has_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xef\xbb\xbf"


def _render(rows: pl.DataFrame, delimiter: str, mark: Mark | None, *, bom: bool = False) -> str:
    """A table with a further row. It is UTF-8 whatever it was; spreadsheets tell that by the byte order mark."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(rows.columns)
    writer.writerows(rows.iter_rows())
    if mark:
        writer.writerow([mark.get(column, "") for column in rows.columns])
    return ("\ufeff" if bom else "") + out.getvalue()


def load_marks(database: Database, marks: Marks) -> list[str]:
    """Make the marks of a dataset's images known as the table ``mark``.

    Its columns are ``treeoflife_id``, as the dataset writes it; ``marked``, the reason to drop the image, or null; and
    for an image with other names ``kingdom`` to ``species`` and ``common``, else null.

    Args:
        database: has the table ``image`` (:mod:`treeoflife.mapping.images`).

    Returns:
        The marked ids that no image has.
    """
    schema = dict.fromkeys(("key", "written", "marked", *NAME_COLUMNS), pl.String)
    rows = [(key, mark["treeoflife_id"], *_effect(mark)) for key, mark in marks.by_key.items()]
    database.load("mark_of_key", pl.DataFrame(rows, schema=schema, orient="row"))
    database.make("mark", """
        SELECT image.treeoflife_id, mark_of_key.* EXCLUDE (key, written)
        FROM image
        JOIN mark_of_key ON mark_of_key.key = lower(image.treeoflife_id)
    """)  # fmt: skip
    unknown = "SELECT written FROM mark_of_key ANTI JOIN mark ON key = lower(mark.treeoflife_id) ORDER BY key"
    return [written for (written,) in database.rows(unknown)]


def _effect(mark: Mark) -> tuple[str | None, ...]:
    """Why an image is dropped, or its new names."""
    if mark["verdict"] == "drop":
        return (mark["note"] or "marked as wrong", *(None for _ in NAME_COLUMNS))
    taxon = Taxon(*(mark[rank] for rank in RANKS))
    return (None, *taxon, taxon.common_or_scientific(mark["common"]))
