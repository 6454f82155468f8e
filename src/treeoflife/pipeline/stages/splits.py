"""splits: the mapping and the groups of duplicates -> the mapping's table of splits."""

import polars as pl

from ...core.files import exists
from ...mapping import splits
from ...selection.duplicates.image_ids import add_ids
from ..stage import Item, Job, Stage
from ..workspace import Workspace
from .mapping import ids_digest


def declare(workspace: Workspace) -> Stage:
    """The stage; the splits of a published mapping are taken as they are."""
    config = workspace.config
    groups = {"groups": workspace.paths.duplicates} if config.one_split_per_group else {}
    item = Item(
        "splits",
        inputs={"ids": lambda evidence: ids_digest(workspace, evidence), **groups},
        outputs=(workspace.mapping,),
        requires=(workspace.mapping,),
    )
    return Stage(
        name="splits",
        needs=("mapping", "duplicates"),
        version=splits.STEP_VERSION,
        settings={"settings": {"seed": config.seed, **config.splits.model_dump()}},
        items=lambda: [] if config.mapping.published else [item],
        run=lambda job: _write(workspace, job),
    )


def _write(workspace: Workspace, job: Job) -> str:
    config, listener = workspace.config, job.runner.listener
    listener.start("splits", 1, "tables")
    counts = splits.write(workspace.mapping, workspace.sources, config.splits, config.seed, _groups(workspace))
    summary = ", ".join(f"{count} in {split}" for split, count in counts.items())
    listener.finish(summary)
    return summary


def _groups(workspace: Workspace) -> pl.DataFrame | None:
    """The groups that must be on one side; None where there are none yet, or they may be on both."""
    paths = workspace.paths
    if not workspace.config.one_split_per_group or not exists(paths.duplicates):
        return None
    indexes = [(source, one.name, workspace.indexes()[one.label]) for source, one in workspace.containers()]
    members = pl.read_parquet(paths.duplicates, columns=["source", "container", "position", "group"], glob=False)
    return add_ids(members, indexes, workspace.mapping, workspace.sources).select("treeoflife_id", "group")
