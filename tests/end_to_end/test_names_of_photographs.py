"""Photographs and a table of scientific names, nothing else: what init, build and the commands about names say."""

from __future__ import annotations

import random
import subprocess
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli
from treeoflife.config.config import load
from treeoflife.core.values import RANKS
from treeoflife.testing.world import draw_picture

NAMES = ["Turdus merula", "Turdus merula", "Parus major", "Quercus robur", "Xus yus", "Apidae"]


@dataclass
class Biologist:
    """A dataset from photographs and their names, and what was said on the way."""

    raw: Path
    config: Path
    init: str
    build: str


@pytest.fixture(scope="module")
def biologist(tmp_path_factory: pytest.TempPathFactory) -> Biologist:
    """In a new home, where no taxonomy was ever downloaded."""
    folder = tmp_path_factory.mktemp("biologist")
    raw, rng = folder / "photos", random.Random(1)
    raw.mkdir()
    for number in range(len(NAMES)):
        draw_picture(rng).save(raw / f"{number}.jpg", "JPEG")
    rows = "".join(f"{number}.jpg,{name}\n" for number, name in enumerate(NAMES))
    (raw / "names.csv").write_text(f"file,scientific_name\n{rows}")
    home = {"HOME": str(folder), "XDG_CACHE_HOME": "", "XDG_DATA_HOME": ""}
    init = cli("init", "folder", "--raw", raw, "--out", folder / "mine", **home)
    assert init.returncode == 0, init.stderr
    config = folder / "mine/dataset.toml"
    done = built(config, **home)
    return Biologist(raw, config, _plain(init), _plain(done))


def _plain(done: subprocess.CompletedProcess[str]) -> str:
    return "\n".join(" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines())


def test_init_says_what_labels_give_and_who_fills_the_rest(biologist: Biologist) -> None:
    assert "found labels: 5 different ones, which give family 1, genus 4, species 4" in biologist.init
    assert "found names: 3 of these get all ranks down to genus or species" in biologist.init
    assert "kingdoms from built_in 4" in biologist.init
    assert "found names: 2 do not: 1 without a kingdom, 1 named to family or above only" in biologist.init
    assert "1 in no taxonomy that is used, such as 'Xus yus'" in biologist.init
    assert "treeoflife download taxonomy" in biologist.init
    names = load(biologist.config).names
    assert (names.built_in, names.backbone) == (True, "built_in")


def test_samples_have_all_ranks_that_the_built_in_taxonomy_knows(biologist: Biologist) -> None:
    catalog = pl.read_parquet(biologist.config.parent / "224x224/catalog.parquet")
    rows = {row[:2]: row[2:] for row in catalog.select("genus", "species", *RANKS[:5]).iter_rows()}
    assert rows["Quercus", "robur"] == ("Plantae", "Tracheophyta", "Magnoliopsida", "Fagales", "Fagaceae")
    assert rows["Turdus", "merula"] == ("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae")
    assert rows["Xus", "yus"] == ("", "", "", "", "")


def test_build_and_status_say_what_is_missing_and_what_to_do(biologist: Biologist) -> None:
    status = _plain(cli("status", "--config", biologist.config))
    for said in (biologist.build, status):
        assert "names: 2 of 6 samples lack ranks: 1 without a kingdom, 1 named to family or above only" in said
        assert "'treeoflife names why NAME' explains a name; 'treeoflife download taxonomy'" in said


def test_nothing_is_said_of_tables_that_nobody_wants(biologist: Biologist) -> None:
    assert "EOL" not in biologist.build
    assert "ITIS" not in biologist.build


def test_matching_gives_the_names_of_the_build(biologist: Biologist, tmp_path: Path) -> None:
    output = tmp_path / "matched.parquet"
    done = cli("names", "match", biologist.raw / "names.csv", "--config", biologist.config, "--output", output)
    assert done.returncode == 0, done.stderr
    matched = pl.read_parquet(output)
    catalog = pl.read_parquet(biologist.config.parent / "224x224/catalog.parquet").filter(
        pl.col("split") != "train_small"
    )
    by_file = catalog.sort("photos_filename").select(RANKS)
    assert matched.select(RANKS).rows() == by_file.rows()


def test_a_name_is_explained_whether_the_dataset_has_it_or_not(biologist: Biologist) -> None:
    own = cli("names", "why", "Quercus robur", "--config", biologist.config).stdout
    assert "photos:" in own
    assert "family: Fagaceae (from built_in:genus)" in own
    other = cli("names", "why", "Pica pica", "--config", biologist.config).stdout
    assert "no name key, scientific name or rank of the dataset is 'Pica pica'" in other
    assert "family: Corvidae (from built_in:genus)" in other
