"""treeoflife.open: samples by id, by number, in order, as a table; with foreign shards too."""

from __future__ import annotations

import base64
import csv
import io
import re
import shutil
import tarfile
from pathlib import Path

import pytest
from PIL import Image

import treeoflife
from helpers import tar_of
from treeoflife.core.values import RANKS
from treeoflife.errors import InputError, StoreError, TasksFailed


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "224x224/catalog.csv").open(newline="", encoding="utf-8") as fd:
        return list(csv.DictReader(fd))


def members(shard: Path) -> dict[str, bytes]:
    with tarfile.open(shard) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


@pytest.fixture
def published(drawn_build: Path, tmp_path: Path) -> Path:
    """The same shards without an index, as somebody downloads them."""
    for split in ("train", "val"):
        shutil.copytree(drawn_build / "224x224" / split, tmp_path / "given/224x224" / split)
    return tmp_path / "given"


def test_a_sample_by_id_is_what_its_shard_contains(drawn_build: Path) -> None:
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


def test_an_id_of_train_small_gives_the_sample_in_train(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    small = {row["treeoflife_id"] for row in rows(drawn_build) if row["split"] == "train_small"}
    assert small
    assert {dataset[treeoflife_id].split for treeoflife_id in small} == {"train"}


def test_iterating_gives_every_sample_once_in_the_catalogs_order(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    order = [(sample.split, sample.id) for sample in dataset]
    assert order == [(row["split"], row["treeoflife_id"]) for row in rows(drawn_build)]
    assert len(dataset) == len(order)
    assert [sample.id for sample in dataset.samples("val")] == [key for split, key in order if split == "val"]


def test_numbers_and_slices_are_those_of_a_list(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    ids = [row["treeoflife_id"] for row in rows(drawn_build)]
    assert [dataset[number].id for number in (0, 7, -1, -len(ids))] == [ids[0], ids[7], ids[-1], ids[0]]
    for part in (slice(3), slice(-3, None), slice(5, 1, -2), slice(10**9, None)):
        assert [sample.id for sample in dataset[part]] == ids[part]
    assert [dataset[number].number for number in (0, -1)] == [0, len(ids) - 1]
    assert dataset.read_jpeg(7) == dataset[7].jpeg
    for number in (len(ids), -len(ids) - 1):
        with pytest.raises(IndexError, match=f"no sample {number}: the dataset has {len(ids)} samples"):
            dataset[number]
    with pytest.raises(TypeError):
        dataset[1.5]  # type: ignore[call-overload]


def test_reprs_say_what_there_is(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    row = rows(drawn_build)[0]
    train = sum(row["split"] == "train" for row in rows(drawn_build))
    assert f"{len(dataset)} samples" in repr(dataset)
    assert f"train {train}, val" in repr(dataset)
    assert row["treeoflife_id"] in repr(dataset[0])
    assert row["species"] in repr(dataset[0])


def test_a_notebook_shows_counts_and_pictures(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    html = dataset._repr_html_()
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(pictures) == 8
    assert all(Image.open(io.BytesIO(base64.b64decode(picture))).size == (112, 112) for picture in pictures)
    assert f"{len(dataset)} samples" in html
    assert f"<td>val</td><td>{len(list(dataset.samples('val')))}</td>" in html


def test_a_notebook_shows_hostile_names_as_text_and_damaged_images_as_none(tmp_path: Path) -> None:
    name = "<script>alert(1)</script>"
    texts = {"taxonTag.txt": f'a photo of genus {name} species "x.', "common_name.txt": name}
    shard = tmp_path / "<b>/8x8/train/shard-000000.tar"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(
        tar_of([("a.jpg", b"no image"), *((f"a.{suffix}", text.encode()) for suffix, text in texts.items())])
    )
    html = treeoflife.open(tmp_path / "<b>")._repr_html_()
    assert "<script" not in html
    assert "<b>/8x8" not in html
    assert html.count("&lt;script&gt;") >= 2
    assert 'src=""' in html


def test_the_catalog_has_a_row_per_sample(drawn_build: Path) -> None:
    assert treeoflife.open(drawn_build).catalog.height == len(rows(drawn_build))


def test_names_say_where_they_come_from(drawn_build: Path) -> None:
    dataset = treeoflife.open(drawn_build)
    for sample in dataset.samples("val"):
        assert sample.names["names_from"] == f"{sample.row['source']}_name_lookup.json"
        assert sample.names["family"] == sample.taxon.family


def test_an_unknown_id_is_a_key_error_and_an_unknown_split_an_input_error(drawn_build: Path) -> None:
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


def test_a_shard_that_was_replaced_is_indexed_again(published: Path) -> None:
    shards = sorted((published / "224x224/train").glob("*.tar"))
    before = [sample.id for sample in treeoflife.open(published).samples("train")]
    shutil.copy(shards[1], shards[0])
    after = [sample.id for sample in treeoflife.open(published).samples("train")]
    assert before != after
    assert set(after) < set(before)


def test_a_shard_that_does_not_match_its_index_is_a_store_error(build_copy: Path) -> None:
    dataset = treeoflife.open(build_copy)
    first, second = sorted((build_copy / "224x224/train").glob("*.tar"))[:2]
    shutil.copy(second, first)
    with pytest.raises(StoreError, match="shard-000000"):
        list(dataset)
    first.write_bytes(bytes(first.stat().st_size))
    for read in (dataset.__getitem__, dataset.read_jpeg):
        with pytest.raises(StoreError, match="shard-000000"):
            read(0)


def test_a_truncated_shard_is_named(published: Path) -> None:
    shard = published / "224x224/train/shard-000000.tar"
    shard.write_bytes(shard.read_bytes()[:30_000])
    with pytest.raises(TasksFailed, match="shard-000000"):
        treeoflife.open(published)


def test_a_folder_without_shards_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no dataset"):
        treeoflife.open(tmp_path)


def test_a_member_beside_the_image_is_not_taken_for_the_image(tmp_path: Path) -> None:
    shard = tmp_path / "8x8/train/shard-000000.tar"
    shard.parent.mkdir(parents=True)
    shard.write_bytes(tar_of([("a.cls", b"7"), ("a.jpg", b"the image"), ("a.sci.txt", b"a photo.")]))
    dataset = treeoflife.open(tmp_path)
    assert dataset["a"].jpeg == dataset.read_jpeg(0) == b"the image"
