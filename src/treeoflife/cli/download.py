"""``treeoflife download``: fetching what a build needs.

``eol-images`` and ``taxonomy`` have options of their own, so they are commands of their own; any other word is a
component.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from .common import EngineOption, JsonOption, WorkersOption, show

if TYPE_CHECKING:
    from ..config.config import Config
    from ..download.components import Component
    from ..download.inventory import ComponentState, FileState

_IMAGES, _TAXONOMY, _FILES = "eol-images", "taxonomy", "files"


class _Words(TyperGroup):
    """Takes the first word for a command only if it is one that has options of its own."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if args[:1] in ([_IMAGES], [_TAXONOMY]) else [_FILES, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return ("" if name == _FILES else name), command, rest


app = typer.Typer(cls=_Words, rich_markup_mode=None, add_completion=False)

ToOption = Annotated[
    Path | None, typer.Option("--to", help="The folder of downloads; otherwise that of the configuration, or raw.")
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", "-c", help="A dataset.toml; the one in this folder, if there is one.")
]


@app.command(_FILES, epilog="eol-images and taxonomy have options of their own: 'treeoflife download taxonomy --help'.")
def files(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="COMPONENT", help="Components, or the groups original and published. --list shows them."
        ),
    ] = None,
    to: ToOption = None,
    config: ConfigOption = None,
    *,
    listing: Annotated[
        bool, typer.Option("--list", help="Show components, sizes, licences, and what is there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    unpack: Annotated[
        bool,
        typer.Option("--unpack", help="Unpack iNat21 and BIOSCAN too, which are read from their archives otherwise."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch what a build needs, whole, and lay it out as init expects it. Run again, it goes on where it stopped."""
    from ..download.components import load_components, select_components
    from ..download.inventory import component_state, downloads_folder, root_of
    from ..errors import ConfigError

    settings, records = _settings(config)
    components = load_components(settings.download.components)
    root = downloads_folder(settings.download, to)
    chosen = select_components(names or [], components)
    if listing:
        states = [component_state(one, root_of(one, root)) for one in chosen or components.values()]
        _show(states, root, as_json=as_json)
        return
    if not chosen:
        raise ConfigError("name components or a group: original or published; 'treeoflife download --list' shows them")
    if alone := next((one.name for one in chosen if one.per_user), None):
        raise ConfigError(f"{alone} is kept for all datasets: fetch it alone, with 'treeoflife download {alone}'")
    if dry_run:
        _plan(chosen, root, unpack=unpack)
        return
    _fetch(chosen, root, settings, records, unpack=unpack)


@app.command(_TAXONOMY)
def taxonomy(
    config: ConfigOption = None,
    *,
    origin: Annotated[
        str, typer.Option("--from", metavar="URL|PATH", help="Another taxonomy, in any format that [names] can read.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="What [names] checklists calls it; otherwise col, or as its file.")
    ] = "",
    listing: Annotated[bool, typer.Option("--list", help="Show the taxonomies that are kept.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be fetched, and fetch nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch the Catalogue of Life, or another taxonomy, once for all datasets; init finds it."""
    if listing:
        _list_taxonomies(as_json=as_json)
        return
    from ..core.terminal import listening
    from ..download.components import load_components
    from ..download.kept_taxonomies import taxonomies_folder
    from ..download.taxonomy import download_taxonomy

    settings, records = _settings(config)
    component = load_components(settings.download.components)[_TAXONOMY]
    if dry_run:
        _plan([component], taxonomies_folder(), unpack=False)
        return
    with listening() as listener:
        kept = download_taxonomy(component, origin, name, settings.download, listener, records)
    print(f"{kept.name} is kept in {kept.path}")
    print(f"init names it in the configurations that it writes; in others: [names] checklists.{kept.name}")


def _list_taxonomies(*, as_json: bool) -> None:
    from ..core.terminal import format_quantity
    from ..download.kept_taxonomies import kept_taxonomies, taxonomies_folder

    kept = kept_taxonomies()
    if as_json:
        listed = [{"name": one.name, "path": str(one.path), "size": one.size, "time": one.time, "url": one.url}
                  for one in kept]  # fmt: skip
        show({"root": str(taxonomies_folder()), "taxonomies": listed})
        return
    for one in kept:
        print(f"{one.name:<18}{format_quantity(one.size, 'bytes'):>10}  {one.time[:10]}  {one.path}  <-  {one.url}")
    if not kept:
        print(f"no taxonomy is kept in {taxonomies_folder()}: 'treeoflife download taxonomy' fetches one")


@app.command(_IMAGES)
def eol_images(
    to: ToOption = None,
    config: ConfigOption = None,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    again: Annotated[bool, typer.Option("--again", help="Ask again for the images that failed before.")] = False,
) -> None:
    """Fetch EOL's images afresh, one by one, from the addresses in its media manifest."""
    from ..download.inventory import downloads_folder

    settings, records = _settings(config)
    options = {key: value for key, value in (("workers", workers), ("name", engine)) if value is not None}
    settings = settings.model_copy(update={"engine": settings.engine.model_copy(update=options)})
    _images(downloads_folder(settings.download, to), settings, records, again=again)


def _settings(config: Path | None) -> tuple[Config, list[Path]]:
    """The configuration, and the further records of what is downloaded."""
    from ..config.config import Config, config_file, load, resolve_paths
    from ..config.paths import Paths

    path = config_file(config or Path("dataset.toml"))
    if config is None and not path.exists():
        return resolve_paths(Config(sources={}), Path.cwd()), []
    settings = load(path)
    return settings, [Paths(path.absolute().parent, settings.images).downloads]


def _fetch(chosen: list[Component], root: Path, settings: Config, records: list[Path], *, unpack: bool) -> None:
    from ..core.terminal import listening
    from ..download.download_components import download_components

    files = [one for one in chosen if one.kind == "file"]
    if files:
        with listening() as listener:
            lines = download_components(files, root, settings.download, listener, unpack=unpack, records=records)
        print(f"{len(lines)} files are whole; {root / 'downloads.jsonl'} has their addresses and checksums")
    if any(one.kind == "images" for one in chosen):
        _images(root, settings, records, again=False)


def _images(root: Path, settings: Config, records: list[Path], *, again: bool) -> None:
    from ..core.extras import import_extra
    from ..core.terminal import listening

    import_extra("httpx", "download", "download eol-images")
    from ..download.lists.eol_images import download_eol_images

    with listening() as listener:
        print(download_eol_images(settings, root, listener, again=again, records=records))


def _plan(chosen: list[Component], root: Path, *, unpack: bool) -> None:
    """What would be fetched, and whether the disk takes it."""
    from ..core.terminal import format_quantity
    from ..download.inventory import check_disk_space, file_states, required_bytes

    states = file_states(chosen, root)
    for component in chosen:
        if component.notice:
            print(f"NOTE  {component.notice}")
    for state in states:
        print(f"{_state(state):<20}  {state.file.to}  <-  {state.file.address}")
        if state.mismatch:
            print(f"{'':<20}  {state.mismatch}")
    if any(one.kind == "images" for one in chosen):
        print(f"{'image by image':<20}  {_IMAGES}  <-  the addresses in EOL's media manifest")
    required = required_bytes(states, unpack=unpack)
    print(f"in all {format_quantity(required, 'bytes')} of disk, as far as sizes are known")
    check_disk_space(root, required)


def _state(state: FileState) -> str:
    from ..core.terminal import format_quantity

    if state.entry:
        return "there" if state.unchanged else "there, to be hashed"
    return f"{format_quantity(state.remaining, 'bytes')} to come" if state.size else "size unknown"


def _show(rows: list[ComponentState], root: Path, *, as_json: bool) -> None:
    from ..core.terminal import format_quantity

    if as_json:
        listed = [
            row.component.model_dump(mode="json", exclude_defaults=True)
            | {"files": row.files, "whole": row.complete, "there": row.received, "total": row.size}
            for row in rows
        ]
        show({"root": str(root), "components": listed})
        return
    for row in rows:
        one = row.component
        size = format_quantity(row.size, "bytes") if row.size else "?"
        print(f"{one.name:<18}{size:>10}  {_there(row):<22}  {one.about}")
        forbids = "" if one.redistribution else "; NOT to be redistributed"
        groups = f" [{', '.join(one.groups)}]" if one.groups else ""
        print(f"{'':<30}licence: {one.licence}{forbids}{groups}")


def _there(row: ComponentState) -> str:
    from ..core.terminal import format_quantity

    if row.component.kind == "images":
        return f"{row.complete} archives" if row.complete else "image by image"
    if row.complete == row.files:
        return "there, to be hashed" if row.changed else "there"
    if row.received:
        return f"{format_quantity(row.received, 'bytes')}, {row.complete} of {row.files} files"
    return "not there"
