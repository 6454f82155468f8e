"""The commands for benchmarks: finding their images in the dataset, and making hold-out sets."""

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_CONFIG, ConfigOption, EngineOption, WorkersOption, require_utf8_word, say, working

_LEAKS_SHOWN = 10

holdout_app = typer.Typer(no_args_is_help=True, help="Make a hold-out set.")


def leaks(
    against: Annotated[
        list[Path],
        typer.Option("--against", help="A benchmark: a folder of images, shards, Parquet, or hashes. May be repeated."),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Have the next build leave out what is found.")] = False,
) -> None:
    """Look for the images of benchmarks in the dataset.

    They are recognised by their bytes, and by what they show.
    """
    from ..evaluation.leaks import hold_out, leaks_name
    from ..pipeline.evaluate import encode_and_find_leaks

    with working(config, workers, engine) as session:
        paths, leaks_by_benchmark = session.workspace.paths, encode_and_find_leaks(session, against)
        for benchmark, rows in leaks_by_benchmark.items():
            _show_leaks(
                benchmark,
                rows.select("treeoflife_id", "image", "link").rows(),
                paths.leaks(leaks_name(paths, benchmark)),
            )
            if drop and rows.height:
                print(
                    f"{config} now holds out {hold_out(paths, benchmark, rows)}; the next build leaves its images out"
                )
    if not drop and any(rows.height for rows in leaks_by_benchmark.values()):
        raise typer.Exit(1)


def _show_leaks(benchmark: Path, rows: list[tuple[str, str, str]], table: Path) -> None:
    for treeoflife_id, image, link in rows[:_LEAKS_SHOWN]:
        say(f"{treeoflife_id}  is {image}  ({link})")
    if len(rows) > _LEAKS_SHOWN:
        print(f"and {len(rows) - _LEAKS_SHOWN} more")
    say(f"{len(rows)} images of the dataset are in {benchmark}: see {table.with_suffix('.csv')}")


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
