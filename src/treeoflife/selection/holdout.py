"""Species and images that must not be in the dataset, because a benchmark uses them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from ..config.tables import Holdout
from ..errors import HoldoutError, InputError
from ..sources.base import IMAGE_SUFFIXES, Source

_EOL_NAME = re.compile(r"([0-9]+_[0-9]+)(?:_eol.*)?")
_SUBGENUS = re.compile(r"\s*\([^)]*\)")
_BETWEEN = re.compile(r"[\s_|;,>/]+")
_HYPHENS_OF_RANKS = 5
_COLUMNS = (
    "species",
    "scientific_name",
    "scientificname",
    "name",
    "image",
    "file",
    "filename",
    "file_name",
    "treeoflife_id",
)
_EXAMPLES = 20

FOUND = {"treeoflife_id": pl.String, "reason": pl.String, "detail": pl.String}
"""The columns of what is held out of a source."""


@dataclass(frozen=True)
class HoldoutList:
    """A list as it was read.

    Attributes:
        path: its file.
        species: each entry by which whole species are held out, and the species it means; nothing if it means none.
        images: the image names listed.
    """

    path: Path
    species: dict[str, str]
    images: tuple[str, ...]


@dataclass(frozen=True)
class Matches:
    """What a list came to: entries, those that match nothing, and how many images it holds out."""

    path: Path
    entries: int
    unmatched: tuple[str, ...]
    images: int

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return {
            "path": str(self.path),
            "entries": self.entries,
            "unmatched": len(self.unmatched),
            "examples": list(self.unmatched[:_EXAMPLES]),
            "images": self.images,
        }


def species_of(text: str) -> str | None:
    """The species that an entry means, as 'genus epithet' in small letters; None if it names no species.

    The ranks above may stand before it, joined by whatever; authors or a subspecies may follow it.

    >>> species_of("Animalia-Mollusca-Bivalvia-Unionida-Unionidae-Cyclonaias-tuberculata")
    'cyclonaias tuberculata'
    >>> species_of("Arctostaphylos uva-ursi (L.) Spreng.")
    'arctostaphylos uva-ursi'
    """
    clean = _SUBGENUS.sub("", text).replace("×", " ").strip()
    words = [word for word in _BETWEEN.split(clean) if word not in ("", "x") and not word.isdigit()]
    if clean.count("-") >= _HYPHENS_OF_RANKS or (len(words) == 1 and "-" in clean):
        words = _after_ranks(clean.split("-"))
    elif len(words) > 2 and words[1][:1].isupper():
        words = _before_epithet(words)
    return " ".join(words[:2]).lower() if len(words) >= 2 else None


def _after_ranks(parts: list[str]) -> list[str]:
    """Genus and epithet of ranks joined by hyphens: from the last capital on, or else the sixth and seventh rank."""
    capitals = [place for place, part in enumerate(parts[:-1]) if part[:1].isupper()]
    genus = capitals[-1] if capitals else 5
    epithet = "-".join(filter(None, parts[genus + 1 :])).split()
    return [parts[genus].strip(), epithet[0]] if epithet else []


def _before_epithet(words: list[str]) -> list[str]:
    """Genus and epithet of ranks that are words: the first small letter begins the epithet."""
    small = [place for place, word in enumerate(words) if word[:1].islower()]
    return words[small[0] - 1 : small[0] + 1] if small and small[0] else words


def read(holdout: Holdout) -> HoldoutList:
    """Read a hold-out list.

    Raises:
        InputError: it is missing, malformed or empty.
    """
    try:
        text = holdout.path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the hold-out list {holdout.path} cannot be read: {error}") from None
    whole_species = holdout.by == "species" or (holdout.by == "auto" and not holdout.path.name.startswith("seen"))
    if holdout.path.suffix.lower() == ".json":
        keys, images = _from_json(holdout.path, text)
    else:
        entries = _lines(text)
        images = [entry for entry in entries if _is_image(entry)] if holdout.by == "auto" else entries
        keys = [entry for entry in entries if entry not in set(images)] if holdout.by != "species" else entries
        images = [] if holdout.by == "species" else images
        whole_species = True
    species = {key: species_of(key) or "" for key in keys if key.strip()} if whole_species else {}
    images = [image for image in images if PurePosixPath(image.replace("\\", "/")).stem]
    if not species and not images:
        raise InputError(f"the hold-out list {holdout.path} has no entry: neither a species nor an image name")
    return HoldoutList(holdout.path, species, tuple(images))


def _from_json(path: Path, text: str) -> tuple[list[str], list[str]]:
    wrong = f"the hold-out list {path} is not JSON of the form {{species: [image names]}} or [species]"
    try:
        table = json.loads(text)
    except ValueError as error:
        raise InputError(f"{wrong}: {error}") from None
    if isinstance(table, list) and all(isinstance(entry, str) for entry in table):
        return [entry for entry in table if not _is_image(entry)], [entry for entry in table if _is_image(entry)]
    if not isinstance(table, dict) or not all(isinstance(images, list) for images in table.values()):
        raise InputError(wrong)
    return list(table), [str(image) for images in table.values() for image in images]


def _lines(text: str) -> list[str]:
    """The entries of a text file or of a CSV: one a line, from the column that is called like one, else the first."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [row for row in csv.reader(lines) if any(cell.strip() for cell in row)]
    if not rows:
        return []
    head = [cell.strip().lower() for cell in rows[0]]
    if "genus" in head and "species" in head:
        return [_binomial(dict(zip(head, row, strict=False))) for row in rows[1:]]
    place = next((head.index(name) for name in _COLUMNS if name in head), None)
    body, column = (rows, 0) if place is None else (rows[1:], place)
    return [row[column].strip() for row in body if len(row) > column and row[column].strip()]


