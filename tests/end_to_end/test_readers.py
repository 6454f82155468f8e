"""Three readers of other projects read the shards completely: webdataset, wids, and datasets."""

from __future__ import annotations

import io
import json
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Generic

import pytest
from PIL import Image

from helpers import MEMBERS, samples, shards

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=["drawn_build", "golden_build"])
def out(request: pytest.FixtureRequest) -> Path:
    """A build of the drawn world, and one of real photographs."""
    path: Path = request.getfixturevalue(request.param)
    return path


@pytest.fixture(scope="module", params=["train", "val", "train_small"])
def split(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_webdataset_reads_every_sample(out: Path, split: str) -> None:
    """By the brace pattern, with all eleven members, images decoded. It turns suffixes into lower case."""
    webdataset = pytest.importorskip("webdataset")
    expected = samples(shards(out, split))
    last = len(shards(out, split)) - 1
    pattern = f"{out}/224x224/{split}/shard-{{000000..{last:06d}}}.tar"
    texts_by_key = {}
    for sample in webdataset.WebDataset(pattern, shardshuffle=False).decode("pil"):
        texts = {name: text.encode() for name, text in sample.items() if name.endswith(".txt")}
        texts_by_key[sample["__key__"]] = texts
        assert sample["jpg"].size == (224, 224)
        assert set(sample) - {"__key__", "__url__", "__local_path__"} == {name.lower() for name in MEMBERS}
    assert texts_by_key == {
        key: {name.lower(): data for name, data in parts.items() if name != "jpg"} for key, parts in expected.items()
    }


def test_wids_reads_every_sample_by_its_index(
    out: Path, split: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From index.json, whose counts and sizes are right."""
    wids = _wids(monkeypatch)
    expected = samples(shards(out, split))
    path = out / "224x224" / split / "index.json"
    table = json.loads(path.read_text())
    for shard in table["shardlist"]:
        assert (path.parent / shard["url"]).stat().st_size == shard["filesize"]
    dataset = wids.ShardListDataset(str(path), cache_dir=str(tmp_path), keep=True)
    assert len(dataset) == len(expected)
    sizes = {dataset[index]["__key__"]: _size(dataset[index]) for index in range(len(dataset))}
    assert sizes.keys() == expected.keys()
    assert set(sizes.values()) == {(224, 224)}


def test_datasets_reads_every_sample(out: Path, split: str, tmp_path: Path) -> None:
    """``load_dataset("webdataset", …)``, streamed and loaded."""
    datasets = pytest.importorskip("datasets")
    expected = samples(shards(out, split))
    files = [str(path) for path in shards(out, split)]
    streamed = datasets.load_dataset("webdataset", data_files=files, split="train", streaming=True)
    loaded = datasets.load_dataset("webdataset", data_files=files, split="train", cache_dir=str(tmp_path))
    for rows in (streamed, loaded):
        by_key = {row["__key__"]: row for row in rows}
        assert by_key.keys() == expected.keys()
        for key, row in by_key.items():
            assert row["jpg"].size == (224, 224)
            for name in MEMBERS - {"jpg"}:
                assert row[name] == expected[key][name].decode()


def test_sizes_has_the_number_of_samples_of_each_shard(out: Path, split: str) -> None:
    """sizes.json, as open_clip reads it."""
    sizes = json.loads((out / "224x224" / split / "sizes.json").read_text())
    assert sizes == {path.name: len(samples([path])) for path in shards(out, split)}


def _wids(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The library. Without torch, stubs take its place: wids uses nothing of it here, but imports it."""
    if not find_spec("torch"):
        stubs = {name: ModuleType(name) for name in ("torch", "torch.distributed", "torch.utils", "torch.utils.data")}
        stubs["torch"].distributed = stubs["torch.distributed"]  # type: ignore[attr-defined]
        stubs["torch.utils.data"].Dataset = Generic  # type: ignore[attr-defined]
        stubs["torch.utils.data"].Sampler = object  # type: ignore[attr-defined]
        for name, stub in stubs.items():
            monkeypatch.setitem(sys.modules, name, stub)
    return pytest.importorskip("wids")


def _size(sample: dict[str, Any]) -> tuple[int, int]:
    image = sample[".jpg"] if ".jpg" in sample else sample["jpg"]
    if hasattr(image, "read"):
        image = Image.open(io.BytesIO(image.read()))
    return tuple(image.size)
