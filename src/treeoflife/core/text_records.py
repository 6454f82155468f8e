"""Dividing a text into rows and fields one by one, strictly: what cannot be told without a guess is an error."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice


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


def check_long_rows(lines: Iterable[str], long_rows: Sequence[range], delimiter: str, width: int) -> None:
    """Refuse a row of several lines that are rows themselves: two stray quotation marks make one of them.

    Raises:
        IrregularError: every line of a row over several lines has as many delimiters as the header.
    """
    remaining, line = iter(lines), 1
    for row in long_rows:
        own = list(islice(remaining, row.start - line, row.stop - line))
        line = row.stop
        if all(one.count(delimiter) == width - 1 for one in own if one.strip()):
            raise IrregularError(
                row.start, "a quotation mark is opened and only closed on a later line that is a row too"
            )
