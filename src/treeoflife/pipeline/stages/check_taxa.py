"""check-taxa: a catalog -> findings, for a curator to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...core.difference import difference
from ...core.files import read_json, write_json
from ...taxonomy.check_taxa import STEP_VERSION, TaxaFinding, check_taxa
from ..run import Run
from ..stage import State, state


def look(run: Run) -> State:
    """Whether the catalog that is there was looked at."""
    if not run.dataset.paths.catalog.exists():
        return State(0, 1, ("there is no catalog yet",))
    return state([difference((read_json(run.dataset.paths.report("check-taxa")) or {}).get("from"), _inputs(run))])


def work(run: Run) -> str:
    """Look at the dataset's catalog. What is found is told, and fails nothing."""
    findings = check(run)
    return f"{len(findings)} kinds of finding"


def check(run: Run, catalog: Path | None = None) -> list[TaxaFinding]:
    """Look at a catalog: the dataset's, whose findings go to logs/check-taxa.json, or another."""
    run.listener.start("check-taxa", 1, "tables")
    findings = check_taxa(catalog or run.dataset.paths.catalog, run.dataset.config.checks.kingdoms)
    if catalog is None:
        table = {"from": _inputs(run), "findings": [one.to_json() for one in findings]}
        write_json(run.dataset.paths.report("check-taxa"), table)
    run.listener.finish(", ".join(f"{one.kind} {one.images}" for one in findings) or "nothing found")
    return findings


def _inputs(run: Run) -> dict[str, Any]:
    kingdoms = list(run.dataset.config.checks.kingdoms)
    return {"step": STEP_VERSION, "kingdoms": kingdoms, "catalog": run.known.sha256(run.dataset.paths.catalog)}
