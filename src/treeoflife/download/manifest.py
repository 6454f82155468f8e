"""EOL's media manifest: CSV files with a row per image, of which only the first has a header."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InputError

_LARGEST = 2**63 - 1
_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class Row:
    """An image of the manifest. ``problem`` says why it cannot be fetched."""

    content_id: int | None
    page_id: int | None
    url: str
    licence: str
    owner: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Slice:
    """Consecutive rows: ``count`` of them, from byte ``offset`` of the first of ``files`` on.

    ``digest`` is that of their cells: what they are known again by, wherever they stand.
    """

    files: tuple[Path, ...]
    offset: int
    count: int
    digest: str


def rows(part: Slice) -> Iterator[Row]:
    """The rows of a slice, as a stream."""
    left, offset = part.count, part.offset
    for path in part.files:
        for _, cells in _records(path, offset):
            if not left:
                return
            left -= 1
            yield _row(cells)
        offset = 0


def slices(files: Sequence[Path], size: int) -> list[Slice]:
    """All rows in slices of ``size``. One pass, of which only the places and digests of the slices are kept."""
    found: list[Slice] = []
    digest, count, begin = hashlib.sha256(), 0, (0, 0)
    for number, path in enumerate(files):
        for offset, cells in _records(path, 0):
            begin = begin if count else (number, offset)
            digest.update(json.dumps(cells).encode())
            count += 1
            if count == size:
                found.append(Slice(tuple(files[begin[0] :]), begin[1], count, digest.hexdigest()))
                digest, count = hashlib.sha256(), 0
    return [*found, Slice(tuple(files[begin[0] :]), begin[1], count, digest.hexdigest())] if count else found


def _records(path: Path, offset: int) -> Iterator[tuple[int, list[str]]]:
    """The records from a byte on, each with the byte it begins at; a header is passed over.

    Raises:
        InputError: the file is missing or is no CSV.
    """
    before = offset
    try:
        with path.open("rb") as fd:
            fd.seek(offset)
            reader = csv.reader(
                line.decode("utf-8-sig" if not offset else "utf-8", "replace") for line in iter(fd.readline, b"")
            )
            for cells in reader:
                at, before = before, fd.tell()
                if cells and not (at == 0 and cells[0].strip().lower() == "eol content id"):
                    yield at, cells
    except (OSError, csv.Error) as error:
        raise InputError(f"the media manifest {path} cannot be read, from byte {before} on: {error}") from None


def _row(cells: list[str]) -> Row:
    padded = [*cells, *[""] * _COLUMNS][:_COLUMNS]
    content, page = (_number(cell) for cell in padded[:2])
    url = (padded[3] or padded[2]).strip()
    problem = ""
    if content is None or page is None:
        problem = f"no content id and page id: {','.join(cells)!r:.200}"
    elif not _address(url):
        problem = f"no address: {url!r:.200}"
    return Row(content, page, url, padded[4], padded[5], problem)


def _address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _number(cell: str) -> int | None:
    text = cell.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _LARGEST else None
