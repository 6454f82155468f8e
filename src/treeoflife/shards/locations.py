"""The location of every sample: its shard, row and bytes; and how to find a sample by its id without reading a table.

All of it is in the indexes of the shards. A shard without an index, such as a published one, is read once, and its
index is kept (see :mod:`.view_folder`). So are the arrays of all locations, which are mapped into memory.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import polars as pl

from ..config.paths import Paths
from ..config.tables import Images
from ..core.files import exists, fingerprint, replacing, stamp
from ..core.json_reader import read_json_file
from ..core.parquet_meta import read_meta
from ..core.progress import Listener, SilentListener
from ..core.tables import Array, parquet_schema
from ..core.tar_reader import Member, TarError, read_members
from ..core.tar_writer import BLOCK, padded_size
from ..core.text import reason
from ..core.values import NAME_COLUMNS, SPLITS
from ..engines.base import Tick
from ..engines.tasks import run_locally
from ..errors import InputError, StoreError
from .captions import COMMON_NAME, TAGGED, TAXONOMIC, parse_ranks
from .members import LONGEST_MEMBER, LONGEST_TEXT, find_image, group_samples, has_invalid_text, read_samples, texts_of
from .view_folder import cache_folder, replacing_folder

STEP_VERSION = 3
# Numbers of samples are 32 bits: enough for four billion, and half the memory of 64.
_ARRAYS = {"shard": np.uint32, "row": np.uint32, "start": np.int64, "offset": np.int64, "size": np.uint32}


@dataclass(frozen=True)
class Shard:
    """A shard, and the index with a row per sample. The index is the build's own, or one that is made here."""

    split: str
    path: Path
    index: Path
    is_own: bool = False


@dataclass(frozen=True)
class SampleLocations:
    """A table of where each sample lies, in the order of splits, shards and rows. A sample's row here is its number."""

    shards: tuple[Shard, ...]
    folder: Path  # the folder of the arrays below, each a file
    made_from: str  # the fingerprint of what they were made from
    shard: Array  # the position of each sample's shard in ``shards``
    row: Array  # its row in the shard's index
    start: Array  # the byte of the shard at which its first member begins
    offset: Array  # the byte of the shard at which its image begins
    size: Array  # the bytes of its image
    hashes: Array  # the hashes of all ids, sorted
    order: Array  # for each of ``hashes`` the number of the sample

    def __len__(self) -> int:
        return len(self.shard)

    def __reduce__(self) -> tuple[Any, ...]:
        # The arrays stay in their files: a worker process maps them into memory too, and is sent no copy of them.
        return _load_again, (self.shards, self.folder, self.made_from)

    def candidates(self, treeoflife_id: str) -> list[int]:
        """The numbers of the samples that may have this id: those whose id has the same hash."""
        target = hash_ids(pl.Series([treeoflife_id]))[0]
        first, last = (np.searchsorted(self.hashes, target, side) for side in ("left", "right"))
        return sorted(int(number) for number in self.order[first:last])

    def find(self, ids: Sequence[str], among: range) -> Array:
        """The number of the sample of each id, of those in ``among``; -1 if there is none. Only hashes are compared."""
        targets, found = hash_ids(pl.Series(ids, dtype=pl.String)), np.full(len(ids), -1, dtype=np.int64)
        position = np.searchsorted(self.hashes, targets)
        # Ids of several splits are neighbours, so that most are found at the first or second step.
        while (open_ := (found < 0) & (position < len(self))).any():
            open_[open_] = self.hashes[position[open_]] == targets[open_]
            numbers = self.order[position[open_]].astype(np.int64)
            found[open_] = np.where((numbers >= among.start) & (numbers < among.stop), numbers, -1)
            position[~open_] = len(self)
            position += 1
        return found

    def count_by_split(self) -> dict[str, int]:
        """The number of samples of each split that has shards."""
        counts = dict.fromkeys((shard.split for shard in self.shards), 0)
        for shard, count in zip(self.shards, np.bincount(self.shard, minlength=len(self.shards)), strict=True):
            counts[shard.split] += int(count)
        return counts

    def numbers(self, split: str) -> range:
        """The numbers of the samples of a split, which follow each other.

        Raises:
            InputError: there is no such split.
        """
        if split not in SPLITS:
            raise InputError(f"there is no split '{split}'; the splits are {', '.join(SPLITS)}")
        positions = [position for position, shard in enumerate(self.shards) if shard.split == split]
        first, last = (positions[0], positions[-1] + 1) if positions else (0, 0)
        # The samples are in the order of their shards, so the array is sorted.
        return range(*(int(number) for number in np.searchsorted(self.shard, [first, last])))


