"""EOL's media manifest: CSV files with a row per image, of which only the first has a header."""

import codecs
import csv
import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from ..core.text_records import without_quotes
from ..core.text_tables import simple_name
from ..core.written_numbers import whole_number
from ..errors import InputError

_MAX_ID = 2**63 - 1  # ids are 64-bit integers in the ledger and the mapping
_MAX_ID_LENGTH = 40  # with separators, zeros and spaces
_COLUMNS = 6
_MAX_LINE = 1 << 20  # bytes
_MAX_LINES_OF_A_RECORD = 100  # an owner's address has a few lines

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """An image of the manifest; ``problem`` says why it cannot be fetched, and is empty if it can."""

    content_id: int | None
    page_id: int | None
    url: str
    licence: str
    owner: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ManifestSlice:
    """``count`` consecutive rows, which begin at the byte ``offset`` of the first of ``files``.

    ``digest`` is the SHA-256 of their cells, and identifies them wherever they lie.
    """

    files: tuple[Path, ...]
    offset: int
    count: int
    digest: str


def read_rows(part: ManifestSlice) -> Iterator[ManifestRow]:
    """The rows of a slice, as a stream."""
    offsets = chain([part.offset], repeat(0))
    records = (
        record for path, start in zip(part.files, offsets, strict=False) for record in _read_records(path, start)
    )
    return (_parse_row(cells) for _, cells in islice(records, part.count))


def slice_manifest(files: Sequence[Path], size: int, note: Note = lambda _: None) -> list[ManifestSlice]:
    """All rows of the manifest in slices of ``size``; the last may be shorter. The files are read as a stream.

    Args:
        note: receives lines about what was repaired.

    Raises:
        InputError: a file cannot be read, or no row of any has a content id and a page id.
    """
    records = ((number, *record) for number, path in enumerate(files) for record in _read_records(path, 0, note))
    slices: list[ManifestSlice] = []
    has_ids = False
    while first := next(records, None):
        digest, count = hashlib.sha256(), 0
        for _, _, cells in chain([first], islice(records, size - 1)):
            digest.update(json.dumps(cells).encode())
            count += 1
            has_ids = has_ids or _has_ids(cells)
        slices.append(ManifestSlice(tuple(files[first[0] :]), first[1], count, digest.hexdigest()))
    if slices and not has_ids:
        raise InputError(
            f"no row of {', '.join(map(str, files))} begins with a content id and a page id: it is no media manifest"
        )
    return slices


class _Lines:
    """The lines of a file from a byte offset on, each with its offset. Lines may be given back."""

    def __init__(self, path: Path, fd: BinaryIO, start: int) -> None:
        self._path, self._fd, self._returned = path, fd, deque[tuple[int, str]]()
        self.not_utf8 = 0
        fd.seek(start)

    def next(self) -> tuple[int, str] | None:
        if self._returned:
            return self._returned.popleft()
        # readline, because iterating over a file reads ahead, and tell() must give the end of a line.
        offset, line = self._fd.tell(), self._fd.readline(_MAX_LINE)
        if len(line) == _MAX_LINE:
            raise _unreadable(self._path, offset, f"a line is longer than {_MAX_LINE:,} bytes: does it end with CR?")
        return (offset, self._decoded(offset, line)) if line else None

    def give_back(self, lines: Iterable[tuple[int, str]]) -> None:
        self._returned.extendleft(reversed([*lines]))

    def _decoded(self, offset: int, line: bytes) -> str:
        if not offset and b"\0" in line[:4]:
            raise _unreadable(self._path, offset, "it is UTF-16 or no text: save it as UTF-8")
        try:
            return line.removeprefix(codecs.BOM_UTF8 if not offset else b"").decode()
        except UnicodeDecodeError:
            self.not_utf8 += 1
        try:
            # Owners come from many museums, and one of them may have sent another encoding than all others.
            return line.decode("cp1252")
        except UnicodeDecodeError:
            raise _unreadable(self._path, offset, "neither UTF-8 nor Windows-1252") from None


