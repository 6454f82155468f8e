"""A hold-out set has distinct images of species that the build then leaves out, whole; counted a second way."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from planted import configure, files_of, plant

from helpers import built, cli, digests, samples, sentence, shards
from treeoflife.images.perceptual_hash import pdq_hash
from treeoflife.selection.duplicates.near import find_near_pairs


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Planted folders; a set made of their dataset, called rare; then the dataset built. A folder to look at."""
    root = tmp_path_factory.mktemp("holdout")
    plant(root)
    (root / "rare.csv").write_text("species\nVanessa atalanta\nPoa annua\nTurdus merula\nFelis catus\n")
    config = configure(root, root / "out")
    _make(root, config)
    built(config)
    return root


def _make(root: Path, config: Path, *words: str, per_species: int = 12) -> None:
    done = cli("holdout", "make", "--species", root / "rare.csv", "--per-species", str(per_species), "--seed", "17",
               "--config", config, *words)  # fmt: skip
    assert done.returncode == 0, done.stderr


def _hash(path: Path) -> bytes:
    return pdq_hash(Image.open(path).convert("RGB").resize((224, 224))) or b""


def _set(root: Path) -> Path:
    return root / "out/holdout/rare"


def test_it_has_as_many_images_of_each_species_in_folders_of_classes(made: Path) -> None:
    """As the catalog says; the files are the sources' own, byte for byte."""
    rows = list(csv.DictReader((_set(made) / "catalog.csv").open()))
    assert Counter(row["species"] for row in rows) == dict.fromkeys(("atalanta", "annua", "merula"), 12)
    files = files_of(made / "out/metadata/mapping.sqlite")
    for row in rows:
        path = _set(made) / row["file_name"]
        assert path.parent.name.endswith(f"_{row['genus']}_{row['species']}")
        source, name = files[row["treeoflife_id"]]
        assert path.read_bytes() == (made / source / name).read_bytes()
    assert len(rows) == sum(path.is_file() for path in (_set(made) / "images").rglob("*"))


def test_no_two_of_its_images_are_the_same_picture(made: Path) -> None:
    """By the hashes of the files themselves; nor is one chosen that has another name elsewhere."""
    paths = sorted((_set(made) / "images").rglob("*.jpg"))
    hashes = np.frombuffer(b"".join(_hash(path) for path in paths), np.uint8).reshape(-1, 32)
    assert len(find_near_pairs(hashes, 40)) == 0
    conflicting = {row["treeoflife_id"] for row in csv.DictReader((made / "out/duplicates/conflicts.csv").open())}
    assert conflicting
    assert not conflicting & {path.stem for path in paths}


def test_nothing_of_it_is_left_after_the_build(made: Path) -> None:
    """Neither a species of it, by the texts in the shards, nor a picture of it, by hashes of the images there."""
    unseen = json.loads((_set(made) / "unseen_in_training.json").read_text())
    assert set(unseen) == {"Vanessa atalanta", "Poa annua", "Turdus merula"}
    found = samples(shards(made / "out"))
    assert found
    assert not {one["scientific_name.txt"].decode() for one in found.values()} & set(unseen)
    theirs = [
        pdq_hash(Image.open(path).convert("RGB").resize((224, 224))) for path in (_set(made) / "images").rglob("*.jpg")
    ]
    store = made / "out/encoded"
    by_jpeg = {hashlib.sha256(one["jpg"]).digest() for one in found.values()}
    kept = pl.concat([pl.read_parquet(path) for path in store.rglob("*.parquet")], how="diagonal")
    ours = kept.filter(pl.col("sha256").is_in(list(by_jpeg)))["pdq"].to_list()
    assert len(ours) >= len(by_jpeg)
    both = np.frombuffer(b"".join([*theirs, *ours]), np.uint8).reshape(-1, 32)
    pairs = find_near_pairs(both, 31)
    assert not ((pairs.first < len(theirs)) & (pairs.second >= len(theirs))).any()
    ledger = pl.read_parquet(made / "out/ledger/ledger.parquet")
    assert set(ledger["reason"]) == {"held-out-species"}
    assert ledger.height + len(found) == len(files_of(made / "out/metadata/mapping.sqlite"))


def test_what_is_passed_over_is_told(made: Path) -> None:
    """With the reason; species that stay are in the list of the seen ones."""
    rows = list(csv.reader((_set(made) / "passed-over.csv").open()))
    assert rows[1:] == [["felis catus", "the dataset has no image of it"]]
    assert json.loads((_set(made) / "seen_in_training.json").read_text()) == {}


def test_the_same_seed_makes_the_same_set_and_another_another(made: Path, tmp_path: Path) -> None:
    """Also after the species are held out already."""
    before = digests(_set(made))
    text = (made / "out/dataset.toml").read_text()
    _make(made, made / "out/dataset.toml")
    assert digests(_set(made)) == before
    assert (made / "out/dataset.toml").read_text() == text, "it is registered once"
    _make(made, configure(made, tmp_path / "out"), "--seed", "18", "--out", tmp_path / "other")
    assert digests(tmp_path / "other").keys() != before.keys()
    assert len(digests(tmp_path / "other")) == len(before)


def test_species_of_other_sources_and_with_few_images_are_passed_over(made: Path, tmp_path: Path) -> None:
    """Turdus merula is in two; as many of it are distinct as there are originals that have one name."""
    config = configure(made, tmp_path / "out")
    refused = cli("holdout", "make", "--species", made / "rare.csv", "--not-in", "two", "--config", config)
    sentence(refused, "no species has 30 images", "it is in two")
    _make(made, config, "--out", tmp_path / "set", per_species=18)
    reasons = dict(csv.reader((tmp_path / "set/passed-over.csv").open()))
    assert reasons == {
        "species": "reason",
        "felis catus": "the dataset has no image of it",
        "turdus merula": "it has 17 distinct images that may be taken",
    }
    assert json.loads((tmp_path / "set/seen_in_training.json").read_text()) == {"Turdus merula": []}


def test_a_folder_that_holds_something_else_is_left_alone(made: Path, tmp_path: Path) -> None:
    """With a sentence that says what to do."""
    (tmp_path / "thesis.txt").write_text("mine")
    done = cli("holdout", "make", "--species", made / "rare.csv", "--out", tmp_path,
               "--config", made / "out/dataset.toml")  # fmt: skip
    sentence(done, "no hold-out set", "--out")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("name", ["rare.csv", "rare.txt"])
def test_the_set_of_another_list_of_the_same_name_is_kept(made: Path, tmp_path: Path, name: str) -> None:
    """Unless the user names its folder."""
    config = Path(shutil.copytree(made / "out", tmp_path / "out"), "dataset.toml")
    before = digests(tmp_path / "out/holdout/rare")
    (tmp_path / name).write_text("Poa annua\n")
    words = ("holdout", "make", "--species", tmp_path / name, "--per-species", "12", "--config", config)
    sentence(cli(*words), "another list, of 4 species", "--out")
    assert digests(tmp_path / "out/holdout/rare") == before
    assert cli(*words, "--out", tmp_path / "out/holdout/rare").returncode == 0
    assert json.loads((tmp_path / "out/holdout/rare/unseen_in_training.json").read_text()).keys() == {"Poa annua"}
