"""The list of components: what there is to download, as data, and what a dataset.toml changes in it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files as resources
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from ..config.base import Model
from ..config.config import describe
from ..errors import ConfigError

Hex = Annotated[str, Field(pattern="^([0-9a-f]{32}|[0-9a-f]{64})$")]


class HubFile(Model):
    """A file of a dataset on the Hugging Face Hub."""

    repo: str
    """OWNER/NAME of the dataset."""
    file: str
    """Its path there."""
    revision: str = "main"
    """The branch, tag or commit."""


class Unpack(Model):
    """How an archive is unpacked."""

    into: str
    """The folder that takes its members."""
    keep: str = "*"
    """Only members whose path fits this pattern."""
    strip: Annotated[int, Field(ge=0)] = 0
    """How many leading folders of a member's path are left out."""
    flat: bool = False
    """Leave out all folders of a member's path."""
    files: int | None = None
    """How many members there must be."""
    folders: int | None = None
    """How many folders they must lie in."""
    bytes: int | None = None
    """About how much they take."""
    always: bool = False
    """The build needs it unpacked; otherwise it is read as it is, and unpacked only when asked for."""


class Component(Model):
    """Something to download: one file, or a numbered series of files."""

    name: str
    """What it is called on the command line."""
    about: str
    """What it is."""
    kind: Literal["file", "images"] = "file"
    """file: files at an address. images: single images from EOL's media manifest."""
    groups: tuple[str, ...] = ()
    """The ways of building that need it."""
    url: str = ""
    """Where it is, unless it is on the Hub."""
    hub: HubFile | None = None
    """Where it is on the Hub."""
    numbers: tuple[int, int] | None = None
    """For a series: the first and the last number, which stands for {number} in the keys above and below."""
    to: str
    """Where it goes, below the folder of downloads."""
    size: int | None = None
    """About how many bytes a file has."""
    bytes: int | None = None
    """How many bytes it has, exactly; another length is an error."""
    md5: Hex = ""
    """Its MD5, where the provider publishes it."""
    sha256: Hex = ""
    """Its SHA-256, where the provider publishes it."""
    licence: str = ""
    """The licence."""
    redistribution: bool = True
    """Whether its licence lets it be passed on."""
    terms: str = ""
    """What is to be known before it is fetched."""
    unpack: Unpack | None = None
    """How it is unpacked."""

    @field_validator("to")
    @classmethod
    def _inside(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("must be a path below the folder of downloads")
        return value

    @model_validator(mode="after")
    def _one_place(self) -> Component:
        if self.kind == "file" and bool(self.url) == bool(self.hub):
            raise ValueError("needs either url or hub")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"the url must begin with https:// or http://, not {self.url!r:.80}")
        return self

    def files(self) -> list[File]:
        """Its files; none for single images."""
        if self.kind == "images":
            return []
        first, last = self.numbers or (0, 0)
        return [File.of(self, number) for number in range(first, last + 1)]


class File(Model):
    """One file to fetch."""

    component: Component
    """What it belongs to."""
    to: str
    """Where it goes, below the folder of downloads."""
    url: str = ""
    """Where it is, unless it is on the Hub."""
    hub: HubFile | None = None
    """Where it is on the Hub."""

    @classmethod
    def of(cls, component: Component, number: int) -> File:
        """The file of a component that has a number."""
        hub = component.hub
        if hub:
            hub = hub.model_copy(update={"file": _fill(hub.file, number)})
        return cls(component=component, to=_fill(component.to, number), url=_fill(component.url, number), hub=hub)

    @property
    def size(self) -> int | None:
        """How many bytes it has, as far as the list knows."""
        return self.component.bytes or self.component.size

    @property
    def address(self) -> str:
        """Where the list says it is."""
        return f"hf://datasets/{self.hub.repo}@{self.hub.revision}/{self.hub.file}" if self.hub else self.url

    def fits(self, digest: str) -> bool:
        """Whether a SHA-256 is not another than the published one, as far as a SHA-256 is published."""
        return self.component.sha256 in ("", digest)


def _fill(text: str, number: int) -> str:
    """The text with its ``{number}``; a URL's other braces stay."""
    return text.format(number=number) if "{number" in text else text


def listed() -> dict[str, dict[str, Any]]:
    """The list in the package."""
    return tomllib.loads(resources(__package__).joinpath("components.toml").read_text(encoding="utf-8"))


def components(changes: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Component]:
    """All components, with what a dataset.toml changes in the list or adds to it.

    Raises:
        ConfigError: a key is unknown or has a wrong value.
    """
    tables = listed()
    for name, table in (changes or {}).items():
        tables[name] = _changed(tables.get(name, {}), table)
    return {name: _component(name, table) for name, table in tables.items()}


def _changed(table: dict[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Single keys change, also within hub and unpack. Another place puts what was known of the bytes out of force."""
    gone = set()
    if "url" in change or "hub" in change:
        gone = {"bytes", "md5", "sha256", "hub" if "url" in change else "url"}
    kept = {key: value for key, value in table.items() if key not in gone}
    inner = {
        key: {**kept[key], **value}
        for key, value in change.items()
        if isinstance(value, Mapping) and isinstance(kept.get(key), Mapping)
    }
    return {**kept, **change, **inner}


def _component(name: str, table: Mapping[str, Any]) -> Component:
    try:
        return Component.model_validate({"name": name, **table})
    except ValidationError as error:
        raise ConfigError(f"[download.components.{name}]: {describe(error, Component)}") from None


def chosen(names: Iterable[str], known: Mapping[str, Component]) -> list[Component]:
    """The components that are called so, or belong to a group that is called so; each once, in the list's order.

    Raises:
        ConfigError: a name is neither.

    >>> [one.name for one in chosen(["bioscan", "inat21"], components())]
    ['inat21', 'bioscan']
    """
    groups = {group for one in known.values() for group in one.groups}
    wanted: set[str] = set()
    for name in names:
        if name not in known and name not in groups:
            close = get_close_matches(name, [*known, *groups], n=1)
            hint = f"; did you mean '{close[0]}'?" if close else "."
            there = f"{', '.join(known)}; and the groups {', '.join(sorted(groups))}"
            raise ConfigError(f"there is no component '{name}'{hint} There are: {there}")
        wanted |= {name} if name in known else {one.name for one in known.values() if name in one.groups}
    return [one for one in known.values() if one.name in wanted]
