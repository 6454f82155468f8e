"""splits: the mapping -> its table ``split``."""

from __future__ import annotations

from typing import Any

from .. import splits
from ..dataset import Run
from ..mapping import store
from . import mapping
from .base import State, difference, state


def look(run: Run) -> State:
    """Whether the splits are of the ids and settings of now. Those of a published mapping are taken as they are."""
    if run.dataset.config.mapping.published:
        return State(1, 0)
    return state([difference(store.made_from(run.dataset.mapping, "splits"), _inputs(run))])


def work(run: Run) -> str:
    """Write the splits."""
    config = run.dataset.config
    run.listener.start("splits", 1, "tables")
    counts = splits.write(run.dataset.mapping, run.dataset.sources, config.splits, config.seed, _inputs(run))
    summary = ", ".join(f"{count} in {split}" for split, count in counts.items())
    run.listener.finish(summary)
    return summary


def _inputs(run: Run) -> dict[str, Any]:
    config = run.dataset.config
    settings = {"seed": config.seed, **config.splits.model_dump()}
    return {"step": splits.STEP_VERSION, "settings": settings, "ids": mapping.digest(run)}
