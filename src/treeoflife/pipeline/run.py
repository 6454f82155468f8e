"""A dataset that is being made: its configuration, its files, its sources, and what a run of a stage needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ..config.config import Config, load
from ..config.paths import Paths
from ..core.files import remove_leftovers
from ..core.hash_cache import HashCache
from ..core.lock import locked
from ..core.progress import Listener, Silence
from ..core.text import printable
from ..engines import registry as engines
from ..engines.base import Done, Engine, Failed, Function
from ..engines.overview import end_orphans
from ..engines.serial import SerialEngine
from ..errors import TasksFailed
from ..sources.base import Container, Source, signature
from ..sources.registry import load_all

T = TypeVar("T")
R = TypeVar("R")
_SHOWN = 5


@dataclass(frozen=True)
class Dataset:
    """What a dataset.toml describes."""

    config: Config
    paths: Paths
    sources: tuple[Source, ...]

    @property
    def mapping(self) -> Path:
        """The mapping in use: the published one, or our own."""
        return self.config.mapping.published or self._own_mappings[0]

    @property
    def former_mapping(self) -> Path | None:
        """Our mapping in the other format, if there is one: it is still to be taken over."""
        other = self._own_mappings[1]
        return other if not self.config.mapping.published and other.exists() else None

    @property
    def _own_mappings(self) -> tuple[Path, Path]:
        both = (self.paths.mapping, self.paths.mapping_parquet)
        return both if self.config.mapping.format == "sqlite" else (both[1], both[0])


def open_dataset(path: Path) -> Dataset:
    """The dataset of a dataset.toml.

    Raises:
        ConfigError: the configuration is wrong.
    """
    config = load(path)
    return Dataset(config, Paths(path.parent, config.images), tuple(load_all(config, path.parent)))


@dataclass
class Run:
    """One run over a dataset: what stages are given to read with, run tasks on and tell progress to."""

    dataset: Dataset
    known: HashCache
    engine: Engine
    listener: Listener
    _containers: list[tuple[Source, Container]] = field(default_factory=list)
    _signatures: dict[tuple[str, str], str] = field(default_factory=dict)

    def containers(self) -> list[tuple[Source, Container]]:
        """All containers, in the order of the sources; the listing is made once for a run."""
        if not self._containers:
            self._containers += [(source, one) for source in self.dataset.sources for one in source.containers()]
        return self._containers

    def signature(self, source: Source, container: Container) -> str:
        """What a container is known again by; its files are looked at once for a run."""
        key = (source.name, container.name)
        if key not in self._signatures:
            self._signatures[key] = signature(source, container)
        return self._signatures[key]

    def saw(self, source: Source, container: Container, signature: str) -> None:
        """A task has looked at the container's files, later than this run did."""
        self._signatures[source.name, container.name] = signature

    def tasks(self, function: Function[T, R], tasks: Sequence[T], name: Callable[[T], str]) -> Iterator[tuple[T, R]]:
        """Run tasks on the engine; yields each with what it returned, in any order.

        Raises:
            TasksFailed: some failed; it is raised after the others finished, and names them.
        """
        failures: list[tuple[str, Failed]] = []
        for outcome in self.engine.run(function, tasks, self.listener.advance):
            if isinstance(outcome, Done):
                yield tasks[outcome.task], outcome.value
            else:
                failures.append((name(tasks[outcome.task]), outcome))
                self.listener.note(f"failed: {failures[-1][0]}: {outcome.error}")
        if failures:
            self._report(failures, len(tasks))

    def _report(self, failures: list[tuple[str, Failed]], total: int) -> None:
        text = "\n\n".join(f"{where}: {failed.error}\n{failed.traceback}" for where, failed in failures)
        log = self.dataset.paths.logs / "failures.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(printable(text))
        first = "; ".join(f"{where}: {failed.error}" for where, failed in failures[:_SHOWN])
        more = f" (and {len(failures) - _SHOWN} more)" if len(failures) > _SHOWN else ""
        raise TasksFailed(f"{len(failures)} of {total} tasks failed: {first}{more}; see {log}")


@contextmanager
def running(dataset: Dataset, listener: Listener | None = None) -> Iterator[Run]:
    """Work on a dataset, alone: leftovers of killed runs are removed first.

    Raises:
        BusyError: another run works on it.
    """
    paths = dataset.paths
    paths.root.mkdir(parents=True, exist_ok=True)
    with locked(paths.lock):
        remove_leftovers(paths.root)
        end_orphans(paths.jobs)
        try:
            with closing(engines.make(dataset.config.engine, paths.logs)) as engine, looking(dataset, listener) as run:
                run.engine = engine
                _take_in_shares(run)
                yield run
        finally:
            remove_leftovers(paths.root)


def _take_in_shares(run: Run) -> None:
    """What scripts that were submitted by hand have learned of files: see :mod:`.shares`."""
    for path in sorted(run.dataset.paths.shares.glob("*.sqlite")):
        run.known.take_in(path)
        path.unlink()


@contextmanager
def looking(dataset: Dataset, listener: Listener | None = None) -> Iterator[Run]:
    """Look at a dataset without working on it; others may."""
    known = HashCache(dataset.paths.known)
    try:
        yield Run(dataset, known, SerialEngine(), listener or Silence())
    finally:
        known.close()
