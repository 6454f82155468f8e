"""Photographs that are called by the id of their row, as in an export of occurrences: ``12345.jpg``, ``12345_1.jpg``.

Such a table names no files. Its columns of ids are tried, and the one that most files hold counts.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import polars as pl

from ...errors import InputError
from ..file_names import escape_invalid_utf8

_DIVIDERS = re.compile(r"[\W_]+")
_COUNTER = re.compile(r"\d{1,3}|[a-z]")
# A shorter id may be a day or the number of a camera: it counts only as a whole name, or with a number behind it.
_LONG = 5
_SIZES = frozenset("original large medium small square thumb thumbnail full default image photo download".split())
"""What providers call the files of a photograph's sizes, whose folder is then its id."""
_FLOAT = re.compile(r"(\d+)\.0")


def find_by_ids(table: Path, rows: pl.DataFrame, columns: Sequence[str], images: Sequence[str]) -> dict[str, list[str]]:
    """Find the column of a table whose values are in the names of most images.

    Args:
        table: its path, for messages.
        rows: the table; all values are texts.
        columns: those that may hold ids, the most likely one first.
        images: paths relative to the folder.

    Returns:
        The column, with the images of each row, joined as :data:`SEPARATOR` says; empty if no image holds an id.

    Raises:
        InputError: two columns give images to different rows.
    """
    found = {name: rows_of_images(rows[name], images) for name in columns}
    best = max(found, key=lambda name: len(found[name]), default="")
    if not best or not found[best]:
        return {}
    for other, matches in found.items():
        differing = [image for image, row in matches.items() if found[best].get(image, row) != row]
        if differing and 2 * len(matches) >= len(found[best]):
            raise InputError(
                f"the table {table} names no files, and both {best!r} and {other!r} fit the names of photographs, with "
                f"different rows for '{escape_invalid_utf8(differing[0])}': name the right one with --file-column, or "
                "as file_column in dataset.toml"
            )
    files: list[list[str]] = [[] for _ in range(rows.height)]
    for image, (row, *others) in found[best].items():
        for one in (row, *others):
            files[one].append(escape_invalid_utf8(image))
    return {best: [SEPARATOR.join(names) for names in files]}


SEPARATOR = "\0"
"""What divides the files of a row: no name of a file has it."""


def rows_of_images(ids: Iterable[str], images: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The rows whose id each image holds; images without are left out.

    >>> rows_of_images(["12345", "67"], ["a/12345_1.jpg", "photo-12345-2.jpeg", "67.jpg", "67-08-09.jpg"])
    {'a/12345_1.jpg': (0,), 'photo-12345-2.jpeg': (0,), '67.jpg': (1,)}
    """
    rows: dict[str, tuple[int, ...]] = {}
    written: dict[str, str] = {}
    doubtful = set[str]()
    for number, value in enumerate(ids):
        for one in _ids(value):
            key = _plain(one)
            if written.setdefault(key, one) != one:
                doubtful.add(key)  # two ids that differ by case or signs alone
            if key and rows.get(key, (-1,))[-1] != number:
                rows[key] = (*rows.get(key, ()), number)
    known = rows.keys() - doubtful
    found = ((image, _find_id(_plain(PurePosixPath(image).stem), known)) for image in images)
    return {image: rows[key] for image, key in found if key}


def _find_id(name: str, ids: Iterable[str]) -> str | None:
    """The id that a file's name begins with, be it after a word; of several, the longest."""
    parts = name.split("-")
    starts = (0, 1) if parts[0].isalpha() else (0,)
    for start in starts:
        for stop in range(len(parts), start, -1):
            one, rest = "-".join(parts[start:stop]), parts[stop:]
            is_counted = len(rest) <= 1 and all(map(_COUNTER.fullmatch, rest))
            if one in ids and (len(one) >= _LONG or (is_counted and start == 0)):
                return one
    return None


def _ids(value: str) -> Iterator[str]:
    """The ids in a cell: several are divided by bars; of a web address, the part that tells it from others."""
    for text in value.split("|"):
        one = text.strip()
        if "://" in one:
            parts = [part for part in unquote(urlsplit(one).path).split("/") if part]
            last = PurePosixPath(parts[-1]).stem if parts else ""
            one = parts[-2] if last.lower() in _SIZES and len(parts) > 1 else last
            if len(one) < _LONG:  # most likely no id: a.jpg is a name that many servers have
                continue
        yield _FLOAT.sub(r"\1", one) if _FLOAT.fullmatch(one) else one


def _plain(text: str) -> str:
    return _DIVIDERS.sub("-", text.casefold()).strip("-")
