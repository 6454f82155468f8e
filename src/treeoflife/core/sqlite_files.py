"""Files of SQLite that this program keeps, and which of SQLite's errors are the computer's, not the file's."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from .files import exists

_SECONDS_TO_WAIT = 60.0  # for another process that is writing
_CAUSES = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
    sqlite3.SQLITE_LOCKED: errno.EBUSY,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
}


def system_error(error: BaseException, path: Path | None = None) -> OSError | None:
    """What the computer said, if that is the cause of an error of SQLite; None if the file or the query is wrong."""
    # Extended codes, such as that of a failed read, have the code of their kind in the last byte.
    cause = _CAUSES.get((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF)
    if cause is None:
        return None
    return OSError(cause, os.strerror(cause), str(path)) if path else OSError(cause, os.strerror(cause))


@contextmanager
def system_errors(path: Path) -> Iterator[None]:
    """Raise errors of SQLite whose cause is the computer as what they are.

    Raises:
        OSError: the disk is full or fails, or another process has locked the file for too long.
    """
    try:
        yield
    except sqlite3.Error as error:
        if cause := system_error(error, path):
            raise cause from error
        raise


def read_rows(path: Path, query: str, seconds: float = _SECONDS_TO_WAIT) -> list[tuple[Any, ...]]:
    """The rows of a query on a file that is not written to; none where the file is missing or damaged.

    Args:
        path: the file.
        query: the query.
        seconds: how long to wait for another process that is writing.

    Raises:
        OSError: it cannot be read, or another process has locked it for too long.
    """
    if not exists(path):
        return []
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with system_errors(path):
            return _query(uri, query, seconds)
    except PermissionError:  # a run was killed here, and what SQLite would do first cannot be done in this folder
        return _query(f"{uri}&immutable=1", query, seconds)
    except sqlite3.DatabaseError:
        return []


def _query(uri: str, query: str, seconds: float) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(uri, uri=True, timeout=seconds)) as db:
        return db.execute(query).fetchall()


def connect(path: Path | str, table: str, seconds: float = _SECONDS_TO_WAIT) -> sqlite3.Connection:
    """Open a file whose loss costs time alone, with one table, which is made if need be. Each statement is written.

    Args:
        path: the file.
        table: the statement that makes the table, if there is none.
        seconds: how long to wait for another process that is writing.
    """
    db = sqlite3.connect(path, isolation_level=None, timeout=seconds)
    try:
        # What a power failure loses costs one more look at what it speaks of; syncing each row costs milliseconds.
        db.execute("PRAGMA synchronous = OFF")
        db.execute(table)
    except sqlite3.Error:
        db.close()
        raise
    return db
