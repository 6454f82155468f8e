"""A folder of photographs, and a table that says what they show, or folders in it that are called by names."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, cast

import polars as pl
from pydantic import Field

from ..config.base import Model
from ..core.database import Database
from ..core.files import stamp
from ..core.values import Label, RawImage, Skip
from ..errors import InputError
from . import not_taken
from .base import NOT_TAKEN, Container
from .containers.image_folders import FolderImages, list_images
from .file_names import IMAGE_SUFFIXES, escape_invalid_utf8, name_bytes, suffix_of
from .photographs.folder_survey import FolderSurvey
from .photographs.unread_formats import UNREAD_SUFFIXES, not_readable

# A part has about half as many images to as many: enough parts for all cores, and a new image costs only seconds.
_IMAGES_PER_PART = 512
_MISSING_FILES = "not-in-folder"
"""The name of the container of images that are in the table, but not in the folder."""
_DOUBTFUL_FILES = "several-files-or-rows"
"""The name of the container of images that the table names in such a way that they may be several."""
_UNREAD_FILES = "not-readable"
"""The name of the container of the files in formats that are not read."""


class Settings(Model):
    """The keys of the table of a folder source."""

    path: Path
    """The folder; images in folders below it count too."""
    table: Path | None = None
    """A table with a row per image, as CSV or other text, Parquet or Excel: its file, and any of kingdom, phylum,
    class, order, family, genus, species, scientific_name, common_name. Without a table, an image has the name of the
    folder that it is in, as in Turdus_merula/1.jpg."""
    file_column: str = ""
    """The column with the file, relative to the folder; empty: the one called file, filename, path or image."""
    boxes: Path | None = None
    """Boxes in the photographs, of which each becomes a sample: JSON of COCO camera traps, MegaDetector or FathomNet,
    or a table of file, x, y, width, height and label."""
    box_threshold: Annotated[float, Field(ge=0, le=1)] = 0.2
    """The least confidence of a detector's box that becomes a sample."""
    without_box: Literal["leave out", "whole"] = "leave out"
    """What becomes of a photograph without a box. leave out: a row of the ledger. whole: a sample of all of it."""


