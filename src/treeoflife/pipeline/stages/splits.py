"""splits: the mapping -> its table ``split``."""

from __future__ import annotations

from typing import Any

import polars as pl

from ...core.difference import difference
from ...core.files import fingerprint
from ...mapping import splits, store
from ...selection.duplicates.members import with_ids
from ..run import Run
from ..stage import State, state
from . import duplicates, mapping


def look(run: Run) -> State:
    """Whether the splits are of the ids and settings of now. Those of a published mapping are taken as they are."""
    if run.dataset.config.mapping.published:
        return State(1, 0)
    return state([difference(store.made_from(run.dataset.mapping, "splits"), _inputs(run))])


def work(run: Run) -> str:
    """Write the splits."""
    config = run.dataset.config
    run.listener.start("splits", 1, "tables")
    grouped = _grouped(run)
    counts = splits.write(run.dataset.mapping, run.dataset.sources, config.splits, config.seed, _inputs(run), grouped)
    summary = ", ".join(f"{count} in {split}" for split, count in counts.items())
    run.listener.finish(summary)
    return summary


def digest(run: Run) -> str:
    """What the splits in use are known again by."""
    if run.dataset.config.mapping.published:
        return run.known.sha256(run.dataset.mapping)
    return fingerprint(store.made_from(run.dataset.mapping, "splits"))


def _grouped(run: Run) -> pl.DataFrame | None:
    """The groups that must be on one side; None where there are none yet, or they may straddle."""
    dataset, paths = run.dataset, run.dataset.paths
    if not dataset.config.one_side or not paths.duplicates.exists():
        return None
    indexes = [(source, one.name, paths.encoded_index(source.name, one.name)) for source, one in run.containers()]
    found = pl.read_parquet(paths.duplicates, columns=["source", "container", "position", "group"])
    return with_ids(found, indexes, dataset.mapping, dataset.sources).select("treeoflife_id", "group")


def _inputs(run: Run) -> dict[str, Any]:
    config = run.dataset.config
    settings = {"seed": config.seed, **config.splits.model_dump()}
    grouped = {"groups": duplicates.digest(run)} if config.one_side else {}
    return {"step": splits.STEP_VERSION, "settings": settings, "ids": mapping.digest(run)} | grouped
