"""Photographs of iNaturalist: its Open Data tables, or the CSV that its export of observations makes.

The natural key is the number of the photograph, in both. One photograph may belong to several observations.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from ..config.base import Model
from ..core.database import Database
from ..errors import InputError
from .lists import inaturalist_export, inaturalist_open_data
from .lists.inaturalist_photos import PHOTOS, Filters, Size
from .lists.listed import ListedImages

QualityGrade = Literal["research", "needs_id", "casual"]


class Settings(Model):
    """The keys of the table of a source of iNaturalist's photographs."""

    path: Path
    """The folder with the Open Data tables photos, observations, taxa and observers (.csv or .csv.gz), or a CSV file
    that the export of observations made; or the folder with such files."""
    taxa: tuple[str, ...] = ()
    """The taxa to take with all that is below them, each by its name or its number; empty: all."""
    licences: tuple[str, ...] = ()
    """The licences to take, such as "CC0" and "CC-BY"; empty: all."""
    quality_grades: tuple[QualityGrade, ...] = ()
    """The quality grades to take, of research, needs_id and casual; empty: all."""
    positions: tuple[int, ...] = ()
    """Which photographs of an observation to take: [0] for the first, the likeliest to show the subject; empty: all."""
    size: Size = "medium"
    """The size to fetch: original (at most 2048 pixels), large (1024), medium (500), small (240), thumb, square."""
    photos_url: str = PHOTOS
    """Where the photographs of the Open Data are: the address before their numbers."""


class INaturalist(ListedImages):
    """Photographs of iNaturalist; each has a label of its own."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"photo_id": int}
    key: ClassVar[tuple[str, ...]] = ("photo_id",)
    listed_as: ClassVar[str] = "{photo_id}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path, self.settings = name, settings.path, settings
        self.catalog: tuple[str, ...] = (f"{name}_photo_id",)

    def tables(self) -> list[Path]:
        """The tables of the Open Data, or the exported files.

        Raises:
            InputError: one is missing.
        """
        if not (tables := inaturalist_open_data.tables(self.path)):
            return inaturalist_export.tables(self.path)
        if export := next(iter(sorted(self.path.glob("observations-*.csv"))), None):
            raise InputError(
                f"{self.path} holds the tables of the Open Data and an export, {export.name}: keep them in two "
                "folders, and name each as a source"
            )
        return tables

    def remarks(self) -> list[str]:
        """What had to be guessed in an exported file, and which photographs it lacks.

        Raises:
            InputError: a table is missing or cannot be read.
        """
        files = self.tables()
        return [] if inaturalist_open_data.tables(self.path) else inaturalist_export.remarks(files)

    def list_images(self, database: Database) -> None:
        """Make the photographs known as the table ``listed``.

        Raises:
            InputError: a table cannot be read, a taxon is unknown, or no photograph is left.
        """
        settings = self.settings
        filters = Filters(settings.taxa, settings.licences, settings.quality_grades, settings.positions)
        files = self.tables()
        if inaturalist_open_data.tables(self.path):
            photos = f"{settings.photos_url.rstrip('/')}/"
            inaturalist_open_data.list_photos(database, self.path, filters, photos, settings.size)
        else:
            inaturalist_export.list_photos(database, files, filters, settings.size)
        if not database.value("SELECT count(*) FROM listed WHERE problem = ''"):
            raise InputError(f"[sources.{self.name}]: {self._nothing_left(filters)}")

    def column_files(self) -> list[Path]:
        """The tables."""
        return self.tables()

    def table_columns(self) -> list[str]:
        """The columns of the exported files, or of the tables of the Open Data.

        Raises:
            InputError: one is missing or cannot be read.
        """
        files = self.tables()
        if inaturalist_open_data.tables(self.path):
            return inaturalist_open_data.columns_of(self.path)
        return inaturalist_export.columns_of(files)

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """The columns of each photograph, of its observation, and of its taxon and observer.

        Raises:
            InputError: a table cannot be read.
        """
        files = self.tables()
        if inaturalist_open_data.tables(self.path):
            inaturalist_open_data.tell_columns(database, self.path, wanted)
        else:
            inaturalist_export.tell_columns(database, files, wanted)

    def _nothing_left(self, filters: Filters) -> str:
        """Why no photograph is left."""
        if filters == Filters():
            return (
                f"{self.path} has no address of a photograph of iNaturalist; another list of addresses is of kind urls"
            )
        return f"no photograph of {self.path} is left by taxa, licences, quality_grades and positions in dataset.toml"
