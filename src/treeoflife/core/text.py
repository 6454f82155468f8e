"""Making text from outside safe to print, where files keep the original text; and errors as text."""

import re

# Python's default representation of an object, which differs from run to run.
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


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


def counted(number: int, thing: str) -> str:
    """A number of things, for people.

    >>> counted(1, "row"), counted(1200, "row")
    ('1 row', '1,200 rows')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def without_addresses(text: str) -> str:
    """``text`` without addresses in memory, which differ from run to run.

    >>> without_addresses("cannot identify image file <_io.BytesIO object at 0x7f1c2a3b4c50>")
    'cannot identify image file <_io.BytesIO object>'
    """
    return _ADDRESS.sub("", text)


def describe_error(error: BaseException) -> str:
    """The kind and message of an error, the same in every run: without addresses in memory.

    >>> describe_error(OSError("no image: <_io.BytesIO object at 0x7f1c2a3b4c50>"))
    'OSError: no image: <_io.BytesIO object>'
    """
    return f"{type(error).__name__}: {without_addresses(str(error))}"


def reason(error: BaseException) -> str:
    r"""What an error says, in one line: the further lines of a library are advice on how to call it.

    >>> reason(ValueError("could not parse `x` as `i64`\n\nYou might want to try:\n- increasing `infer_schema_length`"))
    'could not parse `x` as `i64`'
    >>> reason(PermissionError(13, "Permission denied", "table.csv"))
    'Permission denied'
    """
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return without_addresses(text.splitlines()[0]).rstrip(" :.;")
