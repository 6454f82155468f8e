"""Try an installed treeoflife: the demonstration, and the help of every command. ``make test-dist`` runs this.

It is run by the Python that treeoflife is installed for, which needs nothing else, and works in an empty folder.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from typer.main import get_command

import treeoflife
from treeoflife.cli.app import app

CHECKOUT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run everything; a command that fails ends the trial with its output."""
    package = Path(treeoflife.__file__).resolve().parent
    if package.is_relative_to(CHECKOUT / "src"):
        raise SystemExit(f"treeoflife is imported from the checkout, {package}, and not from what was installed")
    with tempfile.TemporaryDirectory() as folder:
        commands = [*_commands(get_command(app))]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            helps = [*threads.map(lambda words: _run(folder, *words, "--help"), commands)]
        for command, text in zip(commands, helps, strict=True):
            if not text.startswith("Usage: treeoflife "):
                raise SystemExit(f"the help of {command} does not begin with its usage: {text[:100]}")
        _run(folder, "demo", "demo")
        _run(folder, "verify", "demo/dataset")
    about = distribution("treeoflife")
    print(f"treeoflife {about.version} in {package}: demo, verify, and the help of {len(commands)} commands")


def _commands(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of a command and of all of its subcommands."""
    yield words
    for name, subcommand in getattr(command, "commands", {}).items():
        yield from _commands(subcommand, (*words, name))


def _run(folder: str, *words: str) -> str:
    """What ``treeoflife WORDS`` prints in a folder, where nothing leads to the checkout."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = Path(sys.prefix) / "bin/treeoflife"
    done = subprocess.run([program, *words], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"treeoflife {' '.join(words)} exits with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
