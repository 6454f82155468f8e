"""``downloads.jsonl``: a line for every file that came in whole. The dataset card reads it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NotRequired, TypedDict

from ..core.files import stamp

NAME = "downloads.jsonl"
_NEEDED = frozenset({"component", "file", "url", "time", "size", "sha256", "licence", "stamp"})


class Line(TypedDict):
    """What is on record of a file.

    ``file`` is its path below the folder of downloads; ``stamp`` its size, time and inode, by which it is known again;
    ``asked`` what the list of components named, where ``url`` says more: on the Hub, the commit.
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


def read(path: Path) -> dict[str, Line]:
    """The last line of each file; a line that was cut off, or lacks something, does not count."""
    found: dict[str, Line] = {}
    with suppress(FileNotFoundError):
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, AttributeError, TypeError):
                line: Line = json.loads(text)
                if line.keys() >= _NEEDED:
                    found[line["file"]] = line
    return found


def append(paths: Iterable[Path], line: Line) -> None:
    """Put a line on record, in each of the files; a line that a killed run left half written is ended first."""
    data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(fd).st_size
            torn = bool(size) and os.pread(fd, 1, size - 1) != b"\n"
            os.write(fd, b"\n" * torn + data)
            os.fsync(fd)
        finally:
            os.close(fd)


def line(component: str, root: Path, file: str, url: str, sha256: str, licence: str) -> Line:
    """The line of a file that came in now."""
    path = root / file
    return {
        "component": component,
        "file": file,
        "url": url,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "size": path.stat().st_size,
        "sha256": sha256,
        "licence": licence,
        "stamp": stamp(path),
    }
