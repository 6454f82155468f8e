"""pack: store + plan -> shards, and beside them the lists that open_clip and wids read. One task per shard."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import polars as pl

from ...config.paths import Paths
from ...core.files import exists, fingerprint, write_json
from ...core.objects import ObjectPath
from ...core.values import SPLITS
from ...engines.base import Engine
from ...engines.tasks import TaskRunner
from ...shards.pack import (
    PackedShard,
    PackSection,
    PackTask,
    pack_in_sections,
    pack_section,
    pack_shard,
    planned_shards,
    read_index_meta,
)
from ...shards.sections import sections_of
from ..stage import Item, Job, Stage
from ..workspace import Workspace

STEP_VERSION = 1


def declare(workspace: Workspace) -> Stage:
    """The stage: an item per shard of the plan, one per split for its lists, and one for shards of earlier plans."""
    paths = workspace.paths
    return Stage(
        name="pack",
        needs=("plan",),
        version=STEP_VERSION,
        settings={},
        items=partial(_items, paths),
        run=lambda job: _pack(paths, job),
    )


def _items(paths: Paths) -> list[Item]:
    tasks = planned_shards(paths)
    # The same for all shards of a plan, and long where there are many archives.
    made_from = {task.plan: fingerprint(task.provenance) for task in tasks}
    shards = [
        Item(task.label, {"plan": task.fingerprint, "made": made_from[task.plan]}, (task.shard, task.index))
        for task in tasks
    ]
    lists = [
        Item(
            _lists(split),
            {"shards": [task.fingerprint for task in tasks if task.shard.parent == paths.split_folder(split)]},
            (paths.sizes(split), paths.wids(split)),
        )
        for split in SPLITS
    ]
    surplus = tuple(_surplus(paths, tasks))
    return [*shards, *lists, *([Item("shards that are not in the plan", unwanted=surplus)] if surplus else [])]


def _lists(split: str) -> str:
    return f"{split}: lists of shards"


def _surplus(paths: Paths, tasks: Sequence[PackTask]) -> list[Path]:
    """Shards of an earlier plan, and their indexes: an index before its shard, since it says what the shard holds."""
    expected = {path for task in tasks for path in (task.shard, task.index)}
    return [path for path in paths.shard_files() if path not in expected]


def _pack(paths: Paths, job: Job) -> str:
    """Pack the shards that are not as planned, remove those that are not in the plan, and list what there is."""
    tasks = planned_shards(paths)
    for path in _surplus(paths, tasks):
        path.unlink(missing_ok=True)
    stale_lists = {split for split in SPLITS if _lists(split) in job.stale}
    stale, packed = pack_tasks(tasks, paths, job, stale_lists)
    for split in stale_lists | {task.shard.parent.name for task in stale}:
        _write_lists(paths, split, tasks)
    indexes = f", {len(stale) - packed} indexes written anew" if packed < len(stale) else ""
    summary = f"{packed} of {len(tasks)} shards packed{indexes}"
    job.runner.listener.finish(summary)
    return summary


def pack_tasks(
    tasks: Sequence[PackTask], paths: Paths, job: Job, unlist: Collection[str] = ()
) -> tuple[list[PackTask], int]:
    """Pack the shards of a job, and record each.

    Args:
        unlist: splits whose lists go in any case.

    Returns:
        The stale tasks, and how many of them were packed; of the others only the index was written.
    """
    stale = [_without_packing(task, job) for task in tasks if task.label in job.stale]
    # No list may speak of shards that are about to change.
    for split in {*unlist, *(task.shard.parent.name for task in stale)}:
        paths.sizes(split).unlink(missing_ok=True)
        paths.wids(split).unlink(missing_ok=True)
    packed = [task for task in stale if not task.written_sha256]
    job.remake("encode", _missing_containers(paths, packed))
    job.runner.listener.start("pack", sum(task.samples for task in packed), "samples")
    for task, done in pack_all(stale, packed, job.runner):
        job.hashes.put(str(done.shard.absolute()), done.tar_stamp, done.tar_sha256)
        job.finish(task.label)
    return stale, len(packed)


def pack_all(
    stale: Sequence[PackTask], packed: Sequence[PackTask], runner: TaskRunner
) -> Iterator[tuple[PackTask, PackedShard]]:
    """Pack each shard by one worker; or one after the other by all workers, where there are few and large ones."""
    sections = {task.label: _sections(task, len(packed), runner.engine) for task in packed}
    whole = [task for task in stale if sections.get(task.label, 1) == 1]
    if whole:
        yield from runner.run(pack_shard, whole, lambda task: str(task.shard))
    for task in packed:
        if (count := sections[task.label]) > 1:
            yield task, pack_in_sections(task, count, lambda parts: list(runner.run(pack_section, parts, _label)))


def _label(section: PackSection) -> str:
    return section.label


def _sections(task: PackTask, shards: int, engine: Engine) -> int:
    """In how many sections a shard is packed. Sections of an object cannot be written one by one."""
    can_be_divided = engine.on_one_computer and not isinstance(task.shard, ObjectPath)
    return sections_of(task.samples, shards, engine.width) if can_be_divided else 1


def _without_packing(task: PackTask, job: Job) -> PackTask:
    """The task; where the shard itself is as planned, only its index is to be written."""
    meta = read_index_meta(task.index)
    as_planned = (
        meta.get("fingerprint") == task.fingerprint and meta.get("made") != task.provenance and exists(task.shard)
    )
    right = as_planned and job.hashes.sha256(task.shard) == meta["sha256"]
    return replace(task, written_sha256=meta["sha256"]) if right else task


def _missing_containers(paths: Paths, tasks: Sequence[PackTask]) -> Collection[str]:
    """The containers, as items of encode, whose images these shards need and whose tar was not kept."""
    missing: set[str] = set()
    for plan in {task.plan for task in tasks}:
        numbers = [task.number for task in tasks if task.plan == plan]
        rows = pl.scan_parquet(plan, glob=False).filter(pl.col("shard").is_in(numbers))
        names = rows.select("source", "container").unique().collect().iter_rows()
        missing |= {
            f"{source}/{container}" for source, container in names if not exists(paths.encoded(source, container))
        }
    return missing


def _write_lists(paths: Paths, split: str, tasks: Sequence[PackTask]) -> None:
    """Write sizes.json ({shard: samples}, for open_clip) and index.json (for wids) of a split."""
    own = [task for task in tasks if task.shard.parent == paths.split_folder(split)]
    shards = [{"url": task.shard.name, "nsamples": task.samples, "filesize": task.shard.stat().st_size} for task in own]
    name = f"{paths.images.set_name}-{split}"
    wids = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": shards}
    write_json(paths.sizes(split), {task.shard.name: task.samples for task in own})
    write_json(paths.wids(split), wids)
