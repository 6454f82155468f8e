"""Shuffles that depend on a seed and the ids alone."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from ..core.tables import Array


def shuffle_key(seed: int, purpose: str, treeoflife_id: str) -> int:
    """The place of an id in a shuffle: 64 bits that depend on seed, purpose and id alone (BLAKE2b)."""
    text = f"{seed}\0{purpose}\0{treeoflife_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def shuffle_order(ids: pl.Series, seed: int, purpose: str) -> Array:
    """The numbers of the ids in the order of their :func:`shuffle_key`, whatever order they came in; ties by id."""
    keys = shuffle_keys(ids, seed, purpose)
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        return np.lexsort((ids.rank("ordinal").to_numpy(), keys))
    return order


def shuffle_keys(ids: pl.Series, seed: int, purpose: str) -> Array:
    """The :func:`shuffle_key` of many ids."""
    begun, digests = hashlib.blake2b(f"{seed}\0{purpose}\0".encode(), digest_size=8), bytearray()
    for one in ids:
        hashed = begun.copy()
        hashed.update(one.encode())
        digests += hashed.digest()
    return np.frombuffer(digests, ">u8").astype(np.uint64)
