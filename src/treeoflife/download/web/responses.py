"""Checking a server's response to a request for a file, or for a range of it."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

import httpx

from ...errors import InputError
from ..files.part_file import FileVersion
from .pace import PaceCheck, TooSlowError
from .waits import parse_date, retry_after

# More than 18 digits are no length, and int() refuses text of thousands of them.
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII | re.IGNORECASE)
_LENGTH = re.compile(r"\d{1,18}", re.ASCII)
# RFC 7232, 2.2.2: clocks differ, and within a minute a file may change twice and keep its date.
_SETTLED_AFTER = timedelta(seconds=60)
_MAGIC_NUMBERS = {
    ".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ", ".zip": b"PK", ".xlsx": b"PK",
    ".sqlite": b"SQLite format 3", ".parquet": b"PAR1",
}  # fmt: skip
# The beginnings of pages that servers and captive portals send in place of a file.
_PAGE = re.compile(
    rb"(?:\s|<\?xml[^>]*>|<!--(?:(?!-->).)*-->)*<(?:!doctype html|html|head|body|script|meta|title)\b",
    re.IGNORECASE | re.DOTALL,
)
_MARKUP_SUFFIXES = (".html", ".htm", ".xml", ".svg")
# The beginnings of the documents with which services report errors. A header of a table such as "[id],name" is none.
_DOCUMENTS = {
    "JSON": re.compile(rb'\{\s*["}]|\[\s*[\[{"\]]'),
    "XML": re.compile(rb"<\?xml\b|<error\b|<[a-z][\w:.-]*(?:\s[^<>]*)?>\s*<", re.IGNORECASE),
}
_TABLE = re.compile(r"\.(csv|tsv|txt|tab)(\.(gz|bz2|xz))?$", re.IGNORECASE)
# Time-outs, rate limits and errors of the server or of the proxy before it; 520 to 524 are Cloudflare's.
_TEMPORARY_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_GZIP_SUFFIXES = (".gz", ".tgz")
_GZIP_WBITS = 31  # zlib's code for: a gzip header, and the largest window


class TemporaryError(Exception):
    """A request failed, and may succeed later; ``wait`` is how many seconds the server asks to wait, if it does."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RestartError(Exception):
    """The received bytes are of no use: the file has changed, or its server cannot send the rest alone.

    ``ranges`` says whether to request ranges after starting over, ``final`` whether to give up at the second time.
    """

    def __init__(self, reason: str, *, ranges: bool = True, final: bool = False) -> None:
        super().__init__(reason)
        self.ranges, self.final = ranges, final


def file_version(response: httpx.Response, url: str) -> FileVersion:
    """The version of the file that a response is about."""
    headers = response.headers
    total: int | None = content_range(response).total if response.status_code == 206 else None
    if response.status_code != 206 and _LENGTH.fullmatch(headers.get("content-length", "")):
        total = int(headers["content-length"])
    modified, sent = parse_date(headers.get("last-modified", "")), parse_date(headers.get("date", ""))
    settled = modified is not None and (sent or datetime.now(UTC)) - modified >= _SETTLED_AFTER
    etag, path = headers.get("etag", ""), response.url.path
    return FileVersion(url, total, etag, headers.get("last-modified", ""), settled, path)


@dataclass(frozen=True)
class ContentRange:
    """The bytes in a response, from ``start`` up to ``stop``, and the length of the whole file."""

    start: int
    stop: int
    total: int


