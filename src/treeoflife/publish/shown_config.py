"""The configuration of a dataset as the card shows it: what the result depends on, and no path of the computer.

Keys that have their default are left out, and so are tables that say where and how fast work is done.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..config.base import Model
from ..config.config import Config
from ..config.writer import toml_key, toml_value

_TABLES = ("mapping", "names", "splits", "images", "wds", "duplicates", "quality", "licences", "checks")
_NOTICE = """\
# A copy for readers: folders of the computer are called <raw>, and comments, defaults and keys that do not change the
# result are left out. To build the dataset again, write your own paths in their place.
"""
_IS_PATH = re.compile(r"[/~\\]|[A-Za-z]:[\\/]|\.\.?[\\/]")
_IS_SECRET = re.compile(r"token|secret|password|api_?key", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(?<=://)[^/@\s]*@|\?.*", re.DOTALL)
RAW = "<raw>"
"""What stands for the folder of any file that the dataset was made from."""


def show_config(config: Config, sources: Mapping[str, Model], root: Path) -> str:
    """A dataset.toml with what the result depends on. A path outside of ``root`` is ``<raw>/`` and its last part.

    Args:
        config: the configuration, with resolved paths.
        sources: the keys of each source, with resolved paths.
        root: the folder of the dataset; paths below it are relative to it.
    """
    lines = [f"seed = {config.seed}"]
    for name, table in config.sources.items():
        changed = _changed(sources[name])
        given = {key: table[key] for key in ("kind",) if key in table} | changed
        given = {key: value for key, value in given.items() if not _IS_SECRET.search(key)}
        lines += ["", f"[sources.{toml_key(name)}]", *_keys(given, root)]
    for name in _TABLES:
        lines += _table(name, getattr(config, name), root)
    for name, caption in config.captions.items():
        lines += ["", f"[captions.{toml_key(name)}]", *_keys(_changed(caption), root)]
    for one in config.holdout:
        lines += ["", "[[holdout]]", *_keys({"path": one.path, **_changed(one)}, root)]
    return "\n".join(lines) + "\n"


def published_config(shown: str) -> bytes:
    """The dataset.toml that is published in place of the user's own, whose paths and comments tell of their computer.

    Args:
        shown: as :func:`show_config` makes it.
    """
    return f"{_NOTICE}\n{shown}".encode()


def _table(name: str, model: Model, root: Path) -> Iterator[str]:
    changed = _changed(model)
    plain = {key: value for key, value in changed.items() if not isinstance(value, Model)}
    if plain:
        yield from ("", f"[{name}]", *_keys(plain, root))
    for key, value in changed.items():
        if isinstance(value, Model):
            yield from _table(f"{name}.{key}", value, root)


def _changed(model: Model) -> dict[str, Any]:
    """The fields that do not have their default."""
    fields = type(model).model_fields
    return {
        key: value
        for key, value in model
        if fields[key].is_required() or value != fields[key].get_default(call_default_factory=True)
    }


def _keys(values: Mapping[str, Any], root: Path) -> list[str]:
    return [f"{key} = {toml_value(_portable(value, root))}" for key, value in values.items() if value is not None]


def _portable(value: Any, root: Path) -> Any:
    """``value`` with its paths relative to ``root``, or to what ``<raw>`` stands for; addresses without accounts."""
    if isinstance(value, Path) or (isinstance(value, str) and _IS_PATH.match(value)):
        path = Path(value)
        below = path.relative_to(root) if path.is_relative_to(root) else Path(RAW, path.name)
        return below.as_posix()
    if isinstance(value, str):
        return _IN_ADDRESS.sub("", value) if "://" in value else value
    if isinstance(value, Model):
        return _portable(_changed(value), root)
    if isinstance(value, Mapping):
        return {key: _portable(one, root) for key, one in value.items() if one is not None}
    return [_portable(one, root) for one in value] if isinstance(value, list | tuple) else value
