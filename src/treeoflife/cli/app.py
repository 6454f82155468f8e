"""The commands that make a dataset."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..errors import ConfigError
from . import catalog, checks, demo, download, holdout, jobs, leaks, names, see
from .common import (
    DEFAULT_CONFIG,
    ConfigOption,
    EngineOption,
    JsonOption,
    WorkersOption,
    dataset_of,
    say,
    show,
    working,
)

app = typer.Typer(
    name="treeoflife",
    help="Build image-text datasets of living things: ids, splits, names, WebDataset shards, checks, a catalog.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Kind(enum.StrEnum):
    """Where a dataset starts from."""

    original = "original"
    published = "published"
    folder = "folder"


def _version(*, wanted: bool) -> None:
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    *,
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def init(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="original: from the providers' files. published: from the published mapping and names. "
            "folder: from your own photographs."
        ),
    ],
    raw: Annotated[Path, typer.Option("--raw", help="The folder with the images and their metadata.")],
    out: Annotated[Path, typer.Option("--out", help="The folder of the dataset.")],
    table: Annotated[
        Path | None, typer.Option("--table", help="For your own photographs: the table that says what they show.")
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace a dataset.toml that is there.")] = False,
) -> None:
    """Look at raw data and write OUT/dataset.toml, every key explained."""
    from ..core.files import write_text
    from ..pipeline.discover import discover

    path = out / "dataset.toml"
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; --force replaces it")
    looked = discover(kind.value, raw, table)
    write_text(path, looked.text)
    for line in looked.found:
        say(f"found      {line}")
    for line in looked.missing:
        say(f"not found  {line}")
    print(f"\nwrote {path}\nnext: treeoflife build --config {path}")


@app.command()
def build(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    until: Annotated[str | None, typer.Option("--until", help="Stop after this stage.")] = None,
    *,
    detach: jobs.DetachOption = False,
) -> None:
    """Run every stage that is not up to date, and sum up."""
    from ..pipeline import build as pipeline
    from ..pipeline.summary import summarise

    if detach:
        jobs.detach(config, engine, "build", *(("--until", until) if until else ()))
        return
    if until:
        _stages(config, workers, engine, *pipeline.up_to(until))
        return
    with working(config, workers, engine) as run:
        pipeline.build(run)
        say(summarise(run.dataset).text())


@app.command()
def status(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Say what is done, what is stale and why, and what is left."""
    from dataclasses import asdict

    from ..pipeline import build as pipeline
    from ..pipeline.run import looking

    dataset = dataset_of(config)
    with looking(dataset) as run:
        states = pipeline.status(run)
    if as_json:
        show({name: asdict(state) | {"fresh": state.fresh} for name, state in states.items()})
        return
    for name, state in states.items():
        word = "done" if state.fresh else "to do"
        say(f"{name:<11} {word:<6} {state.done:>7} done {state.remaining:>7} left  {'; '.join(state.why)}".rstrip())
    for line in jobs.going_on(dataset):
        say(line)


def _stages(config: Path, workers: int | None, engine: str | None, *names: str) -> None:
    from ..pipeline import build as pipeline

    with working(config, workers, engine) as run:
        done = pipeline.build(run, names)
        for name in names:
            say(f"{name}: {done.get(name, 'up to date')}")


@app.command()
def mapping(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    detach: jobs.DetachOption = False,
) -> None:
    """Give every image of every source its id."""
    if detach:
        jobs.detach(config, engine, "mapping")
        return
    _stages(config, workers, engine, "mapping")


@app.command()
def splits(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Split the images into train, val and train_small."""
    _stages(config, None, None, "splits")


@app.command()
def metadata(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Give every image its name."""
    _stages(config, None, None, "metadata")


@app.command()
def duplicates(
    config: ConfigOption = DEFAULT_CONFIG, workers: WorkersOption = None, engine: EngineOption = None
) -> None:
    """Find images that are the same picture, over all sources, and list them in groups."""
    _stages(config, workers, engine, "encode", "duplicates")


@app.command()
def wds(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    detach: jobs.DetachOption = False,
) -> None:
    """Encode the images, bring their names up to date, plan the shards, and pack them."""
    from ..pipeline.build import WDS

    if detach:
        jobs.detach(config, engine, "wds")
        return
    _stages(config, workers, engine, *WDS)


app.command(name="check-wds")(checks.check_wds)
app.command(name="check-taxa")(checks.check_taxa)
app.command(name="verify")(checks.verify)
app.command(name="demo")(demo.demo)
app.command(name="catalog")(catalog.catalog)
app.add_typer(names.app, name="names")
app.command(name="leaks")(leaks.leaks)
app.command(name="hashes")(leaks.hashes)
app.add_typer(holdout.app, name="holdout")
app.command(name="report")(see.report)
app.command(name="explore")(see.explore)
app.command(name="captioned")(see.captioned)
app.command(name="card")(see.card)
app.command(name="publish")(see.publish)
app.add_typer(download.app, name="download", help="Fetch what a build needs: components, or groups of them.")
app.command(name="jobs")(jobs.jobs)
app.command(name="cancel")(jobs.cancel)
app.command(name="export-slurm")(jobs.export_slurm)
app.command(name="share")(jobs.share)
