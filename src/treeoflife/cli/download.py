"""``treeoflife download``: fetching what a build needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ..config import Config
    from ..download.components import Component
    from ..download.run import Row


def download(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMPONENT]...", help="Components, or the groups original and published. --list shows them."
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="The folder of downloads; otherwise that of the configuration, or raw.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="A dataset.toml; the one in this folder, if there is one.")
    ] = None,
    manifest: Annotated[
        list[Path] | None, typer.Option("--manifest", help="eol-images: a file of the media manifest; may be repeated.")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", "-j", min=1, help="eol-images: processes.")] = None,
    engine: Annotated[str | None, typer.Option("--engine", help="eol-images: where tasks run.")] = None,
    *,
    listing: Annotated[
        bool, typer.Option("--list", help="Show components, sizes, licences, and what is there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    unpack: Annotated[
        bool,
        typer.Option("--unpack", help="Unpack iNat21 and BIOSCAN too, which are read from their archives otherwise."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON.")] = False,
) -> None:
    """Fetch what a build needs, whole, and lay it out as init expects it. Run again, it goes on where it stopped."""
    from ..download import components, run
    from ..errors import ConfigError

    settings, records = _settings(config)
    known = components.components(settings.download.components)
    root = run.configured(settings.download, to)
    chosen = components.chosen(names or [], known)
    if listing:
        _show(run.rows(chosen or list(known.values()), root), root, as_json=as_json)
        return
    if not chosen:
        raise ConfigError("name components or a group: original or published; 'treeoflife download --list' shows them")
    if dry_run:
        _plan(chosen, root, unpack=unpack)
        return
    _work(chosen, root, settings, records, unpack=unpack, images=(manifest or [], workers, engine))


def _settings(config: Path | None) -> tuple[Config, list[Path]]:
    """The configuration, and the further records of what is downloaded."""
    from ..config import Config, load, rooted
    from ..download.record import NAME

    path = config or Path("dataset.toml")
    if config is None and not path.exists():
        return rooted(Config(sources={}), Path.cwd()), []
    return load(path), [path.absolute().parent / NAME]


def _work(
    chosen: list[Component],
    root: Path,
    settings: Config,
    records: list[Path],
    *,
    unpack: bool,
    images: tuple[list[Path], int | None, str | None],
) -> None:
    from ..download import run
    from ..terminal import listener

    files = [one for one in chosen if one.kind == "file"]
    if files:
        lines = run.download(files, root, settings.download, listener(), unpack=unpack, records=records)
        print(f"{len(lines)} files are whole; {root / 'downloads.jsonl'} has their addresses and checksums")
    if any(one.kind == "images" for one in chosen):
        from ..download.images import download_images

        manifests, workers, engine = images
        summary = download_images(settings, root, manifests, listener(), workers=workers, engine=engine)
        print(summary)


def _plan(chosen: list[Component], root: Path, *, unpack: bool) -> None:
    """What would be fetched, and whether the disk takes it."""
    from ..download import run
    from ..terminal import quantity

    places = run.survey(chosen, root)
    for text in run.notices(chosen):
        print(f"NOTE  {text}")
    for place in places:
        state = "there" if place.line else f"{quantity(place.left, 'bytes')} to come" if place.size else "size unknown"
        print(f"{state:<20}  {place.file.to}  <-  {place.file.url or _hub(place)}")
    print(f"in all {quantity(run.needed(places, unpack=unpack), 'bytes')} of disk, as far as sizes are known")
    run.check_space(places, root, unpack=unpack)


def _hub(place: Any) -> str:
    return f"hf://datasets/{place.file.hub.repo}@{place.file.hub.revision}/{place.file.hub.file}"


def _show(rows: list[Row], root: Path, *, as_json: bool) -> None:
    import json

    from ..terminal import quantity

    if as_json:
        listed = [
            row.component.model_dump(mode="json", exclude_defaults=True)
            | {"files": row.files, "whole": row.whole, "there": row.there, "total": row.size}
            for row in rows
        ]
        print(json.dumps({"root": str(root), "components": listed}, indent=1, ensure_ascii=False))
        return
    for row in rows:
        one = row.component
        size = quantity(row.size, "bytes") if row.size else "?"
        print(f"{one.name:<18}{size:>10}  {_there(row):<22}  {one.about}")
        forbids = "" if one.redistribution else "; NOT to be redistributed"
        groups = f" [{', '.join(one.groups)}]" if one.groups else ""
        print(f"{'':<30}licence: {one.licence}{forbids}{groups}")


def _there(row: Row) -> str:
    from ..terminal import quantity

    if row.files and row.whole == row.files:
        return "there"
    if row.there:
        return f"{quantity(row.there, 'bytes')}, {row.whole} of {row.files} files"
    return "not there" if row.files else "image by image"
