"""What no source has any more goes from the store, and is counted nowhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers import built, cli, configured, digests
from treeoflife.testing.world import World


@pytest.fixture
def world(drawn_world: World, tmp_path: Path) -> Path:
    """A copy of the drawn world, of which something is removed."""
    return Path(shutil.copytree(drawn_world.root, tmp_path / "world"))


def _archive(world: Path, config: Path) -> str:
    (world / "dataset/eol/image_set_02.tar.gz").unlink()
    return "eol/image_set_02"


def _class(world: Path, config: Path) -> str:
    folder = min(path for path in (world / "dataset/inat21/train").iterdir() if path.is_dir())
    shutil.rmtree(folder)
    return f"inat21/{folder.name}"


def _source(world: Path, config: Path) -> str:
    text = config.read_text()
    before, table = text.split("[sources.bioscan]")
    config.write_text(before + table[table.index("\n[") + 1 :])
    return "bioscan/"


@pytest.mark.parametrize("remove", [_archive, _class, _source])
def test_a_container_that_was_removed_goes_from_the_store(
    world: Path, tmp_path: Path, remove: Callable[[Path, Path], str]
) -> None:
    """It is named; what else lies there stays; and the dataset is that of a build that never had it."""
    config = configured(tmp_path / "out", "published", world)
    built(config)
    store = config.parent / "encoded" / "224x224-q100"
    theirs = [store / "eol" / "notes.txt", store / "eol" / "notes.parquet", store / "eol" / "notes.tar"]
    for path in theirs:
        path.write_text("mine")
    label = remove(world, config)
    assert list(store.glob(f"{label}*"))
    done = built(config)
    assert f"such as {label}" in done.stderr
    assert not list(store.glob(f"{label}*.*"))
    for path in theirs:
        assert path.read_text() == "mine"
        path.unlink()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(config, other)
    again = built(other / "dataset.toml")
    assert done.stdout.replace(str(config.parent), "") == again.stdout.replace(str(other), "")
    assert digests(config.parent) == digests(other)
    status = json.loads(cli("status", "--config", config, "--json").stdout)
    assert all(one["fresh"] for one in status.values())
