"""report: catalog, ledger and what checks found -> reports/."""

from __future__ import annotations

from typing import Any

from ...core.difference import difference
from ...errors import InputError
from ...reports import make
from ...reports.statistics import STEP_VERSION
from ...selection import findings
from ...shards.reader import Reader
from ..run import Run
from ..stage import State, state


def look(run: Run) -> State:
    """Whether the report is of the catalog that is there."""
    if not run.dataset.paths.catalog.exists():
        return State(0, 1, ("there is no catalog yet",))
    return state([difference(make.made_from(run.dataset.paths.reports), inputs(run))])


def work(run: Run) -> str:
    """Write the report.

    Raises:
        InputError: there is no catalog.
    """
    from ...shards.locations import open_places, shards_of

    paths = run.dataset.paths
    if not paths.catalog.exists():
        raise InputError(f"there is no catalog at {paths.catalog}: 'treeoflife catalog' writes it")
    checks = [paths.report(name) for name in ("check-wds", "check-taxa")]
    indexes = [shard.index for shard in shards_of(paths) if shard.split != "train_small"]
    reader = Reader(paths, open_places(paths, run.listener))
    further = [paths.name_findings_csv]
    files = (paths.licences, paths.all_findings, further)
    sources = make.Sources(paths.root.name, paths.catalog, paths.ledger, indexes, checks, *files, reader)
    numbers = make.make(paths.reports, sources, inputs(run), run.listener)
    return f"{numbers['images']:,} images, {numbers['taxa']['species']:,} species"


def inputs(run: Run) -> dict[str, Any]:
    """What a report is made from."""
    paths = run.dataset.paths
    read = {"catalog": paths.catalog, "ledger": paths.ledger, "licences": paths.licences}
    read |= {f"findings {one.path.stem}": one.path for one in findings.read(paths.all_findings)}
    read |= {name: paths.report(name) for name in ("check-wds", "check-taxa")}
    return {
        "step": STEP_VERSION,
        "files": {name: run.known.sha256(path) for name, path in read.items() if path.exists()},
    }
