"""Hashing a benchmark without a dataset."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ..config.tables import Images
from ..core.progress import Listener
from ..core.system import cores
from ..engines.base import Failed
from ..engines.local import LocalEngine
from ..errors import TasksFailed
from .benchmark import hash_part, tasks


def hash_all(benchmark: Path, work: Path, workers: int | None, listener: Listener) -> list[pl.DataFrame]:
    """The hashes of all images of a benchmark, decoded with the default settings; see ``against.SCHEMA``.

    Args:
        benchmark: its folder or file.
        work: a folder for what lies about meanwhile.
        workers: processes; one per core, if not given.
        listener: hears of the progress.

    Raises:
        InputError: there is no image.
        TasksFailed: a part cannot be read.
    """
    parts = tasks(benchmark, Images(), work)
    frames: dict[int, pl.DataFrame] = {}
    listener.start("hashes", len(parts), "parts")
    for outcome in LocalEngine(workers or cores()).run(hash_part, parts):
        if isinstance(outcome, Failed):
            raise TasksFailed(f"{parts[outcome.task].label}: {outcome.error}")
        frames[outcome.task] = outcome.value
        listener.advance(1)
    listener.finish(f"{sum(frame.height for frame in frames.values())} images")
    return [frames[number] for number in range(len(parts))]
