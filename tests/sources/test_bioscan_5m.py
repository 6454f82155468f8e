"""BIOSCAN-5M: folders of splits, chunks and zips, and metadata by processid; BIOSCAN-1M beside it stays what it was."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from treeoflife.core.values import Taxon
from treeoflife.errors import InputError
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import SourceContract, read_all_images

FILES = ("train/A1.jpg", "train/A2.jpg", "pretrain/01/B1.jpg", "pretrain/02/B2.jpg", "key_unseen/C1.jpg")
HEADER = "processid,sampleid,taxon,phylum,class,order,family,subfamily,genus,species,country,split,chunk"
METADATA = f"""{HEADER}
A1,s,Apis mellifera,Arthropoda,Insecta,Hymenoptera,Apidae,Apinae,Apis,Apis mellifera,Canada,train,
A2,s,Araneae,Arthropoda,Arachnida,Araneae,,,,,"Costa Rica, north",train,
B1,s,,,,,,,,,,pretrain,01
B2,s,Diptera,Arthropoda,Insecta,Diptera,,,,,,pretrain,02
C1,s,Diptera,Arthropoda,Insecta,Diptera,Sciaridae,,,,,key_unseen,
"""


def unpacked(folder: Path) -> Path:
    """The images in folders of splits."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def zipped(folder: Path) -> Path:
    """The same in two zips, as they are published: below further folders, divided by splits."""
    folder.mkdir(exist_ok=True)
    for archive, ours in (("cropped_256_pretrain.zip", FILES[2:4]), ("cropped_256_train.zip", (*FILES[:2], FILES[4]))):
        with zipfile.ZipFile(folder / archive, "w") as opened:
            for name in ours:
                opened.writestr(f"bioscan5m/images/cropped_256/{name}", name.encode())
    return folder


def source_of(path: Path, metadata: str = METADATA) -> Source:
    (path.parent / "metadata.csv").write_text(metadata)
    return load_source("bioscan", {"path": str(path), "metadata": str(path.parent / "metadata.csv")}, path.parent)


class TestBioscan5MInFolders(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return source_of(unpacked(tmp_path / "images"))


class TestBioscan5MInZips(SourceContract):
    @pytest.fixture
    def source(self, tmp_path: Path) -> Source:
        return source_of(zipped(tmp_path / "images"))


@pytest.mark.parametrize("make", [unpacked, zipped])
def test_an_image_is_known_by_its_processid_in_folders_and_in_zips(tmp_path: Path, make: object) -> None:
    source = source_of(make(tmp_path / "images"))  # type: ignore[operator]
    images = {image.key: image.data for _, image in read_all_images(source)}
    assert images == {(0, Path(name).name): name.encode() for name in FILES}
    names = [container.name.removeprefix("cropped_256_train-").removeprefix("cropped_256_pretrain-")
             for container in source.containers()]  # fmt: skip
    assert sorted(names) == ["key_unseen", "pretrain-01", "pretrain-02", "train"]


@pytest.mark.parametrize("ending", ["csv", "jsonld"])
def test_labels_have_the_kingdom_that_the_metadata_lack(tmp_path: Path, ending: str) -> None:
    """And no class is made up for what is no insect."""
    header, *rows = [line.split(",") for line in METADATA.replace('"Costa Rica, north"', "x").splitlines()]
    text = METADATA if ending == "csv" else json.dumps([dict(zip(header, row, strict=True)) for row in rows])
    (tmp_path / f"m.{ending}").write_text(text)
    source = load_source("bioscan", {"path": str(tmp_path), "metadata": str(tmp_path / f"m.{ending}")}, tmp_path)
    labels = {label.name_key: label.taxon for label in source.labels()}
    assert labels["0/A1.jpg"] == Taxon(
        "Animalia", "Arthropoda", "Insecta", "Hymenoptera", "Apidae", "Apis", "Apis mellifera"
    )
    assert labels["0/A2.jpg"] == Taxon("Animalia", "Arthropoda", "Arachnida", "Araneae")
    assert labels["0/B1.jpg"] == Taxon("Animalia")
    assert len(labels) == len(FILES)


def test_metadata_of_1m_with_processids_are_read_as_before(tmp_path: Path) -> None:
    (tmp_path / "m.tsv").write_text("processid\timage_file\tchunk_number\torder\nP1\ta.jpg\t3\tDiptera\n")
    source = load_source("bioscan", {"path": str(tmp_path), "metadata": str(tmp_path / "m.tsv")}, tmp_path)
    (label,) = source.labels()
    assert (label.name_key, label.taxon[:4]) == ("3/a.jpg", ("Animalia", "Arthropoda", "Insecta", "Diptera"))


def test_parts_of_1m_below_a_folder_that_is_called_like_a_split_stay_parts(tmp_path: Path) -> None:
    (tmp_path / "train/part1").mkdir(parents=True)
    (tmp_path / "train/part1/a.jpg").write_bytes(b"x")
    source = load_source("bioscan", {"path": str(tmp_path / "train")}, tmp_path)
    assert [image.key for _, image in read_all_images(source)] == [(1, "a.jpg")]
    with pytest.raises(InputError, match="path may have to name 'train'"):
        load_source("bioscan", {"path": str(tmp_path)}, tmp_path).containers()


def test_nothing_is_ignored_without_a_word(tmp_path: Path) -> None:
    images = unpacked(tmp_path / "images")
    (images / "train/x.dat").write_bytes(b"x")
    (images / "more.zip").write_bytes(b"x")
    (images / "pretrain/01/deep").mkdir()
    (images / "pretrain/01/deep/d.jpg").write_bytes(b"x")
    skipped = [image.file for _, image in read_all_images(source_of(images)) if image.skip]
    assert sorted(skipped) == ["deep/d.jpg", "more.zip", "x.dat"]
    (images / "TRAIN2").mkdir()
    (images / "TRAIN2/e.jpg").write_bytes(b"x")
    with pytest.raises(InputError, match="TRAIN2"):
        source_of(images).containers()
    with zipfile.ZipFile(zipped(tmp_path / "zips") / "cropped_256_train.zip", "a") as opened:
        opened.writestr("bioscan5m/other/f.jpg", b"x")
    with pytest.raises(InputError, match="bioscan5m/other"):
        source_of(tmp_path / "zips").containers()


def test_a_record_without_processid_is_named(tmp_path: Path) -> None:
    source = source_of(unpacked(tmp_path / "images"), METADATA.replace("A2,s", ",s"))
    with pytest.raises(InputError, match="lacks processid"):
        list(source.labels())
