"""Paths of objects in object stores, which are used where paths of files are.

An :class:`ObjectPath` is a path whose folder and name are those of an object, such as ``s3://bucket/birds/a.tar``. It
can be opened for reading, listed, asked for its size and removed, as any other path; :func:`.files.replacing` writes
it. So hardly anything else in this program distinguishes files from objects. What only a file can do, such as being
mapped into memory or opened by another library, raises an error that says so, in :meth:`ObjectPath.__fspath__`.

Workers are given these paths, not clients: they pickle as their addresses.
"""

import hashlib
import io
import os
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PosixPath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .object_stores import Status

SCHEMES = ("s3", "gs", "az", "hf", "http", "https")
"""The kinds of addresses that may stand in place of the path of a large file."""
WRITABLE = ("s3://", "gs://", "az://")
"""How the addresses begin that can be written to."""
_PART_BYTES = 8 << 20  # what a read in order asks for at a time


def _stores() -> Any:
    """What speaks to object stores, imported once it is needed: paths are made everywhere, and seldom of objects."""
    from . import object_stores

    return object_stores


def as_path(text: str) -> Path:
    """The path that a text is: of an object if it is an address such as ``s3://bucket/name``, else of a file.

    Raises:
        ConfigError: the address has a password or a key in it, or no bucket.

    >>> as_path("s3://trees/oaks/a.tar").parent, as_path("s3:/trees/a.tar").name
    (ObjectPath('s3://trees/oaks'), 'a.tar')
    """
    # One slash is enough: pathlib takes two for one, so that the path of an option has lost the other.
    if ":/" in text and text.partition(":/")[0] in SCHEMES:
        return ObjectPath(_stores().check_address(text))
    return Path(text)


