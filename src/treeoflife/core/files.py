"""Writing files so that each is whole or absent (law 2), and telling whether a file changed (law 3)."""

import errno
import hashlib
import json
import os
import re
import secrets
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from ..errors import TreeoflifeError
from .system import runs_since

if TYPE_CHECKING:
    from .objects import ObjectPath

# The host and process tell people whose leftover it is; the random part keeps apart writers in one process.
_TEMPORARY = re.compile(r"(?P<name>.+)\.writing-(?P<host>.+)-(?P<pid>[1-9][0-9]{0,9})-[0-9a-f]{8}", re.DOTALL)
_HOST_CHARACTERS = 40  # a name that is much longer could make that of the file too long
_ABANDONED_SECONDS = 24 * 3600.0  # no step leaves its folder unwritten for so long
_PROBE_BYTES = 16 << 20  # more than any buffer between a write and the disk's refusal


@contextmanager
def replacing(path: Path, beside: Path | None = None) -> Iterator[Path]:
    """A temporary path beside ``path``; on success it is synced and replaces ``path``, otherwise it is removed.

    Args:
        beside: where ``path`` is that of an object, a file of the dataset beside which the temporary file lies until it
            is uploaded, so that the next run finds what a killed one left; else it lies in the system's own folder.

    Raises:
        OSError: the file cannot be written, also where a library reported that as an error of its own.

    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp(), "answer.txt")
    >>> with replacing(target) as temporary:
    ...     _ = temporary.write_text("42")
    >>> target.read_text()
    '42'
    """
    temporary = _temporary_name(_staged(path, beside))
    temporary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with write_errors(temporary):
            yield temporary
            _put_in_place(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _staged(path: Path, beside: Path | None) -> Path:
    """The file that is written before it becomes ``path``: for an object, one of this computer."""
    if _as_object(path):
        return (beside.parent if beside else Path(tempfile.gettempdir())) / path.name
    return path


def _put_in_place(temporary: Path, path: Path) -> None:
    if target := _as_object(path):
        target.upload(temporary)
    else:
        rename_synced(temporary, path)


def _as_object(path: Path) -> "ObjectPath | None":
    from .objects import ObjectPath  # here, since nearly everything rests on this module

    return path if isinstance(path, ObjectPath) else None


@contextmanager
def write_errors(path: Path) -> Iterator[None]:
    """Around a library's writing of a file: an error whose cause is the disk is raised as what it is.

    Raises:
        OSError: the file cannot be written.
    """
    try:
        yield
    except TreeoflifeError:
        raise
    except OSError as error:
        if error.errno is None:  # Polars' own, which says what is wrong, and of which file, in its text alone
            _check_writable(path, error)
        raise
    except Exception as error:
        _check_writable(path, error)
        raise


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


def _temporary_name(path: Path) -> Path:
    return path.with_name(f"{path.name}.writing-{_host()}-{os.getpid()}-{secrets.token_hex(4)}")


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """A new folder beside ``path``, whose name begins with that of ``path``. It is removed in the end.

    What killed processes left is removed first: see :func:`remove_left_folders`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_left_folders(path)
    folder = _temporary_name(path)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_left_folders(path: Path) -> None:
    """Remove the folders that killed processes had made with :func:`temporary_folder`, and nothing else beside them.

    One of this host is removed if its process is gone; one of another host, where that cannot be known, if nothing was
    written into it for a day.
    """
    for folder in _temporaries_of(path):
        if folder.is_dir() and not folder.is_symlink() and not _is_in_use(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _is_in_use(folder: Path) -> bool:
    """Whether the process that made a temporary folder may still use it."""
    try:
        written = max(one.stat().st_mtime for one in (folder, *folder.iterdir()))
    except (FileNotFoundError, PermissionError):  # its process is removing files, or it is another user's
        return True
    match = _TEMPORARY.fullmatch(folder.name)
    if match and match["host"] == _host():
        return runs_since(int(match["pid"]), written)
    return time.time() - written < _ABANDONED_SECONDS


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, completely or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` to ``path`` as indented JSON, completely or not at all."""
    write_bytes(path, to_json(value, indent=1) + b"\n")


def to_json(value: Any, **options: Any) -> bytes:
    """``value`` as JSON in UTF-8; ``options`` are those of ``json.dumps``.

    >>> to_json("Grün").decode(), to_json("Gr\\udcfcn").decode()
    ('"Grün"', '"Gr\\\\udcfcn"')
    """
    options.setdefault("ensure_ascii", False)
    try:
        return json.dumps(value, **options).encode()
    except UnicodeEncodeError:  # the name of a file that is not UTF-8
        return json.dumps(value, **options | {"ensure_ascii": True}).encode()


def rename_synced(temporary: Path, path: Path) -> None:
    """Give a file that was written under another name in the same folder its name, when its bytes are on disk."""
    _sync(temporary)
    temporary.replace(path)
    _sync(path.parent)  # otherwise a power failure can undo the replacement


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _host() -> str:
    return socket.gethostname()[:_HOST_CHARACTERS]


def is_temporary(name: str) -> bool:
    """Whether a file of this name is one that :func:`replacing` is writing, or has left behind.

    >>> is_temporary("catalog.csv.writing-node7-4711-0a1b2c3d"), is_temporary("my.writing-thesis.txt")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


def remove_leftovers(folders: Iterable[Path], files: Iterable[Path] = ()) -> int:
    """Remove the temporary files that killed writers left; returns their number.

    Only whoever holds the dataset's lock may do this, once no task of the dataset runs: the process of another host
    cannot be asked whether it lives. One of this host is asked. Links, and other datasets below a folder, are left.

    Args:
        folders: folders that belong to the dataset, with all below them.
        files: files of the dataset in folders that may hold anything else: only what was written to become one of them.
    """
    found = [path for folder in folders for path in _temporaries_below(folder)]
    found += [path for file in files for path in _temporaries_of(file)]
    leftovers = [path for path in found if _is_plain_file(path) and not _is_being_written(path)]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def _temporaries_below(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        if "dataset.toml" in names:  # another dataset, whose run may be at work
            folders.clear()
            continue
        yield from (Path(parent, name) for name in names if is_temporary(name))


def _temporaries_of(file: Path) -> Iterator[Path]:
    siblings = file.parent.iterdir() if file.parent.is_dir() else ()
    matches = ((path, _TEMPORARY.fullmatch(path.name)) for path in siblings)
    yield from (path for path, match in matches if match and match["name"] == file.name)


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _is_being_written(temporary: Path) -> bool:
    """Whether a process of this computer runs that may be writing a temporary file."""
    match = _TEMPORARY.fullmatch(temporary.name)
    try:
        written = temporary.stat().st_mtime
    except FileNotFoundError:  # it has become the file that it was written for
        return True
    return bool(match and match["host"] == _host() and runs_since(int(match["pid"]), written))


@contextmanager
def errors_named(path: Path) -> Iterator[None]:
    """Add the path to an error of the system that does not have it, as that of a read or write."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def exists(path: Path) -> bool:
    """Whether there is something at a path; unlike ``Path.exists``, it takes no failing disk or link for "no".

    Raises:
        OSError: that cannot be known.
    """
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def is_no_file(path: Path) -> bool:
    """Whether something else than a file, such as a folder or a pipe, is at a path; reading a pipe may take for ever.

    Raises:
        OSError: that cannot be known.
    """
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def require_file(path: Path) -> None:
    """Check that no folder, pipe or the like is where a file belongs; there may be nothing.

    Raises:
        OSError: there is, or that cannot be known.
    """
    if is_no_file(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    require_file(path)
    with errors_named(path), path.open("rb") as fd:
        return hashlib.file_digest(fd, "sha256").hexdigest()


def read_at(file: BinaryIO, size: int, offset: int) -> bytes:
    """At most ``size`` bytes at an offset of an unbuffered file or object; fewer only at its end."""
    file.seek(offset)
    return file.read(size)


def fingerprint(value: Any) -> str:
    """The SHA-256 of a JSON value, in hex: the same for equal values, whatever the order of their keys."""
    return hashlib.sha256(to_json(value, sort_keys=True)).hexdigest()


def stamp(path: Path) -> str:
    """Size, modification time and inode of a file: if they are unchanged, its bytes are taken to be unchanged too."""
    return stamp_of(path.stat())


def stamp_of(status: os.stat_result) -> str:
    """The same of what ``stat`` says."""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
