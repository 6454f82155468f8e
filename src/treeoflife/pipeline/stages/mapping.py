"""mapping: containers -> the mapping. Archives are scanned only where the store has no index of them."""

from __future__ import annotations

from typing import Any

import polars as pl

from ...core.difference import difference
from ...core.files import fingerprint
from ...images.encode import ScanTask, scan_container
from ...images.store import key_rows, read_indexes
from ...mapping import store
from ...mapping.build import STEP_VERSION, build_mapping
from ...sources.base import Container, Source
from ..run import Run
from ..stage import State, state
from . import encode


def look(run: Run) -> State:
    """Whether the mapping holds the images that are there. A published one only has to have its tables."""
    if run.dataset.config.mapping.published:
        store.check(run.dataset.mapping, run.dataset.sources)
        return State(1, 0)
    made = store.made_from(run.dataset.mapping, "mapping")
    if former := run.dataset.former_mapping:
        return State(0, 1, (f"it is still {former.name}",))
    if made is None:
        return State(0, 1, ("not made yet",))
    names = {key: _names_digest(run, *one) for key, one in _by_key(run).items()}
    if unscanned := [key for key, digest in names.items() if digest is None]:
        return State(0, 1, (f"{len(unscanned)} containers are new or changed, such as {unscanned[0]}",))
    return state([difference(made["from"], _inputs(names))])


def work(run: Run) -> str:
    """Write the mapping."""
    containers = _by_key(run)
    names = {key: _names_digest(run, *one) for key, one in containers.items()}
    trusted = {key for key, one in containers.items() if encode.trusted_meta(run, *one)}
    scanned: dict[str, pl.DataFrame] = {}
    tasks = [ScanTask(*one) for key, one in containers.items() if key not in trusted]
    run.listener.start("mapping", len(tasks), "containers")
    for task, done in run.tasks(scan_container, tasks, lambda task: str(task.container.path)):
        key = _key(task.source, task.container)
        names[key], scanned[key] = done.names, done.keys
        run.known.remember(_sight(task.source, task.container), done.signature, done.names)
        run.listener.advance(1)
    tables = [(source, _keys(run, source, containers, trusted, scanned)) for source in run.dataset.sources]
    counts = build_mapping(run.dataset.mapping, tables, _inputs(names), run.dataset.former_mapping)
    if former := run.dataset.former_mapping:
        former.unlink()
    summary = ", ".join(f"{count} {name}" for name, count in counts.items()) + " images"
    run.listener.finish(summary)
    return summary


def _keys(
    run: Run,
    source: Source,
    containers: dict[str, tuple[Source, Container]],
    trusted: set[str],
    scanned: dict[str, pl.DataFrame],
) -> pl.DataFrame:
    """The natural keys of a source, container by container: from the store's indexes, and from what was scanned."""
    own = [(key, one) for key, (of, one) in containers.items() if of is source]
    encoded = [number for number, (key, _) in enumerate(own) if key in trusted]
    paths = [run.dataset.paths.encoded_index(source.name, own[number][1].name) for number in encoded]
    places = pl.Series(encoded, dtype=pl.UInt32)
    columns = list(source.columns)
    parts = [
        rows.select(*columns, places.gather(rows["container"]).alias("container"))
        for rows in read_indexes(paths, columns)
    ]
    parts += [
        scanned[key].select(*columns, container=pl.lit(number, pl.UInt32))
        for number, (key, _) in enumerate(own)
        if key in scanned
    ]
    every = pl.concat(parts) if len(encoded) == len(own) else pl.concat(parts).sort("container", maintain_order=True)
    return key_rows(every, source)


def digest(run: Run) -> str:
    """A digest of the ids in the mapping in use, and of their natural keys."""
    if run.dataset.config.mapping.published:
        return run.known.sha256(run.dataset.mapping)
    made = store.made_from(run.dataset.mapping, "mapping") or {}
    return str(made.get("ids", ""))


def _inputs(names: dict[str, str | None]) -> dict[str, Any]:
    return {"step": STEP_VERSION, "containers": fingerprint(names)}


def _by_key(run: Run) -> dict[str, tuple[Source, Container]]:
    return {_key(source, one): (source, one) for source, one in run.containers()}


def _key(source: Source, container: Container) -> str:
    return f"{source.name}/{container.name}"


def _sight(source: Source, container: Container) -> str:
    return f"names:{source.name}:{container.path}:{container.name}"


def _names_digest(run: Run, source: Source, container: Container) -> str | None:
    """The digest of the names in a container, if they are known."""
    if meta := encode.trusted_meta(run, source, container):
        return str(meta["names"])
    return run.known.recall(_sight(source, container), run.signature(source, container))
