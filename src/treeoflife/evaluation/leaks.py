"""Finding the images of a benchmark in a dataset: by their ids, their bytes, and what they show."""

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import polars as pl

from ..config.config import Config
from ..config.paths import Paths
from ..config.tables import Holdout
from ..config.writer import add_holdout
from ..core.database import Database
from ..core.files import fingerprint
from ..core.json_reader import UnreadableError, parse_json
from ..core.system import cores
from ..core.table_files import read_header
from ..core.tables import Array
from ..engines.tasks import TaskRunner
from ..errors import ConfigError
from ..images.perceptual_hash import stack_hashes
from ..mapping.images import open_images
from ..selection.duplicates.find import StoredContainer, StoredImages, compare_pairs, first_64_bits, read_store
from ..selection.duplicates.image_ids import add_ids
from ..selection.duplicates.near import Pairs, as_words, find_near_pairs, first_equal_rows
from ..sources.base import Index, Source
from ..sources.file_names import escape_invalid_utf8
from ..sources.lists.id_columns import IdKind, kind_of
from ..sources.spellings import plain_header
from .benchmark import hash_part, hash_tasks, join_parts, read_hashes
from .dataset_ids import open_dataset_ids
from .id_list import is_id_list, open_id_list
from .id_matches import match_ids
from .leak_table import ID_PAIRS, PICTURES, Leaks, open_splits, write_leak_list, write_leaks

_NAMES_OF_FILES = ("image", "file", "filename")  # beside hashes, these are names in the benchmark and no ids


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


def find_leaks(dataset: EncodedDataset, benchmark: Path, named: Mapping[str, IdKind] = MappingProxyType({})) -> Leaks:
    """The images of a dataset that are in a benchmark; they are also written to ``OUT/leaks``.

    Args:
        benchmark: images or hashes, see :mod:`treeoflife.evaluation.benchmark`; or a list of ids or addresses, see
            :mod:`treeoflife.evaluation.id_list`. A table may have both.
        named: columns of a list that are called otherwise, each with the kind of its ids.

    Raises:
        ConfigError: the dataset was encoded without hashes, or hashes are given and it was encoded in another shape.
        InputError: the benchmark cannot be read.
    """
    hashes = read_hashes(benchmark)
    has_ids = _has_ids(benchmark, named, beside_hashes=hashes is not None)
    with dataset.open_database() as database:
        open_images(database, dataset.ids, dataset.sources)
        open_splits(database, dataset.paths.mapping_parquet)
        if has_ids:
            items, remarks = _match_list(dataset, database, benchmark, named)
            pictures = (
                pl.DataFrame(schema=PICTURES) if hashes is None else _match_pictures(dataset, benchmark, hashes)[0]
            )
        else:
            pictures, images = _match_pictures(dataset, benchmark, hashes)
            items, remarks = images.height, ()
            database.load("list_item", images.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("item"), "image"))
            database.load("id_pair", pl.DataFrame(schema=ID_PAIRS))
        database.load("picture", pictures)
        table = dataset.paths.leaks(leaks_name(dataset.paths, benchmark))
        meta = {"benchmark": escape_invalid_utf8(benchmark.name), "images": items, "of": _identity(benchmark)}
        pairs, counts = write_leaks(database, dataset.sources, table, meta)
    return Leaks(benchmark, table, counts[0]["images"], pairs, items, counts, remarks)


def _has_ids(benchmark: Path, named: Mapping[str, IdKind], *, beside_hashes: bool) -> bool:
    if not is_id_list(benchmark, named):
        return False
    if not beside_hashes or named:
        return True
    columns = read_header(benchmark)
    return len(columns) > 1 and any(kind_of(one) for one in columns if plain_header(one) not in _NAMES_OF_FILES)


def _match_list(
    dataset: EncodedDataset, database: Database, benchmark: Path, named: Mapping[str, IdKind]
) -> tuple[int, tuple[str, ...]]:
    """Find the images that a list names by their ids; returns the number of its items, and remarks."""
    entries = open_id_list(database, benchmark, named, dataset.sources)
    open_dataset_ids(database, dataset.sources, dataset.paths.provenance, dataset.paths.facts)
    matches = match_ids(database, [name for name, kind in entries.columns.items() if kind == "any"])
    read_as = ", ".join(f"{name} ({kind})" for name, kind in entries.columns.items())
    remarks = (f"{benchmark}: {entries.items:,} items, read from {read_as}", *entries.remarks, *matches.remarks)
    return entries.items, remarks


