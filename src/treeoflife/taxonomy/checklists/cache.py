"""Checklists as they were read, kept for the next time: in the user's cache, or else where a dataset keeps its own.

What is kept is called by a key of all that it was made from, so that it is right as long as it is there. It is written
aside and then renamed: it is whole or absent, and of two processes that read the same one, either may be the faster.
"""

import errno
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ...core.files import exists, replacing, temporary_folder, write_json
from ...core.json_reader import parse_json
from ...core.tables import PARQUET_ERRORS, parquet_schema
from ...core.user_folders import user_cache
from ..providers.table_count import TableCount
from .checklist import NAMES, NAMES_FILE, VERNACULARS_FILE, Checklist

Note = Callable[[str], None]
_ABOUT = "checklist.json"
_UNUSED_SECONDS = 180 * 24 * 3600.0
_ANYTHING = (OSError, ValueError, KeyError, TypeError)
"""What a file that somebody damaged may raise."""


class ChecklistCache:
    """The folders in which checklists are kept, the user's own first."""

    def __init__(self, folder: Path, note: Note) -> None:
        """Find the folders.

        Args:
            folder: where checklists are kept if the user's cache cannot be written to.
            note: is told of that.
        """
        cache = user_cache()
        self._own = cache / "checklists" if cache else None
        self._folders = [self._own, folder] if self._own else [folder]
        self._note = note

    def find(self, key: str, name: str) -> Checklist | None:
        """The checklist of a key, if it is kept; ``name`` is what it is called."""
        for folder in self._folders:
            if checklist := _read(folder / key, name):
                with suppress(OSError):
                    os.utime(folder / key / _ABOUT)  # for _remove_unused
                return checklist
        return None

    def keep(self, key: str, checklist: Checklist) -> Checklist:
        """The same checklist where it is kept; as it is, if no folder can be written to."""
        for folder in self._folders:
            try:
                _write(folder / key, checklist)
            except OSError as error:
                self._note(f"the checklist {checklist.name} cannot be kept in {folder}: {error.strerror or error}")
                continue
            if folder == self._own:
                _remove_unused(folder)
            return _read(folder / key, checklist.name) or checklist
        return checklist


def _read(folder: Path, name: str) -> Checklist | None:
    try:
        about = parse_json((folder / _ABOUT).read_bytes())
        tables = tuple(_count(one, name) for one in about["tables"])
        if parquet_schema(folder / NAMES_FILE) != NAMES:
            return None
        vernaculars = folder / VERNACULARS_FILE if about["vernaculars"] else None
        if vernaculars and not exists(vernaculars):
            return None
        return Checklist(name, folder / NAMES_FILE, vernaculars, about["title"], tables)
    except (*_ANYTHING, *PARQUET_ERRORS):  # it is read again
        return None


def _count(table: dict[str, Any], name: str) -> TableCount:
    lists = {one: tuple(table[one]) for one in ("remarks", "damaged")}
    return TableCount(**{**table, **lists, "source": name})


def _write(folder: Path, checklist: Checklist) -> None:
    """Write a checklist whole, unless another process was faster."""
    about = {
        "title": checklist.title,
        "vernaculars": checklist.vernaculars is not None,
        "tables": [asdict(one) for one in checklist.tables],
    }
    with temporary_folder(folder) as new:
        for source, name in ((checklist.names, NAMES_FILE), (checklist.vernaculars, VERNACULARS_FILE)):
            if source:
                with replacing(new / name) as temporary:
                    shutil.copyfile(source, temporary)
        write_json(new / _ABOUT, about)
        try:
            new.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            _replace_damaged(new, folder, checklist.name)


def _replace_damaged(new: Path, folder: Path, name: str) -> None:
    """Put a checklist in the place of what cannot be read there."""
    if _read(folder, name) is None:
        folder.rename(new.with_name(f"{new.name}-old"))
        new.rename(folder)
        shutil.rmtree(new.with_name(f"{new.name}-old"), ignore_errors=True)


def _remove_unused(folder: Path) -> None:
    """Remove the checklists that nobody used for half a year: each release of a backbone is another one."""
    for about in folder.glob(f"*/{_ABOUT}"):
        with suppress(OSError):
            if time.time() - about.stat().st_mtime > _UNUSED_SECONDS:
                shutil.rmtree(about.parent)
