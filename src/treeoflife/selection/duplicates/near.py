"""Find all pairs of perceptual hashes that are near each other, without comparing each hash with each other.

A *table* sorts the hashes by some of their bits, which puts hashes that agree in these bits next to each other, and
compares each hash with its neighbours. Two hashes that differ in few bits are neighbours in at least one of many
tables: if ``d`` of 256 bits differ and a table sorts by ``k`` bits, it misses the pair with probability
``1 - (1 - d/256)^k``, and there are enough tables to make the probability that all miss it small. This is
locality-sensitive hashing by bit sampling (Indyk and Motwani, 1998). Tables sort only by bits that mirroring keeps, so
mirrored pairs become neighbours too, and one comparison finds both.

Memory is a few times that of the hashes. A hash has a limited number of neighbours in a table, so thousands of
similar images cost no more than other images do.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...images.perceptual_hash import HASH_BITS, HASH_BYTES

Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

MISS_PROBABILITY = 0.002
"""The probability of missing a pair that differs in exactly the allowed number of bits; nearer pairs are safer."""
# Up to this many hashes, comparing all with all takes less than a second and misses none.
_EXHAUSTIVE = 4096
# A table compares a hash with at most so many of the following ones that share its bits: it bounds the time that
# large sets of similar images take.
_NEIGHBOURS = 128
# Tables sort by so few bits that about 2 ** 3 hashes share them: more bits would take more tables, fewer bits more
# comparisons in each.
_BUCKET_BITS = 3
# Rows that are compared at once: some megabytes, which stay in a processor's cache better than ten million rows do.
_ROWS_AT_ONCE = 1 << 18
# Mirroring an image keeps these bits of each byte of its hash, and flips the others: perceptual_hash.mirror_hashes.
_SHARED = np.uint64(0xAAAAAAAAAAAAAAAA)
_SIGNED = np.uint64(0x5555555555555555)
_ONE = np.uint64(1)
_HALF = 128
# The differing bits of real copies are not spread evenly over a hash: reckon with a fifth more in the sorted ones.
_UNEVEN = 1.2


@dataclass(frozen=True)
class Pairs:
    """Pairs of rows, each once, the lower row first, in ascending order.

    Attributes:
        first: the lower rows.
        second: the higher rows.
        distance: the number of bits in which both hashes differ; of a mirrored pair, after one is mirrored.
        mirrored: whether one hash is nearer to the mirror image of the other than to the other itself.
    """

    first: Rows
    second: Rows
    distance: NDArray[np.int64]
    mirrored: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class _Hashes:
    """Hashes in two halves of 128 bits: the bits that mirroring keeps, and those that it flips."""

    shared: tuple[Words, Words]
    signed: tuple[Words, Words]

    @property
    def count(self) -> int:
        return len(self.shared[0])


def find_near_pairs(hashes: NDArray[np.uint8], limit: int, workers: int = 1) -> Pairs:
    """Find the pairs of hashes that differ in at most ``limit`` of 256 bits, as they are or with one mirrored.

    Identical hashes are paired only with the first of them, so that n identical ones give n - 1 pairs.

    Args:
        hashes: n rows of 32 bytes.
        limit: the maximum number of differing bits, 0 to 64.
        workers: the number of threads; it does not change the result.

    >>> rows = np.zeros((3, 32), dtype=np.uint8)
    >>> rows[1, 0], rows[2] = 0b101, 0x0F
    >>> pairs = find_near_pairs(rows, 31)
    >>> pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist()
    ([0], [1], [2])
    """
    words = as_words(hashes)
    first = first_equal_rows(words)
    distinct = np.flatnonzero(first == np.arange(len(words)))
    split = _split(words[distinct])
    keys = _search_tables(split, limit, workers)
    left, right = (keys >> np.uint64(32)).astype(np.int64), (keys & np.uint64(0xFFFFFFFF)).astype(np.int64)
    straight, turned = _distances(split, left, right)
    copies = np.flatnonzero(first != np.arange(len(words)))
    lower, upper = np.concatenate([distinct[left], first[copies]]), np.concatenate([distinct[right], copies])
    distance = np.concatenate([np.minimum(straight, turned), np.zeros(len(copies), dtype=np.int64)])
    mirrored = np.concatenate([turned < straight, np.zeros(len(copies), dtype=bool)])
    order = np.lexsort((upper, lower))
    return Pairs(lower[order], upper[order], distance[order], mirrored[order])


def as_words(hashes: NDArray[np.uint8]) -> Words:
    """Hashes as n rows of four 64-bit numbers."""
    return np.ascontiguousarray(hashes).view(np.uint64).reshape(-1, HASH_BYTES // 8)


def first_equal_rows(words: Words) -> Rows:
    """For each row, the number of the first row that is equal to it."""
    # As single values of 32 bytes, rows sort faster than by one column after the other.
    values = np.ascontiguousarray(words).view(f"V{HASH_BYTES}").ravel()
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    return first[inverse]


def _split(words: Words) -> _Hashes:
    a, b, c, d = (np.ascontiguousarray(words[:, column]) for column in range(4))
    shared = ((a & _SHARED) | ((b & _SHARED) >> _ONE), (c & _SHARED) | ((d & _SHARED) >> _ONE))
    signed = (((a & _SIGNED) << _ONE) | (b & _SIGNED), ((c & _SIGNED) << _ONE) | (d & _SIGNED))
    return _Hashes(shared, signed)


def _differing_bits(halves: tuple[Words, Words], left: Any, right: Any) -> NDArray[np.int64]:
    """How many of 128 bits differ between the rows ``left`` and ``right``."""
    low, high = halves
    bits = np.bitwise_count(low[left] ^ low[right]) + np.bitwise_count(high[left] ^ high[right])
    result: Rows = bits.astype(np.int64)
    return result


def _distances(hashes: _Hashes, left: Rows, right: Rows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The number of bits in which rows differ, as they are and with one mirrored."""
    shared, signed = _differing_bits(hashes.shared, left, right), _differing_bits(hashes.signed, left, right)
    return shared + signed, shared + _HALF - signed


