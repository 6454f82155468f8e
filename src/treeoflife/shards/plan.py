"""The plan: decisions -> which sample goes into which shard, in what order, and what lies where."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.config import Config
from ..config.tables import Wds
from ..core.tables import Array, write_parquet
from ..core.tar_writer import BLOCK, end
from ..core.values import Taxon
from ..errors import ConfigError, InputError
from ..mapping.shuffle import shuffle_order
from ..selection.decide import NAME_COLUMNS, Decisions
from ..selection.match import WHERE
from .captions import STEP_VERSION as CAPTIONS_VERSION
from .captions import archive_bytes

STEP_VERSION = 2
_SHARD_VERSION = 1
PLACE = ["offset", "tar_bytes", "shard"]
"""Columns of a plan that say where an image lies and goes, and nothing of what the shard holds."""
_SAFE_ID = r"^[A-Za-z0-9_-]{1,80}$"


def write_split(
    path: Path, split: str, decided: Decisions, samples: Array, config: Config, meta: dict[str, Any]
) -> int:
    """Write the plan of one split, shard by shard; rows in the shard's order.

    Args:
        path: the file.
        split: the split.
        decided: the decisions.
        samples: the rows of ``decided.images`` that are in the split.
        config: how shards are filled, in what order.
        meta: what the plan is made from.

    Returns:
        The number of shards.

    Raises:
        InputError: an id is not fit to be a key of WebDataset.
        ConfigError: a single sample is larger than a shard may be.
    """
    if config.wds.order == "shuffled":
        samples = samples[shuffle_order(decided.images["treeoflife_id"].gather(samples), config.seed, "shard")]
    _check_ids(decided, samples)
    sizes = _tar_bytes(decided, samples)
    bounds = shard_bounds(sizes, config.wds, getattr(config.wds.min_shards, split))
    counts = np.diff(bounds).tolist()
    fingerprints: list[str] = []

    def shards() -> Iterator[pl.DataFrame]:
        for number, (start, stop) in enumerate(pairwise(bounds)):
            rows = _rows(decided, samples[start:stop], sizes[start:stop], number)
            fingerprints.append(shard_fingerprint(rows))
            yield rows

    def told() -> dict[str, Any]:
        assert len(fingerprints) == len(counts)
        return meta | {"split": split, "shards": fingerprints, "samples": counts}

    none = _rows(decided, samples[:0], sizes[:0], 0)
    write_parquet(path, none.schema, shards, told, row_group_size=max(counts, default=1))
    return len(counts)


def _check_ids(decided: Decisions, samples: Array) -> None:
    """See that ids can be keys."""
    ids = decided.images["treeoflife_id"]
    unfit = np.flatnonzero(~ids.str.contains(_SAFE_ID).to_numpy())
    if len(unfit := unfit[np.isin(unfit, samples)]):
        name = ids[int(unfit[0])]
        raise InputError(f"the mapping's id {name!r} cannot be a key in a shard: letters, digits, '-' and '_' are")


def _rows(decided: Decisions, samples: Array, sizes: Array, shard: int) -> pl.DataFrame:
    """The rows of a shard: where each image lies, the key columns of all sources, what it shows, and its place."""
    images = decided.images.select("treeoflife_id", "source", "place", "name")[samples]
    files = decided.matched.files
    where = files.where[images["place"]]
    sources = pl.Series("source", [source.name for source in decided.sources], dtype=pl.String)
    containers = pl.Series("container", [index.container for index in files.indexes], dtype=pl.String)
    keys = [
        cells[column].alias(name)
        for source, cells in decided.cells(samples)
        for column, name in zip(source.columns, source.catalog, strict=True)
    ]
    return pl.DataFrame(
        [
            images["treeoflife_id"],
            sources.gather(images["source"]),
            containers.gather(where["container"]),
            *where.select(WHERE),
            *keys,
            *decided.names[images["name"]],
            pl.Series("tar_bytes", sizes, dtype=pl.Int64),
            pl.Series("shard", [shard], dtype=pl.UInt32).new_from_index(0, len(samples)),
        ]
    )


def _tar_bytes(decided: Decisions, samples: Array) -> Array:
    """The bytes that each sample takes in a shard."""
    kinds = decided.names.select(NAME_COLUMNS).iter_rows()
    texts = np.array([archive_bytes(Taxon(*row[:-1]), row[-1]) for row in kinds], np.int64)
    images = decided.images.select("place", "name")[samples]
    jpegs = decided.matched.files.where["size"].gather(images["place"]).to_numpy().astype(np.int64)
    images_and_texts: Array = BLOCK + (jpegs + BLOCK - 1) // BLOCK * BLOCK + texts[images["name"].to_numpy()]
    return images_and_texts


def shard_bounds(sizes: Array, settings: Wds, at_least: int) -> list[int]:
    """Where shards begin and end: as few as the limits allow, filled evenly, none empty.

    Args:
        sizes: the bytes of each sample, in order.
        settings: the limits.
        at_least: how many shards there must be, as long as there are samples.

    Returns:
        n + 1 places for n shards; [0] for no samples.
    """
    count = len(sizes)
    if not count:
        return [0]
    room = settings.max_bytes - len(end(0))
    if int(sizes.max()) > room:
        raise ConfigError(
            f"[wds] max_bytes = {settings.max_bytes} is less than a single sample takes ({int(sizes.max())} bytes)"
        )
    ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    shards = min(count, max(at_least, -(-count // settings.max_samples), -(-int(ends[-1]) // room)))
    while True:
        bounds = np.arange(shards + 1, dtype=np.int64) * count // shards
        if int((ends[bounds[1:]] - ends[bounds[:-1]]).max()) <= room:
            return [int(bound) for bound in bounds]
        shards = min(count, shards + max(1, shards // 200))


def shard_fingerprint(rows: pl.DataFrame) -> str:
    """The digest of all that a shard and its index depend on: ids, images, names, and the version of the captions."""
    text = rows.drop(PLACE, strict=False).with_columns(pl.col("sha256").bin.encode("hex"))
    lines = text.write_csv(quote_style="always")
    return hashlib.sha256(f"{_SHARD_VERSION}.{CAPTIONS_VERSION}\n{lines}".encode()).hexdigest()


def read_shard(path: Path, number: int) -> pl.DataFrame:
    """The rows of one shard of a plan, in order."""
    return pl.scan_parquet(path).filter(shard=number).collect()
