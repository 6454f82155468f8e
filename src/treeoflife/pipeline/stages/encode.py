"""encode: containers -> the encoded store. One task per container; large ones in parts, which are then joined."""

import heapq
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from ...config.paths import Paths
from ...config.tables import Images
from ...core.difference import describe_difference
from ...core.files import exists
from ...core.parquet_meta import read_meta
from ...core.text import counted
from ...engines.base import Function
from ...images.encode import (
    ENCODE_BYTES_PER_SECOND,
    READ_BYTES_PER_SECOND,
    EncodedContainer,
    EncodeTask,
    HashTask,
    JoinTask,
    encode_container,
    hash_container,
    join_parts,
    part_meta,
)
from ...images.heif import heif_formats
from ...images.leave_out import LeaveOutTask, leave_out
from ...images.store import expected_meta
from ...sources.base import Container, Source, container_size
from ...sources.withdrawn import WITHDRAWN, withdrawn_of
from ..stage import NEEDED_AGAIN, Item, Job, Stage
from ..workspace import Workspace

T = TypeVar("T", EncodeTask, JoinTask)
R = TypeVar("R")

# A part below this takes a few seconds: less than dividing and joining would save.
_SMALLEST_PART = 64 << 20
# Each part reads the whole container. With more parts than this, reading would cost more than decoding.
_MOST_PARTS = round(READ_BYTES_PER_SECOND / ENCODE_BYTES_PER_SECOND)
# A container that ends after this share of the whole time would be waited for while other workers are idle.
_ABOUT_DONE = 0.9


def declare(workspace: Workspace) -> Stage:
    """The stage. Its settings decide pixels, so a change of any encodes every container again."""
    settings = expected_meta(workspace.config.images)
    return Stage(
        name="encode",
        needs=("fetch",),
        version=settings.pop("step"),
        settings=settings,
        items=cache(lambda: [_item(workspace, *one) for one in workspace.containers()]),
        run=lambda job: Encoding(workspace, job).run(),
        complaint=_complaint,
    )


def _complaint(result: Mapping[str, Any]) -> str | None:
    """Why a container is encoded again: an extra that some of its images need has been installed since."""
    return "images that could not be read can be now" if result.get("unread") and heif_formats() else None


def _item(workspace: Workspace, source: Source, container: Container) -> Item:
    keep, index = workspace.config.wds.keep_store, workspace.indexes()[container.label]
    tar = workspace.paths.encoded(container.source, container.name)
    withdrawn = withdrawn_of(workspace.paths.withdrawn, source.name)
    return Item(
        container.label,
        inputs={
            "files": lambda _: workspace.signature(source, container),
            **({WITHDRAWN: withdrawn.digest()} if withdrawn else {}),
        },
        outputs=(index, tar) if keep else (index,),
        optional=() if keep else (tar,),
    )


