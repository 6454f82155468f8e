"""metadata: mapping + taxonomies, or published names -> names.parquet, and lookups in their published form."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from ...config.config import named_paths
from ...config.tables import Names
from ...core.database import Database
from ...core.files import exists
from ...core.tables import write_parquet
from ...core.text import counted
from ...mapping.images import open_images
from ...selection import marks
from ...sources.base import Source
from ...taxonomy import catalog_names, lookups, naming
from ...taxonomy.providers.tables import damaged_text
from ..stage import Evidence, Input, Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. A published catalog names all images; sources with a published lookup take their names from it; the
    others are named by the taxonomies.
    """
    published, others = _sources(workspace)
    settings, inputs = _inputs(workspace, published, others)
    item = Item("metadata", inputs, _outputs(workspace, published, others), requires=(workspace.paths.mapping_parquet,))
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
    if workspace.config.names.published:
        return list(workspace.sources), []
    published = [one for one in workspace.sources if folder and exists(lookups.lookup_file(folder, one.name))]
    return published, [one for one in workspace.sources if one not in published]


def _names(workspace: Workspace) -> Names:
    """The table [names], with what a rule says where the configuration says nothing."""
    return workspace.config.names.model_copy(update={"built_in": workspace.config.uses_built_in})


def _inputs(
    workspace: Workspace, published: list[Source], others: list[Source]
) -> tuple[dict[str, object], dict[str, Input]]:
    """The settings and the inputs that names depend on."""
    config = workspace.config
    files = [config.names.published] if config.names.published else []
    if config.names.lookups:
        files = [lookups.lookup_file(config.names.lookups, one.name) for one in published]
    settings: dict[str, object] = {}
    inputs: dict[str, Input] = {}
    if others:
        settings, _ = naming.names_inputs(_names(workspace), others)
    if others or config.names.published:
        inputs["mapping"] = workspace.paths.mapping_parquet
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
    return naming.names_inputs(_names(workspace), others)[1] if others else []


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
    listener = job.runner.listener
    listener.start("metadata", 1, "tables")
    with workspace.database() as database:
        open_images(database, workspace.paths.mapping_parquet, workspace.sources)
        if workspace.config.names.published:
            summary = _copy(workspace, workspace.config.names.published, database, job)
        elif published:
            summary = _import(workspace, published, others, database, job)
        else:
            summary = _resolve(workspace, others, database, job)
    _remove_former(workspace, set(_outputs(workspace, published, others)), job)
    listener.finish(summary)
    return summary


def _resolve(workspace: Workspace, others: list[Source], database: Database, job: Job) -> str:
    """Name the images of all sources by the taxonomies, and write all files of names."""
    paths = workspace.paths
    marks.load_marks(database, marks.read(paths.marks))
    files = naming.NameFiles(
        names=paths.names, findings=paths.name_findings, findings_csv=paths.name_findings_csv,
        lookups=paths.naming, scientific_to_common=paths.scientific_to_common,
        predicted_catalog=paths.predicted_catalog, verifier_cache=paths.verifier_cache, checklists=paths.checklists,
    )  # fmt: skip
    report = naming.resolve_names(_names(workspace), others, database, files, job.runner.listener.note)
    rows = (
        f"; {report.rows_used:,} of {counted(report.rows, 'row')} of {counted(report.tables, 'table')} used"
        if report.tables
        else ""
    )
    return f"{counted(report.names, 'name')}, {counted(report.findings, 'finding')}{rows}"


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


def _copy(workspace: Workspace, catalog: Path, database: Database, job: Job) -> str:
    """Take the name of each image from a published catalog."""
    for remark in catalog_names.write_names(database, catalog, workspace.sources, workspace.paths.names):
        job.runner.listener.note(remark)
    return _count_names(workspace)


def _published_names(path: Path, source: Source, note: naming.Note) -> pl.DataFrame:
    """A published lookup, which is taken as it is; what looks damaged in it is said."""
    names = lookups.read_lookup(path, source.name, is_numbered=source.columns.get(source.name_key) is int)
    for text in damaged_text(names):
        note(f"{source.name}: {path.name}: {text}")
    return names


def _import(workspace: Workspace, published: list[Source], others: list[Source], database: Database, job: Job) -> str:
    """Take the published lookups as they are; sources without one are named by their own labels."""
    paths, note = workspace.paths, job.runner.listener.note
    folder = workspace.config.names.lookups
    assert folder
    tables = [_published_names(lookups.lookup_file(folder, one.name), one, note) for one in published]
    caches = paths.verifier_cache, note, paths.checklists
    pieces = naming.name_sources(_names(workspace), others, database, *caches) if others else iter(())
    first = pl.concat([*tables, *islice(pieces, 1)], how="diagonal")

    def all_names() -> Iterator[pl.DataFrame]:
        yield first
        for piece in pieces:
            yield pl.concat([first.clear(), piece], how="diagonal")

    write_parquet(paths.names, first.schema, all_names)
    return _count_names(workspace)


def _count_names(workspace: Workspace) -> str:
    rows = pl.scan_parquet(workspace.paths.names, glob=False).select(pl.len()).collect().item()
    return counted(rows, "name")
