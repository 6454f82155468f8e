"""Checks that a command runs though the record of the last one is up to date, and packing bad shards again."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..core.files import exists
from ..shards.check import Finding
from ..shards.pack import planned_shards
from ..taxonomy.checks.check_taxa import TaxaFinding
from .session import Session
from .stage import Job
from .stages import check_shards as shards_stage
from .stages import check_taxa as taxa_stage
from .workspace import Workspace

T = TypeVar("T")


def check_shards(session: Session) -> list[Finding]:
    """Check the dataset's shards, whatever was checked before."""
    return _check(session, "check-wds", shards_stage.check)


def check_names(session: Session) -> list[TaxaFinding]:
    """Check the names in the dataset's catalog, whatever was checked before."""
    return _check(session, "check-taxa", taxa_stage.check)


def _check(session: Session, stage: str, check: Callable[[Workspace, Job], list[T]]) -> list[T]:
    findings: list[T] = []

    def run(job: Job) -> str:
        findings.extend(check(session.workspace, job))
        return f"{len(findings)} findings"

    session.remake(stage, [stage], run)
    return findings


def repair_shards(session: Session, findings: Sequence[Finding]) -> list[Finding]:
    """Pack bad shards again, remove those that are not in the plan, and check; returns what is still wrong."""
    paths, bad = session.workspace.paths, {one.shard for one in findings}
    was_finished = exists(paths.checksums)
    for task in planned_shards(paths):
        if str(task.shard) in bad:
            task.index.unlink(missing_ok=True)
    session.make("pack")
    left = check_shards(session)
    if was_finished and not left:
        for name in ("tidy", "checksums"):
            session.make(name)
    return left