@dataclass(frozen=True)
class Encoding:
    """Encoding the containers of a job."""

    workspace: Workspace
    job: Job

    @property
    def paths(self) -> Paths:
        """The files of the dataset."""
        return self.workspace.paths

    @property
    def images(self) -> Images:
        """How images are decoded and encoded."""
        return self.workspace.config.images

    def run(self) -> str:
        """Encode the stale containers, but for those that turn out to hold what was encoded."""
        stale = [one for one in self.workspace.containers() if one[1].label in self.job.stale]
        doubtful = [one for one in stale if self._may_be_unchanged(*one)]
        # Most datasets have no withdrawn images: then nothing is written here.
        withdrawn = [one for one in doubtful if self._has_withdrawn(*one)]
        unchanged = self._recognise([one for one in doubtful if one not in withdrawn])
        unchanged |= self._leave_out(withdrawn)
        return self._encode([one for one in stale if one[1].label not in unchanged], len(unchanged))

    def _may_be_unchanged(self, source: Source, container: Container) -> bool:
        """Whether the store holds the container as it would be encoded now, if its files have the same content."""
        tar, index = self._outputs(source, container)
        meta, expected = read_meta(index), expected_meta(self.images)
        if self.job.stale[container.label] == NEEDED_AGAIN:
            return False
        if meta is None or _complaint(meta) or describe_difference({key: meta.get(key) for key in expected}, expected):
            return False
        if not exists(tar):
            return not self.workspace.config.wds.keep_store
        return self.job.hashes.sha256(tar) == meta.get("sha256")

    def _recognise(self, doubtful: Sequence[tuple[Source, Container]]) -> set[str]:
        """The containers that still hold what was encoded, though sizes or times of files changed: they are read."""
        if not doubtful:
            return set()
        listener = self.job.runner.listener
        size = sum(container_size(*one) for one in doubtful)
        listener.start("encode: reading containers whose files changed", size, "bytes")
        tasks = [HashTask(source, one, self.images.max_bytes) for source, one in doubtful]
        unchanged: set[str] = set()
        results = self.job.runner.run(hash_container, tasks, lambda task: str(task.container.path))
        for task, (signature, content) in results:
            meta = read_meta(self._outputs(task.source, task.container)[1]) or {}
            if content == meta.get("content"):
                self.workspace.observe(task.container, signature)
                self.job.finish(task.container.label, _result(meta), files=signature)
                unchanged.add(task.container.label)
        listener.finish(f"{len(unchanged)} of {len(doubtful)} containers unchanged")
        return unchanged

    def _has_withdrawn(self, source: Source, container: Container) -> bool:
        """Whether images of the source are withdrawn, or were when the container was encoded."""
        record = self.job.records.get("encode", container.label)
        return bool(withdrawn_of(self.paths.withdrawn, source.name)) or bool(record and WITHDRAWN in record.inputs)

    def _leave_out(self, stored: Sequence[tuple[Source, Container]]) -> set[str]:
        """Remove withdrawn images from the store; returns the containers that are as they should be now."""
        if not stored:
            return set()
        listener = self.job.runner.listener
        listener.start("encode: removing withdrawn images", len(stored), "containers")
        tasks = [self._leave_out_task(*one) for one in stored]
        done, images = set[str](), 0
        for task, left in self.job.runner.run(leave_out, tasks, lambda task: str(task.container.path)):
            if left:
                self.workspace.observe(task.container, left.signature)
                if left.tar_stamp:
                    self.job.hashes.put(str(task.tar.absolute()), left.tar_stamp, left.tar_sha256)
                self.job.finish(task.container.label, _result(read_meta(task.index) or {}), files=left.signature)
                done.add(task.container.label)
                images += left.images
        listener.finish(f"{counted(images, 'image')} removed")
        return done

    def _leave_out_task(self, source: Source, container: Container) -> LeaveOutTask:
        record = self.job.records.get("encode", container.label)
        has_changed = record is None or record.inputs["files"] != self.workspace.signature(source, container)
        files = self._outputs(source, container)
        return LeaveOutTask(source, container, *files, self.paths.withdrawn, self.images.max_bytes, has_changed)

    def _encode(self, stale: Sequence[tuple[Source, Container]], unchanged: int) -> str:
        sizes = {one.label: container_size(source, one) for source, one in stale}
        whole, parts = self._tasks(stale, sizes)
        in_use = {path for task in parts for path in (task.tar, task.index)}
        self._clear(stale, in_use | {task.marker for task in whole + parts})
        self.job.runner.listener.start("encode", sum(sizes.values()), "bytes")
        unmade = [*whole, *(one for one in parts if not self._is_made(one))]
        encoded = [
            self._finish(task, made)
            for task, made in self._largest_first(encode_container, unmade)
            if task.container.part[1] == 1
        ]
        encoded += [self._finish(task, made) for task, made in self._largest_first(join_parts, self._joins(parts))]
        self._clear(stale)
        images, skipped = sum(made.images for made in encoded), sum(made.skipped for made in encoded)
        same = f", {counted(unchanged, 'container')} unchanged" if unchanged else ""
        summary = f"{counted(images, 'image')} encoded, {skipped} skipped{same}"
        self.job.runner.listener.finish(summary)
        return summary

    def _largest_first(self, function: Function[T, R], tasks: Iterable[T]) -> Iterator[tuple[T, R]]:
        # The largest container, begun last, would be the one that everybody waits for.
        ordered = sorted(tasks, key=lambda task: -task.cost)
        return self.job.runner.run(function, ordered, lambda task: str(task.container.path))

    def _tasks(
        self, stale: Sequence[tuple[Source, Container]], sizes: dict[str, int]
    ) -> tuple[list[EncodeTask], list[EncodeTask]]:
        """The tasks for containers that are encoded as one, and for the parts of others."""
        counts = dict(zip(sizes, parts_of(list(sizes.values()), self.job.runner.engine.width), strict=True))
        whole: list[EncodeTask] = []
        parts: list[EncodeTask] = []
        for source, container in stale:
            count = counts[container.label]
            for part in range(count):
                task = self._task(source, replace(container, part=(part, count)), sizes[container.label])
                (parts if count > 1 else whole).append(task)
        return whole, parts

    def _task(self, source: Source, container: Container, size_: int) -> EncodeTask:
        names, (part, count) = (source.name, container.name), container.part
        tar, index = self._outputs(source, container)
        if count > 1:
            tar = self.paths.encoded_part(*names, part, count)
            index = self.paths.encoded_part_index(*names, part, count)
        return EncodeTask(
            source,
            container,
            self.images,
            tar,
            index,
            self.paths.encode_marker(*names, part, count),
            size_,
            self.paths.withdrawn,
        )

    def _outputs(self, source: Source, container: Container) -> tuple[Path, Path]:
        """The tar and the index of a container."""
        return self.paths.encoded(source.name, container.name), self.paths.encoded_index(source.name, container.name)

    def _is_made(self, task: EncodeTask) -> bool:
        """Whether an earlier run finished a part, from these files and with these settings."""
        signature = self.workspace.signature(task.source, task.container)
        expected = expected_meta(task.images) | part_meta(task.container, task.images, signature)
        return exists(task.tar) and expected.items() <= (read_meta(task.index) or {}).items()

    def _joins(self, parts: Sequence[EncodeTask]) -> list[JoinTask]:
        by_container: dict[str, list[EncodeTask]] = {}
        for task in parts:
            by_container.setdefault(task.container.label, []).append(task)
        return [
            JoinTask(
                tasks[0].source,
                replace(tasks[0].container, part=(0, 1)),
                tasks[0].images,
                tuple((task.tar, task.index) for task in tasks),
                *self._outputs(tasks[0].source, tasks[0].container),
            )
            for tasks in by_container.values()
        ]

    def _clear(self, containers: Sequence[tuple[Source, Container]], kept: Collection[Path] = ()) -> None:
        """Remove parts and marks that encoding these containers left in the store, but for what is to be ``kept``."""
        names = {(source.name, container.name) for source, container in containers}
        for path, name in self.paths.unfinished_files().items():
            if name in names and path not in kept:
                path.unlink(missing_ok=True)

    def _finish(self, task: EncodeTask | JoinTask, made: EncodedContainer) -> EncodedContainer:
        self.workspace.observe(task.container, made.signature)
        self.job.hashes.put(str(task.tar.absolute()), made.tar_stamp, made.tar_sha256)
        self.job.finish(task.container.label, _result(read_meta(task.index) or {}), files=made.signature)
        return made


