"""Whether a table of text is so regular that a fast reader may be trusted with it: every line is a row."""

from typing import Any

import numpy as np

CHUNK_BYTES = 1 << 24  # examined or read at once; the arrays made of a chunk take about ten times as much


def count_regular_rows(data: Any, delimiter: int, *, quoted: bool) -> int | None:
    """The number of rows of a table in which every line is a row with as many fields as the header.

    None if it is not so simple: a field with a line break in it, a quotation mark that neither begins nor ends a
    field, an empty line, a row with fewer or more fields than the header, a NUL, or lines that end with CR alone.
    """
    rows, fields, carried, quotes_before, last_newline = -1, -1, 0, 0, -1
    for start in range(0, len(data), CHUNK_BYTES):
        chunk = data[start : start + CHUNK_BYTES]
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


def count_plain_rows(data: bytes, delimiter: bytes, fields: int) -> int | None:
    """The same for a text without a header and without quotation marks that mean anything, in a tenth of the time.

    Args:
        data: the text; small enough for an array of ten times its size.
        fields: the number of fields of each row, at least 2.

    >>> count_plain_rows(b"1,a\\n2,b", b",", 2), count_plain_rows(b"1,a,b\\n2", b",", 2)
    (2, None)
    """
    if b"\0" in data or data.count(b"\r") != data.count(b"\r\n"):
        return None
    array = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(array == ord("\n"))
    if data and not data.endswith(b"\n"):
        ends = np.append(ends, len(data))
    delimiters = np.flatnonzero(array == ord(delimiter))
    if len(delimiters) != len(ends) * (fields - 1):
        return None
    # If each row has its share, the first and the last of each share lie within the row, and only then.
    shares = delimiters.reshape(len(ends), fields - 1)
    is_regular = (shares[:, -1] < ends).all() and (shares[1:, 0] > ends[:-1]).all()
    return len(ends) if is_regular else None


def _quotes_enclose_fields(data: Any, quotes: Any, before: int, delimiter: int) -> bool:
    """Whether each opening quotation mark begins a field and each closing one ends it, or is one of a pair."""
    opening, closing = (quotes[before % 2 :: 2], quotes[(before + 1) % 2 :: 2])
    after, first = closing + 1, opening[opening > 0]
    ends = np.isin(data[after[after < len(data)]], [delimiter, ord("\n"), ord("\r"), ord('"')])
    return bool(ends.all() and np.isin(data[first - 1], [delimiter, ord("\n"), ord('"')]).all())


def _has_odd_breaks(data: Any, start: int) -> bool:
    """Whether the chunk has a NUL, or a CR that is not followed by LF."""
    chunk = data[start : start + CHUNK_BYTES]
    returns = start + np.flatnonzero(chunk == ord("\r")) + 1
    return bool((chunk == 0).any() or (returns >= len(data)).any() or (data[returns] != ord("\n")).any())
