"""Write docs/reference/commands.md from the help texts of the command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from treeoflife.cli.app import app


def main() -> None:
    """Write the page."""
    import typer

    parts = ["# Commands\n"]
    for name, command in _commands(get_command(app)):
        context = typer.Context(command, info_name=f"treeoflife {name}", max_content_width=100)
        parts.append(f"## {name}\n\n````text\n{command.get_help(context)}\n````\n")
    Path(__file__).with_name("reference").joinpath("commands.md").write_text("\n".join(parts), encoding="utf-8")


def _commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Commands of a group and its subgroups by full name; ``files`` is what ``treeoflife download`` runs by itself."""
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield (before.rstrip() if name == "files" else f"{before}{name}"), command


if __name__ == "__main__":
    main()
