"""Reading tables that are text: CSV, tab-separated and the like, of any origin. Every row is read, or it is an error.

Readers of CSV are lenient, each in its own way: a stray quotation mark swallows the lines up to the next one, a byte
that is no UTF-8 becomes U+FFFD, a field too many is dropped. Such a file looks as if it had fewer rows, or other
names, than it has. Here the bytes are examined first. A regular file, as nearly all are, is then read by Polars, and
has as many rows as were counted; any other is read field by field, and what was repaired is said in ``remarks``.
"""

import codecs
import csv
import io
import mmap
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ..errors import InputError
from . import regular_rows
from .text import reason
from .text_encoding import READ_AS_WINDOWS, SAMPLE_BYTES, check_is_text, decode, detect_encoding
from .text_records import IrregularError, check_long_rows, read_records, without_quotes

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_ROWS_OF_A_PIECE = 100_000  # if it is read field by field
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)  # Excel writes and obeys such a first line


@dataclass(frozen=True)
class TextTable:
    """The content of a table.

    Attributes:
        rows: the columns that were asked for; every value is text without spaces around it, empty where there is none.
        columns: the names of all columns in the file.
        lines: for each row, the number of the line in the file on which it begins; the header is on line 1.
        delimiter: the character between fields.
        encoding: the encoding of the file, such as ``utf-8``.
        remarks: sentences on what had to be guessed or repaired, for the reader of the table; usually none.
    """

    rows: pl.DataFrame
    columns: tuple[str, ...]
    lines: Sequence[int]
    delimiter: str
    encoding: str
    remarks: tuple[str, ...] = ()


def read_text_table(
    path: Path,
    wanted: Collection[str] | None = None,
    *,
    delimiter: str | None = None,
    quoted: bool | None = True,
    columns: Sequence[str] | None = None,
) -> TextTable:
    r"""Read a table with a header.

    Args:
        path: a text in UTF-8, UTF-16, UTF-32 or, where it is none of these, Windows-1252, which includes Latin-1.
        wanted: the columns to read, as far as they are there; None for all. See
            :func:`simple_name` for names that count as the same.
        delimiter: the character between fields; None for that of comma, semicolon, tab and bar which fits best.
        quoted: whether quotation marks enclose fields (RFC 4180); if not, they are part of the text. None: they
            enclose fields unless tabs divide them, as in the tables of EOL, iNaturalist and GBIF.
        columns: the names of the first columns, if the file has no header.

    Raises:
        InputError: the file is missing, empty or no text, or a row cannot be told; the message names the line.

    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp(), "birds.csv")
    >>> _ = table.write_bytes("file;name\r\n1.jpg;M\u00f6we\r\n".encode("cp1252"))
    >>> birds = read_text_table(table)
    >>> birds.rows.rows(), birds.delimiter, birds.encoding, list(birds.lines)
    ([('1.jpg', 'Möwe')], ';', 'cp1252', [2])
    """
    return _joined(list(read_text_pieces(path, wanted, delimiter=delimiter, quoted=quoted, columns=columns)))


def read_text_pieces(
    path: Path,
    wanted: Collection[str] | None = None,
    *,
    delimiter: str | None = None,
    quoted: bool | None = True,
    columns: Sequence[str] | None = None,
) -> Iterator[TextTable]:
    """The same table as tables of some of its rows each, in order, of which one is in memory at a time.

    The first has no rows. A file with odd rows is checked to its end before it comes, so each has all remarks.

    Raises:
        InputError: as :func:`read_text_table`.
    """
    with _opened(path) as (mapped, sample):
        yield from _Reader(path, mapped, sample, wanted, columns).pieces(delimiter, quoted=quoted)


def read_text_header(path: Path) -> tuple[str, ...]:
    """The names of the columns of a table; its rows are not looked at.

    Raises:
        InputError: the file is missing, empty or no text, or two columns have one name.
    """
    with _opened(path) as (mapped, sample):
        return _Reader(path, mapped, sample, None, None).header()


def _joined(pieces: Sequence[TextTable]) -> TextTable:
    """One table of all pieces."""
    first, last = pieces[0].lines, pieces[-1].lines
    if isinstance(first, range) and isinstance(last, range):  # every line is a row
        lines: Sequence[int] = range(first.start, last.stop)
    else:
        lines = [line for piece in pieces for line in piece.lines]
    return replace(pieces[0], rows=pl.concat([piece.rows for piece in pieces]), lines=lines)


