"""Hold-out lists: species and images that must not be in the dataset because a benchmark uses them."""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import polars as pl

from ..config.tables import Holdout
from ..core.database import Database, quoted
from ..core.json_reader import UnreadableError, parse_json
from ..core.text_encoding import read_text
from ..core.text_tables import read_text_table
from ..errors import HoldoutError, InputError
from ..mapping.ids import id_key, is_uuid
from ..mapping.images import listed_name
from ..sources.base import Source
from ..sources.file_names import IMAGE_SUFFIXES
from ..taxonomy.species_key import species_key

# EOL's images are <content id>_<page id>; benchmarks that were made from them call them <content id>_<page id>_eol….
_EOL_NAME = re.compile(r"([0-9]+_[0-9]+)(?:_eol.*)?")
_SUFFIX = r"\.[A-Za-z0-9]+$"
_JSON = re.compile(r"\s*(\{\s*[\"}]|\[\s*[\"\[\]{])")  # how JSON begins, and no other list
# Headers of the column of a CSV that has the entries.
_SPECIES_COLUMNS = ("species", "scientific_name", "scientificname", "name")
_IMAGE_COLUMNS = ("image", "file", "filename", "file_name", "treeoflife_id")
# The report quotes so many entries that match nothing: enough to see what is wrong with a list.
_EXAMPLES = 20
_ENTRY = {"place": pl.Int64, "list": pl.Int64, "entry": pl.String, "reason": pl.String, "detail": pl.String}


@dataclass(frozen=True)
class HoldoutList:
    """The entries of a hold-out list.

    Attributes:
        species: the entries that hold out a whole species, each with the species' key
            (:mod:`treeoflife.taxonomy.species_key`); empty for an entry that names no species.
        images: the image names.
        name: what the ledger and messages call the list.
        remarks: sentences on what had to be guessed about the file.
    """

    path: Path
    species: dict[str, str]
    images: tuple[str, ...]
    name: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def meaningless(self) -> tuple[str, ...]:
        """The entries that name neither a species nor an image."""
        return tuple(entry for entry, key in self.species.items() if not key)


@dataclass(frozen=True)
class Matches:
    """How a list matches the dataset: the number of entries, those that match nothing, and the number of images.

    An image that several lists hold out counts for the first of them.
    """

    path: Path
    name: str
    entries: int
    unmatched: tuple[str, ...]
    images: int

    def to_json(self) -> dict[str, object]:
        """The matches for reports."""
        return {
            "path": str(self.path),
            "name": self.name,
            "entries": self.entries,
            "unmatched": len(self.unmatched),
            "examples": list(self.unmatched[:_EXAMPLES]),
            "images": self.images,
        }


def read_list(holdout: Holdout) -> HoldoutList:
    """Read a hold-out list: JSON (``{species: [image names]}``, or a list of either), CSV, or text, one entry per line.

    Raises:
        InputError: the file is missing or malformed, or no entry names a species or an image.
    """
    where = f"the hold-out list {holdout.path}"
    try:
        text, remarks = read_text(holdout.path)
    except InputError as error:
        raise InputError(f"{where} cannot be read: {error}") from None
    if holdout.path.suffix.lower() == ".json" or _JSON.match(text):
        names, images = _from_json(holdout, text, where)
    else:
        names, images, more = _from_text(holdout, text, where)
        remarks = tuple(dict.fromkeys((*remarks, *more)))
    species = {name: species_key(name) or "" for name in names if name.strip()}
    images = [image for image in images if PurePosixPath(image.replace("\\", "/")).stem]
    if not species and not images:
        raise InputError(f"{where} has no entry: neither a species nor an image name")
    if not images and not any(species.values()):
        raise InputError(
            f"none of the {len(species):,} entries of {where} names a species or an image, such as "
            f"'{next(iter(species)):.60}': a species is a genus and an epithet, an image a file name or an id"
        )
    return HoldoutList(holdout.path, species, tuple(images), holdout.path.name, remarks)


