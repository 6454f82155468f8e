"""The commands that look for benchmarks in a dataset: leaks, and hashes to be shared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError
from .common import DEFAULT_CONFIG, ConfigOption, EngineOption, WorkersOption, say, working

_SHOWN = 10


def leaks(
    against: Annotated[
        list[Path],
        typer.Option("--against", help="A benchmark: a folder of images, shards, Parquet, or hashes. May be repeated."),
    ],
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
    engine: EngineOption = None,
    *,
    drop: Annotated[bool, typer.Option("--drop", help="Have the build leave out what is found.")] = False,
) -> None:
    """Look for the images of benchmarks in the dataset: by their bytes, and by what they show."""
    from ..evaluation import leaks as looking
    from ..pipeline import build as pipeline

    found = 0
    with working(config, workers, engine) as run:
        pipeline.build(run, ("encode", "mapping"))
        for benchmark in against:
            rows = looking.look(run, benchmark)
            found += rows.height
            told = rows.select("treeoflife_id", "image", "link").rows()
            _print(benchmark, told, run.dataset.paths.leaks(benchmark.stem))
            if drop and rows.height:
                print(f"{config} now holds out {looking.drop(run, benchmark, rows)}; the next build obeys it")
    if found and not drop:
        raise typer.Exit(1)


def _print(benchmark: Path, rows: list[tuple[str, str, str]], path: Path) -> None:
    for treeoflife_id, image, link in rows[:_SHOWN]:
        say(f"{treeoflife_id}  is {image}  ({link})")
    if len(rows) > _SHOWN:
        print(f"and {len(rows) - _SHOWN} more")
    say(f"{len(rows)} images of the dataset are in {benchmark}: see {path.with_suffix('.csv')}")


def hashes(
    benchmark: Annotated[Path, typer.Argument(help="A folder of images, WebDataset shards, or Parquet with images.")],
    out: Annotated[Path, typer.Option("--out", help="The pack: a Parquet file.")],
    workers: WorkersOption = None,
) -> None:
    """Write the hashes of a benchmark, which can be shared so that the benchmark need not be: see leaks."""
    from tempfile import TemporaryDirectory

    from ..core.terminal import listener
    from ..evaluation.benchmark import write_pack
    from ..evaluation.hashes import hash_all

    if out.suffix != ".parquet":
        raise ConfigError(f"--out {out}: a pack is a Parquet file, and ends in .parquet")
    with TemporaryDirectory() as work:
        print(f"{write_pack(out, hash_all(benchmark, Path(work), workers, listener()))} hashes in {out}")
