"""Where every sample lies: shard, row and bytes, and how to find one by its id without reading a table.

The shards' own indexes say it. Shards without one (the published ones, anybody's) are read once, and an index of
each is kept in the dataset's ``.view`` folder; so are the arrays below, which are mapped into memory, not read.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.paths import Paths
from ..config.tables import Images
from ..core.files import fingerprint, replacing, stamp
from ..core.progress import Listener, Silence
from ..core.system import cores
from ..core.tar_reader import BLOCK, TarError, members
from ..core.values import RANKS, SPLITS
from ..engines.base import Failed, Tick
from ..engines.local import LocalEngine
from ..errors import InputError, TasksFailed
from .foreign import TAGGED, ranks_of

STEP_VERSION = 1
Array = np.ndarray[Any, np.dtype[Any]]
ARRAYS = {"shard": np.uint32, "row": np.uint32, "start": np.int64, "offset": np.int64, "size": np.uint32}
_LONGEST_TEXT = 100_000
_IMAGES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Shard:
    """A shard and the index that says what lies where in it."""

    split: str
    path: Path
    index: Path


@dataclass(frozen=True)
class Places:
    """A row per sample, in the order of splits, shards and rows.

    Attributes:
        shards: the shards, by number.
        shard: the number of each sample's shard.
        row: its row in the shard's index.
        start: the byte of the shard at which its first member begins.
        offset: the byte at which its image begins.
        size: the bytes of its image.
        hashes: the hashes of all ids, sorted.
        order: the row of this table that each of the hashes is of.
    """

    shards: tuple[Shard, ...]
    shard: Array
    row: Array
    start: Array
    offset: Array
    size: Array
    hashes: Array
    order: Array

    def __len__(self) -> int:
        return len(self.shard)

    def rows_of(self, treeoflife_id: str) -> list[int]:
        """The rows that may be of this id: those whose id has the same hash."""
        wanted = id_hashes(pl.Series([treeoflife_id]))[0]
        first, last = np.searchsorted(self.hashes, wanted, "left"), np.searchsorted(self.hashes, wanted, "right")
        return sorted(int(row) for row in self.order[first:last])


def id_hashes(ids: pl.Series) -> Array:
    """A 64-bit number for each id."""
    return ids.cast(pl.String).hash(seed=17).to_numpy()


def find_paths(out: Path) -> Paths:
    """The paths of a dataset: of its folder, its dataset.toml, or the folder of its shards.

    Raises:
        InputError: there are no shards.
    """
    out = out.expanduser().resolve()
    root = out.parent if out.is_file() else out
    if (root / "dataset.toml").is_file():
        from ..config.config import load

        return Paths(root, load(root / "dataset.toml").images)
    for folder in (root, *sorted(root.glob("*x*"))):
        width, x, height = folder.name.partition("x")
        if x and width.isdigit() and height.isdigit() and any((folder / split).is_dir() for split in SPLITS):
            return Paths(folder.parent, Images.model_construct(size=(int(width), int(height))))
    raise InputError(
        f"there is no dataset in {out}: neither dataset.toml nor a folder such as 224x224/train with shards"
    )


def shards_of(paths: Paths) -> tuple[Shard, ...]:
    """The shards that are there, each with the index that it has or is to get."""
    found = []
    for split in SPLITS:
        for number, path in enumerate(sorted(paths.split(split).glob("*.tar"))):
            own = paths.shard_index(split, number)
            index = own if own.exists() and own.stem == path.stem else stranger_index(paths, split, path)
            found.append(Shard(split, path, index))
    return tuple(found)


def stranger_index(paths: Paths, split: str, shard: Path) -> Path:
    """Where the index of a shard goes that has none."""
    return _view(paths) / "index" / split / f"{shard.stem}.parquet"


def _view(paths: Paths) -> Path:
    """The folder of the view; of a dataset that may not be written to, one of this computer's."""
    try:
        paths.view.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir(), f"treeoflife-view-{fingerprint(str(paths.root))[:16]}", paths.view.name)
    return paths.view


def known_shards(shards: tuple[Shard, ...]) -> str:
    """What a view of these shards is known again by."""
    stamps = [[shard.split, shard.path.name, stamp(shard.index), shard.path.stat().st_size] for shard in shards]
    return fingerprint({"step": STEP_VERSION, "polars": pl.__version__, "shards": stamps})


def open_places(paths: Paths, listener: Listener | None = None) -> Places:
    """Where the samples of a dataset lie; what is needed to know it is made first, if it is not there.

    Raises:
        InputError: there are no shards, or one of them cannot be read.
        TasksFailed: a worker died.
    """
    shards = shards_of(paths)
    if not shards:
        raise InputError(f"there are no shards in {paths.shards}/{{{','.join(SPLITS)}}}")
    index_strangers(shards, listener or Silence())
    folder, known = _view(paths) / "places", known_shards(shards)
    if _known(folder) != known:
        _write(folder, shards, known)
    names = [*ARRAYS, "hashes", "order"]
    arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in names}
    return Places(shards, **arrays)


