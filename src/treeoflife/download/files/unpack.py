"""Unpacking archives: never outside the target folder, no links or devices, bounded in size, and resumable.

A file gets its name only when it is complete and on the disk. The marker ``.unpacked-ARCHIVE.json`` first says that
unpacking has begun, so that nobody takes the folder for complete; at the end it holds what was unpacked, and the
archive need not be read again. A run that goes on after another was killed compares every file with the archive.
"""

import os
import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from pathlib import Path, PurePosixPath

from ...core import zip_reader
from ...core.files import write_json
from ...core.json_reader import read_json
from ...core.system import cores
from ...core.tar_reader import read_members
from ...errors import ContainerError
from ...sources.containers.archived_folders import UNPACKING, unpack_marker
from ...sources.containers.tar_archives import MAX_EXPANSION, open_tar
from ..components import UnpackRule
from .many_files import FileWriter, same_names, staging_folder, sync_all

# Earlier versions took files of the right length for unpacked, and archives for ended where another was joined to them.
_VERSION = 2
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
    staging: Path
    same_name: Callable[[Path], str]
    files: int = 0
    bytes: int = 0
    left_out: int = 0  # files that the rule leaves out
    folders: set[Path] = field(default_factory=set)
    hashes: set[int] = field(default_factory=set)  # of the names of files, which may be millions

    def path(self, name: str, regular: bool) -> Path | None:
        """Where a member goes; None if the rule leaves it out. A hostile member raises ContainerError."""
        parts = self._checked_parts(name)
        if not regular:
            raise self._hostile(f"its member {name!r:.200} is a link, device or sparse file")
        kept = parts[-1:] if self.rule.flat else parts[self.rule.strip :]
        return self.folder.joinpath(*kept) if kept and fnmatchcase("/".join(parts), self.rule.keep) else None

    def check_folder(self, name: str) -> None:
        """Check the name of a folder. It is made only when a file goes into it."""
        if name not in (".", "./"):
            self._checked_parts(name.rstrip("/") or "/")

    def _checked_parts(self, name: str) -> tuple[str, ...]:
        parts = member_parts(name)
        if parts is None:
            raise self._hostile(f"its member {name!r:.200} would go outside {self.folder}, here or on Windows")
        return parts

    def take(self, name: str, size: int, regular: bool) -> Path | None:
        """Count a member, and return where it goes, as :meth:`path` does.

        Raises:
            ContainerError: it is hostile, another goes to the same place, or all are too large together.
        """
        if (path := self.path(name, regular)) is None:
            self.left_out += 1
            return None
        self.files, self.bytes = self.files + 1, self.bytes + size
        self.folders.add(path.parent)
        self.hashes.add(hash(self.same_name(path)))
        if len(self.hashes) < self.files:
            raise ContainerError(f"two members of {self.archive} would both become {path}; the second is {name!r:.200}")
        if self.bytes > self.limit:
            raise self._hostile(f"it unpacks to more than {self.limit} bytes")
        return path

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
    expected = {"version": _VERSION, "sha256": digest, "rule": rule.model_dump(mode="json")}
    content = read_json(marker)
    if isinstance(content, dict) and expected.items() <= content.items():
        return dict(content["counts"])
    write_json(marker, UNPACKING)
    note(f"unpacking {archive.name}")
    target = _unpack(archive, folder, rule)
    counts = {"files": target.files, "folders": len(target.folders), "bytes": target.bytes}
    _check_counts(archive, rule, counts)
    write_json(marker, {**expected, "counts": counts})
    others = f"; {target.left_out} others do not match {rule.keep}" if target.left_out else ""
    note(f"{archive.name}: {counts['files']} files in {counts['folders']} folders{others}")
    return counts


