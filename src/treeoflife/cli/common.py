"""What the commands share: options, opening a dataset, printing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.objects import SCHEMES
from ..errors import ConfigError

if TYPE_CHECKING:
    from ..pipeline.session import Session

ConfigOption = Annotated[Path, typer.Option("--config", "-c", help="The dataset.toml of the dataset, or its folder.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", "-j", min=1, help="Number of processes; by default one per core.")
]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="Where tasks run (local, serial, slurm, ray), instead of the configured engine."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
DetachOption = Annotated[
    bool,
    typer.Option(
        "--detach", help="With the engine slurm: submit a small job that drives the rest, and return at once."
    ),
]
DEFAULT_CONFIG = Path("dataset.toml")


@contextmanager
def working(config: Path, workers: int | None = None, engine: str | None = None) -> Iterator[Session]:
    """A session that may change the dataset that ``config`` describes; it shows its progress on standard error."""
    from ..core.terminal import close_bars, listening
    from ..pipeline.opening import working as working_on
    from ..pipeline.workspace import open_workspace

    with listening() as listener, working_on(open_workspace(config, workers, engine), listener) as session:
        try:
            yield session
        finally:
            close_bars(listener)  # before workers are ended, which takes a while


def require_utf8_word(word: str) -> None:
    """Raise a ConfigError unless a word of the command line is UTF-8: libraries that read files take no other paths."""
    try:
        word.encode()
    except UnicodeEncodeError:
        raise ConfigError(
            f"{word} is not UTF-8: if it is a path, rename it, or make a link to it and name the link instead"
        ) from None


def refuse_address(word: str) -> None:
    """Raise a ConfigError if a word of the command line is an address: as a path, it would be that of no file."""
    value = word.partition("=")[2] if word.startswith("--") else word
    scheme, mark, rest = value.partition("://")
    if mark and scheme in SCHEMES:
        raise ConfigError(
            f"{scheme}://{rest.partition('?')[0]} is an address, and this command opens files of this computer: "
            "download it and name the file. The addresses of a dataset's own sources, store and shards stand in its "
            "dataset.toml"
        )


def say(text: str) -> None:
    """Print text that may hold names from outside: control characters are written as escapes."""
    from ..core.text import printable

    print(printable(text))


def show(value: Any) -> None:
    """Print a value as JSON; where the terminal cannot show a letter, with JSON's own escapes."""
    from ..core.files import to_json

    text = to_json(value, indent=1).decode()
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = to_json(value, indent=1, ensure_ascii=True).decode()
    print(text)
