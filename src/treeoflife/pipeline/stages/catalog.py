"""catalog: the shards' indexes -> catalog.csv and catalog.parquet."""

from ...core.text import counted
from ...core.values import SPLITS
from ...shards import catalog
from ...shards.pack import planned_shards
from ...sources.columns import catalog_columns
from ..stage import Item, Job, Stage
from ..workspace import Workspace

STEP_VERSION = 1


def declare(workspace: Workspace) -> Stage:
    """The stage. A shard's fingerprint covers all that the catalog says of its samples."""
    paths = workspace.paths

    def items() -> list[Item]:
        shards = {task.label: task.fingerprint for task in planned_shards(paths)}
        lists = tuple(paths.sizes(split) for split in SPLITS)
        return [Item("catalog", {"shards": shards}, (paths.catalog_csv, paths.catalog), requires=lists)]

    return Stage(
        name="catalog",
        needs=("pack",),
        version=STEP_VERSION,
        settings={"columns": [*catalog_columns(workspace.sources), *workspace.further.columns]},
        items=items,
        run=lambda job: _write(workspace, job),
    )


def _write(workspace: Workspace, job: Job) -> str:
    paths, tasks = workspace.paths, planned_shards(workspace.paths)
    job.runner.listener.start("catalog", len(tasks), "shards")
    indexes = [(task.shard.parent.name, task.index) for task in tasks]
    rows = catalog.write(paths.catalog_csv, paths.catalog, indexes, workspace.sources, workspace.further.columns)
    summary = counted(rows, "row")
    job.runner.listener.finish(summary)
    return summary
