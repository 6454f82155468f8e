"""provenance: ids + what the sources say about their images -> where they come from, and what they have in common."""

from ...mapping.images import open_images
from ...selection.provenance import STEP_VERSION, write_provenance
from ..stage import Evidence, Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. It comes before the splits, which depend on what images have in common."""
    paths = workspace.paths
    inputs = {"ids": workspace.ids, "tables": lambda evidence: _tables(workspace, evidence)}
    item = Item("provenance", inputs, (paths.provenance, paths.facts), requires=(workspace.ids,))
    return Stage(
        name="provenance",
        needs=("mapping",),
        version=STEP_VERSION,
        settings={
            "sources": [source.name for source in workspace.sources],
            **{f"sources.{one.name}": known for one in workspace.sources if (known := one.label_settings())},
        },
        items=lambda: [item],
        run=lambda job: _write(workspace, job),
    )


def _tables(workspace: Workspace, evidence: Evidence) -> dict[str, list[str | None]]:
    """The digests of the tables that sources read, and of EOL's media manifest."""
    files = {source.name: source.label_files() for source in workspace.sources}
    files[""] = list(workspace.config.licences.manifest)
    return {name: [evidence.sha256(path) for path in paths] for name, paths in files.items()}


def _write(workspace: Workspace, job: Job) -> str:
    paths, manifest = workspace.paths, workspace.config.licences.manifest
    job.runner.listener.start("provenance", 1, "tables")
    with workspace.database() as database:
        open_images(database, workspace.ids, workspace.sources)
        counts = write_provenance(database, workspace.sources, manifest, paths.provenance, paths.facts)
    summary = f"{counts[0]} images, {counts[1]} with a licence, {counts[2]} with an observation"
    job.runner.listener.finish(summary)
    return summary
