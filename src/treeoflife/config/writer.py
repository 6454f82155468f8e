"""Writing a dataset.toml: as a whole, each key under its explanation, or one more hold-out list."""

import json
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from ..core.files import write_text
from ..core.json_reader import UnreadableError, parse_toml
from ..errors import ConfigError
from .base import Model
from .captions import Caption
from .config import Config, load, parse
from .tables import Holdout


def render_config(config: Config, settings_of: Callable[[str, str], type[Model]]) -> str:
    """The text of a dataset.toml that is equal to ``config``, each key under its explanation.

    A key without a value (an absent path) is written as a comment.

    Args:
        config: the configuration.
        settings_of: returns the model of a source's keys, by the name of its table and its kind.
    """
    fields, texts = Config.model_fields, Config.explanations()
    lines = ["# A treeoflife dataset: 'treeoflife build --config dataset.toml' builds it.", ""]
    lines += [*_comment(texts["seed"]), f"seed = {config.seed}", ""]
    lines += _comment(texts["sources"])
    for name, source in config.sources.items():
        lines += _source(name, source, settings_of)
    for name in fields:
        value = getattr(config, name)
        if isinstance(value, Model):
            lines += _table(name, value)
        if name == "captions":
            lines += _captions(config)
    for holdout in config.holdout:
        lines += _table("holdout", holdout, brackets="[[{}]]")
    if not config.holdout:
        example = _table("holdout", Holdout(path=Path("list.txt")), brackets="[[{}]]")
        lines += [line if line.startswith("#") or not line else f"# {line}" for line in example]
    return "\n".join(lines).rstrip() + "\n"


def _captions(config: Config) -> list[str]:
    """The tables of captions; an example as a comment if there is none."""
    if not config.captions:
        example = _table("captions.NAME", Caption(text="a photo of {common}."))
        return [line if line.startswith("#") or not line else f"# {line}" for line in example]
    return [line for name, one in config.captions.items() for line in _table(f"captions.{toml_key(name)}", one)]


def add_holdout(path: Path, holdout: Holdout) -> bool:
    """Add a hold-out list to a dataset.toml, unless it is listed already; the rest of the file stays as it is.

    Args:
        path: the dataset.toml.
        holdout: the list; its path is written relative to the dataset.toml if it lies in the same folder or below.

    Returns:
        Whether the list was added.

    Raises:
        ConfigError: the file gives its hold-outs in a form that a table cannot be appended to.
    """
    if any(listed.path.resolve() == holdout.path.resolve() for listed in load(path).holdout):
        return False
    folder, target = path.parent.resolve(), holdout.path.resolve()
    name = target.relative_to(folder) if target.is_relative_to(folder) else target
    entry = f'[[holdout]]\npath = {toml_value(name)}\nby = "{holdout.by}"\n'
    # Appended as text and not rendered anew, so that the user's comments and order of keys survive.
    text = path.read_text(encoding="utf-8").rstrip("\n") + "\n\n" + entry
    try:
        parse(parse_toml(text), path.parent, str(path))
    except (UnreadableError, ConfigError):
        raise ConfigError(
            f"{path} gives its hold-outs in a form that no table can be appended to. Write them as [[holdout]] tables, "
            f"and add:\n{entry}"
        ) from None
    write_text(path, text)
    return True


def _source(name: str, source: dict[str, Any], settings_of: Callable[[str, str], type[Model]]) -> list[str]:
    kind = str(source.get("kind", name))
    head = ["# The kind of source.", f"kind = {toml_value(kind)}"] if "kind" in source else []
    return [f"[sources.{name}]", *head, *_keys(settings_of(name, kind), source), ""]


def _table(name: str, table: Model, brackets: str = "[{}]") -> Iterator[str]:
    inner = {key: value for key, value in table if isinstance(value, Model)}
    yield from (*_comment(type(table).__doc__), brackets.format(name))
    yield from _keys(type(table), dict(table), inner)
    yield ""
    for key, value in inner.items():
        yield from _table(f"{name}.{key}", value)


def _keys(model: type[Model], values: dict[str, Any], without: Collection[str] = ()) -> Iterator[str]:
    texts = model.explanations()
    for key, field in model.model_fields.items():
        if key in without:
            continue
        value = values.get(key, None if field.is_required() else field.get_default(call_default_factory=True))
        yield from _comment(texts.get(key))
        yield f"# {key} = " if value is None else f"{key} = {toml_value(value)}"


def _comment(text: str | None) -> list[str]:
    return [f"# {line.strip()}" for line in (text or "").splitlines() if line.strip()]


def toml_key(name: str) -> str:
    """A key of TOML, in quotation marks where it needs them."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else toml_value(name)


def toml_value(value: Any) -> str:
    """A value as TOML writes it, on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, Model | dict):
        return "{ " + ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in dict(value).items()) + " }"
    # A JSON string is a TOML basic string, except for DEL, which only TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