def _known(folder: Path) -> str | None:
    marker = folder / "known.json"
    return str(json.loads(marker.read_text())["known"]) if marker.exists() else None


def _write(folder: Path, shards: tuple[Shard, ...], known: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    parts: dict[str, list[Array]] = {name: [] for name in (*ARRAYS, "hashes")}
    for number, shard in enumerate(shards):
        for name, array in _columns(number, shard.index).items():
            parts[name].append(array)
    whole = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    order = np.argsort(whole["hashes"], kind="stable")
    whole |= {"hashes": whole["hashes"][order], "order": order.astype(np.uint32)}
    write_arrays(folder, whole, {"known": known})


def write_arrays(folder: Path, arrays: dict[str, Array], meta: dict[str, Any]) -> None:
    """Write arrays into a folder, and last known.json, which says that they are all there."""
    for name, array in arrays.items():
        with replacing(folder / f"{name}.npy") as temporary, temporary.open("wb") as out:
            np.save(out, array)
    with replacing(folder / "known.json") as temporary:
        temporary.write_text(json.dumps(meta, indent=1))


def _columns(number: int, index: Path) -> dict[str, Array]:
    """The arrays of one shard."""
    names = pl.read_parquet_schema(index)
    rows = pl.read_parquet(index, columns=["treeoflife_id", "offset", "size", *(["start"] if "start" in names else [])])
    start = rows["start"] if "start" in names else rows["offset"] - BLOCK
    made = {"start": start, "offset": rows["offset"], "size": rows["size"]}
    arrays = {name: column.to_numpy().astype(ARRAYS[name]) for name, column in made.items()}
    count = rows.height
    arrays |= {"shard": np.full(count, number, np.uint32), "row": np.arange(count, dtype=np.uint32)}
    return arrays | {"hashes": id_hashes(rows["treeoflife_id"])}


@dataclass(frozen=True)
class IndexTask:
    """A shard to make an index of."""

    shard: Shard


def index_strangers(shards: tuple[Shard, ...], listener: Listener) -> None:
    """Make the indexes of shards that have none, or that are not those that were indexed.

    Raises:
        TasksFailed: a shard cannot be read, or a worker died.
    """
    tasks = [IndexTask(shard) for shard in shards if _stranger(shard)]
    if not tasks:
        return
    listener.start("index", len(tasks), "shards")
    for outcome in LocalEngine(min(cores(), len(tasks))).run(index_shard, tasks):
        if isinstance(outcome, Failed):
            raise TasksFailed(f"{tasks[outcome.task].shard.path}: {outcome.error}")
        listener.advance(1)
    listener.finish(f"{len(tasks)} shards")


def _stranger(shard: Shard) -> bool:
    """Whether a shard's index is one that is made here, and is to be made."""
    if not shard.index.exists():
        return True
    meta = json.loads(pl.read_parquet_metadata(shard.index).get("treeoflife", "{}"))
    return "stamp" in meta and meta["stamp"] != stamp(shard.path)


def index_shard(task: IndexTask, _tick: Tick) -> int:
    """Read a shard, and write an index that says what lies where in it and what its texts say; returns its samples."""
    seen = stamp(task.shard.path)
    rows = list(_samples(task.shard.path))
    schema = {"treeoflife_id": pl.String, "start": pl.Int64, "offset": pl.Int64, "size": pl.UInt32}
    frame = pl.DataFrame(rows, schema=schema | dict.fromkeys((*RANKS, "common"), pl.String), orient="row")
    with replacing(task.shard.index) as temporary:
        frame.write_parquet(temporary, metadata={"treeoflife": json.dumps({"stamp": seen, "samples": frame.height})})
    return frame.height


def _samples(shard: Path) -> Iterator[tuple[Any, ...]]:
    """Id, start, offset and size of the image, ranks and common name of every sample that has an image."""
    key, start, image, texts, end = None, 0, (0, 0), dict[str, str](), 0
    try:
        with shard.open("rb") as fd:
            for member in members(fd, _LONGEST_TEXT):
                own, _, name = member.name.partition(".")
                if own != key:
                    if key and image[0]:
                        yield (key, start, *image, *ranks_of(texts.get(TAGGED, "")), texts.get("common_name.txt", ""))
                    key, start, image, texts = own, end, (0, 0), {}
                if f".{name.lower()}" in _IMAGES:
                    image = (member.offset, member.size)
                elif name in (TAGGED, "common_name.txt"):
                    texts[name] = (member.data or b"").decode(errors="replace")
                end = member.offset + -(-member.size // BLOCK) * BLOCK
    except (OSError, TarError) as error:
        raise InputError(f"{shard} cannot be read to its end: {error}; 'treeoflife check-wds' says more") from None
    if key and image[0]:
        yield (key, start, *image, *ranks_of(texts.get(TAGGED, "")), texts.get("common_name.txt", ""))
