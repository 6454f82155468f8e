"""Balanced sampling: how often each sample is drawn, so that a class of many images does not drown the rare ones.

A class of n samples is drawn in proportion to ``n ** power``, and so each of its samples in proportion to
``n ** (power - 1)``. With a power of 1 all samples are equal, as they lie in the shards; with 0 all classes are; 0.5 is
square-root sampling. The rule and its name q are those of Kang et al. 2020, Decoupling Representation and Classifier
for Long-Tailed Recognition, equation 1 (https://arxiv.org/abs/1910.09217).

The class of a sample is its lineage from the kingdom down to a rank. Where that rank is not known, the deepest known
one above it says the class: an image that is known to be an Aves and no more is of the class "an Aves, and no more".
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import polars as pl

from ..core.tables import Array
from ..core.values import RANKS
from ..errors import InputError
from .locations import SampleLocations

# Looked up one by one, an id takes ten times as long; so many samples are about 5 MB.
_AT_ONCE = 256


def class_sizes(locations: SampleLocations, split: str, rank: str) -> Array:
    """For each sample of a split, how many samples of the split are in its class.

    Eight bytes are held for each sample, and the names of one shard at a time.

    Raises:
        InputError: there is no such split or rank.
    """
    if rank not in RANKS:
        raise InputError(f"there is no rank '{rank}'; the ranks are {', '.join(RANKS)}")
    samples = locations.numbers(split)
    if not samples:
        return np.zeros(0, dtype=np.int64)
    ranks = RANKS[: RANKS.index(rank) + 1]
    # Two of a million lineages have the same 64 bits once in 37 million datasets; they would share a weight.
    lineage = pl.concat_str([pl.col(name).fill_null("") for name in ranks], separator="\x1f").hash(seed=23)
    indexes = [shard.index for shard in locations.shards if shard.split == split]
    hashes = [pl.read_parquet(index, columns=list(ranks), glob=False).select(lineage).to_series() for index in indexes]
    _, classes, counts = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
    sizes: Array = counts[classes]
    return sizes


def sample_weights(locations: SampleLocations, split: str, rank: str, power: float) -> Array:
    """The weight of each sample of a split, in order; their mean is 1.

    Args:
        rank: the rank that makes the classes, such as ``species``.
        power: 1 leaves the samples as they are, 0 makes all classes equal.

    Raises:
        InputError: there is no such split or rank, or ``power`` is not in 0 to 1.
    """
    if not 0 <= power <= 1:
        raise InputError(f"power is {power}; it is from 0, where all classes are equal, to 1, where all samples are")
    weights: Array = class_sizes(locations, split, rank).astype(np.float64) ** (power - 1)
    return weights / weights.mean() if len(weights) else weights


def checked_weights(weights: Sequence[float] | Array, samples: int) -> Array:
    """Weights that a caller made, as an array: one for each of this many samples, none negative, and not all zero.

    Raises:
        InputError: they are not that.
    """
    array: Array = np.asarray(weights, dtype=np.float64)
    if array.shape != (samples,):
        raise InputError(
            f"there are {array.size:,} weights for {samples:,} samples; each sample of the split needs one"
        )
    if not (np.isfinite(array) & (array >= 0)).all():
        raise InputError("a weight is negative or no finite number")
    if samples and not array.any():
        raise InputError("all weights are 0, so no sample would ever be drawn")
    return array


class BalancedStream:
    """A stage of a webdataset pipeline that passes on each sample as often as its weight says.

    It is what :meth:`treeoflife.Dataset.balanced` returns, for ``WebDataset(…).compose(balanced)``, before images are
    decoded. Most samples of large classes are passed over; all of the rarest are passed on, ``repeat`` times.

    Without a seed, Python's generator chooses, which PyTorch seeds anew in each worker and each epoch. With a seed, the
    choice is a hash of the seed, the number of the epoch and the id of the sample. Then it depends neither on the order
    of the samples nor on how they are divided among nodes and workers, nor on where an epoch is resumed.

    Attributes:
        expected: how many samples it passes on, on average, when each sample of the split comes by once.
        epoch: the number of the epoch, which :meth:`set_epoch` sets.
    """

    def __init__(self, locations: SampleLocations, split: str, weights: Array, repeat: int, seed: int | None) -> None:
        if repeat < 1:
            raise InputError(f"repeat is {repeat}; the rarest samples are passed on at least once")
        self.split = split
        self._numbers, self._locations = locations.numbers(split), locations
        largest = weights.max() if len(weights) else 1.0
        self._expected_copies = (weights * (repeat / largest)).astype(np.float32)
        self.expected = float(self._expected_copies.sum(dtype=np.float64))
        self.epoch = 0
        self._seed = seed

    def set_epoch(self, epoch: int) -> None:
        """Choose anew, with a seed too; to be called before each epoch, as that of PyTorch's DistributedSampler.

        Workers that are started for each epoch know of it; those of a ``DataLoader(persistent_workers=True)`` do not.
        """
        self.epoch = epoch

    def __call__(self, samples: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The samples to train on.

        Raises:
            InputError: a sample is not in the split of the dataset.
        """
        samples = iter(samples)
        while batch := list(islice(samples, _AT_ONCE)):
            copies = self.copies([sample["__key__"] for sample in batch])
            for sample, count in zip(batch, copies, strict=True):
                for _ in range(count):
                    yield {**sample}

    def copies(self, keys: Sequence[str]) -> list[int]:
        """How often each of these samples is passed on in this epoch; without a seed, another answer each time.

        It is for streams other than webdataset's, which can drop samples by their keys.

        Raises:
            InputError: a sample is not in the split of the dataset.
        """
        numbers = self._locations.find(keys, self._numbers)
        if (unknown := numbers < 0).any():
            key = keys[int(unknown.argmax())]
            raise InputError(f"{self.split} has no sample {key!r:.200}: these are not the shards of this dataset")
        expected: list[float] = self._expected_copies[numbers - self._numbers.start].tolist()
        # The whole part for certain, the rest as a chance: their mean is exactly the expected number.
        return [int(mean) + (self._draw(key) < mean % 1) for key, mean in zip(keys, expected, strict=True)]

    def _draw(self, key: str) -> float:
        """A number from 0 to 1, uniformly distributed."""
        if self._seed is None:
            return random.random()  # noqa: S311
        digest = hashlib.blake2b(f"{self._seed}/{self.epoch}/{key}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / 2**64