class Folder(FolderImages):
    """Images in a folder, identified by their path in it; each image has a label of its own."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"filename": str}
    key: ClassVar[tuple[str, ...]] = ("filename",)
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __new__(cls, name: str = "", settings: Model | None = None) -> Self:  # noqa: ARG004
        """A folder with boxes is of a class of its own: its images have another natural key."""
        from .boxes.boxed_folder import BoxedFolder

        is_boxed = cls is Folder and isinstance(settings, Settings) and settings.boxes
        return super().__new__(cast("type[Self]", BoxedFolder) if is_boxed else cls)

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path = name, settings.path
        self.table, self.file_column = settings.table, settings.file_column
        self.catalog: tuple[str, ...] = (f"{name}_filename",)
        self._last_survey: tuple[str, FolderSurvey] | None = None
        self._others: list[Path] = []

    def __getstate__(self) -> dict[str, Any]:
        """Without the survey, which may hold a million rows and which workers do not need."""
        return self.__dict__ | {"_last_survey": None, "_others": []}

    def containers(self) -> list[Container]:
        """The folder in parts of a few hundred images; and what becomes no image of it, by reason.

        Which part an image is in depends on a hash of its name, so that a new image changes one part.

        Raises:
            InputError: the folder or the table cannot be read, or no row of the table names an image of the folder.
            MissingExtra: the table is a spreadsheet, and the package that reads these is not installed.
        """
        survey = self.look()
        return [*self.parts(survey.images), *self.without_images(survey)]

    def without_images(self, survey: FolderSurvey) -> list[Container]:
        """The containers of what becomes no image, by reason."""
        others = {
            _MISSING_FILES: survey.missing,
            _DOUBTFUL_FILES: survey.matches.doubtful,
            _UNREAD_FILES: survey.unread,
        }
        further = [Container(self.name, name, self.path, tuple(files)) for name, files in others.items() if files]
        return [*further, *not_taken.containers(self.name, self.path, self._others)]

    def look(self) -> FolderSurvey:
        """List the folder and read the table anew; see :meth:`survey`."""
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        listing = list_images(self.path, deep=True, suffixes=IMAGE_SUFFIXES | UNREAD_SUFFIXES.keys())
        unread = [self._name(path) for path in listing.images if suffix_of(path.name) in UNREAD_SUFFIXES]
        images = [self._name(path) for path in listing.images if suffix_of(path.name) not in UNREAD_SUFFIXES]
        before = self._table_stamp()
        survey = FolderSurvey.of(self.name, self.path, images, unread, self.table, self.file_column)
        self._last_survey = before, survey
        self._others = [path for path in listing.others if path != self.table]
        return survey

    def survey(self) -> FolderSurvey:
        """What the table says of the folder, as it was last listed; the table is read again if it has changed.

        Raises:
            InputError: as :meth:`containers` does.
        """
        known = self._last_survey
        return known[1] if known and self._table_stamp() == known[0] else self.look()

    def _table_stamp(self) -> str:
        return stamp(self.table) if self.table and self.table.exists() else ""

    def remarks(self) -> list[str]:
        """What was guessed or repaired in the table, and which files and rows have no counterpart; or what was taken
        for the names of folders, and what was not."""
        where = f"{self.table.name}: " if self.table else ""
        return [f"{where}{remark}" for remark in self.survey().remarks()]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def parts(self, names: list[str]) -> Iterator[Container]:
        """Photographs, by their names, in containers of a few hundred."""
        # Another number of parts makes all parts anew; a power of two changes only when the folder has doubled.
        count = 1 << (len(names) // _IMAGES_PER_PART).bit_length()
        parts: list[list[str]] = [[] for _ in range(count)]
        for name in names:
            parts[int.from_bytes(hashlib.blake2b(name_bytes(name), digest_size=8).digest()) % count].append(name)
        for number, members in enumerate(parts):
            if members:
                yield Container(self.name, f"part-{number:05d}-of-{count:05d}", self.path, tuple(members))

    def files(self, container: Container) -> list[Path]:
        """The images of one part, or the files that are not read; none for those that the folder lacks."""
        absent = container.name in (_MISSING_FILES, _DOUBTFUL_FILES)
        return [] if absent else [container.path / name for name in container.members]

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the folder, without data; or a row of the ledger for a file that is none."""
        if container.name == NOT_TAKEN:
            return not_taken.image(self._name(path))
        name = escape_invalid_utf8(self._name(path))
        return RawImage(name, (name,))

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images of the part; or the files that become none, each with a Skip."""
        return self.skipped(container) or super().read(container, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        return self.skipped(container) or super().names(container)

    def skipped(self, container: Container) -> Iterator[RawImage] | None:
        """The rows of the ledger in a container of what becomes no image; None for other containers."""
        table = self.table.name if self.table else ""
        if container.name == _MISSING_FILES:
            skip = Skip("no-file", f"{table} names it, the folder lacks it")
        elif container.name == _DOUBTFUL_FILES:
            skip = Skip(
                "several-files-or-rows", f"{table} names it, and several files or rows fit: write its whole path"
            )
        elif container.name == _UNREAD_FILES:
            files = ((file, not_readable(suffix_of(file))) for file in container.members)
            return (RawImage(escape_invalid_utf8(file), None, skip=reason) for file, reason in files)
        else:
            return None
        return (RawImage(self.below(file), None, skip=skip) for file in container.members)

    def below(self, file: str) -> str:
        """A file as a table names it, without the path of this folder: the ledger is published."""
        return file.removeprefix(f"{self.path}/")

    def label_files(self) -> list[Path]:
        """The table, if there is one: the names of folders are those of the images."""
        return [self.table] if self.table else []

    def label_settings(self) -> dict[str, object]:
        """The column that says which row is of which photograph."""
        return {"file_column": self.file_column} if self.file_column else {}

    def labels(self) -> Iterator[Label]:
        """The label of each image in the table, or of each that is in a folder with a name.

        Raises:
            InputError: as :meth:`containers` does; or the table labels an image in two ways.
        """
        labels: dict[str, tuple[Label, int]] = {}
        for label, line in self.survey().labels():
            known, known_line = labels.setdefault(label.name_key, (label, line))
            if known != label:
                raise InputError(
                    f"{self.table} names {label.name_key} twice, with different labels, on lines {known_line} and "
                    f"{line}; keep one row"
                )
        yield from (label for label, _ in labels.values())

    def about(self, database: Database) -> bool:
        """What the table says of images beside names, such as the observation and the licence.

        Raises:
            InputError: as :meth:`containers` does.
        """
        about = self.survey().about()
        if about is None:
            return False
        database.load("about", about.rename({"file": "filename"}))
        return True

    def column_files(self) -> list[Path]:
        """The table, if there is one."""
        return [self.table] if self.table else []

    def table_columns(self) -> list[str]:
        """The columns of the table; none without one.

        Raises:
            InputError: as :meth:`containers` does.
        """
        photos = self.survey().table
        return [*photos.used, *photos.unused] if photos else []

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """The columns of the rows of each image, as they are written.

        Raises:
            InputError: as :meth:`containers` does.
        """
        database.load("said", self.photo_values(wanted).rename({"file": "filename"}))

    def photo_values(self, wanted: Mapping[str, str]) -> pl.DataFrame:
        """The same for photographs, with ``file``."""
        assert self.table
        return self.survey().column_values(self.table, self.file_column, wanted)
