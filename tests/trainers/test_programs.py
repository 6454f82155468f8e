"""The programs that train read every sample of a split once, with its image and its text."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from long_tail import SIZES, class_of, expected_shares, write_long_tail
from programs import require, run_in, run_python

import treeoflife
from helpers import samples, shards

PRINT = "import json, sys; json.dump(found, sys.stdout)"


@pytest.fixture(scope="module")
def expected(training_folder: Path) -> dict[str, dict[str, bytes]]:
    return samples(shards(training_folder / "OUT", "train"))


def read(folder: Path, code: str, **variables: str) -> list[str]:
    """What a program has in ``found`` at its end; libraries may print before."""
    return list(json.loads(run_python(folder, f"{code}\n{PRINT}", **variables).splitlines()[-1]))


@pytest.mark.trainers
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_a_dataloader_with_four_workers_gives_every_sample_once(
    training_folder: Path, expected: dict[str, dict[str, bytes]], context: str
) -> None:
    code = f"""
import json, sys, treeoflife
from torch.utils.data import DataLoader
from torchvision.transforms import ToTensor
if __name__ == "__main__":
    train = treeoflife.open("OUT").torch("train", text="taxonTag_com", transform=ToTensor())
    loader = DataLoader(train, batch_size=7, shuffle=True, num_workers=4, multiprocessing_context="{context}")
    found = [text for images, texts in loader for image, text in zip(images, texts) if image.shape == (3, 224, 224)]
    json.dump(found, sys.stdout)
"""
    (training_folder / "loader.py").write_text(code)
    run_python(training_folder, "import torch, torchvision")
    found = json.loads(run_in(training_folder, "python", "loader.py").splitlines()[-1])
    assert sorted(found) == sorted(texts["taxonTag_com.txt"].decode() for texts in expected.values())


@pytest.mark.trainers
def test_torchs_own_sampler_takes_the_weights(training_folder: Path, expected: dict[str, dict[str, bytes]]) -> None:
    code = """
import torch, treeoflife
from torch.utils.data import WeightedRandomSampler
train = treeoflife.open("OUT").torch("train")
weights = train.weights(rank="kingdom", power=0)
sampler = WeightedRandomSampler(weights, 30_000, generator=torch.Generator().manual_seed(1))
found = list(sampler)
"""
    drawn = read(training_folder, code)
    train = treeoflife.open(training_folder / "OUT").torch("train", text="taxonTag")
    kingdoms = [train[index][1].split()[4] for index in range(len(train))]
    for kingdom in set(kingdoms):
        share = sum(kingdoms[int(index)] == kingdom for index in drawn) / len(drawn)
        assert abs(share - 1 / len(set(kingdoms))) < 6 * 0.5 / len(drawn) ** 0.5


@pytest.mark.trainers
@pytest.mark.parametrize("workers", [0, 2])
def test_open_clips_own_loader_gives_every_sample_of_val_and_full_batches_of_train(
    training_folder: Path, workers: int
) -> None:
    """Evaluation takes each sample once. Training ends an epoch at a number of batches."""
    code = f"""
import open_clip_train.data as data
from open_clip_train.params import parse_args
last = {len(shards(training_folder / "OUT", "train")) - 1}
pipe = "pipe:treeoflife captioned --caption sci OUT/224x224"
args = parse_args(["--train-data", f"{{pipe}}/train/shard-{{{{000000..{{last:06d}}}}}}.tar", "--val-data",
    f"{{pipe}}/val/shard-000000.tar", "--train-num-samples", "48", "--dataset-type", "webdataset", "--batch-size", "8",
    "--workers", "{workers}"])
args.world_size, args.distributed = 1, False
size, tokenizer = (lambda image: image.size), (lambda text: [text])
val = data.get_wds_dataset(args, size, is_train=False, tokenizer=tokenizer)
train = data.get_wds_dataset(args, size, is_train=True, tokenizer=tokenizer)
batches = [len(texts) for _, texts in train.dataloader]
assert batches == [8] * train.dataloader.num_batches, batches
found = [text for _, texts in val.dataloader for text in texts]
"""
    val = samples(shards(training_folder / "OUT", "val"))
    if workers == 2:
        code = code.replace("[text for _, texts in val.dataloader for text in texts]", "[]")
        assert read(training_folder, code) == []  # the one shard of val is for one worker
        return
    assert sorted(read(training_folder, code)) == sorted(texts["sci.txt"].decode() for texts in val.values())


@pytest.mark.trainers
def test_open_clip_finds_the_number_of_samples_beside_the_shards(
    training_folder: Path, expected: dict[str, dict[str, bytes]]
) -> None:
    code = """
