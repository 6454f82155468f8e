"""``treeoflife names``: why something is called what it is called, and what changed between two tables of names."""

from pathlib import Path
from typing import Annotated

import typer

from .common import DEFAULT_CONFIG, ConfigOption, say

app = typer.Typer(no_args_is_help=True, help="Look into names.")


@app.command()
def why(
    name: Annotated[
        str, typer.Argument(help="A scientific name, an EOL page, a class number, a treeoflife id, or source:key.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(min=1, help="The most names to explain.")] = 3,
) -> None:
    """Print the whole reasoning behind a name: the evidence, every record weighed, and what was taken from whom."""
    from ..config.config import config_file, load
    from ..config.paths import Paths
    from ..taxonomy import authorities
    from ..taxonomy.explain import explain, find_names, read_names
    from ..taxonomy.parsers import make_parser

    settings = load(config)
    matches = find_names(read_names(Paths(config_file(config).parent, settings.images).names), name)
    taxonomies = authorities.load(settings.names, make_parser(settings.names.parser))
    for row in matches.head(limit).iter_rows(named=True):
        for line in explain(row, settings.names, taxonomies):
            say(line)
    if len(matches) > limit:
        say(f"and {len(matches) - limit} more; --limit shows them")


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="A names.parquet.")],
    new: Annotated[Path, typer.Argument(help="Another.")],
    limit: Annotated[int, typer.Option(min=0, help="The most changes to print; 0 prints the counts alone.")] = 100,
) -> None:
    """Print what changed between two names.parquet files: counts per source and column, then the changes."""
    from ..taxonomy import explain

    changes = explain.diff(explain.read_names(old), explain.read_names(new))
    for source, column, count in changes.group_by("source", "column").len().sort("source", "column").iter_rows():
        say(f"{source}: {column}: {count} changed")
    for source, key, column, before, after in changes.head(limit).iter_rows():
        say(f"{source}:{key} {column}: {before or '-'} -> {after or '-'}")
    if not len(changes):
        say("no difference")
