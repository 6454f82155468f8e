"""A curator's marks, ``marks.csv``: an image that is marked ``drop`` becomes a ledger row, one that is marked
``relabel`` gets the ranks and the common name of its mark. If an image is marked twice, the last mark counts.

The page saves marks in the file, and people edit it by hand, both at any time. So marks are added to the file as it is
at that moment, under a lock, and whatever else the file has stays in it.
"""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from ..core.brief_lock import brief_lock
from ..core.database import Database
from ..core.files import replacing, stamp
from ..core.text_tables import TextTable, read_text_table
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..errors import BusyError, InputError
from ..mapping.ids import id_key
from ..taxonomy import relabels
from .mark_rows import COLUMNS, VERDICTS, Mark, check, checked_rows, find_columns, meaning

__all__ = ["COLUMNS", "VERDICTS", "Mark", "MarkFile", "Marks", "load_marks", "read", "save"]

_TRIES = 20  # of saving marks while other programs change the file
_SETTLING_SECONDS = 0.2  # an editor that writes into the file itself takes some milliseconds for it


@dataclass(frozen=True)
class Marks:
    """The marks of a file.

    Attributes:
        by_key: the marks, by the :func:`~treeoflife.mapping.ids.id_key` of their image; :func:`read` sorts them.
        remarks: sentences on what is doubtful in the file.
    """

    by_key: Mapping[str, Mark]
    remarks: tuple[str, ...] = ()

    def of(self, treeoflife_id: str) -> Mark | None:
        """The mark of an image, or None."""
        return self.by_key.get(id_key(treeoflife_id))


@dataclass(frozen=True)
class _Content:
    """What the file has, with columns that are not read here; ``keys`` has the key of each row's image."""

    rows: pl.DataFrame
    keys: pl.Series
    columns: Mapping[str, str]
    delimiter: str
    bom: bool
    marks: Marks


_NO_FILE = _Content(
    pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String)), pl.Series(dtype=pl.String),
    {name: name for name in COLUMNS}, ",", bom=False, marks=Marks({}),
)  # fmt: skip


def read(path: Path) -> Marks:
    """The marks in a file; none if there is no file.

    Raises:
        InputError: the file is not such a table, or a row has no id or an unknown verdict, relabels without a rank, or
            has a name that no caption can hold. The message names the line.
    """
    found = _read(path).marks
    return Marks(dict(sorted(found.by_key.items())), found.remarks)


def _read(path: Path) -> _Content:
    if not path.exists():
        return _NO_FILE
    if _is_blank(path):
        return replace(_NO_FILE, marks=Marks({}, (f"{path} is empty: no image is marked",)))
    table = _read_table(path)
    columns = find_columns(table, path)
    keys, marks, lines = list[str](), dict[str, Mark](), dict[str, int]()
    remarks = [f"{path}: {remark}" for remark in (*table.remarks, *_unused_columns(table, columns))]
    for line, mark in checked_rows(table, columns, path):
        key = id_key(mark["treeoflife_id"])
        if key in marks and meaning(marks.pop(key)) != meaning(mark):
            remarks.append(
                f"{path} marks {mark['treeoflife_id']} twice and differently, on lines {lines[key]} and {line}; "
                f"line {line} counts"
            )
        keys.append(key)
        marks[key], lines[key] = mark, line
    # What is written is UTF-8 whatever it was; spreadsheets tell that by the byte order mark.
    bom = table.encoding != "utf-8" or _has_bom(path)
    keys_of_rows = pl.Series(keys, dtype=pl.String)
    return _Content(table.rows, keys_of_rows, columns, table.delimiter, bom, Marks(marks, tuple(remarks)))


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


def _has_bom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xef\xbb\xbf"


def _unused_columns(table: TextTable, columns: Mapping[str, str]) -> list[str]:
    unused = [header for header in table.columns if header not in columns.values()]
    return [f"not used: the columns {', '.join(unused)}"] if unused else []


class MarkFile:
    """A file of marks that is read and changed again and again, such as by the page.

    What was read is kept until the file changes, so that a mark among 50,000 is saved as fast as the file is written.
    """

    def __init__(self, path: Path, lock: Path) -> None:
        """Name the files, neither of which needs to exist.

        Args:
            path: the file of marks.
            lock: the file of the lock, beside it.
        """
        self._path, self._lock = path, lock
        self._known: tuple[str | None, _Content] = (None, _NO_FILE)
        self._reading = threading.Lock()

    def marks(self) -> Marks:
        """The marks as the file has them now, the latest last.

        Raises:
            InputError: as :func:`read`.
        """
        return self._content(_stamp(self._path)).marks

    def require_writable(self) -> None:
        """Check that marks can be saved.

        Raises:
            OSError: they cannot, as on a read-only disk.
        """
        with brief_lock(self._lock):
            pass

    def change(self, changes: Mapping[str, Mark | None]) -> Marks:
        """Add marks, each in place of any earlier one of its image, or remove one where there is None.

        Args:
            changes: the marks, checked, by the key of their image.

        Returns:
            The marks that the file has then.

        Raises:
            InputError: the file is malformed; it is not written to.
            BusyError: other programs change the file all the time.
            OSError: the file cannot be written.
        """
        with brief_lock(self._lock):
            for _ in range(_TRIES):
                before = _settled(self._path, self._lock)
                content = self._content(before)
                if not any(mark or key in content.marks.by_key for key, mark in changes.items()):
                    return content.marks
                changed = _changed(content, changes)
                if _replace(self._path, changed, before):
                    after = stamp(self._path)
                    self._lock.write_text(after, encoding="utf-8")
                    self._known = (after, changed)
                    return changed.marks
        raise BusyError(f"other programs keep changing {self._path}; nothing was saved")

    def _content(self, current: str | None) -> _Content:
        with self._reading:
            known, content = self._known
            if current is None or known != current:
                content = _read(self._path)
                self._known = (current, content)
            return content


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
    checked = check(mark, "the mark") if mark["verdict"].strip() else None
    MarkFile(path, lock).change({id_key(mark["treeoflife_id"]): checked})


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


