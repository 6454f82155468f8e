"""encode: containers -> the encoded store. One task per container; large ones in parts, which are then joined."""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from ...core.difference import difference
from ...engines.base import Function
from ...images.encode import (
    ENCODED_A_SECOND,
    READ_A_SECOND,
    EncodedContainer,
    EncodeTask,
    JoinTask,
    LookTask,
    encode_container,
    join_parts,
    look_again,
    part_of,
)
from ...images.store import read_meta, wanted
from ...sources.base import Container, Source, size
from ..run import Run
from ..stage import State, state

T = TypeVar("T", EncodeTask, JoinTask)
R = TypeVar("R")
_SMALLEST_PART = 64 << 20
_MOST_PARTS = round(READ_A_SECOND / ENCODED_A_SECOND)
_ABOUT_DONE = 0.9
_UNPROVEN = "size, time or inode of its files changed"


def look(run: Run) -> State:
    """How many containers are encoded, and why others are not."""
    return state(why(run, source, container) for source, container in run.containers())


def work(run: Run) -> str:
    """Encode what is not, or no longer, in the store."""
    reasons = [(source, one, why(run, source, one)) for source, one in run.containers()]
    same = _recognised(run, [(source, one) for source, one, reason in reasons if reason == _UNPROVEN])
    stale = [(source, one) for source, one, reason in reasons if reason and (source.name, one.name) not in same]
    return _encode(run, stale, len(same))


