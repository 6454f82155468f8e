"""Writing files so that each is whole or absent (law 2), and knowing them again (law 3)."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import TreeoflifeError

TEMPORARY = ".writing-"
_CHUNK = 1 << 20
_MORE_THAN_A_BUFFER = 16 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; on success it is synced and takes ``path``'s place, else it is removed.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp(), "answer.txt")
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("42")
    >>> target.read_text()
    '42'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mark = f"{TEMPORARY}{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(path.name + mark)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)
    except (OSError, TreeoflifeError):
        raise
    except Exception as error:
        _blame_the_disk(temporary, error)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _blame_the_disk(path: Path, error: Exception) -> None:
    """Write on where a library could not: if it was for the disk, the system now says what libraries word as they like.

    Raises:
        OSError: it was: the disk is full, or a quota used up, or it cannot be written.
    """
    try:
        with path.open("ab") as out:
            out.write(bytes(_MORE_THAN_A_BUFFER))
            out.flush()
            os.fsync(out.fileno())
    except OSError as reason:
        raise OSError(reason.errno, os.strerror(reason.errno or 0), str(path)) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Put ``data`` into ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Put ``text`` into ``path`` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Put ``value`` into ``path`` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON value in ``path``; None where there is no such file, or it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files that killed runs left below ``folder``; returns how many."""
    leftovers = [path for path in folder.rglob(f"*{TEMPORARY}*") if path.is_file()]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as fd:
        return hashlib.file_digest(fd, "sha256").hexdigest()


def fingerprint(value: Any) -> str:
    """The SHA-256 of a JSON value, in hex: the same for equal values, whatever the order of their keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def stamp(path: Path) -> str:
    """Size, modification time and inode of a file: what it is known again by between two hashes."""
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"