def _stamp(path: Path) -> str | None:
    try:
        return stamp(path)
    except FileNotFoundError:
        return None


def _changed(content: _Content, changes: Mapping[str, Mark | None]) -> _Content:
    """What the file has with some marks changed, those that are new at the end."""
    added = {key: mark for key, mark in changes.items() if mark}
    columns = dict(content.columns)
    columns |= {name: name for name in COLUMNS if name not in columns and any(mark[name] for mark in added.values())}
    other = ~content.keys.is_in(list(changes))
    new = [name for name in columns.values() if name not in content.rows.columns]
    rows = content.rows.filter(other).with_columns(pl.lit("").alias(name) for name in new)
    written = [{own: mark[name] for name, own in columns.items()} for mark in added.values()]
    schema = dict.fromkeys(columns.values(), pl.String)
    rows = pl.concat([rows, pl.DataFrame(written, schema=schema)], how="diagonal").fill_null("")
    keys = pl.concat([content.keys.filter(other), pl.Series(list(added), dtype=pl.String)])
    marks = {key: mark for key, mark in content.marks.by_key.items() if key not in changes} | added
    return _Content(rows, keys, columns, content.delimiter, content.bom, Marks(marks, content.marks.remarks))


def _replace(path: Path, content: _Content, before: str | None) -> bool:
    """Replace the file if it is still as it was; an editor knows no lock, and what it saved must not be undone."""
    try:
        with replacing(path) as temporary:
            with temporary.open("wb") as out:
                content.rows.write_csv(
                    out, separator=content.delimiter, line_terminator="\r\n", include_bom=content.bom
                )
                out.flush()
                os.fsync(out.fileno())  # so that next to no time passes between the look and the replacement
            if _stamp(path) != before:
                raise BusyError(f"{path} was changed meanwhile")
    except BusyError:
        return False
    return True


def load_marks(database: Database, marks: Marks, names: Path | None = None) -> list[str]:
    """Make the marks of a dataset's images known as the table ``mark``.

    Its columns are ``treeoflife_id``, as the dataset writes it; ``marked``, the reason to drop the image, or null; and
    for an image with other names ``kingdom`` to ``species`` and ``common``, else null.

    Args:
        database: has the table ``image`` (:mod:`treeoflife.mapping.images`).
        names: the names of the dataset, by which the names of marks are completed and checked
            (:mod:`treeoflife.taxonomy.relabels`); None before there are any.

    Returns:
        The marked ids that no image has.

    Raises:
        InputError: a mark gives a name whose ranks contradict each other.
    """
    schema = dict.fromkeys(("key", "written", "marked", *NAME_COLUMNS), pl.String)
    complete = _completed(marks, names)
    rows = [(key, mark["treeoflife_id"], *_effect(mark)) for key, mark in sorted(complete.items())]
    database.load("mark_of_key", pl.DataFrame(rows, schema=schema, orient="row"))
    database.make("mark", """
        SELECT image.treeoflife_id, mark_of_key.* EXCLUDE (key, written)
        FROM image
        JOIN mark_of_key ON mark_of_key.key = lower(image.treeoflife_id)
    """)  # fmt: skip
    unknown = "SELECT written FROM mark_of_key ANTI JOIN mark ON key = lower(mark.treeoflife_id) ORDER BY key"
    return [written for (written,) in database.rows(unknown)]


def _completed(marks: Marks, names: Path | None) -> dict[str, Mark]:
    """The marks with the ranks that the names of those that relabel lack."""
    given = {key: tuple(mark[name] for name in NAME_COLUMNS) for key, mark in marks.by_key.items()
             if mark["verdict"] == "relabel"}  # fmt: skip
    distinct = {name: dict(zip(NAME_COLUMNS, name, strict=True)) for name in sorted(set(given.values()))}
    known = relabels.references(distinct.values(), names) if distinct else []
    complete = dict[tuple[str, ...], dict[str, str]]()
    for name, written in distinct.items():
        try:
            complete[name] = relabels.complete(written, known)
        except InputError as error:
            one = next(marks.by_key[key]["treeoflife_id"] for key in sorted(given) if given[key] == name)
            raise InputError(f"the mark of {one}: {error}") from None
    return {key: {**mark, **complete[given[key]]} if key in given else mark for key, mark in marks.by_key.items()}


def _effect(mark: Mark) -> Sequence[str | None]:
    """Why an image is dropped, or its new names; nothing of either for a mark that is a note for curators."""
    if mark["verdict"] == "relabel":
        taxon = Taxon(*(mark[rank] for rank in RANKS))
        return (None, *taxon, taxon.common_or_scientific(mark["common"]))
    reason = mark["note"] or "marked as wrong" if mark["verdict"] == "drop" else None
    return (reason, *(None for _ in NAME_COLUMNS))
