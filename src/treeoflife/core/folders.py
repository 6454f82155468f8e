"""Walking through folders: links are followed, and no folder is read twice."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from ..errors import InputError

LEADS_NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})
"""Errors of a path or link that leads to nothing; any other means that it is not known what is there."""


class Entry(Protocol):
    """What lies in a folder of files or objects, as ``os.DirEntry`` has it."""

    @property
    def name(self) -> str:
        """Its name in its folder."""

    @property
    def path(self) -> str:
        """Its path or address."""

    def is_dir(self) -> bool:
        """Whether it is a folder, or a link to one."""

    def is_symlink(self) -> bool:
        """Whether it is a link."""


PassesOver = Callable[[Entry, bool], bool]
"""Whether an entry of a folder is passed over; its second argument says whether the entry is a folder."""


class Walk(NamedTuple):
    """What lies in and below a folder, in no order; a link that leads nowhere is a file."""

    files: list[Path]
    folders: list[Path]
    """The folders that were read, with the first."""
    repeated: list[Path]
    """Links and folders that lead to a folder that was read already, such as loops."""


def walk_folder(root: Path, passes_over: PassesOver = lambda _entry, _is_folder: False) -> Walk:
    """List what lies in and below a folder.

    Links are followed, after all folders: what lies in a folder is listed by its path there, not by that of a link.

    Raises:
        InputError: a folder does not exist, or cannot be listed.
    """
    walk, links = Walk([], [], []), list[Path]()
    known, pending = set[tuple[int, int]](), [root]
    while pending:
        folder = pending.pop()
        if (identity := _identity(folder)) in known:
            walk.repeated.append(folder)
        else:
            known.add(identity)
            walk.folders.append(folder)
            for entry in list_entries(folder):
                is_folder = leads_to_folder(entry)
                if not passes_over(entry, is_folder):
                    kind = links if is_folder and entry.is_symlink() else pending if is_folder else walk.files
                    kind.append(folder / entry.name)
        if links and not pending:
            links.sort(reverse=True)
            pending.append(links.pop())
    return walk


def leads_to_folder(entry: Entry) -> bool:
    """Whether an entry is a folder or a link to one; a link that leads nowhere is neither."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno not in LEADS_NOWHERE:
            raise InputError(f"{entry.path} cannot be read: {error.strerror}") from None
        return False


def list_entries(folder: Path) -> list[Entry]:
    """What lies in a folder itself, in no order.

    Raises:
        InputError: it does not exist, or cannot be listed.
    """
    from .objects import ObjectPath  # here, since all sources rest on this module

    try:
        if isinstance(folder, ObjectPath):
            return list(folder.entries())
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None


def _identity(folder: Path) -> tuple[int, int]:
    try:
        stat = folder.stat()
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error.strerror}") from None
    return stat.st_dev, stat.st_ino
