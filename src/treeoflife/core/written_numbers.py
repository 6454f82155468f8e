"""Ids that are whole numbers, as spreadsheets and data frames write them: ``5001.0``, ``5,001``, ``0005001``."""

import re

import polars as pl

_PLAIN = r"^(?:0|[1-9][0-9]{0,17})?$"
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f]+")
_WHOLE = re.compile(r"\+?0*([0-9]+)(?:\.0*)?", re.ASCII)
_GROUPED = re.compile(
    r"\+?[0-9]{1,3}(?:,[0-9]{3})+(?:\.0*)?|\+?[0-9]{1,3}(?:[ '’][0-9]{3})+|[0-9]{1,3}(?:\.[0-9]{3}){2,}"
)
_SCIENTIFIC = re.compile(r"\+?([0-9])(?:\.([0-9]+))?[eE]\+?([0-9]{1,2})", re.ASCII)
_AMBIGUOUS = re.compile(r"[0-9]{1,3}\.000", re.ASCII)  # half a million in German, five hundred in English
ABSENT = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "-"})
"""What stands in a cell without a value, in lower case."""


def whole_number(text: str) -> str | None:
    """The digits of a whole number without leading zeros; empty where there is no value; None for anything else.

    Pandas writes a column of ids as floats if a cell of it is empty, and spreadsheets group digits. In scientific
    notation digits may have been rounded away: it is a number only if all of them are there.

    >>> [whole_number(text) for text in ("5001.0", "5,001", " 0005001", "5.001e3", "NA")]
    ['5001', '5001', '5001', '5001', '']
    >>> [whole_number(text) for text in ("5e3", "5001.5", "500.000", "x")]
    [None, None, None, None]
    """
    text = _SPACES.sub(" ", text).strip()
    if text.lower() in ABSENT:
        return ""
    if match := _SCIENTIFIC.fullmatch(text):
        return _expanded(match[1], (match[2] or ""), int(match[3]))
    if _GROUPED.fullmatch(text):
        # With one kind of separator of thousands alone, or with commas for thousands and a point before zeros.
        text = re.sub(r"[,' ’]", "", text) if text.count(".") < 2 else text.replace(".", "")
    match = None if _AMBIGUOUS.fullmatch(text) else _WHOLE.fullmatch(text)
    return str(match[1]) if match else None


def _expanded(first: str, fraction: str, exponent: int) -> str | None:
    """The number, if as many digits as its exponent says are written and what is behind them is zero."""
    if len(fraction) < exponent or fraction[exponent:].strip("0"):
        return None
    return (first + fraction[:exponent]).lstrip("0") or "0"


def without_point(text: str) -> str:
    """An id that may be any text, without the ``.0`` of a float.

    >>> without_point("5001.0"), without_point("EOL-5001"), without_point("1E3")
    ('5001', 'EOL-5001', '1E3')
    """
    head, point, zeros = text.partition(".")
    is_float = point and zeros and not zeros.strip("0") and head.lstrip("-").isascii() and head.lstrip("-").isdigit()
    return head if is_float else "" if text.lower() in ABSENT else text


def whole_numbers(values: pl.Series) -> pl.Series:
    """:func:`whole_number` of each value; null where it is none.

    >>> whole_numbers(pl.Series(["5001", "5002.0", "", "x"])).to_list()
    ['5001', '5002', '', None]
    """
    irregular = values.filter(~values.str.contains(_PLAIN)).unique()
    # Nearly all tables have plain digits alone, and then nothing is done value by value.
    return values.replace(irregular, pl.Series([whole_number(text) for text in irregular.to_list()], dtype=pl.String))


def ids_without_point(values: pl.Series) -> pl.Series:
    """:func:`without_point` of each value.

    >>> ids_without_point(pl.Series(["EOL-1", "5002.0", "NA"])).to_list()
    ['EOL-1', '5002', '']
    """
    irregular = values.filter(values.str.contains(r"\.0+$") | values.str.to_lowercase().is_in(ABSENT - {""})).unique()
    return values.replace(irregular, pl.Series([without_point(text) for text in irregular.to_list()], dtype=pl.String))
