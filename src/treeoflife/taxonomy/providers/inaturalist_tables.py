"""The tables of iNaturalist's archive: its taxa, and its common names in the languages that are wanted."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import polars as pl

from ...core import zip_reader
from ...core.folders import list_entries
from ...core.languages import language_code, language_name
from ...errors import InputError
from ...sources.file_names import show_names
from ..common_names.choice import clean_languages
from ..expressions import UPPER
from .tables import ProviderTable, read_table

INATURALIST = ("id", *UPPER, "specificEpithet", "scientificName", "taxonRank")
"""The columns of the taxa."""

# In upper or lower case. There is a table of common names for each language, by its English name, such as
# VernacularNames-german.csv; some languages have several, such as chinese-simplified and chinese-traditional.
_TAXA = "taxa.csv"
_NAMES = re.compile(r"vernacularnames-(?P<language>[^.]+)\.csv", re.IGNORECASE)
_OPTIONAL = ("language", "locality", "created")


def read_inaturalist_tables(path: Path, languages: Sequence[str]) -> tuple[ProviderTable, list[ProviderTable]]:
    """The taxa, and the common names in some languages, of a folder or a zip; tables are called by its path.

    Args:
        languages: their codes. A language without a table is a remark on the taxa.

    Returns:
        The taxa; and tables with the columns ``id``, ``vernacularName``, ``language`` (a code), ``locality`` and
        ``created``.

    Raises:
        InputError: there is no table of taxa, or two of one kind; or one cannot be read.
    """
    with _files(path, languages) as (taxa, *names):
        file = read_table(taxa, INATURALIST, ids=("id",))
        tables = [_read_names(one) for one in names]
    present = {_language_of(one.name) for one in names}
    for missing in (language for language in languages if language not in present):
        table = f"VernacularNames-{language_name(missing).lower()}.csv"
        what = "common names" if len(languages) == 1 else f"common names in {language_name(missing)}"
        remark = f"{path} holds no {table}, so iNaturalist gives no {what}"
        file = replace(file, remarks=(*file.remarks, remark))
    file, *tables = (replace(one, path=path / one.path.name) for one in (file, *tables))
    return file, tables


def _read_names(path: Path) -> ProviderTable:
    """A table of common names. Its own language is that of the rows that name none."""
    table = read_table(path, ("id", "vernacularName"), optional=_OPTIONAL, ids=("id",))
    codes = clean_languages(table.rows["language"])
    own = pl.when(pl.col("language") == "").then(pl.lit(_language_of(path.name))).otherwise(codes)
    return replace(table, rows=table.rows.with_columns(language=own))


def _language_of(name: str) -> str:
    """The code of the language that the name of a table of common names says."""
    match = _NAMES.fullmatch(name)
    return language_code(match["language"]) if match else ""


@contextmanager
def _files(path: Path, languages: Sequence[str]) -> Iterator[list[Path]]:
    """The file of iNaturalist's taxa, and those of its common names; those of a zip are unpacked."""
    if path.is_dir():
        yield [path / name for name in _find_tables(path, [entry.name for entry in list_entries(path)], languages)]
        return
    with TemporaryDirectory(prefix="treeoflife-") as folder:
        try:
            with path.open("rb") as archive:
                files = _unpack(path, archive, Path(folder), languages)
        except (OSError, zip_reader.ZipError) as error:
            raise InputError(
                f"[names] inaturalist: {path} is neither a folder nor a zip that is whole: {error}"
            ) from None
        try:
            yield files
        except InputError as error:  # it names the temporary file, which nobody can look into
            raise InputError(str(error).replace(f"{folder}/", f"{path}/")) from None


def _unpack(path: Path, archive: IO[bytes], folder: Path, languages: Sequence[str]) -> list[Path]:
    """Unpack these tables alone, by their base names: a member's name may point outside the folder."""
    members = list(zip_reader.read_entries(archive))
    names = [member.name for member in members]
    files = []
    for name in _find_tables(path, names, languages):
        files.append(folder / _base_name(name))
        with files[-1].open("wb") as target:
            target.writelines(zip_reader.read_chunks(archive, members[names.index(name)]))
    return files


def _find_tables(path: Path, names: Sequence[str], languages: Sequence[str]) -> list[str]:
    """Of the names of files in iNaturalist's folder or zip, that of the taxa, and those of common names by language.

    Raises:
        InputError: there is no table of taxa, or two of one kind.
    """
    by_table: dict[str, list[str]] = {}
    for name in sorted(names):
        by_table.setdefault(_base_name(name).lower(), []).append(name)
    wanted = [
        table for language in languages for table in sorted(by_table) if _language_of(_base_name(table)) == language
    ]
    found: list[str] = []
    for table in (_TAXA, *wanted):
        own = by_table.get(table, [])
        if len(own) > 1:
            shown = table.replace("vernacularnames", "VernacularNames")
            raise InputError(
                f"[names] inaturalist: {path} holds two tables {shown}, {own[0]!r} and {own[1]!r}; keep one"
            )
        if table == _TAXA and not own:
            held = f"it holds {show_names(names)}" if names else "it is empty"
            raise InputError(f"[names] inaturalist: {path} holds no {table}; {held}")
        found += own
    return found


def _base_name(name: str) -> str:
    """What follows the last slash; Windows' programs write backslashes into archives."""
    return re.split(r"[/\\]", name)[-1]
