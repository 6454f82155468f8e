"""From a download of GBIF to shards, over a real server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from gbif_archives import trapped_download, write_download
from helpers import cli
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.sources.base import Source
from treeoflife.testing import SourceContract
from treeoflife.testing.world import draw_picture, encode_image

from .hosts import serving

GONE = "2.jpg"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A dataset of a download with all that is awkward in real ones, and what the build said."""
    folder = tmp_path_factory.mktemp("gbif")
    with serving("127.0.0.9") as (host,):
        occurrences, media = trapped_download(host.url)
        for row in media:
            path = row["identifier"].removeprefix(host.url)
            if path and not path.endswith(GONE):
                picture = encode_image(draw_picture(random.Random(path)))
                host.put(quote(path, safe="/?="), picture)
        write_download(folder / "0001234-DWCA.zip", occurrences, media)
        said = cli("init", "gbif", "--table", folder / "0001234-DWCA.zip", "--out", folder / "birds")
        assert said.returncode == 0, said.stderr
        done = cli("build", "--config", folder / "birds/dataset.toml")
        assert done.returncode == 0, done.stderr
    return folder / "birds", done.stderr


class TestGbif(SourceContract):
    @pytest.fixture
    def source(self, built: tuple[Path, str]) -> Source:
        return open_workspace(built[0]).sources[0]


def test_images_are_samples_and_rows_of_the_ledger(built: tuple[Path, str]) -> None:
    """Fourteen can be fetched, of which one is gone; one row has no address, and one no occurrence."""
    catalog = pl.read_parquet(built[0] / "224x224/catalog.parquet").filter(pl.col("split") != "train_small")
    ledger = pl.read_parquet(built[0] / "ledger/ledger.parquet")
    assert sorted(ledger["reason"]) == ["bad-row", "bad-row", "http-404"]
    assert catalog["gbif_identifier"].len() == 13
    assert catalog["treeoflife_id"].n_unique() == 13


def test_a_build_says_what_of_the_download_is_no_image(built: tuple[Path, str]) -> None:
    assert "media that are no images: MovingImage 1, Sound 1, application/pdf 1" in built[1]
    assert built[1].count("occurrenceStatus ABSENT") == 1
