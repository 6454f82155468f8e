"""The files of a folder, or of a zip archive in its place: read as streams, wherever they lie.

No name from outside becomes a path: a file is looked up among those that are there.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..errors import InputError
from .folders import walk_folder
from .zip_reader import ZipError, ZipMember, read_chunks, read_entries

_CHUNK = 1 << 20
_MOST_FILES = 1_000_000


class PackedFiles(ABC):
    """The files of a folder or archive, by their names in it, with slashes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    @abstractmethod
    def names(self) -> list[str]:
        """The names of all files, in order."""

    @abstractmethod
    def chunks(self, name: str) -> Iterator[bytes]:
        """The content of a file in pieces of about a megabyte.

        Raises:
            InputError: it cannot be read, or is damaged. Damage may show only at the end.
        """

    @abstractmethod
    def paths(self, names: list[str]) -> list[Path]:
        """The files on disk that hold some files: these themselves, or the archive."""

    def find(self, name: str) -> str | None:
        """The name of a file that is there, for one that somebody wrote: in any case, with ``./`` or backslashes.

        None if there is no such file, or if several fit.
        """
        if name in self.names:
            return name
        wanted = str(PurePosixPath(name.replace("\\", "/"))).lower()
        fitting = [one for one in self.names if str(PurePosixPath(one.replace("\\", "/"))).lower() == wanted]
        return fitting[0] if len(fitting) == 1 else None


class _ZippedFiles(PackedFiles):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._members = dict[str, ZipMember]()
        try:
            with path.open("rb") as fd:
                for member in read_entries(fd):
                    self._add(member)
        except (OSError, ZipError) as error:
            raise self._unreadable(error) from None

    def _add(self, member: ZipMember) -> None:
        if not member.regular:
            return
        if member.name in self._members:
            raise InputError(f"{self.path} holds two files called {member.name!r:.200}: pack it again with one of them")
        if len(self._members) == _MOST_FILES:
            raise InputError(f"{self.path} holds more than {_MOST_FILES:,} files, too many for an archive of tables")
        self._members[member.name] = member

    def _unreadable(self, error: OSError | ZipError) -> InputError:
        return InputError(f"{self.path} cannot be read: {getattr(error, 'strerror', None) or error}")

    @property
    def names(self) -> list[str]:
        return sorted(self._members)

    def chunks(self, name: str) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as fd:
                yield from read_chunks(fd, self._members[name])
        except (OSError, ZipError) as error:
            raise self._unreadable(error) from None

    def paths(self, names: list[str]) -> list[Path]:
        return [self.path] if names else []


class _FolderFiles(PackedFiles):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        found = walk_folder(path, lambda entry, _is_folder: entry.name.startswith("."))
        self._files = {one.relative_to(path).as_posix(): one for one in found.files}

    @property
    def names(self) -> list[str]:
        return sorted(self._files)

    def chunks(self, name: str) -> Iterator[bytes]:
        return _chunks(self._files[name])

    def paths(self, names: list[str]) -> list[Path]:
        return [self._files[name] for name in names]


class _OneFile(PackedFiles):
    @property
    def names(self) -> list[str]:
        return [self.path.name]

    def chunks(self, name: str) -> Iterator[bytes]:  # noqa: ARG002 - it has but one file
        return _chunks(self.path)

    def paths(self, names: list[str]) -> list[Path]:
        return [self.path] if names else []


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        if not path.is_file():
            raise InputError(f"{path} is no file")
        with path.open("rb") as fd:
            while data := fd.read(_CHUNK):
                yield data
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from None


def open_tables(path: Path) -> PackedFiles:
    """The files of a folder or of a zip archive, or a file that is neither by itself.

    Raises:
        InputError: there is no such thing, or it cannot be read.
    """
    if path.is_file() and not next(_chunks(path), b"").startswith(b"PK"):
        return _OneFile(path)
    return open_files(path)


def open_files(path: Path) -> PackedFiles:
    """The files of a folder, or of a zip archive.

    Raises:
        InputError: there is no such thing, or it cannot be read.

    >>> import tempfile, zipfile
    >>> path = Path(tempfile.mkdtemp(), "birds.zip")
    >>> with zipfile.ZipFile(path, "w") as archive:
    ...     archive.writestr("data/birds.txt", "Parus major")
    >>> files = open_files(path)
    >>> files.names, files.find("./DATA/birds.txt"), b"".join(files.chunks("data/birds.txt"))
    (['data/birds.txt'], 'data/birds.txt', b'Parus major')
    """
    if path.is_dir():
        return _FolderFiles(path)
    if not os.path.lexists(path):
        raise InputError(f"there is no file or folder {path}")
    return _ZippedFiles(path)