def _result(meta: dict[str, Any]) -> dict[str, Any]:
    """What later stages need to know of a container: digests of its content and names, and numbers of files."""
    return {key: meta.get(key) for key in ("content", "names", "files")} | {
        k: v for k, v in meta.items() if k == "unread"
    }


def parts_of(sizes: Sequence[int], width: int) -> list[int]:
    """In how many parts containers are encoded on ``width`` workers.

    The containers are handed out, the largest first, each to the worker that is free the soonest. One that would end
    when the other workers are about done is divided, so that no part takes more than half of the time that is left.

    Args:
        sizes: the bytes of each container.
        width: workers.

    >>> parts_of([30_000, 30_000], 32), parts_of([30 << 30, 8 << 30, 8 << 30, 8 << 30], 2)
    ([1, 1], [2, 2, 1, 1])
    >>> parts_of([200 << 20, 190 << 20, 180 << 20], 2), parts_of([224 << 30] * 10, 1280)
    ([1, 1, 2], [15, 15, 15, 15, 15, 15, 15, 15, 15, 15])
    """
    fair = sum(sizes) / width
    busy_until = [0.0] * width
    counts = [1] * len(sizes)
    for bytes_, number in sorted(((size_, number) for number, size_ in enumerate(sizes) if size_), reverse=True):
        start = busy_until[0]
        if start + bytes_ > fair * _ABOUT_DONE:
            most = min(width, bytes_ // _SMALLEST_PART, _MOST_PARTS)
            counts[number] = max(1, min(math.ceil(2 * bytes_ / max(1, fair - start)), most))
        for _ in range(counts[number]):
            heapq.heapreplace(busy_until, busy_until[0] + bytes_ / counts[number])
    return counts
