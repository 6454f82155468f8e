"""Sources that read the same images, by whatever paths: each image would be in the dataset twice."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..errors import ConfigError
from .base import NOT_TAKEN, Container, Source


class Reading(NamedTuple):
    """An archive or folder of images, and who reads it."""

    source: Source
    container: Container
    place: Path


def check_read_once(containers: Iterable[tuple[Source, Container]]) -> None:
    """Check that no image is read twice: by two sources, or by one source by way of links.

    Archives and folders are recognised by device and inode, so that links to them are seen through.

    Raises:
        ConfigError: an archive or a folder of images is read twice; the message names both ways.
    """
    known: dict[tuple[int, int], Reading] = {}
    for source, container in containers:
        for place in _places(container):
            try:
                stat = place.stat()
            except OSError:
                continue  # reading it is an error of its own
            reading = Reading(source, container, place)
            first = known.setdefault((stat.st_dev, stat.st_ino), reading)
            if _is_again(first, reading):
                raise ConfigError(_describe(first, reading))


def _describe(first: Reading, second: Reading) -> str:
    way = str(first.place) if first.place == second.place else f"{first.place}, which is {second.place}"
    if first.source is second.source:
        return f"[sources.{first.source.name}] would read {way}, twice: remove one of the links to it"
    return (
        f"[sources.{first.source.name}] and [sources.{second.source.name}] would both read the images in {way}: "
        "each would be in the dataset twice; remove one of these tables, or change its path"
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


def _names(reading: Reading) -> set[str]:
    files = reading.source.files(reading.container)
    return {path.name for path in files if path.parent == reading.place}
