"""Checks that a command runs though the record of the last one is up to date, and packing bad shards again."""

from collections.abc import Sequence

from ..shards.check import Finding
from ..shards.pack import planned_shards
from ..taxonomy.check_taxa import TaxaFinding
from .session import Session
from .stage import Job
from .stages import check_shards as shards_stage
from .stages import check_taxa as taxa_stage


def check_shards(session: Session) -> list[Finding]:
    """Check the dataset's shards, whatever was checked before."""
    findings: list[Finding] = []

    def run(job: Job) -> str:
        findings.extend(shards_stage.check(session.workspace, job))
        return f"{len(findings)} findings"

    session.remake("check-wds", ["check-wds"], run)
    return findings


def repair_shards(session: Session, findings: Sequence[Finding]) -> list[Finding]:
    """Pack bad shards again, remove those that are not in the plan, and check; returns what is still wrong."""
    paths, bad = session.workspace.paths, {one.shard for one in findings}
    was_finished = paths.checksums.exists()
    for task in planned_shards(paths):
        if str(task.shard) in bad:
            task.index.unlink(missing_ok=True)
    session.make("pack")
    left = check_shards(session)
    if was_finished and not left:
        for name in ("tidy", "checksums"):
            session.make(name)
    return left


def check_names(session: Session) -> list[TaxaFinding]:
    """Check the names in the dataset's catalog, whatever was checked before."""
    findings: list[TaxaFinding] = []

    def run(job: Job) -> str:
        findings.extend(taxa_stage.check(session.workspace, job))
        return f"{len(findings)} kinds of finding"

    session.remake("check-taxa", ["check-taxa"], run)
    return findings
