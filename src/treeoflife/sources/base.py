"""What a source of images is: the contract that every source and plug-in keeps.

A source is a class that is registered as an entry point of the group ``treeoflife.sources`` and made
from its table in dataset.toml. :class:`treeoflife.testing.SourceContract` checks one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol
from urllib.parse import quote

from ..config.base import Model
from ..core.files import stamp
from ..core.values import Label, RawImage
from ..errors import InputError

IMAGE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .gif .webp .tif .tiff .bmp .ppm .pgm .pnm .jp2 .j2k .avif .heic".split()
)
"""Endings of files that are taken for images in folders."""
MOST_FILES = 1_000_000
"""The most files that a container may hold: a worker keeps a row of each in memory. EOL's hold a tenth of it."""


@dataclass(frozen=True)
class Container:
    """The unit in which a source is read, and in which its images are encoded and stored.

    Attributes:
        source: the source's name.
        name: unique within the source, and fit to be a file name.
        path: the archive, or the folder, that it is read from.
        members: for a folder that is read in parts, the files of this part, relative to ``path``.
        span: for an archive that is read in parts, where this part begins and ends, and about how many bytes it takes.
        share: which of its images a reader needs: with (k, n), those at the positions k, k + n, k + 2n, ….
            A source may give the others without data, if that is cheaper.
    """

    source: str
    name: str
    path: Path
    members: tuple[str, ...] = ()
    span: tuple[int, int, int] | None = None
    share: tuple[int, int] = (0, 1)

    def shares(self, position: int) -> bool:
        """Whether the image at ``position`` is one of ``share``."""
        first, count = self.share
        return position % count == first


class Source(Protocol):
    """Where images come from. Instances are made from a table in dataset.toml, and can be pickled.

    Attributes:
        Settings: the keys of that table.
        name: the table's name, and the name of the source's table in the mapping.
        columns: the columns of the source's table in the mapping, each with its type: ``int`` or ``str``.
        key: those of the columns that make the natural key, in the order in which an id is made from them.
        listed_as: what a list of images calls one, as a format of ``columns``; file endings do not count.
        name_key: the column that names hang on: one of ``columns``, or ``treeoflife_id``.
        catalog: what ``columns`` are called in the catalog, in their order.
    """

    Settings: ClassVar[type[Model]]
    name: str
    columns: ClassVar[dict[str, type[int] | type[str]]]
    key: ClassVar[tuple[str, ...]]
    listed_as: ClassVar[str]
    name_key: ClassVar[str]
    catalog: tuple[str, ...]

    def __init__(self, name: str, settings: Model) -> None:
        """Make the source that is called ``name`` in dataset.toml. Reads nothing yet."""

    def containers(self) -> list[Container]:
        """All containers, in a fixed order. Cheap: no archive is opened.

        Raises:
            InputError: what the settings name is not there, or holds no container.
        """

    def files(self, container: Container) -> list[Path]:
        """The files that the container consists of: an archive, or the images of a folder, in a fixed order."""

    def read(self, container: Container, max_bytes: int) -> Iterator[RawImage]:
        """The container's images, in a fixed order, as a stream.

        A file longer than ``max_bytes`` comes without data and with a Skip; so does one that cannot be an image.

        Raises:
            ContainerError: the container cannot be read to its end.
        """

    def names(self, container: Container) -> Iterator[RawImage]:
        """The same images without their data, as cheaply as the container allows."""

    def label_files(self) -> list[Path]:
        """The tables that labels are read from: names are made anew when one changes."""

    def labels(self) -> Iterator[Label]:
        """What the source says of names. A label's ``name_key`` is the value of the column ``name_key``;
        where that is ``treeoflife_id``, it is the natural key's values joined by ``/`` instead.

        Raises:
            InputError: a table of the source is missing or malformed.
        """


def signature(source: Source, container: Container) -> str:
    """A digest of the names, sizes, times and inodes of a container's files: what it is known again by."""
    digest = hashlib.sha256("\0".join(container.members).encode())
    if container.span:
        digest.update(repr(container.span).encode())
    for path in source.files(container):
        digest.update(f"{path.relative_to(container.path.parent)}\0{_stamp(path)}\0".encode())
    return digest.hexdigest()


def _stamp(path: Path) -> str:
    try:
        return stamp(path)
    except FileNotFoundError:
        return "a link to nothing"


def size(source: Source, container: Container) -> int:
    """The bytes that a container's files take."""
    if container.span:
        return container.span[2]
    return sum(path.stat().st_size for path in source.files(container) if path.exists())


def file_name(name: str) -> str:
    """``name`` as a file name: unusual characters are escaped with per cent signs, a long one ends in its hash.

    >>> file_name("00001_Animalia_Chordata"), file_name("../x y")
    ('00001_Animalia_Chordata', '%2E.%2Fx%20y')
    """
    safe = quote(name, safe="")
    if safe.startswith("."):
        safe = "%2E" + safe[1:]
    if len(safe) > 200:
        safe = f"{safe[:160]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return safe


def unique(containers: Iterable[Container]) -> list[Container]:
    """The containers as a list, in the order of their names.

    Raises:
        InputError: two have the same name.
    """
    by_name: dict[str, Container] = {}
    for container in containers:
        other = by_name.setdefault(container.name, container)
        if other is not container:
            raise InputError(f"two containers are called {container.name}: {other.path} and {container.path}; keep one")
    return [by_name[name] for name in sorted(by_name)]