from open_clip_train.data import get_dataset_size
found = get_dataset_size("OUT/224x224/train/shard-{000000..000003}.tar")
"""
    assert read(training_folder, code) == [len(expected), 4]


@pytest.mark.trainers
def test_energon_prepares_and_reads_every_sample_and_resumes(
    training_folder: Path, expected: dict[str, dict[str, bytes]], tmp_path: Path
) -> None:
    require("megatron")
    theirs = shutil.ignore_patterns(".nv-meta", "*.tar.idx")  # which blocks of the page put there
    shutil.copytree(training_folder / "OUT/224x224", tmp_path / "OUT/224x224", ignore=theirs)
    run_in(
        tmp_path, "energon", "prepare", "OUT/224x224", "--non-interactive", "--exclude", "^train_small/",
        "--split-parts", "train:train/.*", "--split-parts", "val:val/.*", "--sample-type", "CaptioningSample",
        "--field-map", '{"image": "jpg", "caption": "sci_com.txt"}', "--num-workers", "2",
    )  # fmt: skip
    code = """
from megatron.energon import WorkerConfig, get_savable_loader, get_train_dataset
def loader():
    workers = WorkerConfig.default_worker_config(num_workers=2)
    options = {"shuffle_buffer_size": 20, "max_samples_per_sequence": 10, "repeat": False}
    return get_savable_loader(get_train_dataset("OUT/224x224", batch_size=8, worker_config=workers, **options))
first, again, found, state = loader(), loader(), [], None
for number, batch in enumerate(first):
    found.append([batch.__key__, batch.caption])
    if number == 3:
        state = first.save_state_rank()
again.restore_state_rank(state)
rest = [[batch.__key__, batch.caption] for batch in again]
assert rest == found[4:], (rest, found)
"""
    pairs = {
        key.rpartition("/")[2]: text
        for keys, texts in read(tmp_path, code)
        for key, text in zip(keys, texts, strict=True)
    }
    assert pairs == {key: texts["sci_com.txt"].decode() for key, texts in expected.items()}


@pytest.mark.trainers
def test_litdata_streams_every_shard_whole(training_folder: Path, expected: dict[str, dict[str, bytes]]) -> None:
    code = """
import io, tarfile
from litdata import StreamingRawDataset
from litdata.raw.indexer import FileIndexer
from torch.utils.data import DataLoader
def names(shard):
    with tarfile.open(fileobj=io.BytesIO(shard)) as tar:
        return tar.getnames()
train = StreamingRawDataset("OUT/224x224/train", indexer=FileIndexer(extensions=[".tar"]), transform=names)
found = [name for shard in DataLoader(train, batch_size=None, shuffle=True, num_workers=2) for name in shard]
"""
    members = [f"{key}.{name}" for key, texts in expected.items() for name in texts]
    assert sorted(read(training_folder, code)) == sorted(members)


NODE = {
    "webdataset": """
import webdataset as wds
train = wds.WebDataset("OUT/224x224/train/shard-{000000..000003}.tar", shardshuffle=100, nodesplitter=wds.split_by_node)
loader = wds.WebLoader(train.shuffle(50).map(lambda sample: sample["__key__"]), batch_size=None, num_workers=2)
found = list(loader)
""",
    "datasets": """
import os
from datasets import load_dataset
from datasets.distributed import split_dataset_by_node
from torch.utils.data import DataLoader
train = load_dataset("webdataset", data_files="OUT/224x224/train/*.tar", split="train", streaming=True)
train = split_dataset_by_node(train.shuffle(seed=1, buffer_size=50), int(os.environ["RANK"]), 2)
loader = DataLoader(train.select_columns(["__key__"]), batch_size=None, num_workers=2)
found = [sample["__key__"] for sample in loader]
""",
    "treeoflife": """
