"""A folder without a table: the folders of the images name them, where they read as names, and nothing is guessed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, sentence
from treeoflife.core.values import Label, Taxon
from treeoflife.sources.class_folders import ClassFolders
from treeoflife.sources.folder import Folder
from treeoflife.sources.folder_names import read_folder_name
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import draw_picture


def folder_of(path: Path, files: Sequence[str]) -> Folder:
    """A folder with these files and no table, and its source."""
    for name in files:
        (path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "photos" / name).write_bytes(name.encode())
    source = load_source("photos", {"kind": "folder", "path": "photos"}, path)
    assert isinstance(source, Folder)
    return source


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Turdus_merula", "Turdus merula"), ("Turdus merula", "Turdus merula"), ("Turdus-merula", "Turdus merula"),
        ("turdus_merula", "Turdus merula"), ("001.Turdus_merula", "Turdus merula"), ("12 - Apus apus", "Apus apus"),
        ("Turdus_merula_2", "Turdus merula"), ("Turdus merula (3)", "Turdus merula"),
        ("Arctostaphylos_uva-ursi", "Arctostaphylos uva-ursi"), ("Capsella-bursa-pastoris", "Capsella bursa-pastoris"),
        ("Fragaria_x_ananassa", "Fragaria x ananassa"), ("Zea_mays", "Zea mays"), ("Viscum album", "Viscum album"),
        ("Parus major subsp. newtoni", "Parus major subsp. newtoni"), ("Quercus robur L.", "Quercus robur L."),
        ("Turdus merula Linnaeus, 1758", "Turdus merula Linnaeus, 1758"), ("Picea abies", "Picea abies"),
        ("Parus (Parus) major", "Parus (Parus) major"), ("Turdus cf. merula", "Turdus cf. merula"),
    ],
)  # fmt: skip
def test_a_folder_called_by_a_species_gives_its_name(folder: str, name: str) -> None:
    read = read_folder_name(folder)
    assert read
    assert read.scientific_name == name


@pytest.mark.parametrize(
    "folder",
    [
        "IMG_2024", "photos", "unsorted", "train", "val", "100CANON", "DCIM", "2024-05-01", "2024", "New folder",
        "Neuer Ordner", "Great Tit", "Great tit", "001.Black_footed_Albatross", "Blue whale", "House sparrow",
        "Summer pictures", "Holiday in Spain", "costa_rica", "n01440764", "test_data", "Garden birds", "red_fox", "cat",
        "Camera Roll", "unknown", "Unidentified", "no name", "site_a", "part1", "...", "Wedding album",
    ],
)  # fmt: skip
def test_a_folder_called_otherwise_gives_none(folder: str) -> None:
    assert read_folder_name(folder) is None


def test_folders_of_inat21_give_their_ranks() -> None:
    taxon = Taxon("Animalia", "Chordata", "Aves", "Passeriformes", "Turdidae", "Turdus", "")
    ranks = "Animalia_Chordata_Aves_Passeriformes_Turdidae_Turdus_merula"
    for folder in (f"00021_{ranks}", ranks):
        name = read_folder_name(folder)
        assert name
        assert (name.taxon, name.scientific_name) == (taxon, "Turdus merula")
    name = read_folder_name("00003_Plantae__Liliopsida_Poales_Poaceae_Poa_uva-ursi")
    assert name
    assert (name.taxon.phylum, name.taxon.class_, name.scientific_name) == ("", "Liliopsida", "Poa uva-ursi")


def label_in(path: str, *others: str) -> Label | None:
    return ClassFolders.of([path, *others]).label(path)


def test_the_lowest_folder_with_a_name_decides_and_those_above_fill_ranks() -> None:
    label = label_in("Aves/Passeriformes/Turdidae/Turdus merula/nest/1.jpg")
    assert label
    assert label.scientific_name == "Turdus merula"
    assert (label.taxon.class_, label.taxon.order, label.taxon.family) == ("Aves", "Passeriformes", "Turdidae")


@pytest.mark.parametrize(
    "path", ["Turdidae/Aves/Turdus merula/1.jpg", "Aves/Mammalia/Turdus merula/1.jpg", "Pica/Turdus merula/1.jpg"]
)
def test_folders_above_that_contradict_each_other_or_the_name_fill_no_rank(path: str) -> None:
    label = label_in(path, "Pica pica/2.jpg")
    assert label
    assert label.scientific_name == "Turdus merula"
    assert not any(label.taxon)


def test_one_word_is_a_genus_only_beside_a_species_of_it() -> None:
    """Berlin is no genus, nor is Turdus where nothing says so."""
    assert label_in("Turdus/1.jpg") is None
    assert label_in("Berlin/1.jpg", "Turdus merula/1.jpg") is None
    label = label_in("Turdus/1.jpg", "Turdus merula/1.jpg")
    assert label
    assert label.taxon == Taxon(genus="Turdus")
    sp = label_in("Turdus sp./1.jpg")
    assert sp
    assert sp.taxon == Taxon(genus="Turdus")


def test_what_was_taken_for_names_and_what_was_not_is_said_with_counts(tmp_path: Path) -> None:
    species = [f"Turdus_{epithet}/1.jpg" for epithet in ("merula", "pilaris", "iliacus", "viscivorus", "torquatus")]
    files = [*species, "Pica_pica/1.jpg", "photos/1.jpg", "photos/2.jpg", "x.jpg", "Apus apus/Parus major/3.jpg"]
    taken, left, nested = folder_of(tmp_path, files).remarks()
    assert "names were taken from 7 folders with 7 images" in taken
    assert "'Turdus_iliacus' as Turdus iliacus" in taken
    assert taken.endswith("and 2 more")
    assert "no name in 2 folders with 3 images" in left
    assert "'.' (1 image), 'photos' (2 images)" in left
    assert "'Apus apus/Parus major' as Parus major, not Apus apus" in nested


def test_without_table_and_names_there_are_images_without_labels(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg", "photos/b.jpg"])
    assert [len(container.members) for container in source.containers()] == [2]
    assert not list(source.labels())
    assert any("no name in 2 folders with 2 images" in remark for remark in source.remarks())


def draw(root: Path, *names: str) -> None:
    rng = random.Random(1)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        draw_picture(rng).save(root / name, "JPEG")


def test_init_and_build_work_without_a_table(tmp_path: Path) -> None:
    draw(tmp_path / "raw", "train/Turdus_merula/1.jpg", "val/Turdus_merula/2.jpg", "Aves/Pica pica/1.jpg", "IMG/3.jpg")
    (tmp_path / "raw/README.txt").write_text("Photographs of birds.\n")
    done = cli("init", "folder", "--raw", tmp_path / "raw", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    for words in ("'train/Turdus_merula' as Turdus merula", "'Aves/Pica pica' as Pica pica (Aves)", "'IMG' (1 image)"):
        assert words in done.stdout
    assert "names were taken from 3 folders" in built(tmp_path / "out/dataset.toml").stderr
    catalog = pl.read_parquet(tmp_path / "out/224x224/catalog.parquet")
    names = {file: f"{genus} {species}" for file, genus, species in
             catalog.select("photos_filename", "genus", "species").iter_rows()}  # fmt: skip
    assert names == {
        "train/Turdus_merula/1.jpg": "Turdus merula", "val/Turdus_merula/2.jpg": "Turdus merula",
        "Aves/Pica pica/1.jpg": "Pica pica",
    }  # fmt: skip
    ledger = pl.read_parquet(tmp_path / "out/ledger/ledger.parquet")
    assert ledger.select("file", "reason").rows() == [("IMG/3.jpg", "no-name")]


def test_init_stays_strict_where_there_is_a_table(tmp_path: Path) -> None:
    """Also beside folders that are called by names; and without both it asks for a table."""
    draw(tmp_path / "raw", "Turdus_merula/1.jpg")
    draw(tmp_path / "flat", "1.jpg", "photos/2.jpg")
    (tmp_path / "raw/birds.csv").write_text("file,genus\nx.jpg,Pica\n")
    sentence(cli("init", "folder", "--raw", tmp_path / "raw", "--out", tmp_path / "out"), "'x.jpg'", "birds.csv")
    sentence(cli("init", "folder", "--raw", tmp_path / "flat", "--out", tmp_path / "out"), "--table", "Turdus_merula")
    assert not (tmp_path / "out").exists()
