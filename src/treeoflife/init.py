"""Looking at a folder of raw data, and writing the dataset.toml that fits it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from .config import Config, Holdout, Mapping, Model, Names
from .errors import ConfigError
from .sources import kind_of
from .sources.archived import begun
from .taxonomy.inputs import found_inputs

Kind = Literal["original", "published", "folder"]
_FOLDERS = {
    "eol": ("eol", "EOL"),
    "inat21": ("inat21/train", "inat21", "iNat21/train"),
    "bioscan": ("bioscan", "bioscan/images/cropped_256", "BIOSCAN"),
}
_BIOSCAN = ("BIOSCAN_Insect_Dataset_metadata.jsonld", "BIOSCAN_Insect_Dataset_metadata.tsv")
_TABLES = ("*.csv", "*.tsv", "*.parquet")


@dataclass(frozen=True)
class Found:
    """What a folder of raw data holds: a configuration for it, what was found, and what was not."""

    config: Config
    found: tuple[str, ...]
    missing: tuple[str, ...]


def look(kind: Kind, raw: Path, table: Path | None = None) -> Found:
    """Look at raw data.

    Args:
        kind: original, from the providers' files; published, from the published mapping and lookups; folder,
            from anybody's photographs.
        raw: the folder.
        table: for a folder of photographs, the table that says what they show; found if there is but one.

    Raises:
        ConfigError: the folder is not there, or nothing in it is known.
    """
    raw = raw.expanduser().resolve()
    if not raw.is_dir():
        raise ConfigError(f"there is no folder {raw}; --raw names the folder that holds the downloaded files")
    return _folder(raw, table) if kind == "folder" else _providers(kind, raw)


def _folder(raw: Path, table: Path | None) -> Found:
    tables = [table.expanduser().resolve()] if table else sorted(path for glob in _TABLES for path in raw.glob(glob))
    if len(tables) != 1:
        there = ", ".join(path.name for path in tables) or "none"
        raise ConfigError(
            f"name the table that says what the photographs in {raw} show with --table; in it there is {there}"
        )
    sources = {"photos": {"kind": "folder", "path": str(raw), "table": str(tables[0])}}
    return Found(Config(sources=sources, names=found_inputs(raw)[0]), (f"photos: {raw}", f"table: {tables[0]}"), ())


def _providers(kind: Kind, raw: Path) -> Found:
    metadata = raw / "metadata"
    sources: dict[str, dict[str, Any]] = {}
    missing: list[str] = []
    for name, places in _FOLDERS.items():
        there = (base / place for base in (raw, raw / "dataset") for place in places)
        path = next((one for one in there if one.is_dir() and not begun(one.parent)), None)
        if path:
            sources[name] = {"path": str(path)}
        else:
            missing.append(f"{name}: no folder {raw / places[0]} or {raw / 'dataset' / places[0]}")
    if not sources:
        raise ConfigError(f"nothing is known in {raw}: " + "; ".join(missing))
    found = [f"{name}: {table['path']}" for name, table in sources.items()]
    if kind == "published":
        mapping, names = _published(metadata, found, missing)
    else:
        mapping, (names, absent) = Mapping(), found_inputs(raw)
        found += [f"names: {path}" for path in dict(names).values() if isinstance(path, Path)]
        missing += absent
        _bioscan_metadata(sources, metadata, found, missing)
    holdout = _holdouts(metadata, found, missing)
    return Found(Config(sources=sources, mapping=mapping, names=names, holdout=holdout), tuple(found), tuple(missing))


def _published(metadata: Path, found: list[str], missing: list[str]) -> tuple[Mapping, Names]:
    mapping, naming = metadata / "mapping.sqlite", metadata / "naming"
    for what, path in {"mapping": mapping, "names": naming}.items():
        (found if path.exists() else missing).append(f"{what}: {path}" if path.exists() else f"{what}: no {path}")
    return Mapping(published=mapping), Names(lookups=naming)


def _bioscan_metadata(sources: dict[str, dict[str, Any]], metadata: Path, found: list[str], missing: list[str]) -> None:
    if "bioscan" not in sources:
        return
    path = next((metadata / "bioscan" / name for name in _BIOSCAN if (metadata / "bioscan" / name).exists()), None)
    if path:
        sources["bioscan"]["metadata"] = str(path)
        found.append(f"names: {path}")
    else:
        missing.append(f"BIOSCAN's metadata: no {metadata / 'bioscan' / _BIOSCAN[0]}")


def _holdouts(metadata: Path, found: list[str], missing: list[str]) -> tuple[Holdout, ...]:
    lists = sorted((metadata / "rarespecies").glob("*seen_in_training.json"))
    if not lists:
        missing.append(f"hold-out lists: no {metadata / 'rarespecies'}/…seen_in_training.json")
    found += [f"hold-out: {path}" for path in lists]
    return tuple(Holdout(path=path, by="images" if path.name.startswith("seen") else "species") for path in lists)


def render(config: Config) -> str:
    """The text of a dataset.toml that says the same as ``config``, each key under its explanation.

    Keys that have no value (an absent path) stand as comments.
    """
    lines = ["# A treeoflife dataset: 'treeoflife build --config dataset.toml' makes it.", ""]
    lines += [*_comment(Config.model_fields["seed"].description), f"seed = {config.seed}", ""]
    lines += _comment(Config.model_fields["sources"].description)
    for name, source in config.sources.items():
        lines += _source(name, source)
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


def _source(name: str, source: dict[str, Any]) -> list[str]:
    kind = str(source.get("kind", name))
    lines = [f"[sources.{name}]"]
    if "kind" in source:
        lines += ["# What kind of source it is.", f"kind = {_toml(kind)}"]
    return [*lines, *_keys(kind_of(name, kind).Settings.model_fields, source), ""]


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
