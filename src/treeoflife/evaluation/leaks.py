"""Looking for the images of a benchmark in a dataset."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import polars as pl

from ..config.edit import register
from ..config.tables import Holdout
from ..core.files import write_text
from ..core.system import cores
from ..core.tables import Array, write_for_both
from ..errors import ConfigError
from ..images.perceptual import as_rows
from ..pipeline.run import Run
from ..pipeline.stages import duplicates
from ..selection.duplicates import find
from ..selection.duplicates.members import with_ids
from ..selection.duplicates.near import Pairs, as_words, first_of_its_kind, near
from .benchmark import SCHEMA, hash_part, read_hashes, tasks

COLUMNS = ("treeoflife_id", "source", "container", "position", "file", "image", "link", "distance")
"""A row per image of the dataset that is in a benchmark: which of its images it is, and by what that is known:
``bytes`` (the same file), ``near`` or ``mirrored`` (the pictures were laid over each other), ``hash`` (that alone)."""


def look(run: Run, benchmark: Path) -> pl.DataFrame:
    """The images of a dataset that are in a benchmark, which are also written to ``OUT/leaks``; see :data:`COLUMNS`.

    Args:
        run: a run over a dataset that is encoded and has a mapping.
        benchmark: its folder or file; see :mod:`treeoflife.evaluation.benchmark`.

    Raises:
        ConfigError: the dataset was encoded without hashes, or in another shape than the hashes that were given.
        InputError: the benchmark cannot be read.
    """
    images, paths = run.dataset.config.images, run.dataset.paths
    if not images.measure:
        raise ConfigError("the images have no hashes: set [images] measure = true, and build again")
    try:
        theirs = _theirs(run, benchmark)
        ours = find.read(duplicates.containers(run))
        found = _told(run, ours, theirs, _matches(run, ours, theirs))
    finally:
        shutil.rmtree(paths.leak_work, ignore_errors=True)
    write_for_both(paths.leaks(benchmark.stem), found, {"benchmark": benchmark.name, "images": theirs.height})
    return found


def drop(run: Run, benchmark: Path, found: pl.DataFrame) -> Path:
    """Have the build leave out what was found: a list of ids, which dataset.toml holds out; returns it."""
    path = run.dataset.paths.leak_list(benchmark.stem)
    lines = [f"# images that are in {benchmark.name}", *sorted(found["treeoflife_id"])]
    write_text(path, "\n".join(lines) + "\n")
    register(run.dataset.paths.config, Holdout(path=path.resolve(), by="images"))
    return path


def _theirs(run: Run, benchmark: Path) -> pl.DataFrame:
    images = run.dataset.config.images
    if (hashes := read_hashes(benchmark)) is not None:
        if images.fit != "stretch":
            raise ConfigError(f'hashes are of whole pictures, but [images] fit = "{images.fit}": give the images')
        return hashes
    parts = tasks(benchmark, images, run.dataset.paths.leak_work)
    run.listener.start("leaks: reading the benchmark", len(parts), "parts")
    frames = dict(run.tasks(hash_part, parts, lambda task: task.label))
    found = pl.concat([pl.DataFrame(schema=SCHEMA), *(frames[task] for task in parts)])
    run.listener.finish(f"{found.height} images of {benchmark}")
    return found


def _matches(run: Run, ours: find.Pictures, theirs: pl.DataFrame) -> pl.DataFrame:
    """``row`` of ours, ``other`` of theirs, ``link`` and ``distance``: the surest of each row."""
    begins = theirs.select(pl.col("sha256").bin.head(8).bin.reinterpret(dtype=pl.UInt64, endianness="big"))
    ends = begins.with_row_index("other").rename({"sha256": "bytes"}).drop_nulls()
    exact = ours.numbers.select("bytes").with_row_index("row").join(ends, on="bytes", how="inner")
    same = exact.select(row=pl.col("row").cast(pl.Int64), other=pl.col("other").cast(pl.Int64),
                        link=pl.lit("bytes"), distance=pl.lit(None, pl.Int64), rank=pl.lit(0))  # fmt: skip
    pairs = _near(ours, theirs, run.dataset.config.duplicates.distance)
    shown = theirs["offset"].is_not_null().all()
    right = _compared(run, ours, theirs, pairs) if shown else np.ones(len(pairs), bool)
    kind = np.where(pairs.mirrored, "mirrored", "near") if shown else np.full(len(pairs), "hash")
    alike = pl.DataFrame({"row": pairs.first, "other": pairs.second, "link": pl.Series(kind, dtype=pl.String),
                          "distance": pairs.distance}).filter(pl.Series(right))  # fmt: skip
    every = pl.concat([same, alike.with_columns(rank=pl.lit(1))])
    return every.sort("row", "rank", "distance", "other").unique("row", keep="first", maintain_order=True)


def _near(ours: find.Pictures, theirs: pl.DataFrame, limit: int) -> Pairs:
    """Pairs of one of ours and one of theirs with near hashes. Each hash that differs is looked at once."""
    other = theirs.with_row_index("row").filter(pl.col("pdq").is_not_null())
    rows = np.concatenate([np.flatnonzero(ours.numbers["hashed"].to_numpy()), other["row"].to_numpy().astype(np.int64)])
    hashes = np.concatenate([ours.hashes, as_rows(other["pdq"].to_list())])
    first = first_of_its_kind(as_words(hashes))
    distinct = np.flatnonzero(first == np.arange(len(first)))
    kinds = pl.DataFrame({"kind": np.searchsorted(distinct, first), "row": rows})
    mine, their = kinds[: len(ours.hashes)], kinds[len(ours.hashes) :].rename({"row": "other"})
    found = near(hashes[distinct], limit, workers=cores())
    itself = np.arange(len(distinct))
    ends = [np.concatenate(one) for one in ((found.first, found.second, itself), (found.second, found.first, itself))]
    told = {"distance": found.distance, "mirrored": found.mirrored}
    both = pl.DataFrame({"kind": ends[0], "of": ends[1]} | {
        name: np.concatenate([column, column, np.zeros(len(distinct), column.dtype)]) for name, column in told.items()
    })  # fmt: skip
    cross = both.join(their, left_on="of", right_on="kind").join(mine, on="kind").sort("row", "other")
    return Pairs(*(cross[name].to_numpy() for name in ("row", "other", "distance", "mirrored")))


def _compared(run: Run, ours: find.Pictures, theirs: pl.DataFrame, pairs: Pairs) -> Array:
    """Of each pair, whether the two are the same picture."""
    count = len(ours)
    places = list(theirs.select("tar", "offset", "size").iter_rows())

    def place(rows: Array) -> tuple[tuple[Path, int, int], ...]:
        further = [places[row - count] for row in rows[rows >= count].tolist()]
        return ours.places(rows[rows < count]) + tuple((Path(tar), offset, size) for tar, offset, size in further)

    duplicates.bring(run, ours, pairs.first)
    both = Pairs(pairs.first, pairs.second + count, pairs.distance, pairs.mirrored)
    return duplicates.compared(run, "leaks", both, place)


def _told(run: Run, ours: find.Pictures, theirs: pl.DataFrame, matches: pl.DataFrame) -> pl.DataFrame:
    """The matches that are images of the mapping, for people."""
    named = pl.concat([ours.told(matches["row"].to_numpy()), matches.select("link", "distance"),
                       theirs.select("image")[matches["other"]]], how="horizontal")  # fmt: skip
    dataset, paths = run.dataset, run.dataset.paths
    indexes = [(source, one.name, paths.encoded_index(source.name, one.name)) for source, one in run.containers()]
    return with_ids(named, indexes, dataset.mapping, dataset.sources).select(COLUMNS)
