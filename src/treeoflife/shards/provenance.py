"""What a dataset is made with: its inputs by their content, its settings, the versions of packages.

All of it is told without saying where anything lies or when it was made, so that the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..config.config import Config
from ..core.files import fingerprint
from ..sources.base import Container, Source

Record = Callable[[Source, Container], dict[str, Any]]


def settings(config: Config) -> dict[str, Any]:
    """The settings that have a hand in what a shard holds."""
    found = {
        "seed": config.seed,
        "images": config.images.model_dump(mode="json"),
        "wds": config.wds.model_dump(mode="json", exclude={"keep_store"}),
    }
    return found if config.mapping.published else found | {"splits": config.splits.model_dump(mode="json")}


def inputs(containers: Iterable[tuple[Source, Container]], record: Record) -> list[dict[str, Any]]:
    """The archives, and the folders of containers, that images come from.

    Args:
        containers: all containers, in order.
        record: what the store has on record of one: ``files``, ``bytes``, ``content``, ``versions``.

    Returns:
        Of each input its ``source``; ``path``, the name of the archive or folder, without where it lies; how many
        ``containers`` and ``files`` it holds; their ``bytes``; the ``sha256`` of its content, which is that of the
        names and bytes of all files, container by container; and ``encoded_with``, the versions of packages.
    """
    groups: dict[tuple[str, Path], dict[str, dict[str, Any]]] = {}
    for source, one in containers:
        groups.setdefault((source.name, _input_of(one)), {})[one.name] = record(source, one)
    return [_told(source, path, records) for (source, path), records in groups.items()]


def _input_of(container: Container) -> Path:
    """An archive or a folder that is read in parts; of a folder that is a container itself, the one that it is in."""
    in_parts = container.span or container.members
    return container.path if in_parts or container.path.is_file() else container.path.parent


def _told(source: str, path: Path, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    tools = {fingerprint(one.get("versions")): one.get("versions") for one in records.values()}
    return {
        "source": source,
        "path": path.name,
        "containers": len(records),
        "files": sum(one.get("files", 0) for one in records.values()),
        "bytes": sum(one.get("bytes", 0) for one in records.values()),
        "sha256": fingerprint({name: one.get("content") for name, one in records.items()}),
        "encoded_with": [tools[key] for key in sorted(tools)],
    }
