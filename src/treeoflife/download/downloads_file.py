"""The file ``downloads.jsonl``: one line for each file that was downloaded completely. The dataset card shows it."""

import errno
import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict

from ..core.files import stamp
from ..core.json_reader import parse_json

FILE_NAME = "downloads.jsonl"
# Not Entry.__required_keys__, which ignores NotRequired where annotations are strings.
_REQUIRED = frozenset({"component", "file", "url", "time", "size", "sha256", "licence", "stamp"})


class Entry(TypedDict):
    """What is recorded of a downloaded file.

    ``file`` is its path below the folder of downloads. ``stamp`` is its size, time and inode: while they stay the same,
    it is not hashed again. ``asked`` is the address in the list of components; ``url`` is the one it led to, which
    names the commit for a file of the Hub. ``unpacked`` counts what an archive was unpacked to.
    """

    component: str
    file: str
    url: str
    time: str
    size: int
    sha256: str
    licence: str
    stamp: str
    asked: NotRequired[str]
    revision: NotRequired[str]
    unpacked: NotRequired[dict[str, int]]


def make_entry(component: str, root: Path, file: str, url: str, sha256: str, licence: str) -> Entry:
    """The entry of the file ``root / file``, which was downloaded just now."""
    path, time = root / file, datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "component": component, "file": file, "url": url, "time": time, "size": path.stat().st_size, "sha256": sha256,
        "licence": licence, "stamp": stamp(path),
    }  # fmt: skip


def read_entries(path: Path) -> dict[str, Entry]:
    """The last entry of each file; empty if there is no such record. Incomplete lines are skipped."""
    entries: dict[str, Entry] = {}
    with suppress(FileNotFoundError):
        # Not splitlines(), which also splits at characters that JSON leaves as they are within text.
        for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
            with suppress(ValueError, AttributeError, TypeError):
                entry: Entry = parse_json(line)
                if entry.keys() >= _REQUIRED:
                    entries[entry["file"]] = entry
    return entries


def append_entry(paths: Iterable[Path], entry: Entry) -> None:
    """Append an entry to each of the files.

    Raises:
        OSError: it cannot be written; half a line may be, which counts as none.
    """
    data = json.dumps(entry, ensure_ascii=False).encode("utf-8", "replace") + b"\n"
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Unbuffered, so that the line is written at once, and is not mixed with one of another run.
        with path.open("a+b", buffering=0) as out:
            # A run that was killed while writing may have left half a line: it must not swallow this one.
            size = out.seek(0, os.SEEK_END)
            torn = bool(size) and os.pread(out.fileno(), 1, size - 1) != b"\n"
            line = b"\n" * torn + data
            if out.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
            os.fsync(out.fileno())
