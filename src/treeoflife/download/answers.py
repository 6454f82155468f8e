"""What a server's answer to a request for a file, or for a part of it, means."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from ..errors import InputError
from .part import Identity

_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)
_MAGIC = {".gz": b"\x1f\x8b", ".tgz": b"\x1f\x8b", ".zip": b"PK", ".sqlite": b"SQLite format 3"}
_TEMPORARY = frozenset({408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524})
_LONGEST_WAIT = 3600.0
_GZIPPED = (".gz", ".tgz")
_GZIP_BITS = 31


class TemporaryError(Exception):
    """A request failed for a reason that may pass.

    Attributes:
        wait: for how many seconds the server wants to be left alone; None if it does not say.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class RestartError(Exception):
    """What was fetched so far is of no use: the file is another now, or its server sends no ranges.

    Attributes:
        ranges: whether to ask for ranges again.
        final: it is not worth more than two tries.
    """

    def __init__(self, reason: str, *, ranges: bool = True, final: bool = False) -> None:
        super().__init__(reason)
        self.ranges = ranges
        self.final = final


def identity_of(response: httpx.Response, url: str) -> Identity:
    """Which version of the file an answer is about."""
    headers = response.headers
    if response.status_code == 206:
        total = content_range(response)[1]
    else:
        length = headers.get("content-length", "")
        total = int(length) if length.isdigit() else None
    return Identity(url, total, headers.get("etag", ""), headers.get("last-modified", ""))


def content_range(response: httpx.Response) -> tuple[int, int | None]:
    """Where a part begins, and how long the whole file is.

    Raises:
        RestartError: the header is missing or malformed, so ranges cannot be used.
    """
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if not match or match[3] == "*":
        raise RestartError("its server does not say which range it sends", ranges=False)
    return int(match[1]), int(match[3])


def check(response: httpx.Response, url: str, name: str) -> None:
    """Let an answer pass that brings the file called ``name``, or a part of it.

    Raises:
        TemporaryError: another request may succeed.
        InputError: none will.
    """
    status = response.status_code
    if status in _TEMPORARY:
        raise TemporaryError(f"the server says {status} {response.reason_phrase}", retry_after(response.headers))
    if status not in (200, 206, 416):
        raise InputError(f"{url} cannot be fetched: the server says {status} {response.reason_phrase}{_hint(status)}")
    if response.headers.get("content-encoding", "identity").lower() not in _as_it_is(name):
        raise InputError(f"{url} is sent compressed, though it was asked for as it is: its bytes cannot be trusted")
    if status != 416 and response.headers.get("content-type", "").lower().startswith(
        ("text/html", "application/xhtml")
    ):
        raise TemporaryError(f"the server sent an HTML page in place of the file: {_says(response)}")


def _as_it_is(name: str) -> tuple[str, ...]:
    """What a server may say of the encoding. Many say of a .tar.gz that it is packed by gzip, and mean the file."""
    return ("identity", "gzip", "x-gzip") if name.lower().endswith(_GZIPPED) else ("identity",)


def _hint(status: int) -> str:
    if status in (401, 403):
        return "; it may want an account"
    return "; another address can be set in dataset.toml, as url in [download.components.NAME]"


def _says(response: httpx.Response) -> str:
    try:
        start = next(response.iter_raw(2000), b"")
    except httpx.HTTPError:
        start = b""
    text = re.sub(r"<[^>]*>", " ", start.decode("utf-8", "replace"))
    return " ".join(text.split())[:120]


def magic_of(name: str) -> bytes:
    """What a file of that name begins with, as far as that is known."""
    return next((magic for suffix, magic in _MAGIC.items() if name.lower().endswith(suffix)), b"")


def sniff(name: str, start: bytes) -> None:
    """Let the first bytes of a file pass that may be what its name says.

    Raises:
        TemporaryError: they are those of an error page, or of another kind of file.
    """
    if start.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise TemporaryError("the server sent an HTML page in place of the file")
    magic = magic_of(name)
    if len(start) >= len(magic) and not start.startswith(magic):
        raise TemporaryError(f"what the server sent does not begin as {name} would, but with {start[:16]!r}")
    if name.lower().endswith(_GZIPPED) and _inside(start).startswith(_MAGIC[".gz"]):
        raise TemporaryError(f"the server packed {name} once more, though it was asked for as it is")


def _inside(start: bytes) -> bytes:
    try:
        return zlib.decompressobj(_GZIP_BITS).decompress(start, 2)
    except zlib.error:
        return b""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """For how many seconds the server wants to be left alone: at most an hour is granted.

    >>> retry_after({"retry-after": "7"})
    7.0
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT)
