"""splits: ids, and the groups of duplicates and of images with equal values -> the mapping."""

from ...core.database import Database
from ...core.files import exists
from ...mapping import splits, sqlite
from ...mapping.groups import group_withdrawn, join_groups
from ...mapping.images import open_images
from ...selection.duplicates.image_ids import load_groups
from ..stage import Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage; the splits of a published mapping are taken as they are."""
    config, paths = workspace.config, workspace.paths
    as_published = config.mapping.format == "sqlite"
    item = Item(
        "splits",
        inputs={
            "ids": paths.ids,
            **workspace.withdrawn_input(),
            **({"groups": paths.duplicates} if config.one_split_per_group else {}),
            **({"facts": paths.facts} if config.splits.group_by else {}),
        },
        outputs=(paths.mapping_parquet, *([paths.mapping] if as_published else [])),
        unwanted=() if as_published else (paths.mapping,),
        requires=(paths.ids, paths.facts),
    )
    return Stage(
        name="splits",
        needs=("mapping", "duplicates", "provenance"),
        version=splits.STEP_VERSION,
        settings={"settings": {"seed": config.seed, **config.splits.model_dump(mode="json")}},
        items=lambda: [] if config.mapping.published else [item],
        run=lambda job: _write(workspace, job),
    )


def _write(workspace: Workspace, job: Job) -> str:
    config, paths, sources = workspace.config, workspace.paths, workspace.sources
    job.runner.listener.start("splits", 1, "tables")
    with workspace.database() as database:
        # Withdrawn images count as if they were there: so no other image gets another split.
        open_images(database, paths.ids, sources, workspace.withdrawn())
        load_split_groups(workspace, database)
        group_withdrawn(database)
        join_groups(database, paths.facts, config.splits.group_by)
        counts = splits.write_splits(database, paths.mapping_parquet, sources, config.splits, config.seed)
        if config.mapping.format == "sqlite":
            open_images(database, paths.mapping_parquet, sources)
            sqlite.export(database, paths.mapping, sources)
        else:
            paths.mapping.unlink(missing_ok=True)
    summary = ", ".join(f"{count} in {split}" for split, count in counts.items())
    job.runner.listener.finish(summary)
    return summary


def load_split_groups(workspace: Workspace, database: Database) -> None:
    """The groups of duplicates that must be on one side; none where there are none yet, or they may be on both."""
    groups = workspace.paths.duplicates
    used = workspace.config.one_split_per_group and exists(groups)
    load_groups(database, groups if used else None, workspace.stored(), workspace.sources)
