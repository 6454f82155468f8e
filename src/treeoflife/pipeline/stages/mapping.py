"""mapping: containers -> ids of all images; or a published mapping -> the dataset's own.

Archives are scanned only where the store has no up-to-date index of them.
"""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ...core.files import exists, fingerprint
from ...images.encode import ScannedContainer, ScanTask, scan_container
from ...mapping.build import STEP_VERSION, count_images, write_ids
from ...mapping.images import catalog_types
from ...mapping.published import copy_mapping
from ...sources.base import Container, Source
from ..stage import Evidence, Item, Job, Stage
from ..stage_records import StageRecords
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage; a published mapping is never written to."""
    published, paths = workspace.config.mapping.published, workspace.paths
    if published:
        inputs = {"published": published, **workspace.withdrawn_input()}
        item = Item("mapping", inputs, (paths.mapping_parquet,))
    else:
        names = {"containers": lambda evidence: _names_fingerprint(workspace, evidence)}
        item = Item("mapping", {**names, **workspace.withdrawn_input()}, (paths.ids,))
    return Stage(
        name="mapping",
        needs=() if published else ("encode",),
        version=STEP_VERSION,
        settings={"columns": {source.name: catalog_types([source]) for source in workspace.sources}},
        items=lambda: [item],
        run=lambda job: _copy(workspace, job) if published else _make(workspace, job),
    )


def _names_fingerprint(workspace: Workspace, evidence: Evidence) -> str | None:
    """One fingerprint of the file names in all containers; None where those of a container are not known."""
    digests = _names_digests(workspace, evidence.records)
    return fingerprint(digests) if all(digests.values()) else None


def _names_digests(workspace: Workspace, records: StageRecords) -> dict[str, str | None]:
    """The digest of the file names in each container, from encoding it or from the scan for the last mapping."""
    mapping = records.get("mapping", "mapping")
    scanned = mapping.result.get("scanned", {}) if mapping else {}
    digests: dict[str, str | None] = {}
    for source, container in workspace.containers():
        name, signature = container.label, workspace.signature(source, container)
        encoded = encoded_now(workspace, records, source, container)
        scan_signature, scan_names = scanned.get(name, (None, None))
        digests[name] = encoded or (scan_names if scan_signature == signature else None)
    return digests


def encoded_now(workspace: Workspace, records: StageRecords, source: Source, container: Container) -> str | None:
    """The digest of a container's file names as the store has them, if it was encoded from the files of now."""
    record = records.get("encode", container.label)
    current = record and record.inputs["files"] == workspace.signature(source, container)
    # A record says nothing of an index that was removed since.
    index = workspace.indexes()[container.label]
    return str(record.result["names"]) if record and current and exists(index) else None


def _make(workspace: Workspace, job: Job) -> str:
    """Scan the containers that are not encoded, and write the ids."""
    paths = workspace.paths
    scanned: dict[str, ScannedContainer] = {}
    tasks = [ScanTask(*one) for one in workspace.containers() if not encoded_now(workspace, job.records, *one)]
    job.runner.listener.start("mapping", len(tasks), "containers")
    for task, scan in job.runner.run(scan_container, tasks, lambda task: str(task.container.path)):
        scanned[task.container.label] = scan
        workspace.observe(task.container, scan.signature)
        job.runner.listener.advance(1)
    earlier = _earlier(workspace, job.records)
    with workspace.database() as database:
        indexes, keys = _stored(workspace, scanned), _scanned(workspace, scanned)
        write_ids(database, paths.ids, workspace.sources, indexes, keys, earlier, workspace.withdrawn())
        counts = count_images(database, paths.ids, workspace.sources)
    digests = _names_digests(workspace, job.records) | {name: scan.names for name, scan in scanned.items()}
    result = {"scanned": {name: [scan.signature, scan.names] for name, scan in scanned.items()}}
    job.finish("mapping", result, containers=fingerprint(digests))
    return _finish(job, counts)


def _earlier(workspace: Workspace, records: StageRecords) -> Path | None:
    """The ids that were made before; one that was downloaded, or made by an earlier version, has them in a mapping."""
    paths, record = workspace.paths, records.get("mapping", "mapping")
    is_copy = record is not None and "published" in record.inputs
    mappings = () if is_copy else (paths.mapping_parquet, paths.mapping)
    return next((path for path in (paths.ids, *mappings) if exists(path)), None)


def _copy(workspace: Workspace, job: Job) -> str:
    """Copy the published mapping into the dataset's own."""
    published, path = workspace.config.mapping.published, workspace.paths.mapping_parquet
    assert published
    job.runner.listener.start("mapping", 1, "tables")
    with workspace.database() as database:
        withdrawn = workspace.withdrawn()
        copy_mapping(database, published, workspace.sources, path, job.runner.listener.note, withdrawn)
        return _finish(job, count_images(database, path, workspace.sources))


def _finish(job: Job, counts: Mapping[str, int]) -> str:
    summary = ", ".join(f"{count} {name}" for name, count in counts.items()) + " images"
    job.runner.listener.finish(summary)
    return summary


def _stored(workspace: Workspace, scanned: Mapping[str, ScannedContainer]) -> dict[str, list[Path]]:
    """For each source, the store's indexes of the containers that were not scanned."""
    indexes: dict[str, list[Path]] = {source.name: [] for source in workspace.sources}
    for source, one in workspace.containers():
        if one.label not in scanned:
            indexes[source.name].append(workspace.indexes()[one.label])
    return indexes


def _scanned(workspace: Workspace, scanned: Mapping[str, ScannedContainer]) -> dict[str, list[pl.DataFrame]]:
    """For each source, the keys in the containers that were scanned."""
    keys: dict[str, list[pl.DataFrame]] = {source.name: [] for source in workspace.sources}
    for source, one in workspace.containers():
        if one.label in scanned:
            keys[source.name].append(scanned[one.label].keys)
    return keys
