"""What names the photographs of a folder: which row of a table means which file, and what has no counterpart; or,
without a table, the folders that they are in."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath

import polars as pl

from ...core.values import RANKS, Label, Taxon
from ...errors import InputError
from ..base import ABOUT_COLUMNS
from ..file_names import escape_invalid_utf8
from .class_folders import ClassFolders
from .file_matching import Matches, match_names
from .photo_table import RAW, PhotoTable, read_photo_table
from .unread_formats import UNREAD_SUFFIXES


@dataclass(frozen=True)
class FolderSurvey:
    """A folder and what names its images: its table, or the folders that they are in.

    Attributes:
        images: the images in the folder, as paths relative to it.
        unread: the files there in formats that are not read.
        table: None where the folders give the names.
        class_folders: None where a table gives the names.
        missing: what the table names and the folder lacks.
    """

    images: list[str]
    unread: list[str]
    table: PhotoTable | None
    class_folders: ClassFolders | None
    matches: Matches
    missing: list[str]

    @classmethod
    def of(
        cls, source: str, folder: Path, images: list[str], unread: list[str], table: Path | None, file_column: str
    ) -> "FolderSurvey":
        """Compare a table, if there is one, with the files of a folder.

        Raises:
            InputError: there is no image; the table cannot be read; or none of its rows names an image.
            MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
        """
        if not images:
            raise InputError(f"[sources.{source}] path: no image in {folder} or below it{_what_there_is(unread)}")
        if not table:
            return cls(images, unread, None, ClassFolders.of(images), Matches(), [])
        photos = read_photo_table(table, file_column, images)
        names = photos.rows["file"].unique(maintain_order=True).to_list()
        matches = match_names(names, images, unread, folder)
        missing = [name for name in names if name not in matches.files and name not in matches.doubtful]
        survey = cls(images, unread, photos, None, matches, missing)
        if survey.matched_images.isdisjoint(images):
            raise InputError(f"[sources.{source}] table: {survey._no_match(folder, table)}")
        return survey

    @property
    def matched_images(self) -> set[str]:
        """The files that rows name."""
        return set(self.matches.files.values())

    @property
    def has_named_folders(self) -> bool:
        """Whether the folders name any image."""
        return bool(self.class_folders and self.class_folders.has_names)

    def file_of(self, name: str) -> str:
        """The file that a name in the table means, as it is written in tables; the name itself if there is none."""
        file = self.matches.files.get(name)
        return name if file is None else escape_invalid_utf8(file)

    def _no_match(self, folder: Path, table: Path) -> str:
        names = [*self.missing, *self.matches.doubtful, *self.matches.files]
        doubt = f"; '{names[0]}' would fit several files or rows" if names[0] in self.matches.doubtful else ""
        return (
            f"no row of {table} names an image in {folder}: it names '{names[0]}', and the folder holds "
            f"'{escape_invalid_utf8(self.images[0])}'{doubt}{_what_there_is(self.unread)}"
        )

    def labels(self) -> Iterator[tuple[Label, int]]:
        """The label of each row of the table, with its line; or of each image in a folder that gives a name, with 0."""
        if self.class_folders:
            labels = (self.class_folders.label(image) for image in self.images)
            yield from ((label, 0) for label in labels if label)
        for row in self.table.rows.iter_rows(named=True) if self.table else ():
            taxon = Taxon(*(row[rank] for rank in RANKS))
            names = row["scientific_name"], row["common"], row["taxon_rank"]
            yield Label(self.file_of(row["file"]), taxon, *names), row["line"]

    def about(self) -> pl.DataFrame | None:
        """What the table says of images beside names: ``file``, and ABOUT_COLUMNS; None if it says nothing.

        Of an image with several rows, what the first of those says that say anything.

        Raises:
            InputError: the rows of an image give it different licences.
        """
        if not self.table:
            return None
        names = pl.Series("file", [self.file_of(name) for name in self.table.rows["file"]], dtype=pl.String)
        rows = self.table.rows.select(ABOUT_COLUMNS).with_columns(names)
        says_anything = pl.any_horizontal(pl.col(ABOUT_COLUMNS) != "")
        present = rows.filter(says_anything, pl.col("file").is_in([escape_invalid_utf8(one) for one in self.images]))
        for name in ("license_name", "license_link"):
            stated = present.filter(pl.col(name) != "").unique(["file", name], maintain_order=True)
            if (twice := stated.filter(pl.col("file").is_duplicated())).height:
                file, one = twice.select("file", name).row(0)
                other = twice.filter(file=file)[name][1]
                raise InputError(
                    f"the table gives {file} two licences, '{one:.80}' and '{other:.80}'; keep the right one"
                )
        first = [pl.col(name).filter(pl.col(name) != "").first().fill_null("") for name in ABOUT_COLUMNS]
        return None if present.is_empty() else present.group_by("file", maintain_order=True).agg(first)

    def column_values(self, table: Path, file_column: str, wanted: Mapping[str, str]) -> pl.DataFrame:
        """Columns of the table as they are written: ``file``, and those of ``wanted`` by their new names."""
        raw = {f"{RAW}{name}": column for name, column in wanted.items()}
        rows = read_photo_table(table, file_column, self.images, raw=raw).rows
        files = pl.Series("file", [self.file_of(name) for name in rows["file"]], dtype=pl.String)
        return rows.select(files, *(pl.col(own).alias(own.removeprefix(RAW)) for own in raw))

    def found(self) -> list[str]:
        """Sentences on what there is, for a user who sets up a dataset."""
        if not self.table:
            return []
        used = [
            f"'{name}' as {meaning}" if name != meaning else f"'{name}'" for name, meaning in self.table.used.items()
        ]
        images = set(self.images)
        rows = [name for name in self.table.rows["file"] if self.matches.files.get(name) in images]
        return [
            f"columns used: {', '.join(used)}",
            f"columns not used: {', '.join(map(repr, self.table.unused)) or 'none'}",
            f"rows with an image in the folder: {len(rows):,} of {self.table.rows.height:,}, such as '{rows[0]}'",
        ]

    def remarks(self) -> list[str]:
        """Sentences on what was guessed or repaired, and on files and rows without a counterpart."""
        unread = [_what_there_is(self.unread).removeprefix("; ")] if self.unread else []
        return [*(self.class_folders.remarks() if self.class_folders else []), *self._table_remarks(), *unread]

    def _table_remarks(self) -> list[str]:
        if not self.table:
            return []
        doubtful, named = self.matches.doubtful, self.matched_images
        count = f"of {len(self.matches.files) + len(doubtful) + len(self.missing):,} files in the table"
        remarks = [*self.table.remarks]
        for way, names in self.matches.repaired.items():
            example = f"'{names[0]}', which is '{self.file_of(names[0])}' in the folder"
            remarks.append(f"written {way} than in the folder: {len(names):,} {count}, such as {example}")
        if doubtful:
            name, file = next(iter(doubtful.items()))
            example = f"'{name}', which may be '{escape_invalid_utf8(file)}'"
            remarks.append(
                f"not matched, since several files or rows fit: {len(doubtful):,} {count}, such as {example}; write "
                "their whole paths"
            )
        if self.missing:
            remarks.append(f"not in the folder: {len(self.missing):,} {count}, such as '{self.missing[0]}'")
        if unnamed := [image for image in self.images if image not in named]:
            remarks.append(
                f"named by no row, and therefore no samples: {len(unnamed):,} of {len(self.images):,} images in the "
                f"folder, such as '{escape_invalid_utf8(unnamed[0])}'"
            )
        return remarks


def _what_there_is(unread: list[str]) -> str:
    if not unread:
        return ""
    first = escape_invalid_utf8(unread[0])
    why = UNREAD_SUFFIXES[PurePath(first).suffix.lower()]
    return f"; not readable: {len(unread):,} files in the folder, such as '{first}', {why}"
