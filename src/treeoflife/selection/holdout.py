"""Hold-out lists: species and images that must not be in the dataset because a benchmark uses them."""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import polars as pl

from ..config.tables import Holdout
from ..core.json_reader import UnreadableError, parse_json
from ..core.text_encoding import read_text
from ..core.text_tables import read_text_table
from ..errors import HoldoutError, InputError
from ..mapping.ids import id_key, is_uuid
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
_HITS = {"treeoflife_id": pl.String, "entry": pl.String, "reason": pl.String}

HELD_OUT = {"treeoflife_id": pl.String, "reason": pl.String, "detail": pl.String}
"""The columns of the table of held-out images. ``detail`` names the list and the entry."""


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


def find_held_out(
    lists: Sequence[HoldoutList], source: Source, images: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, set[str]]]:
    """Find the images of a source that are held out.

    Args:
        images: its images, or some of them: ``treeoflife_id``, the source's columns, and ``species_key``.

    Returns:
        A row per held-out image (see :data:`HELD_OUT`), and for each list, by its path, the entries that matched.
    """
    frames, matched = [pl.DataFrame(schema=HELD_OUT)], dict[str, set[str]]()
    for entries in lists:
        hits = pl.concat([_by_species(entries, images), _by_image_name(entries, source, images)])
        matched[str(entries.path)] = matched.get(str(entries.path), set()) | set(hits["entry"])
        frames.append(hits.with_columns(detail=f"{entries.name}: " + pl.col("entry")).select(list(HELD_OUT)))
    return pl.concat(frames).unique("treeoflife_id", keep="first", maintain_order=True), matched


def _by_species(entries: HoldoutList, images: pl.DataFrame) -> pl.DataFrame:
    # Entries that name no species are left out: they must not match images without a name.
    keys = [(entry, key) for entry, key in entries.species.items() if key]
    listed = pl.DataFrame(keys, schema={"entry": pl.String, "species_key": pl.String}, orient="row")
    named = images.select("treeoflife_id", "species_key").drop_nulls("species_key")
    return named.join(listed, on="species_key").with_columns(reason=pl.lit("held-out-species")).select(list(_HITS))


def _by_image_name(entries: HoldoutList, source: Source, images: pl.DataFrame) -> pl.DataFrame:
    pairs = [(entry, name) for entry in entries.images for name in image_names(entry)]
    listed = pl.DataFrame(pairs, schema={"entry": pl.String, "name": pl.String}, orient="row")
    file_name = pl.format(re.sub(r"\{\w+\}", "{}", source.listed_as), *re.findall(r"\{(\w+)\}", source.listed_as))
    stem = file_name.str.replace(_SUFFIX, "")
    ways = [pl.col("treeoflife_id"), pl.col("treeoflife_id").str.to_lowercase(), stem, stem.str.extract(r"([^/]+)$", 1)]
    names = pl.concat([images.select("treeoflife_id", name=way) for way in ways]).unique(maintain_order=True)
    hits = names.join(listed.unique(maintain_order=True), on="name")
    hits = hits.unique(["treeoflife_id", "entry"], maintain_order=True)
    return hits.with_columns(reason=pl.lit("held-out-image")).select(list(_HITS))


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


def count_matches(
    lists: Sequence[HoldoutList], settings: Sequence[Holdout], held_out: pl.DataFrame, matched: dict[str, set[str]]
) -> list[Matches]:
    """Count the matches of each list over all sources.

    Args:
        settings: their settings, in the same order.
        held_out: the held-out images (:data:`HELD_OUT`).
        matched: for each list, by its path, the entries that matched.

    Raises:
        HoldoutError: nothing in a list matches, and its settings do not allow that.
    """
    matches = []
    for entries, setting in zip(lists, settings, strict=True):
        names = [*entries.species, *entries.images]
        unmatched = tuple(entry for entry in names if entry not in matched[str(entries.path)])
        if len(unmatched) == len(names) and not setting.allow_unmatched:
            raise HoldoutError(
                f"the hold-out list {entries.path}: none of its {len(names)} entries (such as '{names[0]}') matches "
                "an image or a species of the dataset; if that is expected, set allow_unmatched = true for this list"
            )
        images = int(held_out["detail"].is_in([f"{entries.name}: {entry}" for entry in names]).sum())
        matches.append(Matches(entries.path, entries.name, len(names), unmatched, images))
    return matches
