"""Every shard's index says what its images come from and how they were made, and nothing of where that lies."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import polars as pl
from PIL import __version__ as pillow

from helpers import built, configured, digests
from treeoflife.core.files import fingerprint
from treeoflife.core.parquet_meta import read_meta
from treeoflife.testing.world import World, draw_world


def indexes(out: Path) -> list[Path]:
    """The indexes of all shards."""
    return sorted(out.glob("index/*/*/shard-*.parquet"))


def dataset(out: Path) -> dict[str, str]:
    """The digests of the files of a dataset, without its configuration."""
    return {name: digest for name, digest in digests(out).items() if name != "dataset.toml"}


def test_an_index_names_inputs_settings_and_versions(drawn_world: World, drawn_build: Path) -> None:
    """The inputs are those of the sources, with sizes and digests that follow from the store; nothing says where."""
    meta = read_meta(indexes(drawn_build)[0]) or {}
    made = meta["made"]
    store = {path: read_meta(path) or {} for path in drawn_build.glob("encoded/*/*/*.parquet")}
    assert sum(one["files"] for one in made["inputs"]) == sum(pl.read_parquet(path).height for path in store)
    archive = next(one for one in made["inputs"] if one["path"].endswith(".tar.gz"))
    index = next(path for path in store if path.stem == archive["path"].removesuffix(".tar.gz"))
    assert archive["bytes"] == pl.read_parquet(index)["source_bytes"].sum()
    assert archive["sha256"] == fingerprint({index.stem: store[index]["content"]})
    assert archive["encoded_with"][0]["pillow"] == pillow
    assert Counter(one["source"] for one in made["inputs"])["inat21"] == 1
    assert made["settings"]["images"]["quality"] == 100
    assert meta["packed_with"].keys() == {"treeoflife", "polars"}
    assert str(drawn_world.root) not in str(meta)


def test_where_a_dataset_and_its_sources_lie_changes_no_byte(tmp_path: Path) -> None:
    """Two builds of one world, in folders of other names and depths, with hold-out lists and everything made here."""
    first, second = tmp_path / "a", tmp_path / "somewhere/else/b"
    for natural in (True, False):
        draw_world(first / "world", 40, natural=natural)
        shutil.copytree(first / "world", second / "world")
        builds = []
        for home in (first, second):
            kind = "original" if natural else "published"
            config = configured(home / "out", kind, home / "world", max_samples=15)
            builds.append(dataset(built(config) and home / "out"))
        assert builds[0] == builds[1]
        assert any(name.startswith("plan/") for name in builds[0])
        shutil.rmtree(first)
        shutil.rmtree(second)


def test_an_input_that_changes_no_sample_costs_indexes_and_no_shard(drawn_world: World, tmp_path: Path) -> None:
    """A broken file more in a folder: the indexes are those of a build from the start, the shards were not touched."""
    world = tmp_path / "world"
    shutil.copytree(drawn_world.root, world)
    config = configured(tmp_path / "out", "published", world, max_samples=25)
    built(config)
    times = {path: path.stat().st_mtime_ns for path in config.parent.glob("224x224/*/*.tar")}
    before = dataset(config.parent)
    next(world.rglob("*.jpg")).with_name("zzz.jpg").write_bytes(b"no image")
    done = built(config)
    assert f"0 of {len(times)} shards packed, {len(times)} indexes written anew" in done.stderr
    assert times == {path: path.stat().st_mtime_ns for path in config.parent.glob("224x224/*/*.tar")}
    whole = configured(tmp_path / "whole", "published", world, max_samples=25)
    built(whole)
    assert before != dataset(config.parent) == dataset(whole.parent)
