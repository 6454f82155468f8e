"""Reading what a browser, or anything else, sends to the page: never more than a mark can have, nor for long."""

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..core.json_reader import parse_json
from ..errors import InputError
from ..selection import marks

_MAX_BYTES = 100_000  # of a mark: nine names and a note
MAX_BULK_BYTES = 2_000_000
"""Of a verdict on many images: their rows."""
_MAX_SECONDS = 20.0  # for its body to arrive


async def read_body(request: Request, max_bytes: int = _MAX_BYTES) -> bytes:
    """The body of a request.

    Raises:
        HTTPException: it is longer than a mark can be, or takes too long.
        ClientDisconnect: the sender closes the connection before its end.
    """
    too_long = HTTPException(413, f"a mark has at most {max_bytes:,} bytes", {"Connection": "close"})
    length = request.headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 10 and int(length) <= max_bytes):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(_MAX_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > max_bytes:
                    raise too_long
    except TimeoutError:
        raise HTTPException(408, f"the mark did not arrive within {_MAX_SECONDS:.0f} seconds") from None
    return bytes(body)


def read_object(body: bytes) -> dict[str, Any]:
    """The object in the body of a request.

    Raises:
        InputError: it is none.
    """
    values = parse_json(body, MAX_BULK_BYTES)
    if not isinstance(values, dict):
        raise InputError("send an object")
    return values


def read_mark(body: bytes) -> marks.Mark:
    """The mark in the body of a request; what it lacks is empty.

    Raises:
        InputError: it is not an object of texts with the columns of marks.
    """
    values = parse_json(body, _MAX_BYTES)
    if not isinstance(values, dict) or not isinstance(values.get("treeoflife_id"), str):
        raise InputError("a mark is an object with a treeoflife_id")
    if unknown := sorted(set(values) - set(marks.COLUMNS)):
        raise InputError(f"a mark has no '{unknown[0][:40]}'; it has {', '.join(marks.COLUMNS)}")
    if wrong := next((name for name, value in values.items() if not isinstance(value, str | None)), None):
        raise InputError(f"the mark: {wrong} must be a text")
    return {column: values.get(column) or "" for column in marks.COLUMNS}
