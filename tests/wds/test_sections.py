"""Shards that are packed and checked in sections: the same bytes, and the same findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.files import sha256
from treeoflife.core.progress import SilentListener
from treeoflife.engines.local import LocalEngine
from treeoflife.engines.tasks import TaskRunner
from treeoflife.pipeline.stages.check_shards import check_all
from treeoflife.pipeline.stages.pack import pack_all
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.shards import sections
from treeoflife.shards.check import CheckTask, check_shard
from treeoflife.shards.check_as_indexed import CheckSection, is_as_indexed, is_right
from treeoflife.shards.pack import PackTask, planned_shards

SPLITS = ("train", "val", "train_small")


@pytest.fixture
def runner() -> Iterator[TaskRunner]:
    """Two workers on this computer."""
    with closing(LocalEngine(2)) as engine:
        yield TaskRunner(engine, SilentListener())


@pytest.fixture
def _small_sections(monkeypatch: pytest.MonkeyPatch) -> None:
    """Divide shards of four samples and more, however many there are."""
    monkeypatch.setattr(sections, "_FEWEST_SAMPLES", 2)
    monkeypatch.setattr(sections, "_SECTIONS_A_WORKER", 1000)


def tasks_of(out: Path) -> list[PackTask]:
    return planned_shards(open_workspace(out / "dataset.toml").paths)


def no_tick(_: int) -> None:
    """Nobody watches."""


@pytest.mark.usefixtures("_small_sections")
def test_shards_packed_in_sections_are_the_same_bytes(drawn_build: Path, tmp_path: Path, runner: TaskRunner) -> None:
    for split in SPLITS:
        (tmp_path / split).mkdir()
    planned = tasks_of(drawn_build)
    moved = [
        replace(task, shard=tmp_path / task.label, index=(tmp_path / task.label).with_suffix(".parquet"))
        for task in planned
    ]
    assert max(sections.sections_of(task.samples, len(moved), 2) for task in moved) > 2
    done = {packed.shard: packed.tar_sha256 for _, packed in pack_all(moved, moved, runner)}
    assert [done[task.shard] for task in moved] == [sha256(task.shard) for task in planned]
    assert [sha256(task.shard) for task in moved] == [sha256(task.shard) for task in planned]
    assert [sha256(task.index) for task in moved] == [sha256(task.index) for task in planned]
    assert not list(tmp_path.rglob("*.writing-*"))


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cut(path: Path, at: int) -> None:
    path.write_bytes(path.read_bytes()[:at])


def append(path: Path, _: int) -> None:
    path.write_bytes(path.read_bytes() + bytes(10240) + b"more")


@pytest.mark.usefixtures("_small_sections")
@pytest.mark.parametrize("damage", [flip, cut, append])
def test_damage_anywhere_is_found_as_without_sections(
    build_copy: Path, runner: TaskRunner, damage: Callable[[Path, int], None]
) -> None:
    """The section in which it is says that it differs, and the shard is read from its start."""
    planned = tasks_of(build_copy)
    shard = max(planned, key=lambda task: task.samples).shard
    whole = shard.read_bytes()
    checks = [CheckTask(task.shard, task.shard.parent.name, (224, 224), task.index) for task in planned]
    samples = [task.samples for task in planned]
    for at in range(0, len(whole), len(whole) // 5):
        damage(shard, at)
        found = {finding for one in check_all(checks, samples, runner) for finding in one.findings}
        alone = {finding for one in checks for finding in check_shard(one, no_tick).findings}
        assert found == alone
        assert {finding.shard for finding in found} == {str(shard)}
        shard.write_bytes(whole)


@pytest.mark.usefixtures("_small_sections")
def test_sections_find_the_keys_of_the_whole(drawn_build: Path, runner: TaskRunner) -> None:
    planned = tasks_of(drawn_build)
    checks = [CheckTask(task.shard, task.shard.parent.name, (224, 224), task.index) for task in planned]
    in_sections = {one.keys["shard"][0]: one.keys for one in check_all(checks, [t.samples for t in planned], runner)}
    for one in checks:
        # Without its index, the shard is read member by member.
        by_member = check_shard(replace(one, index=None), no_tick).keys
        assert in_sections[str(one.shard)].equals(by_member)


def test_a_section_is_right_only_with_its_own_samples(build_copy: Path) -> None:
    task = max(tasks_of(build_copy), key=lambda task: task.samples)
    flip(task.shard, task.shard.stat().st_size // 4)
    found = [is_right(CheckSection(task.shard, task.index, number, 2), no_tick) for number in range(2)]
    assert found == [False, True]
    assert not is_as_indexed(task.shard, task.index, no_tick)
    assert not is_right(CheckSection(task.shard.with_name("absent.tar"), task.index), no_tick)


@pytest.mark.parametrize("size", [-600, 1 << 40])
def test_an_index_with_a_wrong_size_is_not_believed(build_copy: Path, size: int) -> None:
    """Its shard is as it should be, so that reading it member by member finds nothing."""
    task = tasks_of(build_copy)[0]
    rows = pl.read_parquet(task.index).with_columns(size=pl.lit(size, pl.Int64))
    rows.write_parquet(task.index, metadata=pl.read_parquet_metadata(task.index))
    assert not is_as_indexed(task.shard, task.index, no_tick)
    assert not check_shard(CheckTask(task.shard, "train", None, task.index), no_tick).findings