def _load_again(shards: tuple[Shard, ...], folder: Path, made_from: str) -> SampleLocations:
    """The locations in another process."""
    if (arrays := _read_arrays(folder, made_from)) is None:
        parent = shards[0].path.parent.parent
        raise StoreError(f"the shards in {parent} have changed since they were opened: open the dataset again")
    return SampleLocations(shards, folder, made_from, **arrays)


def hash_ids(ids: pl.Series) -> Array:
    """A 64-bit hash of each id. It depends on the version of polars, which is part of what the arrays are made from."""
    return ids.cast(pl.String).hash(seed=17).to_numpy()


def find_dataset(out: Path) -> Paths:
    """The paths of a dataset, given its folder, dataset.toml or folder of shards; an InputError if it has no shards."""
    out = out.expanduser().resolve()
    root = out.parent if out.is_file() else out
    if (root / "dataset.toml").is_file():
        from ..config.config import load

        config = load(root / "dataset.toml")
        return Paths(root, config.images, config.storage)
    for folder in (root, *sorted(root.glob("*x*"))):
        width, x, height = folder.name.partition("x")
        if x and width.isdigit() and height.isdigit() and any((folder / split).is_dir() for split in SPLITS):
            # Without a configuration, the folder's name is all that is known of the images; it need not be a valid one.
            return Paths(folder.parent, Images.model_construct(size=(int(width), int(height))))
    raise InputError(
        f"there is no dataset in {out}: neither dataset.toml nor a folder such as 224x224/train with shards"
    )


def list_shards(paths: Paths) -> tuple[Shard, ...]:
    """The shards of a dataset. The index of a foreign shard may not exist yet: see :func:`index_foreign_shards`."""
    shards, view = [], cache_folder(paths)
    for split in SPLITS:
        for number, path in enumerate(sorted(paths.split_folder(split).glob("*.tar"))):
            own = paths.shard_index(split, number)
            # An index belongs to the shard of its name; foreign shards may be numbered with gaps, or named otherwise.
            foreign = view / "index" / split / f"{path.stem}.parquet"
            is_own = exists(own) and own.stem == path.stem
            shards.append(Shard(split, path, own if is_own else foreign, is_own))
    return tuple(shards)


def fingerprint_shards(shards: tuple[Shard, ...]) -> str:
    """The fingerprint of all that the locations of samples are made from."""
    stamps = [[shard.split, shard.path.name, stamp(shard.index), shard.path.stat().st_size] for shard in shards]
    return fingerprint({"step": STEP_VERSION, "polars": pl.__version__, "shards": stamps})


def read_members_at(
    file: BinaryIO, shard: Shard, shard_offset: int, max_bytes: int = LONGEST_MEMBER
) -> tuple[str, list[Member]]:
    """The key and the members of the sample at a byte of a shard, which is open as ``file``.

    Raises:
        StoreError: there is no such sample there.
    """
    file.seek(shard_offset)
    try:
        return next(group_samples(read_members(file, max_bytes)), ("", []))
    except TarError as error:
        raise mismatch(shard, str(error)) from None


def mismatch(shard: Shard, detail: str) -> StoreError:
    """The error of a shard that does not match its index."""
    return StoreError(
        f"{shard.path} does not match its index {shard.index}: {detail}; open the dataset again if the shard was "
        "replaced, else 'treeoflife check-shards' lists what is wrong with it"
    )


def load_locations(paths: Paths, listener: Listener | None = None) -> SampleLocations:
    """The locations of a dataset's samples. They are recorded first if the shards have changed since.

    Raises:
        InputError: there are no shards, or an index of them is damaged.
        TasksFailed: a shard without an index cannot be read, or a worker died.
    """
    shards = list_shards(paths)
    if not shards:
        raise InputError(f"there are no shards in {paths.shards}/{{{','.join(SPLITS)}}}")
    index_foreign_shards(shards, listener or SilentListener())
    folder, made_from = cache_folder(paths) / "places", fingerprint_shards(shards)
    arrays = _read_arrays(folder, made_from)
    if arrays is None:
        with replacing_folder(folder) as new:
            write_arrays(new, _build_arrays(shards), {"known": made_from})
            # Read here: another process may put those of another version of polars in their place at once.
            arrays = _read_arrays(new, made_from)
        assert arrays
    return SampleLocations(shards, folder, made_from, **arrays)


def _read_arrays(folder: Path, made_from: str) -> dict[str, Array] | None:
    """The arrays in a folder, mapped into memory; None if they are incomplete, or made from something else."""
    if recorded_fingerprint(folder) != made_from:
        return None
    try:
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in (*_ARRAYS, "hashes", "order")}
    except FileNotFoundError:
        return None
    # Looked at again: had the folder been replaced in between, these would be of two versions.
    return arrays if recorded_fingerprint(folder) == made_from else None


def recorded_fingerprint(folder: Path) -> str | None:
    """What the arrays in a folder were made from; None if they are incomplete: see :func:`write_arrays`."""
    record = folder / "known.json"
    try:
        return str(read_json_file(record)["known"])
    except FileNotFoundError:
        return None


