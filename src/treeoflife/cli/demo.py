"""The command that shows what this is: a small drawn world, and the whole pipeline on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .common import WorkersOption, working


def demo(
    folder: Annotated[Path, typer.Argument(help="Where the world and the dataset go.")] = Path("demo"),
    workers: WorkersOption = None,
) -> None:
    """Draw a tiny world (three sources, broken files, a hold-out) and build a dataset from it."""
    from .. import pipeline
    from ..files import write_text
    from ..init import look, render
    from ..summary import summarise
    from ..testing.world import draw

    draw(folder / "world", natural=True)
    out = folder / "dataset"
    looked = look("original", folder / "world")
    write_text(out / "dataset.toml", render(looked.config))
    with working(out / "dataset.toml", workers) as run:
        pipeline.build(run)
        print(summarise(run.dataset).text())
