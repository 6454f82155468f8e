"""The way in from Python and notebooks: ``treeoflife.open(OUT)`` gives samples one by one, by id, or in order."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..config.paths import Paths
from ..core.tar_reader import BLOCK, Member, TarError, members
from ..core.values import RANKS, SPLITS, Taxon
from ..errors import InputError, StoreError
from .locations import Places, Shard, find_paths, open_places

if TYPE_CHECKING:
    from PIL import Image

_LONGEST = 1 << 28
_PLACE = ("offset", "size", "start", "position", "sha256")


@dataclass(frozen=True)
class Sample:
    """An image with its texts, as it stands in a shard.

    Attributes:
        id: its treeoflife id.
        split: the split of its shard.
        jpeg: the image's bytes.
        texts: the ten texts, by member, such as ``sci.txt``.
        row: what the catalog says of it, and more: source, container, width and height of the original.
        shard: the shard.
        position: the byte of the shard at which it begins.
        number: its place among all samples.
    """

    id: str
    split: str
    jpeg: bytes = field(repr=False)
    texts: dict[str, str] = field(repr=False)
    row: dict[str, Any] = field(repr=False)
    shard: Path
    position: int
    number: int
    _names: Path | None = field(default=None, repr=False)

    @property
    def image(self) -> Image.Image:
        """The image, decoded."""
        from PIL import Image

        return Image.open(io.BytesIO(self.jpeg)).convert("RGB")

    @property
    def taxon(self) -> Taxon:
        """Its seven ranks."""
        return Taxon(*(self.row.get(rank) or "" for rank in RANKS))

    @cached_property
    def names(self) -> dict[str, Any]:
        """Its row of names.parquet: each rank, and who said so; empty where there is none."""
        return names_of(self._names, self.row, self.id) if self._names else {}


class Reader:
    """A dataset that is read: ours, or published shards without an index.

    >>> import treeoflife
    >>> dataset = treeoflife.open("OUT")                                    # doctest: +SKIP
    >>> dataset["0000007d-5d4b-5c02-8f8c-3e6d6c1f5f6e"].image.size          # doctest: +SKIP
    (224, 224)
    >>> [sample.texts["sci.txt"] for sample in dataset.samples("val")]      # doctest: +SKIP
    >>> dataset.catalog.group_by("kingdom").len()                           # doctest: +SKIP
    """

    def __init__(self, paths: Paths, places: Places) -> None:
        self.paths = paths
        self.places = places

    def __repr__(self) -> str:
        return f"<treeoflife dataset {self.paths.root}: {len(self):,} samples in {len(self.places.shards):,} shards>"

    def __len__(self) -> int:
        """Samples, over all splits."""
        return len(self.places)

    def __iter__(self) -> Iterator[Sample]:
        """Every sample, in the order of the shards."""
        return self.samples()

    def __contains__(self, treeoflife_id: object) -> bool:
        return isinstance(treeoflife_id, str) and self._number(treeoflife_id) is not None

    def __getitem__(self, treeoflife_id: str) -> Sample:
        """The sample with this id; of one that is in train and train_small, that of train.

        Raises:
            KeyError: there is none.
            StoreError: a shard is not the one that its index speaks of.
        """
        number = self._number(treeoflife_id)
        if number is None:
            raise KeyError(treeoflife_id)
        return self.at(number)

    def at(self, number: int) -> Sample:
        """The sample at a place, counted over all splits and shards."""
        places = self.places
        if not 0 <= number < len(places):
            raise IndexError(f"there is no sample {number}: there are {len(places)}")
        shard = places.shards[places.shard[number]]
        with shard.path.open("rb") as fd:
            fd.seek(int(places.start[number]))
            found = list(_one_sample(fd, shard))
        row = pl.scan_parquet(shard.index).slice(int(places.row[number]), 1).collect().row(0, named=True)
        return self._sample(number, shard, found, row)

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """The samples of a split, or of all, in the order of the shards: each shard is read once, from end to end.

        Raises:
            InputError: there is no such split.
        """
        if split is not None and split not in SPLITS:
            raise InputError(f"there is no split '{split}'; there are {', '.join(SPLITS)}")
        number = 0
        for shard in self.places.shards:
            rows = pl.read_parquet(shard.index)
            if split in (None, shard.split):
                yield from self._of_shard(shard, rows, number)
            number += rows.height

    def jpeg(self, number: int) -> tuple[str, bytes]:
        """Id and image of the sample at a place: one read of the shard, and nothing else."""
        places = self.places
        shard = places.shards[places.shard[number]]
        offset, size = int(places.offset[number]), int(places.size[number])
        with shard.path.open("rb", buffering=0) as fd:
            block = os.pread(fd.fileno(), BLOCK + size, offset - BLOCK)
        name = block[:100].rstrip(b"\0").decode(errors="replace")
        if len(block) != BLOCK + size or int(block[124:135] or b"0", 8) != size:
            raise StoreError(f"{shard.path} is not the shard that its index speaks of, at byte {offset}")
        return name.partition(".")[0], block[BLOCK:]

    def scan(self) -> pl.LazyFrame:
        """The catalog, not read yet: a row per sample.

        Raises:
            InputError: there is none, and no index to make it from.
        """
        if self.paths.catalog.exists():
            return pl.scan_parquet(self.paths.catalog)
        if self.paths.catalog_csv.exists():
            return pl.scan_csv(self.paths.catalog_csv, infer_schema=False)
        frames = [pl.scan_parquet(one.index).with_columns(split=pl.lit(one.split)) for one in self.places.shards]
        return pl.concat(frames, how="diagonal").select(pl.col("split"), pl.exclude("split", *_PLACE))

    @property
    def catalog(self) -> pl.DataFrame:
        """The catalog as a frame: a row per sample."""
        return self.scan().collect()

    def _number(self, treeoflife_id: str) -> int | None:
        for number in self.places.rows_of(treeoflife_id):
            shard = self.places.shards[self.places.shard[number]]
            with shard.path.open("rb") as fd:
                fd.seek(int(self.places.start[number]))
                if next(members(fd, 0)).name.partition(".")[0] == treeoflife_id:
                    return number
        return None

    def _of_shard(self, shard: Shard, rows: pl.DataFrame, first: int) -> Iterator[Sample]:
        with shard.path.open("rb") as fd:
            for place, row in enumerate(rows.iter_rows(named=True)):
                fd.seek(int(self.places.start[first + place]))
                yield self._sample(first + place, shard, list(_one_sample(fd, shard)), row)

    def _sample(self, number: int, shard: Shard, found: list[Member], row: dict[str, Any]) -> Sample:
        treeoflife_id = row["treeoflife_id"]
        parts = {name: member.data or b"" for member in found for key, _, name in [member.name.partition(".")]}
        jpeg = next((data for name, data in parts.items() if not name.endswith((".txt", ".json"))), None)
        if found[0].name.partition(".")[0] != treeoflife_id or jpeg is None:
            raise StoreError(f"{shard.path} is not the shard that its index speaks of: it lacks {treeoflife_id}")
        texts = {name: data.decode(errors="replace") for name, data in parts.items() if name.endswith(".txt")}
        told = {"split": shard.split} | {name: value for name, value in row.items() if name not in _PLACE}
        names = self.paths.names if self.paths.names.exists() else None
        position = int(self.places.start[number])
        return Sample(treeoflife_id, shard.split, jpeg, texts, told, shard.path, position, number, names)


def _one_sample(fd: Any, shard: Shard) -> Iterator[Member]:
    """The members from here on that have the same key."""
    key = None
    try:
        for member in members(fd, _LONGEST):
            own = member.name.partition(".")[0]
            if key not in (None, own):
                return
            key = own
            yield member
    except TarError as error:
        raise StoreError(f"{shard.path} is not the shard that its index speaks of: {error}") from None


def names_of(names: Path, row: dict[str, Any], treeoflife_id: str) -> dict[str, Any]:
    """The row of names.parquet that names an image: its own, its EOL page's, or its iNat21 class's."""
    keys = {treeoflife_id, str(row.get("eol_page_id")), str(row.get("inat21_cls_num"))}
    found = pl.scan_parquet(names).filter(pl.col("name_key").is_in(sorted(keys)))
    if row.get("source"):
        found = found.filter(pl.col("source") == row["source"])
    rows = found.head(1).collect()
    return rows.row(0, named=True) if rows.height else {}


def open_dataset(out: str | os.PathLike[str]) -> Reader:
    """Open a dataset to read from: its folder, its dataset.toml, or the folder of its shards.

    The first time, it is noted where every sample lies; shards without an index are read once for that.

    Raises:
        InputError: there are no shards there.
    """
    paths = find_paths(Path(out))
    return Reader(paths, open_places(paths))
