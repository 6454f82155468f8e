"""The commands for benchmarks: finding their images in the dataset, and making hold-out sets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_CONFIG, ConfigOption, EngineOption, WorkersOption, require_utf8_word, say, working

if TYPE_CHECKING:
    from ..evaluation.leak_table import Leaks

_LEAKS_SHOWN = 10

holdout_app = typer.Typer(no_args_is_help=True, help="Make a hold-out set.")


def leaks(
    against: Annotated[
        list[Path],
        typer.Option(
            "--against",
            help="A benchmark: a folder of images, shards, Parquet, or hashes; or a list of ids or addresses, or the "
            "catalog of another dataset. May be repeated.",
        ),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            help="What a column of a list holds, as photo_id=NAME; photo_id alone for a list without a header. Kinds: "
            "treeoflife_id, url, photo_id, gbif_id, observation_id, source_id, any. May be repeated.",
        ),
    ] = None,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Have the next build leave out what is found.")] = False,
) -> None:
    """Look for the images of benchmarks in the dataset.

    They are recognised by their ids and addresses, by their bytes, and by what they show.
    """
    from ..evaluation.leaks import hold_out
    from ..pipeline.evaluate import encode_and_find_leaks
    from ..sources.lists.id_columns import parse_named

    named, is_leaking = parse_named(column or []), False
    with working(config, workers, engine) as session:
        for found in encode_and_find_leaks(session, against, named):
            _show_leaks(found)
            is_leaking |= found.images > 0
            if drop and found.images:
                listed = hold_out(session.workspace.paths, found)
                print(f"{config} now holds out {listed}; the next build leaves its images out")
    if is_leaking and not drop:
        raise typer.Exit(1)


def _show_leaks(found: "Leaks") -> None:
    for remark in found.remarks:
        say(remark)
    rows = found.scan().select("treeoflife_id", "image", "link", "by_id").head(_LEAKS_SHOWN).collect()
    for treeoflife_id, image, link, by_id in rows.iter_rows():
        say(f"{treeoflife_id}  is {image}  ({by_id if link == 'id' else link})")
    if found.pairs > _LEAKS_SHOWN:
        print(f"and {found.pairs - _LEAKS_SHOWN} more")
    for line in found.summary():
        say(line)
    say(f"{found.images} images of the dataset are in {found.benchmark}: see {found.table.with_suffix('.csv')}")


def hashes(
    benchmark: Annotated[Path, typer.Argument(help="A folder of images, WebDataset shards, or Parquet with images.")],
    out: Annotated[Path, typer.Option("--out", help="The Parquet file for the hashes.")],
    workers: WorkersOption = None,
) -> None:
    """Write the hashes of a benchmark, for 'leaks'.

    They stand in for images that cannot be shared.
    """
    from tempfile import TemporaryDirectory

    from ..core.terminal import listening
    from ..evaluation.benchmark import hash_benchmark, write_hashes

    require_utf8_word(str(out))
    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: hashes are written as a Parquet file, whose name ends in .parquet")
    with TemporaryDirectory() as folder:
        with listening() as listener:
            tables = hash_benchmark(benchmark, Path(folder), workers, listener)
        print(f"{write_hashes(out, tables)} hashes in {out}")


@holdout_app.callback()
def _holdout() -> None:
    """Make a hold-out set."""


@holdout_app.command()
def make(
    species: Annotated[Path, typer.Option("--species", help="The species that may be in it: CSV, text or JSON.")],
    per_species: Annotated[int, typer.Option("--per-species", min=1, help="Images of each species.")] = 30,
    not_in: Annotated[
        str, typer.Option("--not-in", help="Sources, separated by commas; a species that occurs in one is not chosen.")
    ] = "",
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the choice; by default the dataset's.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder of the set; by default OUT/holdout/NAME-OF-THE-LIST.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
) -> None:
    """Make a hold-out set: species that the build leaves out from now on.

    Species with enough distinct images are chosen, and as many images of each are written.
    """
    from ..evaluation.holdout_set import default_folder, read_request
    from ..pipeline.evaluate import name_and_hold_out

    excluded = [name.strip() for name in not_in.split(",") if name.strip()]
    with working(config, workers, engine) as session:
        default_seed = session.workspace.config.seed
        request = read_request(species, per_species, excluded, default_seed if seed is None else seed)
        folder = out or default_folder(session.workspace.paths, species.stem, request)
        choice = name_and_hold_out(session, request, folder)
    chosen = choice.images.select("genus", "species").n_unique()
    print(f"{choice.images.height} images of {chosen} species in {folder}")
    print(f"{choice.rejected.height} species not chosen: see {folder / 'passed-over.csv'}")
    print(f"{config} now holds the species out; 'treeoflife build --config {config}' leaves them out")