def content_range(response: httpx.Response) -> ContentRange:
    """The range in a response; RestartError if it does not say, or says what cannot be."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if not match or not int(match[1]) <= int(match[2]) < int(match[3]):
        raise RestartError("its server does not say which range it sends", ranges=False)
    return ContentRange(int(match[1]), int(match[2]) + 1, int(match[3]))


def read_body(response: httpx.Response, stall_seconds: float) -> Iterator[bytes]:
    """The body of a streamed response as it is sent, not decoded, in pieces of at most 64 KiB.

    Raises:
        httpx.TransportError: it ends early, stalls, or trickles.
    """
    pace = PaceCheck(stall_seconds)
    for data in response.iter_raw():
        yield data
        try:
            pace.add(len(data))
        except TooSlowError as error:
            raise httpx.ReadTimeout(str(error)) from error


def shows_its_end(response: httpx.Response) -> bool:
    """Whether a connection that is cut off can be told from one that has brought the whole body."""
    return "content-length" in response.headers or "transfer-encoding" in response.headers


def check_response(response: httpx.Response, url: str, name: str) -> None:
    """Check that a response brings the file ``name`` or a range of it, or says that there is no such range.

    Raises:
        TemporaryError: it does not, but the same request may succeed later.
        InputError: it does not, and never will.
    """
    status = response.status_code
    if status in _TEMPORARY_STATUS:
        raise TemporaryError(f"the server says {status} {response.reason_phrase}", retry_after(response.headers))
    if status not in (200, 206, 416):
        other = "another address can be set in dataset.toml, as url in [download.components.NAME]"
        advice = "it may want an account" if status in (401, 403) else other
        raise InputError(f"{url} cannot be fetched: the server says {status} {response.reason_phrase}; {advice}")
    # Many servers declare a .tar.gz to be encoded with gzip, although they send the file as it is.
    encodings = ("identity", "gzip", "x-gzip") if name.lower().endswith(_GZIP_SUFFIXES) else ("identity",)
    if (response.headers.get("content-encoding", "").strip().lower() or "identity") not in encodings:
        raise InputError(f"{url} is sent compressed although the request excludes that: its bytes cannot be trusted")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type.startswith(("text/html", "application/xhtml")) and status != 416:
        raise TemporaryError(f"the server sent an HTML page instead of the file: {_page_text(response)}")


def _page_text(response: httpx.Response) -> str:
    """The beginning of a page or document as plain text."""
    try:
        start = next(response.iter_raw(), b"")[:2000]  # not iter_raw(2000), which waits for so many
    except httpx.HTTPError:
        start = b""
    text = re.sub(r"<[^>]*>", " ", start.decode("utf-8", "replace"))
    return " ".join(text.split())[:120]


def magic_number(name: str) -> bytes:
    """The bytes with which a file of that name begins; empty if its kind is not known."""
    return next((magic for suffix, magic in _MAGIC_NUMBERS.items() if name.lower().endswith(suffix)), b"")


def may_be_empty(name: str) -> bool:
    """Whether an empty file can be what its name says. Tables, archives and lookups have at least a beginning."""
    return not PurePath(name).suffix


def check_first_bytes(name: str, start: bytes) -> None:
    """Check that a file begins as its name says.

    Raises:
        TemporaryError: the bytes are those of an error page, or of a file of another kind.
    """
    text = start[:512].removeprefix(b"\xef\xbb\xbf").lstrip()
    if _PAGE.match(text) and not name.lower().endswith(_MARKUP_SUFFIXES):
        raise TemporaryError("the server sent an HTML page instead of the file")
    if name.lower().endswith(".json") and text and not text.startswith((b"{", b"[")):
        raise TemporaryError(f"the server sent bytes that do not begin as {name} must, but with {start[:16]!r}")
    magic = magic_number(name)
    if len(start) >= len(magic) and not start.startswith(magic):
        raise TemporaryError(f"the server sent bytes that do not begin as {name} must, but with {start[:16]!r}")
    content = _decompress_start(start) if name.lower().endswith(_GZIP_SUFFIXES) else start
    if content is not start and content.startswith(_MAGIC_NUMBERS[".gz"]):
        raise TemporaryError(f"the server compressed {name} once more although the request excludes that")
    if _TABLE.search(name) or name.lower().endswith(".tar"):
        _check_no_document(content)


def _check_no_document(start: bytes) -> None:
    """Judged by the bytes alone: many servers send tables as application/json."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for kind, beginning in _DOCUMENTS.items():
        if beginning.match(text):
            shown = " ".join(text[:120].decode("utf-8", "replace").split())
            raise TemporaryError(f"the server sent {kind} instead of the file: {shown}")


def _decompress_start(start: bytes) -> bytes:
    """The first bytes in a gzip stream; empty if it cannot be decompressed."""
    try:
        return zlib.decompressobj(_GZIP_WBITS).decompress(start, 512)
    except zlib.error:
        return b""
