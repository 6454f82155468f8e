"""Writing files so that each is whole or absent (law 2), and knowing them again (law 3)."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import TreeoflifeError

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


class KnownFiles:
    """Digests of files, kept between runs, each valid while the file's :func:`stamp` is the same.

    Only the driver writes it. It is a cache: deleting it costs time and nothing else.
    """

    def __init__(self, path: Path, before: KnownFiles | None = None) -> None:
        """Open the cache at ``path``; what it does not know, it asks ``before``, which it leaves as it is."""
        self._path, self._before = path, before
        if path.parent.exists() and not os.access(path.parent, os.W_OK):
            self._db = self._open(":memory:")  # of a dataset that cannot be written to
            self.take_in(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = self._open()
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            self._db = self._open()

    def _open(self, where: Path | str = "") -> sqlite3.Connection:
        db = sqlite3.connect(where or self._path, isolation_level=None, timeout=60)
        db.execute("PRAGMA synchronous = OFF")
        db.execute("CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, stamp TEXT, digest TEXT)")
        return db

    def recall(self, name: str, stamp: str) -> str | None:
        """The digest on record for ``name``, if its stamp is still ``stamp``."""
        row = self._db.execute("SELECT digest FROM known WHERE name = ? AND stamp = ?", (name, stamp)).fetchone()
        if row is None and self._before:
            return self._before.recall(name, stamp)
        return row[0] if row else None

    def take_in(self, path: Path) -> None:
        """Put on record what another cache knows. One that is damaged is passed over: it is a cache."""
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(uri, uri=True)) as other:
            rows = other.execute("SELECT name, stamp, digest FROM known").fetchall()
            self._db.executemany("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", rows)

    def remember(self, name: str, stamp: str, digest: str) -> None:
        """Put a digest on record."""
        self._db.execute("INSERT OR REPLACE INTO known VALUES (?, ?, ?)", (name, stamp, digest))

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, hashed anew only if its stamp changed."""
        name, now = str(path.absolute()), stamp(path)
        digest = self.recall(name, now)
        if digest is None:
            digest = sha256(path)
            self.remember(name, now, digest)
        return digest

    def close(self) -> None:
        """Close the file behind it."""
        self._db.close()
