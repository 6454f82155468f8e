"""Hold-out lists: species and images that must not be in the dataset because a benchmark uses them."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from ..config.tables import Holdout
from ..core.json_reader import parse_json
from ..errors import HoldoutError, InputError
from ..sources.base import Source
from ..sources.file_names import IMAGE_SUFFIXES
from ..taxonomy.species_key import species_key

# EOL's images are <content id>_<page id>; benchmarks that were made from them call them <content id>_<page id>_eol….
_EOL_NAME = re.compile(r"([0-9]+_[0-9]+)(?:_eol.*)?")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUFFIX = r"\.[A-Za-z0-9]+$"
# Headers of the column of a CSV that has the entries; a column of species is preferred to one of images.
_COLUMNS = ("species", "scientific_name", "scientificname", "name",
            "image", "file", "filename", "file_name", "treeoflife_id")  # fmt: skip
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
    """

    path: Path
    species: dict[str, str]
    images: tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """How a list matches the dataset: the number of entries, those that match nothing, and the number of images."""

    path: Path
    entries: int
    unmatched: tuple[str, ...]
    images: int

    def to_json(self) -> dict[str, object]:
        """The matches for reports."""
        return {
            "path": str(self.path),
            "entries": self.entries,
            "unmatched": len(self.unmatched),
            "examples": list(self.unmatched[:_EXAMPLES]),
            "images": self.images,
        }


def read_list(holdout: Holdout) -> HoldoutList:
    """Read a hold-out list: JSON (``{species: [image names]}``, or a list of either), CSV, or text, one entry per line.

    Raises:
        InputError: the file is missing, malformed or empty.
    """
    try:
        text = holdout.path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the hold-out list {holdout.path} cannot be read: {error}") from None
    names, images = _from_json(holdout, text) if holdout.path.suffix.lower() == ".json" else _from_text(holdout, text)
    species = {name: species_key(name) or "" for name in names if name.strip()}
    images = [image for image in images if PurePosixPath(image.replace("\\", "/")).stem]
    if not species and not images:
        raise InputError(f"the hold-out list {holdout.path} has no entry: neither a species nor an image name")
    return HoldoutList(holdout.path, species, tuple(images))


def _from_json(holdout: Holdout, text: str) -> tuple[list[str], list[str]]:
    """The species and the image names of a JSON file."""
    wrong = f"the hold-out list {holdout.path} is not JSON of the form {{species: [image names]}} or [species]"
    try:
        entries = parse_json(text)
    except ValueError as error:
        raise InputError(f"{wrong}: {error}") from None
    if isinstance(entries, list) and all(isinstance(entry, str) for entry in entries):
        species, images = _divide(entries)
    elif isinstance(entries, dict) and all(isinstance(names, list) for names in entries.values()):
        species, images = list(entries), [str(image) for names in entries.values() for image in names]
    else:
        raise InputError(wrong)
    # Rare Species came with two files: unseen_in_training.json holds out its species, and seen_in_training.json only
    # the images that it names of species that stay.
    by_images = holdout.by == "images" or (holdout.by == "auto" and holdout.path.name.startswith("seen"))
    return [] if by_images else species, images


def _from_text(holdout: Holdout, text: str) -> tuple[list[str], list[str]]:
    """The species and the image names of a text or CSV file."""
    entries = _entries(text)
    if holdout.by == "auto":
        return _divide(entries)
    return (entries, []) if holdout.by == "species" else ([], entries)


def _entries(text: str) -> list[str]:
    """The entries of a text or CSV file: from the column with a known header, or else the first column."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [row for row in csv.reader(lines) if any(cell.strip() for cell in row)]
    if not rows:
        return []
    header = [cell.strip().lower() for cell in rows[0]]
    if "genus" in header and "species" in header:
        return [_scientific_name(dict(zip(header, row, strict=False))) for row in rows[1:]]
    column = next((header.index(name) for name in _COLUMNS if name in header), None)
    body, column = (rows, 0) if column is None else (rows[1:], column)
    return [row[column].strip() for row in body if len(row) > column and row[column].strip()]


def _scientific_name(row: dict[str, str]) -> str:
    """The species of a row with the columns genus and species; the latter may repeat the genus."""
    genus, species = row.get("genus", "").strip(), row.get("species", "").strip()
    return species if species.lower().startswith(f"{genus.lower()} ") else f"{genus} {species}".strip()


def _divide(entries: Sequence[str]) -> tuple[list[str], list[str]]:
    """Entries that name species, and entries that name images: files, or ids."""
    images = [entry for entry in entries if _is_image(entry)]
    return [entry for entry in entries if not _is_image(entry)], images


def _is_image(entry: str) -> bool:
    return PurePosixPath(entry).suffix.lower() in IMAGE_SUFFIXES or bool(_UUID.fullmatch(entry))


def find_held_out(
    lists: Sequence[HoldoutList], source: Source, images: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, set[str]]]:
    """Find the images of a source that are held out.

    Args:
        images: its images, or some of them: ``treeoflife_id``, the source's columns, and ``species_key``.

    Returns:
        A row per held-out image (see :data:`HELD_OUT`), and for each list, by its path, the entries that matched.
    """
    frames, matched = [pl.DataFrame(schema=HELD_OUT)], {}
    for entries in lists:
        hits = pl.concat([_by_species(entries, images), _by_image_name(entries, source, images)])
        matched[str(entries.path)] = set(hits["entry"])
        frames.append(hits.with_columns(detail=entries.path.name + ": " + pl.col("entry")).select(list(HELD_OUT)))
    return pl.concat(frames).unique("treeoflife_id", keep="first", maintain_order=True), matched


def _by_species(entries: HoldoutList, images: pl.DataFrame) -> pl.DataFrame:
    # Entries that name no species are left out: they must not match images without a name.
    keys = [(entry, key) for entry, key in entries.species.items() if key]
    listed = pl.DataFrame(keys, schema={"entry": pl.String, "species_key": pl.String}, orient="row")
    named = images.select("treeoflife_id", "species_key").drop_nulls("species_key")
    return named.join(listed, on="species_key").with_columns(reason=pl.lit("held-out-species")).select(list(_HITS))


def _by_image_name(entries: HoldoutList, source: Source, images: pl.DataFrame) -> pl.DataFrame:
    pairs = [(entry, name) for entry in entries.images for name in _possible_names(entry)]
    listed = pl.DataFrame(pairs, schema={"entry": pl.String, "name": pl.String}, orient="row")
    file_name = pl.format(re.sub(r"\{\w+\}", "{}", source.listed_as), *re.findall(r"\{(\w+)\}", source.listed_as))
    stem = file_name.str.replace(_SUFFIX, "")
    ways = [pl.col("treeoflife_id"), stem, stem.str.extract(r"([^/]+)$", 1)]
    names = pl.concat([images.select("treeoflife_id", name=way) for way in ways]).unique(maintain_order=True)
    hits = names.join(listed.unique(maintain_order=True), on="name")
    hits = hits.unique(["treeoflife_id", "entry"], maintain_order=True)
    return hits.with_columns(reason=pl.lit("held-out-image")).select(list(_HITS))


def _possible_names(entry: str) -> set[str]:
    """The names that the mapping may have for an image of a list: without suffix, folders, or EOL's ending."""
    path = PurePosixPath(entry.replace("\\", "/"))
    eol = _EOL_NAME.fullmatch(path.stem)
    return {str(path.with_suffix("")), path.stem, eol[1] if eol else path.stem}


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
        images = int(held_out["detail"].str.starts_with(f"{entries.path.name}: ").sum())
        matches.append(Matches(entries.path, len(names), unmatched, images))
    return matches
