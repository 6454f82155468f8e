"""``dataset.toml``: the configuration of a dataset, as frozen models.

The file is checked strictly: an unknown key is an error. Relative paths are resolved against the folder that holds the
file. :func:`load` reads it; ``treeoflife init`` writes it, with a comment above every key. Nothing heavy is imported.
"""

import difflib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, Field, ValidationError

from ..core.json_reader import UnreadableError, parse_toml
from ..errors import ConfigError
from .base import Model
from .captions import Caption
from .card import Card
from .download import DownloadTable
from .engines import EngineTable
from .fetch import FetchTable
from .paths import real_path
from .tables import Checks, Duplicates, Holdout, Images, Licences, Mapping, Names, Quality, Splits, Storage, Wds

V = TypeVar("V")
FILE_NAME = "dataset.toml"
_WITH_OWN_TAXONOMIES = {"eol", "inat21", "bioscan"}


class Config(Model):
    """A whole dataset.toml."""

    seed: int = 17
    """Splits and the order of samples depend only on this number and the ids."""
    sources: dict[str, dict[str, Any]]
    """The sources of images: one table [sources.NAME] each. NAME is also the kind of source, unless kind is set."""
    mapping: Mapping = Field(default_factory=Mapping)
    names: Names = Field(default_factory=Names)
    splits: Splits = Field(default_factory=Splits)
    images: Images = Field(default_factory=Images)
    wds: Wds = Field(default_factory=Wds)
    captions: dict[str, Caption] = {}  # noqa: RUF012 - as in all models, it is copied and frozen
    """Captions of your own, beside the ten fixed ones: one table [captions.NAME] each."""
    storage: Storage = Field(default_factory=Storage)
    duplicates: Duplicates = Field(default_factory=Duplicates)
    quality: Quality = Field(default_factory=Quality)
    holdout: tuple[Holdout, ...] = ()
    licences: Licences = Field(default_factory=Licences)
    card: Card = Field(default_factory=Card)
    checks: Checks = Field(default_factory=Checks)
    engine: EngineTable = Field(default_factory=EngineTable)
    fetch: FetchTable = Field(default_factory=FetchTable)
    download: DownloadTable = Field(default_factory=DownloadTable)

    @property
    def one_split_per_group(self) -> bool:
        """Whether all images of a group of duplicates must be in the same split."""
        auto = "report" if self.mapping.published else "one-side"
        return (auto if self.duplicates.straddling == "auto" else self.duplicates.straddling) == "one-side"

    @property
    def uses_built_in(self) -> bool:
        """Whether the built-in taxonomy fills ranks: by its key in ``[names]``, or else by what the images are.

        Datasets of EOL, iNat21 and BIOSCAN have taxonomies of their providers, and published names are complete: both
        must come out as they always have.
        """
        if self.names.built_in is not None:
            return self.names.built_in
        kinds = {str(table.get("kind", name)) for name, table in self.sources.items()}
        return not (kinds & _WITH_OWN_TAXONOMIES or self.names.published or self.names.lookups)


def config_file(path: Path) -> Path:
    """The dataset.toml, given by its path or by that of its folder."""
    return path / FILE_NAME if path.is_dir() and path.name != FILE_NAME else path


def load(path: Path) -> Config:
    """Read and check a dataset.toml, given by its path or its folder's, and resolve its paths against its folder.

    Raises:
        ConfigError: it is missing, is not TOML, has an unknown key or an invalid value.
    """
    path = config_file(path)
    try:
        table = parse_toml(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"there is no configuration {path}; 'treeoflife init' writes one") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, UnreadableError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    return parse(table, base=path.parent, where=str(path))


def parse(table: dict[str, Any], base: Path, where: str = "the configuration") -> Config:
    """Check a configuration that is given as a table; see :func:`load`.

    Args:
        base: the folder against which relative paths are resolved.
        where: what the messages call the configuration.

    Raises:
        ConfigError: it has an unknown key or an invalid value.
    """
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe_errors(error, Config)}") from None
    return resolve_paths(config, real_path(base))


def describe_errors(error: ValidationError, model: type[BaseModel]) -> str:
    """The first five problems of a validation, each with its key; of an unknown key, with the key that may be meant.

    >>> try:
    ...     Wds.model_validate({"max_sample": 5})
    ... except ValidationError as error:
    ...     describe_errors(error, Wds)
    "unknown key 'max_sample' (max_samples?)"
    """
    return "; ".join(_describe_problem(part, model) for part in error.errors(include_url=False)[:5])


def _describe_problem(part: Any, model: type[BaseModel]) -> str:
    key = ".".join(str(step) for step in part["loc"])
    if part["type"] == "extra_forbidden":
        return f"unknown key '{key}'{_suggestion(model, part['loc'])}"
    if part["type"] == "missing":
        return f"the key '{key}' is missing"
    message = part["msg"].replace("Input should be a valid tuple", "should be a list, or tables in double brackets")
    return f"{key}: {message[:1].lower()}{message[1:]}, got {part['input']!r:.80}"


def _suggestion(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """The existing key most similar to the unknown one at ``location``, as a question; empty if none is similar."""
    for step in location[:-1]:
        # An index in an array of tables, such as [[holdout]], or a name as in [captions.NAME], is no key.
        if field := model.model_fields.get(str(step)):
            parts = (*get_args(field.annotation), field.annotation)
            model = next(part for part in parts if isinstance(part, type) and issubclass(part, BaseModel))
    similar = difflib.get_close_matches(str(location[-1]), model.model_fields, 1)
    return f" ({similar[0]}?)" if similar else ""


def resolve_paths(value: V, base: Path) -> V:
    """The same model (or path, or tuple or table of them) with its relative paths resolved against ``base``."""
    resolved: Any = value
    if isinstance(value, Path):
        # Path.expanduser raises for a user who does not exist; such a path is then named as one that is not there.
        resolved = value if value.is_absolute() else base / os.path.expanduser(value)  # noqa: PTH111
        if "\0" in str(resolved):
            raise ConfigError(f"the path {str(value)!r} has a character that no path may have")
    elif isinstance(value, Model):
        resolved = value.model_copy(update={name: resolve_paths(field, base) for name, field in value})
    elif isinstance(value, tuple):
        resolved = tuple(resolve_paths(item, base) for item in value)
    elif isinstance(value, dict):
        resolved = {key: resolve_paths(item, base) for key, item in value.items()}
    return cast(V, resolved)


def named_paths(model: Model) -> Iterator[tuple[str, Path]]:
    """The paths in a model's fields, each with its key."""
    for key, value in model:
        several = {f"{key}.{name}": one for name, one in value.items()} if isinstance(value, dict) else {}
        yield from ((name, one) for name, one in several.items() if isinstance(one, Path))
        yield from ((key, one) for one in (value if isinstance(value, tuple) else (value,)) if isinstance(one, Path))