def read_lists(holdouts: Sequence[Holdout]) -> list[HoldoutList]:
    """Read the hold-out lists of a dataset; see :func:`read_list`. Lists of one file name are told apart by folders."""
    lists, names = [read_list(one) for one in holdouts], distinct_names([one.path for one in holdouts])
    return [replace(entries, name=name) for entries, name in zip(lists, names, strict=True)]


def _from_json(holdout: Holdout, text: str, where: str) -> tuple[list[str], list[str]]:
    """The species and the image names of a JSON file."""
    wrong = f"{where} is not JSON of the form {{species: [image names]}} or [species]"
    try:
        entries = parse_json(text)
    except UnreadableError as error:
        raise InputError(f"{wrong}: {error}") from None
    if isinstance(entries, dict) and all(isinstance(names, list) for names in entries.values()):
        species, images = list(entries), [image for names in entries.values() for image in names]
    elif isinstance(entries, list):
        species, images = entries, []
    else:
        raise InputError(wrong)
    for entry in (*species, *images):
        if not isinstance(entry, str):
            raise InputError(f"{wrong}: {str(entry)[:60]} is no text")
    if isinstance(entries, list):
        species, images = _divide(entries)
    # Rare Species came with two files: unseen_in_training.json holds out its species, and seen_in_training.json only
    # the images that it names of species that stay.
    by_images = holdout.by == "images" or (holdout.by == "auto" and holdout.path.name.startswith("seen"))
    return [] if by_images else species, images


def _from_text(holdout: Holdout, text: str, where: str) -> tuple[list[str], list[str], Sequence[str]]:
    """The species and the image names of a text or CSV file, and remarks on it."""
    entries, remarks = _entries(holdout, text, where)
    if holdout.by == "auto":
        return *_divide(entries), remarks
    return *((entries, []) if holdout.by == "species" else ([], entries)), remarks


def _entries(holdout: Holdout, text: str, where: str) -> tuple[list[str], Sequence[str]]:
    """The entries of a text or CSV file: from the columns with known headers, or else the first column; and remarks."""
    lines = [(number, line) for number, line in enumerate(io.StringIO(text), 1)]
    lines = [(number, line.rstrip("\n")) for number, line in lines if line.strip() and not line.startswith("#")]
    if not lines:
        return [], ()
    wanted = (*_IMAGE_COLUMNS, *_SPECIES_COLUMNS) if holdout.by == "images" else (*_SPECIES_COLUMNS, *_IMAGE_COLUMNS)
    own_kind = {"images": _IMAGE_COLUMNS, "species": _SPECIES_COLUMNS}.get(holdout.by, wanted)
    for delimiter in ",;\t|":
        header = [_header(cell) for cell in _cells(lines[0], delimiter, where)]
        # A file's name is no species, where it is known which of both the list is of.
        if columns := [name for name in own_kind if name in header] or [name for name in wanted if name in header]:
            if holdout.by != "images" and {"genus", "species"} <= set(header):
                columns = ["genus", *columns]
            rows, remarks = _rows(holdout.path, text, lines, delimiter, where)
            return [
                _entry(row, columns) or _no_entry(line, columns) for line, row in rows if any(row.values())
            ], remarks
    return [entry for line in lines if (entry := _cells(line, ",", where)[0].strip())], ()


def _entry(row: Mapping[str, str], columns: Sequence[str]) -> str:
    """The entry of a row: its first column that is filled; genus and species are one, if they come first."""
    cells = [row.get(name, "") for name in columns]
    if columns[0] != "genus":
        return next(filter(None, cells), "")
    genus, species, *others = cells
    name = _scientific_name(genus, species)
    return name if " " in name else next(filter(None, others), name)


def _no_entry(line: int, columns: Sequence[str]) -> str:
    """What stands for the entry of a row that has none; what is in brackets names nothing."""
    return f"(line {line}, which is empty in {', '.join(columns)})"


def _header(cell: str) -> str:
    return re.sub(r"[\s_]+", "_", cell.strip().lower())


