"""Shares of a stage: what the scripts of ``export-slurm`` run, many at once, each on items of its own.

No driver hands out the work, so each share finds its items by itself: all shares divide containers and shards by the
same rule. What a share records goes into a file of its own; the next run of the whole dataset takes it in, and does
what is left.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from ..config.paths import Paths
from ..core import lock
from ..core.files import exists
from ..core.hash_cache import HashCache
from ..core.progress import Listener
from ..engines.registry import make_engine
from ..engines.tasks import TaskRunner
from ..errors import ConfigError, InputError
from ..images.encode import ENCODE_BYTES_PER_SECOND
from ..shards.pack import planned_shards
from ..sources.base import container_size
from .opening import prepare, session_over
from .session import Session
from .stage import Evidence, Job
from .stage_records import StageRecords
from .stages.pack import pack_tasks
from .workspace import Workspace

T = TypeVar("T")


@dataclass(frozen=True)
class Share:
    """One of ``of`` shares, counted from 0."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Share:
        """The share that is written NUMBER/OF.

        Raises:
            ConfigError: it is written otherwise, or there is no such share.

        >>> Share.parse("3/100")
        Share(number=3, of=100)
        """
        number, slash, of = text.partition("/")
        if not (slash and number.isdecimal() and of.isdecimal() and int(number) < int(of)):
            raise ConfigError(f"there is no share {text!r}; the first of a hundred is 0/100, the last 99/100")
        return cls(int(number), int(of))

    def take(self, items: Sequence[T], cost: Callable[[T], float]) -> list[T]:
        """The items of this share; all shares cost about the same.

        >>> [Share(n, 2).take([5, 1, 3, 2], float) for n in (0, 1)]
        [[5, 1], [3, 2]]
        """
        chosen = set()
        heap = [(0.0, share) for share in range(self.of)]
        for position in sorted(range(len(items)), key=lambda position: -cost(items[position])):
            used, share = heap[0]
            heapq.heapreplace(heap, (used + cost(items[position]), share))
            if share == self.number:
                chosen.add(position)
        return [item for position, item in enumerate(items) if position in chosen]


def make_share(workspace: Workspace, stage: str, share: Share, listener: Listener) -> str:
    """Make the items of a share of a stage; returns a summary.

    Raises:
        ConfigError: the stage cannot be divided.
        InputError: images on the web are to be fetched first.
        BusyError: a run works on the whole dataset.
        TasksFailed: some tasks failed; the others were done.
    """
    if stage not in _DIVIDED:
        raise ConfigError(f"the stage '{stage}' cannot be divided into shares; {' and '.join(_DIVIDED)} can")
    check_fetched(workspace)
    with _session(workspace, f"{stage}-{share.number}-of-{share.of}", listener) as session:
        return _DIVIDED[stage](session, share)


@contextmanager
def _session(workspace: Workspace, name: str, listener: Listener) -> Iterator[Session]:
    paths = workspace.paths
    prepare(workspace)
    own = paths.share_record(name)
    with (
        lock.shared_lock(paths.lock),
        closing(make_engine(workspace.config.engine, paths.logs)) as engine,
        closing(HashCache(paths.hash_cache)) as known,
        closing(HashCache(own, known)) as hashes,
        closing(StageRecords(paths.stage_records)) as recorded,
        closing(StageRecords(own, recorded)) as records,
    ):
        yield session_over(workspace, Evidence(paths, hashes, records), TaskRunner(engine, listener, paths.failures))


def _encode(session: Session, share: Share) -> str:
    sizes = {one.label: float(container_size(source, one)) for source, one in session.workspace.containers()}
    return session.make("encode", share.take(list(sizes), sizes.__getitem__)) or "nothing to do"


def _pack(session: Session, share: Share) -> str:
    paths = session.workspace.paths
    labels = share.take([task.label for task in planned_shards(paths)], lambda _: 1.0)
    return session.make("pack", labels, partial(_pack_share, paths)) or f"0 of {len(labels)} shards packed"


def _pack_share(paths: Paths, job: Job) -> str:
    stale, _ = pack_tasks(planned_shards(paths), paths, job)
    summary = f"{len(stale)} shards packed"
    job.runner.listener.finish(summary)
    return summary


def check_fetched(workspace: Workspace) -> None:
    """Check that no images on the web are to be fetched: shares are of containers that are there.

    Raises:
        InputError: some are.
    """
    for source in workspace.listed_sources():
        files = workspace.paths.fetched_files(source.name)
        if not exists(files.images) or files.unfinished():
            raise InputError(
                f"the images of [sources.{source.name}] are not all fetched, and cannot be divided into shares before: "
                "run 'treeoflife fetch' first, on a computer that reaches the web"
            )


def costs(workspace: Workspace) -> list[float]:
    """About how many seconds each container takes to encode on one core.

    Raises:
        InputError: images on the web are to be fetched first.
    """
    check_fetched(workspace)
    return [container_size(*one) / ENCODE_BYTES_PER_SECOND for one in workspace.containers()]


_DIVIDED: dict[str, Callable[[Session, Share], str]] = {"encode": _encode, "pack": _pack}
