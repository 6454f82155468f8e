"""A path means that one file, also where its name has characters that are patterns elsewhere."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, configured, seldom
from treeoflife.testing.world import draw_world


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two photographs, and two tables that name them differently."""
    world = draw_world(tmp_path / "world", images=20)
    photos = tmp_path / "photos"
    photos.mkdir()
    images = sorted(path for path in (world.root / "dataset").rglob("*.jpg"))[:2]
    for number, image in enumerate(images):
        shutil.copy(image, photos / f"{number}.jpg")
    for table, name in (("birds1.csv", "Parus major"), ("birds[1].csv", "Turdus merula")):
        rows = "".join(f"{number}.jpg,{name}\n" for number in range(2))
        (photos / table).write_text(f"file,scientific_name\n{rows}")
    return photos


@pytest.mark.parametrize("out", ["set[12]", "all*", *seldom("out [2023]", "what?")])
def test_a_table_and_a_dataset_with_brackets_in_their_names(photos: Path, tmp_path: Path, out: str) -> None:
    for table, dataset in (("birds1.csv", tmp_path / "set1"), ("birds[1].csv", tmp_path / out)):
        assert cli("init", "folder", "--raw", photos, "--table", photos / table, "--out", dataset).returncode == 0
        built(dataset / "dataset.toml")
    for dataset, species in ((tmp_path / "set1", "major"), (tmp_path / out, "merula")):
        catalog = pl.read_parquet(dataset / "224x224" / "catalog.parquet", glob=False)
        assert set(catalog["species"]) == {species}
        done = cli("verify", dataset)
        assert "all is as it was written" in done.stdout, done.stdout + done.stderr
        for command in (("check-taxa",), ("report",), ("names", "why", f"Parus {species}")):
            assert "Traceback" not in cli(*command, "--config", dataset / "dataset.toml").stderr


def test_a_verification_reads_the_tables_of_its_own_dataset(tmp_path: Path) -> None:
    """``set[12]`` is no other name of ``set1``: a plan that is gone is missed."""
    draw_world(tmp_path / "world", images=30)
    for name in ("set1", "set[12]"):
        built(configured(tmp_path / name, "published", tmp_path / "world"))
    (tmp_path / "set[12]" / "plan" / "224x224" / "train.parquet").unlink()
    done = cli("verify", tmp_path / "set[12]")
    assert done.returncode == 1
    assert "plan/224x224/train.parquet: missing" in done.stdout
