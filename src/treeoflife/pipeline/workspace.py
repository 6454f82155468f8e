"""A dataset that is being built: its configuration, its files, its sources and their containers."""

from dataclasses import dataclass, field
from pathlib import Path

from ..config.config import Config, config_file, load
from ..config.paths import Paths
from ..core.files import exists
from ..sources.base import Container, Source, signature
from ..sources.overlap import check_read_once
from ..sources.registry import load_sources, source_settings
from .boundaries import check_out


@dataclass(frozen=True)
class Workspace:
    """What a dataset.toml describes.

    Attributes:
        sources: the sources, in the order of the configuration.
    """

    config: Config
    paths: Paths
    sources: tuple[Source, ...]
    _containers: list[tuple[Source, Container]] = field(default_factory=list, compare=False)
    _signatures: dict[str, str] = field(default_factory=dict, compare=False)
    _indexes: dict[str, Path] = field(default_factory=dict, compare=False)

    @property
    def mapping(self) -> Path:
        """The mapping in use: the published one, or the one that is made here."""
        return self.config.mapping.published or self._own_mappings[0]

    @property
    def former_mapping(self) -> Path | None:
        """The mapping in the other format, which was made before the configuration changed; None if there is none."""
        other = self._own_mappings[1]
        return other if not self.config.mapping.published and exists(other) else None

    @property
    def _own_mappings(self) -> tuple[Path, Path]:
        sqlite, parquet = self.paths.mapping, self.paths.mapping_parquet
        return (sqlite, parquet) if self.config.mapping.format == "sqlite" else (parquet, sqlite)

    def containers(self) -> list[tuple[Source, Container]]:
        """All containers with their sources, in order; listed once for a workspace.

        Raises:
            ConfigError: some images would be read twice.
        """
        if not self._containers:
            containers = [(source, one) for source in self.sources for one in source.containers()]
            check_read_once(containers)
            self._containers.extend(containers)
        return self._containers

    def indexes(self) -> dict[str, Path]:
        """The store's index of every container, by the container's label, in order."""
        if not self._indexes:
            encoded_index = self.paths.encoded_index
            self._indexes.update({one.label: encoded_index(one.source, one.name) for _, one in self.containers()})
        return self._indexes

    def signature(self, source: Source, container: Container) -> str:
        """The digest of names, sizes and times of a container's files; listing a million files once is enough."""
        if container.label not in self._signatures:
            self._signatures[container.label] = signature(source, container)
        return self._signatures[container.label]

    def observe(self, container: Container, signature: str) -> None:
        """Take over a signature that a worker saw later than this process did."""
        self._signatures[container.label] = signature


def open_workspace(path: Path, workers: int | None = None, engine: str | None = None) -> Workspace:
    """The workspace of a dataset.toml.

    Args:
        path: the dataset.toml, or the folder with it.
        workers: the number of processes, instead of the configured one.
        engine: the name of the engine, instead of the configured one.

    Raises:
        ConfigError: the configuration is wrong, or what the dataset is made from lies where it would be written.
    """
    path = config_file(path)
    config = load(path)
    options = {key: value for key, value in (("workers", workers), ("name", engine)) if value is not None}
    config = config.model_copy(update={"engine": config.engine.model_copy(update=options)})
    paths, sources = Paths(path.parent, config.images), load_sources(config, path.parent)
    settings = {name: source_settings(name, table, path.parent) for name, table in config.sources.items()}
    check_out(config, settings, paths)
    return Workspace(config, paths, tuple(sources))
