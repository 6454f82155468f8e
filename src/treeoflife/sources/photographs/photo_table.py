"""The table that says what photographs show: which of its columns mean what, whatever program wrote it.

How headers are compared is in :mod:`.spellings`.
"""

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import NoReturn

import numpy as np
import polars as pl

from ...core.table_files import read_table_file
from ...core.text_tables import TextTable
from ...core.unknown_words import is_unknown
from ...core.values import RANKS
from ...errors import InputError
from ..spellings import NAMES, TAXON_RANK, Spellings, plain_header
from .file_ids import SEPARATOR, find_by_ids
from .photo_about import read_about

# Of files, columns of a later tuple count only in a table that lacks those of the tuples before.
_FILE: Spellings = (
    ("file", "filename", "filepath", "path", "image", "imagefile"),
    ("imagefilename", "imagename", "imagepath", "photo", "photofile", "photofilename", "photoname", "photograph",
     "picture", "picturefile", "media", "mediafile", "mediafilename", "relativepath", "originalfilename"),
    ("associatedmedia",), ("identifier",),
)  # fmt: skip
# The names of files may hold the values of these, where no column names the files themselves.
_IDS: Spellings = tuple((spelling,) for spelling in (
    "catalognumber", "occurrenceid", "gbifid", "observationid", "id", "photoid", "uuid", "observationuuid", "photouuid",
    "specimenid", "specimennumber", "accessionnumber", "barcode", "identifier", "imageurl", "associatedmedia",
    "accessuri", "url",
))  # fmt: skip
_OTHER_THINGS = {"associatedmedia", "identifier"}
"""Columns of files that hold ids or addresses in some tables."""
_MEANINGS: dict[str, Spellings] = {"file": _FILE, **NAMES, "taxon_rank": TAXON_RANK}
_NAMES = {"common": "common_name"}
"""What messages call a meaning, where that differs from its column."""
RAW = "as written: "
_ADDRESS = re.compile(r"(?i)(https?|ftp)://")
_NO_WORDS = re.compile(r"<[^<>]*>|\([^)]*\)|×|(?<![^\W_])[xX](?![^\W_]|\.)|(?<![^\W_])x(?=[A-Z])")
_SHOWN = 12
_VIRUS = re.compile(r"(?i)(virus|viroid|phage|satellite)\b")
_FORMULA = re.compile(r"\w\.?\s+[×xX*]\s+[A-Z]")


@dataclass(frozen=True)
class PhotoTable:
    """What a table says of photographs.

    Attributes:
        rows: ``file``, the seven ranks, ``scientific_name``, ``taxon_rank`` and ``common``, all text and none null;
            and ``line``, where the row is in the table; and :data:`.base.ABOUT_COLUMNS`. A row without a file is left
            out.
        used: the columns that were read, each with what it holds.
        unused: the other columns.
        remarks: sentences on what had to be guessed or repaired.
        further: which of the further columns that were asked for the table has.
    """

    rows: pl.DataFrame
    used: dict[str, str]
    unused: tuple[str, ...]
    remarks: tuple[str, ...]
    further: tuple[str, ...] = ()


def read_photo_table(
    path: Path,
    file_column: str = "",
    images: Sequence[str] = (),
    further: Mapping[str, Spellings] | None = None,
    raw: Mapping[str, str] | None = None,
) -> PhotoTable:
    """Read the table of photographs.

    Args:
        file_column: the column with the photographs' files or ids; empty for that with a usual name.
        images: the photographs, as paths relative to their folder, for tables that name them by ids.
        further: what else to read, and how its columns may be called; the table then need not have names.
        raw: columns of the table to add as they are, by the names that they get; these begin with :data:`RAW`.

    Raises:
        InputError: the table cannot be read, has no row or no column with files or names, two columns that mean the
            same and differ, or a species of another genus than its row.
        MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
    """
    return _Reader(path, read_table_file(path), images).read(file_column, further or {}, raw or {})


