"""All pairs of hashes that are near each other, without comparing all pairs.

A *table* sorts the hashes by some of their bits, so that those which agree in these bits lie together, and compares
each with its neighbours there. Two hashes that differ in few bits agree in some table or other: with ``d`` of 256
bits different and ``k`` bits to sort by, a table misses them with the probability ``1 - (1 - d/256)^k``, and there are
as many tables as make the chance to be missed by all of them small. The bits to sort by are those that a mirror image
shares, so mirrored pairs lie together too, and are found by the same comparison.

Memory is a few times that of the hashes. A hash has a limited number of neighbours in a table, so thousands of
images that look alike cost no more than others do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, log, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...images.perceptual import BITS, BYTES

Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

MOST_MISSED = 0.002
"""The chance that a pair exactly at the limit is missed; nearer ones are missed far more rarely."""
_EXHAUSTIVE = 4096
_NEIGHBOURS = 128
_IN_A_BUCKET = 3
_SLICE = 1 << 18
_SHARED = np.uint64(0xAAAAAAAAAAAAAAAA)
_SIGNED = np.uint64(0x5555555555555555)
_ONE = np.uint64(1)
_HALF = 128
_UNEVEN = 1.2


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, each once, the lower row first, in order.

    Attributes:
        first: rows.
        second: rows.
        distance: bits in which they differ; of a mirrored pair, after one is mirrored.
        mirrored: whether one is near the mirror image of the other, and not as near as it is.
    """

    first: Rows
    second: Rows
    distance: NDArray[np.int64]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class _Split:
    """Hashes in two halves of 128 bits: those that a mirror image shares, and those that it has the other way round."""

    shared: tuple[Words, Words]
    signed: tuple[Words, Words]

    @property
    def count(self) -> int:
        return len(self.shared[0])


