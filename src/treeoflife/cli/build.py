"""The commands that build a dataset: init, build, status, the single stages, demo."""

import enum
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .clusters import detach_driver, running_jobs
from .common import (
    DEFAULT_CONFIG,
    ConfigOption,
    DetachOption,
    EngineOption,
    JsonOption,
    WorkersOption,
    say,
    show,
    working,
)


class Kind(enum.StrEnum):
    """What a dataset is built from."""

    original = "original"
    published = "published"
    folder = "folder"
    gbif = "gbif"
    inaturalist = "inaturalist"
    urls = "urls"


def init(
    kind: Annotated[
        Kind,
        typer.Argument(
            help="original: from the providers' files. published: from the published mapping and names, or catalog. "
            "folder: from your own photographs. gbif: from a download of GBIF, or any Darwin Core Archive. "
            "inaturalist: from iNaturalist's Open Data or an export. "
            "urls: from a table of addresses, such as TreeOfLife-200M's catalog."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The folder of the dataset.")],
    raw: Annotated[
        Path | None, typer.Option("--raw", help="The folder with the images and their metadata, or with the tables.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option("--table", help="The table that says what your own photographs show, or that lists addresses."),
    ] = None,
    file_column: Annotated[
        str, typer.Option("--file-column", help="The column of the table with the photographs' files.")
    ] = "",
    boxes: Annotated[
        Path | None,
        typer.Option("--boxes", help="Boxes in your own photographs, each of which becomes a sample: JSON or a table."),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing dataset.toml.")] = False,
) -> None:
    """Look at raw data, and write the dataset.toml that fits it."""
    from ..config.paths import require_utf8
    from ..core.files import write_text
    from ..pipeline.boundaries import check_raw_is_not_out
    from ..pipeline.discover import discover
    from ..pipeline.discover_listed import discover_listed
    from ..pipeline.listed_kinds import LISTED

    require_utf8(out)
    path = out / "dataset.toml"
    if path.exists() and not force:
        raise ConfigError(f"{path} exists already; --force replaces it")
    raw = raw or (table if kind.value in LISTED else None)
    if raw is None:
        option = "--table" if kind == Kind.urls else "--raw"
        raise typer.BadParameter("it names what the dataset is made from", param_hint=option)
    check_raw_is_not_out(raw, out)
    if describe := LISTED.get(kind.value):
        discovery = discover_listed(describe, raw, out)
    else:
        discovery = discover(kind.value, raw, table, file_column, boxes)
    write_text(path, discovery.text)
    for line in discovery.found:
        say(f"found      {line}")
    for line in discovery.missing:
        say(f"not found  {line}")
    for line in discovery.remarks:
        say(f"note       {line}")
    print(f"\nwrote {path}\nnext: treeoflife build --config {path}")


def build(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    until: Annotated[str | None, typer.Option("--until", help="Stop after this stage.")] = None,
    *,
    detach: DetachOption = False,
) -> None:
    """Run every stage that is not up to date, and print a summary."""
    if detach:
        detach_driver(config, engine, "build", *(("--until", until) if until else ()))
    elif until:
        from ..pipeline.build import up_to

        _make(config, workers, engine, *up_to(until))
    else:
        with working(config, workers, engine) as session:
            # Imported while a worker starts.
            from ..pipeline.build import build as build_stages
            from ..pipeline.summary import summarise

            build_stages(session)
            say(summarise(session).text())


def fetch(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    retry: Annotated[
        list[str] | None,
        typer.Option(
            "--retry",
            metavar="REASON",
            help="Ask again for the images that failed for this reason, such as http-404; may be given several times.",
        ),
    ] = None,
    *,
    detach: DetachOption = False,
) -> None:
    """Fetch the images of sources that list addresses on the web.

    Nothing is fetched twice. What failed for a reason that may have passed is asked again, as by every build.
    """
    from ..pipeline.build import build as build_stages

    if detach:
        detach_driver(config, engine, "fetch", *(word for reason in retry or () for word in ("--retry", reason)))
        return
    with working(config, workers, engine) as session:
        summaries = build_stages(session, ["fetch"], retry or ())
        nothing = "up to date" if session.workspace.listed_sources() else "no source lists images on the web"
        say(f"fetch: {summaries.get('fetch', nothing)}")


def status(config: ConfigOption = DEFAULT_CONFIG, *, as_json: JsonOption = False) -> None:
    """Say how far each stage is, and why."""
    from dataclasses import asdict

    from ..pipeline.build import remarks as remarks_of
    from ..pipeline.build import status as states_of
    from ..pipeline.opening import inspecting
    from ..pipeline.workspace import open_workspace

    workspace = open_workspace(config)
    with inspecting(workspace) as session:
        states, remarks = states_of(session), remarks_of(session)
    if as_json:
        show({name: asdict(state) | {"fresh": state.fresh} for name, state in states.items()})
        return
    for name, state in states.items():
        word = "waiting" if state.waiting else "done" if state.fresh else "to do"
        counts = f"{state.done:>7} done {state.remaining:>7} left" if not state.waiting else ""
        say(f"{name:<11} {word:<7} {counts:<25}  {'; '.join(state.why)}".rstrip())
    for line in (*remarks, *running_jobs(workspace)):
        say(line)


def _make(config: Path, workers: int | None, engine: str | None, *stages: str) -> None:
    from ..pipeline.build import build as build_stages

    with working(config, workers, engine) as session:
        summaries = build_stages(session, stages)
        for stage in stages:
            say(f"{stage}: {summaries.get(stage, 'up to date')}")


def mapping(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    detach: DetachOption = False,
) -> None:
    """Give every image of every source its id."""
    if detach:
        detach_driver(config, engine, "mapping")
    else:
        _make(config, workers, engine, "mapping")


def splits(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Split the images into train, val and train_small."""
    _make(config, None, None, "provenance", "splits")


def provenance(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Say of every image where it comes from, who owns it, and under which licence."""
    _make(config, None, None, "provenance")


def metadata(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Give every image its name."""
    _make(config, None, None, "metadata")


def duplicates(
    config: ConfigOption = DEFAULT_CONFIG, workers: WorkersOption = None, engine: EngineOption = None
) -> None:
    """Group images that are the same picture."""
    _make(config, workers, engine, "encode", "duplicates")


def wds(
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    detach: DetachOption = False,
) -> None:
    """Make the shards: encode, name, plan, pack."""
    from ..pipeline.build import WDS

    if detach:
        detach_driver(config, engine, "wds")
    else:
        _make(config, workers, engine, *WDS)


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the world and the dataset go.")] = Path("demo"),
    workers: WorkersOption = None,
) -> None:
    """Build a dataset from a tiny drawn world.

    It has three sources, broken files and a hold-out.
    """
    from ..core.files import write_text
    from ..pipeline.build import build as build_stages
    from ..pipeline.discover import discover
    from ..pipeline.summary import summarise
    from ..testing.world import draw_world

    world, config = folder / "world", folder / "dataset" / "dataset.toml"
    if world.exists() and not config.exists():
        raise ConfigError(f"{world} is there already, and not of a demo: remove it, or name another folder")
    draw_world(world, natural=True)
    text = discover("original", world).text
    if config.exists() and config.read_text(encoding="utf-8") != text:
        raise ConfigError(f"{config} is there already, and not that of a demo: remove it, or name another folder")
    write_text(config, text)
    with working(config, workers) as session:
        build_stages(session)
        print(summarise(session).text())
