"""Making text from outside safe to print. Files keep the original text."""


def printable(text: str) -> str:
    r"""``text`` with control characters, except newlines, as escapes: a terminal would obey them.

    Bytes of a file name that are not UTF-8 become escapes too.

    >>> printable("\x1b[2Jcat.jpg")
    '\\x1b[2Jcat.jpg'
    >>> printable(b"Gr\xfcn.jpg".decode("utf-8", "surrogateescape"))
    'Gr\\xfcn.jpg'
    """
    return "".join(
        character if character.isprintable() or character == "\n" else _escape(character) for character in text
    )


def _escape(character: str) -> str:
    is_byte = "\udc80" <= character <= "\udcff"  # as Python holds a byte of a file name that is not UTF-8
    return f"\\x{ord(character) - 0xDC00:x}" if is_byte else character.encode("unicode_escape").decode()
