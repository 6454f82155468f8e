"""Which images are for validation, and which make the small training set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from .config import Splits
from .mapping.store import read_source, write_splits
from .sources import Source

STEP_VERSION = 1


def shuffle_key(seed: int, purpose: str, treeoflife_id: str) -> int:
    """The place of an id in a shuffle: 64 bits that depend on seed, purpose and id alone (BLAKE2b)."""
    text = f"{seed}\0{purpose}\0{treeoflife_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest())


def shuffled(frame: pl.DataFrame, seed: int, purpose: str) -> pl.DataFrame:
    """The rows of ``frame`` in the order of their ids' :func:`shuffle_key`, whatever order they came in."""
    places = [shuffle_key(seed, purpose, one) for one in frame["treeoflife_id"]]
    order = pl.Series("shuffle", places, dtype=pl.UInt64)
    return frame.with_columns(order).sort("shuffle", "treeoflife_id").drop("shuffle")


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
    order = shuffled(ids.select("treeoflife_id"), seed, "val")
    n_val = order.height * settings.val_percent // 100
    train = shuffled(order[n_val:], seed, "train_small")
    n_small = train.height * settings.train_small_percent // 100
    val = order[:n_val].with_columns(is_val=pl.lit(value=True), is_train_small=pl.lit(value=False))
    return pl.concat(
        [val, train.with_columns(is_val=pl.lit(value=False), is_train_small=pl.int_range(pl.len()) < n_small)]
    )


def write(path: Path, sources: Iterable[Source], settings: Splits, seed: int, inputs: Any) -> dict[str, int]:
    """Split all images of a mapping, source by source, and write the table ``split``.

    Returns:
        How many images are in train, val and train_small.
    """
    splits = pl.concat([choose(read_source(path, source), settings, seed) for source in sources])
    write_splits(path, splits, inputs)
    n_val, n_small = int(splits["is_val"].sum()), int(splits["is_train_small"].sum())
    return {"train": splits.height - n_val, "val": n_val, "train_small": n_small}
