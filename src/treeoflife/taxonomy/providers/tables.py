"""Reading the providers' tables: every row is read or it is an error, ids are whole numbers, and what came of each
table is counted for the findings.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...core.text_tables import TextTable, find_columns, read_text_table
from ...core.written_numbers import ids_without_point, whole_numbers
from ...errors import InputError
from .table_count import TableCount

REPLACEMENT = "\ufffd"
# UTF-8 that was read as Windows-1252: the first bytes of two or three, and what bytes 128 to 191 look like.
_CONTINUATION = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_TWICE_ENCODED = re.compile(f"[ÂÃÄÅÎÏÐÑ][{_CONTINUATION}]|â[{_CONTINUATION}]{{2}}")


@dataclass(frozen=True)
class ProviderTable:
    """Columns of a provider's table, all of them text without spaces around it.

    Attributes:
        rows: the columns under the names that were asked for.
        remarks: what had to be repaired or guessed to read them.
        damaged: what text in them looks damaged.
    """

    path: Path
    rows: pl.DataFrame
    remarks: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()

    def count(self, source: str, used: int, left_out: Mapping[str, int], rest: str = "without a name") -> TableCount:
        """The table's count; rows that are neither used nor in ``left_out`` are left out because of ``rest``."""
        others = self.rows.height - used - sum(left_out.values())
        reasons = {**left_out, rest: left_out.get(rest, 0) + others}
        return TableCount(source, self.path.name, self.rows.height, used, reasons, self.remarks, self.damaged)


def require_use(count: TableCount, path: Path, needs: str) -> TableCount:
    """The count of a table that names something.

    Raises:
        InputError: it names nothing; the message says what the table needs.
    """
    if count.used:
        return count
    what = count.sentence if count.rows else f"it has no {count.unit}"
    raise InputError(f"[names] {path} gives no name: {what}; it needs {needs}")


def read_table(
    path: Path,
    columns: Sequence[str],
    *,
    optional: Sequence[str] = (),
    numbers: Collection[str] = (),
    ids: Collection[str] = (),
) -> ProviderTable:
    """Read some columns of a table; optional ones that it lacks are empty.

    Columns are found by name, in upper or lower case. In tab-separated files quotation marks are part of the text:
    EOL's and iNaturalist's files quote nothing.

    Args:
        numbers: those of the columns that hold ids which are whole numbers, such as ``5001.0``.
        ids: those of the columns that hold ids of any kind.

    Raises:
        InputError: the file is missing or malformed, lacks one of ``columns``, or an id is no whole number.
    """
    table = read_text_table(path, (*columns, *optional), quoted=None)
    present = find_columns(path, table, (*columns, *optional))
    renamed = [f"{own} as {name}" for name, own in present.items() if own != name]
    remarks = [f"columns were read under other names: {', '.join(renamed)}"] if renamed else []
    if missing := [column for column in columns if column not in present]:
        raise InputError(f"{path} lacks the column {missing[0]}; it has {', '.join(table.columns[:12])}")
    rows = table.rows.select(
        (pl.col(present[name]) if name in present else pl.lit("")).alias(name) for name in (*columns, *optional)
    )
    for name in (*numbers, *ids):
        repaired = _whole(path, table, rows[name]) if name in numbers else ids_without_point(rows[name])
        if changed := int((repaired != rows[name]).sum()):
            row = (repaired != rows[name]).arg_true()[0]
            example = f"the first on line {table.lines[row]}: {rows[name][row]!r} is {repaired[row]!r}"
            remarks.append(f"{changed:,} values of {name} are not written as plain numbers, {example}")
        rows = rows.with_columns(repaired.alias(name))
    damaged = tuple(damaged_text(rows.drop(*numbers, *ids), table.lines))
    return ProviderTable(path, rows, (*table.remarks, *remarks), damaged)


def _whole(path: Path, table: TextTable, values: pl.Series) -> pl.Series:
    numbers = whole_numbers(values)
    if numbers.null_count():
        row = numbers.is_null().arg_true()[0]
        raise InputError(
            f"the table {path}, line {table.lines[row]}: {values[row]!r:.80} is no {values.name}, which is a whole "
            "number with all its digits"
        )
    return numbers


def damaged_text(
    rows: pl.DataFrame, lines: Sequence[int] | None = None, counts: pl.Series | None = None
) -> Iterator[str]:
    """Sentences on texts that were damaged before they came into a table; the texts stay as they are.

    Args:
        lines: the line of each row in its file, if it has one.
        counts: how often each row occurs, if the rows are distinct ones.

    >>> list(damaged_text(pl.DataFrame({"name": ["Möwe", "M\\u00c3\\u00b6we"]}), [2, 3]))
    ["1 texts are UTF-8 that was read as Windows-1252 and stay as they are, the first on line 3: 'MÃ¶we'"]
    """
    kinds = {
        "have characters that an earlier program could not read (U+FFFD)": REPLACEMENT,
        "are UTF-8 that was read as Windows-1252": _TWICE_ENCODED.pattern,
    }
    for kind, pattern in kinds.items():
        bad = [(column.name, column.str.contains(pattern)) for column in rows if column.dtype == pl.String]
        total = sum(int((where if counts is None else where * counts).sum()) for _, where in bad)
        if total:
            row, name = min((where.arg_true()[0], name) for name, where in bad if where.any())
            place = f", the first on line {lines[row]}" if lines is not None else ""
            example = min(rows[name].filter(dict(bad)[name])) if lines is None else rows[name][row]
            yield f"{total:,} texts {kind} and stay as they are{place}: {example!r:.80}"
