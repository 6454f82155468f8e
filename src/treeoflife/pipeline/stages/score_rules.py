"""The part of the plan that is about scores: what it depends on, which images their rules leave out, and findings."""

from pathlib import Path

from ...core.database import Database
from ...selection import findings
from ...selection.scores import configured_rules, rules
from ...selection.scores.score_file import ScoreFile
from ..workspace import Workspace


def used(workspace: Workspace) -> dict[str, Path]:
    """The scores that rules read, by what the plan calls them as inputs."""
    return {
        f"scores.{name}": workspace.paths.score(name) for name in configured_rules.used_tables(workspace.config.scores)
    }


def _used_files(workspace: Workspace) -> list[ScoreFile]:
    names = configured_rules.used_tables(workspace.config.scores)
    return [ScoreFile.open(name, workspace.paths.score(name)) for name in names]


def leave_out(workspace: Workspace, database: Database) -> None:
    """Find the images that rules leave out; see :func:`.rules.leave_out`."""
    files = _used_files(workspace)
    rules.open_files(database, files)
    rules.leave_out(database, files, workspace.config.scores)


def report(workspace: Workspace, database: Database) -> None:
    """Write the findings that rules ask for.

    in:  decision, and the tables of :func:`leave_out`
    """
    path, scores = workspace.paths.findings("scores"), workspace.config.scores
    if not configured_rules.find_rules(scores):
        path.unlink(missing_ok=True)
        return
    kinds = rules.find(database, _used_files(workspace), scores)
    findings.write_query(database, path, "FROM score_finding", kinds)
