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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ..errors import InputError
from .text_encoding import READ_AS_WINDOWS, SAMPLE_BYTES, check_is_text, decode, detect_encoding

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_CHUNK_BYTES = 1 << 24  # examined at once; the arrays made of a chunk take about ten times as much
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
    path: Path, wanted: Collection[str] | None = None, *, delimiter: str | None = None, quoted: bool = True
) -> TextTable:
    r"""Read a table with a header.

    Args:
        path: a text in UTF-8, UTF-16, UTF-32 or, where it is none of these, Windows-1252, which includes Latin-1.
        wanted: the columns to read, as far as they are there; None for all.
        delimiter: the character between fields; None for that of comma, semicolon, tab and bar which fits best.
        quoted: whether quotation marks enclose fields (RFC 4180); if not, they are part of the text.

    Raises:
        InputError: the file is missing, empty or no text, or a row cannot be told; the message names the line.

    >>> import tempfile
    >>> table = Path(tempfile.mkdtemp(), "birds.csv")
    >>> _ = table.write_bytes("file;name\r\n1.jpg;M\u00f6we\r\n".encode("cp1252"))
    >>> birds = read_text_table(table)
    >>> birds.rows.rows(), birds.delimiter, birds.encoding, list(birds.lines)
    ([('1.jpg', 'Möwe')], ';', 'cp1252', [2])
    """
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # opening it would wait for a writer
            raise InputError(f"the table {path} is a pipe, not a file")
        with path.open("rb") as fd:
            sample = fd.read(SAMPLE_BYTES)
            check_is_text(path, sample)
            with mmap.mmap(fd.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                return _Reader(path, mapped, sample, wanted).read(delimiter, quoted=quoted)
    except FileNotFoundError:
        raise InputError(f"there is no table {path}") from None
    except OSError as error:
        raise InputError(f"the table {path} cannot be read: {error.strerror or error}") from None


class _IrregularError(Exception):
    """A text that cannot be divided into rows and fields without a guess."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")


class _Reader:
    """The reading of one table."""

    def __init__(self, path: Path, data: mmap.mmap, sample: bytes, wanted: Collection[str] | None) -> None:
        self._path, self._wanted, self._remarks = path, wanted, list[str]()
        self._encoding = detect_encoding(path, data, sample)
        self._is_as_stored = self._encoding == "utf-8" and data[:3] != codecs.BOM_UTF8
        # Any other encoding becomes UTF-8 first, in memory; large tables are UTF-8 everywhere.
        self._bytes: Any = data if self._is_as_stored else decode(path, data, self._encoding).encode()
        if self._encoding == "cp1252":
            self._remarks.append(f"it {READ_AS_WINDOWS}")

    def read(self, delimiter: str | None, *, quoted: bool) -> TextTable:
        beginning = self._bytes[:SAMPLE_BYTES].decode(errors="ignore")
        first_line = re.split(r"[\r\n]", beginning, maxsplit=1)[0]
        separator = _SEPARATOR_LINE.fullmatch(first_line)
        skipped = 1 if separator else 0
        self._delimiter = delimiter or (separator[1] if separator else self._best_delimiter(beginning))
        data = np.frombuffer(self._bytes, np.uint8)
        if not separator and (rows := _count_regular_rows(data, ord(self._delimiter), quoted=quoted)) is not None:
            del data  # a mapped file cannot be closed while an array shows it
            return self._read_by_polars(rows, quoted=quoted)
        del data
        return self._read_by_field(self._bytes[:].decode(), skipped, quoted=quoted)

    def _best_delimiter(self, beginning: str) -> str:
        def fits(delimiter: str) -> tuple[float, int]:
            lines = beginning.splitlines(keepends=True)[:100]
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
            return (sum(count == counts[0] for count in counts) / len(counts), counts[0]) if counts[0] > 1 else (0, 1)

        # A header is not prose: a delimiter that divides it and most rows alike is right.
        return max(_DELIMITERS, key=fits)

    def _read_by_polars(self, rows: int, *, quoted: bool) -> TextTable:
        end = self._bytes.find(b"\n")
        header = self._bytes[: end if end >= 0 else len(self._bytes)].decode()
        try:
            fields = next(csv.reader([header], delimiter=self._delimiter, quoting=_quoting(quoted=quoted)))
        except csv.Error as error:
            raise InputError(f"the table {self._path}, line 1: {error}") from None
        columns = self._columns(fields)
        try:
            frame = pl.scan_csv(
                self._path if self._is_as_stored else io.BytesIO(self._bytes), separator=self._delimiter,
                quote_char='"' if quoted else None, has_header=False, skip_rows=1,
                schema=dict.fromkeys(columns, pl.String), glob=False,
            ).select(self._chosen(columns)).collect()  # fmt: skip
        except PolarsError as error:
            raise InputError(f"the table {self._path} cannot be read: {str(error).splitlines()[0]}") from None
        if frame.height != rows:
            raise InputError(f"the table {self._path} has {rows:,} rows, of which {frame.height:,} could be read")
        return self._table(frame, columns, range(2, rows + 2))

    def _read_by_field(self, text: str, skipped: int, *, quoted: bool) -> TextTable:
        if "\0" in text:
            line = text[: text.index("\0")].count("\n") + 1
            raise InputError(f"the table {self._path}, line {line}: has a NUL character, which no text has")
        try:
            records = self._records(text, skipped, quoted=quoted)
        except _IrregularError as error:
            try:
                records = _unquoted_records(text, self._delimiter, skipped)
            except _IrregularError:
                raise InputError(f"the table {self._path}, {error}") from None
            self._remarks.append(f"quotation marks were read as text ({error})")
        (_, header), body = records[0], records[1:]
        columns = self._columns(header)
        body = [(line, self._fitted(row, line, len(columns))) for line, row in body]
        self._remark_short_rows(body, len(columns), ends_whole=text.endswith(("\n", "\r")))
        padded = [[*row, *[""] * (len(columns) - len(row))] for _, row in body]
        frame = pl.DataFrame(padded, schema=dict.fromkeys(columns, pl.String), orient="row")
        return self._table(frame.select(self._chosen(columns)), columns, [line for line, _ in body])

    def _records(self, text: str, skipped: int, *, quoted: bool) -> list[tuple[int, list[str]]]:
        if not quoted:
            return list(_records(text, self._delimiter, skipped, csv.QUOTE_NONE))
        records = list(_records(text, self._delimiter, skipped, csv.QUOTE_MINIMAL))
        _check_long_fields(text, records, self._delimiter)
        return records

    def _columns(self, header: Sequence[str]) -> tuple[str, ...]:
        columns = tuple(name.strip() or f"column {number}" for number, name in enumerate(header, 1))
        for number, name in enumerate(columns, 1):
            if (first := columns.index(name) + 1) < number:
                raise InputError(
                    f"the table {self._path} has two columns called {name!r}, the {first}. and the {number}.; "
                    "remove or rename one"
                )
        return columns

    def _chosen(self, columns: tuple[str, ...]) -> list[str]:
        return [name for name in columns if self._wanted is None or name in self._wanted]

    def _fitted(self, row: list[str], line: int, width: int) -> list[str]:
        """The row without empty fields beyond the header's."""
        if any(field.strip() for field in row[width:]):
            raise InputError(
                f"the table {self._path}, line {line}: has {len(row)} fields, but the header has {width}; enclose a "
                f"value with {_DELIMITERS.get(self._delimiter, repr(self._delimiter))} in it in quotation marks"
            )
        return row[:width]

    def _remark_short_rows(self, body: list[tuple[int, list[str]]], width: int, *, ends_whole: bool) -> None:
        # Excel leaves out the delimiters of empty cells at the end of a row.
        short = [line for line, row in body if len(row) < width]
        if not short:
            return
        if short[-1] == body[-1][0] and not ends_whole:
            raise InputError(f"the table {self._path} ends in the middle of line {short[-1]}: is it complete?")
        self._remarks.append(
            f"{len(short):,} of its {len(body):,} rows have fewer fields than the header, the first on line "
            f"{short[0]}; what they lack is empty"
        )

    def _table(self, frame: pl.DataFrame, columns: tuple[str, ...], lines: Sequence[int]) -> TextTable:
        rows = frame.with_columns(pl.col(pl.String).fill_null("").str.strip_chars())
        return TextTable(rows, columns, lines, self._delimiter, self._encoding, tuple(self._remarks))


def _quoting(*, quoted: bool) -> Any:
    return csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE


def _count_regular_rows(data: Any, delimiter: int, *, quoted: bool) -> int | None:
    """The number of rows of a table in which every line is a row with as many fields as the header.

    None if it is not so simple: a field with a line break in it, a quotation mark that neither begins nor ends a
    field, an empty line, a row with fewer or more fields than the header, a NUL, or lines that end with CR alone.
    """
    rows, fields, carried, quotes_before, last_newline = -1, -1, 0, 0, -1
    for start in range(0, len(data), _CHUNK_BYTES):
        chunk = data[start : start + _CHUNK_BYTES]
        quotes = np.flatnonzero(chunk == ord('"')) if quoted else np.empty(0, np.int64)
        if not _quotes_enclose_fields(data, start + quotes, quotes_before, delimiter) or _has_odd_breaks(data, start):
            return None
        newlines = np.flatnonzero(chunk == ord("\n"))
        if ((quotes_before + np.searchsorted(quotes, newlines)) % 2).any():
            return None
        delimiters = np.flatnonzero(chunk == delimiter)
        delimiters = delimiters[(quotes_before + np.searchsorted(quotes, delimiters)) % 2 == 0]
        upto = np.searchsorted(delimiters, newlines)
        counts = np.diff(upto, prepend=-carried) if len(newlines) else upto
        if len(counts):
            fields = int(counts[0]) if fields < 0 else fields
            lengths = np.diff(newlines + start, prepend=last_newline)
            if (
                (counts != fields).any()
                or (lengths < 2).any()
                or (data[start + newlines[lengths == 2] - 1] == 13).any()
            ):
                return None
            carried, last_newline = 0, int(newlines[-1]) + start
        carried += len(delimiters) - (int(upto[-1]) if len(upto) else 0)
        rows, quotes_before = rows + len(newlines), quotes_before + len(quotes)
    if last_newline < len(data) - 1:  # a last line without a line end
        rows, complete = rows + 1, fields < 0 or carried == fields
        return rows if complete and quotes_before % 2 == 0 else None
    return rows if quotes_before % 2 == 0 else None


def _quotes_enclose_fields(data: Any, quotes: Any, before: int, delimiter: int) -> bool:
    """Whether each opening quotation mark begins a field and each closing one ends it, or is one of a pair."""
    opening, closing = (quotes[before % 2 :: 2], quotes[(before + 1) % 2 :: 2])
    after, first = closing + 1, opening[opening > 0]
    ends = np.isin(data[after[after < len(data)]], [delimiter, ord("\n"), ord("\r"), ord('"')])
    return bool(ends.all() and np.isin(data[first - 1], [delimiter, ord("\n"), ord('"')]).all())


def _has_odd_breaks(data: Any, start: int) -> bool:
    """Whether the chunk has a NUL, or a CR that is not followed by LF."""
    chunk = data[start : start + _CHUNK_BYTES]
    returns = start + np.flatnonzero(chunk == ord("\r")) + 1
    return bool((chunk == 0).any() or (returns >= len(data)).any() or (data[returns] != ord("\n")).any())


def _records(text: str, delimiter: str, skipped: int, quoting: Any) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its first line."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
    line = 1
    try:
        for row in reader:
            if line > skipped and (len(row) > 1 or "".join(row).strip()):
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "a quotation mark is opened and never closed" if "end of data" in str(error) else str(error)
        raise _IrregularError(
            line, f"{reason}; write a quotation mark within a value twice, in a quoted value"
        ) from None


def _unquoted_records(text: str, delimiter: str, skipped: int) -> list[tuple[int, list[str]]]:
    """The rows of a text whose quotation marks are text, which is certain only if all rows have the same length."""
    records = list(_records(text, delimiter, skipped, csv.QUOTE_NONE))
    for line, row in records:
        if len(row) != len(records[0][1]):
            raise _IrregularError(line, "another number of fields")
    return [(line, [_without_quotes(field) for field in row]) for line, row in records]


def _without_quotes(field: str) -> str:
    """The text of a field that a pair of quotation marks encloses."""
    is_enclosed = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', "")
    return field[1:-1].replace('""', '"') if is_enclosed else field


def _check_long_fields(text: str, records: list[tuple[int, list[str]]], delimiter: str) -> None:
    """Refuse a quoted field that holds what looks like rows: two stray quotation marks make one of many lines.

    Raises:
        _IrregularError: every line of a row over several lines has as many delimiters as the header.
    """
    if all("\n" not in field and "\r" not in field for _, row in records for field in row):
        return
    lines = [line.rstrip("\r\n") for line in io.StringIO(text, newline="")]
    width = len(records[0][1])
    for (line, row), following in zip(records, [*records[1:], (len(lines) + 1, [])], strict=True):
        if not any("\n" in field or "\r" in field for field in row):
            continue
        own = [one for one in lines[line - 1 : following[0] - 1] if one.strip()]
        if all(one.count(delimiter) == width - 1 for one in own):
            raise _IrregularError(line, "a quotation mark is opened and only closed on a later line that is a row too")
