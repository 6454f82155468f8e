"""``treeoflife names``: names of labels, why something is called what it is called, and what changed."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from .common import DEFAULT_CONFIG, ConfigOption, say

app = typer.Typer(no_args_is_help=True, help="Look into names.")


@app.command()
def match(
    file: Annotated[
        Path,
        typer.Argument(help="A table of labels: CSV, Parquet, Excel; or a text with a name on each line. -: stdin."),
    ],
    column: Annotated[
        str, typer.Option("--column", help="The column with the scientific names, if it is called otherwise.")
    ] = "",
    taxonomy: Annotated[
        list[Path] | None,
        typer.Option(
            "--taxonomy", help="A checklist (ColDP, Darwin Core, NCBI's taxdump) that comes first; repeatable."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where the lineages go: CSV, or Parquet; else to the terminal."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A dataset.toml, to name labels as this dataset does.")
    ] = None,
) -> None:
    """Give each label of a table its lineage, and the reason where ranks are missing. No dataset is needed."""
    from ..pipeline.match_names import matching, names_for, print_csv, standard_input, write_matches
    from ..pipeline.match_summary import match_summary

    names, cache = names_for(config, taxonomy or [])
    with standard_input(file) as labels, matching(labels, column, names, cache, _note) as (matches, read_as):
        if output:
            write_matches(matches, output)
        else:
            print_csv(matches, sys.stdout.write)
            sys.stdout.flush()
        for line in match_summary(matches, read_as, names):
            _note(line)
    if output:
        _note(f"wrote       {output}")


def _note(text: str) -> None:
    """Print a line beside the result, which may go to standard output."""
    from ..core.text import printable

    print(printable(text), file=sys.stderr)


@app.command()
def why(
    name: Annotated[
        str, typer.Argument(help="A scientific name, an EOL page, a class number, a treeoflife id, or source:key.")
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    limit: Annotated[int, typer.Option(min=1, help="The most names to explain.")] = 3,
) -> None:
    """Print the whole reasoning behind a name: the evidence, every record weighed, and what was taken from whom.

    Where there is no dataset, or nothing in it has this name, the name itself is explained as that of a label.
    """
    from ..pipeline.why import why as explain

    for line in explain(name, None if config == DEFAULT_CONFIG and not config.exists() else config, limit):
        say(line)


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
