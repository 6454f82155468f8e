"""The commands to see a dataset and to hand it on: report, explore, card, publish."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import DEFAULT_CONFIG, ConfigOption, working


def report(
    catalog: Annotated[
        Path | None, typer.Argument(help="Any catalog, CSV or Parquet. Without it, the dataset's own.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    out: Annotated[Path | None, typer.Option("--out", help="For CATALOG: the folder that the report goes to.")] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Make it again even if nothing changed.")] = False,
) -> None:
    """Count and draw a dataset: statistics, treemaps, and a page that shows it all."""
    if catalog:
        print(_of_catalog(catalog, out or catalog.parent / "reports"))
        return
    from ..stages import report as stage

    with working(config) as run:
        fresh = stage.look(run).fresh and not force
        print(f"report: {'up to date' if fresh else stage.work(run)}")
        print(run.dataset.paths.reports / "index.html")


def _of_catalog(catalog: Path, out: Path) -> Path:
    from ..reports import make
    from ..terminal import listener

    title = catalog.resolve().parent.name or catalog.stem
    made_from = {"catalog": str(catalog.name)}
    make.make(out, make.Sources(title, catalog, out / "no-ledger"), made_from, listener())
    return out / "index.html"


def explore(
    dataset: Annotated[
        Path | None, typer.Argument(help="A folder with shards. Without it, the dataset of --config.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes any that is free.")] = 8321,
    host: Annotated[
        str, typer.Option("--host", help="Anything but this computer needs the token that is printed.")
    ] = "127.0.0.1",
) -> None:
    """Look at the dataset in a browser: walk the tree, search, filter, mark what is wrong."""
    from ..explore.serve import explore as serve
    from ..terminal import listener

    serve(dataset or config, host, port, listener(), lambda address: print(f"open {address}", flush=True))


def card(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write licences.csv, the dataset card README.md, and croissant.json, from what was built."""
    from .. import licences
    from ..publish.card import write_card
    from ..publish.croissant import write_croissant

    with working(config) as run:
        paths, manifest = run.dataset.paths, run.dataset.config.licences.manifest
        if manifest:
            licences.write(paths.licences, paths.catalog, manifest)
            print(paths.licences)
        print(write_card(run.dataset))
        print(write_croissant(run.dataset.paths))
