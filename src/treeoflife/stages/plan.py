"""plan: store + mapping + names -> which sample goes into which shard, and the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from .. import holdout, marks
from ..dataset import Run
from ..errors import InputError
from ..files import fingerprint, write_json
from ..images.store import read_meta
from ..mapping.store import read_source, read_splits
from ..records import SPLITS
from ..wds import plan
from .base import State, difference, state


def look(run: Run) -> State:
    """Whether the plans and the ledger are made from what is there now."""
    inputs = _inputs(run)
    if inputs is None:
        return State(0, 1, ("what it is made from is not there yet",))
    paths = run.dataset.paths
    outputs = [paths.ledger, *(paths.split_plan(split) for split in SPLITS)]
    return state(difference((read_meta(path) or {}).get("from"), inputs) for path in outputs)


def work(run: Run) -> str:
    """Write the ledger and the plan of each split.

    Raises:
        InputError: there are no names yet.
    """
    dataset, paths = run.dataset, run.dataset.paths
    if not paths.names.exists():
        raise InputError(f"there are no names at {paths.names}: 'treeoflife metadata' makes them")
    meta = {"from": _inputs(run)}
    run.listener.start("plan", len(dataset.sources) + len(SPLITS), "tables")
    before = _texts(run)
    plans = list(_plans(run))
    lists = [holdout.read(one) for one in dataset.config.holdout]
    verdicts = holdout.judge(lists, dataset.config.holdout, [(one.held, one.matched) for one in plans])
    _tell(run, verdicts)
    for split in SPLITS:
        plan.write_split(paths.split_plan(split), split, plans, dataset.sources, dataset.config, meta)
        run.listener.advance(1)
    reasons = plan.write_ledger(paths.ledger, plans, meta)
    if changed := _changed(before, _texts(run)):
        run.listener.note(f"{changed} samples have another name or caption than before")
    summary = f"{sum(one.samples.height for one in plans)} samples, {sum(reasons.values())} ledger rows"
    run.listener.finish(summary)
    return summary


def _plans(run: Run) -> Iterator[plan.SourcePlan]:
    dataset, paths = run.dataset, run.dataset.paths
    splits = read_splits(dataset.mapping)
    names = pl.read_parquet(paths.names)
    lists = [holdout.read(one) for one in dataset.config.holdout]
    marked = marks.read(paths.marks)
    for source in dataset.sources:
        indexes = [
            (one.name, paths.encoded_index(source.name, one.name)) for other, one in run.containers() if other is source
        ]
        decided = plan.plan_source(
            source, indexes, dataset.mapping, splits, names, lists, marked, dataset.config.licences
        )
        plan.balance(source, read_source(dataset.mapping, source), splits, decided)
        run.listener.advance(1)
        yield decided


def _tell(run: Run, verdicts: list[holdout.Matches]) -> None:
    """Report what the hold-out lists came to."""
    write_json(run.dataset.paths.report("holdout"), [one.to_json() for one in verdicts])
    for one in verdicts:
        unmatched = f"; {len(one.unmatched)} match nothing, such as '{one.unmatched[0]}'" if one.unmatched else ""
        run.listener.note(f"{one.path.name}: {one.entries} entries hold out {one.images} images{unmatched}")


def _texts(run: Run) -> pl.DataFrame | None:
    """The names of every sample in the plans as they stand."""
    files = [run.dataset.paths.split_plan(split) for split in ("train", "val")]
    if not all(read_meta(path) for path in files):
        return None
    return pl.concat([pl.read_parquet(path, columns=["treeoflife_id", *plan.NAME_COLUMNS]) for path in files])


def _changed(before: pl.DataFrame | None, after: pl.DataFrame | None) -> int:
    """How many samples that were planned before have other names now."""
    if before is None or after is None:
        return 0
    same = after.join(before, on=before.columns, how="semi").height
    return after.join(before, on="treeoflife_id", how="semi").height - same


def _inputs(run: Run) -> dict[str, Any] | None:
    """What plans are made from; None where a part of it is not there."""
    dataset, paths = run.dataset, run.dataset.paths
    indexes = {
        f"{source.name}/{one.name}": paths.encoded_index(source.name, one.name) for source, one in run.containers()
    }
    if not (all(index.exists() for index in indexes.values()) and dataset.mapping.exists() and paths.names.exists()):
        return None
    config = dataset.config
    settings = config.wds.model_dump(mode="json", exclude={"keep_store"})
    marked: dict[str, Any] = {"marks": run.known.sha256(paths.marks)} if paths.marks.exists() else {}
    allowed = dataset.config.licences
    if allowed.allow:
        files = [run.known.sha256(path) for path in allowed.manifest if path.exists()]
        marked |= {"licences": [list(allowed.allow), files]}
    return marked | {
        "step": plan.STEP_VERSION,
        "seed": config.seed,
        "wds": settings,
        "sources": [source.name for source in dataset.sources],
        "holdout": {str(one.path): [run.known.sha256(one.path), one.by] for one in config.holdout if one.path.exists()},
        "mapping": run.known.sha256(dataset.mapping),
        "names": run.known.sha256(paths.names),
        "images": fingerprint({name: run.known.sha256(index) for name, index in indexes.items()}),
    }
