"""SHA-256 digests of files, kept between runs."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from .files import sha256, stamp

_INSERT = "INSERT OR REPLACE INTO known VALUES (?, ?, ?)"


class HashCache:
    """SHA-256 digests of files, in memory and in SQLite, each valid as long as the file's :func:`stamp` stays the same.

    Only the driver writes it. Deleting it costs time and nothing else.
    """

    def __init__(self, path: Path, base: HashCache | None = None) -> None:
        """Open the cache at ``path``, which need not exist; what it lacks is looked up in ``base``, which is only read.

        If the folder cannot be written to, the contents are read into memory.
        """
        self._base = base
        self._known: dict[str, tuple[str, str]] = {}
        if path.parent.exists() and not os.access(path.parent, os.W_OK):
            self._db = _connect(":memory:")
            self.merge(path)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _connect(path)
        except sqlite3.OperationalError:
            raise  # locked, or a disk error: the cache itself may be sound
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)
            self._db = _connect(path)
        self._known = _rows(self._db)

    def get(self, name: str, stamp: str) -> str | None:
        """The digest of the file ``name``, if it was recorded for the same stamp."""
        if (known := self._known.get(name)) and known[0] == stamp:
            return known[1]
        return self._base.get(name, stamp) if self._base else None

    def merge(self, path: Path) -> None:
        """Add the digests of another cache; one that is missing or damaged adds nothing."""
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(uri, uri=True)) as other:
            rows = _rows(other)
            self._db.executemany(_INSERT, ((name, *row) for name, row in rows.items()))
            self._known |= rows

    def put(self, name: str, stamp: str, digest: str) -> None:
        """Record the digest of the file ``name``, in place of an earlier one."""
        self._db.execute(_INSERT, (name, stamp, digest))
        self._known[name] = stamp, digest

    def sha256(self, path: Path) -> str:
        """The SHA-256 of a file, which is hashed only if its stamp changed."""
        # The stamp is taken before hashing: a write in between leaves a stamp that no longer matches.
        # SQLite takes no text but UTF-8, which a path need not be.
        name, current = os.fsencode(path.absolute()).decode("utf-8", "backslashreplace"), stamp(path)
        digest = self.get(name, current)
        if digest is None:
            digest = sha256(path)
            self.put(name, current, digest)
        return digest

    def close(self) -> None:
        """Close the SQLite file."""
        self._db.close()


def _connect(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=60)
    # A power failure may lose digests, which costs hashing those files again; syncing each would cost milliseconds.
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE IF NOT EXISTS known (name TEXT PRIMARY KEY, stamp TEXT, digest TEXT)")
    return db


def _rows(db: sqlite3.Connection) -> dict[str, tuple[str, str]]:
    return {name: (stamp, digest) for name, stamp, digest in db.execute("SELECT name, stamp, digest FROM known")}