def _rows(
    path: Path, text: str, lines: Sequence[tuple[int, str]], delimiter: str, where: str
) -> tuple[list[tuple[int, dict[str, str]]], Sequence[str]]:
    """The rows of a list with a header, each with its line and by the :func:`_header` of each column; and remarks."""
    remarks: Sequence[str] = ()
    if text.startswith("#") or "\n#" in text:  # comments are no part of any table
        header, *body = (_cells(line, delimiter, where) for line in lines)
        numbers: Sequence[int] = [number for number, _ in lines[1:]]
    else:
        table = read_text_table(path, delimiter=delimiter)
        header, body, numbers = list(table.columns), [list(row) for row in table.rows.iter_rows()], table.lines
        remarks = [f"{path}: {remark}" for remark in table.remarks]
    names = [_header(cell) for cell in header]
    if twice := next((name for name in names if name and names.count(name) > 1), None):
        raise InputError(f"{where} has two columns called {twice}; remove one")
    rows = [{name: cell.strip() for name, cell in zip(names, row, strict=False)} for row in body]
    return list(zip(numbers, rows, strict=True)), remarks


def _cells(line: tuple[int, str], delimiter: str, where: str) -> list[str]:
    """The cells of a line of a list, of which there is at least one."""
    number, text = line
    if text.count('"') % 2:
        raise InputError(f"{where}, line {number}: a quotation mark is opened and never closed")
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error as error:
        raise InputError(f"{where}, line {number}: {error}") from None


def _scientific_name(genus: str, species: str) -> str:
    """The name in the columns genus and species, of which the latter may repeat the genus."""
    return species if species.lower().startswith(f"{genus.lower()} ") else f"{genus} {species}".strip()


def _divide(entries: Sequence[str]) -> tuple[list[str], list[str]]:
    """Entries that name species, and entries that name images: files, or ids."""
    images = [entry for entry in entries if _is_image(entry)]
    return [entry for entry in entries if not _is_image(entry)], images


def _is_image(entry: str) -> bool:
    return PurePosixPath(entry).suffix.lower() in IMAGE_SUFFIXES or is_uuid(entry)


def find_held_out(database: Database, lists: Sequence[HoldoutList], sources: Sequence[Source]) -> None:
    """Find the images that are held out.

    in:  image; name and named, the names of keys; renamed, the names of single images
    out: entry      place, list, entry, reason, detail      the entries, in the order of the lists
         hit        image_row, place                        every pair of an image and an entry that names it
         held_out   image_row, place, held_out, held_out_detail      the first entry that names an image
    """
    entries, species, names = _number_entries(lists)
    database.load("entry", entries)
    database.load("species_entry", species)
    database.load("image_entry", names)
    database.make("listed_name", "SELECT name, place FROM name JOIN species_entry USING (species_key)")
    database.make("listed_key", "SELECT source, name_key, place FROM named JOIN listed_name USING (name)")
    # A mark gives an image another name than its key has.
    by_key = "image JOIN listed_key USING (source, name_key) ANTI JOIN renamed USING (treeoflife_id)"
    by_mark = "image JOIN renamed USING (treeoflife_id) JOIN listed_name USING (name)"
    parts = [f"SELECT image_row, place FROM {joined}" for joined in (by_key, by_mark)]
    parts += [_by_image_name(way) for source in sources for way in _ways(source)] if names.height else []
    database.make("hit", f"SELECT DISTINCT image_row, place FROM ({' UNION ALL '.join(parts)})")
    database.make("held_out", """
        SELECT image_row, place, reason AS held_out, detail AS held_out_detail
        FROM (SELECT image_row, min(place) AS place FROM hit GROUP BY image_row)
        JOIN entry USING (place)
    """)  # fmt: skip


