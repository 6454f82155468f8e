"""Writing files so that each is whole or absent (law 2), and telling whether a file changed (law 3)."""

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
"""A part of the name of every temporary file."""
_PROBE_BYTES = 16 << 20  # more than any buffer between a write and the disk's refusal


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; on success it is synced and replaces ``path``, otherwise it is removed.

    Raises:
        OSError: the file cannot be written, also where a library reported that as an error of its own.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp(), "answer.txt")
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("42")
    >>> target.read_text()
    '42'
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The host and process tell people whose leftover it is; the random part keeps apart writers in one process.
    suffix = f"{TEMPORARY}{socket.gethostname()[:40]}-{os.getpid()}-{secrets.token_hex(4)}"
    temporary = path.with_name(path.name + suffix)
    try:
        yield temporary
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)  # otherwise a power failure can undo the replacement
    except (OSError, TreeoflifeError):
        raise
    except Exception as error:
        _check_writable(temporary, error)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _check_writable(path: Path, error: Exception) -> None:
    """Write more to a file that a library failed to write.

    Libraries word a full disk in their own ways: Polars as "out of specification" or "transport error". If the disk was
    the cause, this second attempt fails too, with the system's own message in an OSError.
    """
    try:
        with path.open("ab") as out:
            out.write(bytes(_PROBE_BYTES))
            out.flush()
            os.fsync(out.fileno())
    except OSError as reason:
        raise OSError(reason.errno, os.strerror(reason.errno or 0), str(path)) from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, completely or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, completely or not at all."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON value in ``path``; None if there is no such file, or it is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_leftovers(folder: Path) -> int:
    """Remove the temporary files that killed runs left below ``folder``; returns their number."""
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
    """Size, modification time and inode of a file: if they are unchanged, its bytes are taken to be unchanged too."""
    stat = path.stat()
    return f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ino}"
