"""mapping: containers -> the mapping. Archives are scanned only where the store has no index of them."""

from __future__ import annotations

from typing import Any

import polars as pl

from ..dataset import Run
from ..files import fingerprint
from ..images.encode import ScanTask, scan_container
from ..images.store import read_keys
from ..mapping import store
from ..mapping.build import STEP_VERSION, build_mapping
from ..sources import Container, Source
from . import encode
from .base import State, difference, state


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
    keys = {
        key: read_keys(run.dataset.paths.encoded_index(source.name, container.name), source)
        for key, (source, container) in containers.items()
        if encode.trusted_meta(run, source, container)
    }
    tasks = [ScanTask(source, container) for key, (source, container) in containers.items() if key not in keys]
    run.listener.start("mapping", len(tasks), "containers")
    for task, done in run.tasks(scan_container, tasks, lambda task: str(task.container.path)):
        key = _key(task.source, task.container)
        names[key], keys[key] = done.names, done.keys
        run.known.remember(_sight(task.source, task.container), done.signature, done.names)
        run.listener.advance(1)
    tables = [
        (source, pl.concat([keys[key] for key, (one, _) in containers.items() if one is source]))
        for source in run.dataset.sources
    ]
    counts = build_mapping(run.dataset.mapping, tables, _inputs(names), run.dataset.former_mapping)
    if former := run.dataset.former_mapping:
        former.unlink()
    summary = ", ".join(f"{count} {name}" for name, count in counts.items()) + " images"
    run.listener.finish(summary)
    return summary


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