import os, treeoflife
from torch.utils.data import DataLoader, DistributedSampler
train = treeoflife.open("OUT").torch("train", text="all", transform=lambda image: 0)
loader = DataLoader(train, batch_size=4, num_workers=2, sampler=DistributedSampler(train, 2, int(os.environ["RANK"])))
found = [text for _, texts in loader for text in texts["taxonTag_com"]]
""",
}


@pytest.mark.trainers
@pytest.mark.parametrize("program", ["webdataset", "datasets"])
def test_two_nodes_with_two_workers_see_every_sample_once(
    training_folder: Path, expected: dict[str, dict[str, bytes]], program: str
) -> None:
    nodes = [
        read(training_folder, f"import torch\n{NODE[program]}", RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK=str(rank))
        for rank in (0, 1)
    ]
    assert all(nodes)
    assert sorted(nodes[0] + nodes[1]) == sorted(expected)


@pytest.mark.trainers
def test_torchs_distributed_sampler_divides_the_map_style_dataset(
    training_folder: Path, expected: dict[str, dict[str, bytes]]
) -> None:
    """It fills the last of the nodes up with one sample if they do not divide."""
    first, second = (read(training_folder, NODE["treeoflife"], RANK=rank) for rank in "01")
    assert len(first) == len(second) == -(-len(expected) // 2)
    assert set(first + second) == {texts["taxonTag_com.txt"].decode() for texts in expected.values()}


def test_a_stream_of_datasets_resumes_where_it_was(training_folder: Path) -> None:
    code = """
from datasets import load_dataset
def stream():
    train = load_dataset("webdataset", data_files="OUT/224x224/train/*.tar", split="train", streaming=True)
    return train.select_columns(["__key__"])
first, again = stream(), stream()
keys, state = [], None
for number, sample in enumerate(first):
    keys.append(sample["__key__"])
    if number == 40:
        state = first.state_dict()
again.load_state_dict(state)
assert [sample["__key__"] for sample in again] == keys[41:]
found = keys
"""
    assert len(read(training_folder, code)) == len(samples(shards(training_folder / "OUT", "train")))


@pytest.fixture(scope="module")
def long_tail_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long-tail-of-programs")
    write_long_tail(folder / "OUT")
    return folder


def assert_square_roots(keys: list[str]) -> None:
    """The classes of what was drawn are those of square-root sampling, within six standard deviations."""
    drawn = Counter(map(class_of, keys))
    for genus, share in expected_shares(0.5).items():
        assert abs(drawn[genus] / drawn.total() - share) <= 6 * (share * (1 - share) / drawn.total()) ** 0.5, drawn


def test_a_balanced_stream_of_webdataset_follows_the_rule(long_tail_folder: Path) -> None:
    """With shuffled shards, a buffer after the stage, and images that are decoded after it."""
    code = """
import random, treeoflife
import webdataset as wds
random.seed(11)
balanced = treeoflife.open("OUT").balanced("train", power=0.5, repeat=4)
shards = "OUT/224x224/train/shard-{000000..000025}.tar"
train = wds.WebDataset(shards, shardshuffle=100, seed=3).compose(balanced).shuffle(200).decode("pil")
found = [sample["__key__"] for _ in range(12) for sample in train]
"""
    keys = read(long_tail_folder, code)
    assert_square_roots(keys)
    assert Counter(map(class_of, keys))["Asilus"] == 4 * 12
    assert set(map(class_of, keys)) == set(SIZES)


BALANCED_NODE = """
import torch, treeoflife
import webdataset as wds
torch.manual_seed(5)
balanced = treeoflife.open("OUT").balanced("train", power=0.5, seed=SEED)
shards = "OUT/224x224/train/shard-{000000..000025}.tar"
train = wds.WebDataset(shards, shardshuffle=100, nodesplitter=wds.split_by_node).compose(balanced).shuffle(50)
loader = wds.WebLoader(train.map(lambda sample: sample["__key__"]), batch_size=None, num_workers=2)
found = []
for epoch in range(12):
    balanced.set_epoch(epoch)
    found.append(list(loader))