def near(hashes: NDArray[np.uint8], limit: int, workers: int = 1) -> Pairs:
    """The pairs of hashes that differ in at most ``limit`` of 256 bits, as they are or mirrored.

    Identical hashes are paired with the first of their kind alone.

    Args:
        hashes: n rows of 32 bytes.
        limit: bits, 0 to 64.
        workers: threads.

    >>> rows = np.zeros((3, 32), dtype=np.uint8)
    >>> rows[1, 0], rows[2] = 0b101, 0x0F
    >>> pairs = near(rows, 31)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist()
    ([0], [1], [2])
    """
    words = as_words(hashes)
    first = first_of_its_kind(words)
    kinds = np.flatnonzero(first == np.arange(len(words)))
    split = _split(words[kinds])
    keys = _all_tables(split, limit, workers)
    left, right = (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    straight, turned = _distances(split, left, right)
    same = np.flatnonzero(first != np.arange(len(words)))
    lower, upper = np.concatenate([kinds[left], first[same]]), np.concatenate([kinds[right], same])
    distance = np.concatenate([np.minimum(straight, turned), np.zeros(len(same), dtype=np.int64)])
    mirror = np.concatenate([turned < straight, np.zeros(len(same), dtype=bool)])
    order = np.lexsort((upper, lower))
    return Pairs(lower[order], upper[order], distance[order], mirror[order])


def as_words(hashes: NDArray[np.uint8]) -> Words:
    """Hashes as n rows of four numbers."""
    return np.ascontiguousarray(hashes).view(np.uint64).reshape(-1, BYTES // 8)


def first_of_its_kind(words: Words) -> Rows:
    """For each row, the first row that is identical."""
    order = np.lexsort(tuple(words.T))
    fresh = np.ones(len(words), dtype=bool)
    for start in range(1, len(words), _SLICE):
        rows = order[start - 1 : start + _SLICE]
        fresh[start : start + len(rows) - 1] = (words[rows[1:]] != words[rows[:-1]]).any(axis=1)
    begins = np.flatnonzero(fresh)
    first = np.empty(len(words), dtype=np.int64)
    if len(words):
        first[order] = np.repeat(np.minimum.reduceat(order, begins), np.diff(np.append(begins, len(words))))
    return first


def _split(words: Words) -> _Split:
    a, b, c, d = (np.ascontiguousarray(words[:, place]) for place in range(4))
    shared = ((a & _SHARED) | ((b & _SHARED) >> _ONE), (c & _SHARED) | ((d & _SHARED) >> _ONE))
    signed = (((a & _SIGNED) << _ONE) | (b & _SIGNED), ((c & _SIGNED) << _ONE) | (d & _SIGNED))
    return _Split(shared, signed)


def _apart(halves: tuple[Words, Words], left: Any, right: Any) -> NDArray[np.int64]:
    """How many of 128 bits differ."""
    one, other = halves
    bits = np.bitwise_count(one[left] ^ one[right]) + np.bitwise_count(other[left] ^ other[right])
    result: Rows = bits.astype(np.int64)
    return result


def _distances(split: _Split, left: Rows, right: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The bits in which rows differ, as they are and mirrored."""
    shared, signed = _apart(split.shared, left, right), _apart(split.signed, left, right)
    return shared + signed, shared + _HALF - signed


def _all_tables(split: _Split, limit: int, workers: int) -> Words:
    """The near pairs of all tables, each once, as lower row << 32 | higher row."""
    bits, tables = tables_for(split.count, limit)
    found = np.zeros(0, dtype=np.uint64)
    with ThreadPoolExecutor(workers) as pool:
        for batch in _batches(tables, workers):
            new = pool.map(lambda number: _table(split, limit, bits, number), batch)
            found = np.unique(np.concatenate([found, *new]))
    return found


def _batches(count: int, size: int) -> Iterator[range]:
    return (range(start, min(count, start + size)) for start in range(0, count, size))


def tables_for(count: int, limit: int) -> tuple[int, int]:
    """How many bits tables sort by, and how many tables it takes.

    >>> tables_for(1000, 31)
    (0, 1)
    >>> tables_for(10_000_000, 31)
    (21, 165)
    """
    if count <= _EXHAUSTIVE:
        return 0, 1
    bits = max(1, ceil(log2(count)) - _IN_A_BUCKET)
    agree = (1 - _UNEVEN * limit / BITS) ** bits
    return bits, 1 if limit == 0 else ceil(log(MOST_MISSED) / log(1 - agree))


def _table(split: _Split, limit: int, bits: int, number: int) -> Words:
    """The near pairs that lie together in one table."""
    index, bucket = _sorted(split.shared, bits, number)
    reach = _NEIGHBOURS if bits else split.count
    found = []
    for start in range(0, split.count, _SLICE):
        rows = slice(start, start + _SLICE + reach)
        near_ones = _neighbours(split, index[rows], bucket[rows], limit, reach)
        found += [part for part in near_ones if part.size]
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.uint64)


def _sorted(shared: tuple[Words, Words], bits: int, number: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Rows in the order of 32 of their bits, and the first ``bits`` of these."""
    key = np.zeros(len(shared[0]), dtype=np.uint64)
    for bit in _chosen(number):
        key = (key << _ONE) | ((shared[bit // 64] >> np.uint64(bit % 64)) & _ONE)
    key = (key << np.uint64(32)) | np.arange(len(key), dtype=np.uint64)
    key.sort()
    index = (key & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return index, (key >> np.uint64(64 - bits)).astype(np.uint32) if bits else np.zeros(len(key), dtype=np.uint32)


def _chosen(number: int) -> list[int]:
    """The 32 of 128 bits that a table sorts by: any, but always the same."""
    order = sorted(range(_HALF), key=lambda bit: hashlib.blake2b(b"%d/%d" % (number, bit), digest_size=8).digest())
    return order[:32]


def _neighbours(
    split: _Split, index: NDArray[np.uint32], bucket: NDArray[np.uint32], limit: int, reach: int
) -> Iterator[Words]:
    """The near pairs of a part of a table, whose first row is among the first rows of the part."""
    shared = (split.shared[0][index], split.shared[1][index])
    left = np.arange(min(_SLICE, len(index)))
    for step in range(1, reach + 1):
        left = left[: np.searchsorted(left, len(index) - step)]
        left = left[bucket[left] == bucket[left + step]]
        if not left.size:
            return
        close = left[_apart(shared, left, left + step) <= limit]
        yield _near_ones(split, index[close], index[close + step], limit)


def _near_ones(split: _Split, one: NDArray[np.uint32], other: NDArray[np.uint32], limit: int) -> Words:
    """Those of the pairs that are near in all their bits."""
    straight, turned = _distances(split, one.astype(np.int64), other.astype(np.int64))
    near_ones = np.minimum(straight, turned) <= limit
    lower, upper = np.minimum(one, other)[near_ones], np.maximum(one, other)[near_ones]
    return (lower.astype(np.uint64) << np.uint64(32)) | upper.astype(np.uint64)
