"""What the commands share: options, opening a dataset to work on, printing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..pipeline.run import Dataset, Run

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The dataset.toml of the dataset.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", "-j", min=1, help="Processes; one per core, if not given.")
]
EngineOption = Annotated[
    str | None, typer.Option("--engine", help="Where tasks run, in place of what the configuration says.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DEFAULT_CONFIG = Path("dataset.toml")


@contextmanager
def working(config: Path, workers: int | None = None, engine: str | None = None) -> Iterator[Run]:
    """A run over the dataset that ``config`` describes, which tells of its progress on standard error."""
    from ..core.terminal import listener
    from ..pipeline.run import running

    with running(dataset_of(config, workers, engine), listener()) as run:
        yield run


@contextmanager
def reading(config: Path, workers: int | None = None, engine: str | None = None) -> Iterator[Run]:
    """The same for a command that changes nothing: a dataset that cannot be written to will do."""
    from contextlib import closing
    from tempfile import TemporaryDirectory

    from ..core.terminal import listener
    from ..engines import registry as engines
    from ..pipeline.run import looking

    if os.access(config.parent, os.W_OK):
        with working(config, workers, engine) as run:
            yield run
        return
    dataset = dataset_of(config, workers, engine)
    with (
        TemporaryDirectory() as logs,
        closing(engines.make(dataset.config.engine, Path(logs))) as made,
        looking(dataset, listener()) as run,
    ):
        run.engine = made
        yield run


def dataset_of(config: Path, workers: int | None = None, engine: str | None = None) -> Dataset:
    """The dataset that ``config`` describes, with the engine that was asked for."""
    from dataclasses import replace

    from ..pipeline.run import open_dataset

    dataset = open_dataset(config)
    asked = {key: value for key, value in (("workers", workers), ("name", engine)) if value is not None}
    table = dataset.config.engine.model_copy(update=asked)
    return replace(dataset, config=dataset.config.model_copy(update={"engine": table}))


def say(text: str) -> None:
    """Print for people: what a terminal would obey, and names may hold anything, is written as escapes."""
    from ..core.text import printable

    print(printable(text))


def show(value: Any) -> None:
    """Print a value as JSON."""
    print(json.dumps(value, indent=1, ensure_ascii=False))