"""


@pytest.mark.trainers
@pytest.mark.parametrize("seed", [None, 7])
def test_balanced_streams_of_two_nodes_with_two_workers_follow_the_rule_together(
    long_tail_folder: Path, seed: int | None
) -> None:
    """With a seed they choose what one process alone would choose."""
    code = BALANCED_NODE.replace("SEED", str(seed))
    nodes = [read(long_tail_folder, code, RANK=rank, WORLD_SIZE="2", LOCAL_RANK=rank) for rank in "01"]
    epochs = [sorted([*first, *second]) for first, second in zip(*nodes, strict=True)]
    assert_square_roots([key for epoch in epochs for key in epoch])
    assert all(len(set(epoch)) == len(epoch) for epoch in epochs)
    assert len(set(map(tuple, epochs))) == len(epochs)
    if seed is not None:
        dataset = treeoflife.open(long_tail_folder / "OUT")
        balanced, keys = dataset.balanced("train", power=0.5, seed=seed), [sample.id for sample in dataset.samples()]
        for number, epoch in enumerate(epochs):
            balanced.set_epoch(number)
            assert epoch == sorted(key for key, count in zip(keys, balanced.copies(keys), strict=True) if count)


def test_a_balanced_stream_of_datasets_resumes_where_it_was_on_each_node(long_tail_folder: Path) -> None:
    """Many epochs on two nodes, each stopped in the middle and resumed by another stream."""
    code = """
import treeoflife
from datasets import load_dataset
from datasets.distributed import split_dataset_by_node
balanced = treeoflife.open("OUT").balanced("train", power=0.5, seed=7)
def chosen(keys):
    return [count > 0 for count in balanced.copies(keys)]
def stream(node):
    train = load_dataset("webdataset", data_files="OUT/224x224/train/*.tar", split="train", streaming=True)
    train = split_dataset_by_node(train.select_columns(["__key__"]), node, 2)
    return train.filter(chosen, input_columns="__key__", batched=True, batch_size=16)
found = []
for epoch in range(10):
    balanced.set_epoch(epoch)
    for node in (0, 1):
        first, again, keys = stream(node), stream(node), []
        for sample in first:
            keys.append(sample["__key__"])
            if len(keys) == 8:
                state = first.state_dict()
        again.load_state_dict(state)
        rest = [sample["__key__"] for sample in again]
        assert rest == keys[8:] and rest, (len(rest), len(keys))
        found += keys[:8] + rest
"""
    keys = read(long_tail_folder, code)
    assert_square_roots(keys)


@pytest.mark.trainers
def test_a_dataloader_goes_on_in_the_middle_of_a_balanced_epoch(long_tail_folder: Path) -> None:
    """Two nodes with workers, in the order that the page on training draws; what is read again is what was to come."""
    code = """
import numpy as np, treeoflife
from torch.utils.data import DataLoader
dataset = treeoflife.open("OUT")
train = dataset.torch("train", text="taxonTag", transform=lambda image: 0)
weights = train.weights(power=0.5)
def epoch_of(node, seen=0, epoch=3):
    order = np.random.default_rng(epoch).choice(len(train), 4000, p=weights / weights.sum())[node::2]
    loader = DataLoader(train, batch_size=16, sampler=order[seen:].tolist(), num_workers=2)
    return [text.split("genus ")[1].split()[0].rstrip(".") for _, texts in loader for text in texts]
found = []
for node in (0, 1):
    whole = epoch_of(node)
    assert epoch_of(node, seen=160) == whole[160:]
    found += whole
"""
    assert_square_roots([f"{genus}-0" for genus in read(long_tail_folder, code)])


def test_files_that_trainers_put_beside_the_shards_make_nothing_stale(build_copy: Path) -> None:
    before = {name: state.fresh for name, state in treeoflife.status(build_copy / "dataset.toml").items()}
    for name in (".nv-meta/index.sqlite", "train/shard-000000.tar.idx", "train/index.json.zstd"):
        path = build_copy / "224x224" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"not ours")
    assert {name: state.fresh for name, state in treeoflife.status(build_copy / "dataset.toml").items()} == before
    assert all(before.values())
