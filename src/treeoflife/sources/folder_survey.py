"""What a table says of a folder of photographs: which row means which file, and what has no counterpart."""

from dataclasses import dataclass
from pathlib import Path, PurePath

from ..errors import InputError
from .file_matching import Matches, match_names
from .file_names import escape_invalid_utf8
from .photo_table import PhotoTable, read_photo_table
from .unread_formats import UNREAD_SUFFIXES


@dataclass(frozen=True)
class FolderSurvey:
    """A folder and its table, compared.

    Attributes:
        images: the images in the folder, as paths relative to it.
        unread: the files there in formats that are not read.
        missing: what the table names and the folder lacks.
    """

    images: list[str]
    unread: list[str]
    table: PhotoTable
    matches: Matches
    missing: list[str]

    @classmethod
    def of(
        cls, source: str, folder: Path, images: list[str], unread: list[str], table: Path, file_column: str
    ) -> "FolderSurvey":
        """Compare a table with the files of a folder.

        Raises:
            InputError: there is no image; the table cannot be read; or none of its rows names an image.
            MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
        """
        if not images:
            raise InputError(f"[sources.{source}] path: no image in {folder} or below it{_what_there_is(unread)}")
        photos = read_photo_table(table, file_column)
        names = photos.rows["file"].unique(maintain_order=True).to_list()
        matches = match_names(names, images, unread, folder)
        missing = [name for name in names if name not in matches.files and name not in matches.doubtful]
        survey = cls(images, unread, photos, matches, missing)
        if survey.matched_images.isdisjoint(images):
            raise InputError(f"[sources.{source}] table: {survey._no_match(folder, table)}")
        return survey

    @property
    def matched_images(self) -> set[str]:
        """The files that rows name."""
        return set(self.matches.files.values())

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

    def found(self) -> list[str]:
        """Sentences on what there is, for a user who sets up a dataset."""
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
        return remarks + ([_what_there_is(self.unread).removeprefix("; ")] if self.unread else [])


def _what_there_is(unread: list[str]) -> str:
    if not unread:
        return ""
    first = escape_invalid_utf8(unread[0])
    why = UNREAD_SUFFIXES[PurePath(first).suffix.lower()]
    return f"; not readable: {len(unread):,} files in the folder, such as '{first}', {why}"
