"""Finding the images of a benchmark in a dataset."""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..config.config import Config
from ..config.paths import Paths
from ..config.tables import Holdout
from ..config.writer import add_holdout
from ..core.database import Database
from ..core.files import fingerprint, write_text
from ..core.json_reader import UnreadableError, parse_json
from ..core.system import cores
from ..core.tables import Array, write_csv_and_parquet
from ..engines.tasks import TaskRunner
from ..errors import ConfigError
from ..images.perceptual_hash import stack_hashes
from ..mapping.images import open_images
from ..selection.duplicates.find import StoredContainer, StoredImages, compare_pairs, first_64_bits, read_store
from ..selection.duplicates.image_ids import add_ids
from ..selection.duplicates.near import Pairs, as_words, find_near_pairs, first_equal_rows
from ..sources.base import Index, Source
from ..sources.file_names import escape_invalid_utf8
from .benchmark import hash_part, hash_tasks, join_parts, read_hashes

COLUMNS = ("treeoflife_id", "source", "container", "position", "file", "image", "link", "distance")
"""A row per image of the dataset that is in a benchmark: which of the benchmark's images it is, and how that is known:
``bytes`` (the same file, by its SHA-256), ``near`` or ``mirrored`` (the pictures were compared), ``hash`` (by the
perceptual hash alone)."""


@dataclass(frozen=True)
class EncodedDataset:
    """A dataset that is encoded and has ids.

    Attributes:
        ids: the mapping; splits do not matter.
        containers: the containers of its store.
        indexes: the store's index of each container.
        open_database: opens a database for the tables of one step.
        runner: where benchmarks are read and pictures compared.
        restore: encodes the containers again that hold these rows of the store's images, where they were not kept.
    """

    config: Config
    paths: Paths
    sources: Sequence[Source]
    ids: Path
    containers: Sequence[StoredContainer]
    indexes: Sequence[Index]
    open_database: Callable[[], AbstractContextManager[Database]]
    runner: TaskRunner
    restore: Callable[[StoredImages, Array], None]


def find_leaks(dataset: EncodedDataset, benchmark: Path) -> pl.DataFrame:
    """The images of a dataset that are in a benchmark; they are also written to ``OUT/leaks``.

    Args:
        benchmark: a folder or file; see :mod:`treeoflife.evaluation.benchmark`.

    Returns:
        A row per image; see :data:`COLUMNS`.

    Raises:
        ConfigError: the dataset was encoded without hashes, or hashes are given and it was encoded in another shape.
        InputError: the benchmark cannot be read.
    """
    if not dataset.config.images.measure:
        raise ConfigError("the images have no hashes: set [images] measure = true, and build again")
    try:
        images = _read_benchmark(dataset, benchmark)
        stored = read_store(dataset.containers)
        leaks = _describe(dataset, stored, images, _match(dataset, stored, images))
    finally:
        shutil.rmtree(dataset.paths.leak_scratch, ignore_errors=True)
    meta = {"benchmark": escape_invalid_utf8(benchmark.name), "images": images.height, "of": _identity(benchmark)}
    write_csv_and_parquet(dataset.paths.leaks(leaks_name(dataset.paths, benchmark)), leaks, meta)
    return leaks


def leaks_name(paths: Paths, benchmark: Path) -> str:
    """What the files about a benchmark are called in ``OUT/leaks``: its name, unless another has that already.

    Otherwise the leaks of ``a/test`` would replace those of ``b/test``, in the list that the build holds out too.
    """
    name = escape_invalid_utf8(benchmark.stem)  # as the name of every file of a dataset is UTF-8
    try:
        recorded = parse_json(pl.read_parquet_metadata(paths.leaks(name)).get("treeoflife", "{}"))
    except (FileNotFoundError, UnreadableError, pl.exceptions.PolarsError):
        return name
    identity = _identity(benchmark)
    is_other = isinstance(recorded, dict) and recorded.get("of", identity) != identity
    return f"{name}-{identity[:8]}" if is_other else name


def _identity(benchmark: Path) -> str:
    return fingerprint(os.fsdecode(benchmark.resolve()).encode(errors="surrogateescape").hex())


def hold_out(paths: Paths, benchmark: Path, leaks: pl.DataFrame) -> Path:
    """Have the next build leave leaks out: list their ids, and add the list to the hold-outs of dataset.toml.

    Returns:
        The list.
    """
    path = paths.leak_list(leaks_name(paths, benchmark))
    lines = [f"# images that are in {escape_invalid_utf8(benchmark.name)}", *sorted(leaks["treeoflife_id"])]
    write_text(path, "\n".join(lines) + "\n")
    add_holdout(paths.config, Holdout(path=path.resolve(), by="images"))
    return path


def _read_benchmark(dataset: EncodedDataset, benchmark: Path) -> pl.DataFrame:
    """A row per image of the benchmark; see :data:`.benchmark.IMAGES`."""
    settings, listener = dataset.config.images, dataset.runner.listener
    if (hashes := read_hashes(benchmark)) is not None:
        if settings.fit != "stretch":
            raise ConfigError(f'hashes are of whole pictures, but [images] fit = "{settings.fit}": give the images')
        return hashes
    parts = hash_tasks(benchmark, settings, dataset.paths.leak_scratch)
    listener.start("leaks: reading the benchmark", len(parts), "parts")
    hashed = dict(dataset.runner.run(hash_part, parts, lambda task: task.label))
    images = join_parts(benchmark, [hashed[task] for task in parts], listener.note)
    listener.finish(f"{images.height} images of {benchmark}")
    return images


