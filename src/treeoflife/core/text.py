"""Text from outside on its way to people: what a terminal would obey is escaped. Files hold what came."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""``text`` without what a terminal would obey: control characters are written as escapes, but for new lines.

    >>> printable("\x1b[2Jcat.jpg")
    '\\x1b[2Jcat.jpg'
    """
    return "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode_escape").decode()
        for letter in text
    )
