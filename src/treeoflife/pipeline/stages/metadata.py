"""metadata: mapping + taxonomies, or the published lookups -> names.parquet, and lookups in their published form."""

from pathlib import Path

import polars as pl

from ...config.config import named_paths
from ...core.files import exists, replacing
from ...mapping.store import read_all_ids
from ...selection import marks
from ...sources.base import Source
from ...taxonomy import lookups, naming
from ...taxonomy.tables import damaged_text
from ..stage import Evidence, Input, Item, Job, Stage
from ..workspace import Workspace
from .mapping import ids_digest, splits_digest


def declare(workspace: Workspace) -> Stage:
    """The stage. Sources with a published lookup take their names from it; the others are named by the taxonomies."""
    published, others = _sources(workspace)
    settings, inputs = _inputs(workspace, published, others)
    item = Item("metadata", inputs, _outputs(workspace, published, others), requires=(workspace.mapping,))
    return Stage(
        name="metadata",
        needs=("mapping", "splits"),
        version=naming.STEP,
        settings=settings,
        items=lambda: [item],
        run=lambda job: _write(workspace, published, others, job),
    )


def _sources(workspace: Workspace) -> tuple[list[Source], list[Source]]:
    """The sources whose names are published, and the others."""
    folder = workspace.config.names.lookups
    published = [one for one in workspace.sources if folder and exists(lookups.lookup_file(folder, one.name))]
    return published, [one for one in workspace.sources if one not in published]


def _inputs(
    workspace: Workspace, published: list[Source], others: list[Source]
) -> tuple[dict[str, object], dict[str, Input]]:
    """The settings and the inputs that names depend on."""
    config = workspace.config
    files = [lookups.lookup_file(config.names.lookups, one.name) for one in published if config.names.lookups]
    settings: dict[str, object] = {}
    inputs: dict[str, Input] = {}
    if others:
        settings, _ = naming.names_inputs(config.names, others)
        inputs["mapping"] = lambda evidence: ids_digest(workspace, evidence)
        inputs["splits"] = lambda evidence: splits_digest(workspace, evidence)
    if not published:  # predicted-catalog.csv, which obeys marks, is written for these datasets alone
        inputs["marks"] = workspace.paths.marks
    inputs["files"] = lambda evidence: _digests(evidence, [*files, *_tables(workspace, others, evidence)])
    return settings, inputs


def _tables(workspace: Workspace, others: list[Source], evidence: Evidence) -> list[Path]:
    """The tables of names that are there now; those in a folder may change while they are read."""
    names = workspace.config.names
    for _, folder in named_paths(names):
        if folder.is_dir():
            evidence.list_files(folder)
    return naming.names_inputs(names, others)[1] if others else []


def _digests(evidence: Evidence, files: list[Path]) -> dict[str, str]:
    digests: dict[str, str] = {}
    existing = ((path, digest) for path in files if (digest := evidence.sha256(path)))
    for number, (path, digest) in enumerate(existing):
        digests[f"{path.name} {number}" if path.name in digests else path.name] = digest
    return digests


def _outputs(workspace: Workspace, published: list[Source], others: list[Source]) -> tuple[Path, ...]:
    paths = workspace.paths
    if published:
        return (paths.names,)
    written = [lookups.lookup_file(paths.naming, source.name) for source in others]
    tables = (paths.name_findings, paths.name_findings_csv, paths.scientific_to_common, paths.predicted_catalog)
    return (paths.names, *tables, *written)


def _write(workspace: Workspace, published: list[Source], others: list[Source], job: Job) -> str:
    config, paths, listener = workspace.config, workspace.paths, job.runner.listener
    listener.start("metadata", 1, "tables")
    if published:
        summary = _import(workspace, published, others, job)
    else:
        marking = marks.table(marks.of_images(paths.marks, lambda: read_all_ids(workspace.mapping)))
        files = naming.NameFiles(
            names=paths.names, findings=paths.name_findings, findings_csv=paths.name_findings_csv,
            lookups=paths.naming, scientific_to_common=paths.scientific_to_common,
            predicted_catalog=paths.predicted_catalog, verifier_cache=paths.verifier_cache,
        )  # fmt: skip
        report = naming.resolve_names(config.names, others, workspace.mapping, marking, files, listener.note)
        rows = f"{report.rows_used:,} of {report.rows:,} rows of {report.tables} tables are used"
        summary = f"{report.names} names, {report.findings} findings; {rows}"
    _remove_former(workspace, set(_outputs(workspace, published, others)), job)
    listener.finish(summary)
    return summary


def _remove_former(workspace: Workspace, outputs: set[Path], job: Job) -> None:
    """Remove the files that this stage wrote last time and does not write now, such as the lookups of removed sources.

    They would be published with the others. What is not as it was written, and what is configured as an input, stays.
    """
    record, note = job.records.get("metadata", "metadata"), job.runner.listener.note
    given = workspace.config.names.lookups
    inputs = list(given.iterdir()) if given and given.is_dir() else []  # one may be a link to a former output
    for name, digest in record.outputs.items() if record else ():
        path = workspace.paths.root / name
        if path in outputs or not exists(path) or any(exists(one) and one.samefile(path) for one in inputs):
            continue
        if job.hashes.sha256(path) == digest:
            path.unlink()
            note(f"{name} is removed: it was made from an earlier configuration")
        else:
            note(f"{name} was made from an earlier configuration and has been changed since; it stays as it is")


def _published_names(path: Path, source: Source, note: naming.Note) -> pl.DataFrame:
    """A published lookup, which is taken as it is; what looks damaged in it is said."""
    names = lookups.read_lookup(path, source.name, is_numbered=source.columns.get(source.name_key) is int)
    for text in damaged_text(names):
        note(f"{source.name}: {path.name}: {text}")
    return names


def _import(workspace: Workspace, published: list[Source], others: list[Source], job: Job) -> str:
    """Take the published lookups as they are; sources without one are named by their own labels."""
    config, folder = workspace.config, workspace.config.names.lookups
    assert folder
    note = job.runner.listener.note
    tables = [_published_names(lookups.lookup_file(folder, one.name), one, note) for one in published]
    if others:
        tables.append(
            naming.name_sources(config.names, others, workspace.mapping, workspace.paths.verifier_cache, note)
        )
    table = pl.concat(tables, how="diagonal")
    with replacing(workspace.paths.names) as temporary:
        table.write_parquet(temporary, compression="zstd")
    return f"{table.height} names"
