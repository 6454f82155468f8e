"""Shares of a stage: what the scripts of ``export-slurm`` run, many at once, each on tasks of its own.

No process drives them, so each finds its tasks by itself: containers and shards are dealt out in the same way by all.
What a share learns of files it keeps in a cache of its own; the next whole run takes that in, and does what is left.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

from ..core import lock
from ..core.hash_cache import HashCache
from ..core.progress import Listener
from ..engines import registry as engines
from ..errors import ConfigError
from ..shards.pack import pack_shard
from ..sources.base import size
from .run import Dataset, Run, looking
from .stages import checksums, encode, pack

T = TypeVar("T")
BYTES_A_SECOND = 18e6
"""About how many bytes of images a core encodes."""


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
        """Those of the items that are in this share; shares cost about the same.

        >>> [Share(n, 2).take([5, 1, 3, 2], float) for n in (0, 1)]
        [[5, 1], [3, 2]]
        """
        chosen = set()
        heap = [(0.0, share) for share in range(self.of)]
        for place in sorted(range(len(items)), key=lambda place: -cost(items[place])):
            used, share = heap[0]
            heapq.heapreplace(heap, (used + cost(items[place]), share))
            if share == self.number:
                chosen.add(place)
        return [item for place, item in enumerate(items) if place in chosen]


def work(dataset: Dataset, stage: str, share: Share, listener: Listener) -> str:
    """Do a share of a stage; returns what was done, in a few words.

    Raises:
        ConfigError: the stage has no shares.
        BusyError: a run works on the whole dataset.
        TasksFailed: some tasks failed; the others were done.
    """
    if stage not in SHARED:
        raise ConfigError(f"the stage '{stage}' has no shares; {' and '.join(SHARED)} have")
    with _running(dataset, stage, share, listener) as run:
        return SHARED[stage](run, share)


@contextmanager
def _running(dataset: Dataset, stage: str, share: Share, listener: Listener) -> Iterator[Run]:
    paths = dataset.paths
    with (
        lock.shared(paths.lock),
        closing(engines.make(dataset.config.engine, paths.logs)) as engine,
        looking(dataset, listener) as whole,
        closing(HashCache(paths.share(f"{stage}-{share.number}-of-{share.of}"), whole.known)) as known,
    ):
        run = Run(dataset, known, engine, listener)
        checksums.begin(run)
        yield run


def _encode(run: Run, share: Share) -> str:
    costs = {(source.name, one.name): float(size(source, one)) for source, one in run.containers()}
    mine = share.take(run.containers(), lambda pair: costs[pair[0].name, pair[1].name])
    return encode.work(Run(run.dataset, run.known, run.engine, run.listener, mine)) if mine else "nothing to do"


def _pack(run: Run, share: Share) -> str:
    mine = share.take(list(pack.planned(run)), lambda _: 1.0)
    stale = pack.unpacked(run, mine)
    for split in {task.shard.parent.name for task in stale}:  # no list may speak of shards that are about to change
        run.dataset.paths.sizes(split).unlink(missing_ok=True)
        run.dataset.paths.wids(split).unlink(missing_ok=True)
    run.listener.start("pack", len(stale), "shards")
    for _, done in run.tasks(pack_shard, stale, lambda task: str(task.shard)):
        run.known.remember(str(done.shard.absolute()), done.tar_stamp, done.tar_sha256)
    run.listener.finish(summary := f"{len(stale)} of {len(mine)} shards packed")
    return summary


def costs(dataset: Dataset) -> list[float]:
    """About how many seconds each container takes to encode."""
    with looking(dataset) as run:
        return [size(source, one) / BYTES_A_SECOND for source, one in run.containers()]


SHARED: dict[str, Callable[[Run, Share], str]] = {"encode": _encode, "pack": _pack}
