"""The tables of dataset.toml that say what is downloaded, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from .base import Model


class EolImagesTable(Model):
    """How eol-images fetches single images from the hosts that EOL's media manifest names."""

    manifest: tuple[Path, ...] = ()
    """The files of the manifest, in their order; empty for those that 'download eol-manifest' fetched."""
    per_archive: Annotated[int, Field(ge=1)] = 100_000
    """Rows of the manifest that go into one archive."""
    connections: Annotated[int, Field(ge=1, le=64)] = 8
    """Images that one task fetches at once."""
    per_host: Annotated[int, Field(ge=1, le=64)] = 4
    """Requests to one host that are open at once, of all tasks together."""
    per_second: Annotated[float, Field(ge=0)] = 10.0
    """Requests to one host a second, of all tasks together; 0 sets no limit."""
    contact: str = ""
    """An address or page that goes into the user agent, so that a host can reach you."""
    robots: bool = True
    """Keep to what the hosts' robots.txt allows."""
    max_bytes: Annotated[int, Field(ge=1)] = 50_000_000
    """Longer files are not fetched."""
    tries: Annotated[int, Field(ge=1, le=20)] = 4
    """How often an image is asked for that fails for a reason that may pass."""


class DownloadTable(Model):
    """What download fetches, where it puts it, and how hard it tries."""

    path: Path = Path("raw")
    """The folder that takes the files, laid out as init expects it."""
    files: Annotated[int, Field(ge=1, le=32)] = 2
    """Files that are fetched at once."""
    connections: Annotated[int, Field(ge=1, le=32)] = 4
    """Connections for one file, where its server sends ranges."""
    segment_bytes: Annotated[int, Field(ge=4096)] = 256 << 20
    """What a connection asks for at a time."""
    chunk_bytes: Annotated[int, Field(ge=4096)] = 8 << 20
    """How much a connection receives until it is put on record: a killed run loses at most this per connection."""
    stall_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A connection that brings nothing, or hardly anything, for so long is given up and made anew."""
    tries: Annotated[int, Field(ge=1, le=100)] = 8
    """How often in a row a request may fail without bringing a byte."""
    wait_seconds: Annotated[float, Field(ge=0)] = 1.0
    """The wait after a first failure; it doubles with each, up to a minute, and varies by half."""
    components: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Changes and additions to the list of components, [download.components.NAME], such as another url."""
    images: EolImagesTable = EolImagesTable()
