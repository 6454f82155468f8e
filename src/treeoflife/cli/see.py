"""The commands to see a dataset and to hand it on: report, explore, card, publish."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .common import DEFAULT_CONFIG, ConfigOption, working

if TYPE_CHECKING:
    from ..publish.upload import Plan


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
    from ..pipeline.stages import report as stage

    with working(config) as run:
        fresh = stage.look(run).fresh and not force
        print(f"report: {'up to date' if fresh else stage.work(run)}")
        print(run.dataset.paths.reports / "index.html")


def _of_catalog(catalog: Path, out: Path) -> Path:
    from ..core.terminal import listener
    from ..reports import make

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
    from ..core.terminal import listener
    from ..explore.serve import explore as serve

    serve(dataset or config, host, port, listener(), lambda address: print(f"open {address}", flush=True))


def captioned(
    shard: Annotated[Path, typer.Argument(help="A shard, with the ten texts.")],
    caption: Annotated[
        list[str] | None,
        typer.Option("--caption", help="A text to choose from, such as taxonTag_com; may be repeated."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Choose the same each time.")] = None,
) -> None:
    """Write a shard to standard output with one caption for each image, for trainers that read ID.jpg and ID.txt."""
    import sys
    from random import Random

    from ..shards.single_caption import CAPTIONS, stream

    stream(shard, sys.stdout.buffer, caption or CAPTIONS, Random(seed))  # noqa: S311
    sys.stdout.buffer.flush()


def card(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write licences.csv, the dataset card README.md, and croissant.json, from what was built."""
    from ..publish.describe import describe

    with working(config) as run:
        for path in describe(run.dataset):
            print(path)


def publish(
    repo: Annotated[str, typer.Argument(metavar="REPO", help="The dataset repository on the Hub, as OWNER/NAME.")],
    config: ConfigOption = DEFAULT_CONFIG,
    revision: Annotated[str, typer.Option("--revision", help="The branch.")] = "main",
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    private: Annotated[bool, typer.Option("--private", help="For a new repository: only its owners see it.")] = False,
) -> None:
    """Upload the dataset to the Hugging Face Hub. What is there is not sent again: run it again, and it goes on."""
    from ..publish import upload
    from ..publish.describe import describe

    with working(config) as run:
        if not dry_run:
            describe(run.dataset, f"{upload.endpoint()}/datasets/{repo}")
            print(_told(upload.upload(run, repo, revision, private=private), "sent"))
            return
        plan = upload.plan(run, repo, revision)
        for one in plan.files:
            print(f"{'there' if one.there else 'new':<6} {one.size:>15,}  {one.name}")
        for name in plan.gone:
            print(f"{'gone':<6} {'':>15}  {name}")
        print("first, the card README.md, croissant.json and licences.csv are written anew")
        print(_told(plan, "to send"))


def _told(plan: Plan, word: str) -> str:
    new = "" if plan.exists else ", a new repository"
    size = sum(one.size for one in plan.left)
    return f"{plan.repo}{new}: {len(plan.left)} files {word}, {size:,} bytes; {len(plan.files)} in all"
