"""EOL's media manifest: CSV files with a row per image, of which only the first has a header."""

import csv
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, repeat
from pathlib import Path
from urllib.parse import urlsplit

from ..errors import InputError

_MAX_ID = 2**63 - 1  # ids are 64-bit integers in the ledger and the mapping
_COLUMNS = 6


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


def slice_manifest(files: Sequence[Path], size: int) -> list[ManifestSlice]:
    """All rows of the manifest in slices of ``size``; the last may be shorter. The files are read as a stream."""
    records = ((number, *record) for number, path in enumerate(files) for record in _read_records(path, 0))
    slices: list[ManifestSlice] = []
    while first := next(records, None):
        digest, count = hashlib.sha256(), 0
        for _, _, cells in chain([first], islice(records, size - 1)):
            digest.update(json.dumps(cells).encode())
            count += 1
        slices.append(ManifestSlice(tuple(files[first[0] :]), first[1], count, digest.hexdigest()))
    return slices


def _read_records(path: Path, start: int) -> Iterator[tuple[int, list[str]]]:
    """The CSV records from a byte offset on, each with the offset at which it begins; a header is left out.

    Raises:
        InputError: the file cannot be read or is not CSV.
    """
    record_end = start
    try:
        with path.open("rb") as fd:
            fd.seek(start)
            # readline, because iterating over a file reads ahead, and tell() must give the end of a record.
            encoding = "utf-8" if start else "utf-8-sig"
            reader = csv.reader(line.decode(encoding, "replace") for line in iter(fd.readline, b""))
            for cells in reader:
                offset, record_end = record_end, fd.tell()
                if cells and not (offset == 0 and cells[0].strip().lower() == "eol content id"):
                    yield offset, cells
    except (OSError, csv.Error) as error:
        raise InputError(f"the media manifest {path} cannot be read from byte {record_end} on: {error}") from None


def _parse_row(cells: Sequence[str]) -> ManifestRow:
    content, page, source_url, copy_url, licence, owner = [*cells, *[""] * _COLUMNS][:_COLUMNS]
    content_id, page_id = _parse_id(content), _parse_id(page)
    # EOL's full-size copy is what TreeOfLife-10M consists of, as its file names say.
    url = (copy_url or source_url).strip()
    problem = ""
    if content_id is None or page_id is None:
        problem = f"no content id and page id: {','.join(cells)!r:.200}"
    elif not _is_address(url):
        problem = f"no address: {url!r:.200}"
    return ManifestRow(content_id, page_id, url, licence, owner, problem)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _parse_id(cell: str) -> int | None:
    text = cell.strip()
    # The length first: int() refuses text of more than 4,300 digits with ValueError.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _MAX_ID else None