class _Reader:
    """The reading of one table."""

    def __init__(self, path: Path, table: TextTable, images: Sequence[str]) -> None:
        self._path, self._table, self._remarks = path, table, list(table.remarks)
        self._images, self._separator = images, ""
        self._used: dict[str, str] = {}

    def read(self, file_column: str, further: Mapping[str, Spellings], raw: Mapping[str, str]) -> PhotoTable:
        tiers = {meaning: self._tiers(spellings) for meaning, spellings in _MEANINGS.items()}
        files = self._files(next(iter(tiers.pop("file")), []), file_column)
        if not further:
            self._check_names(tiers)
        more = {meaning: self._tiers(spellings) for meaning, spellings in further.items()}
        cells = [files, *(self._filled(meaning, columns) for meaning, columns in (tiers | more).items())]
        about, about_columns = read_about(self._table.rows, self._tiers)
        own = (self._table.rows[column].alias(name) for name, column in raw.items())
        rows = pl.DataFrame([*cells, pl.Series("line", self._table.lines, dtype=pl.Int64), *about, *own])
        rows = self._with_files(self._with_own_genus(rows, tiers))
        self._check_genera(rows)
        self._remark_replacements(rows)
        used = self._used | {
            name: f"{self._used[name]} and {meaning}" if name in self._used else meaning
            for name, meaning in about_columns.items()
        }
        unused = tuple(name for name in self._table.columns if name not in used)
        return PhotoTable(rows, used, unused, tuple(self._remarks), tuple(meaning for meaning in more if more[meaning]))

    def _tiers(self, spellings: Spellings) -> list[list[str]]:
        """The columns of each tuple of spellings of which the table has some."""
        present = self._table.rows.columns
        tiers = [[name for one in alike for name in present if plain_header(name) == one] for alike in spellings]
        return [names for names in tiers if names]

    def _files(self, names: list[str], wanted: str) -> pl.Series:
        """The files of each row, divided by the separator where there may be several."""
        columns = self._file_columns(names, wanted)
        ids = [wanted] if self._has(wanted) else list(dict.fromkeys([*chain(*self._tiers(_IDS)), *names]))
        # A column of ids may name files as well; one of files that are not there says so.
        are_files = columns and not wanted and plain_header(columns[0]) not in _OTHER_THINGS
        if not are_files and not self._names_any(columns):
            for column, files in find_by_ids(self._path, self._table.rows, ids, self._images).items():
                return self._called_by_id(column, files)
        if not columns:
            self._refuse_without_files(names, wanted)
        self._separator = "|" if any(plain_header(name) == "associatedmedia" for name in columns) else ""
        return self._merged("file", columns)

    def _has(self, column: str) -> bool:
        return column in self._table.rows.columns

    def _names_any(self, columns: list[str]) -> bool:
        """Whether any value is the name of a photograph; in a column of ids, with its ending."""
        are_ids = any((plain_header(column),) in _IDS for column in columns)
        names = [PurePosixPath(image) for image in self._images]
        known = {name.name.casefold() for name in names} | {name.stem.casefold() for name in names if not are_ids}
        values = (value for column in columns for cell in self._table.rows[column] for value in cell.split("|"))
        return any(re.split(r"[\\/]", value)[-1].strip().casefold() in known for value in values)

    def _called_by_id(self, column: str, files: list[str]) -> pl.Series:
        self._separator, self._used[column] = SEPARATOR, "file"
        found = sum(bool(names) for names in files)
        self._remarks.append(
            f"it names no files: photographs are matched by {column!r} in their names, which {found:,} of "
            f"{len(files):,} rows have"
        )
        ids = self._table.rows[column]
        return pl.Series("file", [names or one for names, one in zip(files, ids, strict=True)], dtype=pl.String)

    def _file_columns(self, names: list[str], wanted: str) -> list[str]:
        if self._has(wanted):
            return [wanted]
        return [] if wanted else [name for name in names if not self._holds_addresses(name)]

    def _refuse_without_files(self, names: list[str], wanted: str) -> NoReturn:
        addresses = f"; {names[0]!r} holds web addresses" if names and not wanted else ""
        shown = ", ".join(map(repr, self._table.rows.columns[:_SHOWN]))
        more = f" and {len(self._table.rows.columns) - _SHOWN} more" if len(self._table.rows.columns) > _SHOWN else ""
        raise InputError(
            f"the table {self._path} has no column {wanted or 'file'!r} with the photographs' files{addresses}; it has "
            f"{shown}{more}: rename one to 'file', or name it with --file-column, or as file_column in dataset.toml"
        )

    def _holds_addresses(self, name: str) -> bool:
        filled = self._table.rows[name].to_frame("value").filter(pl.col("value") != "")["value"]
        return bool(len(filled)) and all(_ADDRESS.match(value) for value in filled)

    def _check_names(self, tiers: dict[str, list[list[str]]]) -> None:
        if not any(tiers[meaning] for meaning in (*RANKS, "scientific_name")):
            raise InputError(
                f"the table {self._path} has neither a rank ({', '.join(RANKS)}) nor a scientific_name; it has "
                f"{', '.join(map(repr, self._table.rows.columns[:_SHOWN]))}: rename the columns that hold the names"
            )

    def _filled(self, meaning: str, tiers: list[list[str]]) -> pl.Series:
        """The values of the first columns; in rows where they are empty, those of the next ones."""
        values = self._merged(meaning, next(iter(tiers), []))
        for names in tiers[1:]:
            fills = (values == "") & self._table.rows.select(pl.any_horizontal(pl.col(names) != "")).to_series()
            if fills.any():
                values = self._merged(meaning, names, fills).zip_with(fills, values)
                line = self._table.lines[int(fills.arg_max() or 0)]
                self._remarks.append(
                    f"{int(fills.sum()):,} of its rows have their {_NAMES.get(meaning, meaning)} in "
                    f"{' and '.join(map(repr, names))} alone, the first on line {line}"
                )
        return values

    def _merged(self, meaning: str, names: list[str], wanted: pl.Series | None = None) -> pl.Series:
        """The values of columns that mean the same; of two that agree, the longer one.

        Args:
            wanted: the rows of which values are wanted; None for all.
        """
        if not names:
            return pl.Series(meaning, [""] * self._table.rows.height, dtype=pl.String)
        self._used |= dict.fromkeys(names, _NAMES.get(meaning, meaning))
        columns = self._table.rows.select(names)
        if wanted is not None:
            columns = columns.select(pl.when(wanted).then(pl.col(names)).otherwise(pl.lit("")))
        values = columns[names[0]]
        for other in names[1:]:
            values = self._agreed(values, columns[other], names[0])
        if len(names) > 1:
            self._remarks.append(f"its columns {' and '.join(map(repr, names))} mean the same, and agree")
        return values.alias(meaning)

    def _agreed(self, values: pl.Series, further: pl.Series, first: str) -> pl.Series:
        merged = values.to_list()
        for row in np.flatnonzero((values != further).to_numpy()):
            one, two = merged[row], further[int(row)]
            if not _agree(one, two):
                raise InputError(
                    f"the table {self._path}, line {self._table.lines[int(row)]}: its columns {first!r} and "
                    f"{further.name!r} mean the same, and say {one!r} and {two!r}; rename or remove one"
                    + (", or name the right one as file_column" if self._used[first] == "file" else "")
                )
            merged[row] = max(one, two, key=len)
        return pl.Series(merged, dtype=pl.String)

    def _with_own_genus(self, rows: pl.DataFrame, tiers: dict[str, list[list[str]]]) -> pl.DataFrame:
        """The rows, without epithets that only a further column has and that belong to another genus.

        GBIF has such rows where a name is a synonym of a genus: genericName and specificEpithet are of the name as it
        was written, genus is that of the taxon.
        """
        if len(tiers["genus"]) < 2 or len(tiers["species"]) < 2:
            return rows
        genus, own_genus, species = (
            self._table.rows[name] for name in (tiers["genus"][0][0], tiers["genus"][1][0], tiers["species"][0][0])
        )
        differs = (own_genus != "") & (genus != "") & (genus.str.to_lowercase() != own_genus.str.to_lowercase())
        moved = differs & (species == "") & (rows["species"] != "") & ~rows["species"].str.contains(" ")
        if moved.any():
            self._remarks.append(
                f"{int(moved.sum()):,} of its rows have an epithet of another genus, {tiers['genus'][1][0]!r}, and are "
                f"taken without it, the first on line {self._table.lines[int(moved.arg_max() or 0)]}"
            )
        return rows.with_columns(species=pl.when(moved).then(pl.lit("")).otherwise("species"))

    def _check_genera(self, rows: pl.DataFrame) -> None:
        """Check that no species has another genus than its row: together they would be an invented name."""
        both = rows.filter(pl.col("genus") != "", pl.col("species").str.contains(r"[\s_]"))
        for genus, species, line in (
            both.unique(["genus", "species"], keep="first", maintain_order=True)
            .select("genus", "species", "line")
            .iter_rows()
        ):
            if not is_unknown(genus) and not _is_of_genus(species, genus):
                raise InputError(
                    f"the table {self._path}, line {line}: its genus is {genus!r}, and its species {species!r} is of "
                    "another genus; correct one of them, or leave it empty"
                )

    def _with_files(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows that name a file; a row of several files, as in Darwin Core, becomes as many."""
        if rows.is_empty():
            raise InputError(f"the table {self._path} has a header and no row")
        if self._separator:
            rows = rows.with_columns(pl.col("file").str.split(self._separator)).explode("file")
            rows = rows.with_columns(pl.col("file").str.strip_chars())
        with_file = rows.filter(pl.col("file") != "")
        named = pl.any_horizontal(pl.col("scientific_name", "common", *RANKS) != "")
        without = rows.filter(pl.col("file") == "", named)
        if with_file.is_empty():
            raise InputError(f"the table {self._path} names no file: {self._file_name()!r} is empty in all of its rows")
        if without.height:
            self._remarks.append(
                f"{without.height:,} of its rows name no file and are left out, the first on line {without['line'][0]}"
            )
        return with_file

    def _file_name(self) -> str:
        return next(name for name, meaning in self._used.items() if meaning == "file")

    def _remark_replacements(self, rows: pl.DataFrame) -> None:
        # An earlier program put this character where it could not read one.
        lost = rows.filter(pl.any_horizontal(pl.col(pl.String).str.contains("\ufffd", literal=True)))
        if lost.height:
            self._remarks.append(
                f"{lost.height:,} of its rows have the character U+FFFD, which stands for one that was lost when the "
                f"table was written, the first on line {lost['line'][0]}"
            )


def _agree(one: str, other: str) -> bool:
    """Whether two values are compatible: equal but for case, one empty, or one a part of the other.

    >>> _agree("field/a.jpg", "a.jpg"), _agree("Parus major", "Parus major Linnaeus, 1758"), _agree("a.jpg", "ba.jpg")
    (True, True, False)
    """
    short, long = sorted((one.casefold().replace("\\", "/"), other.casefold().replace("\\", "/")), key=len)
    return not short or short == long or long.startswith(f"{short} ") or long.endswith((f" {short}", f"/{short}"))


def _is_of_genus(species: str, genus: str) -> bool:
    """Whether a species can be of a genus: it is an epithet, or has the same genus, which may be abbreviated.

    >>> _is_of_genus("Parus (Parus) major", "Parus"), _is_of_genus("P. major", "Parus"), _is_of_genus("major", "Parus")
    (True, True, True)
    >>> _is_of_genus("Sorbopyrus auricularis", "× Sorbopyrus"), _is_of_genus("Parus major", "Turdus")
    (True, False)

    Names of viruses and formulas of hybrids say nothing of a genus, nor do words such as "Unknown species".

    >>> _is_of_genus("Tobacco mosaic virus", "Tobamovirus"), _is_of_genus("Not identified", "Parus")
    (True, True)
    """
    own, words = _words(genus), _words(species)
    if not own or len(words) < 2 or not words[0][0].isupper() or not (words[1][0].islower() or species.isupper()):
        return True
    if is_unknown(words[0]) or words[0].casefold() == "not" or _VIRUS.search(species) or _FORMULA.search(species):
        return True
    one, other = sorted((_plain_letters(own[0]), _plain_letters(words[0])), key=len)
    return one == other or ((len(one) == 1 or one.endswith(".")) and other.startswith(one.rstrip(".")))


def _plain_letters(name: str) -> str:
    """A name in lower case and without diacritics: Isoetes and Isoëtes are one genus."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def _words(name: str) -> list[str]:
    """The words of a name without markup, subgenus, quotation marks and signs of hybrids."""
    return re.findall(r"[^\W\d_][^\W_]*(?:[-'’.][^\W_]+)*\.?", _NO_WORDS.sub(" ", html.unescape(name)))
