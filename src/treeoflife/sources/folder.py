"""A folder of photographs, and a table that says what they show."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from ..config.base import Model
from ..core.values import RANKS, Label, RawImage, Skip, Taxon
from ..errors import InputError
from . import not_taken
from .base import NOT_TAKEN, Container
from .file_names import escape_invalid_utf8, name_bytes
from .image_folders import FolderImages, image_files, list_images

# A part has about half as many images to as many: enough parts for all cores, and a new image costs only seconds.
_IMAGES_PER_PART = 512
_MISSING_FILES = "not-in-folder"
"""The name of the container of images that are in the table, but not in the folder."""
_FILE_COLUMNS = ("file", "filename", "file_name", "filepath", "path", "image", "image_file")
_NAME_COLUMNS = ("scientific_name", "scientificname", "scientific name")
_COMMON_COLUMNS = ("common_name", "common", "commonname", "vernacular_name", "common name")


class Settings(Model):
    """The keys of the table of a folder source."""

    path: Path
    """The folder; images in folders below it count too."""
    table: Path
    """A CSV or Parquet table with a row per image: its file, and any of kingdom, phylum, class, order, family,
    genus, species, scientific_name, common_name."""
    file_column: str = ""
    """The column with the file, relative to the folder; empty: the one called file, filename, path or image."""


class Folder(FolderImages):
    """Images in a folder, identified by their path in it; each image has a label of its own."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"filename": str}
    key: ClassVar[tuple[str, ...]] = ("filename",)
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path = name, settings.path
        self.table, self.file_column = settings.table, settings.file_column
        self.catalog: tuple[str, ...] = (f"{name}_filename",)

    def containers(self) -> list[Container]:
        """The folder in parts of a few hundred images, and the images of the table that it lacks.

        Which part an image is in depends on a hash of its name, so that a new image changes one part.
        """
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        images, others = list_images(self.path, deep=True)
        names = [self._name(path) for path in images]
        if not names:
            raise InputError(f"[sources.{self.name}] path: no image in {self.path} or below it")
        present = {escape_invalid_utf8(name) for name in names}
        missing = tuple(file for file in self._rows()["file"].unique(maintain_order=True) if file not in present)
        extra = [Container(self.name, _MISSING_FILES, self.path, missing)] if missing else []
        others = [path for path in others if path != self.table]
        return [*self._parts(names), *extra, *not_taken.containers(self.name, self.path, others)]

    def _image_names(self) -> list[str]:
        return [self._name(path) for path in image_files(self.path, deep=True)]

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _parts(self, names: list[str]) -> Iterator[Container]:
        # Another number of parts makes all parts anew; a power of two changes only when the folder has doubled.
        count = 1 << (len(names) // _IMAGES_PER_PART).bit_length()
        parts: list[list[str]] = [[] for _ in range(count)]
        for name in names:
            parts[int.from_bytes(hashlib.blake2b(name_bytes(name), digest_size=8).digest()) % count].append(name)
        for number, members in enumerate(parts):
            if members:
                yield Container(self.name, f"part-{number:05d}-of-{count:05d}", self.path, tuple(members))

    def files(self, container: Container) -> list[Path]:
        """The images of one part; none for the images that the folder lacks."""
        return [] if container.name == _MISSING_FILES else [container.path / name for name in container.members]

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the folder, without data; or a row of the ledger for a file that is none."""
        if container.name == NOT_TAKEN:
            return not_taken.image(self._name(path))
        name = escape_invalid_utf8(self._name(path))
        return RawImage(name, (name,))

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images of the part; or those that the table lists and the folder lacks, each with a Skip."""
        yield from self._missing(container)
        yield from super().read(container, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data."""
        yield from self._missing(container)
        yield from super().names(container)

    def _missing(self, container: Container) -> Iterator[RawImage]:
        if container.name == _MISSING_FILES:
            skip = Skip("no-file", f"{self.table.name} names it, the folder lacks it")
            yield from (RawImage(file, None, skip=skip) for file in container.members)

    def label_files(self) -> list[Path]:
        """The table."""
        return [self.table]

    def labels(self) -> Iterator[Label]:
        """The label of each image in the table.

        Raises:
            InputError: the table is missing or malformed, has no file column, or labels an image in two ways.
        """
        labels: dict[str, Label] = {}
        for row in self._rows().iter_rows(named=True):
            taxon = Taxon(*(row[rank] for rank in RANKS))
            label = Label(row["file"], taxon, row["scientific_name"], row["common"])
            if labels.setdefault(row["file"], label) != label:
                raise InputError(f"{self.table} names {row['file']} twice, with different labels; keep one row")
        yield from labels.values()

    def _rows(self) -> pl.DataFrame:
        """The table with the columns file, seven ranks, scientific_name and common; all text, none null."""
        table = _read_table(self.table)
        by_name = {column.strip().lower(): column for column in table.columns}
        file = self.file_column or _first(by_name, _FILE_COLUMNS)
        if file not in table.columns:
            raise InputError(
                f"{self.table} has no column {self.file_column or 'file'!r} with the images' files; it has "
                f"{table.columns}; set file_column in [sources.{self.name}]"
            )
        names = {"scientific_name": _first(by_name, _NAME_COLUMNS)} | {rank: by_name.get(rank) for rank in RANKS}
        if not any(names.values()):
            raise InputError(f"{self.table} has neither a rank ({', '.join(RANKS)}) nor a scientific_name")
        columns = {"file": file, "common": _first(by_name, _COMMON_COLUMNS)} | names
        cells = [
            (pl.col(column).cast(pl.String).str.strip_chars().fill_null("") if column else pl.lit("")).alias(name)
            for name, column in columns.items()
        ]
        rows = table.select(cells).filter(pl.col("file") != "")
        return rows.with_columns(self._paths_in_folder(rows["file"]))

    def _paths_in_folder(self, files: pl.Series) -> pl.Series:
        """The files as paths below the folder. A table may also give a bare name, if it is unique below the folder."""
        names = {escape_invalid_utf8(name) for name in self._image_names()}
        by_bare_name: dict[str, list[str]] = {}
        for name in names:
            by_bare_name.setdefault(name.rsplit("/", 1)[-1], []).append(name)

        def resolve(file: str) -> str:
            if file in names:  # such as one with an escape, whose backslash is no separator
                return file
            clean = file.replace("\\", "/").removeprefix("./")  # tables from Windows
            matches = by_bare_name.get(clean, [])
            return matches[0] if clean not in names and len(matches) == 1 else clean

        return pl.Series("file", [resolve(file) for file in files], dtype=pl.String)


def _first(by_name: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((by_name[name] for name in names if name in by_name), None)


def _read_table(path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pl.read_parquet(path, glob=False)
        separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
        return pl.read_csv(path, separator=separator, infer_schema=False, encoding="utf8-lossy", glob=False)
    except FileNotFoundError:
        raise InputError(f"there is no table {path}") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the table {path} cannot be read: {error}") from None
