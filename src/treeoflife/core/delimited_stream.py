"""Reading a text table of any length as a stream, by the columns that are needed, when its layout is known.

:mod:`.text_tables` finds out how a table is written, for which it needs the file itself. Here a description says so, as
in archives of Darwin Core, and the bytes may come from within a zip. As there, no row is lost: one that cannot be told
from its neighbours comes with a ``problem``, a sentence that names what is wrong with it.
"""

import codecs
import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ..errors import InputError
from .regular_rows import CHUNK_BYTES, count_plain_rows, count_regular_rows

_LONGEST_ROW = 1 << 26  # bytes
_MOST_IN_A_NOTE = 4  # delimiters in a line of a note, at most, if it is as many as a row has by chance
_MOST_LINES_OF_A_ROW = 1000  # if a quotation mark is not closed by then, it is a stray one
_LINE_ENDS = ("\n", "\r\n")
_NO_VALUES = ("", "\\N", "NULL")  # the latter two as databases write it


@dataclass(frozen=True)
class Field:
    """Where the value of a column stands.

    Attributes:
        index: the position of the field in a row, from 0 on; None: nowhere.
        default: the value where the field is empty.
    """

    index: int | None
    default: str = ""


@dataclass(frozen=True)
class Layout:
    """How a text is divided into rows and fields.

    Attributes:
        delimiter: the text between fields.
        quote: the character that may enclose a field, where it is doubled to stand for itself; empty for none.
        line_end: the text at the end of each row.
        encoding: one that Python knows.
        header_lines: the number of lines before the first row.
        width: the number of fields of a row.
        least_width: the number of fields that a row has at least.
    """

    delimiter: str
    quote: str
    line_end: str
    encoding: str
    header_lines: int
    width: int
    least_width: int


class DelimitedStream:
    r"""A table that is read once, from its first byte to its last.

    >>> layout = Layout("\t", "", "\n", "utf-8", header_lines=1, width=2, least_width=2)
    >>> columns = {"name": [Field(1)], "country": [Field(None, "BE")]}
    >>> stream = DelimitedStream("birds.txt", layout, columns)
    >>> frame = pl.concat(stream.frames([b"id\tname\n1\tPar", b"us\n2\tPica\n3\n"]))
    >>> frame["name"].to_list(), frame["country"].to_list(), frame["line"].to_list()
    (['Parus', 'Pica', ''], ['BE', 'BE', 'BE'], [2, 3, 4])
    >>> frame["problem"][2]
    'line 4 of birds.txt has 1 field in place of 2'
    """

    def __init__(self, name: str, layout: Layout, columns: Mapping[str, Sequence[Field]]) -> None:
        """Prepare to read.

        Args:
            name: how messages call the table.
            columns: the columns of the frames. The first of the fields of each that is not empty counts.
        """
        self._name, self._layout, self._columns = name, layout, columns
        used = {field.index for fields in columns.values() for field in fields if field.index is not None}
        self._indexes = sorted(used) or [0]
        self._schema = dict.fromkeys(map(str, range(layout.width)), pl.String)
        self._rows = _RowDivider(name, layout)
        self._is_simple = (
            layout.line_end in _LINE_ENDS and layout.quote in ("", '"')
            and len(layout.delimiter) == 1 and layout.delimiter.isascii()
        )  # fmt: skip

    def remarks(self) -> list[str]:
        """Sentences on what was repaired, once all frames were read."""
        count, line = self._rows.loose_rows, self._rows.first_loose_line
        remark = (
            f"{self._name}: quotation marks that enclose no whole field were read as text in {count:,} rows, the first "
            f"on line {line}"
        )
        return [remark] if count else []

    def frames(self, chunks: Iterable[bytes]) -> Iterator[pl.DataFrame]:
        """The rows in order, as tables: the columns, as texts without spaces around them; ``line``, the number of the
        line on which the row begins; and ``problem``, null where the row is sound.

        Lines without anything are passed over. The first table has no rows.

        Raises:
            InputError: the bytes are no text in the encoding, or the text ends within a row.
        """
        yield self._frame([])
        rest = b""
        for piece, is_last in _pieces(self._name, chunks, self._layout):
            data = rest + piece
            frame = self._read_regular(data) if self._is_simple else None
            if frame is None:
                frame = self._frame([self._picked(*row) for row in self._rows.divide(data, is_last=is_last)])
                rest = self._rows.rest
            else:
                rest = b""
            yield frame

    def _read_regular(self, data: bytes) -> pl.DataFrame | None:
        """The rows of a text of which every line is a row; None if it is not so simple."""
        layout = self._layout
        if layout.line_end == "\r\n" and data.count(b"\n") != data.count(b"\r\n"):
            return None
        if layout.quote or layout.width == 1:
            header = "x" + layout.delimiter * (layout.width - 1) + "\n"
            array = np.frombuffer(header.encode() + data, np.uint8)
            count = count_regular_rows(array, ord(layout.delimiter), quoted=bool(layout.quote))
        else:
            count = count_plain_rows(data, layout.delimiter.encode(), layout.width)
        if not count:
            return None if count is None else self._frame([])
        try:
            frame = pl.scan_csv(
                # Polars drops one byte order mark, which may be a part of the first value.
                io.BytesIO(codecs.BOM_UTF8 + data), separator=layout.delimiter, quote_char=layout.quote or None,
                has_header=False, schema=self._schema, glob=False,
            ).select(map(str, self._indexes)).collect()  # fmt: skip
        except PolarsError:  # such as bytes that are no UTF-8, which are found line by line
            return None
        if frame.height != count:
            return None
        lines = pl.int_range(self._rows.line, self._rows.line + count, dtype=pl.Int64, eager=True)
        self._rows.line += count
        return self._chosen(frame.with_columns(lines.alias("line"), pl.lit(None, pl.String).alias("problem")))

    def _picked(self, line: int, fields: Sequence[str], problem: str | None) -> list[str | int | None]:
        values = [fields[index] if index < len(fields) else "" for index in self._indexes]
        return [*(self._checked(value, line) for value in values), line, problem]

    def _checked(self, value: str, line: int) -> str:
        try:
            value.encode()
        except UnicodeEncodeError:  # of a byte that was no UTF-8
            raise InputError(
                f"{self._name}, line {line}: is not UTF-8; if the table is in another encoding, such as windows-1252, "
                "its description (meta.xml) must say so"
            ) from None
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")

    def _frame(self, rows: Sequence[Sequence[str | int | None]]) -> pl.DataFrame:
        schema = dict.fromkeys(map(str, self._indexes), pl.String) | {"line": pl.Int64, "problem": pl.String}
        return self._chosen(pl.DataFrame(rows, schema=schema, orient="row"))

    def _chosen(self, fields: pl.DataFrame) -> pl.DataFrame:
        """The columns that are wanted, of a table of fields."""
        texts = [pl.col(str(index)).str.strip_chars() for index in self._indexes]
        values = fields.with_columns(pl.when(~text.is_in(_NO_VALUES)).then(text) for text in texts)
        return values.select(
            *(_first_value(fields).alias(name) for name, fields in self._columns.items()), "line", "problem"
        )


