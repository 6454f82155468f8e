"""A container is encoded as one or in parts, with the same bytes; finished parts are not made again."""

from __future__ import annotations

from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from helpers import configured, digests
from treeoflife.core.parquet_meta import read_meta
from treeoflife.engines.local import LocalEngine
from treeoflife.engines.serial import SerialEngine
from treeoflife.images import encode as images
from treeoflife.images import store_tar
from treeoflife.pipeline.opening import working
from treeoflife.pipeline.session import Session
from treeoflife.pipeline.stage import Job
from treeoflife.pipeline.stages import encode
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.testing.world import World


@pytest.fixture
def whole(drawn_world: World, tmp_path: Path) -> Path:
    """A store whose containers were encoded as one."""
    return encoded(tmp_path / "whole", drawn_world)


def encoded(out: Path, world: World, width: int = 1) -> Path:
    """Encode a world; returns the store."""
    workspace = open_workspace(configured(out, "published", world.root))
    with working(workspace) as session, closing(LocalEngine(width) if width > 1 else SerialEngine()) as engine:
        session.runner = replace(session.runner, engine=engine)
        session.make("encode")
        assert session.state("encode").fresh
    return workspace.paths.store


@pytest.mark.parametrize("width", [2, 3, 7])
def test_parts_are_joined_to_the_same_bytes(
    drawn_world: World, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """However many parts; no file of them is left."""
    joined: list[images.JoinTask] = []
    join = images.join_parts
    monkeypatch.setattr(encode, "_SMALLEST_PART", 10_000)
    joins = encode.Encoding._joins
    monkeypatch.setattr(encode.Encoding, "_joins", lambda self, parts: joined.extend(joins(self, parts)) or joined)
    assert digests(encoded(tmp_path / "parts", drawn_world, width)) == digests(whole)
    assert joined
    assert join is images.join_parts
    assert any(len(task.parts) > 1 for task in joined)


def test_finished_parts_are_kept(
    drawn_world: World, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a kill. A part that was made with other settings, or from other files, is made again."""
    monkeypatch.setattr(encode, "_SMALLEST_PART", 10_000)
    workspace = open_workspace(configured(tmp_path / "parts", "published", drawn_world.root))
    with working(workspace) as session, closing(Counting(2)) as engine:
        session.runner = replace(session.runner, engine=engine)
        kept, changed, *_ = tasks = _parts(session)
        for task in (kept, changed):
            images.encode_container(task, lambda _: None)
        pl.read_parquet(changed.index).write_parquet(changed.index, metadata={"treeoflife": '{"signature": "other"}'})
        session.make("encode")
        assert {task.tar for task in engine.encoded} >= {task.tar for task in tasks} - {kept.tar}
        assert kept.tar not in {task.tar for task in engine.encoded}
    assert digests(workspace.paths.store) == digests(whole)


def test_a_part_that_was_damaged_is_named(drawn_world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between encoding and joining."""
    monkeypatch.setattr(encode, "_SMALLEST_PART", 10_000)
    workspace = open_workspace(configured(tmp_path, "published", drawn_world.root))
    with working(workspace) as session:
        session.runner = replace(session.runner, engine=Counting(2))
        parts = _parts(session)
        tasks = [task for task in parts if task.container.name == parts[0].container.name]
        for task in tasks:
            images.encode_container(task, lambda _: None)
        data = bytearray(tasks[0].tar.read_bytes())
        data[700] ^= 1
        tasks[0].tar.write_bytes(data)
        (join,) = _encoding(session)._joins(tasks)
        with pytest.raises(images.StoreError, match="damaged at image"):
            images.join_parts(join, lambda _: None)
        assert not join.tar.exists()
        assert read_meta(join.index) is None


def test_a_folder_opens_only_the_images_of_the_part(drawn_world: World, tmp_path: Path) -> None:
    """The others are listed without data, at their positions."""
    workspace = open_workspace(configured(tmp_path, "published", drawn_world.root))
    source = next(source for source in workspace.sources if source.name == "inat21")
    container = max(source.containers(), key=lambda container: len(source.files(container)))
    whole = list(source.read(container, 10**9))
    part = list(source.read(replace(container, part=(1, 2)), 10**9))
    assert [image.file for image in part] == [image.file for image in whole]
    assert part[1::2] == whole[1::2]
    assert not any(image.data for image in part[::2])


class Counting(LocalEngine):
    """Remembers what it was given to encode."""

    def __init__(self, workers: int) -> None:
        super().__init__(workers)
        self.encoded: list[images.EncodeTask] = []

    def run(self, function, tasks, tick=lambda _: None):  # type: ignore[no-untyped-def]
        """See :class:`treeoflife.engines.base.Engine`."""
        self.encoded += [task for task in tasks if isinstance(task, images.EncodeTask)]
        return super().run(function, tasks, tick)


def _encoding(session: Session) -> encode.Encoding:
    evidence = session.evidence
    job = Job({}, session.runner, session.remake, lambda *_: None, evidence.hashes, evidence.records)
    return encode.Encoding(session.workspace, job)


def _parts(session: Session) -> list[images.EncodeTask]:
    containers = session.workspace.containers()
    sizes = {one.label: encode.container_size(source, one) for source, one in containers}
    return _encoding(session)._tasks(containers, sizes)[1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a file that is always full")
@pytest.mark.parametrize("size", [0, 512, 1 << 20])
def test_a_full_disk_is_that_of_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Whether the system says so at the first block or when the file is closed; no source is to blame."""
    monkeypatch.setattr(store_tar, "replacing", lambda _, **__: nullcontext(Path("/dev/full")))

    def write() -> None:
        with store_tar.replacing_tar(tmp_path / "store.tar", tmp_path / "store.parquet") as tar:
            tar.add(bytes(size))

    with pytest.raises(OSError, match=r"No space left on device.*store\.tar"):
        write()
