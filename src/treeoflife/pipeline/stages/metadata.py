"""metadata: mapping + taxonomies, or the published lookups -> names.parquet, and lookups in their published form."""

from __future__ import annotations

from typing import Any

import polars as pl

from ...core.difference import difference
from ...core.files import read_json, replacing, write_json
from ...selection import marks
from ...sources.base import Source
from ...taxonomy import lookups
from ...taxonomy import naming as stage
from ..run import Run
from ..stage import State, state
from . import mapping, splits


def look(run: Run) -> State:
    """Whether the names are made from the inputs of now, and are as they were written."""
    made = read_json(run.dataset.paths.report("metadata")) or {}
    if reason := difference(made.get("from"), _inputs(run)):
        return State(0, 1, (reason,))
    return state(
        None if _sha256(run, name) == digest else f"{name} is not the one that was written"
        for name, digest in made.get("outputs", {"the record of what was written": ""}).items()
    )


def work(run: Run) -> str:
    """Write names.parquet; from the providers' taxonomies, the lookups and predicted-catalog.csv too."""
    paths, config = run.dataset.paths, run.dataset.config
    paths.report("metadata").unlink(missing_ok=True)
    published, others = _halves(run)
    run.listener.start("metadata", 1, "tables")
    if published:
        summary = _import(run, published, others)
    else:
        marking = marks.table(marks.read(paths.marks))
        report = stage.resolve_names(config, paths, others, run.dataset.mapping, marking, run.listener.note)
        summary = f"{sum(report.names.values())} names, {sum(report.findings.values())} findings"
    outputs = sorted(path for path in paths.metadata.rglob("*") if path.is_file() and path != run.dataset.mapping)
    written = {path.relative_to(paths.root).as_posix(): run.known.sha256(path) for path in outputs}
    write_json(paths.report("metadata"), {"from": _inputs(run), "outputs": written})
    run.listener.finish(summary)
    return summary


def _import(run: Run, published: list[Source], others: list[Source]) -> str:
    """Take the published lookups as they are; sources without one are named by their own labels."""
    config, folder = run.dataset.config, run.dataset.config.names.lookups
    assert folder
    tables = [lookups.read_lookup(lookups.lookup_file(folder, one.name), one.name) for one in published]
    if others:
        tables.append(stage.name_sources(config, run.dataset.paths, others, run.dataset.mapping, run.listener.note))
    table = pl.concat(tables, how="diagonal")
    with replacing(run.dataset.paths.names) as temporary:
        table.write_parquet(temporary, compression="zstd")
    return f"{table.height} names"


def _sha256(run: Run, name: str) -> str | None:
    path = run.dataset.paths.root / name
    return run.known.sha256(path) if path.exists() else None


def _halves(run: Run) -> tuple[list[Source], list[Source]]:
    """The sources whose names are published, and the others."""
    folder = run.dataset.config.names.lookups
    published = [one for one in run.dataset.sources if folder and lookups.lookup_file(folder, one.name).exists()]
    return published, [one for one in run.dataset.sources if one not in published]


def _inputs(run: Run) -> dict[str, Any]:
    config = run.dataset.config
    published, others = _halves(run)
    files = [lookups.lookup_file(config.names.lookups, one.name) for one in published if config.names.lookups]
    inputs: dict[str, Any] = {}
    if others:
        inputs, more = stage.names_inputs(config, others)
        inputs |= {"mapping": mapping.digest(run), "splits": splits.digest(run)}
        files += more
    if not published and run.dataset.paths.marks.exists():  # predicted-catalog.csv obeys them
        inputs |= {"marks": run.known.sha256(run.dataset.paths.marks)}
    there = [path for path in files if path.exists()]
    return inputs | {"files": {f"{number} {path.name}": run.known.sha256(path) for number, path in enumerate(there)}}
