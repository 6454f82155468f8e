"""Checking and reading shards that this program has no record of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..config import Holdout
from ..engines import Failed, LocalEngine, cores
from ..errors import InputError, TasksFailed
from ..holdout import read
from ..mapping.store import ids
from ..progress import Listener
from .check import CheckedShard, CheckTask, Finding, check_shard, expand, join


def check(
    patterns: Sequence[str],
    size: tuple[int, int] | None,
    mapping: Path | None,
    holdouts: Sequence[Path],
    workers: int | None,
    listener: Listener,
) -> list[Finding]:
    """Check anybody's shards; the split of a shard is the name of its folder.

    Args:
        patterns: brace patterns, globs, folders, paths.
        size: width and height that images must have; None takes any.
        mapping: a mapping that must have every key, if given.
        holdouts: lists of species and keys that must not be there.
        workers: processes; one per core, if not given.
        listener: hears of the progress.

    Raises:
        InputError: no shard is there, or the mapping or a list cannot be read.
        TasksFailed: a worker died.
    """
    tasks = [CheckTask(path, path.parent.name, size) for path in expand(patterns)]
    if not tasks:
        raise InputError(f"no shard matches {' '.join(patterns)}")
    engine = LocalEngine(workers or cores())
    listener.start("check-wds", len(tasks), "shards")
    checked: list[CheckedShard] = []
    for outcome in engine.run(check_shard, tasks):
        if isinstance(outcome, Failed):
            raise TasksFailed(f"{tasks[outcome.task].shard}: {outcome.error}")
        checked.append(outcome.value)
        listener.advance(1)
    held = _held(holdouts, [one.keys for one in checked])
    findings = join(checked, tasks, ids(mapping) if mapping else None, held)
    listener.finish(f"{len(tasks)} shards, {len(findings)} findings")
    return findings


def _held(holdouts: Sequence[Path], keys: list[pl.DataFrame]) -> pl.Series | None:
    """The keys that lists hold out: those they name, and those whose species they name."""
    if not holdouts:
        return None
    lists = [read(Holdout(path=path)) for path in holdouts]
    species = {name for one in lists for name in one.species.values()}
    images = {Path(image).stem for one in lists for image in one.images}
    every = pl.concat(keys)
    short = pl.col("name").str.split(" ").list.head(2).list.join(" ").str.to_lowercase()
    return every.filter(short.is_in(list(species)) | pl.col("key").is_in(list(images)))["key"]
