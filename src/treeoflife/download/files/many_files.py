"""Writing very many files so that each is whole or absent, without waiting for the disk after each of them."""

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

from ...errors import ContainerError, InputError

# One file after the other, syncing took 2.8 ms each; 16 at once, 0.4 ms: a file system joins what it syncs together.
_THREADS = 16
_FILES_AT_ONCE = 500
_BYTES_AT_ONCE = 64 << 20


class FileWriter:
    """Writes files below a folder: into a hidden folder first, then synced, many at once, and given their names.

    Each batch of files is written by one thread; several may have writers with the same hidden folder.
    """

    def __init__(self, folder: Path, staging: Path) -> None:
        self._folder, self._staging = folder, staging
        self._written: list[tuple[Path, Path]] = []
        self._bytes = 0
        self._checked: set[Path] = set()

    def write(self, path: Path, pieces: Iterable[bytes]) -> None:
        """Write a file. It gets its name at the latest with the next :meth:`flush`."""
        add, finish = self.begin(path)
        for piece in pieces:
            add(piece)
        finish()

    def begin(self, path: Path) -> tuple[Callable[[bytes], None], Callable[[], None]]:
        """A function that takes the pieces of a file, and one to call after the last; without that call it is lost."""
        temporary = self._staging / secrets.token_hex(8)
        with _errors_named(path):
            self._check_folder(path.parent)
            temporary.touch(exist_ok=False)

        def add(piece: bytes) -> None:
            # Most files come in one piece. Nothing stays open, whatever happens before the last one.
            with _errors_named(path), temporary.open("ab") as out:
                self._bytes += out.write(piece)

        def finish() -> None:
            self._written.append((temporary, path))
            if len(self._written) >= _FILES_AT_ONCE or self._bytes >= _BYTES_AT_ONCE:
                self.flush()

        return add, finish

    def flush(self) -> None:
        """Sync what was written, and give it its names."""
        sync_all([temporary for temporary, _ in self._written])
        for temporary, path in self._written:
            with _errors_named(path):
                temporary.replace(path)
        self._written, self._bytes = [], 0

    def _check_folder(self, folder: Path) -> None:
        if folder in self._checked:
            return
        folder.mkdir(parents=True, exist_ok=True)
        if not folder.resolve().is_relative_to(self._folder.resolve()):
            raise ContainerError(f"{folder} is a link that leads outside {self._folder}; remove it")
        self._checked.add(folder)


@contextmanager
def staging_folder(path: Path) -> Iterator[Path]:
    """An empty folder for files that have no name yet; it is removed at the end, with what is left in it."""
    shutil.rmtree(path, ignore_errors=True)  # of a run that was killed
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def sync_all(paths: Iterable[Path]) -> None:
    """Wait until files or folders are on the disk, so that a power failure undoes none of them."""
    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(_sync, paths))


def _sync(path: Path) -> None:
    with _errors_named(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ContainerError(
            f"{path} cannot be written: there is a file where a folder must be, or a folder in its place"
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def same_names(folder: Path) -> Callable[[Path], str]:
    """A function that returns the same text for all paths that are one file in this file system.

    macOS and Windows take ``A.jpg`` and ``a.jpg`` for one file, and macOS two ways of writing ``é``.

    Args:
        folder: an empty folder in that file system.
    """
    probe = folder / "\u00e9"
    probe.touch()
    folds_case, normalizes = (folder / "\u00c9").exists(), (folder / "e\u0301").exists()
    probe.unlink()

    def same(path: Path) -> str:
        text = str(path).casefold() if folds_case else str(path)
        return normalize("NFC", text) if normalizes else text

    return same
