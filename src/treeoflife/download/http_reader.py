"""Reading responses of HTTP/1.1 from a stream (RFC 9112): the head, and a body whose end is known or found.

The standard library's parser reads headers as those of e-mail, which takes most of the time of a small request, goes on
where a head is cut off, and takes contradictory lengths.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

PIECE = 64 << 10
"""The most bytes that are read at once."""
_MAX_LINE = 64 << 10
_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([^\r\n]*))?\r?\n")
_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n")
_WITHOUT_BODY = (204, 304)


class HttpError(Exception):
    """A server breaks the rules of HTTP, or its connection ends too early."""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a response; the names of ``headers`` are in lower case."""

    status: int
    phrase: str
    headers: dict[str, list[str]]
    keeps_open: bool

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks, of which the last is empty."""
        return "transfer-encoding" in self.headers

    @property
    def length(self) -> int | None:
        """The bytes of the body; None if the head does not say."""
        lengths = self.headers.get("content-length")
        return int(lengths[0]) if lengths and not self.is_chunked else None


def read_head(stream: io.BufferedReader) -> Head:
    """The head of the next response that is not an interim one.

    Raises:
        HttpError: it is none.
        OSError: the connection fails.
    """
    while True:
        line = stream.readline(_MAX_LINE)
        if not line:
            raise ConnectionResetError("the server closed the connection without a response")
        match = _STATUS.fullmatch(line)
        if not match:
            raise HttpError(f"its response begins with {line[:40]!r}")
        status = int(match[2])
        headers = _read_headers(stream)
        if status >= 200:
            _check_framing(headers)
            phrase = (match[3] or b"").decode("latin-1")
            options = ",".join(headers.get("connection", ())).lower()
            keeps_open = "close" not in options and (match[1] == b"1" or "keep-alive" in options)
            return Head(status, phrase, headers, keeps_open)


def _read_headers(stream: io.BufferedReader) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    last: list[str] = []
    while (line := _read_line(stream)) not in (b"\r\n", b"\n"):
        if line[:1] in (b" ", b"\t"):  # the value goes on (RFC 9112, 5.2)
            if last:
                last[-1] += " " + line.strip().decode("latin-1")
            continue
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            last = headers.setdefault(name.strip().lower(), [])
            last.append(value.strip())
    return headers


def _read_line(stream: io.BufferedReader) -> bytes:
    line = stream.readline(_MAX_LINE)
    if not line.endswith(b"\n"):
        raise HttpError("the connection ended within a line" if len(line) < _MAX_LINE else "a line without end")
    return line


def _check_framing(headers: dict[str, list[str]]) -> None:
    """Check that the head says in one way where the body ends."""
    codings = headers.get("transfer-encoding", [])
    if codings and [one.lower() for one in codings] != ["chunked"]:
        raise HttpError(f"its Transfer-Encoding is {', '.join(codings)!r:.80}")
    lengths = set(headers.get("content-length", ()))
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(one) for one in lengths):
        raise HttpError(f"its Content-Length is {', '.join(sorted(lengths))!r:.80}")


def read_pieces(stream: io.BufferedReader, head: Head) -> Iterator[bytes]:
    """The body of a response as it is sent, in pieces of at most :data:`PIECE` bytes, each as soon as it is there.

    Raises:
        HttpError: it does not come to its end.
        OSError: the connection fails.
    """
    if head.status in _WITHOUT_BODY:
        return
    if head.is_chunked:
        while size := _read_chunk_size(stream):
            yield from _read_exactly(stream, size)
            if _read_line(stream) not in (b"\r\n", b"\n"):
                raise HttpError("a chunk is longer than it says")
        _read_headers(stream)  # the trailer
    elif head.length is not None:
        yield from _read_exactly(stream, head.length)
    else:
        while piece := stream.read1(PIECE):
            yield piece


def _read_chunk_size(stream: io.BufferedReader) -> int:
    line = _read_line(stream)
    match = _CHUNK.fullmatch(line)
    if not match:
        raise HttpError(f"a chunk begins with {line[:40]!r}")
    return int(match[1], 16)


def _read_exactly(stream: io.BufferedReader, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = stream.read1(min(left, PIECE))
        if not piece:
            raise HttpError(f"the connection ended {left} bytes too early")
        left -= len(piece)
        yield piece
