"""Finding the installed kinds of sources, and making the sources that a dataset.toml describes."""

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from ..config.base import Model
from ..config.config import Config, describe_errors, resolve_paths
from ..config.paths import real_path
from ..errors import ConfigError
from .base import Source
from .columns import check_columns, check_together

_GROUP = "treeoflife.sources"
# A source's name is that of its table in mapping.sqlite, where these are taken.
_RESERVED = frozenset({"split", "meta"})
_NAME = re.compile(r"(?!sqlite_)[a-z][a-z0-9_]{0,40}")


def source_kinds() -> list[str]:
    """The kinds of sources that are installed."""
    return sorted({point.name for point in entry_points(group=_GROUP)})


def load_source(name: str, table: dict[str, Any], base: Path) -> Source:
    """Make the source that a table of a dataset.toml describes.

    Args:
        name: that of the table ``[sources.NAME]``; it is the kind too, unless the table has a key ``kind``.
        table: its keys and values.
        base: the folder of the dataset.toml, to which paths in the table are relative.

    Raises:
        ConfigError: the kind is not installed or cannot be imported, the name is not allowed, or a key is wrong.
    """
    settings = source_settings(name, table, base)
    source = source_class(name, str(table.get("kind", name)))(name, settings)
    check_columns(source)
    return source


def source_settings(name: str, table: dict[str, Any], base: Path) -> Model:
    """The keys of a source's table, checked, with their paths resolved; see :func:`load_source`."""
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigError(
            f"a source cannot be called '{name:.60}': a name has up to 41 small letters, digits and '_', begins with a "
            f"letter and not with 'sqlite_', and is not one of {', '.join(sorted(_RESERVED))}"
        )
    kind = source_class(name, str(table.get("kind", name)))
    try:
        settings = kind.Settings.model_validate({key: value for key, value in table.items() if key != "kind"})
    except ValidationError as error:
        raise ConfigError(f"[sources.{name}]: {describe_errors(error, kind.Settings)}") from None
    return resolve_paths(settings, real_path(base))


def source_class(name: str, kind: str) -> type[Source]:
    """The class of the sources of a kind; ``name`` is that of the table that asks for it.

    Raises:
        ConfigError: the kind is not installed, or cannot be imported.
    """
    points = entry_points(group=_GROUP, name=kind)
    if not points:
        installed = ", ".join(source_kinds())
        raise ConfigError(f"[sources.{name}] is of the unknown kind '{kind}'; add kind = one of: {installed}")
    try:
        return cast("type[Source]", next(iter(points)).load())
    except Exception as error:  # importing a plug-in can raise anything
        raise ConfigError(f"the source plug-in '{kind}' does not load: {type(error).__name__}: {error}") from error


def settings_class(name: str, kind: str) -> type[Model]:
    """The model of the keys in the table of a source; see :func:`source_class`."""
    return source_class(name, kind).Settings


def load_sources(config: Config, base: Path) -> list[Source]:
    """Make all sources of a configuration, in its order; see :func:`load_source`.

    Raises:
        ConfigError: the configuration has no source, or one is wrong.
    """
    if not config.sources:
        kinds = ", ".join(source_kinds())
        raise ConfigError(f"there is no source: add a table [sources.NAME], of one of the kinds {kinds}")
    sources = [load_source(name, table, base) for name, table in config.sources.items()]
    check_together(sources)
    if config.names.published:
        for source in sources:
            vars(source)["name_key"] = "treeoflife_id"  # a catalog names each image, whatever the source itself names
    return sources
