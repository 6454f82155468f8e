"""Hashing a benchmark without a dataset."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ..config.tables import Images
from ..core.progress import Listener
from ..engines.tasks import run_locally
from .benchmark import hash_part, hash_tasks


def hash_benchmark(benchmark: Path, work: Path, workers: int | None, listener: Listener) -> list[pl.DataFrame]:
    """The hashes of all images of a benchmark, decoded with the default settings; see :data:`.benchmark.IMAGES`.

    Raises:
        InputError: there is no image.
        TasksFailed: a part cannot be read.
    """
    parts = hash_tasks(benchmark, Images(), work)
    listener.start("hashes", len(parts), "parts")
    frames = run_locally(hash_part, parts, lambda part: part.label, listener, workers)
    listener.finish(f"{sum(frame.height for frame in frames)} images")
    return frames
