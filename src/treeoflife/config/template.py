"""The text of a dataset.toml, each key under its explanation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .base import Model
from .config import Config
from .tables import Holdout


def render(config: Config, settings_of: Callable[[str, str], type[Model]]) -> str:
    """The text of a dataset.toml that says the same as ``config``, each key under its explanation.

    Keys that have no value (an absent path) stand as comments.

    Args:
        config: the configuration.
        settings_of: gives the keys of a source, by the name of its table and its kind.
    """
    lines = ["# A treeoflife dataset: 'treeoflife build --config dataset.toml' makes it.", ""]
    lines += [*_comment(Config.model_fields["seed"].description), f"seed = {config.seed}", ""]
    lines += _comment(Config.model_fields["sources"].description)
    for name, source in config.sources.items():
        lines += _source(name, source, settings_of)
    for name in Config.model_fields:
        value = getattr(config, name)
        if isinstance(value, Model):
            lines += _table(name, value)
    for holdout in config.holdout:
        lines += _table("holdout", holdout, brackets="[[{}]]")
    if not config.holdout:
        example = _table("holdout", Holdout(path=Path("list.txt")), brackets="[[{}]]")
        lines += [line if line.startswith("#") or not line else f"# {line}" for line in example]
    return "\n".join(lines).rstrip() + "\n"


def _source(name: str, source: dict[str, Any], settings_of: Callable[[str, str], type[Model]]) -> list[str]:
    kind = str(source.get("kind", name))
    lines = [f"[sources.{name}]"]
    if "kind" in source:
        lines += ["# What kind of source it is.", f"kind = {_toml(kind)}"]
    return [*lines, *_keys(settings_of(name, kind).model_fields, source), ""]


def _table(name: str, table: Model, brackets: str = "[{}]") -> list[str]:
    fields = type(table).model_fields
    inner = {key for key in fields if isinstance(getattr(table, key), Model)}
    lines = [*_comment(type(table).__doc__), brackets.format(name)]
    lines += _keys({key: field for key, field in fields.items() if key not in inner}, dict(table))
    return [
        *lines,
        "",
        *(line for key in fields if key in inner for line in _table(f"{name}.{key}", getattr(table, key))),
    ]


def _keys(fields: Any, values: dict[str, Any]) -> Iterable[str]:
    """A line for every key, under its explanation."""
    for key, field in fields.items():
        value = values.get(key, None if field.is_required() else field.get_default(call_default_factory=True))
        yield from _comment(field.description)
        yield f"# {key} = " if value is None else f"{key} = {_toml(value)}"


def _comment(text: str | None) -> list[str]:
    return [f"# {line.strip()}" for line in (text or "").splitlines() if line.strip()]


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    if isinstance(value, Model | dict):
        return "{ " + ", ".join(f"{key} = {_toml(item)}" for key, item in dict(value).items()) + " }"
    return json.dumps(str(value), ensure_ascii=False)
