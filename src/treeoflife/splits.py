"""Which images are for validation, and which make the small training set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .config import Splits
from .mapping.store import read_ids, write_splits
from .sources import Source
from .tables import Array

STEP_VERSION = 1


def shuffle_key(seed: int, purpose: str, treeoflife_id: str) -> int:
    """The place of an id in a shuffle: 64 bits that depend on seed, purpose and id alone (BLAKE2b)."""
    text = f"{seed}\0{purpose}\0{treeoflife_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def shuffle_order(ids: pl.Series, seed: int, purpose: str) -> Array:
    """The numbers of the ids in the order of their :func:`shuffle_key`, whatever order they came in; ties by id."""
    keys = _shuffle_keys(ids, seed, purpose)
    order = np.argsort(keys, kind="stable")
    if (np.diff(keys[order]) == 0).any():
        return np.lexsort((ids.rank("ordinal").to_numpy(), keys))
    return order


def _shuffle_keys(ids: pl.Series, seed: int, purpose: str) -> Array:
    begun, digests = hashlib.blake2b(f"{seed}\0{purpose}\0".encode(), digest_size=8), bytearray()
    for one in ids:
        hashed = begun.copy()
        hashed.update(one.encode())
        digests += hashed.digest()
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def shuffled(frame: pl.DataFrame, seed: int, purpose: str) -> pl.DataFrame:
    """The rows of ``frame`` in the order of their ids' :func:`shuffle_key`, whatever order they came in."""
    return frame[shuffle_order(frame["treeoflife_id"], seed, purpose)]


def choose(ids: pl.DataFrame, settings: Splits, seed: int) -> pl.DataFrame:
    """Split the images of one source.

    Of n images, ``n * val_percent // 100`` go to val; of the n_train others, ``n_train * train_small_percent // 100``
    are in train_small as well.

    Args:
        ids: a column ``treeoflife_id``.
        settings: the percentages.
        seed: of the shuffles.

    Returns:
        ``treeoflife_id``, ``is_val``, ``is_train_small``.
    """
    all_ids = ids["treeoflife_id"]
    order = shuffle_order(all_ids, seed, "val")
    n_val = len(order) * settings.val_percent // 100
    train = order[n_val:]
    n_small = len(train) * settings.train_small_percent // 100
    small = train[shuffle_order(all_ids.gather(train), seed, "train_small")[:n_small]]
    is_val, is_train_small = np.zeros(len(order), bool), np.zeros(len(order), bool)
    is_val[order[:n_val]], is_train_small[small] = True, True
    return pl.DataFrame({"treeoflife_id": all_ids, "is_val": is_val, "is_train_small": is_train_small})


def write(path: Path, sources: Iterable[Source], settings: Splits, seed: int, inputs: Any) -> dict[str, int]:
    """Split all images of a mapping, source by source, and write the table ``split``.

    Returns:
        How many images are in train, val and train_small.
    """
    splits = pl.concat([choose(read_ids(path, source), settings, seed) for source in sources])
    write_splits(path, splits, inputs)
    n_val, n_small = int(splits["is_val"].sum()), int(splits["is_train_small"].sum())
    return {"train": splits.height - n_val, "val": n_val, "train_small": n_small}