def _build_arrays(shards: tuple[Shard, ...]) -> dict[str, Array]:
    parts = [_shard_arrays(position, shard.index) for position, shard in enumerate(shards)]
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in (*_ARRAYS, "hashes")}
    # A stable sort keeps equal ids in the order of splits: an image of train_small is found in train first.
    order = np.argsort(arrays["hashes"], kind="stable")
    return arrays | {"hashes": arrays["hashes"][order], "order": order.astype(np.uint32)}


def _shard_arrays(position: int, index: Path) -> dict[str, Array]:
    try:
        starts = {"start"} & parquet_schema(index).keys()
        rows = pl.read_parquet(index, columns=["treeoflife_id", "offset", "size", *starts], glob=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(
            f"the index {index} cannot be read: {reason(error)}; 'treeoflife build' makes it again, and so does "
            "whoever reads the shards next if you delete it"
        ) from None
    rows = rows.with_row_index("row").with_columns(shard=pl.lit(position))
    if not starts:  # a shard of this program: a sample begins with the header of its image
        rows = rows.with_columns(start=pl.col("offset").cast(pl.Int64) - BLOCK)
    arrays = {name: rows[name].to_numpy().astype(dtype) for name, dtype in _ARRAYS.items()}
    return arrays | {"hashes": hash_ids(rows["treeoflife_id"])}


def write_arrays(folder: Path, arrays: dict[str, Array], meta: dict[str, Any]) -> None:
    """Write arrays into a folder, and ``meta`` into known.json last, whose existence shows that all are complete."""
    for name, array in arrays.items():
        with replacing(folder / f"{name}.npy") as temporary, temporary.open("wb") as out:
            np.save(out, array)
    with replacing(folder / "known.json") as temporary:
        temporary.write_text(json.dumps(meta, indent=1), encoding="utf-8")


def index_foreign_shards(shards: tuple[Shard, ...], listener: Listener) -> None:
    """Index the shards that have no index, or one of an earlier version of the shard."""
    if stale := [shard for shard in shards if _is_stale(shard)]:
        listener.start("index", len(stale), "shards")
        indexed = run_locally(index_shard, stale, lambda shard: str(shard.path), listener)
        without_image, invalid = (sum(counts) for counts in zip(*indexed, strict=True))
        listener.finish(
            f"{len(stale)} shards"
            + (f", {without_image} samples without an image" if without_image else "")
            + (f", {invalid} samples with texts that are not UTF-8, whose names may be wrong" if invalid else "")
        )


def _is_stale(shard: Shard) -> bool:
    if not exists(shard.index):
        return True
    if shard.is_own:  # `treeoflife build` keeps its own up to date
        return False
    meta = read_meta(shard.index) or {}
    return (meta.get("step"), meta.get("stamp")) != (STEP_VERSION, stamp(shard.path))


class IndexedShard(NamedTuple):
    """How many samples of a shard are left out since they have no image, and how many have texts that are not UTF-8."""

    without_image: int
    invalid: int


def index_shard(shard: Shard, _tick: Tick) -> IndexedShard:
    """Read a shard, and write its index: where each sample lies, and its names."""
    shard_stamp = stamp(shard.path)  # taken first: a shard that is replaced meanwhile is indexed again
    schema = {"treeoflife_id": pl.String, "start": pl.Int64, "offset": pl.Int64, "size": pl.UInt32}
    schema |= dict.fromkeys(NAME_COLUMNS, pl.String)
    samples = list(_index_rows(shard.path))
    rows = pl.DataFrame([row for row, _ in samples if row], schema=schema, orient="row")
    meta = {"step": STEP_VERSION, "stamp": shard_stamp, "samples": rows.height}
    with replacing(shard.index) as temporary:
        rows.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta)})
    return IndexedShard(len(samples) - rows.height, sum(invalid for row, invalid in samples if row))


def _index_rows(shard: Path) -> Iterator[tuple[tuple[Any, ...] | None, bool]]:
    """A row for every sample, and whether one of its texts is not UTF-8.

    The row has its id, start, offset and size of the image, ranks and common name; it is None if there is no image.
    """
    end = 0
    for key, members in read_samples(shard, LONGEST_TEXT):
        # Extended headers belong to the member that they precede: a sample begins where the last one ended.
        start, end = end, members[-1].data_offset + padded_size(members[-1].size)
        image, texts = find_image(members), texts_of(members)
        ranks = parse_ranks(texts.get(TAGGED, ""), texts.get(TAXONOMIC, ""))
        names = *ranks, texts.get(COMMON_NAME, "")
        row = (key, start, image.data_offset, image.size, *names) if image else None
        yield row, has_invalid_text(members)
