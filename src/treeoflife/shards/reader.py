"""The Python API for a finished dataset: ``treeoflife.open(OUT)`` gives samples by id, by number, or in order."""

from __future__ import annotations

import operator
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, SupportsIndex, overload

import polars as pl

from ..config.paths import Paths
from ..core.files import exists, read_at
from ..core.tar_writer import BLOCK
from ..core.values import SPLITS
from ..errors import InputError
from .locations import SampleLocations, Shard, find_dataset, load_locations, mismatch, read_members_at
from .members import find_image, texts_of
from .notebook import PICTURES, dataset_html
from .sample import Sample

if TYPE_CHECKING:
    from ..core.tables import Array
    from .balance import BalancedStream
    from .torch_dataset import TorchDataset, Transform

_LOCATION_COLUMNS = ("offset", "size", "start", "position", "sha256")


class Dataset:
    """A finished dataset: one that this program built, or shards of others.

    Its samples are numbered over all splits and shards. A number, as in ``dataset[0]`` or ``dataset[-1]``, or an id
    gives one sample. A slice gives a list, whose images are all in memory: use :meth:`samples` to go through many.

    >>> import treeoflife
    >>> dataset = treeoflife.open("OUT")                                    # doctest: +SKIP
    >>> dataset["0000007d-5d4b-5c02-8f8c-3e6d6c1f5f6e"].image.size          # doctest: +SKIP
    (224, 224)
    >>> [sample.texts["sci.txt"] for sample in dataset.samples("val")]      # doctest: +SKIP
    >>> dataset.catalog.group_by("kingdom").len()                           # doctest: +SKIP
    """

    def __init__(self, paths: Paths, locations: SampleLocations) -> None:
        self.paths = paths
        self.locations = locations

    def __repr__(self) -> str:
        splits = ", ".join(f"{split} {count:,}" for split, count in self.locations.count_by_split().items())
        shards = len(self.locations.shards)
        return f"<treeoflife.Dataset {str(self.paths.root)!r}: {len(self):,} samples in {shards:,} shards ({splits})>"

    def _repr_html_(self) -> str:
        pictures = min(PICTURES, len(self))
        samples = [self[index * len(self) // pictures] for index in range(pictures)]
        return dataset_html(str(self.paths.root), self.locations.count_by_split(), samples)

    def __len__(self) -> int:
        """The number of samples, over all splits."""
        return len(self.locations)

    def __iter__(self) -> Iterator[Sample]:
        """All samples, in the order of their numbers."""
        return self.samples()

    def __contains__(self, treeoflife_id: object) -> bool:
        return isinstance(treeoflife_id, str) and self._find(treeoflife_id) is not None

    @overload
    def __getitem__(self, key: str | SupportsIndex) -> Sample: ...
    @overload
    def __getitem__(self, key: slice) -> list[Sample]: ...
    def __getitem__(self, key: str | SupportsIndex | slice) -> Sample | list[Sample]:
        """The sample with an id or a number, or a list of samples. An id of train_small gives the sample in train.

        Raises:
            KeyError: no sample has the id.
            IndexError: no sample has the number.
            StoreError: a shard does not match its index.
        """
        if isinstance(key, slice):
            return [self._read_at(number) for number in range(*key.indices(len(self)))]
        if isinstance(key, str):
            if (number := self._find(key)) is None:
                raise KeyError(key)
            return self._read_at(number)
        if not -len(self) <= operator.index(key) < len(self):
            raise IndexError(f"there is no sample {key}: the dataset has {len(self):,} samples")
        return self._read_at(operator.index(key) % len(self))

    def samples(self, split: str | None = None) -> Iterator[Sample]:
        """The samples of a split, or of all, in the order of their numbers. Each shard is read once, front to back.

        Raises:
            InputError: there is no such split.
        """
        if split is not None and split not in SPLITS:
            raise InputError(f"there is no split '{split}'; the splits are {', '.join(SPLITS)}")
        first = 0
        for shard in self.locations.shards:
            rows = pl.read_parquet(shard.index, glob=False)
            if split in (None, shard.split):
                with shard.path.open("rb") as file:
                    for number, row in enumerate(rows.iter_rows(named=True), first):
                        yield self._read(file, number, row)
            first += rows.height

    def read_jpeg(self, number: int) -> bytes:
        """The image of the sample with this number, in one read; a StoreError if the shard does not match its index."""
        shard, offset, size = self._shard(number), int(self.locations.offset[number]), int(self.locations.size[number])
        with shard.path.open("rb", buffering=0) as file:
            block = read_at(file, BLOCK + size, offset - BLOCK)
        # The header before the image has its size, in octal digits.
        if len(block) != BLOCK + size or block[124:135].strip(b"\0 ").rjust(11, b"0") != b"%011o" % size:
            raise mismatch(shard, f"there is no image of {size} bytes at byte {offset}")
        return block[BLOCK:]

    def torch(
        self,
        split: str = "train",
        *,
        text: str | Sequence[str] = "taxonTag_com",
        transform: Transform | None = None,
        text_transform: Transform | None = None,
    ) -> TorchDataset:
        """A split as a map-style dataset for PyTorch, which gives pairs of an image and a text.

        Args:
            split: ``train``, ``val`` or ``train_small``. All of train_small is in train too.
            text: the name of a text, such as ``sci``; a list of names, of which one is chosen at random each time,
                among those that the sample has; or ``"all"`` for a dictionary of all texts.
            transform: what becomes of the image, which is one of Pillow.
            text_transform: what becomes of the text, such as a tokenizer.

        Raises:
            InputError: there is no such split or text.

        >>> train = dataset.torch("train", text="sci", transform=preprocess)    # doctest: +SKIP
        >>> DataLoader(train, batch_size=256, shuffle=True, num_workers=4)      # doctest: +SKIP
        """
        from .torch_dataset import TorchDataset

        return TorchDataset(self.locations, split, text, transform, text_transform)

    def balanced(
        self,
        split: str = "train",
        *,
        rank: str = "species",
        power: float = 0.5,
        weights: Sequence[float] | Array | None = None,
        repeat: int = 1,
        seed: int | None = None,
    ) -> BalancedStream:
        """A stage for webdataset that draws a class of n samples in proportion to ``n ** power``.

        Args:
            split: the split whose shards are streamed.
            rank: the rank that makes the classes; see :mod:`treeoflife.shards.balance`.
            power: 1 leaves the samples as they are, 0 makes all classes equal.
            weights: weights of your own instead of those by ``rank`` and ``power``: one per sample, in the order of
                the split's rows in :attr:`catalog`.
            repeat: how often a sample of the largest weight is passed on when it comes by. The more, the fewer samples
                of large classes are read in vain.
            seed: makes the choice in an epoch the same each time, on any number of nodes and workers; call
                ``set_epoch`` before each epoch then. By default Python's own generator chooses.

        Raises:
            InputError: there is no such split or rank, a number is out of range, or there is not one weight per sample.

        >>> WebDataset(shards).compose(dataset.balanced("train", power=0.5))    # doctest: +SKIP
        """
        from .balance import BalancedStream, checked_weights, sample_weights

        if weights is None:
            array = sample_weights(self.locations, split, rank, power)
        else:
            array = checked_weights(weights, len(self.locations.numbers(split)))
        return BalancedStream(self.locations, split, array, repeat, seed)

    def scan(self) -> pl.LazyFrame:
        """The catalog, a row per sample, to be read lazily; without a catalog file, from the indexes of the shards.

        The rows of a split are in the order of its samples.
        """
        if exists(self.paths.catalog):
            return pl.scan_parquet(self.paths.catalog, glob=False)
        if exists(self.paths.catalog_csv):
            return pl.scan_csv(self.paths.catalog_csv, infer_schema=False, glob=False)
        shards = self.locations.shards
        frames = [pl.scan_parquet(shard.index, glob=False).with_columns(split=pl.lit(shard.split)) for shard in shards]
        return pl.concat(frames, how="diagonal").select(
            pl.col("split"), pl.exclude(r"^.*\..*$", "split", *_LOCATION_COLUMNS)
        )

    @property
    def catalog(self) -> pl.DataFrame:
        """The catalog as a data frame, one row per sample; the rows of a split are in the order of its samples."""
        return self.scan().collect()

    def _shard(self, number: int) -> Shard:
        return self.locations.shards[int(self.locations.shard[number])]

    def _find(self, treeoflife_id: str) -> int | None:
        for number in self.locations.candidates(treeoflife_id):
            shard = self._shard(number)
            with shard.path.open("rb") as file:
                # Hashes of different ids can be equal, so the shard itself has the last word.
                key, _ = read_members_at(file, shard, int(self.locations.start[number]), max_bytes=0)
            if key == treeoflife_id:
                return number
        return None

    def _read_at(self, number: int) -> Sample:
        shard, index_row = self._shard(number), int(self.locations.row[number])
        # Lazily: only the row group that has the row is read.
        row = pl.scan_parquet(shard.index, glob=False).slice(index_row, 1).collect().row(0, named=True)
        with shard.path.open("rb") as file:
            return self._read(file, number, row)

    def _read(self, file: BinaryIO, number: int, row: dict[str, Any]) -> Sample:
        """Read a sample from its shard, which is open as ``file``; ``row`` is its row of the shard's index."""
        shard, shard_offset = self._shard(number), int(self.locations.start[number])
        key, members = read_members_at(file, shard, shard_offset)
        image = find_image(members)
        if key != row["treeoflife_id"] or image is None:
            raise mismatch(shard, f"there is no image of {row['treeoflife_id']} at byte {shard_offset}")
        # Captions of the dataset's own are in the index by their suffixes; a column of a table has no dot in its name.
        of_catalog = {name: row[name] for name in row if name not in _LOCATION_COLUMNS and "." not in name}
        catalog_row = {"split": shard.split} | of_catalog
        tables = [path if exists(path) else None for path in (self.paths.names, self.paths.provenance)]
        jpeg, texts = image.data or b"", texts_of(members)
        return Sample(key, shard.split, jpeg, texts, catalog_row, shard.path, shard_offset, number, *tables)


def open_dataset(out: str | os.PathLike[str]) -> Dataset:
    """Open a dataset to read from: its folder, its dataset.toml, or a folder of shards such as ``224x224``.

    The first time, the location of every sample is recorded. Shards without an index are read once for that.

    Raises:
        InputError: there are no shards.
        TasksFailed: a shard without an index cannot be read.
    """
    paths = find_dataset(Path(out))
    return Dataset(paths, load_locations(paths))
