"""mapping: containers -> the mapping. Archives are scanned only where the store has no up-to-date index of them."""

from collections.abc import Mapping

import polars as pl

from ...core.files import exists, fingerprint
from ...images.encode import ScannedContainer, ScanTask, scan_container
from ...images.store import natural_keys, read_indexes
from ...mapping.build import STEP_VERSION, build_mapping
from ...sources.base import Container, Source
from ..stage import Evidence, Item, Job, Stage
from ..stage_records import StageRecords
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage; a published mapping is only read, so there is nothing to make."""
    former = workspace.former_mapping
    item = Item(
        "mapping",
        inputs={"containers": lambda evidence: _names_fingerprint(workspace, evidence)},
        outputs=(workspace.mapping,),
        unwanted=(former,) if former else (),
    )
    return Stage(
        name="mapping",
        needs=("encode",),
        version=STEP_VERSION,
        settings={},
        items=lambda: [] if workspace.config.mapping.published else [item],
        run=lambda job: _make(workspace, job),
        rewritten_by="splits",
    )


def ids_digest(workspace: Workspace, evidence: Evidence) -> str | None:
    """A digest of the ids in the mapping in use, and of their natural keys."""
    if workspace.config.mapping.published:
        return evidence.sha256(workspace.mapping)
    record = evidence.records.get("mapping", "mapping")
    return str(record.result["ids"]) if record else None


def splits_digest(workspace: Workspace, evidence: Evidence) -> str | None:
    """What the splits in use depend on, as one value."""
    if workspace.config.mapping.published:
        return evidence.sha256(workspace.mapping)
    record = evidence.records.get("splits", "splits")
    return fingerprint(record.inputs) if record else None


def _names_fingerprint(workspace: Workspace, evidence: Evidence) -> str | None:
    """One fingerprint of the file names in all containers; None where those of a container are not known."""
    digests = _names_digests(workspace, evidence.records)
    return fingerprint(digests) if all(digests.values()) else None


def _names_digests(workspace: Workspace, records: StageRecords) -> dict[str, str | None]:
    """The digest of the file names in each container, from encoding it or from the scan for the last mapping."""
    mapping = records.get("mapping", "mapping")
    scanned = mapping.result["scanned"] if mapping else {}
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
    """Scan the containers that are not encoded, and write the mapping."""
    scanned: dict[str, ScannedContainer] = {}
    tasks = [ScanTask(*one) for one in workspace.containers() if not encoded_now(workspace, job.records, *one)]
    job.runner.listener.start("mapping", len(tasks), "containers")
    for task, scan in job.runner.run(scan_container, tasks, lambda task: str(task.container.path)):
        scanned[task.container.label] = scan
        workspace.observe(task.container, scan.signature)
        job.runner.listener.advance(1)
    keys = [(source, _keys(workspace, source, scanned)) for source in workspace.sources]
    former = workspace.former_mapping
    counts, ids = build_mapping(workspace.mapping, keys, former)
    if former:
        former.unlink()
    digests = _names_digests(workspace, job.records) | {name: scan.names for name, scan in scanned.items()}
    result = {"ids": ids, "scanned": {name: [scan.signature, scan.names] for name, scan in scanned.items()}}
    job.finish("mapping", result, containers=fingerprint(digests))
    summary = ", ".join(f"{count} {name}" for name, count in counts.items()) + " images"
    job.runner.listener.finish(summary)
    return summary


def _keys(workspace: Workspace, source: Source, scanned: Mapping[str, ScannedContainer]) -> pl.DataFrame:
    """The natural keys of a source in the order of its containers, from the store's indexes and from scans."""
    containers = [container for other, container in workspace.containers() if other is source]
    columns = list(source.columns)
    encoded = [number for number, one in enumerate(containers) if one.label not in scanned]
    indexes = [workspace.indexes()[containers[number].label] for number in encoded]
    numbers = pl.Series(encoded, dtype=pl.UInt32)
    parts = [
        rows.select(*columns, numbers.gather(rows["container"]).alias("container"))
        for rows in read_indexes(indexes, columns)
    ]
    parts += [
        scanned[one.label].keys.select(*columns, container=pl.lit(number, pl.UInt32))
        for number, one in enumerate(containers)
        if one.label in scanned
    ]
    rows = pl.concat(parts)
    in_order = rows if len(encoded) == len(containers) else rows.sort("container", maintain_order=True)
    return natural_keys(in_order, source)
