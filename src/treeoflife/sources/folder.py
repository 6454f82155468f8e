"""Anybody's photographs: a folder of images, and a table that says what they show."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import polars as pl

from ..config.base import Model
from ..core.values import RANKS, Label, RawImage, Skip, Taxon
from ..errors import InputError
from .base import Container
from .folders import FolderImages
from .reading import image_files, printable

_PART = 512
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
    """Images from a folder, by their path in it; names hang on the single image."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"filename": str}
    key: ClassVar[tuple[str, ...]] = ("filename",)
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name = name
        self.path = settings.path
        self.table = settings.table
        self.file_column = settings.file_column
        self.catalog = (f"{name}_filename",)

    def containers(self) -> list[Container]:
        """The folder in parts of a few hundred images, by a hash of their names: a new photograph touches one part."""
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        names = [self._name(path) for path in image_files(self.path, deep=True)]
        if not names:
            raise InputError(f"[sources.{self.name}] path: no image in {self.path} or below it")
        there = {printable(name) for name in names}
        absent = tuple(file for file in self._rows()["file"].unique(maintain_order=True) if file not in there)
        extra = [Container(self.name, "not-in-folder", self.path, absent)] if absent else []
        return [*self._parts(names), *extra]

    def _parts(self, names: list[str]) -> Iterator[Container]:
        count = 1 << (len(names) // _PART).bit_length()
        parts: list[list[str]] = [[] for _ in range(count)]
        for name in names:
            parts[int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) % count].append(name)
        for number, members in enumerate(parts):
            if members:
                yield Container(self.name, f"part-{number:05d}-of-{count:05d}", self.path, tuple(members))

    def files(self, container: Container) -> list[Path]:
        """The images of one part; none for the rows of the table whose files are not there."""
        return [] if container.name == "not-in-folder" else [container.path / name for name in container.members]

    def image(self, _container: Container, path: Path) -> RawImage:
        """An image of the folder, without data."""
        name = self._name(path)
        return RawImage(printable(name), (printable(name),))

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The part's images; or the files that the table names and the folder lacks, each with a Skip."""
        yield from self._absent(container)
        yield from super().read(container, max_bytes)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same without data."""
        yield from self._absent(container)
        yield from super().names(container)

    def _absent(self, container: Container) -> Iterator[RawImage]:
        if container.name == "not-in-folder":
            skip = Skip("no-file", f"{self.table.name} names it, the folder lacks it")
            yield from (RawImage(file, None, skip=skip) for file in container.members)

    def label_files(self) -> list[Path]:
        """The table."""
        return [self.table]

    def labels(self) -> Iterator[Label]:
        """What the table says of each image.

        Raises:
            InputError: it is missing, malformed, without a file column, or names an image twice in two ways.
        """
        seen: dict[str, Label] = {}
        for row in self._rows().iter_rows(named=True):
            taxon = Taxon(*(row.get(rank, "") for rank in RANKS))
            label = Label(row["file"], taxon, row["scientific_name"], row["common"])
            if seen.setdefault(row["file"], label) != label:
                raise InputError(f"{self.table} names {row['file']} twice, with different labels; keep one row")
        yield from seen.values()

    def _name(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    def _rows(self) -> pl.DataFrame:
        """The table with the columns file, seven ranks, scientific_name and common; all text, none null."""
        frame = _read_table(self.table)
        by_name = {column.strip().lower(): column for column in frame.columns}
        file = self.file_column or _first(by_name, _FILE_COLUMNS)
        if file not in frame.columns:
            raise InputError(
                f"{self.table} has no column {self.file_column or 'file'!r} with the images' files; it has "
                f"{frame.columns}; set file_column in [sources.{self.name}]"
            )
        picked = {
            "file": file,
            "scientific_name": _first(by_name, _NAME_COLUMNS),
            "common": _first(by_name, _COMMON_COLUMNS),
        }
        picked |= {rank: by_name.get(rank) for rank in RANKS}
        if not any(picked[column] for column in picked if column not in ("file", "common")):
            raise InputError(f"{self.table} has neither a rank ({', '.join(RANKS)}) nor a scientific_name")
        cells = [
            (pl.col(column).cast(pl.String).str.strip_chars().fill_null("") if column else pl.lit("")).alias(name)
            for name, column in picked.items()
        ]
        rows = frame.select(cells).filter(pl.col("file") != "")
        return rows.with_columns(self._file_names(rows["file"]))

    def _file_names(self, files: pl.Series) -> pl.Series:
        """The files as paths below the folder: written so, or as a bare name that occurs once below it."""
        there = [printable(self._name(path)) for path in image_files(self.path, deep=True)]
        bare: dict[str, list[str]] = {}
        for name in there:
            bare.setdefault(name.rsplit("/", 1)[-1], []).append(name)
        known = set(there)

        def resolve(file: str) -> str:
            clean = file.replace("\\", "/").removeprefix("./")
            if clean in known or len(bare.get(clean, ())) != 1:
                return clean
            return bare[clean][0]

        return pl.Series("file", [resolve(file) for file in files], dtype=pl.String)


def _first(by_name: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((by_name[name] for name in names if name in by_name), None)


def _read_table(path: Path) -> pl.DataFrame:
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return pl.read_parquet(path)
        separator = "\t" if path.suffix.lower() in (".tsv", ".tab") else ","
        return pl.read_csv(path, separator=separator, infer_schema=False, encoding="utf8-lossy")
    except FileNotFoundError:
        raise InputError(f"there is no table {path}") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the table {path} cannot be read: {error}") from None
