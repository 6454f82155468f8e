"""Images of a GBIF download keep the contract of sources, once they are fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gbif_archives import trapped_download, write_download
from treeoflife.config.fetched_files import FetchedFiles
from treeoflife.core.database import Database, open_database
from treeoflife.sources.gbif import Gbif
from treeoflife.testing import SourceContract

from .test_lists_and_archives import made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with open_database(tmp_path / "scratch", 0.5) as one:
        yield one


class KeptGbif(Gbif):
    """With its files, as the helpers of lists and archives take it."""

    @property
    def kept(self) -> FetchedFiles:
        assert self.fetched
        return self.fetched


class TestGbif(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path, database: Database) -> KeptGbif:
        path = write_download(tmp_path / "0001234-DWCA.zip", *trapped_download("https://example.org"))
        source = KeptGbif("gbif", Gbif.Settings(path=path))
        source.keep_in(FetchedFiles(tmp_path / "fetched"))
        return made(source, database, {"https://example.org/2.jpg": "http-404"})
