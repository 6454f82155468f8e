"""Opening checklists of any format: recognised by what they hold, read once, and kept as they were read.

To read a backbone of five million names takes a minute.
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ...core.database import Database
from ...core.files import fingerprint, sha256
from ...core.hash_cache import HashCache
from ...core.packed_files import PackedFiles, open_tables
from ...core.user_folders import user_cache
from ...errors import InputError
from ...sources.file_names import show_names
from ..parsing.parsed_name import Parser
from ..providers.tables import require_use
from .cache import ChecklistCache, Note
from .checklist import Checklist

_VERSION = 2
"""Raised whenever a reader would make other tables of the same files."""
_NEEDED = "names with their ranks, and what each belongs to"
_FORMATS = (
    "checklists that can be read are data packages of ChecklistBank (ColDP, with NameUsage.tsv, or Name.tsv and "
    "Taxon.tsv), archives of Darwin Core (with meta.xml and a table of taxa) and NCBI's taxdump (with nodes.dmp and "
    "names.dmp), each as a zip or a folder, taxdump also as it is published, taxdump.tar.gz"
)


class _Recognised(NamedTuple):
    """A checklist whose format is known.

    Attributes:
        files: the files that it is read from.
        write: writes its tables, given its name, a folder, a database and a parser.
    """

    files: list[Path]
    write: Callable[[str, Path, Database, Parser], Checklist]


def open_checklist(
    name: str, path: Path, folder: Path, database: Database, parser: Parser, note: Note = lambda _: None
) -> Checklist:
    """A checklist as tables of Parquet: as it was kept, or read anew.

    Args:
        name: what ``[names]`` calls it.
        path: a zip, a folder or a table, in any of the formats that can be read.
        folder: keeps what was read if the user's cache cannot be written to.
        database: for the tables on the way.
        parser: divides the few names that are not plain.
        note: is told where it is kept, if not in the user's cache.

    Raises:
        InputError: it is of no format that can be read, is damaged, or has no names.
    """
    try:
        recognised, kept = _recognise(path), ChecklistCache(folder, note)
        key = fingerprint({"files": _digests(path, recognised.files), "version": _VERSION, "parser": parser.name})[:32]
        if checklist := kept.find(key, name):
            return checklist
        made = database.scratch / f"checklist-{name}"
        made.mkdir(exist_ok=True)
        checklist = recognised.write(name, made, database, parser)
        require_use(checklist.tables[0], path, _NEEDED)
    except InputError as error:
        text = str(error).removeprefix("[names] ")
        raise InputError(f"[names] checklists.{name}: {text}") from None
    opened = kept.keep(key, checklist)
    if opened is not checklist:
        shutil.rmtree(made)
    return opened


def check_checklist(path: Path) -> None:
    """Check that a file or folder holds a checklist of a format that can be read, by its list of files and its headers.

    Raises:
        InputError: it does not, or cannot be read.
    """
    _recognise(path)


def _recognise(path: Path) -> _Recognised:
    """The format of a checklist.

    Raises:
        InputError: it is none, or cannot be read.
    """
    # The readers are imported here and below: no build without a checklist needs them.
    from .taxdump import is_taxdump, taxdump_files, write_taxdump

    if is_taxdump(path):
        return _Recognised(taxdump_files(path), partial(write_taxdump, path))
    return _recognise_tables(open_tables(path))


def _recognise_tables(files: PackedFiles) -> _Recognised:
    from ...sources.lists.darwin_core import read_archive
    from .coldp import find_package, write_package
    from .darwin_core import files_of, is_checklist, write_archive

    is_described = any(one.lower().rpartition("/")[2] == "meta.xml" and one.count("/") <= 1 for one in files.names)
    package = find_package(files)
    if package.is_complete and not is_described:
        return _Recognised(package.paths(), partial(write_package, package))
    try:
        archive = read_archive(files)
    except InputError:
        if is_described:
            raise
        held = f"it holds {show_names(files.names)}" if files.names else "it is empty"
        raise InputError(f"{files.path} is no checklist: {held}; {_FORMATS}") from None
    if not is_checklist(archive):
        raise InputError(f"{files.path} has a row per {archive.core.kind or 'record'}, not per taxon; {_FORMATS}")
    return _Recognised(files_of(archive), partial(write_archive, archive))


def _digests(path: Path, files: list[Path]) -> list[tuple[str, str]]:
    """The SHA-256 of each file, with its name below the checklist's folder; remembered where there is a cache."""
    names = {one: one.relative_to(path).as_posix() if one != path else "" for one in files}
    cache = user_cache()
    if cache is None:
        return sorted((name, sha256(one)) for one, name in names.items())
    with closing(HashCache(cache / "known.sqlite")) as known:
        return sorted((name, known.sha256(one)) for one, name in names.items())