def _unpack(archive: Path, folder: Path, rule: UnpackRule) -> _Target:
    # The approximate size in the list may be off by a factor of two; without one, images hardly expand.
    limit = MAX_EXPANSION * archive.stat().st_size if rule.bytes is None else 2 * rule.bytes
    with staging_folder(folder / f".unpacking-{archive.name}") as staging:
        target = _Target(archive, folder, rule, max(_ALWAYS_ALLOWED, limit), staging, same_names(staging))
        (_unpack_zip if archive.suffix.lower() == ".zip" else _unpack_tar)(target)
    ancestors = {one for path in target.folders for one in path.parents if one.is_relative_to(folder)}
    sync_all(
        target.folders | ancestors | {folder, folder.parent}
    )  # otherwise a power failure can undo the names of files
    return target


def _check_counts(archive: Path, rule: UnpackRule, counts: dict[str, int]) -> None:
    for key, expected in (("files", rule.files), ("folders", rule.folders)):
        if expected is not None and counts[key] != expected:
            raise ContainerError(
                f"{archive} holds {counts[key]} {key}, the list of components says {expected}; if the provider "
                f"changed it, set unpack.{key} in [download.components.NAME] of dataset.toml"
            )
    if not counts["files"]:
        raise ContainerError(f"{archive} holds no file that matches {rule.keep}")


def _is_present(path: Path, size: int, crc: int) -> bool:
    """Whether a file is there already, with the same bytes as in the archive, by their length and CRC-32."""
    if not path.is_file() or path.is_symlink() or path.stat().st_size != size:
        return False
    found = 0
    with path.open("rb") as fd:
        while data := fd.read(_MAX_IN_MEMORY):
            found = zlib.crc32(data, found)
    return found == crc


def _unpack_tar(target: _Target) -> None:
    """Unpack a tar in one pass."""
    writer = FileWriter(target.folder, target.staging)

    def open_sink(name: str, size: int) -> Callable[[bytes], object] | None:
        path = target.take(name, size, regular=True)
        return _write_in_pieces(writer, path, size) if path else None

    with open_tar(target.archive) as stream:
        for member in read_members(stream, _MAX_IN_MEMORY, open_sink):
            if member.folder:
                target.check_folder(member.name)
            elif member.data is not None or not member.regular:  # longer files went to open_sink
                path, data = target.take(member.name, member.size, member.regular), member.data or b""
                if path and not _is_present(path, len(data), zlib.crc32(data)):
                    writer.write(path, [data])
    writer.flush()


def _write_in_pieces(writer: FileWriter, path: Path, size: int) -> Callable[[bytes], object]:
    """A function that writes the pieces of a file of ``size`` bytes."""
    (add, finish), remaining = writer.begin(path), size

    def write(data: bytes) -> None:
        nonlocal remaining
        add(data)
        remaining -= len(data)
        if data and not remaining:
            finish()

    return write


def _unpack_zip(target: _Target) -> None:
    """Check all names of a zip, then unpack its members with one thread per core."""
    try:
        with target.archive.open("rb") as fd:
            for member in zip_reader.read_entries(fd):
                if member.name.endswith("/"):
                    target.check_folder(member.name)
                else:
                    target.take(member.name, member.size, member.regular)
        with target.archive.open("rb") as fd, ThreadPoolExecutor(cores()) as pool:
            files = (member for member in zip_reader.read_entries(fd) if not member.name.endswith("/"))
            # A few batches per thread at a time: a list of all members would take a gigabyte for BIOSCAN-1M.
            while members := list(islice(files, 4 * cores() * _BATCH)):
                batches = [members[start : start + _BATCH] for start in range(0, len(members), _BATCH)]
                list(pool.map(partial(_unpack_members, target), batches))
    except zip_reader.ZipError as error:
        raise ContainerError(f"the archive {target.archive} cannot be unpacked: {error}") from error


def _unpack_members(target: _Target, members: Sequence[zip_reader.ZipMember]) -> None:
    writer = FileWriter(target.folder, target.staging)
    with target.archive.open("rb") as fd:
        for member in members:
            path = target.path(member.name, member.regular)
            if path and not _is_present(path, member.size, member.crc):
                writer.write(path, zip_reader.read_chunks(fd, member))
    writer.flush()
