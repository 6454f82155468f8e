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
    from ..core.files import write_text
    from ..pipeline import build as pipeline
    from ..pipeline.discover import discover
    from ..pipeline.summary import summarise
    from ..testing.world import draw

    draw(folder / "world", natural=True)
    out = folder / "dataset"
    looked = discover("original", folder / "world")
    write_text(out / "dataset.toml", looked.text)
    with working(out / "dataset.toml", workers) as run:
        pipeline.build(run)
        print(summarise(run.dataset).text())
