"""The tables of dataset.toml about downloads. They do not affect the contents of a dataset."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from .base import Model
from .fetch import RequestRules


class EolImagesTable(RequestRules):
    """How 'treeoflife download eol-images' fetches single images from the hosts in EOL's media manifest."""

    manifest: tuple[Path, ...] = ()
    """The files of the manifest, in order. Empty: those that 'treeoflife download eol-manifest' fetched."""
    per_archive: Annotated[int, Field(ge=1, le=1_000_000_000)] = 100_000
    """Number of rows of the manifest per archive."""


class DownloadTable(Model):
    """What treeoflife download fetches, where it puts the files, and how it retries."""

    path: Path = Path("raw")
    """The folder for downloaded files, laid out as treeoflife init expects it."""
    files: Annotated[int, Field(ge=1, le=32)] = 2
    """Number of files that are fetched at the same time."""
    connections: Annotated[int, Field(ge=1, le=32)] = 4
    """Number of connections per file, if its server supports range requests."""
    segment_bytes: Annotated[int, Field(ge=4096, le=1 << 50)] = 256 << 20
    """Bytes per range request."""
    chunk_bytes: Annotated[int, Field(ge=4096, le=1 << 40)] = 8 << 20
    """Bytes after which a connection records its progress: the most that it loses if the run is killed."""
    stall_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """Seconds after which a connection that delivers hardly any data is closed and opened again."""
    tries: Annotated[int, Field(ge=1, le=100)] = 8
    """How many times in a row a request may fail without delivering 16 KiB, until the file is given up."""
    wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    """Seconds to wait after the first failure. The wait doubles with each further failure, up to a minute, and varies
    randomly by half."""
    components: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Changes and additions to the list of components: a table [download.components.NAME] each, such as another url."""
    images: EolImagesTable = Field(default_factory=EolImagesTable)
