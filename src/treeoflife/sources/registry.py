"""Sources of images. Each is one file here, or an entry point ``treeoflife.sources`` of another package."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from ..config.base import Model
from ..config.config import Config, describe, rooted
from ..errors import ConfigError
from .base import Container, Source, signature, size

__all__ = ["Container", "Source", "kind_of", "kinds", "load", "load_all", "signature", "size"]

GROUP = "treeoflife.sources"
_TAKEN = frozenset({"split", "meta", "sqlite_master", "sqlite_schema"})


def kinds() -> list[str]:
    """The kinds of source that are installed."""
    return sorted({point.name for point in entry_points(group=GROUP)})


def load(name: str, table: dict[str, Any], base: Path) -> Source:
    """Make the source that the table ``[sources.name]`` of the dataset.toml in the folder ``base`` describes.

    Raises:
        ConfigError: its kind is not installed or does not load, its name is unfit, or a key is wrong.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,40}", name) or name in _TAKEN:
        raise ConfigError(
            f"a source cannot be called '{name}': use small letters, digits and '_', and not {sorted(_TAKEN)}"
        )
    kind = str(table.get("kind", name))
    factory = kind_of(name, kind)
    try:
        settings = factory.Settings.model_validate({key: value for key, value in table.items() if key != "kind"})
    except ValidationError as error:
        raise ConfigError(f"[sources.{name}]: {describe(error, factory.Settings)}") from None
    return factory(name, rooted(settings, base.resolve()))


def kind_of(name: str, kind: str) -> type[Source]:
    """The class of the sources of a kind.

    Raises:
        ConfigError: it is not installed, or does not load.
    """
    points = entry_points(group=GROUP, name=kind)
    if not points:
        raise ConfigError(f"[sources.{name}] is of the unknown kind '{kind}'; add kind = one of: {', '.join(kinds())}")
    try:
        return cast("type[Source]", next(iter(points)).load())
    except Exception as error:
        raise ConfigError(f"the source plug-in '{kind}' does not load: {type(error).__name__}: {error}") from error


def settings_of(name: str, kind: str) -> type[Model]:
    """The keys of the table of a source of a kind; see :func:`kind_of`."""
    return kind_of(name, kind).Settings


def load_all(config: Config, base: Path) -> list[Source]:
    """All sources of a configuration, in its order.

    Raises:
        ConfigError: there is none, or one is wrong.
    """
    if not config.sources:
        raise ConfigError(f"there is no source: add a table [sources.NAME], of one of the kinds {', '.join(kinds())}")
    return [load(name, table, base) for name, table in config.sources.items()]
