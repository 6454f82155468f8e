"""Digests of files, kept between runs: a file is hashed again only when its size, time or inode changed."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from .files import sha256, stamp


class HashCache:
    """Digests of files, kept between runs, each valid while the file's :func:`stamp` is the same.

    Only the driver writes it. It is a cache: deleting it costs time and nothing else.
    """

    def __init__(self, path: Path, before: HashCache | None = None) -> None:
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
