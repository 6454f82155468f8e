"""BIOSCAN-1M: folders ``partN`` of images; names come with its metadata file."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import ijson

from ..config.base import Model
from ..core.values import RANKS, Label, RawImage, Skip, Taxon
from ..core.zip_reader import ZipError, ZipMember
from ..errors import InputError
from .archived import packed_in, zip_images, zip_spans
from .base import Container, unique
from .folders import FolderImages, too_long
from .reading import image_files, printable, subfolders

_PART = re.compile(r"part([0-9]{1,9})", re.ASCII)


class Settings(Model):
    """The keys of the table of a BIOSCAN source."""

    path: Path
    """The folder that holds the folders part1, part2, …, or the archive cropped_256.zip, which is read as it is."""
    metadata: Path | None = None
    """Its metadata: the JSON-LD list of records, or the same as tab-separated text."""


class Bioscan(FolderImages):
    """Images of BIOSCAN-1M, by part and file name; names hang on the single image."""

    Settings: ClassVar[type[Model]] = Settings
    columns: ClassVar[dict[str, type[int] | type[str]]] = {"part": int, "filename": str}
    key: ClassVar[tuple[str, ...]] = ("part", "filename")
    listed_as: ClassVar[str] = "{filename}"
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name = name
        self.path = settings.path
        self.metadata = settings.metadata
        self.catalog = ("bioscan_part", "bioscan_filename")

    def containers(self) -> list[Container]:
        """A part each, also where they are in an archive."""
        if archive := self._archive():
            return self._archived(archive)
        if not self.path.is_dir():
            raise InputError(f"[sources.{self.name}] path: there is no folder {self.path}")
        folders = [path for path in subfolders(self.path) if _PART.fullmatch(path.name)]
        if not folders:
            raise InputError(f"[sources.{self.name}] path: no folder part1, part2, … in {self.path}")
        return unique(Container(self.name, path.name, path) for path in folders)

    def _archive(self) -> Path | None:
        """The archive to read from: what the path names, or what lies there in place of parts."""
        unpacked = self.path.is_dir() and any(_PART.fullmatch(one.name) for one in subfolders(self.path))
        return packed_in(self.path, (".zip",), unpacked=unpacked)

    def _archived(self, archive: Path) -> list[Container]:
        spans = [span for span in zip_spans(archive) if _PART.fullmatch(span.folder)]
        if not spans:
            raise InputError(f"[sources.{self.name}] path: no folder part1, part2, … in {archive}")
        return unique(
            Container(self.name, one.folder, archive, (one.folder,), (one.start, one.stop, one.bytes)) for one in spans
        )

    def files(self, container: Container) -> list[Path]:
        """The images of the part, or the archive that holds them."""
        return [container.path] if container.span else image_files(container.path)

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The part's images, by name."""
        if container.span is None:
            yield from super().read(container, max_bytes)
            return
        images = zip_images(container.path, container.span, container.members[0])
        for position, (member, data) in enumerate(images):
            image = self._member(container, member)
            if image.skip or not container.shares(position):
                yield image
            elif member.size > max_bytes:
                yield replace(image, skip=too_long(member.size, max_bytes))
            else:
                yield _with(image, data)

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same without data."""
        if container.span is None:
            yield from super().names(container)
            return
        for member, _ in zip_images(container.path, container.span, container.members[0]):
            yield self._member(container, member)

    def _member(self, container: Container, member: ZipMember) -> RawImage:
        image = self.image(container, Path(PurePosixPath(member.name).name))
        if member.regular:
            return image
        return replace(image, key=None, skip=Skip("not-a-file", "a link or device in the archive"))

    def image(self, container: Container, path: Path) -> RawImage:
        """An image of the part, without data."""
        name = printable(path.name)
        return RawImage(name, (int(_folder(container).removeprefix("part")), name))

    def label_files(self) -> list[Path]:
        """The metadata."""
        return [self.metadata] if self.metadata else []

    def labels(self) -> Iterator[Label]:
        """The ranks of every record of the metadata, as a stream; nothing without metadata.

        Raises:
            InputError: the metadata is missing or malformed.
        """
        return iter(()) if self.metadata is None else map(_label, records(self.metadata))


def _with(image: RawImage, data: Callable[[], bytes]) -> RawImage:
    """The image with its data; members of a zip are damaged one by one, so each is a row of the ledger."""
    try:
        return replace(image, data=data())
    except ZipError as error:
        return replace(image, skip=Skip("damaged-in-archive", str(error)))


def _folder(container: Container) -> str:
    return container.members[0] if container.span else container.path.name


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The records of BIOSCAN-1M's metadata, one at a time: 1.1 million take no memory.

    Raises:
        InputError: it is missing, or is neither a JSON list nor tab-separated text with a header.
    """
    try:
        with path.open("rb") as fd:
            begins = fd.read(4096).lstrip(b"\xef\xbb\xbf \r\n\t")[:1]
            fd.seek(0)
            if begins in (b"[", b"{"):
                yield from ijson.items(fd, "item" if begins == b"[" else "@graph.item")
            else:
                yield from csv.DictReader(TextIOWrapper(fd, "utf-8-sig"), delimiter="\t", quoting=csv.QUOTE_NONE)
    except (OSError, ValueError, ijson.JSONError, csv.Error) as error:
        raise InputError(f"BIOSCAN's metadata {path} cannot be read: {error}") from None


def _label(record: dict[str, Any]) -> Label:
    """All that BIOSCAN-1M holds are insects, its own paper says so: that fills kingdom, phylum and class."""
    try:
        key = f"{int(record['chunk_number'])}/{record['image_file']}"
    except (KeyError, TypeError, ValueError):
        raise InputError(
            f"a record of BIOSCAN's metadata lacks image_file or chunk_number: {str(record)[:200]}"
        ) from None
    ranks = {rank: str(record.get(rank) or "") for rank in RANKS}
    taxon = Taxon(*(ranks[rank] for rank in RANKS))
    return Label(
        key, taxon._replace(kingdom="Animalia", phylum=taxon.phylum or "Arthropoda", class_=taxon.class_ or "Insecta")
    )
