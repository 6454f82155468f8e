"""Reading text files of any origin: what encoding they are in, and whether they are text at all."""

import codecs
import mmap
import re
from contextlib import suppress
from pathlib import Path

from ..errors import InputError

SAMPLE_BYTES = 1 << 16
"""Bytes of the beginning of a text, from which its encoding is told."""
READ_AS_WINDOWS = "is not UTF-8 and was read as Windows-1252; check the names in it with accents"
"""What is said of a text in that encoding."""
_CHUNK_BYTES = 1 << 24
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
"""Byte order marks and the encodings that they announce. UTF-32's begins with UTF-16's, so it comes first."""
_NO_TEXT = (
    (b"PK\x03\x04", "a spreadsheet or zip archive; save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file; save it as CSV"), (b"\x1f\x8b", "compressed with gzip; unpack it"),
    (b"PAR1", "a Parquet file; save it as CSV"), (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
)  # fmt: skip
"""How files begin that are no text, and what to say of them."""
_WEB_PAGE = re.compile(rb"\s*<(!doctype|html|\?xml)", re.IGNORECASE)
_NOT_ASCII = re.compile("[\x80-\ud7ff\ue000-\U0010ffff]")  # without the surrogates, which stand for other bytes


def read_text(path: Path) -> tuple[str, tuple[str, ...]]:
    """A text that is no table, with line ends as ``\\n``, and sentences on what had to be guessed about it.

    Raises:
        InputError: the file is missing, empty or no text, or its encoding changes within it.
    """
    try:
        if path.is_fifo():  # opening it would wait for a writer
            raise InputError(f"{path} is a pipe, not a file")
        with path.open("rb") as fd:
            sample = fd.read(SAMPLE_BYTES)
            check_is_text(path, sample)
            with mmap.mmap(fd.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                encoding = detect_encoding(path, mapped, sample)
                text = decode(path, mapped, encoding)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError(f"{path}, line {line}: has a NUL character, which no text has")
    remarks = (f"{path} {READ_AS_WINDOWS}",) if encoding == "cp1252" else ()
    return text.replace("\r\n", "\n").replace("\r", "\n"), remarks


def is_windows_1252(path: Path) -> bool:
    """Whether a text is read as Windows-1252, since it is no UTF-8; what cannot be read at all is not.

    Raises:
        InputError: it is no text, or its encoding changes within it.
    """
    with suppress(OSError), path.open("rb") as fd:
        sample = fd.read(SAMPLE_BYTES)
        check_is_text(path, sample)
        with mmap.mmap(fd.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            return detect_encoding(path, mapped, sample) == "cp1252"
    return False


def check_is_text(path: Path, sample: bytes) -> None:
    """Check that a file begins like a text that is not empty; else an InputError says what it is."""
    if not sample.strip():
        raise InputError(f"the table {path} is empty")
    for beginning, what in _NO_TEXT:
        if sample.startswith(beginning):
            raise InputError(f"the table {path} is no text but {what}")
    if _WEB_PAGE.match(sample):
        raise InputError(f"the table {path} is a web page or XML, not a table; download the table itself")


def detect_encoding(path: Path, data: mmap.mmap, sample: bytes) -> str:
    """The encoding of a text: what its byte order mark says, else UTF-8 if it is that, else Windows-1252."""
    announced = next((name for bom, name in _BOMS if sample.startswith(bom)), None)
    if announced not in (None, "utf-8"):
        return str(announced)
    # In UTF-16 every other byte of Western text is zero; other text has no such byte.
    zeros = [sample[start::2].count(0) * 3 > len(sample[start::2]) for start in (0, 1)]
    if any(zeros):
        return "utf-16-be" if zeros[0] else "utf-16-le"
    offset = _first_invalid_utf8(data)
    if offset is None:
        return "utf-8"
    text = data[:].decode("utf-8", "surrogateescape")
    line = data[:offset].count(b"\n") + 1
    if announced or _NOT_ASCII.search(text):
        raise InputError(
            f"the table {path}, line {line}: is not UTF-8, which other lines are; write the whole file in one encoding"
        )
    return "cp1252"


def _first_invalid_utf8(data: mmap.mmap) -> int | None:
    """The offset of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for start in range(0, len(data), _CHUNK_BYTES):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[start : start + _CHUNK_BYTES], final=start + _CHUNK_BYTES >= len(data))
        except UnicodeDecodeError as error:
            return start - pending + error.start
    return None


def decode(path: Path, data: mmap.mmap, encoding: str) -> str:
    """A text in the encoding that :func:`detect_encoding` gave; an InputError names the line that is not in it."""
    try:
        return data[:].decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        what = "neither UTF-8 nor Windows-1252" if encoding == "cp1252" else f"not {encoding.upper()}, as its start is"
        raise InputError(f"the table {path}, line {line}: is {what}; save it as UTF-8") from None