def scan_text_table(path: Path) -> pl.LazyFrame:
    """The rows of a table, to be read lazily if it has commas and no odd row; any other is read into memory.

    Raises:
        InputError: the file is missing, empty or no text, or a row cannot be told; the message names the line.
    """
    with _opened(path) as (mapped, sample):
        return _Reader(path, mapped, sample, None, None).scan()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[mmap.mmap, bytes]]:
    """The content of a file that may be a table, and its beginning."""
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # opening it would wait for a writer
            raise InputError(f"the table {path} is a pipe, not a file")
        with path.open("rb") as fd:
            sample = fd.read(SAMPLE_BYTES)
            check_is_text(path, sample)
            with mmap.mmap(fd.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                yield mapped, sample
    except FileNotFoundError:
        raise InputError(f"there is no table {path}") from None
    except OSError as error:
        raise InputError(f"the table {path} cannot be read: {error.strerror or error}") from None


def find_columns(path: Path, table: TextTable, names: Collection[str]) -> dict[str, str]:
    """The table's own name of each column that it has; see :func:`simple_name` for names that count as the same.

    Raises:
        InputError: several columns count as the same, and none has the very name.
    """
    return match_names(f"the table {path} has several columns", table.rows.columns, names)


def match_names(several: str, written: Collection[str], names: Collection[str]) -> dict[str, str]:
    """The written form of each name that is there; see :func:`simple_name` for names that count as the same.

    Raises:
        InputError: several count as the same, and none is the very name; the message begins with ``several``.
    """
    matches = {}
    for name in names:
        alike = [own for own in written if simple_name(own) == simple_name(name)]
        if len(alike) > 1 and name not in alike:
            raise InputError(f"{several} {name}: {', '.join(alike)}; keep one")
        if alike:
            matches[name] = name if name in alike else alike[0]
    return matches


def simple_name(name: str) -> str:
    """The name of a column without what people write differently: case, spaces, underscores and hyphens.

    >>> simple_name("Page ID") == simple_name("page_id")
    True
    """
    return re.sub(r"[\s_-]+", "", name).lower()


class _Reader:
    """The reading of one table."""

    def __init__(
        self, path: Path, data: mmap.mmap, sample: bytes, wanted: Collection[str] | None, columns: Sequence[str] | None
    ) -> None:
        self._path, self._given, self._remarks = path, columns, list[str]()
        self._wanted = None if wanted is None else {simple_name(name) for name in wanted}
        self._encoding = detect_encoding(path, data, sample)
        self._is_as_stored = self._encoding == "utf-8" and data[:3] != codecs.BOM_UTF8
        # Any other encoding becomes UTF-8 first, in memory; large tables are UTF-8 everywhere.
        self._bytes: Any = data if self._is_as_stored else decode(path, data, self._encoding).encode()
        if not self._bytes[:SAMPLE_BYTES].strip():  # such as a byte order mark and nothing else
            raise InputError(f"the table {path} is empty")
        if self._encoding == "cp1252":
            self._remarks.append(f"it {READ_AS_WINDOWS}")

    def header(self) -> tuple[str, ...]:
        skipped = self._choose_delimiter(None)
        try:
            columns, _ = self._divide(_Division(skipped, quoted=True))
        except IrregularError:  # as for the rows, quotation marks are then text
            columns, _ = self._divide(_Division(skipped, quoted=False, alike=True))
        return columns

    def _choose_delimiter(self, delimiter: str | None) -> int:
        """Choose the character between fields; returns the number of lines before the header."""
        beginning = self._bytes[:SAMPLE_BYTES].decode(errors="ignore")
        separator = _SEPARATOR_LINE.fullmatch(re.split(r"[\r\n]", beginning, maxsplit=1)[0])
        self._delimiter = delimiter or (separator[1] if separator else self._best_delimiter(beginning))
        return 1 if separator else 0

    def pieces(self, delimiter: str | None, *, quoted: bool | None = True) -> Iterator[TextTable]:
        skipped = self._choose_delimiter(delimiter)
        quoted = self._delimiter != "\t" if quoted is None else quoted
        data = np.frombuffer(self._bytes, np.uint8)
        rows = None if skipped else regular_rows.count_regular_rows(data, ord(self._delimiter), quoted=quoted)
        del data  # a mapped file cannot be closed while an array shows it
        if rows is None:
            yield from self._pieces_by_field(skipped, quoted=quoted)
        else:
            yield from self._pieces_by_polars(rows, quoted=quoted)

    def scan(self) -> pl.LazyFrame:
        data = np.frombuffer(self._bytes, np.uint8)
        rows = regular_rows.count_regular_rows(data, ord(","), quoted=True) if self._is_as_stored else None
        del data  # a mapped file cannot be closed while an array shows it
        beginning = self._bytes[:SAMPLE_BYTES].decode(errors="ignore")
        if rows is None or self._best_delimiter(beginning) != ",":
            return _joined(list(self.pieces(None))).rows.lazy()
        return pl.scan_csv(self._path, infer_schema=False, glob=False)

    def _best_delimiter(self, beginning: str) -> str:
        def fits(delimiter: str) -> tuple[float, int]:
            lines = beginning.splitlines(keepends=True)[:100]
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
            return (sum(count == counts[0] for count in counts) / len(counts), counts[0]) if counts[0] > 1 else (0, 1)

        # A header is not prose: a delimiter that divides it and most rows alike is right.
        return max(_DELIMITERS, key=fits)

    def _pieces_by_polars(self, rows: int, *, quoted: bool) -> Iterator[TextTable]:
        end = self._bytes.find(b"\n") + 1 or len(self._bytes)
        try:
            records = read_records([self._bytes[:end].decode()], self._delimiter, quoted=quoted)
            _, fields = next(records, (range(1), [""]))
        except IrregularError as error:
            raise InputError(f"the table {self._path}, {error}") from None
        columns, has_header = self._columns(fields), self._given is None
        chosen = self._chosen(columns)
        line = first = 1 + has_header
        yield self._table(_text_frame(chosen), columns, range(line, line))
        for chunk in self._chunks(end if has_header else 0):
            try:
                frame = pl.scan_csv(
                    # Polars drops one byte order mark, which may be a part of the first value.
                    io.BytesIO(codecs.BOM_UTF8 + chunk), separator=self._delimiter,
                    quote_char='"' if quoted else None, has_header=False, schema=dict.fromkeys(columns, pl.String),
                    glob=False,
                ).select(chosen or columns[0]).collect()  # fmt: skip
            except PolarsError as error:
                raise InputError(f"the table {self._path} cannot be read: {reason(error)}") from None
            yield self._table(frame.select(chosen), columns, range(line, line + frame.height))
            line += frame.height
        if line - first != rows + (not has_header):
            raise InputError(
                f"the table {self._path} has {rows + (not has_header):,} rows, of which {line - first:,} could be read"
            )

    def _chunks(self, start: int) -> Iterator[bytes]:
        """The bytes from one on, in pieces that end with a line."""
        while start < len(self._bytes):
            end = self._bytes.find(b"\n", start + regular_rows.CHUNK_BYTES) + 1 or len(self._bytes)
            yield self._bytes[start:end]
            start = end

    def _pieces_by_field(self, skipped: int, *, quoted: bool) -> Iterator[TextTable]:
        if (offset := self._bytes.find(b"\0")) >= 0:
            line = self._bytes[:offset].count(b"\n") + 1
            raise InputError(f"the table {self._path}, line {line}: has a NUL character, which no text has")
        division = _Division(skipped, quoted=quoted)
        try:
            remarks = self._check_rows(division)
        except IrregularError as error:
            division = _Division(skipped, quoted=False, alike=True)
            try:
                remarks = (*self._check_rows(division), f"quotation marks were read as text ({error})")
            except IrregularError:
                raise InputError(f"the table {self._path}, {error}") from None
        columns, records = self._divide(division)
        chosen = self._chosen(columns)
        indexes = [columns.index(name) for name in chosen]
        yield self._table(_text_frame(chosen), columns, [], remarks)
        while piece := list(islice(records, _ROWS_OF_A_PIECE)):
            rows = _text_frame(chosen, [division.pick(row, indexes) for _, row in piece])
            yield self._table(rows, columns, [lines.start for lines, _ in piece], remarks)

    def _divide(self, division: "_Division") -> tuple[tuple[str, ...], Iterator[tuple[range, list[str]]]]:
        """The columns, and the fields of each row as they are written, with the numbers of its lines."""
        records = self._records(division)
        lines, header = next(records, (range(1), [""]))
        columns = self._columns(header)
        rows = records if self._given is None else chain([(lines, header)], records)
        return columns, rows

    def _records(self, division: "_Division") -> Iterator[tuple[range, list[str]]]:
        with self._open() as text:
            for lines, row in read_records(text, self._delimiter, quoted=division.quoted):
                if lines.start > division.skipped:
                    yield lines, row

    def _check_rows(self, division: "_Division") -> tuple[str, ...]:
        """Check all rows; returns the remarks.

        Raises:
            IrregularError: a row cannot be told.
        """
        columns, rows = self._divide(division)
        checked = _CheckedRows(len(columns), self._delimiter)
        for lines, row in rows:
            if division.alike and len(row) != len(columns):
                raise IrregularError(lines.start, "another number of fields")
            checked.add(lines, row)
        with self._open() as text:
            check_long_rows(text, checked.long, self._delimiter, len(columns), checked.first)
        return (*self._remark_short_rows(checked), *_remark_long_rows(checked))

    def _open(self) -> TextIO:
        if self._is_as_stored:
            return self._path.open(encoding="utf-8", newline="")
        return io.TextIOWrapper(io.BytesIO(self._bytes), encoding="utf-8", newline="")

    def _columns(self, header: Sequence[str]) -> tuple[str, ...]:
        if self._given and len(header) < len(self._given):
            raise InputError(f"the table {self._path} has {len(header)} columns, not {len(self._given)}")
        header = [*self._given, *[""] * (len(header) - len(self._given))] if self._given else header
        columns = tuple(name.strip() or f"column {number}" for number, name in enumerate(header, 1))
        for number, name in enumerate(columns, 1):
            if (first := columns.index(name) + 1) < number:
                raise InputError(
                    f"the table {self._path} has two columns called {name!r}, the {first}. and the {number}.; "
                    "remove or rename one"
                )
        return columns

    def _chosen(self, columns: tuple[str, ...]) -> list[str]:
        return [name for name in columns if self._wanted is None or simple_name(name) in self._wanted]

    def _remark_short_rows(self, checked: "_CheckedRows") -> tuple[str, ...]:
        # Excel leaves out the delimiters of empty cells at the end of a row.
        if not checked.short:
            return ()
        if checked.last_short == checked.last and self._bytes[-1:] not in (b"\n", b"\r"):
            raise InputError(f"the table {self._path} ends in the middle of line {checked.last}: is it complete?")
        remark = (
            f"{checked.short:,} of its {checked.rows:,} rows have fewer fields than the header, the first on line "
            f"{checked.first_short}; what they lack is empty"
        )
        return (remark,)

    def _table(
        self, frame: pl.DataFrame, columns: tuple[str, ...], lines: Sequence[int], remarks: tuple[str, ...] = ()
    ) -> TextTable:
        rows = frame.with_columns(pl.col(pl.String).fill_null("").str.strip_chars())
        return TextTable(rows, columns, lines, self._delimiter, self._encoding, (*self._remarks, *remarks))


def _text_frame(columns: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _remark_long_rows(checked: "_CheckedRows") -> tuple[str, ...]:
    # They may be empty cells of a spreadsheet, or what a delimiter within a value has pushed to the right.
    if not checked.surplus:
        return ()
    remark = (
        f"{checked.surplus:,} of its {checked.rows:,} rows have more fields than the header, all empty, the first "
        f"on line {checked.first_surplus}; check that no value there has a delimiter in it"
    )
    return (remark,)


@dataclass(frozen=True)
class _Division:
    """How a text is divided into rows and fields.

    Attributes:
        skipped: the number of lines before the header.
        quoted: whether quotation marks enclose fields.
        alike: whether all rows must have as many fields as the header; only a pair of quotation marks around a whole
            field is then no part of its text.
    """

    skipped: int
    quoted: bool
    alike: bool = False

    def pick(self, row: Sequence[str], indexes: Sequence[int]) -> list[str]:
        """The texts of some fields of a row, empty where it has none."""
        fields = [row[index] if index < len(row) else "" for index in indexes]
        return [without_quotes(field) for field in fields] if self.alike else fields


class _CheckedRows:
    """The number of rows, the lines on which the first and the last begin, and the rows over several lines.

    Likewise the number of rows with fewer and with more fields than the header, and the lines of such rows.
    """

    def __init__(self, width: int, delimiter: str) -> None:
        self._width, self._delimiter = width, delimiter
        self.rows = self.first = self.last = 0
        self.short = self.first_short = self.last_short = 0
        self.surplus = self.first_surplus = 0
        self.long: list[range] = []

    def add(self, lines: range, row: list[str]) -> None:
        if len(row) > self._width and any(field.strip() for field in row[self._width :]):
            what = _DELIMITERS.get(self._delimiter, repr(self._delimiter))
            raise IrregularError(
                lines.start,
                f"has {len(row)} fields, but the header has {self._width}; enclose a value with {what} in it in "
                "quotation marks",
            )
        self.rows, self.first, self.last = self.rows + 1, self.first or lines.start, lines.start
        if len(row) < self._width:
            self.short, self.first_short, self.last_short = self.short + 1, self.first_short or lines.start, lines.start
        if len(row) > self._width:
            self.surplus, self.first_surplus = self.surplus + 1, self.first_surplus or lines.start
        if len(lines) > 1:
            self.long.append(lines)
