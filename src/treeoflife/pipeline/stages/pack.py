"""pack: store + plan -> shards, and beside them the lists that open_clip and wids read. One task per shard."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from ...core.files import read_json, write_json
from ...core.values import SPLITS
from ...images.store import read_meta
from ...shards.pack import PackTask, index_meta, pack_shard
from ..run import Run
from ..stage import State, state
from . import encode

_RECORD = "what its index says of its inputs and settings changed"
_SHARD = re.compile(r"shard-(\d{6})\.(tar|parquet)")


def look(run: Run) -> State:
    """How many shards are as planned, and why others are not."""
    shards = list(planned(run))
    if not shards:
        return State(0, 1, ("there is no plan yet",)) if not has_plans(run) else State(0, 0)
    reasons = [why(run, task) for task in shards]
    reasons += ["a shard that is not in the plan" for _ in _surplus(run, shards)]
    reasons += ["its lists of shards are not up to date" for split in SPLITS if not _listed(run, split, shards)]
    return state(reasons)


def work(run: Run) -> str:
    """Pack the shards that are not as planned, remove those that are not in the plan, and list what there is."""
    shards = list(planned(run))
    stale = unpacked(run, shards)
    _unlist(run, shards, stale)
    for path in _surplus(run, shards):
        path.unlink(missing_ok=True)
    packed = [task for task in stale if not task.written]
    encode.ensure(run, _containers(packed))
    run.listener.start("pack", sum(task.samples for task in packed), "samples")
    for _, done in run.tasks(pack_shard, stale, lambda task: str(task.shard)):
        run.known.remember(str(done.shard.absolute()), done.tar_stamp, done.tar_sha256)
    for split in SPLITS:
        _list(run, split, shards)
    indexes = f", {len(stale) - len(packed)} indexes written anew" if len(packed) < len(stale) else ""
    summary = f"{len(packed)} of {len(shards)} shards packed{indexes}"
    run.listener.finish(summary)
    return summary


def unpacked(run: Run, tasks: Iterable[PackTask]) -> list[PackTask]:
    """Those of the tasks that are to be done; where the shard itself is right, only its index is to be written."""
    found = [(task, why(run, task)) for task in tasks]
    return [
        replace(task, written=index_meta(task.index)["sha256"]) if reason == _RECORD else task
        for task, reason in found
        if reason
    ]


def why(run: Run, task: PackTask) -> str | None:
    """Why a shard is to be packed; None if it is as planned."""
    meta = index_meta(task.index)
    if not meta or not task.shard.exists():
        return "not packed yet"
    if meta.get("fingerprint") != task.fingerprint:
        return "its images, names or order changed"
    if run.known.sha256(task.shard) != meta.get("sha256"):
        return "the shard is not the one that was written"
    return None if meta.get("made", {}) == task.made else _RECORD


def has_plans(run: Run) -> bool:
    """Whether every split has a plan."""
    return all(read_meta(run.dataset.paths.split_plan(split)) for split in SPLITS)


def planned(run: Run) -> Iterator[PackTask]:
    """A task for every shard of the plans."""
    paths = run.dataset.paths
    for split in SPLITS:
        meta = read_meta(paths.split_plan(split)) or {"shards": []}
        for number, (print_, samples) in enumerate(zip(meta.get("shards", []), _counts(meta), strict=False)):
            yield PackTask(
                paths.split_plan(split),
                number,
                print_,
                samples,
                paths.store,
                paths.shard(split, number),
                paths.shard_index(split, number),
                meta.get("made", {}),
            )


def _counts(meta: dict[str, Any]) -> list[int]:
    """The samples of each shard; a plan of an earlier version does not say."""
    return meta.get("samples") or [0] * len(meta.get("shards", []))


def _containers(stale: list[PackTask]) -> set[tuple[str, str]]:
    """The containers whose images the shards need."""
    found: set[tuple[str, str]] = set()
    for plan in {task.plan for task in stale}:
        numbers = [task.number for task in stale if task.plan == plan]
        rows = (
            pl.scan_parquet(plan)
            .filter(pl.col("shard").is_in(numbers))
            .select("source", "container")
            .unique()
            .collect()
        )
        found |= set(rows.iter_rows())
    return found


def _surplus(run: Run, planned: list[PackTask]) -> list[Path]:
    """Shards of an earlier plan, and their indexes: the index first, which speaks of the shard."""
    expected = {path for task in planned for path in (task.shard, task.index)}
    folders = [
        folder
        for split in SPLITS
        for folder in (run.dataset.paths.shard_index(split, 0).parent, run.dataset.paths.split(split))
    ]
    there = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return [path for path in there if _SHARD.fullmatch(path.name) and path not in expected]


def _listed(run: Run, split: str, planned: list[PackTask]) -> bool:
    sizes, wids = _lists(run, split, planned)
    return bool(read_json(run.dataset.paths.sizes(split)) == sizes and read_json(run.dataset.paths.wids(split)) == wids)


def _unlist(run: Run, planned: list[PackTask], stale: list[PackTask]) -> None:
    """Take away the lists of splits that are about to change, so that none speaks of shards that are gone."""
    for split in SPLITS:
        if any(run.dataset.paths.split(split) == task.shard.parent for task in stale) or not _listed(
            run, split, planned
        ):
            run.dataset.paths.sizes(split).unlink(missing_ok=True)
            run.dataset.paths.wids(split).unlink(missing_ok=True)


def _list(run: Run, split: str, planned: list[PackTask]) -> None:
    sizes, wids = _lists(run, split, planned)
    if not _listed(run, split, planned):
        write_json(run.dataset.paths.sizes(split), sizes)
        write_json(run.dataset.paths.wids(split), wids)


def _lists(run: Run, split: str, planned: list[PackTask]) -> tuple[dict[str, int], dict[str, Any]]:
    """sizes.json ({shard: samples}) and index.json (in the form of wids) of a split."""
    metas = [
        (task.shard, index_meta(task.index)) for task in planned if task.shard.parent == run.dataset.paths.split(split)
    ]
    sizes = {shard.name: int(meta.get("samples", 0)) for shard, meta in metas}
    shards = [
        {
            "url": shard.name,
            "nsamples": int(meta.get("samples", 0)),
            "filesize": shard.stat().st_size if shard.exists() else 0,
        }
        for shard, meta in metas
    ]
    name = f"{run.dataset.paths.images.set_name}-{split}"
    return sizes, {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": shards}