def ensure(run: Run, wanted: set[tuple[str, str]]) -> None:
    """Encode again those of the (source, container) that were removed after packing, and are needed once more."""
    absent = [
        (source, one)
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
    expected = wanted(run.dataset.config.images)
    if reason := difference({key: meta.get(key) for key in expected}, expected):
        return reason
    tar = paths.encoded(source.name, container.name)
    if tar.exists() and run.known.sha256(tar) != meta.get("sha256"):
        return "the encoded images are not the ones that were written"
    if not tar.exists() and run.dataset.config.wds.keep_store:
        return "the encoded images are gone"
    return (
        None
        if run.known.recall(_sight(source, container), run.signature(source, container)) == meta.get("content")
        else _UNPROVEN
    )


def trusted_meta(run: Run, source: Source, container: Container) -> dict[str, Any] | None:
    """The record of a container's index, if it is of the files that are there now."""
    meta = read_meta(run.dataset.paths.encoded_index(source.name, container.name))
    return (
        meta
        if meta and run.known.recall(_sight(source, container), run.signature(source, container)) == meta.get("content")
        else None
    )


def _sight(source: Source, container: Container) -> str:
    return f"content:{source.name}:{container.path}:{container.name}"


def _recognised(run: Run, doubtful: list[tuple[Source, Container]]) -> set[tuple[str, str]]:
    """Those of the containers whose files look otherwise, and yet hold what was encoded: they are read to see it."""
    if not doubtful:
        return set()
    run.listener.start("encode: reading what looks otherwise", sum(size(*one) for one in doubtful), "bytes")
    tasks = [LookTask(source, one, run.dataset.config.images.max_bytes) for source, one in doubtful]
    found: set[tuple[str, str]] = set()
    for task, (signature, content) in run.tasks(look_again, tasks, lambda task: str(task.container.path)):
        meta = read_meta(run.dataset.paths.encoded_index(task.source.name, task.container.name)) or {}
        if content == meta.get("content"):
            run.known.remember(_sight(task.source, task.container), signature, content)
            run.saw(task.source, task.container, signature)
            found.add((task.source.name, task.container.name))
    run.listener.finish(f"{len(found)} of {len(doubtful)} containers unchanged")
    return found


def _encode(run: Run, stale: list[tuple[Source, Container]], unchanged: int = 0) -> str:
    sizes = {(source.name, one.name): size(source, one) for source, one in stale}
    whole, parts = _tasks(run, stale, sizes)
    _clear(
        run, stale, {path for task in parts for path in (task.tar, task.index)} | {task.tried for task in whole + parts}
    )
    run.listener.start("encode", sum(sizes.values()), "bytes")
    done = [
        _remember(run, task, made)
        for task, made in _largest_first(run, encode_container, [*whole, *_missing(run, parts)])
        if task.container.share[1] == 1
    ]
    done += [_remember(run, task, made) for task, made in _largest_first(run, join_parts, _joins(run, parts))]
    _clear(run, stale)
    images, skipped = sum(made.images for made in done), sum(made.skipped for made in done)
    same = f", {unchanged} containers unchanged" if unchanged else ""
    summary = f"{images} images encoded, {skipped} skipped{same}"
    run.listener.finish(summary)
    return summary


def _largest_first(run: Run, function: Function[T, R], tasks: list[T]) -> Iterator[tuple[T, R]]:
    ordered = sorted(tasks, key=lambda task: -task.cost)
    return run.tasks(function, ordered, lambda task: str(task.container.path))


def _tasks(
    run: Run, stale: list[tuple[Source, Container]], sizes: dict[tuple[str, str], int]
) -> tuple[list[EncodeTask], list[EncodeTask]]:
    """The tasks for containers that are encoded as one, and for the parts of others."""
    counts = dict(zip(sizes, parts_of(list(sizes.values()), run.engine.width), strict=True))
    whole: list[EncodeTask] = []
    parts: list[EncodeTask] = []
    for source, one in stale:
        names = (source.name, one.name)
        for part in range(counts[names]):
            share = replace(one, share=(part, counts[names]))
            (parts if counts[names] > 1 else whole).append(_task(run, source, share, sizes[names]))
    return whole, parts


def parts_of(sizes: Sequence[int], width: int) -> list[int]:
    """In how many parts containers are encoded on ``width`` workers, by the bytes they have.

    Each goes, the largest first, to the worker that is free the soonest. One that would keep it busy when the others
    are about done is divided, so that no part takes more than half of the time that is left. Each part reads all of
    the container: there are no more parts than make reading cost as much as decoding.

    >>> parts_of([30_000, 30_000], 32), parts_of([30 << 30, 8 << 30, 8 << 30, 8 << 30], 2)
    ([1, 1], [2, 2, 1, 1])
    >>> parts_of([200 << 20, 190 << 20, 180 << 20], 2), parts_of([224 << 30] * 10, 1280)
    ([1, 1, 2], [15, 15, 15, 15, 15, 15, 15, 15, 15, 15])
    """
    fair = sum(sizes) / width
    busy = [0.0] * width
    counts = [1] * len(sizes)
    for bytes_, place in sorted(((one, place) for place, one in enumerate(sizes) if one), reverse=True):
        begin = busy[0]
        if begin + bytes_ > fair * _ABOUT_DONE:
            most = min(width, bytes_ // _SMALLEST_PART, _MOST_PARTS)
            counts[place] = max(1, min(math.ceil(2 * bytes_ / max(1, fair - begin)), most))
        for _ in range(counts[place]):
            heapq.heapreplace(busy, busy[0] + bytes_ / counts[place])
    return counts


def _task(run: Run, source: Source, container: Container, bytes_: int) -> EncodeTask:
    paths, names = run.dataset.paths, (source.name, container.name)
    first, count = container.share
    tar, index = (
        (paths.encoded(*names), paths.encoded_index(*names))
        if count == 1
        else (paths.encoded_part(*names, first, count), paths.encoded_part_index(*names, first, count))
    )
    tried = paths.encoding(*names, first, count)
    return EncodeTask(source, container, run.dataset.config.images, tar, index, tried, bytes_)


def _missing(run: Run, parts: list[EncodeTask]) -> list[EncodeTask]:
    """The parts that an earlier run did not finish, or made from something else."""
    return [task for task in parts if not _is_made(run, task)]


def _is_made(run: Run, task: EncodeTask) -> bool:
    signature = run.signature(task.source, task.container)
    wanted_meta = wanted(task.images) | part_of(task.container, task.images, signature)
    meta = read_meta(task.index) or {}
    return task.tar.exists() and wanted_meta.items() <= meta.items()


def _joins(run: Run, parts: list[EncodeTask]) -> list[JoinTask]:
    by_name: dict[tuple[str, str], list[EncodeTask]] = {}
    for task in parts:
        by_name.setdefault((task.source.name, task.container.name), []).append(task)
    paths = run.dataset.paths
    return [
        JoinTask(
            tasks[0].source,
            replace(tasks[0].container, share=(0, 1)),
            tasks[0].images,
            tuple((task.tar, task.index) for task in tasks),
            paths.encoded(*names),
            paths.encoded_index(*names),
        )
        for names, tasks in by_name.items()
    ]


def _clear(run: Run, containers: list[tuple[Source, Container]], keep: Collection[Path] = ()) -> None:
    """Remove what encoding has left beside the store of these containers, but for what is to ``keep``."""
    names = {(source.name, one.name) for source, one in containers}
    for path, name in run.dataset.paths.unfinished().items():
        if name in names and path not in keep:
            path.unlink(missing_ok=True)


def _remember(run: Run, task: EncodeTask | JoinTask, done: EncodedContainer) -> EncodedContainer:
    run.known.remember(_sight(task.source, task.container), done.signature, done.content)
    run.saw(task.source, task.container, done.signature)
    run.known.remember(str(task.tar.absolute()), done.tar_stamp, done.tar_sha256)
    return done
