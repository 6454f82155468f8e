"""The components that can be downloaded: a list in the package, which a dataset.toml may change and extend."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files as resources
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from ..config.base import Model
from ..config.config import describe_errors
from ..core.json_reader import parse_toml
from ..errors import ConfigError

HexDigest = Annotated[str, Field(pattern="^([0-9a-f]{32}|[0-9a-f]{64})$")]


class HubFile(Model):
    """A file of a dataset on the Hugging Face Hub."""

    repo: str
    """OWNER/NAME of the dataset."""
    file: str
    """The file's path in the dataset."""
    revision: str = "main"
    """The branch, tag or commit."""


class UnpackRule(Model):
    """How an archive is unpacked."""

    into: str
    """The folder into which it is unpacked."""
    keep: str = "*"
    """The pattern of the paths of members to unpack."""
    strip: Annotated[int, Field(ge=0)] = 0
    """The number of leading folders to remove from the paths of members."""
    flat: bool = False
    """Remove all folders from the paths of members."""
    files: int | None = None
    """The number of files that must be unpacked."""
    folders: int | None = None
    """The number of folders in which they must lie."""
    bytes: int | None = None
    """The approximate size of these files together."""
    always: bool = False
    """The build needs it unpacked. Otherwise it is read as it is, and unpacked only with --unpack."""


class Component(Model):
    """Something to download: one file, a numbered series of files, or EOL's single images."""

    name: str
    """Its name on the command line."""
    about: str
    """A description in a few words."""
    kind: Literal["file", "images"] = "file"
    """file: one or more files. images: single images from the addresses in EOL's media manifest."""
    groups: tuple[str, ...] = ()
    """The groups to which it belongs: what a rebuild ('published') or a build from the sources ('original') needs."""
    url: str = ""
    """Its address, if it is not on the Hub."""
    hub: HubFile | None = None
    """The file on the Hub."""
    numbers: tuple[int, int] | None = None
    """The first and the last number of a series. {number} in url, hub and to stands for each of them."""
    to: str
    """Where it is saved, below the folder of downloads, or of the user's taxonomies."""
    size: int | None = None
    """The approximate size of a file in bytes."""
    bytes: int | None = None
    """The exact size of the file in bytes; a file of another size is refused."""
    md5: HexDigest = ""
    """The file's MD5, if the provider publishes it."""
    sha256: HexDigest = ""
    """The file's SHA-256, if the provider publishes it."""
    licence: str = ""
    """The licence."""
    redistribution: bool = True
    """Whether the licence allows passing the files on."""
    terms: str = ""
    """Terms that the user must know before the download."""
    unpack: UnpackRule | None = None
    """How it is unpacked, if it is an archive."""
    per_user: bool = False
    """Keep it once for each user, not once for each dataset: below the user's own folder of taxonomies."""

    @field_validator("to")
    @classmethod
    def _is_relative(cls, value: str) -> str:
        path = PurePosixPath(value)
        if path.is_absolute() or ".." in path.parts or not path.parts:
            raise ValueError("must be a path below the folder of downloads")
        return value

    @model_validator(mode="after")
    def _has_one_address(self) -> Component:
        if self.kind == "file" and bool(self.url) == bool(self.hub):
            raise ValueError("needs either url or hub")
        if self.url and not self.url.startswith(("https://", "http://")):
            raise ValueError(f"the url must begin with https:// or http://, not {self.url!r:.80}")
        return self

    def files(self) -> list[Component]:
        """Its files, each as a component of its own; none if its kind is ``images``."""
        if self.kind == "images":
            return []
        first, last = self.numbers or (0, 0)
        return [self._file(number) for number in range(first, last + 1)]

    def _file(self, number: int) -> Component:
        hub = self.hub and self.hub.model_copy(update={"file": _fill_in(self.hub.file, number)})
        update = {"to": _fill_in(self.to, number), "url": _fill_in(self.url, number), "hub": hub, "numbers": None}
        return self.model_copy(update=update)

    @property
    def address(self) -> str:
        """Where the list says it is."""
        return f"hf://datasets/{self.hub.repo}@{self.hub.revision}/{self.hub.file}" if self.hub else self.url

    @property
    def checksum(self) -> str:
        """The published SHA-256 or MD5 of the file; empty if none is published."""
        return self.sha256 or self.md5

    @property
    def notice(self) -> str:
        """What the user must know before the download: its terms, and a ban on redistribution; may be empty."""
        if self.redistribution and not self.terms:
            return ""
        ban = "" if self.redistribution else " It may NOT be redistributed."
        return f"{self.name}: {self.licence}.{ban} {self.terms}".rstrip()


def _fill_in(text: str, number: int) -> str:
    # A URL without {number} may contain other braces, which format() would reject.
    return text.format(number=number) if "{number" in text else text


def load_components(changes: Mapping[str, Mapping[str, Any]] | None = None) -> dict[str, Component]:
    """All components, by name.

    Args:
        changes: the tables ``[download.components.NAME]`` of a dataset.toml, which change the list or add to it.

    Raises:
        ConfigError: a key is unknown or has a wrong value.
    """
    tables = parse_toml(resources(__package__).joinpath("components.toml").read_text(encoding="utf-8"))
    for name, table in (changes or {}).items():
        tables[name] = _merge(tables.get(name, {}), table)
    return {name: _component(name, table) for name, table in tables.items()}


def _merge(table: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """``table`` with the keys of ``change``, key by key also within ``hub`` and ``unpack``."""
    obsolete = set()
    if "url" in change or "hub" in change:
        # The published size and checksums are those of the file at the old address.
        obsolete = {"bytes", "md5", "sha256", "hub" if "url" in change else "url"}
    kept = {key: value for key, value in table.items() if key not in obsolete}
    nested = {
        key: {**kept[key], **value}
        for key, value in change.items()
        if isinstance(value, Mapping) and isinstance(kept.get(key), Mapping)
    }
    return {**kept, **change, **nested}


def _component(name: str, table: Mapping[str, Any]) -> Component:
    try:
        return Component.model_validate({"name": name, **table})
    except ValidationError as error:
        raise ConfigError(f"[download.components.{name}]: {describe_errors(error, Component)}") from None


def select_components(names: Iterable[str], components: Mapping[str, Component]) -> list[Component]:
    """The components with these names, and those of the groups with these names; each once, in the list's order.

    Raises:
        ConfigError: there is no component or group of that name.

    >>> [component.name for component in select_components(["bioscan", "inat21"], load_components())]
    ['inat21', 'bioscan']
    """
    groups = {group for component in components.values() for group in component.groups}
    requested = list(names)
    for name in requested:
        if name not in components and name not in groups:
            close = get_close_matches(name, [*components, *groups], n=1)
            hint = f"; did you mean '{close[0]}'?" if close else "."
            choice = f"{', '.join(components)}; and the groups {', '.join(sorted(groups))}"
            raise ConfigError(f"there is no component '{name}'{hint} There are: {choice}")
    return [
        component for component in components.values() if not {component.name, *component.groups}.isdisjoint(requested)
    ]
