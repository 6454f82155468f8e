"""Files of JSON with a record for each of millions of photographs or boxes, read as a stream."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ijson

from ...core.json_reader import JsonStream, RepeatedKeys
from ...core.text import reason

JSON_ERRORS = (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, ijson.JSONError)
"""What reading records raises where a file is damaged, or a record is not as its format says."""


def problem(error: Exception) -> str:
    """What one of :data:`JSON_ERRORS` says, for people."""
    message = error.args[0] if error.args else ""
    if isinstance(error, KeyError):
        return f"a record has no '{message}'"
    return reason(ValueError(message.decode(errors="replace")) if isinstance(message, bytes) else error)


def has_key(path: Path, key: str) -> bool:
    """Whether a file has a key somewhere: it is looked for as text, since parsing a million records takes a minute."""
    with path.open("rb") as fd, mmap.mmap(fd.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(f'"{key}"'.encode()) >= 0


def categories(path: Path, key: str) -> dict[str, str]:
    """The names of categories by their ids, from an object of the outer one; none if it is not there."""
    found = next(records(path, key), {}) if has_key(path, key) else {}
    return {one: str(name) for one, name in found.items()}


def records(path: Path, prefix: str) -> Iterator[dict[str, Any]]:
    """The objects at a place in a file, such as ``images.item``.

    Raises:
        ValueError, ijson.JSONError: the file is damaged, or something else than an object is there.
    """
    repeated = RepeatedKeys()
    with path.open("rb") as fd:
        for item in ijson.items(JsonStream(fd), prefix, map_type=repeated.new_object, use_float=True):
            repeated.check()
            if not isinstance(item, dict):
                raise ValueError(f"a record in {prefix.removesuffix('.item') or 'the list'} is no object: {item!r:.80}")
            yield item
