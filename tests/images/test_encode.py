"""A container is encoded whole or in parts, with the same bytes; a part that is there is not made again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from helpers import configured, digests
from treeoflife.engines.local import LocalEngine
from treeoflife.engines.serial import SerialEngine
from treeoflife.images import encode as images
from treeoflife.images.store import read_meta
from treeoflife.pipeline.run import Run, open_dataset, running
from treeoflife.pipeline.stages import encode
from treeoflife.testing.world import World


@pytest.fixture
def whole(drawn_world: World, tmp_path: Path) -> Path:
    """A store whose containers were encoded at once."""
    return encoded(tmp_path / "whole", drawn_world)


def encoded(out: Path, world: World, width: int = 1) -> Path:
    """Encode a world; returns the store."""
    dataset = open_dataset(configured(out, "published", world.root))
    with running(dataset) as run:
        run.engine = LocalEngine(width) if width > 1 else SerialEngine()
        encode.work(run)
        assert encode.look(run).fresh
        run.engine.close()
    return dataset.paths.store


@pytest.mark.parametrize("width", [2, 3, 7])
def test_parts_are_joined_to_the_same_bytes(
    drawn_world: World, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """However many parts; nothing of them is left."""
    joined: list[images.JoinTask] = []
    join = images.join_parts
    monkeypatch.setattr(encode, "_SMALLEST_PART", 10_000)
    monkeypatch.setattr(encode, "_joins", lambda *given, joins=encode._joins: joined.extend(joins(*given)) or joined)
    assert digests(encoded(tmp_path / "parts", drawn_world, width)) == digests(whole)
    assert joined
    assert join is images.join_parts
    assert any(len(task.parts) > 1 for task in joined)


def test_parts_that_are_there_are_kept(
    drawn_world: World, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill; a part of other settings, or of other files, is made anew."""
    monkeypatch.setattr(encode, "_SMALLEST_PART", 10_000)
    dataset = open_dataset(configured(tmp_path / "parts", "published", drawn_world.root))
    with running(dataset) as run:
        run.engine = engine = Counting(2)
        kept, changed, *_ = tasks = _parts(run)
        for task in (kept, changed):
            images.encode_container(task, lambda _: None)
        pl.read_parquet(changed.index).write_parquet(changed.index, metadata={"treeoflife": '{"signature": "other"}'})
        encode.work(run)
        assert {task.tar for task in engine.encoded} >= {task.tar for task in tasks} - {kept.tar}
        assert kept.tar not in {task.tar for task in engine.encoded}
        engine.close()
    assert digests(dataset.paths.store) == digests(whole)


def test_a_part_that_was_damaged_is_named(drawn_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between encoding and joining."""
    monkeypatch.setattr(encode, "_SMALLEST_PART", 10_000)
    dataset = open_dataset(configured(tmp_path, "published", drawn_world.root))
    with running(dataset) as run:
        run.engine = Counting(2)
        tasks = [task for task in _parts(run) if task.container.name == _parts(run)[0].container.name]
        for task in tasks:
            images.encode_container(task, lambda _: None)
        data = bytearray(tasks[0].tar.read_bytes())
        data[700] ^= 1
        tasks[0].tar.write_bytes(data)
        (join,) = encode._joins(run, tasks)
        with pytest.raises(images.StoreError, match="damaged at image"):
            images.join_parts(join, lambda _: None)
        assert not join.tar.exists()
        assert read_meta(join.index) is None


def test_a_folder_reads_only_the_share_that_is_asked_for(drawn_world: World, tmp_path: Path) -> None:
    """The others come without data, in their places."""
    dataset = open_dataset(configured(tmp_path, "published", drawn_world.root))
    source = next(source for source in dataset.sources if source.name == "inat21")
    container = max(source.containers(), key=lambda one: len(source.files(one)))
    every = list(source.read(container, 10**9))
    shared = list(source.read(replace(container, share=(1, 2)), 10**9))
    assert [image.file for image in shared] == [image.file for image in every]
    assert shared[1::2] == every[1::2]
    assert not any(image.data for image in shared[::2])


class Counting(LocalEngine):
    """Remembers what it was given to encode."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.encoded: list[images.EncodeTask] = []

    def run(self, function, tasks, tick=lambda _: None):  # type: ignore[no-untyped-def]
        """See :class:`treeoflife.engines.base.Engine`."""
        self.encoded += [task for task in tasks if isinstance(task, images.EncodeTask)]
        return super().run(function, tasks, tick)


def _parts(run: Run) -> list[images.EncodeTask]:
    containers = run.containers()
    return encode._tasks(run, containers, {(s.name, c.name): encode.size(s, c) for s, c in containers})[1]