def _first_value(fields: Sequence[Field]) -> pl.Expr:
    """The first of several fields, or defaults, that is not empty."""
    choices = list[pl.Expr]()
    for field in fields:
        choices += [] if field.index is None else [pl.col(str(field.index))]
        choices += [pl.lit(field.default)] if field.default else []
    return pl.coalesce(*choices, pl.lit(""))


class _RowDivider:
    """Dividing a text into rows and fields one by one, where a fast reader would have to guess.

    Attributes:
        line: the number of the line that comes next.
        rest: the end of the last text, whose row ends in the next.
        loose_rows: how many rows had quotation marks that were read as text; first_loose_line is the first of them.
    """

    def __init__(self, name: str, layout: Layout) -> None:
        self._name, self._layout = name, layout
        self.line = layout.header_lines + 1
        self.rest = b""
        self.loose_rows = self.first_loose_line = 0

    def divide(self, data: bytes, *, is_last: bool) -> Iterator[tuple[int, list[str], str | None]]:
        """Each row: the number of its first line, its fields, and what is wrong with it."""
        end = self._layout.line_end
        lines = data.decode("utf-8", "surrogateescape").split(end)
        is_whole = not lines[-1]
        lines = lines[:-1] if is_whole else lines
        start = 0
        while start < len(lines):
            count, fields = self._row(lines, start, is_last=is_last)
            if not count:
                break
            start += count
            if len(fields) > 1 or "".join(fields).strip():
                problem = self._problem(fields)
                if problem and not is_whole and start == len(lines) and len(fields) < self._layout.width:
                    raise InputError(f"{self._name} ends in the middle of line {self.line}: is it complete?")
                yield self.line, fields, problem
            self.line += count
        self.rest = "".join(line + end for line in lines[start:]).encode("utf-8", "surrogateescape")

    def _problem(self, fields: Sequence[str]) -> str | None:
        count, layout = len(fields), self._layout
        is_long = count > layout.width and any(field.strip() for field in fields[layout.width :])
        if not is_long and count >= layout.least_width:
            return None
        return f"line {self.line} of {self._name} has {count} field{'s' * (count != 1)} in place of {layout.width}"

    def _row(self, lines: Sequence[str], start: int, *, is_last: bool) -> tuple[int, list[str]]:
        """The number of lines of the row that begins with a line, and its fields; 0 if its end is not there yet."""
        layout, first = self._layout, lines[start].removesuffix("\r")
        if not layout.quote or layout.quote not in first:
            return 1, first.split(layout.delimiter)
        count = _lines_to_closing_mark(lines, start, layout.quote)
        if not count and not is_last and len(lines) - start < _MOST_LINES_OF_A_ROW:
            return 0, []
        own = [line.removesuffix("\r") for line in lines[start : start + count]]
        fields = _divide_quoted("\n".join(own), layout) if own else None
        # Stray quotation marks would make one row of several lines, and take the rows between them with them.
        is_doubtful = fields is None or (count > 1 and (self._problem(fields) is not None or self._are_rows(own)))
        return (1, self._divide_loosely(first)) if fields is None or is_doubtful else (count, fields)

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Whether each line has the delimiters of a row itself, and so many that this is no accident."""
        count = self._layout.width - 1
        return count > _MOST_IN_A_NOTE and all(line.count(self._layout.delimiter) == count for line in lines)

    def _divide_loosely(self, line: str) -> list[str]:
        """The fields of a line with a stray quotation mark: only a pair around a whole field is no part of its text."""
        self.loose_rows += 1
        self.first_loose_line = self.first_loose_line or self.line
        quote = self._layout.quote
        return [
            field[1:-1].replace(quote * 2, quote) if len(field) > 1 and field[0] == field[-1] == quote else field
            for field in line.split(self._layout.delimiter)
        ]


def _lines_to_closing_mark(lines: Sequence[str], start: int, quote: str) -> int:
    """The number of lines from one on until all quotation marks are closed; 0 if they never are."""
    marks = 0
    for number, line in enumerate(lines[start : start + _MOST_LINES_OF_A_ROW], 1):
        marks += line.count(quote)
        if marks % 2 == 0:
            return number
    return 0


def _divide_quoted(row: str, layout: Layout) -> list[str] | None:
    """The fields of a row with enclosed fields; None if a quotation mark encloses none."""
    reader = csv.reader(io.StringIO(row, newline=""), delimiter=layout.delimiter, quotechar=layout.quote, strict=True)
    try:
        rows = list(reader)
    except csv.Error:
        return None
    return rows[0] if len(rows) == 1 else None


def _pieces(name: str, chunks: Iterable[bytes], layout: Layout) -> Iterator[tuple[bytes, bool]]:
    """The text after the header in UTF-8, in pieces that end with a line; and whether a piece is the last one."""
    end, header = layout.line_end.encode(), layout.header_lines
    held, size = list[bytes](), 0
    for chunk in as_utf8(name, chunks, layout.encoding):
        held.append(chunk)
        size += len(chunk)
        if size < CHUNK_BYTES and not header:
            continue
        data, header = _without_lines(b"".join(held), end, header)
        whole, found, rest = data.rpartition(end) if not header and len(data) >= CHUNK_BYTES else (b"", b"", data)
        if found:
            yield whole + found, False
        held, size = [rest], len(rest)
        if size > _LONGEST_ROW:
            raise InputError(f"{name} has a line of more than {_LONGEST_ROW:,} bytes")
    yield b"" if header else b"".join(held), True


def _without_lines(data: bytes, end: bytes, count: int) -> tuple[bytes, int]:
    """A text without its first lines, and how many of these are still to come."""
    while count and end in data:
        data, count = data.partition(end)[2], count - 1
    return data, count


def as_utf8(name: str, chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """A text in UTF-8 without a byte order mark, in pieces. One that is in UTF-8 already is not examined.

    Args:
        name: how messages call the text.
        encoding: that of the chunks. A byte order mark of UTF-16 counts more.

    Raises:
        InputError: the text is not in the encoding.
    """
    decoder, lines = None, 1
    try:
        for number, chunk in enumerate(chunks):
            if not number:
                announced = chunk.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
                encoding = "utf-16" if announced else encoding
                decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
                chunk = chunk.removeprefix(codecs.BOM_UTF8)
            data = chunk if decoder is None else decoder.decode(chunk).removeprefix("\ufeff").encode()
            lines += 0 if decoder is None else data.count(b"\n")
            yield data
        if decoder:
            decoder.decode(b"", final=True)
    except UnicodeError:
        raise InputError(f"{name}, line {lines} or a later one: is not {encoding}, as it should be") from None
