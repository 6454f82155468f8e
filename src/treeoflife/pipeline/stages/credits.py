"""credits: catalog + provenance -> credits.csv, credits.html; with EOL's media manifest also licences.csv.

Where no source says anything of owners, licences or addresses, there are no credits.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core.files import exists
from ...publish.credits import STEP_VERSION, may_have_credits, write_credits
from ...publish.own_files import users_files
from ...selection.eol_manifest import write_licences
from ..stage import Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. Files that the user has in their place stay as they are."""
    config, paths = workspace.config, workspace.paths
    inputs = {"catalog": paths.catalog, "provenance": paths.provenance}
    inputs |= {f"manifest {number}": path for number, path in enumerate(config.licences.manifest, 1)}

    def items() -> list[Item]:
        kept = users_files(paths)
        files = tuple(path for path in (paths.credits, paths.credits_page, paths.licences) if path not in kept)
        return [Item("credits", inputs, optional=files, requires=(paths.catalog, paths.provenance))]

    return Stage(
        name="credits",
        needs=("provenance", "catalog"),
        version=STEP_VERSION,
        settings={"images": [config.images.fit, config.images.set_name]},
        items=items,
        run=lambda job: _write(workspace, job),
        complaint=missing_of(paths.root),
    )


def missing_of(root: Path) -> Callable[[Mapping[str, Any]], str | None]:
    """Says which of the files that a result lists as ``written`` is gone."""

    def complain(result: Mapping[str, Any]) -> str | None:
        gone = next((name for name in result.get("written", ()) if not exists(root / name)), None)
        return f"{gone} is gone" if gone else None

    return complain


def names_of(root: Path, written: Sequence[Path]) -> dict[str, list[str]]:
    """The result that :func:`missing_of` reads."""
    return {"written": [path.relative_to(root).as_posix() for path in written]}


def _write(workspace: Workspace, job: Job) -> str:
    config, paths, listener = workspace.config, workspace.paths, job.runner.listener
    files = [path for path in (paths.credits, paths.credits_page, paths.licences) if path not in users_files(paths)]
    written = list[Path]()
    listener.start("credits", 1, "tables")
    if config.licences.manifest or may_have_credits(paths.provenance):
        with workspace.database() as database:
            if paths.credits in files and paths.credits_page in files:
                written += write_credits(database, paths, config.images)
            if config.licences.manifest and paths.licences in files:
                write_licences(database, paths.licences, paths.catalog, config.licences.manifest)
                written.append(paths.licences)
    for path in files:
        if path not in written:
            path.unlink(missing_ok=True)  # of an earlier build
    job.finish("credits", names_of(paths.root, written))
    summary = ", ".join(path.name for path in written) or "no source says who is to be credited"
    listener.finish(summary)
    return summary