def _match(dataset: EncodedDataset, stored: StoredImages, images: pl.DataFrame) -> pl.DataFrame:
    """``row`` of the store, ``other`` of the benchmark, ``link`` and ``distance``: the surest match of each row."""
    same_file = _same_files(stored, images)
    pairs = _near_pairs(stored, images, dataset.config.duplicates.distance)
    have_pictures = images["offset"].is_not_null().all()
    if have_pictures:
        kind, confirmed = np.where(pairs.mirrored, "mirrored", "near"), _compare(dataset, stored, images, pairs)
    else:
        kind, confirmed = np.full(len(pairs), "hash"), np.ones(len(pairs), bool)
    alike = pl.DataFrame({"row": pairs.first, "other": pairs.second, "link": pl.Series(kind, dtype=pl.String),
                          "distance": pairs.distance}).filter(pl.Series(confirmed))  # fmt: skip
    matches = pl.concat([same_file, alike.with_columns(rank=pl.lit(1))])
    return matches.sort("row", "rank", "distance", "other").unique("row", keep="first", maintain_order=True)


def _same_files(stored: StoredImages, images: pl.DataFrame) -> pl.DataFrame:
    """The matches of images whose files have the same SHA-256: candidates by its first 64 bits, then all of it."""
    known = images.select("sha256", bytes=first_64_bits("sha256")).with_row_index("other").drop_nulls()
    rows = stored.numbers.select("bytes").with_row_index("row").join(known, on="bytes", how="inner")
    equal = rows.filter(stored.digests(rows["row"].to_numpy(), "bytes") == rows["sha256"])
    return equal.select(row=pl.col("row").cast(pl.Int64), other=pl.col("other").cast(pl.Int64),
                        link=pl.lit("bytes"), distance=pl.lit(None, pl.Int64), rank=pl.lit(0))  # fmt: skip


def _near_pairs(stored: StoredImages, images: pl.DataFrame, limit: int) -> Pairs:
    """Pairs of an image of the store and one of the benchmark with near hashes. Each distinct hash is searched once."""
    hashed = images.with_row_index("row").filter(pl.col("pdq").is_not_null())
    stored_rows = np.flatnonzero(stored.numbers["hashed"].to_numpy())
    rows = np.concatenate([stored_rows, hashed["row"].to_numpy().astype(np.int64)])
    hashes = np.concatenate([stored.hashes, stack_hashes(hashed["pdq"].to_list())])
    first = first_equal_rows(as_words(hashes))
    distinct = np.flatnonzero(first == np.arange(len(first)))
    values = pl.DataFrame({"value": np.searchsorted(distinct, first), "row": rows})
    in_store, in_benchmark = values[: len(stored.hashes)], values[len(stored.hashes) :].rename({"row": "other"})
    pairs = find_near_pairs(hashes[distinct], limit, workers=cores())
    itself = np.arange(len(distinct))
    ends = [np.concatenate(part) for part in ((pairs.first, pairs.second, itself), (pairs.second, pairs.first, itself))]
    columns = {"distance": pairs.distance, "mirrored": pairs.mirrored}
    padded = {name: [one, one, np.zeros(len(distinct), one.dtype)] for name, one in columns.items()}
    arrays = {name: np.concatenate(parts) for name, parts in padded.items()}
    either_way = pl.DataFrame({"value": ends[0], "near": ends[1], **arrays})
    crossing = either_way.join(in_benchmark, left_on="near", right_on="value").join(in_store, on="value")
    crossing = crossing.sort("row", "other")
    return Pairs(*(crossing[name].to_numpy() for name in ("row", "other", "distance", "mirrored")))


def _compare(dataset: EncodedDataset, stored: StoredImages, images: pl.DataFrame, pairs: Pairs) -> Array:
    """For each pair, whether the two are the same picture."""
    count = len(stored)
    pictures = [(Path(tar), offset, size) for tar, offset, size in images.select("tar", "offset", "size").iter_rows()]

    def locate(rows: Array) -> tuple[tuple[Path, int, int], ...]:
        """Rows from ``count`` on are those of the benchmark."""
        return stored.locations(rows[rows < count]) + tuple(
            pictures[row - count] for row in rows[rows >= count].tolist()
        )

    dataset.restore(stored, pairs.first)
    numbered = Pairs(pairs.first, pairs.second + count, pairs.distance, pairs.mirrored)
    return compare_pairs(numbered, locate, dataset.runner, "leaks")


def _describe(
    dataset: EncodedDataset, stored: StoredImages, images: pl.DataFrame, matches: pl.DataFrame
) -> pl.DataFrame:
    """The matches that are images of the mapping, for people."""
    rows = pl.concat([stored.describe(matches["row"].to_numpy()), matches.select("link", "distance"),
                      images.select("image")[matches["other"]]], how="horizontal")  # fmt: skip
    with dataset.open_database() as database:
        open_images(database, dataset.ids, dataset.sources)
        return add_ids(database, rows, dataset.indexes, dataset.sources).select(COLUMNS)
