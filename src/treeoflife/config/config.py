"""``dataset.toml``: everything that a dataset is made from, as frozen models.

One file per dataset, checked strictly: an unknown key is an error. Paths are relative to the folder
that holds the file. :func:`load` reads it; :mod:`treeoflife.pipeline.discover` writes it with every key commented.
Reading the configuration imports nothing heavy.
"""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError

from ..errors import ConfigError
from .base import Model
from .download import DownloadTable, EolImagesTable
from .engines import EngineTable, RayTable, SlurmTable
from .tables import (
    Checks,
    Duplicates,
    Holdout,
    Images,
    Licences,
    Mapping,
    MinShards,
    Names,
    Quality,
    Splits,
    Verifier,
    Wds,
)

__all__ = [
    "Checks", "Config", "DownloadTable", "Duplicates", "EngineTable", "EolImagesTable", "Holdout", "Images",
    "Licences", "Mapping", "MinShards", "Model", "Names", "Quality", "RayTable", "SlurmTable", "Splits", "Verifier",
    "Wds", "describe", "load", "parse", "rooted",
]  # fmt: skip

V = TypeVar("V")


class Config(Model):
    """A whole dataset.toml."""

    seed: int = 17
    """Splits and shuffles depend on this number and the ids alone."""
    sources: dict[str, dict[str, Any]]
    """The sources of images: a table each, [sources.NAME], whose kind is NAME unless it says otherwise."""
    mapping: Mapping = Mapping()
    names: Names = Names()
    splits: Splits = Splits()
    images: Images = Images()
    wds: Wds = Wds()
    duplicates: Duplicates = Duplicates()
    quality: Quality = Quality()
    holdout: tuple[Holdout, ...] = ()
    licences: Licences = Licences()
    checks: Checks = Checks()
    engine: EngineTable = EngineTable()
    download: DownloadTable = DownloadTable()

    @property
    def one_side(self) -> bool:
        """Whether no group of the same picture may be in train and in val."""
        auto = "report" if self.mapping.published else "one-side"
        return (auto if self.duplicates.straddling == "auto" else self.duplicates.straddling) == "one-side"


def load(path: Path) -> Config:
    """Read and check a dataset.toml; its relative paths are taken from its folder.

    Raises:
        ConfigError: it is missing, is not TOML, has an unknown key or a wrong value.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {path}; 'treeoflife init' writes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    return parse(table, base=path.parent, where=str(path))


def parse(table: dict[str, Any], base: Path, where: str = "the configuration") -> Config:
    """Check a configuration given as a table; see :func:`load`."""
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe(error, Config)}") from None
    return rooted(config, base.resolve())


def describe(error: ValidationError, model: type[BaseModel]) -> str:
    """The first few problems of a validation, each as 'key: what is wrong', with the key that may be meant.

    >>> try:
    ...     Wds.model_validate({"max_sample": 5})
    ... except ValidationError as error:
    ...     describe(error, Wds)
    "unknown key 'max_sample' (max_samples?)"
    """
    return "; ".join(_problem(part, model) for part in error.errors(include_url=False)[:5])


def _problem(part: Any, model: type[BaseModel]) -> str:
    key = ".".join(str(step) for step in part["loc"])
    if part["type"] == "extra_forbidden":
        return f"unknown key '{key}'{_meant(model, part['loc'])}"
    if part["type"] == "missing":
        return f"the key '{key}' is missing"
    return f"{key}: {part['msg'][:1].lower()}{part['msg'][1:]}, got {part['input']!r:.80}"


def _meant(model: type[BaseModel], place: tuple[int | str, ...]) -> str:
    """The key of the table at ``place`` that is nearest to the one there, as a question; nothing if none is near."""
    for step in place[:-1]:
        if not isinstance(step, int):
            found = model.model_fields[step].annotation
            model = next(one for one in (*get_args(found), found) if isinstance(one, type))
    near = difflib.get_close_matches(str(place[-1]), model.model_fields, 1)
    return f" ({near[0]}?)" if near else ""


def rooted(value: V, base: Path) -> V:
    """The same model (or path, or tuple of them) with its relative paths taken from ``base``."""
    there: Any = value
    if isinstance(value, Path):
        there = base / value.expanduser()
    elif isinstance(value, Model):
        there = value.model_copy(update={name: rooted(field, base) for name, field in value})
    elif isinstance(value, tuple):
        there = tuple(rooted(item, base) for item in value)
    return cast(V, there)
