"""Unpacking archives: never outside the target, no links, no devices, bounded, and resumed where a run was killed.

A file that is there with the right length is passed over, since a file takes its name only when it is whole. The
marker ``.unpacked-ARCHIVE.json`` says first that it is begun, so that nobody takes half of it for all, and in the end
what came; with that, nothing is read again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from ..core import zip_reader as zipread
from ..core.files import read_json, write_json
from ..core.system import cores
from ..core.tar_reader import members
from ..errors import ContainerError
from ..sources.archived import BEGUN, marker
from ..sources.reading import opened
from .components import Unpack

_IN_MEMORY = 4 << 20
_RATIO = 200
_FREE = 1 << 30
_BATCH = 500
_LONGEST_NAME = 255
Note = Callable[[str], None]


@dataclass
class _Target:
    """Where members go, and what came so far.

    Attributes:
        limit: the most bytes that may come: an archive that unpacks to more is a bomb.
    """

    folder: Path
    rule: Unpack
    limit: int
    files: int = 0
    bytes: int = 0
    folders: set[str] = field(default_factory=set)

    def place(self, name: str, regular: bool, archive: Path) -> Path | None:
        """Where a member goes; None for one that is not wanted.

        Raises:
            ContainerError: it would go outside the target, or is a link or device.
        """
        parts = parts_of(name)
        if parts is None:
            raise ContainerError(f"{archive} is hostile: its member {name!r:.200} would go outside {self.folder}")
        if not regular:
            raise ContainerError(f"{archive} is hostile: its member {name!r:.200} is a link, device or sparse file")
        if not fnmatchcase("/".join(parts), self.rule.keep):
            return None
        kept = parts[-1:] if self.rule.flat else parts[self.rule.strip :]
        if not kept:
            return None
        self.folders.add("/".join(kept[:-1]))
        self.files += 1
        return self.folder.joinpath(*kept)

    def count(self, size: int, archive: Path) -> None:
        """Count bytes that come.

        Raises:
            ContainerError: they are too many.
        """
        self.bytes += size
        if self.bytes > self.limit:
            raise ContainerError(f"{archive} is hostile: it unpacks to more than {self.limit} bytes")


def parts_of(name: str) -> tuple[str, ...] | None:
    """The path of a member in its parts; None if it is not a plain path below some folder.

    >>> parts_of("a/./b.jpg"), parts_of("../b.jpg"), parts_of("/etc/passwd"), parts_of("C:\\\\b.jpg")
    (('a', 'b.jpg'), None, None, None)
    """
    parts = tuple(part for part in PurePosixPath(name).parts if part != ".")
    bad = not parts or name.startswith("/") or "\\" in name or "\0" in name or ":" in name.partition("/")[0]
    return None if bad or ".." in parts or any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts) else parts


def unpack(archive: Path, root: Path, rule: Unpack, digest: str, note: Note = lambda _: None) -> dict[str, int]:
    """Unpack an archive below ``root``; returns how many files, folders and bytes came.

    Args:
        digest: the SHA-256 of the archive: another one is unpacked anew.

    Raises:
        ContainerError: it is damaged or hostile, or holds another number of files than the list says.
    """
    folder = root / rule.into
    done_with = marker(folder, archive)
    wanted = {"sha256": digest, "rule": rule.model_dump(mode="json")}
    done = read_json(done_with)
    if isinstance(done, dict) and {key: done.get(key) for key in wanted} == wanted:
        return dict(done["counts"])
    write_json(done_with, BEGUN)
    note(f"unpacking {archive.name}")
    packed = archive.stat().st_size
    target = _Target(folder, rule, max(_FREE, packed * _RATIO if rule.bytes is None else 2 * rule.bytes))
    (_zip if archive.suffix.lower() == ".zip" else _tar)(archive, target)
    counts = {"files": target.files, "folders": len(target.folders), "bytes": target.bytes}
    _check(archive, rule, counts)
    write_json(done_with, {**wanted, "counts": counts})
    note(f"{archive.name}: {counts['files']} files in {counts['folders']} folders")
    return counts


def _check(archive: Path, rule: Unpack, counts: dict[str, int]) -> None:
    for what, expected in (("files", rule.files), ("folders", rule.folders)):
        if expected is not None and counts[what] != expected:
            raise ContainerError(
                f"{archive} holds {counts[what]} {what}, the list of components says {expected}; if the provider "
                f"changed it, set unpack.{what} in [download.components.NAME] of dataset.toml"
            )
    if not counts["files"]:
        raise ContainerError(f"{archive} holds no file that is wanted ({rule.keep})")


@contextmanager
def _whole(path: Path, folder: Path) -> Iterator[IO[bytes]]:
    """A file to write that takes its name when it is whole, in a folder that no link leads out of."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise ContainerError(f"{path.parent} is a link that leads outside {folder}; remove it")
    temporary = path.with_name(f".{path.name[:200]}.writing-{os.getpid()}")
    try:
        with temporary.open("wb") as out:
            yield out
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _there(path: Path, size: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size


def _tar(archive: Path, target: _Target) -> None:
    """One pass over the archive; long members go to disk as they pass."""
    poured: dict[str, Path] = {}

    def longer(name: str, size: int) -> Callable[[bytes], object] | None:
        path = target.place(name, True, archive)
        if path is None:
            return None
        target.count(size, archive)
        target.files -= 1  # it is counted when the member is seen
        poured[name] = path
        return None if _there(path, size) else _Pouring(path, target.folder, size, begun)

    with ExitStack() as begun, opened(archive) as stream:
        for member in members(_Bounded(stream, target.limit, archive), _IN_MEMORY, longer):
            if member.name.endswith("/") or (not member.regular and member.size == 0 and _is_folder(member.name)):
                _folder(member.name, target, archive)
                continue
            path = target.place(member.name, member.regular, archive)
            if path is None or (member.name in poured and poured.pop(member.name)):
                continue
            target.count(member.size, archive)
            if member.data is not None and not _there(path, member.size):
                with _whole(path, target.folder) as out:
                    out.write(member.data)
        while stream.read(_IN_MEMORY):
            pass


def _is_folder(name: str) -> bool:
    return name in (".", "./")


def _folder(name: str, target: _Target, archive: Path) -> None:
    if name not in (".", "./") and parts_of(name.rstrip("/") or "/") is None:
        raise ContainerError(f"{archive} is hostile: its member {name!r:.200} would go outside {target.folder}")


class _Bounded:
    """A stream that ends in an error when more comes out of it than may."""

    def __init__(self, stream: IO[bytes], limit: int, archive: Path) -> None:
        self._stream, self._left, self._archive = stream, 2 * limit, archive

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._left -= len(data)
        if self._left < 0:
            raise ContainerError(f"{self._archive} is hostile: it unpacks to far more than it may")
        return data


class _Pouring:
    """Writes a long member piece by piece, and gives it its name with the last."""

    def __init__(self, path: Path, folder: Path, size: int, begun: ExitStack) -> None:
        """``begun`` removes what is not whole when the archive ends in an error."""
        self._left, self._context = size, _whole(path, folder)
        self._out = begun.enter_context(self._context)

    def __call__(self, data: bytes) -> None:
        self._out.write(data)
        self._left -= len(data)
        if self._left <= 0 and data:
            self._context.__exit__(None, None, None)


def _zip(archive: Path, target: _Target) -> None:
    """Names are checked first, all of them; then members are unpacked side by side."""
    try:
        with zipread.opened(archive) as fd:
            for member in zipread.members(fd):
                if member.name.endswith("/"):
                    _folder(member.name, target, archive)
                elif target.place(member.name, member.regular, archive):
                    target.count(member.size, archive)
        again = _Target(target.folder, target.rule, target.limit)
        with zipread.opened(archive) as fd, ThreadPoolExecutor(cores()) as pool:
            wanted = (one for one in zipread.members(fd) if not one.name.endswith("/"))
            for group in _groups(wanted, 4 * cores()):
                for done in [pool.submit(_some, archive, part, again) for part in group]:
                    done.result()
    except zipread.ZipError as error:
        raise ContainerError(f"the archive {archive} cannot be unpacked: {error}") from error


def _groups(wanted: Iterator[zipread.ZipMember], many: int) -> Iterator[list[tuple[zipread.ZipMember, ...]]]:
    batches = _batched(wanted, _BATCH)
    while group := [batch for batch, _ in zip(batches, range(many), strict=False)]:
        yield group


def _batched(wanted: Iterator[zipread.ZipMember], size: int) -> Iterator[tuple[zipread.ZipMember, ...]]:

    while batch := tuple(islice(wanted, size)):
        yield batch


def _some(archive: Path, group: tuple[zipread.ZipMember, ...], target: _Target) -> None:
    with zipread.opened(archive) as fd:
        for member in group:
            path = target.place(member.name, member.regular, archive)
            if path is None or _there(path, member.size):
                continue
            with _whole(path, target.folder) as out:
                for data in zipread.chunks(fd, member):
                    out.write(data)
