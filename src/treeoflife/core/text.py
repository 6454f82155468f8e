"""Making text from outside safe to print. Files keep the original text."""


def printable(text: str) -> str:
    r"""``text`` with control characters, except newlines, as escapes: a terminal would obey them.

    >>> printable("\x1b[2Jcat.jpg")
    '\\x1b[2Jcat.jpg'
    """
    return "".join(
        character if character.isprintable() or character == "\n" else character.encode("unicode_escape").decode()
        for character in text
    )
