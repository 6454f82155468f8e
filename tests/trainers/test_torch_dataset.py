"""dataset.torch(): a split by number, with texts and transforms; without torch, of which it needs nothing."""

from __future__ import annotations

import multiprocessing
import pickle
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import treeoflife
from helpers import retar, shards, tar_of
from treeoflife.core.values import SPLITS
from treeoflife.errors import InputError, StoreError
from treeoflife.shards.captions import TEXTS

FIRST = "a photo of kingdom "


@pytest.fixture(scope="module")
def dataset(drawn_build: Path) -> treeoflife.Dataset:
    return treeoflife.open(drawn_build)


@pytest.mark.parametrize("split", SPLITS)
def test_every_sample_of_a_split_is_there_in_order_with_its_image_and_text(
    dataset: treeoflife.Dataset, split: str
) -> None:
    pairs = dataset.torch(split)
    expected = list(dataset.samples(split))
    assert len(pairs) == len(expected) > 0
    for index, sample in enumerate(expected):
        image, text = pairs[index]
        assert (image.mode, image.tobytes()) == ("RGB", sample.image.tobytes())
        assert text == sample.texts["taxonTag_com.txt"]
        assert dataset[pairs.numbers[index]].id == sample.id


def test_all_texts_are_a_dictionary(dataset: treeoflife.Dataset) -> None:
    _, texts = dataset.torch("val", text="all")[0]
    assert {f"{name}.txt": text for name, text in texts.items()} == next(dataset.samples("val")).texts
    assert len(texts) == len(TEXTS)


def test_one_of_several_texts_is_chosen_anew_each_time_by_pythons_generator(dataset: treeoflife.Dataset) -> None:
    pairs, sample = dataset.torch("val", text=["sci", "taxonTag", "com.txt"]), next(dataset.samples("val"))
    random.seed(1)
    drawn = [pairs[0][1] for _ in range(50)]
    assert set(drawn) == {sample.texts[name] for name in ("sci.txt", "taxonTag.txt", "com.txt")}
    random.seed(1)
    assert [pairs[0][1] for _ in range(50)] == drawn


def test_transforms_have_the_last_word(dataset: treeoflife.Dataset) -> None:
    pairs = dataset.torch("val", transform=lambda image: image.size, text_transform=len)
    assert pairs[0] == ((224, 224), len(next(dataset.samples("val")).texts["taxonTag_com.txt"]))


def test_indexes_are_those_of_a_list(dataset: treeoflife.Dataset) -> None:
    pairs = dataset.torch("val")
    assert pairs[-1][1] == pairs[len(pairs) - 1][1]
    assert sum(1 for _ in pairs) == len(pairs)  # an IndexError ends the loop
    with pytest.raises(IndexError, match=f"no sample {len(pairs)}: val has {len(pairs)} samples"):
        pairs[len(pairs)]


def test_workers_are_sent_paths_and_map_the_tables_themselves(dataset: treeoflife.Dataset) -> None:
    pairs = dataset.torch("train", text="sci")
    assert len(pickle.dumps(pairs)) < 4000 + 200 * len(shards(dataset.paths.root))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(_text, [(pairs, 3)]) == [pairs[3][1]]


def _text(work: tuple[Any, int]) -> str:
    pairs, index = work
    return str(pairs[index][1])


def test_a_dataset_that_changed_before_a_worker_started_is_an_error(build_copy: Path) -> None:
    sent = pickle.dumps(treeoflife.open(build_copy).torch("train"))
    shutil.rmtree(build_copy / "index/224x224/val")  # and so its shards are others' shards, with an index made anew
    treeoflife.open(build_copy)
    with pytest.raises(StoreError, match="have changed since they were opened"):
        pickle.loads(sent)


def test_a_shard_that_was_replaced_is_an_error_and_not_another_image(build_copy: Path) -> None:
    pairs = treeoflife.open(build_copy).torch("train")
    retar(shards(build_copy, "train")[0], lambda files: files[11:])
    with pytest.raises(StoreError, match="does not match its index"):
        [pairs[index] for index in range(len(pairs))]


def test_unknown_splits_and_texts_are_errors(dataset: treeoflife.Dataset) -> None:
    with pytest.raises(InputError, match="no split 'test'; the splits are train, val, train_small"):
        dataset.torch("test")
    with pytest.raises(InputError, match="no text 'taxontag'; the texts are scientific_name, "):
        dataset.torch("train", text="taxontag")


def test_texts_of_others_can_be_named_too(tmp_path: Path) -> None:
    """A text that some samples lack is an error there, or another one of the list is taken."""
    shard = tmp_path / "224x224/train/shard-000000.tar"
    shard.parent.mkdir(parents=True)
    jpeg = _jpeg()
    shard.write_bytes(tar_of([("a.jpg", jpeg), ("a.note.txt", b"seen"), ("b.jpg", jpeg), ("b.sci.txt", b"a photo.")]))
    dataset = treeoflife.open(tmp_path)
    assert [text for _, text in dataset.torch(text=["note", "sci"])] == ["seen", "a photo."]
    assert dataset.torch(text="note")[0][1] == "seen"
    with pytest.raises(InputError, match=r"sample 1 of the dataset has none of the texts note\.txt"):
        dataset.torch(text="note")[1]


def test_nothing_of_torch_is_imported(drawn_build: Path) -> None:
    code = "import sys, treeoflife as t; t.open(sys.argv[1]).torch().weights(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, drawn_build], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def _jpeg() -> bytes:
    import io

    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG")
    return out.getvalue()
