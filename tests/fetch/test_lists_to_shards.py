"""From iNaturalist's tables, a slice of TreeOfLife-200M and a list of addresses to shards, over real servers."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from helpers import built
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.sources.base import Source
from treeoflife.testing import SourceContract
from treeoflife.testing.world import draw_picture, encode_image

from .hosts import Host, serving

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
from listed_inputs import CATALOG, PHOTOS, UUIDS, open_data, treeoflife_200m

GONE = "/gone.jpg"


def picture(host: Host, path: str) -> str:
    """The address of a picture of its own that a host has; of the gone one, which it lacks."""
    return host.url + path if path == GONE else host.put(path, encode_image(draw_picture(random.Random(path))))


def catalog(host: Host) -> list[dict[str, Any]]:
    """The catalog's rows, with pictures of this host."""
    hosts = ("https://photos.example", "https://eol.example")
    rows = []
    for row in CATALOG:
        own = next((one for one in hosts if (row["source_url"] or "").startswith(one)), None)
        rows.append(row | {"source_url": picture(host, row["source_url"].removeprefix(own))} if own else row)
    return rows


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of all three, built."""
    folder = tmp_path_factory.mktemp("lists")
    with serving("127.0.0.7", "127.0.0.8") as (photos, others):
        open_data(folder / "inat")
        for photo in PHOTOS:
            picture(photos, f"/{photo[1]}/medium.{photo[4]}")
        treeoflife_200m(folder / "slice", catalog(others))
        addresses = [picture(others, path) for path in ("/a.jpg", "/b.jpg", "/b.jpg", GONE)]
        lines = [f"{url},Parus,major,g-1" for url in addresses]
        (folder / "list.csv").write_text("\n".join(["url,genus,species,group", *lines, ",Pica,pica,"]) + "\n")
        (folder / "set").mkdir()
        (folder / "set/dataset.toml").write_text(
            f"""
            [fetch]
            per_second = 0
            [sources.inat]
            kind = "inaturalist"
            path = "../inat"
            photos_url = "{photos.url}"
            [sources.tol]
            kind = "urls"
            preset = "treeoflife-200m"
            path = "../slice/catalog.parquet"
            [sources.mine]
            kind = "urls"
            path = "../list.csv"
            """
        )
        built(folder / "set/dataset.toml")
    return folder / "set"


def source_of(dataset: Path, name: str) -> Source:
    return next(one for one in open_workspace(dataset).sources if one.name == name)


class TestINaturalist(SourceContract):
    @pytest.fixture
    def source(self, dataset: Path) -> Source:
        return source_of(dataset, "inat")


class TestTreeOfLife200M(SourceContract):
    @pytest.fixture
    def source(self, dataset: Path) -> Source:
        return source_of(dataset, "tol")


class TestUrls(SourceContract):
    @pytest.fixture
    def source(self, dataset: Path) -> Source:
        return source_of(dataset, "mine")


def test_images_are_samples_and_rows_of_the_ledger(dataset: Path) -> None:
    """Counted by the tables themselves: each photograph, and each row that is not the same as another."""
    samples = pl.read_parquet(dataset / "224x224/catalog.parquet").filter(pl.col("split") != "train_small")
    columns = {"inat": "inat_photo_id", "tol": "tol_uuid", "mine": "mine_image_url"}
    counts = Counter({name: samples[column].drop_nulls().len() for name, column in columns.items()})
    ledger = pl.read_parquet(dataset / "ledger/ledger.parquet")
    assert Counter(ledger["source"].to_list()) + counts == Counter(
        inat=len({photo[1] for photo in PHOTOS}), tol=len(CATALOG) - 1, mine=4
    )
    assert Counter(ledger["reason"].to_list()) == Counter({"bad-row": 7, "no-name": 3, "http-404": 1})


def test_samples_of_treeoflife_200m_have_its_ids(dataset: Path) -> None:
    samples = pl.read_parquet(dataset / "224x224/catalog.parquet").filter(pl.col("tol_uuid").is_not_null())
    assert set(samples["treeoflife_id"]) == {UUIDS[number] for number in (0, 1, 2, 8)}
