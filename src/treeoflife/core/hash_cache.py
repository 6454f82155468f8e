"""SHA-256 digests of files, kept between runs."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .files import exists, sha256, stamp
from .sqlite_files import connect, read_rows, system_error, system_errors

_TABLE = "CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, stamp TEXT, digest TEXT)"
_SELECT = "SELECT name, stamp, digest FROM known"
_INSERT = "INSERT OR REPLACE INTO known VALUES (?, ?, ?)"
_MEMORY = ":memory:"
_SECONDS_TO_WAIT = 5.0  # for another run that is writing; hashing without the cache may take hours, but seldom does
# What cannot be written for these reasons is hashed again by the next run.
_NOT_WRITABLE = (errno.EBUSY, errno.EROFS, errno.EACCES)


class HashCache:
    """SHA-256 digests of files, in memory and in SQLite, each valid as long as the file's :func:`stamp` stays the same.

    Deleting it costs time and nothing else; so does a file that cannot be written to, or that another run has locked.
    """

    def __init__(self, path: Path, base: HashCache | None = None, *, create: bool = True) -> None:
        """Open the cache at ``path``, which need not exist; what it lacks is looked up in ``base``, which is only read.

        Args:
            path: the SQLite file. If it cannot be written to, the cache is kept in memory.
            base: another cache.
            create: whether to make the file where there is none.
        """
        self._path, self._base = path, base
        self._known: dict[str, tuple[str, str]] = {}
        self._db = self._open(path) if create or exists(path) else connect(_MEMORY, _TABLE)

    def _open(self, path: Path) -> sqlite3.Connection:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with system_errors(path):
                return self._read(path)
        except OSError:
            with suppress(OSError):
                self._known = _known(read_rows(path, _SELECT, seconds=0))
            return connect(_MEMORY, _TABLE)

    def _read(self, path: Path) -> sqlite3.Connection:
        db = None
        try:
            db = connect(path, _TABLE, _SECONDS_TO_WAIT)
            self._known = _known(db.execute(_SELECT))
        except sqlite3.DatabaseError as error:
            if db:
                db.close()
            if system_error(error):  # locked, or a disk error: the cache itself may be sound
                raise
            path.unlink()
            db = connect(path, _TABLE, _SECONDS_TO_WAIT)
        return db

    def get(self, name: str, stamp: str) -> str | None:
        """The digest of the file ``name``, if it was recorded for the same stamp."""
        if (known := self._known.get(name)) and known[0] == stamp:
            return known[1]
        return self._base.get(name, stamp) if self._base else None

    def merge(self, path: Path) -> None:
        """Add the digests of another cache; one that is missing or damaged adds nothing.

        Raises:
            OSError: it cannot be read.
        """
        for name, known in _known(read_rows(path, _SELECT)).items():
            self.put(name, *known)

    def put(self, name: str, stamp: str, digest: str) -> None:
        """Record the digest of the file ``name``, in place of an earlier one.

        Raises:
            OSError: the disk is full, or fails.
        """
        self._known[name] = stamp, digest
        try:
            self._db.execute(_INSERT, (name, stamp, digest))
        except sqlite3.Error as error:
            cause = system_error(error, self._path)
            if not cause or cause.errno not in _NOT_WRITABLE:
                raise cause or error from error
            self._db.close()
            self._db = connect(_MEMORY, _TABLE)

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, which is hashed only if its stamp changed."""
        # The stamp is taken before hashing: a write in between leaves a stamp that no longer matches.
        # SQLite takes no text but UTF-8, which a path need not be.
        name, current = os.fsencode(str(path.absolute())).decode("utf-8", "backslashreplace"), stamp(path)
        digest = self.get(name, current)
        if digest is None:
            digest = sha256(path)
            self.put(name, current, digest)
        return digest

    def close(self) -> None:
        """Close the SQLite file."""
        self._db.close()


def _known(rows: Iterable[tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    return {name: (stamp, digest) for name, stamp, digest in rows}
