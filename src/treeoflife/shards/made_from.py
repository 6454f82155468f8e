"""What a dataset is made from: its inputs by their content, its settings, the versions of packages.

No path or time is part of it, so that the same input gives the same bytes everywhere.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..config.captions import Caption
from ..config.config import Config
from ..config.tables import Wds
from ..core.files import fingerprint
from ..sources.base import Container, Source
from ..sources.file_names import escape_invalid_utf8

Record = Callable[[Source, Container], dict[str, Any]]
"""What the store has on record of a container: ``files``, ``bytes``, ``content``, ``versions``."""


def describe_settings(config: Config) -> dict[str, Any]:
    """The settings that the content of shards depends on."""
    settings = {
        "seed": config.seed,
        "images": config.images.model_dump(mode="json"),
        "wds": describe_layout(config.wds),
    }
    if config.captions:
        # Of a table, what it is called, and not where it lies.
        settings["captions"] = {name: describe_caption(one) for name, one in config.captions.items()}
    # A published mapping comes with its splits.
    return settings if config.mapping.published else settings | {"splits": config.splits.model_dump(mode="json")}


def describe_layout(wds: Wds) -> dict[str, Any]:
    """The settings of ``[wds]`` that shards depend on; without those of columns where there are none."""
    # Whether the store is kept afterwards has no effect on shards.
    without = {"keep_store"} if wds.columns else {"keep_store", "columns", "column_names", "columns_as"}
    return wds.model_dump(mode="json", exclude=without)


def describe_caption(caption: Caption) -> dict[str, Any]:
    """The settings of a caption that its texts depend on."""
    return caption.model_dump(mode="json", exclude_defaults=True) | (
        {"table": caption.table.name} if caption.table else {}
    )


def describe_inputs(containers: Iterable[tuple[Source, Container]], record: Record) -> list[dict[str, Any]]:
    """The archives, and the folders of containers, that images come from.

    Returns:
        For each input its ``source``; ``path``, the name of the archive or folder without its location; the numbers of
        ``containers``, ``files`` and ``bytes``; ``sha256``, which is that of the names and bytes of all files,
        container by container; and ``encoded_with``, the versions of packages.
    """
    records: dict[tuple[str, Path], dict[str, dict[str, Any]]] = {}
    for source, container in containers:
        records.setdefault((source.name, _input_path(container)), {})[container.name] = record(source, container)
    return [_describe_input(source, path, own) for (source, path), own in records.items()]


def _input_path(container: Container) -> Path:
    """The archive or folder that a container is a part of; for a folder that is itself a container, its parent."""
    is_part = container.span or container.members
    return container.path if is_part or container.path.is_file() else container.path.parent


def _describe_input(source: str, path: Path, records: dict[str, dict[str, Any]]) -> dict[str, Any]:
    versions = {fingerprint(record.get("versions")): record.get("versions") for record in records.values()}
    return {
        "source": source,
        "path": escape_invalid_utf8(path.name),
        "containers": len(records),
        "files": sum(record.get("files", 0) for record in records.values()),
        "bytes": sum(record.get("bytes", 0) for record in records.values()),
        "sha256": fingerprint({name: record.get("content") for name, record in records.items()}),
        "encoded_with": [versions[key] for key in sorted(versions)],
    }
