"""Dividing a text into rows and fields one by one, strictly: what cannot be told without a guess is an error."""

import csv
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

_WORD = re.compile(r"\w+")
_NO_LETTER = re.compile(r"[\W\d]*")
_MOST_IN_A_NOTE = 4  # commas in a line of a note, at most, if it is as many as the header has by chance


class IrregularError(Exception):
    """A text that cannot be divided into rows and fields without a guess."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line, self.reason = line, reason


def read_records(lines: Iterable[str], delimiter: str, *, quoted: bool) -> Iterator[tuple[range, list[str]]]:
    r"""Each row that is not empty, with the numbers of its lines, of which the first is 1.

    Args:
        lines: the lines of the text with their line ends.
        quoted: whether quotation marks enclose fields.

    Raises:
        IrregularError: a quotation mark stands within a field, or is never closed.

    >>> list(read_records(['a,"b\n', 'c"\n', '\n', 'd,e\n'], ",", quoted=True))
    [(range(1, 3), ['a', 'b\nc']), (range(4, 5), ['d', 'e'])]
    """
    reader = csv.reader(
        iter(lines), delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=True
    )
    line = 1
    try:
        for row in reader:
            if len(row) > 1 or "".join(row).strip():
                yield range(line, reader.line_num + 1), row
            line = reader.line_num + 1
    except csv.Error as error:
        reason = "a quotation mark is opened and never closed" if "end of data" in str(error) else str(error)
        raise IrregularError(
            line, f"{reason}; write a quotation mark within a value twice, in a quoted value"
        ) from None


def without_quotes(field: str) -> str:
    """The text of a field that a pair of quotation marks encloses.

    >>> without_quotes('"a ""tame"" one"'), without_quotes('a "tame" one')
    ('a "tame" one', 'a "tame" one')
    """
    is_enclosed = len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', "")
    return field[1:-1].replace('""', '"') if is_enclosed else field


def check_long_rows(lines: Iterable[str], long_rows: Sequence[range], delimiter: str, width: int, first: int) -> None:
    """Refuse a row of several lines that are rows themselves: two stray quotation marks make one of them.

    A line after the first counts as a row if it has as many delimiters as a row of one line has, and begins as such a
    row does. A value over several lines, such as a note, has other lines.

    Args:
        lines: the lines of the text with their line ends; the number of the first is 1.
        long_rows: the numbers of the lines of each row that has several.
        width: the number of columns.
        first: the number of the first line that is no header.

    Raises:
        IrregularError: a line of a row over several lines is a row itself.
    """
    if not long_rows:
        return
    starts = {number: row.start for row in long_rows for number in row}
    counts, beginnings, doubtful = {width - 1}, set[str](), defaultdict[int, list[str]](list)
    for number, line in enumerate(lines, 1):
        if number in starts:
            if line.strip():
                doubtful[starts[number]].append(line)
        elif number >= first and (count := _count_delimiters(line, delimiter)):
            counts.add(count)
            beginnings.add(_shape(line, delimiter))
    known_counts = counts if beginnings else None
    beginnings |= {_shape(own[0], delimiter) for own in doubtful.values()}
    for start, own in doubtful.items():
        are_rows = all(one.count(delimiter) == width - 1 for one in own)
        if are_rows or any(_is_row(one, delimiter, known_counts, beginnings, width) for one in own[1:]):
            raise IrregularError(
                start,
                "a quotation mark is opened and only closed on a later line that is a row too; remove it, or write it "
                "twice in a quoted value",
            )


def _is_row(line: str, delimiter: str, counts: Collection[int] | None, beginnings: Collection[str], width: int) -> bool:
    count = line.count(delimiter)
    if not count or (counts is not None and count not in counts):
        return False
    # A line of a note has as many commas as a wide table has columns by no accident.
    return _shape(line, delimiter) in beginnings or count == width - 1 > _MOST_IN_A_NOTE


def _count_delimiters(line: str, delimiter: str) -> int:
    """The delimiters of a row of one line, without those in quotation marks."""
    return line.count(delimiter) if '"' not in line else len(next(csv.reader([line], delimiter=delimiter), [""])) - 1


def _shape(line: str, delimiter: str) -> str:
    """What the first field of a line looks like: ``x.x`` for ``a7.jpg``, ``0`` for ``5001``."""
    field = line.partition(delimiter)[0].strip()
    return _WORD.sub("0" if _NO_LETTER.fullmatch(field) else "x", field)
