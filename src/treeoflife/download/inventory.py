"""Which files of components are present, which are still to be downloaded, and whether the disk has room for them."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..config.download import DownloadTable
from ..core.files import stamp
from ..errors import ConfigError, InputError
from .components import Component
from .downloads_file import FILE_NAME, Entry, read_entries
from .files.part_file import bytes_received
from .kept_taxonomies import taxonomies_folder

# Left free for everything else on the disk, and because the sizes in the list of components are partly approximate.
_RESERVE_BYTES = 1_000_000_000


@dataclass(frozen=True)
class FileState:
    """What is present of a file.

    Attributes:
        file: the file; see :meth:`.Component.files`.
        size: its length in bytes, if known.
        received: the number of its bytes that are present.
        entry: its entry in downloads.jsonl, if the complete file is present and is the recorded one.
        unchanged: whether size, time and inode are as recorded; if not, the file must be hashed.
        mismatch: why a file that is present does not count; empty for all others.
    """

    file: Component
    path: Path
    size: int | None
    received: int
    entry: Entry | None = None
    unchanged: bool = True
    mismatch: str = ""

    @property
    def remaining(self) -> int:
        """The number of bytes to download, as far as is known."""
        return 0 if self.entry else max(0, (self.size or 0) - self.received)


@dataclass(frozen=True)
class ComponentState:
    """What is present of a component, in numbers of files and bytes."""

    component: Component
    size: int | None  # of all files together, as far as it is known
    files: int
    complete: int  # files; or archives of EOL's images
    changed: int  # complete files that were touched, and must be hashed
    received: int


def downloads_folder(table: DownloadTable, to: Path | None) -> Path:
    """The folder of downloads: the option ``to``, or the configured one.

    Raises:
        ConfigError: it is a file.
    """
    root = to.expanduser().absolute() if to else table.path
    if root.exists() and not root.is_dir():
        raise ConfigError(f"the folder of downloads, {root}, is a file: choose another one with --to")
    return root


def root_of(component: Component, root: Path) -> Path:
    """The folder below which a component is kept: that of downloads, or that of the user's taxonomies."""
    return taxonomies_folder() if component.per_user else root


def file_states(components: Iterable[Component], root: Path) -> list[FileState]:
    """The state of every file of the components. No server is contacted, and no file is hashed."""
    entries = read_entries(root / FILE_NAME)
    return [_file_state(file, root, entries.get(file.to)) for component in components for file in component.files()]


def _file_state(file: Component, root: Path, entry: Entry | None) -> FileState:
    path = root / file.to
    missing = FileState(file, path, file.bytes or file.size, bytes_received(path))
    if not path.is_file():
        return missing
    if entry is None:
        return replace(missing, mismatch="it is present, but its origin is not recorded")
    if entry["component"] != file.name:
        raise InputError(
            f"{path} belongs to {entry['component']}, and {file.name} would replace it: choose another folder "
            f"with --to, or set to in [download.components.{file.name}] of dataset.toml"
        )
    if (origin := entry.get("asked", entry["url"])) != file.address:
        return replace(missing, mismatch=f"the present file came from {origin}, now the list names {file.address}")
    published = file.bytes in (None, entry["size"]) and file.sha256 in ("", entry["sha256"])
    if entry["size"] != path.stat().st_size or not published:
        return replace(missing, mismatch="the present file has another length or checksum")
    return FileState(file, path, entry["size"], entry["size"], entry, unchanged=entry["stamp"] == stamp(path))


def component_state(component: Component, root: Path) -> ComponentState:
    """How much of a component is downloaded already."""
    if component.kind == "images":
        ledgers = [*(root / component.to / "ledger").glob("*.parquet")]
        return ComponentState(component, None, 0, len(ledgers), 0, 0)
    states = file_states([component], root)
    size = sum(state.size or 0 for state in states) or None
    complete = sum(state.entry is not None for state in states)
    changed, received = sum(not state.unchanged for state in states), sum(state.received for state in states)
    return ComponentState(component, size, len(states), complete, changed, received)


def required_bytes(states: Iterable[FileState], *, unpack: bool) -> int:
    """The disk space that downloading and unpacking will take, as far as sizes are known."""
    total = 0
    for state in states:
        rule = state.file.unpack
        total += state.remaining
        if rule and (rule.always or unpack) and not (state.entry and state.entry.get("unpacked")):
            total += rule.bytes or 0
    return total


def check_disk_space(root: Path, required: int) -> None:
    """Check that the disk has room for ``required`` bytes below ``root``, which need not exist.

    Raises:
        InputError: it has not.
    """
    existing = next(path for path in (root.absolute(), *root.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if required and required + _RESERVE_BYTES > free:
        raise InputError(
            f"{root} has {free / 1e9:.1f} GB free, and {required / 1e9:.1f} GB are to come "
            f"({_RESERVE_BYTES / 1e9:.0f} GB are left free): choose another folder with --to, or fewer components"
        )
