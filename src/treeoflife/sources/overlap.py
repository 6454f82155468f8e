"""Sources that read the same images, by whatever paths: each image would be in the dataset twice."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..core.folders import list_entries
from ..core.objects import as_path
from ..errors import ConfigError
from .base import NOT_TAKEN, Container, Source

Identity = tuple[int, int]
"""The device and inode of a file or folder."""


@dataclass(frozen=True, eq=False)  # told apart by identity: to compare containers is to compare all their files
class Reading:
    """An archive or folder of images, and who reads it."""

    source: Source
    container: Container
    place: Path


def check_read_once(containers: Iterable[tuple[Source, Container]]) -> None:
    """Check that no image is read twice: by two sources, or by one source by way of links.

    Archives and folders are recognised by device and inode, so that links to them are seen through; so are links in
    folders of photographs. Hard links of images are not recognised: every file would have to be looked at.

    Raises:
        ConfigError: an archive, a folder of images or an image is read twice; the message names both ways.
    """
    readings: dict[Identity, list[Reading]] = {}
    for source, container in containers:
        for place in _places(container):
            try:
                stat = place.stat()
            except OSError:
                continue  # reading it is an error of its own
            reading = Reading(source, container, place)
            known = readings.setdefault((stat.st_dev, stat.st_ino), [])
            known.append(reading)
            if _is_again(known[0], reading):
                raise ConfigError(_describe(known[0], reading))
    if len({reading.source.name for known in readings.values() for reading in known}) > 1:
        _check_links(readings)


def _check_links(readings: Mapping[Identity, Sequence[Reading]]) -> None:
    """Check that no link in a folder of photographs leads to an image that another source reads."""
    names = _Names()
    linked: dict[Identity, Reading] = {}
    # Files of other sources are not listed so far: listing millions of them takes minutes.
    for reading in (one for known in readings.values() for one in known if one.container.members):
        for link in _links(reading.place):
            try:
                stat, real = link.stat(), Path(os.path.realpath(link))
                folder = real.parent.stat()
            except OSError:
                continue  # a link to nothing, which is a row of the ledger
            if link.name in names[reading]:
                image = replace(reading, place=link)
                there = readings.get((folder.st_dev, folder.st_ino), ())
                others = [replace(one, place=real) for one in there if real.name in names[one]]
                for other in (linked.setdefault((stat.st_dev, stat.st_ino), image), *others):
                    if other.source is not reading.source:
                        raise ConfigError(_describe(other, image))


def _links(folder: Path) -> list[Path]:
    return sorted(as_path(entry.path) for entry in list_entries(folder) if entry.is_symlink())


def _describe(first: Reading, second: Reading) -> str:
    way = str(first.place) if first.place == second.place else f"{first.place}, which is {second.place}"
    if first.source is second.source:
        return f"[sources.{first.source.name}] would read {way}, twice: remove one of the links to it"
    return (
        f"[sources.{first.source.name}] and [sources.{second.source.name}] would both read {way}: "
        "each image would be in the dataset twice; remove one of these tables or the link, or change a path"
    )


def _places(container: Container) -> Iterator[Path]:
    """The archive, or the folders whose images a container holds."""
    if container.name == NOT_TAKEN:
        return
    folders = {member.rpartition("/")[0] for member in container.members} or {""}
    yield from (container.path / folder for folder in sorted(folders))


def _is_again(first: Reading, second: Reading) -> bool:
    """Whether images are read again, given that both are from the same archive or folder."""
    if first.source is second.source:
        return first.place != second.place
    # Sources may share a folder if each takes other files of it.
    return second.place.is_file() or bool(_names(first) & _names(second))


def _names(reading: Reading) -> frozenset[str]:
    files = reading.source.files(reading.container)
    return frozenset(path.name for path in files if path.parent == reading.place)


class _Names(dict[Reading, frozenset[str]]):
    """The names of the files of each reading, listed when they are asked for."""

    def __missing__(self, reading: Reading) -> frozenset[str]:
        return self.setdefault(reading, _names(reading))