def _unreadable(path: Path, offset: int, reason: str) -> InputError:
    return InputError(f"the media manifest {path} cannot be read from byte {offset} on: {reason}")


def _read_records(path: Path, start: int, note: Note = lambda _: None) -> Iterator[tuple[int, list[str]]]:
    """The CSV records from a byte offset on, each with the offset at which it begins; a header is left out.

    Raises:
        InputError: the file cannot be read or is not CSV.
    """
    try:
        with path.open("rb") as fd:
            lines = _Lines(path, fd, start)
            while line := lines.next():
                cells = _next_record(path, line, lines)
                is_header = line[0] == 0 and bool(cells) and simple_name(cells[0]) == "eolcontentid"
                if cells and not is_header:
                    yield line[0], cells
            if lines.not_utf8:
                note(f"{lines.not_utf8:,} lines of {path} are not UTF-8 and were read as Windows-1252")
    except OSError as error:
        raise InputError(f"the media manifest {path} cannot be read: {error.strerror or error}") from None


def _next_record(path: Path, first: tuple[int, str], lines: _Lines) -> list[str]:
    """The record that begins with a line; it takes further lines only if a quoted value goes on in them."""
    if first[1].count('"') % 2:
        following = list(_until_quotes_are_even(lines))
        records = _parse_lines([first[1], *(text for _, text in following)])
        # A stray quotation mark reaches to the next one, over lines that are records themselves.
        if len(records) == 1 and len(records[0]) == _COLUMNS and not all(
            text.count(",") == _COLUMNS - 1 for _, text in (first, *following) if text.strip()
        ):  # fmt: skip
            return records[0]
        lines.give_back(following)
    if records := _parse_lines([first[1]]):
        return records[0]
    try:
        cells = next(csv.reader([first[1]], quoting=csv.QUOTE_NONE), [])
    except csv.Error as error:
        raise _unreadable(path, first[0], str(error)) from None
    return [without_quotes(cell) for cell in cells]


def _until_quotes_are_even(lines: _Lines) -> Iterator[tuple[int, str]]:
    for _ in range(_MAX_LINES_OF_A_RECORD):
        line = lines.next()
        if line is None:
            return
        yield line
        if line[1].count('"') % 2:
            return


def _parse_lines(lines: Sequence[str]) -> list[list[str]]:
    """The records in the lines, by the strict rules; none if they break them."""
    try:
        return [cells for cells in csv.reader(lines, strict=True) if cells]
    except csv.Error:
        return []


def _parse_row(cells: Sequence[str]) -> ManifestRow:
    content, page, source_url, copy_url, licence, owner = [*cells, *[""] * _COLUMNS][:_COLUMNS]
    content_id, page_id = _parse_id(content), _parse_id(page)
    further = any(cell.strip() for cell in cells[_COLUMNS:])
    # EOL's full-size copy is what TreeOfLife-10M consists of, as its file names say.
    url = (copy_url or source_url).strip()
    problem = ""
    if content_id is None or page_id is None:
        problem = f"no content id and page id: {','.join(cells)!r:.200}"
    elif len(cells) < _COLUMNS or further:
        problem = f"{len(cells)} fields instead of {_COLUMNS}: {','.join(cells)!r:.200}"
    elif not _is_address(url):
        problem = f"no address: {url!r:.200}"
    return ManifestRow(content_id, page_id, url, licence, owner, problem)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _has_ids(cells: Sequence[str]) -> bool:
    return len(cells) > 1 and _parse_id(cells[0]) is not None and _parse_id(cells[1]) is not None


def _parse_id(cell: str) -> int | None:
    # The length first: int() refuses text of more than 4,300 digits with ValueError.
    text = whole_number(cell) if len(cell) < _MAX_ID_LENGTH else None
    return int(text) if text and int(text) <= _MAX_ID else None
