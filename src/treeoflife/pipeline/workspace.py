"""A dataset that is being built: its configuration, its files, its sources and their containers."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ..config.config import Config, config_file, load
from ..config.paths import Paths
from ..core.database import Database, open_database, remove_left_tables
from ..core.files import exists
from ..shards.text_settings import further_texts
from ..shards.texts import FurtherTexts
from ..sources.base import Container, Index, Source, signature
from ..sources.lists.listed import ListedImages
from ..sources.overlap import check_read_once
from ..sources.registry import load_sources, source_settings
from ..sources.withdrawn import read_withdrawn
from .boundaries import check_out


@dataclass(frozen=True)
class Workspace:
    """What a dataset.toml describes.

    Attributes:
        sources: the sources, in the order of the configuration.
        further: the texts of samples beside the ten.
    """

    config: Config
    paths: Paths
    sources: tuple[Source, ...]
    further: FurtherTexts = FurtherTexts()
    _containers: list[tuple[Source, Container]] = field(default_factory=list, compare=False)
    _signatures: dict[str, str] = field(default_factory=dict, compare=False)
    _indexes: dict[str, Path] = field(default_factory=dict, compare=False)

    @property
    def ids(self) -> Path:
        """The table of all ids, with or without splits."""
        return self.paths.mapping_parquet if self.config.mapping.published else self.paths.ids

    def withdrawn_input(self) -> dict[str, Path]:
        """The table of withdrawn images as an input of a stage; none where nothing was withdrawn."""
        return {"withdrawn": self.paths.withdrawn} if exists(self.paths.withdrawn) else {}

    def withdrawn(self) -> pl.DataFrame:
        """The table of withdrawn images; see :func:`~treeoflife.sources.withdrawn.read_withdrawn`."""
        return read_withdrawn(self.paths.withdrawn)

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

    def caption_tables(self) -> dict[str, Path]:
        """Where the captions of each caption that has a table are, once they are read."""
        return {name: self.paths.caption_table(name) for name, one in self.config.captions.items() if one.table}

    def listed_sources(self) -> list[ListedImages]:
        """The sources whose images are fetched from the web."""
        return [source for source in self.sources if isinstance(source, ListedImages)]

    def forget_containers(self) -> None:
        """Look again which containers there are: some have been fetched."""
        for known in (self._containers, self._signatures, self._indexes):
            known.clear()

    def indexes(self) -> dict[str, Path]:
        """The store's index of every container, by the container's label, in order."""
        if not self._indexes:
            encoded_index = self.paths.encoded_index
            self._indexes.update({one.label: encoded_index(one.source, one.name) for _, one in self.containers()})
        return self._indexes

    def stored(self, labels: Collection[str] | None = None) -> list[Index]:
        """The store's index of every container, in order; or of some, by their labels."""
        return [
            Index(source, one.name, self.indexes()[one.label])
            for source, one in self.containers()
            if labels is None or one.label in labels
        ]

    def signature(self, source: Source, container: Container) -> str:
        """The digest of names, sizes and times of a container's files; listing a million files once is enough."""
        if container.label not in self._signatures:
            self._signatures[container.label] = signature(source, container)
        return self._signatures[container.label]

    @property
    def scratch(self) -> Path:
        """The folder for tables that do not fit into memory; datasets may have the same one."""
        return self.config.engine.scratch or self.paths.scratch

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A database for the tables of one step, within the configured memory."""
        try:
            with open_database(self.scratch, self.config.engine.driver_memory_gb) as database:
                yield database
        finally:
            self.remove_left_tables()

    def remove_left_tables(self) -> None:
        """Remove what killed runs left in the scratch folder, and the folder if it is the dataset's own and empty."""
        remove_left_tables(self.scratch)
        with suppress(OSError):  # another command uses it, or it is not there
            self.paths.scratch.rmdir()

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
    paths, sources = Paths(path.parent, config.images, config.storage), load_sources(config, path.parent)
    settings = {name: source_settings(name, table, path.parent) for name, table in config.sources.items()}
    check_out(config, settings, paths)
    workspace = Workspace(config, paths, tuple(sources), further_texts(config, sources))
    for source in workspace.listed_sources():
        source.keep_in(paths.fetched_files(source.name))
    return workspace
