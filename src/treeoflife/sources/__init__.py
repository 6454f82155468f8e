"""Sources of images. Each is one file here, or an entry point ``treeoflife.sources`` of another package."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from typing import Any, cast

from pydantic import ValidationError

from ..config import Config, describe
from ..errors import ConfigError
from .base import Container, Source, signature, size

__all__ = ["Container", "Source", "kinds", "load", "load_all", "signature", "size"]

GROUP = "treeoflife.sources"
_TAKEN = frozenset({"split", "meta", "sqlite_master", "sqlite_schema"})


def kinds() -> list[str]:
    """The kinds of source that are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str, table: dict[str, Any]) -> Source:
    """Make the source that the table ``[sources.name]`` of a dataset.toml describes.

    Raises:
        ConfigError: its kind is not installed or does not load, its name is unfit, or a key is wrong.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or name in _TAKEN:
        raise ConfigError(
            f"a source cannot be called '{name}': use small letters, digits and '_', and not {sorted(_TAKEN)}"
        )
    kind = str(table.get("kind", name))
    factory = _factory(name, kind)
    try:
        settings = factory.Settings.model_validate({key: value for key, value in table.items() if key != "kind"})
    except ValidationError as error:
        raise ConfigError(f"[sources.{name}]: {describe(error)}") from None
    return factory(name, settings)


def _factory(name: str, kind: str) -> type[Source]:
    points = entry_points(group=GROUP, name=kind)
    if not points:
        raise ConfigError(f"[sources.{name}] is of the unknown kind '{kind}'; add kind = one of: {', '.join(kinds())}")
    try:
        return cast("type[Source]", next(iter(points)).load())
    except Exception as error:
        raise ConfigError(f"the source plug-in '{kind}' does not load: {type(error).__name__}: {error}") from error


def load_all(config: Config) -> list[Source]:
    """All sources of a configuration, in its order."""
    return [load(name, table) for name, table in config.sources.items()]
