"""How a text table is written, as its description says and as its beginning shows."""

import codecs
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice

from ...core.delimited_stream import Layout, as_utf8
from ...core.packed_files import PackedFiles
from ...core.text_records import IrregularError, read_records
from ...errors import InputError

_SAMPLE_BYTES = 1 << 18
_SAMPLE_LINES = 200
_DELIMITERS = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "vertical bars"}
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "0": "\0"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)")


def unescape(text: str) -> str:
    r"""A text in which a description may write characters as escapes.

    >>> unescape(r"\t"), unescape(r"\u0001"), unescape(r"|"), unescape("\\\\")
    ('\t', '\x01', '|', '\\')
    """
    return _ESCAPE.sub(
        lambda match: chr(int(match[1][1:], 16)) if len(match[1]) > 1 else _ESCAPES.get(match[1], match[1]), text
    )


def check_encoding(name: str, described_in: str) -> str:
    """The encoding of a text as Python calls it, ``utf-8`` for all that is part of it.

    Raises:
        InputError: there is no encoding of this name.
    """
    try:
        "".encode(name)  # codecs.lookup() would also take what encodes no text, such as "zip"
        known = codecs.lookup(name).name
    except (LookupError, ValueError):
        raise InputError(f"{described_in} names the encoding {name!r:.50}, which is not known: correct it") from None
    return "utf-8" if known in ("utf-8", "utf-8-sig", "ascii") else known


class Beginning:
    """The beginning of a table."""

    def __init__(self, files: PackedFiles, file: str, encoding: str = "utf-8") -> None:
        """Read it.

        Raises:
            InputError: it cannot be read, or is not in the encoding.
        """
        self._name = f"{file} in {files.path}"
        self._encoding, held = encoding, b""
        for chunk in as_utf8(self._name, files.chunks(file), encoding):
            held += chunk
            if len(held) >= _SAMPLE_BYTES:
                break
        self._text = held[:_SAMPLE_BYTES].decode(errors="replace")
        self._is_whole = len(held) < _SAMPLE_BYTES

    def described_layout(self, attributes: Mapping[str, str], least: int, meta: str) -> tuple[Layout, list[str]]:
        """The layout that a description gives, and remarks on where the table is written in another way.

        Args:
            attributes: those of the element of meta.xml.
            least: the least number of columns, as the description has it.

        Raises:
            InputError: no line of the table has so many, however it is divided; or the description makes no sense.
        """
        line_end = self._line_end(unescape(attributes.get("linesTerminatedBy", "\n")))
        delimiter = unescape(attributes.get("fieldsTerminatedBy", ",")) or ","
        quote = unescape(attributes.get("fieldsEnclosedBy", '"' if len(delimiter) == 1 else "")).strip()
        if len(quote) > 1 or (quote and len(delimiter) > 1):
            raise InputError(
                f"{meta} says that {quote!r:.20} encloses the fields of {self._name}, which {delimiter!r:.20} divides: "
                "only one character can do either"
            )
        header = _number(attributes.get("ignoreHeaderLines", ""), meta)
        lines, remarks = self._lines(line_end), list[str]()
        if not delimiter.strip(" ") and _fits(
            lines, "\t", quote, least
        ):  # XML turns a tab in an attribute into a space
            delimiter = "\t"
        if lines and not _fits(lines, delimiter, quote, least):
            others = [one for one in _DELIMITERS if one != delimiter and _fits(lines, one, quote, least)]
            if not others:
                raise InputError(
                    f"{self._name} should have at least {least} columns, divided by "
                    f"{_DELIMITERS.get(delimiter, repr(delimiter))}, as {meta} has it; none of its lines has so many"
                )
            remarks.append(f"{self._name} is divided by {_DELIMITERS[others[0]]}, not as {meta} says")
            delimiter = others[0]
        counts = [len(split(line, delimiter, quote)) for line in lines[header:]] or [least]
        width = max(least, Counter(counts).most_common(1)[0][0])
        return Layout(delimiter, quote, line_end, self._encoding, header, width, least), remarks

    def header_layout(self) -> Layout:
        """The layout of a table with a header that nothing describes: tabs divide it, or what divides its header most.

        Quotation marks enclose fields unless tabs divide them.
        """
        line_end = self._line_end("\n")
        first = next(iter(self._lines(line_end)), "")
        delimiter = max(_DELIMITERS, key=lambda one: first.count(one))
        quote = "" if delimiter == "\t" else '"'
        width = len(split(first, delimiter, quote))
        return Layout(delimiter, quote, line_end, self._encoding, 1, width, width)

    def header(self, layout: Layout) -> list[str]:
        """The fields of the last line before the first row; none if there is no such line."""
        lines = self._text.split(layout.line_end)
        if not 0 < layout.header_lines <= len(lines):
            return []
        return split(lines[layout.header_lines - 1].removesuffix("\r"), layout.delimiter, layout.quote)

    def _line_end(self, declared: str) -> str:
        """The end of lines: what is declared if it is there, else what is."""
        if declared in self._text and declared.strip(" "):  # XML turns a line break in an attribute into a space
            return declared
        if declared.strip():
            return declared
        return next((end for end in ("\n", "\r") if end in self._text), "\n")

    def _lines(self, line_end: str) -> list[str]:
        """The first lines that are whole and not empty."""
        lines = self._text.split(line_end)
        lines = lines if self._is_whole else lines[:-1]
        return list(islice((line.removesuffix("\r") for line in lines if line.strip()), _SAMPLE_LINES))


def _fits(lines: Sequence[str], delimiter: str, quote: str, least: int) -> bool:
    return any(len(split(line, delimiter, quote)) >= least for line in lines)


def split(line: str, delimiter: str, quote: str) -> list[str]:
    """The fields of a line by itself; a quotation mark that encloses none is text."""
    if quote and quote in line:
        try:
            ((_, fields),) = read_records([line.replace(quote, '"')], delimiter, quoted=True)
        except (IrregularError, ValueError):
            return line.split(delimiter)
        return fields
    return line.split(delimiter)


def _number(text: str, meta: str) -> int:
    text = text.strip() or "0"
    if not text.isascii() or not text.isdecimal() or len(text) > 4:
        raise InputError(f"{meta} says that {text!r:.50} header lines are to be ignored, which is no number of lines")
    return int(text)
