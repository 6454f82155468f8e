"""encode: containers -> the encoded store. One task per container."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..dataset import Run
from ..images.store import EncodedContainer, EncodeTask, encode_container, read_meta, wanted
from ..sources import Container, Source, size
from .base import State, difference, state

_UNPROVEN = "size, time or inode of its files changed"


def look(run: Run) -> State:
    """How many containers are encoded, and why others are not."""
    return state(why(run, source, container) for source, container in run.containers())


def work(run: Run) -> str:
    """Encode what is not, or no longer, in the store."""
    stale = [(source, one, reason) for source, one in run.containers() if (reason := why(run, source, one))]
    return _encode(run, [(source, one, reason == _UNPROVEN) for source, one, reason in stale])


def ensure(run: Run, wanted: set[tuple[str, str]]) -> None:
    """Encode again those of the (source, container) that were removed after packing, and are needed once more."""
    absent = [
        (source, one, False)
        for source, one in run.containers()
        if (source.name, one.name) in wanted and not run.dataset.paths.encoded(source.name, one.name).exists()
    ]
    if absent:
        _encode(run, absent)


def why(run: Run, source: Source, container: Container) -> str | None:
    """Why a container is to be encoded; None if it is not."""
    paths = run.dataset.paths
    meta = read_meta(paths.encoded_index(source.name, container.name))
    if meta is None:
        return "not encoded yet"
    made = {key: meta.get(key) for key in ("step", "images")}
    if reason := difference(made, wanted(run.dataset.config.images)):
        return reason
    tar = paths.encoded(source.name, container.name)
    if tar.exists() and run.known.sha256(tar) != meta["sha256"]:
        return "the encoded images are not the ones that were written"
    if not tar.exists() and run.dataset.config.wds.keep_store:
        return "the encoded images are gone"
    return (
        None
        if run.known.recall(_sight(source, container), run.signature(source, container)) == meta["content"]
        else _UNPROVEN
    )


def trusted_meta(run: Run, source: Source, container: Container) -> dict[str, Any] | None:
    """The record of a container's index, if it is of the files that are there now."""
    meta = read_meta(run.dataset.paths.encoded_index(source.name, container.name))
    return (
        meta
        if meta and run.known.recall(_sight(source, container), run.signature(source, container)) == meta["content"]
        else None
    )


def _sight(source: Source, container: Container) -> str:
    return f"content:{source.name}:{container.path}:{container.name}"


def _encode(run: Run, stale: list[tuple[Source, Container, bool]]) -> str:
    sized = sorted(((size(source, one), source, one, same) for source, one, same in stale), key=lambda row: -row[0])
    run.listener.start("encode", sum(row[0] for row in sized), "bytes")
    tasks = list(_tasks(run, sized))
    images = skipped = unchanged = 0
    for task, done in run.tasks(encode_container, tasks, lambda task: str(task.container.path)):
        _remember(run, task, done)
        images, skipped, unchanged = images + done.images, skipped + done.skipped, unchanged + done.unchanged
    same = f", {unchanged} containers unchanged" if unchanged else ""
    summary = f"{images} images encoded, {skipped} skipped{same}"
    run.listener.finish(summary)
    return summary


def _tasks(run: Run, stale: Iterable[tuple[int, Source, Container, bool]]) -> Iterator[EncodeTask]:
    paths, images = run.dataset.paths, run.dataset.config.images
    for bytes_, source, container, maybe_same in stale:
        index = paths.encoded_index(source.name, container.name)
        meta = read_meta(index) if maybe_same else None
        expected = str(meta["content"]) if meta else None
        tar = paths.encoded(source.name, container.name)
        yield EncodeTask(source, container, images, tar, index, expected, bytes_)


def _remember(run: Run, task: EncodeTask, done: EncodedContainer) -> None:
    run.known.remember(_sight(task.source, task.container), done.signature, done.content)
    run.saw(task.source, task.container, done.signature)
    if done.tar_stamp:
        run.known.remember(str(task.tar.absolute()), done.tar_stamp, done.tar_sha256)
