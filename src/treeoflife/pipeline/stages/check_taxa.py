"""check-taxa: the catalog -> findings about names, for a curator to look at."""

from ...core.files import write_json
from ...taxonomy.checks.check_taxa import STEP_VERSION, TaxaFinding, check_taxa, known_genera
from ..stage import Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. Findings are its result; they fail nothing."""
    catalog, names = workspace.paths.catalog, workspace.paths.names
    return Stage(
        name="check-taxa",
        needs=("catalog",),
        version=STEP_VERSION,
        settings={"kingdoms": list(workspace.config.checks.kingdoms)},
        items=lambda: [Item("check-taxa", {"catalog": catalog, "names": names}, requires=(catalog,))],
        run=lambda job: f"{len(check(workspace, job))} kinds of finding",
    )


def check(workspace: Workspace, job: Job) -> list[TaxaFinding]:
    """Check the names in the catalog; the findings are recorded, and written to logs/ for people."""
    job.runner.listener.start("check-taxa", 1, "tables")
    config, paths = workspace.config, workspace.paths
    findings = check_taxa(paths.catalog, config.checks.kingdoms, known_genera(paths.names, config.sources))
    result = {"findings": [one.to_json() for one in findings]}
    write_json(paths.log_file("check-taxa"), result)
    job.finish("check-taxa", result)
    job.runner.listener.finish(", ".join(f"{one.kind} {one.images}" for one in findings) or "nothing found")
    return findings
