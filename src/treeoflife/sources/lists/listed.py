"""Sources whose images are on the web: tables list their addresses, and the stage ``fetch`` brings them into archives.

A kind of such a source says how its tables are read, by :meth:`ListedImages.list_images`; all the rest is here.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO

import polars as pl

from ...config.fetched_files import FetchedFiles
from ...core.database import Database, column, columns
from ...core.text import reason
from ...core.values import GONE, RANKS, BoundingBox, RawImage, Skip
from ...errors import ContainerError
from ..base import ABOUT_COLUMNS, Container, Source, too_long

LISTED_COLUMNS = (
    "url", *RANKS, "scientific_name", "taxon_rank", "common_name", *ABOUT_COLUMNS, "flags", "problem",
)  # fmt: skip
"""The columns of the table ``listed`` beside those of the natural key; all are texts, null or empty where unknown.

``url`` is the address of the picture. ``species`` is the epithet alone, or the binomial where the provider's table has
that. ``taxon_rank`` is the rank of ``scientific_name``. ``flags`` are the provider's own remarks about the row, joined
by ``;``. ``problem`` says in a sentence why a row cannot be used, such as one without an address: it becomes a row of
the ledger."""
REPEATED = "repeated"
"""The column that ``images.parquet`` has besides: how many other rows with the same natural key said something else."""

# Rows as Python objects take several times the memory of columns.
_ROWS_AT_ONCE = 4096


class ListedImages(Source):
    """What all sources have in common whose images are listed with their addresses.

    The containers are the archives in the folder of fetched images, and parts of the list of those that could not be
    fetched. Each image of the list is in one of them once.
    """

    fetched: FetchedFiles | None = None
    """Where the stage ``fetch`` keeps the images; None for a source that belongs to no dataset."""
    name_key = "treeoflife_id"

    @abstractmethod
    def tables(self) -> list[Path]:
        """The files that :meth:`list_images` reads: when one changes, they are read again.

        Raises:
            InputError: one is missing, or is not what the source reads; the message says what to do instead.
        """

    @abstractmethod
    def list_images(self, database: Database) -> None:
        """Make the images known as the table ``listed``, in no order, in bounded memory.

        It has the source's ``columns`` (BIGINT or VARCHAR), and :data:`LISTED_COLUMNS`. An image that the settings
        exclude is not in it. A natural key may occur more than once: the images are the same then.

        Raises:
            InputError: a table is malformed.
        """

    def box_of(self, key: tuple[int | str, ...] | None) -> BoundingBox | None:
        """The part of the picture that the image of a key is; None for a whole picture, as all are but boxes."""
        del key
        return None

    def keep_in(self, files: FetchedFiles) -> None:
        """Read the images from these files, which are the dataset's."""
        self.fetched = files

    def containers(self) -> list[Container]:
        """The archives with images, and what could not be fetched; none before the stage ``fetch`` has run."""
        if self.fetched is None:
            return []
        archives = [self.fetched.archive(number) for number in self.fetched.with_images()]
        return [Container(self.name, path.stem, path) for path in (*archives, *self.fetched.not_fetched_parts())]

    def files(self, container: Container) -> list[Path]:
        """The archive and the table of its images; or the table of those that could not be fetched."""
        return [container.path] if _is_table(container.path) else [container.path, _table_of(container.path)]

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The images in the order in which they lie in the archive.

        Several images may have the same address, and so the same bytes; these are read once.
        """
        if _is_table(container.path):
            yield from self.names(container)
            return
        with _open(container.path) as archive:
            last, data = -1, b""
            for position, (image, offset, size) in enumerate(self._rows(_table_of(container.path))):
                if image.skip:
                    yield image
                elif size > max_bytes:
                    yield RawImage(image.file, image.key, skip=too_long(size, max_bytes))
                elif not container.includes(position):
                    yield image
                else:
                    last, data = offset, data if offset == last else _read_at(archive, offset, size)
                    yield replace(image, data=data)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without data, by the table alone."""
        table = container.path if _is_table(container.path) else _table_of(container.path)
        return (image for image, *_ in self._rows(table))

    def _rows(self, table: Path) -> Iterator[tuple[RawImage, int, int]]:
        """The images of a table, each with its offset and size in the archive; 0 for those that are not in one.

        A row without a file is the place of an image that was withdrawn.
        """
        try:
            rows = pl.read_parquet(table, glob=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ContainerError(
                f"{table} cannot be read ({reason(error)}): delete it, and 'treeoflife fetch' makes it again"
            ) from None
        is_fetched = "offset" in rows.columns
        further = ("offset", "size") if is_fetched else ("reason", "detail")
        for some in rows.iter_slices(_ROWS_AT_ONCE):
            for file, one, other, *parts in some.select("file", *further, *self.columns).iter_rows():
                key = None if None in parts else tuple(parts)
                if is_fetched and not file:
                    yield RawImage(file, None, skip=GONE), 0, 0
                elif is_fetched:
                    yield RawImage(file, key, box=self.box_of(key)), one, other
                else:
                    yield RawImage(file, key, skip=Skip(one, other)), 0, 0

    def label_files(self) -> list[Path]:
        """The list, once there is one: images are named again when it changes."""
        return [self.fetched.images] if self.fetched and self.fetched.images.exists() else []

    def label_table(self, database: Database) -> bool:
        """The names in the list, with their ranks."""
        further = (*RANKS, "scientific_name", "common_name", "taxon_rank")
        return self._select_listed(database, "image_label", further)

    def about(self, database: Database) -> bool:
        """What the list says about the images."""
        return self._select_listed(database, "about", ABOUT_COLUMNS)

    def unlisted(self, database: Database) -> bool:
        """Images that the list has no longer, and that lie in an archive between others."""
        if self.fetched is None or not self.fetched.unlisted.exists():
            return False
        database.view("unlisted", [self.fetched.unlisted])
        return True

    def flags(self, database: Database) -> bool:
        """The provider's remarks in the list, and images that it lists in several ways."""
        return self._select_listed(database, "flagged", ("flags", REPEATED))

    def _select_listed(self, database: Database, name: str, further: tuple[str, ...]) -> bool:
        """Make columns of the list known as a table, of the rows that have a natural key; False if there is no list."""
        if not self.label_files():
            return False
        listed = f"{name}_listed"
        database.view(listed, self.label_files())
        has_key = " AND ".join(f"{column(one)} IS NOT NULL" for one in self.columns)
        database.run(f"""
            CREATE OR REPLACE VIEW {name} AS
            SELECT {columns((*self.columns, *further))}
            FROM {listed}
            WHERE {has_key}
        """)
        return True


def _is_table(path: Path) -> bool:
    """Whether a container is a part of the list of what could not be fetched, and no archive."""
    return path.suffix == ".parquet"


def _table_of(archive: Path) -> Path:
    return archive.with_suffix(".images.parquet")


def _open(archive: Path) -> IO[bytes]:
    try:
        return archive.open("rb")
    except OSError as error:
        raise ContainerError(f"{archive} cannot be read: {error.strerror}; {_remedy(archive)}") from None


def _read_at(archive: IO[bytes], offset: int, size: int) -> bytes:
    path = Path(archive.name)
    try:
        archive.seek(offset)
        data = archive.read(size)
    except OSError as error:
        raise ContainerError(f"{path} cannot be read: {error.strerror}") from None
    if len(data) < size:
        raise ContainerError(f"{path} ends before its image at {offset}: {_remedy(path)}")
    return data


def _remedy(archive: Path) -> str:
    index = archive.with_suffix(".parquet")
    return f"delete it and {index.name}, and the next build asks for its images again"