def _binomial(row: dict[str, str]) -> str:
    """The species of a table's row that has genus and epithet apart."""
    genus, species = row.get("genus", "").strip(), row.get("species", "").strip()
    return species if species.lower().startswith(f"{genus.lower()} ") else f"{genus} {species}".strip()


def _is_image(entry: str) -> bool:
    return PurePosixPath(entry).suffix.lower() in IMAGE_SUFFIXES or bool(
        re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", entry)
    )


def find(
    lists: Sequence[HoldoutList], source: Source, images: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, set[str]]]:
    """Which images of a source are held out, and which entries found one.

    Args:
        lists: the hold-out lists.
        source: the source.
        images: all its images: ``treeoflife_id``, the source's columns, ``genus`` and ``species``.

    Returns:
        A row per held-out image (see :data:`FOUND`), and the entries that matched, by list.
    """
    frames, matched = [pl.DataFrame(schema=FOUND)], {}
    for one in lists:
        hits = pl.concat([_by_species(one, images), _by_name(one, source, images)])
        matched[str(one.path)] = set(hits["entry"])
        frames.append(hits.with_columns(detail=one.path.name + ": " + pl.col("entry")).select(list(FOUND)))
    return pl.concat(frames).unique("treeoflife_id", keep="first", maintain_order=True), matched


_HITS = {"treeoflife_id": pl.String, "entry": pl.String, "reason": pl.String}


def binomial() -> pl.Expr:
    """What :func:`species_of` makes of the columns ``genus`` and ``species``; null where one of them is null."""
    first_epithet = pl.col("species").str.replace(r"^(×|x )\s*", "").str.split(" ").list.first()
    return (pl.col("genus") + " " + first_epithet).str.to_lowercase()


def _by_species(one: HoldoutList, images: pl.DataFrame) -> pl.DataFrame:
    meant = [(entry, name) for entry, name in one.species.items() if name]
    wanted = pl.DataFrame(meant, schema={"entry": pl.String, "name": pl.String}, orient="row")
    named = images.select("treeoflife_id", name=binomial()).filter(pl.col("name").is_not_null())
    return named.join(wanted, on="name").with_columns(reason=pl.lit("held-out-species")).select(list(_HITS))


def _by_name(one: HoldoutList, source: Source, images: pl.DataFrame) -> pl.DataFrame:
    pairs = [(entry, form) for entry in one.images for form in _forms(entry)]
    wanted = pl.DataFrame(pairs, schema={"entry": pl.String, "name": pl.String}, orient="row").unique(
        maintain_order=True
    )
    listed = pl.format(re.sub(r"\{\w+\}", "{}", source.listed_as), *re.findall(r"\{(\w+)\}", source.listed_as))
    stem = listed.str.replace(r"\.[A-Za-z0-9]+$", "")
    calls = [pl.col("treeoflife_id"), stem, stem.str.extract(r"([^/]+)$", 1)]
    names = pl.concat([images.select("treeoflife_id", name=call) for call in calls]).unique(maintain_order=True)
    hits = names.join(wanted, on="name").unique(["treeoflife_id", "entry"], maintain_order=True)
    return hits.with_columns(reason=pl.lit("held-out-image")).select(list(_HITS))


def _forms(entry: str) -> set[str]:
    """What an image of a list may be called in the mapping: without folders, ending, and EOL's suffix."""
    path = PurePosixPath(entry.replace("\\", "/"))
    eol = _EOL_NAME.fullmatch(path.stem)
    return {str(path.with_suffix("")), path.stem, eol[1] if eol else path.stem}


def judge(
    lists: Sequence[HoldoutList], settings: Sequence[Holdout], found: Iterable[tuple[pl.DataFrame, dict[str, set[str]]]]
) -> list[Matches]:
    """What each list came to, over all sources.

    Raises:
        HoldoutError: nothing in a list matches, and the configuration does not allow it.
    """
    results = list(found)
    verdicts = []
    for one, setting in zip(lists, settings, strict=True):
        hit: set[str] = set().union(*(matched[str(one.path)] for _, matched in results))
        images = sum(int(frame["detail"].str.starts_with(one.path.name + ": ").sum()) for frame, _ in results)
        entries = [*one.species, *one.images]
        unmatched = tuple(entry for entry in entries if entry not in hit)
        if not hit and not setting.allow_unmatched:
            raise HoldoutError(
                f"the hold-out list {one.path}: none of its {len(entries)} entries (such as '{entries[0]}') matches "
                "an image or a species of the dataset; if that is right, set allow_unmatched = true there"
            )
        verdicts.append(Matches(one.path, len(entries), unmatched, images))
    return verdicts
