"""Writes docs/reference/commands.md from the command line's own help."""

from __future__ import annotations

from pathlib import Path

from typer.main import get_command

from treeoflife.cli.app import app


def main() -> None:
    """Write the page."""
    import typer

    root = get_command(app)
    parts = ["# Commands\n"]
    for name, command in sorted(root.commands.items()):  # type: ignore[attr-defined]
        context = typer.Context(command, info_name=f"treeoflife {name}", max_content_width=100)
        parts.append(f"## {name}\n\n````text\n{command.get_help(context)}\n````\n")
    Path(__file__).with_name("reference").joinpath("commands.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