class ObjectPath(PosixPath):
    """The path of an object, or of a folder of objects, in an object store. Nothing in it is cached.

    >>> path = ObjectPath("s3://trees/oaks/a.tar")
    >>> str(path), path.name, path.parent / "b.tar"
    ('s3://trees/oaks/a.tar', 'a.tar', ObjectPath('s3://trees/oaks/b.tar'))
    """

    def __str__(self) -> str:
        scheme, *rest = self.parts  # the two slashes of an address are one to pathlib
        return f"{scheme}//{'/'.join(rest)}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __fspath__(self) -> str:
        raise _stores().not_on_this_computer(str(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return ObjectPath, (str(self),)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ObjectPath) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __lt__(self, other: Any) -> bool:
        return str(self) < str(other)

    def as_posix(self) -> str:
        """The address."""
        return str(self)

    def is_absolute(self) -> bool:
        """Always."""
        return True

    def relative_to(self, other: Any, *_: Any, **_options: Any) -> Path:  # type: ignore[override]
        """The rest of the address below a folder, which is no address.

        Raises:
            ValueError: it is not below that folder.
        """
        if not self.is_relative_to(other):
            raise ValueError(f"{self} is not below {other}")
        return Path(*self.parts[len(other.parts) :])

    def is_relative_to(self, other: Any, *_: Any) -> bool:
        """Whether it is the address of this folder, or of what is below it."""
        parts: tuple[str, ...] = other.parts
        return isinstance(other, ObjectPath) and self.parts[: len(parts)] == parts

    def absolute(self) -> "ObjectPath":
        """Itself."""
        return self

    def resolve(self, strict: bool = False) -> "ObjectPath":  # noqa: ARG002
        """Itself: object stores have no links."""
        return self

    def is_symlink(self) -> bool:
        """Never."""
        return False

    def samefile(self, other: Any) -> bool:
        """Whether the other path is the same address."""
        return bool(self == other)

    def status(self) -> "Status":
        """What the store says of the object.

        Raises:
            FileNotFoundError: there is no such object.
            ObjectStoreError: that cannot be known.
        """
        status: Status = _stores().head(str(self))
        return status

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002
        """The size and time of the object, in the form of a file's. The inode stands for address and ETag.

        Raises:
            FileNotFoundError: there is neither an object nor a folder.
            ObjectStoreError: that cannot be known.
        """
        try:
            status = self.status()
        except FileNotFoundError:
            if not self.is_dir():
                raise
            return _stat_result(stat.S_IFDIR, _stores().Status(0, "", 0), str(self))
        return _stat_result(stat.S_IFREG, status, str(self))

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Whether there is an object, or a folder."""
        return self.is_file() or self.is_dir()

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Whether there is an object."""
        try:
            self.status()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Whether there is an object below this address."""
        return bool(_stores().has_objects_below(str(self)))

    def entries(self) -> list["ObjectEntry"]:
        """What lies directly below this address, in no order.

        Raises:
            FileNotFoundError: nothing.
            ObjectStoreError: that cannot be listed.
        """
        folders, objects = _stores().list_below(str(self))
        if not folders and not objects:
            raise FileNotFoundError(2, "there is no such folder in the object store", str(self))
        return [
            *(ObjectEntry(self / name, is_folder=True) for name in folders),
            *map(ObjectEntry, map(self.__truediv__, objects)),
        ]

    def iterdir(self) -> Iterator["ObjectPath"]:  # type: ignore[override]
        """What lies directly below this address."""
        return (entry.object for entry in self.entries())

    def glob(self, pattern: str, **_options: Any) -> Iterator["ObjectPath"]:  # type: ignore[override]
        """What lies directly below this address and has a name of this pattern, which has no slash."""
        return (path for path in (self.iterdir() if self.is_dir() else ()) if fnmatchcase(path.name, pattern))

    def open(self, mode: str = "r", buffering: int = -1, *_: Any, **_options: Any) -> Any:
        """Open the object to read its bytes, part by part; unbuffered, each read is a request of its own.

        Raises:
            FileNotFoundError: there is no such object.
            ObjectStoreError: it cannot be read.
        """
        if mode != "rb":
            raise ValueError(
                f"{self} is opened with the mode {mode!r}: an object is read as bytes, and replaced as a whole"
            )
        raw = _ObjectReader(str(self), self.status())
        return raw if buffering == 0 else io.BufferedReader(raw, _PART_BYTES)

    def read_bytes(self) -> bytes:
        """The whole object; for small ones."""
        return bytes(_stores().read_whole(str(self)))

    def read_text(self, encoding: str | None = None, errors: str | None = None, *_: Any) -> str:
        """The whole object as text; for small ones."""
        return self.read_bytes().decode(encoding or "utf-8", errors or "strict")

    def mkdir(self, *_: Any, **_options: Any) -> None:
        """Nothing: a folder is there as soon as there is an object in it."""

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the object."""
        if not missing_ok:
            self.status()
        _stores().delete(str(self))

    def upload(self, file: Path) -> None:
        """Write the object from a file of this computer, in parts: it is whole, or as it was before.

        Raises:
            ObjectStoreError: it cannot be written, or another program writes it too.
        """
        _stores().upload_file(str(self), file)

    def create(self, data: bytes) -> None:
        """Write a small object where there is none.

        Raises:
            FileExistsError: there is one.
            ObjectStoreError: it cannot be written.
        """
        _stores().upload(str(self), data, len(data), new=True)


class ObjectEntry:
    """An object, or a folder of objects, as ``os.DirEntry`` shows a file."""

    def __init__(self, path: Path, *, is_folder: bool = False) -> None:
        assert isinstance(path, ObjectPath)
        self.object, self._is_folder = path, is_folder

    @property
    def name(self) -> str:
        """Its name in its folder."""
        return self.object.name

    @property
    def path(self) -> str:
        """Its address."""
        return str(self.object)

    def is_dir(self) -> bool:
        """Whether it is a folder."""
        return self._is_folder

    def is_symlink(self) -> bool:
        """Never."""
        return False


def _stat_result(kind: int, status: "Status", url: str) -> os.stat_result:
    identity = int.from_bytes(hashlib.sha256(f"{url}\0{status.tag}".encode()).digest()[:7])
    seconds = status.modified // 1_000_000_000
    fields = (kind | 0o644, identity, 0, 1, 0, 0, status.size, seconds, seconds, seconds)
    times = dict.fromkeys(("st_atime_ns", "st_mtime_ns", "st_ctime_ns"), status.modified)
    return os.stat_result(fields, times)


class _ObjectReader(io.RawIOBase):
    """An object that is open for reading: every read is a request for a range of this version of it."""

    def __init__(self, url: str, status: "Status") -> None:
        self.name, self._status, self._position = url, status, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._status.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readall(self) -> bytes:
        # Python's own asks for 8 kB at a time.
        return b"".join(iter(lambda: self.read(_PART_BYTES) or b"", b""))

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._status.size)
        if end <= self._position:
            return 0
        data = _stores().read_range(self.name, self._position, end, self._status.tag)
        buffer[: len(data)] = data
        self._position = end
        return len(data)