def _number_entries(lists: Sequence[HoldoutList]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """The entries of all lists; the key of each that is a species; and the names of each that is an image."""
    rows: list[tuple[int, int, str, str, str]] = []
    species: list[tuple[int, str]] = []
    names: list[tuple[int, str]] = []
    for number, entries in enumerate(lists):
        for entry, key in entries.species.items():
            # An entry that names no species must not match images without a name.
            species += [(len(rows), key)] if key else []
            rows.append((len(rows), number, entry, "held-out-species", f"{entries.name}: {entry}"))
        for entry in entries.images:
            names += [(len(rows), name) for name in sorted(image_names(entry))]
            rows.append((len(rows), number, entry, "held-out-image", f"{entries.name}: {entry}"))
    return (
        pl.DataFrame(rows, schema=_ENTRY, orient="row"),
        pl.DataFrame(species, schema={"place": pl.Int64, "species_key": pl.String}, orient="row"),
        pl.DataFrame(names, schema={"place": pl.Int64, "name": pl.String}, orient="row"),
    )


def _by_image_name(way: tuple[str, str]) -> str:
    name, where = way
    return f"SELECT image_row, place FROM image JOIN image_entry ON image_entry.name = {name} WHERE {where}"


def _ways(source: Source) -> Iterator[tuple[str, str]]:
    """SQL for the ways in which a list may name an image, and for the condition that the image is of this source."""
    where = f"source = {quoted(source.name)}"
    yield "treeoflife_id", where
    yield "lower(treeoflife_id)", where
    listed = listed_name(source)
    if all(source.columns[one] is int for one in re.findall(r"\{(\w+)\}", source.listed_as)):
        yield f"({listed})", where  # numbers have neither a suffix nor a folder
        return
    stem = f"regexp_replace({listed}, {quoted(_SUFFIX)}, '')"
    yield stem, where
    yield f"regexp_extract({stem}, '[^/]+$')", where


def image_names(entry: str) -> set[str]:
    """The names that a mapping may have for an image of a list: without suffix, folders, or EOL's ending; or an id."""
    path = PurePosixPath(entry.replace("\\", "/"))
    eol = _EOL_NAME.fullmatch(path.stem)
    names = {str(path.with_suffix("")), path.stem, eol[1] if eol else path.stem, id_key(entry)}
    # A file system may have written an accent as a character of its own (NFD), and who made the list not.
    return names | {unicodedata.normalize(form, name) for name in names for form in ("NFC", "NFD")}


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """The names of files, each with as many of its folders as tell it from other files of the same name.

    >>> distinct_names([Path("/a/rare.csv"), Path("/b/rare.csv"), Path("/b/seen.txt")])
    ['a/rare.csv', 'b/rare.csv', 'seen.txt']
    """
    names = []
    for path in paths:
        others = {other for other in paths if other != path}
        for depth in range(1, len(path.parts) + 1):
            if path.parts[-depth:] not in {other.parts[-depth:] for other in others}:
                break
        names.append(PurePosixPath(*path.parts[-depth:]).as_posix())
    return names


def count_matches(database: Database, lists: Sequence[HoldoutList], settings: Sequence[Holdout]) -> list[Matches]:
    """Count the matches of each list over all sources.

    Args:
        database: has the tables of :func:`find_held_out`.
        settings: their settings, in the same order.

    Raises:
        HoldoutError: nothing in a list matches, and its settings do not allow that.
    """
    images = dict(database.rows("SELECT list, count(*) FROM held_out JOIN entry USING (place) GROUP BY list"))
    hits = "SELECT DISTINCT list, entry FROM hit JOIN entry USING (place)"
    found = set(database.rows(hits))
    matches = []
    for number, (entries, setting) in enumerate(zip(lists, settings, strict=True)):
        names = [*entries.species, *entries.images]
        unmatched = tuple(entry for entry in names if (number, entry) not in found)
        if len(unmatched) == len(names) and not setting.allow_unmatched:
            raise HoldoutError(
                f"the hold-out list {entries.path}: none of its {len(names)} entries (such as '{names[0]}') matches "
                "an image or a species of the dataset; if that is expected, set allow_unmatched = true for this list"
            )
        matches.append(Matches(entries.path, entries.name, len(names), unmatched, images.get(number, 0)))
    return matches
