"""Unpacking archives: never outside the target folder, no links or devices, bounded in size, and resumable.

A file gets its name only when it is complete, so another run skips files of the right length. The marker
``.unpacked-ARCHIVE.json`` first says that unpacking has begun, so that nobody takes the folder for complete; at the end
it holds what was unpacked, and the archive need not be read again.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from ..core import zip_reader
from ..core.files import write_json
from ..core.json_reader import read_json
from ..core.system import cores
from ..core.tar_reader import read_members
from ..errors import ContainerError
from ..sources.archived_folders import UNPACKING, unpack_marker
from ..sources.tar_archives import MAX_EXPANSION, open_tar
from .components import UnpackRule

# Members of a tar that are longer go to disk in pieces; images are nearly all shorter, and written at once.
_MAX_IN_MEMORY = 4 << 20
# An archive may always unpack to this much, whatever its ratio: a gigabyte does no harm.
_ALWAYS_ALLOWED = 1 << 30
# Members of a zip that a thread takes at once: enough that taking them costs nothing, few enough to share out evenly.
_BATCH = 500
_MAX_NAME_BYTES = 255  # NAME_MAX of Linux and macOS
Note = Callable[[str], None]


@dataclass
class _Target:
    """Where the members of an archive go, and what was unpacked so far; more than ``limit`` bytes are refused."""

    archive: Path
    folder: Path
    rule: UnpackRule
    limit: int
    files: int = 0
    bytes: int = 0
    folders: set[Path] = field(default_factory=set)

    def path(self, name: str, regular: bool) -> Path | None:
        """Where a member goes; None if the rule leaves it out. A hostile member raises ContainerError."""
        parts = self._checked_parts(name)
        if not regular:
            raise self._hostile(f"its member {name!r:.200} is a link, device or sparse file")
        if not fnmatchcase("/".join(parts), self.rule.keep):
            return None
        kept = parts[-1:] if self.rule.flat else parts[self.rule.strip :]
        return self.folder.joinpath(*kept) if kept else None

    def check_folder(self, name: str) -> None:
        """Check the name of a folder. It is made only when a file goes into it."""
        if name not in (".", "./"):
            self._checked_parts(name.rstrip("/") or "/")

    def _checked_parts(self, name: str) -> tuple[str, ...]:
        parts = member_parts(name)
        if parts is None:
            raise self._hostile(f"its member {name!r:.200} would go outside {self.folder}")
        return parts

    def count_file(self, path: Path) -> None:
        """Count a file."""
        self.files += 1
        self.folders.add(path.parent)

    def count_bytes(self, size: int) -> None:
        """Count the bytes of a file; raises ContainerError if there are too many."""
        self.bytes += size
        if self.bytes > self.limit:
            raise self._hostile(f"it unpacks to more than {self.limit} bytes")

    def _hostile(self, reason: str) -> ContainerError:
        return ContainerError(f"{self.archive} is hostile: {reason}")


def member_parts(name: str) -> tuple[str, ...] | None:
    """The path of a member in its parts; None if it is not a plain relative path on every system.

    >>> member_parts("a/./b.jpg"), member_parts("../b.jpg"), member_parts("/etc/passwd"), member_parts("C:\\\\b.jpg")
    (('a', 'b.jpg'), None, None, None)
    """
    parts = tuple(part for part in PurePosixPath(name).parts if part != ".")
    bad = not parts or name.startswith("/") or "\\" in name or "\0" in name or ":" in name.partition("/")[0]
    return None if bad or ".." in parts or any(len(os.fsencode(part)) > _MAX_NAME_BYTES for part in parts) else parts


def unpack_archive(
    archive: Path, root: Path, rule: UnpackRule, digest: str, note: Note = lambda _: None
) -> dict[str, int]:
    """Unpack an archive below ``root``; returns the numbers of ``files``, ``folders`` and ``bytes``.

    Args:
        root: the folder to which the rule's folder is relative.
        rule: which members are unpacked, and where to.
        digest: the SHA-256 of the archive: if it differs from that of an earlier run, all is unpacked again.

    Raises:
        ContainerError: it is damaged or hostile, or does not hold the number of files that the rule expects.
    """
    folder = root / rule.into
    marker = unpack_marker(folder, archive)
    expected = {"sha256": digest, "rule": rule.model_dump(mode="json")}
    content = read_json(marker)
    if isinstance(content, dict) and expected.items() <= content.items():
        return dict(content["counts"])
    write_json(marker, UNPACKING)
    note(f"unpacking {archive.name}")
    # The approximate size in the list may be off by a factor of two; without one, images hardly expand.
    limit = MAX_EXPANSION * archive.stat().st_size if rule.bytes is None else 2 * rule.bytes
    target = _Target(archive, folder, rule, max(_ALWAYS_ALLOWED, limit))
    (_unpack_zip if archive.suffix.lower() == ".zip" else _unpack_tar)(target)
    counts = {"files": target.files, "folders": len(target.folders), "bytes": target.bytes}
    _check_counts(archive, rule, counts)
    write_json(marker, {**expected, "counts": counts})
    note(f"{archive.name}: {counts['files']} files in {counts['folders']} folders")
    return counts


def _check_counts(archive: Path, rule: UnpackRule, counts: dict[str, int]) -> None:
    for key, expected in (("files", rule.files), ("folders", rule.folders)):
        if expected is not None and counts[key] != expected:
            raise ContainerError(
                f"{archive} holds {counts[key]} {key}, the list of components says {expected}; if the provider "
                f"changed it, set unpack.{key} in [download.components.NAME] of dataset.toml"
            )
    if not counts["files"]:
        raise ContainerError(f"{archive} holds no file that matches {rule.keep}")


@contextmanager
def _new_file(path: Path, folder: Path) -> Iterator[IO[bytes]]:
    """A file to write, which gets its name at the end of the context, unless that ends in an error.

    Unlike :func:`.core.files.replacing` it does not sync, which would take hours for millions of small files.
    """
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


def _is_present(path: Path, size: int) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == size


def _unpack_tar(target: _Target) -> None:
    """Unpack a tar in one pass."""
    in_pieces: set[str] = set()  # members that are too long to be held in memory

    def open_sink(name: str, size: int) -> Callable[[bytes], object] | None:
        if (path := target.path(name, True)) is None:
            return None
        target.count_bytes(size)
        in_pieces.add(name)
        return None if _is_present(path, size) else _write_in_pieces(path, target.folder, size, unfinished)

    with ExitStack() as unfinished, open_tar(target.archive) as stream:
        for member in read_members(stream, _MAX_IN_MEMORY, open_sink):
            if member.folder:
                target.check_folder(member.name)
                continue
            if (path := target.path(member.name, member.regular)) is None:
                continue
            target.count_file(path)
            if member.name in in_pieces:
                in_pieces.remove(member.name)
                continue
            target.count_bytes(member.size)
            if member.data is not None and not _is_present(path, member.size):
                with _new_file(path, target.folder) as out:
                    out.write(member.data)


def _write_in_pieces(path: Path, folder: Path, size: int, unfinished: ExitStack) -> Callable[[bytes], object]:
    """A function that writes the pieces of a file; ``unfinished`` removes the file if not all of them come."""
    stack = unfinished.enter_context(ExitStack())
    out, remaining = stack.enter_context(_new_file(path, folder)), size

    def write(data: bytes) -> None:
        nonlocal remaining
        out.write(data)
        remaining -= len(data)
        if data and not remaining:
            stack.close()

    return write


def _unpack_zip(target: _Target) -> None:
    """Check all names of a zip, then unpack its members with one thread per core."""
    try:
        with target.archive.open("rb") as fd:
            for member in zip_reader.read_entries(fd):
                if member.name.endswith("/"):
                    target.check_folder(member.name)
                elif path := target.path(member.name, member.regular):
                    target.count_file(path)
                    target.count_bytes(member.size)
        with target.archive.open("rb") as fd, ThreadPoolExecutor(cores()) as pool:
            files = (member for member in zip_reader.read_entries(fd) if not member.name.endswith("/"))
            # A few batches per thread at a time: a list of all members would take a gigabyte for BIOSCAN-1M.
            while members := list(islice(files, 4 * cores() * _BATCH)):
                batches = [members[start : start + _BATCH] for start in range(0, len(members), _BATCH)]
                list(pool.map(partial(_unpack_members, target), batches))
    except zip_reader.ZipError as error:
        raise ContainerError(f"the archive {target.archive} cannot be unpacked: {error}") from error


def _unpack_members(target: _Target, members: Sequence[zip_reader.ZipMember]) -> None:
    with target.archive.open("rb") as fd:
        for member in members:
            path = target.path(member.name, member.regular)
            if path is None or _is_present(path, member.size):
                continue
            with _new_file(path, target.folder) as out:
                out.writelines(zip_reader.read_chunks(fd, member))
