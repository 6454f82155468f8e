"""Shuffles that depend only on a seed and the ids: the same on every computer, whatever order the ids come in."""

import hashlib
from collections.abc import Iterable

import numpy as np
import polars as pl

from ..core.tables import Array


def shuffle_key(seed: int, purpose: str, treeoflife_id: str) -> int:
    """The sort key of an id: 64 bits of a BLAKE2b hash of seed, purpose and id.

    >>> shuffle_key(17, "val", "aa6c849d-cac5-5632-8e5d-8cb825004fce")
    5308701173267435750
    """
    return int(shuffle_keys([treeoflife_id], seed, purpose)[0])


def shuffle_keys(ids: Iterable[str], seed: int, purpose: str) -> Array:
    """The :func:`shuffle_key` of many ids, as unsigned 64-bit numbers."""
    # Seed and purpose are hashed once. They are separated by a byte that neither can contain.
    prefix, digests = hashlib.blake2b(f"{seed}\0{purpose}\0".encode(), digest_size=8), bytearray()
    for treeoflife_id in ids:
        digest = prefix.copy()
        digest.update(treeoflife_id.encode())
        digests += digest.digest()
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def shuffle_order(ids: pl.Series, seed: int, purpose: str) -> Array:
    """The indices that put ids in the order of their :func:`shuffle_key`."""
    keys = shuffle_keys(ids, seed, purpose)
    order = np.argsort(keys, kind="stable")
    # Equal keys are ordered by id; among 10 million ids, two are equal with a probability of 3 in a million.
    if (np.diff(keys[order]) == 0).any():
        return np.lexsort((ids.rank("ordinal").to_numpy(), keys))
    return order
