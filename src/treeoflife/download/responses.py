"""Checking a server's response to a request for a file, or for a range of it."""

import re
import zlib

import httpx

from ..errors import InputError
from .http_client import retry_after
from .part_file import FileVersion

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)
_MAGIC_NUMBERS = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".zip": b"PK", ".sqlite": b"SQLite format 3"}
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
    length = headers.get("content-length", "")
    total = int(length) if length.isdigit() else None
    if response.status_code == 206:
        total = content_range(response)[1]
    return FileVersion(url, total, headers.get("etag", ""), headers.get("last-modified", ""))


def content_range(response: httpx.Response) -> tuple[int, int]:
    """The first byte of the range in a response, and the length of the whole file; RestartError if it has none."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if not match or match[3] == "*":
        raise RestartError("its server does not say which range it sends", ranges=False)
    return int(match[1]), int(match[3])


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
    if response.headers.get("content-encoding", "identity").lower() not in encodings:
        raise InputError(f"{url} is sent compressed although the request excludes that: its bytes cannot be trusted")
    page = response.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))
    if page and status != 416:
        raise TemporaryError(f"the server sent an HTML page instead of the file: {_page_text(response)}")


def _page_text(response: httpx.Response) -> str:
    """The beginning of an HTML page as plain text."""
    try:
        start = next(response.iter_raw(2000), b"")
    except httpx.HTTPError:
        start = b""
    text = re.sub(r"<[^>]*>", " ", start.decode("utf-8", "replace"))
    return " ".join(text.split())[:120]


def magic_number(name: str) -> bytes:
    """The bytes with which a file of that name begins; empty if its kind is not known."""
    return next((magic for suffix, magic in _MAGIC_NUMBERS.items() if name.lower().endswith(suffix)), b"")


def check_first_bytes(name: str, start: bytes) -> None:
    """Check that a file begins as its name says.

    Raises:
        TemporaryError: the bytes are those of an error page, or of a file of another kind.
    """
    if start.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise TemporaryError("the server sent an HTML page instead of the file")
    magic = magic_number(name)
    if len(start) >= len(magic) and not start.startswith(magic):
        raise TemporaryError(f"the server sent bytes that do not begin as {name} must, but with {start[:16]!r}")
    if name.lower().endswith(_GZIP_SUFFIXES) and _decompress_start(start).startswith(_MAGIC_NUMBERS[".gz"]):
        raise TemporaryError(f"the server compressed {name} once more although the request excludes that")


def _decompress_start(start: bytes) -> bytes:
    """The first two bytes in a gzip stream; empty if it cannot be decompressed."""
    try:
        return zlib.decompressobj(_GZIP_WBITS).decompress(start, 2)
    except zlib.error:
        return b""
