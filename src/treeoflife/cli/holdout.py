"""``treeoflife holdout``: making a hold-out set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import DEFAULT_CONFIG, ConfigOption, EngineOption, WorkersOption, working

app = typer.Typer(no_args_is_help=True, help="Make a hold-out set.")


@app.callback()
def _root() -> None:
    """Make a hold-out set."""


@app.command()
def make(
    species: Annotated[Path, typer.Option("--species", help="The species that may be in it: CSV, text or JSON.")],
    per_species: Annotated[int, typer.Option("--per-species", min=1, help="Images of each.")] = 30,
    not_in: Annotated[
        str, typer.Option("--not-in", help="Sources, with commas between; a species that occurs there is passed over.")
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", help="Of the choice; the dataset's, if not given.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Its folder; one in the dataset, called as the list, if not given.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
) -> None:
    """Choose species with enough distinct images, write as many of each, and have the build leave the species out."""
    from ..evaluation.holdout_set import make as make_set
    from ..evaluation.holdout_set import wish_of
    from ..pipeline import build as pipeline

    names = [one.strip() for one in not_in.split(",") if one.strip()]
    with working(config, workers, engine) as run:
        wish = wish_of(species, per_species, names, run.dataset.config.seed if seed is None else seed)
        folder = out or run.dataset.paths.holdout_set(species.stem)
        pipeline.build(run, pipeline.up_to("metadata"))
        chosen = make_set(run, wish, folder)
    found = chosen.images.select("genus", "species").n_unique()
    print(f"{chosen.images.height} images of {found} species in {folder}")
    print(f"{chosen.passed_over.height} species passed over: see {folder / 'passed-over.csv'}")
    print(f"{config} now holds the species out; 'treeoflife build --config {config}' obeys it")
