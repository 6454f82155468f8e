"""The journal of an archive that is being fetched: a line of JSON for each address that is done.

The first line says of which addresses the archive is made. A row has the address's number, then what
:data:`.url_archive.INDEX_COLUMNS` has, in this order: final_url, status, reason, detail, url, offset, size, sha256,
md5, content_type, fetched_at.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...core import tar_writer
from ...core.files import replacing
from ...core.json_reader import parse_json
from ...errors import InputError

SYNCED = b'{"synced": true}\n'
"""A line of the journal: what stands before it, and the part of the archive that it speaks of, are on disk."""


def part_of(archive: Path) -> Path:
    """What there is of an archive, until it is finished."""
    return archive.with_name(f".{archive.name}.part")


def journal_of(archive: Path) -> Path:
    """The journal of an archive."""
    return archive.with_name(f".{archive.name}.journal")


def digest(urls: Sequence[str | None]) -> str:
    """What stands for the addresses of an archive, in its journal and in its index."""
    return hashlib.sha256(json.dumps(urls).encode()).hexdigest()


def first_line(urls_digest: str) -> bytes:
    """The first line of the journal of an archive of these addresses."""
    return json.dumps({"urls": urls_digest}).encode() + b"\n"


def read_line(line: bytes) -> list[Any] | None:
    """The row in a line of the journal: empty if it is another line, None if the line is damaged or cut off."""
    if line == SYNCED:
        return []
    try:
        row = parse_json(line, own=True) if line.endswith(b"\n") else None
    except InputError:
        return None
    return row if isinstance(row, list) else None


def end_of(row: list[Any]) -> int:
    """Where the member of a row ends in the tar; 0 if it has none."""
    offset, size = row[6:8] if row else (None, None)
    return 0 if offset is None or size is None else int(offset) + tar_writer.padded_size(size)


def read_lines(archive: Path) -> Iterator[tuple[bytes, list[Any]]]:
    """The lines of the journal behind its first, each with its row, up to a damaged one; none if it is missing."""
    path = journal_of(archive)
    for line in path.read_bytes().splitlines(keepends=True)[1:] if path.exists() else ():
        row = read_line(line)
        if row is None:
            return
        yield line, row


def rewrite(archive: Path, urls: Sequence[str | None]) -> None:
    """Write the journal anew, for these addresses and without the rows of those that are null."""
    kept = [line for line, row in read_lines(archive) if not row or urls[row[0]] is not None]
    with replacing(journal_of(archive)) as temporary:
        temporary.write_bytes(first_line(digest(urls)) + b"".join(kept))