def _match_pictures(
    dataset: EncodedDataset, benchmark: Path, hashes: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The pairs of images that have the same bytes or show the same, :data:`.leak_table.PICTURES`; and the benchmark's
    images, :data:`.benchmark.IMAGES`."""
    if not dataset.config.images.measure:
        raise ConfigError("the images have no hashes: set [images] measure = true, and build again")
    try:
        images = _read_benchmark(dataset, benchmark, hashes)
        stored = read_store(dataset.containers)
        return _describe(dataset, stored, _match(dataset, stored, images)), images
    finally:
        shutil.rmtree(dataset.paths.leak_scratch, ignore_errors=True)


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


def hold_out(paths: Paths, leaks: Leaks) -> Path:
    """Have the next build leave leaks out: list their ids, and add the list to the hold-outs of dataset.toml.

    Returns:
        The list.
    """
    path = paths.leak_list(leaks_name(paths, leaks.benchmark))
    write_leak_list(path, leaks, f"images that are in {escape_invalid_utf8(leaks.benchmark.name)}")
    add_holdout(paths.config, Holdout(path=path.resolve(), by="images"))
    return path


def _read_benchmark(dataset: EncodedDataset, benchmark: Path, hashes: pl.DataFrame | None) -> pl.DataFrame:
    """A row per image of the benchmark; see :data:`.benchmark.IMAGES`."""
    settings, listener = dataset.config.images, dataset.runner.listener
    if hashes is not None:
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
    """Pairs of a ``row`` of the store and an image (``item``) of the benchmark: ``by_bytes``, ``by_picture``,
    ``distance``."""
    pairs = _near_pairs(stored, images, dataset.config.duplicates.distance)
    have_pictures = images["offset"].is_not_null().all()
    if have_pictures:
        kind, confirmed = np.where(pairs.mirrored, "mirrored", "near"), _compare(dataset, stored, images, pairs)
    else:
        kind, confirmed = np.full(len(pairs), "hash"), np.ones(len(pairs), bool)
    alike = pl.DataFrame({"row": pairs.first, "item": pairs.second, "by_picture": pl.Series(kind, dtype=pl.String),
                          "distance": pairs.distance}).filter(pl.Series(confirmed))  # fmt: skip
    nearest = alike.sort("row", "item", "distance", "by_picture").unique(["row", "item"], keep="first")
    same_file = _same_files(stored, images).unique(["row", "item"])
    both = same_file.join(nearest, on=["row", "item"], how="full", coalesce=True).sort("row", "item")
    return both.with_columns(
        pl.col("by_bytes").fill_null(value=False), pl.col("row", "item", "distance").cast(pl.Int64)
    )


def _same_files(stored: StoredImages, images: pl.DataFrame) -> pl.DataFrame:
    """The matches of images whose files have the same SHA-256: candidates by its first 64 bits, then all of it."""
    known = images.select("sha256", bytes=first_64_bits("sha256")).with_row_index("item").drop_nulls()
    rows = stored.numbers.select("bytes").with_row_index("row").join(known, on="bytes", how="inner")
    equal = rows.filter(stored.digests(rows["row"].to_numpy(), "bytes") == rows["sha256"])
    return equal.select(pl.col("row", "item").cast(pl.Int64), by_bytes=pl.lit(value=True))


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


def _describe(dataset: EncodedDataset, stored: StoredImages, matches: pl.DataFrame) -> pl.DataFrame:
    """The matches that are of images of the mapping: :data:`.leak_table.PICTURES`."""
    # Of several files of one image, the first counts; an image may be several images of the benchmark.
    rows = matches.select("row").unique().sort("row")
    files = rows.hstack(stored.describe(rows["row"].to_numpy()))
    with dataset.open_database() as database:
        open_images(database, dataset.ids, dataset.sources)
        named = add_ids(database, files, dataset.indexes, dataset.sources)
    return matches.join(named, on="row").select(pl.col(name).cast(kind) for name, kind in PICTURES.items())
