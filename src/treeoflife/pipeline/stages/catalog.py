"""catalog: the shards' own indexes -> catalog.csv and catalog.parquet."""

from __future__ import annotations

from typing import Any

from ...core.difference import difference
from ...core.files import read_json, write_json
from ...core.values import SPLITS
from ...errors import InputError
from ...images.store import read_meta
from ...shards import catalog
from ...shards.pack import index_meta
from ..run import Run
from ..stage import State, state

STEP_VERSION = 1


def look(run: Run) -> State:
    """Whether the catalog is of the shards that are there."""
    inputs = _inputs(run)
    if inputs is None:
        return State(0, 1, ("there are no shards yet",))
    paths = run.dataset.paths
    made = read_meta(paths.catalog) or {}
    if made.get("csv") and (not paths.catalog_csv.exists() or run.known.sha256(paths.catalog_csv) != made["csv"]):
        return State(0, 1, ("catalog.csv is not the one that was written",))
    if made and run.known.sha256(paths.catalog) != (read_json(paths.report("catalog")) or {}).get("catalog"):
        return State(0, 1, ("catalog.parquet is not the one that was written",))
    return state([difference(made.get("from"), inputs)])


def work(run: Run) -> str:
    """Write the catalog.

    Raises:
        InputError: the shards are not all there.
    """
    paths = run.dataset.paths
    if _inputs(run) is None:
        raise InputError(f"the shards in {paths.shards} are not all there: 'treeoflife wds' packs them")
    shards = [(split, number) for split in SPLITS for number in range(_shards(run, split))]
    run.listener.start("catalog", len(shards), "shards")
    indexes = [(split, paths.shard_index(split, number)) for split, number in shards]
    rows = catalog.write(paths.catalog_csv, paths.catalog, indexes, run.dataset.sources, {"from": _inputs(run)})
    write_json(paths.report("catalog"), {"catalog": run.known.sha256(paths.catalog)})
    summary = f"{rows} rows"
    run.listener.finish(summary)
    return summary


def _shards(run: Run, split: str) -> int:
    return len((read_meta(run.dataset.paths.split_plan(split)) or {"shards": []})["shards"])


def _inputs(run: Run) -> dict[str, Any] | None:
    shards: dict[str, list[str]] = {}
    for split in SPLITS:
        metas = [index_meta(run.dataset.paths.shard_index(split, number)) for number in range(_shards(run, split))]
        if not all(metas) or not run.dataset.paths.sizes(split).exists():
            return None
        shards[split] = [meta.get("fingerprint", "") for meta in metas]
    return {"step": STEP_VERSION, "columns": catalog.columns(run.dataset.sources), "shards": shards}
