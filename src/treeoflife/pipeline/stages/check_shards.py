"""check-wds: shards -> findings and logs/bad-shards.txt; repair packs the bad ones again. One task per shard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ...core.difference import difference
from ...core.files import TEMPORARY, fingerprint, read_json, write_json, write_text
from ...core.values import SPLITS
from ...errors import InputError, TreeoflifeError
from ...mapping.store import read_source
from ...selection import holdout
from ...selection.decide import NAME_COLUMNS
from ...shards.check import STEP_VERSION, CheckTask, Finding, check_shard, join
from ...shards.pack import index_meta
from ..run import Run
from ..stage import State
from . import pack

_KEPT = 10_000


class ShardsAreBad(TreeoflifeError):
    """The check found something wrong with shards."""


def look(run: Run) -> State:
    """Whether the shards that are there were checked, and found good."""
    made = read_json(run.dataset.paths.report("check-wds")) or {}
    if reason := difference(made.get("from"), _inputs(run)):
        return State(0, 1, (reason,))
    if made.get("findings"):
        return State(0, 1, (f"the last check found {made.get('found')} things wrong",))
    return State(1, 0)


def work(run: Run) -> str:
    """Check the dataset's shards.

    Raises:
        ShardsAreBad: something is wrong with them.
    """
    findings = check(run)
    if findings:
        bad = len({one.shard for one in findings})
        raise ShardsAreBad(
            f"check-wds found {len(findings)} things wrong in {bad} shards, such as: {findings[0].shard}: "
            f"{findings[0].kind} {findings[0].detail}; 'treeoflife check-wds --repair' packs them again"
        )
    return "all shards are good"


def check(run: Run) -> list[Finding]:
    """Check the dataset's shards, and write logs/check-wds.json and logs/bad-shards.txt.

    Raises:
        InputError: no shard has been planned yet.
    """
    if not pack.has_plans(run):
        raise InputError(f"there is nothing to check in {run.dataset.paths.shards}: 'treeoflife wds' plans the shards")
    inputs = _inputs(run)
    planned = list(pack.planned(run))
    size, paths = run.dataset.config.images.size, run.dataset.paths
    tasks = [CheckTask(one.shard, one.shard.parent.name, size, one.index) for one in planned]
    run.listener.start("check-wds", sum(int(index_meta(one.index).get("samples", 0)) for one in planned), "samples")
    checked = [done for _, done in run.tasks(check_shard, tasks, lambda task: str(task.shard))]
    findings = join(checked, tasks, _ids(run), _held(run))
    findings += _strangers(run, {one.shard for one in planned})
    report(run, findings, {"from": inputs, "shards": len(tasks)})
    run.listener.finish(f"{len(tasks)} shards, {len(findings)} findings")
    if findings and paths.report("check-wds").exists():
        run.listener.note(f"the bad shards are named in {paths.bad_shards}")
    return findings


def repair(run: Run, findings: Sequence[Finding]) -> str:
    """Pack the bad shards again, and remove those that are not in the plan. Nothing else is touched."""
    bad = {one.shard for one in findings}
    for task in pack.planned(run):
        if str(task.shard) in bad:
            task.index.unlink(missing_ok=True)
    return pack.work(run)


def report(run: Run, findings: Sequence[Finding], more: dict[str, Any]) -> None:
    """Write what was found, for programs and for people."""
    paths = run.dataset.paths
    bad = list(dict.fromkeys(one.shard for one in findings))
    kinds = dict(Counter(one.kind for one in findings).most_common())
    shown = [one.to_json() for one in findings[:_KEPT]]
    write_text(paths.bad_shards, "".join(f"{shard}\n" for shard in bad))
    table = more | {"found": len(findings), "kinds": kinds, "bad": bad, "findings": shown}
    write_json(paths.report("check-wds"), table)


def _strangers(run: Run, expected: set[Path]) -> list[Finding]:
    """Tars in the folders of the shards that are not in the plan, and that a trainer's glob would take in."""
    there = (path for split in SPLITS for path in sorted(run.dataset.paths.split(split).glob("*.tar")))
    return [
        Finding("unexpected-file", str(path), detail="it is not in the plan") for path in there if path not in expected
    ]


def _ids(run: Run) -> pl.Series | None:
    if not run.dataset.mapping.exists():
        return None
    frames = [read_source(run.dataset.mapping, source).select("treeoflife_id") for source in run.dataset.sources]
    return pl.concat(frames)["treeoflife_id"]


def _held(run: Run) -> pl.Series:
    """What the hold-out lists name, found anew from the mapping and the names."""
    dataset = run.dataset
    lists = [holdout.read(one) for one in dataset.config.holdout]
    found = [pl.Series("treeoflife_id", [], pl.String)]
    if lists and dataset.mapping.exists() and dataset.paths.names.exists():
        names = pl.read_parquet(dataset.paths.names, columns=["source", "name_key", *NAME_COLUMNS])
        for source in dataset.sources:
            key = pl.col(source.name_key).cast(pl.String)
            images = read_source(dataset.mapping, source).with_columns(name_key=key)
            images = images.join(names.filter(source=source.name), on="name_key", how="left")
            found.append(holdout.find(lists, source, images)[0]["treeoflife_id"])
    return pl.concat(found)


def _inputs(run: Run) -> dict[str, Any]:
    paths = run.dataset.paths
    shards = {
        f"{one.shard.parent.name}/{one.shard.name}": [
            index_meta(one.index).get("sha256"),
            run.known.sha256(one.shard) if one.shard.exists() else None,
        ]
        for one in pack.planned(run)
    }
    folders = [paths.split(split) for split in SPLITS if paths.split(split).is_dir()]
    # What a worker that died had begun lies there until the run ends.
    there = sorted(path.name for folder in folders for path in folder.iterdir() if TEMPORARY not in path.name)
    lists = {str(one.path): run.known.sha256(one.path) for one in run.dataset.config.holdout if one.path.exists()}
    mapping = run.known.sha256(run.dataset.mapping) if run.dataset.mapping.exists() else None
    return {
        "step": STEP_VERSION,
        "shards": fingerprint([shards, there]),
        "mapping": mapping,
        "holdout": fingerprint(lists),
    }