def _search_tables(hashes: _Hashes, limit: int, workers: int) -> Words:
    """The near pairs of all tables, each once, as lower row << 32 | higher row."""
    bits, tables = choose_tables(hashes.count, limit)
    pairs = np.zeros(0, dtype=np.uint64)
    with ThreadPoolExecutor(workers) as pool:
        # A batch of tables at a time: the results of all of them at once would not fit in memory.
        for start in range(0, tables, workers):
            batch = range(start, min(tables, start + workers))
            new = pool.map(lambda number: _search_table(hashes, limit, bits, number), batch)
            pairs = np.unique(np.concatenate([pairs, *new]))
    return pairs


def choose_tables(count: int, limit: int) -> tuple[int, int]:
    """How many bits a table sorts by, and how many tables there are, for ``count`` hashes.

    >>> choose_tables(1000, 31)
    (0, 1)
    >>> choose_tables(10_000_000, 31)
    (21, 165)
    """
    if count <= _EXHAUSTIVE:
        return 0, 1
    bits = max(1, (count - 1).bit_length() - _BUCKET_BITS)
    agreement = (1 - _UNEVEN * limit / HASH_BITS) ** bits
    return bits, 1 if limit == 0 else ceil(log(MISS_PROBABILITY) / log(1 - agreement))


def _search_table(hashes: _Hashes, limit: int, bits: int, number: int) -> Words:
    """The near pairs among the neighbours of one table."""
    index, bucket = _sort_rows(hashes.shared, bits, number)
    reach = _NEIGHBOURS if bits else hashes.count
    pairs = []
    for start in range(0, hashes.count, _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE + reach)
        pairs += [part for part in _near_neighbours(hashes, index[rows], bucket[rows], limit, reach) if part.size]
    return np.unique(np.concatenate(pairs)) if pairs else np.zeros(0, dtype=np.uint64)


def _sort_rows(shared: tuple[Words, Words], bits: int, number: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Rows in the order of 32 of their bits, and the first ``bits`` of these."""
    key = np.zeros(len(shared[0]), dtype=np.uint64)
    for bit in _choose_bits(number):
        key = (key << _ONE) | ((shared[bit // 64] >> np.uint64(bit % 64)) & _ONE)
    # The row number is part of the key: sorting numbers in place is faster than sorting row numbers by key.
    key = (key << np.uint64(32)) | np.arange(len(key), dtype=np.uint64)
    key.sort()
    index = (key & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    return index, (key >> np.uint64(64 - bits)).astype(np.uint32) if bits else np.zeros(len(key), dtype=np.uint32)


def _choose_bits(number: int) -> list[int]:
    """The 32 of 128 bits that a table sorts by: pseudo-random, but always the same for the same table."""
    order = sorted(range(_HALF), key=lambda bit: hashlib.blake2b(b"%d/%d" % (number, bit), digest_size=8).digest())
    return order[:32]


def _near_neighbours(
    hashes: _Hashes, index: NDArray[np.uint32], bucket: NDArray[np.uint32], limit: int, reach: int
) -> Iterator[Words]:
    """The near pairs of a part of a table whose first row is among the first ``_ROWS_AT_ONCE`` rows of the part."""
    shared = (hashes.shared[0][index], hashes.shared[1][index])
    left = np.arange(min(_ROWS_AT_ONCE, len(index)))
    for step in range(1, reach + 1):
        left = left[: np.searchsorted(left, len(index) - step)]
        left = left[bucket[left] == bucket[left + step]]
        if not left.size:
            return
        # The shared half alone rules most pairs out, at half the cost.
        close = left[_differing_bits(shared, left, left + step) <= limit]
        yield _near_pairs(hashes, index[close], index[close + step], limit)


def _near_pairs(hashes: _Hashes, first: NDArray[np.uint32], second: NDArray[np.uint32], limit: int) -> Words:
    """Those of the pairs that are near in all 256 bits, as lower row << 32 | higher row."""
    straight, turned = _distances(hashes, first.astype(np.int64), second.astype(np.int64))
    near = np.minimum(straight, turned) <= limit
    lower, upper = np.minimum(first, second)[near], np.maximum(first, second)[near]
    return (lower.astype(np.uint64) << np.uint64(32)) | upper.astype(np.uint64)
