"""treeoflife.open: by id, in order, as a table; ours, and shards that nobody has an index of."""

from __future__ import annotations

import csv
import shutil
import tarfile
from pathlib import Path

import pytest

import treeoflife
from treeoflife.core.values import RANKS
from treeoflife.errors import InputError, StoreError, TasksFailed


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "224x224/catalog.csv").open(newline="", encoding="utf-8") as fd:
        return list(csv.DictReader(fd))


def members(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as tar:
        return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]


@pytest.fixture
def published(drawn_build: Path, tmp_path: Path) -> Path:
    """The same shards as anybody might have them: nothing beside them."""
    for split in ("train", "val"):
        shutil.copytree(drawn_build / "224x224" / split, tmp_path / "given/224x224" / split)
    return tmp_path / "given"


def test_every_sample_is_found_by_its_id_as_it_stands_in_the_shard(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    for row in rows(drawn_build):
        sample = dataset[row["treeoflife_id"]]
        inside = members(sample.shard)
        assert sample.jpeg == inside[f"{sample.id}.jpg"]
        assert {f"{sample.id}.{name}": text.encode() for name, text in sample.texts.items()} == {
            name: data for name, data in inside.items() if name.startswith(f"{sample.id}.") and name.endswith(".txt")
        }
        assert list(sample.taxon) == [row[rank] for rank in RANKS]
        assert sample.image.size == (224, 224)


def test_of_two_splits_that_hold_an_image_the_first_is_given(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    small = {row["treeoflife_id"] for row in rows(drawn_build) if row["split"] == "train_small"}
    assert small
    assert {dataset[one].split for one in small} == {"train"}


def test_iterating_gives_every_sample_once_in_the_catalogs_order(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    seen = [(sample.split, sample.id) for sample in dataset]
    assert seen == [(row["split"], row["treeoflife_id"]) for row in rows(drawn_build)]
    assert len(dataset) == len(seen)
    assert [one.id for one in dataset.samples("val")] == [key for split, key in seen if split == "val"]


def test_the_catalog_is_a_frame(drawn_build: Path) -> None:
    assert treeoflife.open(drawn_build).catalog.height == len(rows(drawn_build))


def test_names_say_where_they_come_from(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    for sample in dataset.samples("val"):
        assert sample.names["names_from"] == f"{sample.row['source']}_name_lookup.json"
        assert sample.names["family"] == sample.taxon.family


def test_an_id_that_is_not_there_is_a_key_error(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    assert "../../etc/passwd" not in dataset
    with pytest.raises(KeyError):
        dataset["00000000-0000-0000-0000-000000000000"]
    with pytest.raises(InputError, match="test"):
        list(dataset.samples("test"))


def test_shards_without_an_index_get_one(published: Path, drawn_build: Path) -> None:
    ours, theirs = treeoflife.open(drawn_build), treeoflife.open(published)
    for sample in theirs:
        same = ours[sample.id]
        assert (sample.jpeg, sample.texts, sample.taxon) == (same.jpeg, same.texts, same.taxon)
    assert theirs.catalog.height == len(theirs)
    assert len(treeoflife.open(published / "224x224")) == len(theirs)


def test_a_shard_that_was_replaced_is_indexed_anew(published: Path) -> None:
    shards = sorted((published / "224x224/train").glob("*.tar"))
    before = [sample.id for sample in treeoflife.open(published).samples("train")]
    shutil.copy(shards[1], shards[0])
    after = [sample.id for sample in treeoflife.open(published).samples("train")]
    assert before != after
    assert set(after) < set(before)


def test_a_shard_that_its_index_does_not_speak_of_is_said_so(build_copy: Path) -> None:
    dataset = treeoflife.open(build_copy)
    first, second = sorted((build_copy / "224x224/train").glob("*.tar"))[:2]
    shutil.copy(second, first)
    with pytest.raises(StoreError, match="shard-000000"):
        list(dataset)


def test_a_shard_that_breaks_off_is_named(published: Path) -> None:
    shard = published / "224x224/train/shard-000000.tar"
    shard.write_bytes(shard.read_bytes()[:30_000])
    with pytest.raises(TasksFailed, match="shard-000000"):
        treeoflife.open(published)


def test_a_folder_without_shards_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no dataset"):
        treeoflife.open(tmp_path)
