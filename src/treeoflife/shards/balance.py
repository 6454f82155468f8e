"""Balanced sampling: how often each sample is drawn, so that a class of many images does not drown the rare ones.

A class of n samples is drawn in proportion to ``n ** power``, and so each of its samples in proportion to
``n ** (power - 1)``. With a power of 1 all samples are equal, as they lie in the shards; with 0 all classes are; 0.5 is
square-root sampling. The rule and its name q are those of Kang et al. 2020, Decoupling Representation and Classifier
for Long-Tailed Recognition, equation 1 (https://arxiv.org/abs/1910.09217).

The class of a sample is its lineage from the kingdom down to a rank. Where that rank is not known, the deepest known
one above it says the class: an image that is known to be an Aves and no more is of the class "an Aves, and no more".
"""

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


class BalancedStream:
    """A stage of a webdataset pipeline that passes on each sample as often as its weight says.

    It is what :meth:`treeoflife.Dataset.balanced` returns, for ``WebDataset(…).compose(balanced)``, before images are
    decoded. Most samples of large classes are passed over; all of the rarest are passed on, ``repeat`` times.

    Attributes:
        expected: how many samples it passes on, on average, when each sample of the split comes by once.
    """

    def __init__(self, locations: SampleLocations, split: str, weights: Array, repeat: int, seed: int | None) -> None:
        if repeat < 1:
            raise InputError(f"repeat is {repeat}; the rarest samples are passed on at least once")
        self.split = split
        self._numbers, self._locations = locations.numbers(split), locations
        largest = weights.max() if len(weights) else 1.0
        self._copies = (weights * (repeat / largest)).astype(np.float32)
        self.expected = float(self._copies.sum(dtype=np.float64))
        self._random = None if seed is None else random.Random(seed)  # noqa: S311

    def __call__(self, samples: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The samples to train on.

        Raises:
            InputError: a sample is not in the split of the dataset.
        """
        # PyTorch seeds the module's own generator in each worker and each epoch anew.
        draw = (self._random or random).random
        samples = iter(samples)
        while batch := list(islice(samples, _AT_ONCE)):
            for sample, copies in zip(batch, self._expected_copies(batch), strict=True):
                # The whole part for certain, the rest as a chance: their mean is exactly the expected number.
                for _ in range(int(copies) + (draw() < copies % 1)):
                    yield {**sample}

    def _expected_copies(self, samples: Sequence[dict[str, Any]]) -> list[float]:
        """How often each sample is to be passed on."""
        keys = [sample["__key__"] for sample in samples]
        numbers = self._locations.find(keys, self._numbers)
        if (unknown := numbers < 0).any():
            key = keys[int(unknown.argmax())]
            raise InputError(f"{self.split} has no sample {key!r:.200}: these are not the shards of this dataset")
        copies: list[float] = self._copies[numbers - self._numbers.start].tolist()
        return copies
