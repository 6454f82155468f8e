"""texts: ids + tables -> columns of the sources' tables, and captions of others, for the samples.

It has no items unless the configuration asks for such texts. The plan, which knows the names, fills in templates.
"""

from collections.abc import Callable
from pathlib import Path

from ...core.text import counted
from ...mapping.images import open_images
from ...selection import caption_tables, source_columns
from ...shards.made_from import describe_caption
from ...shards.text_settings import named_columns
from ..stage import Evidence, Item, Job, Stage
from ..workspace import Workspace

_COLUMNS = "columns"


def declare(workspace: Workspace) -> Stage:
    """The stage: an item for the columns of all sources, and one for each table of captions."""
    return Stage(
        name="texts",
        needs=("mapping", "provenance"),
        version=[source_columns.STEP_VERSION, caption_tables.STEP_VERSION],
        settings={},
        items=lambda: _items(workspace),
        run=lambda job: _write(workspace, job),
    )


def _items(workspace: Workspace) -> list[Item]:
    config, paths = workspace.config, workspace.paths
    items = []
    if config.wds.columns:
        inputs = {
            "ids": workspace.ids,
            "columns": list(named_columns(config.wds).items()),
            "tables": _tables(workspace),
            **{f"sources.{name}": table for name, table in config.sources.items()},
        }
        items.append(Item(_COLUMNS, inputs, (paths.source_columns,), requires=(workspace.ids,)))
    for name, path in workspace.caption_tables().items():
        caption = config.captions[name]
        own = {"caption": describe_caption(caption), "table": caption.table}
        needed = workspace.ids if caption.by in ("treeoflife_id", "file") else paths.provenance
        known_by = {} if caption.by == "treeoflife_id" else {"images": needed}
        items.append(Item(f"captions.{name}", {**own, **known_by}, (path,), requires=(needed,)))
    expected = {path for item in items for path in item.outputs}
    former = {paths.source_columns, *paths.caption_table("any").parent.glob("*.parquet")} - expected
    if surplus := tuple(sorted(path for path in former if path.exists())):
        items.append(Item("tables of texts that are not configured", unwanted=surplus))
    return items


def _tables(workspace: Workspace) -> Callable[[Evidence], dict[str, list[str | None]]]:
    """The digests of the tables that sources read."""
    manifest = workspace.config.licences.manifest

    def digests(evidence: Evidence) -> dict[str, list[str | None]]:
        files = {one.name: source_columns.column_files(one, manifest) for one in workspace.sources}
        return {name: [evidence.sha256(path) for path in paths] for name, paths in files.items()}

    return digests


def _write(workspace: Workspace, job: Job) -> str:
    said, listener = [], job.runner.listener
    listener.start("texts", len(job.stale), "tables")
    tables = {f"captions.{name}": (name, path) for name, path in workspace.caption_tables().items()}
    for item in job.stale:
        if item == _COLUMNS:
            said.append(f"columns of {counted(_write_columns(workspace), 'image')}")
        elif item in tables:
            said.append(f"{item}: {_write_captions(workspace, *tables[item])}")
        else:
            for one in _items(workspace):
                for path in one.unwanted:
                    path.unlink(missing_ok=True)
            continue
        job.finish(item)
        listener.advance(1)
    summary = ", ".join(said) or "tables that are not configured removed"
    listener.finish(summary)
    return summary


def _write_columns(workspace: Workspace) -> int:
    config, sources = workspace.config, workspace.sources
    with workspace.database() as database:
        open_images(database, workspace.ids, sources)
        wanted, path = named_columns(config.wds), workspace.paths.source_columns
        return source_columns.write_columns(database, sources, config.licences.manifest, wanted, path)


def _write_captions(workspace: Workspace, name: str, path: Path) -> str:
    paths = workspace.paths
    with workspace.database() as database:
        caption = workspace.config.captions[name]
        if caption.by == "file":
            open_images(database, workspace.ids, workspace.sources)
        elif caption.by != "treeoflife_id":
            database.view("provenance", [paths.provenance])
        return caption_tables.write_captions(database, name, caption, workspace.sources, path)
