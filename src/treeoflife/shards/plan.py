"""The plan: which sample goes into which shard, in what order, and where its image is in the store."""

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
from ..core.tar_writer import BLOCK, end_marker, padded_size
from ..core.values import NAME_COLUMNS, Taxon
from ..errors import ConfigError, InputError
from ..mapping.shuffle import shuffle_order
from ..selection.decisions import LOCATION_COLUMNS, Decisions
from .captions import STEP_VERSION as CAPTIONS_VERSION
from .captions import texts_tar_bytes

STEP_VERSION = 2
_SHARD_VERSION = 1
PLACEMENT_COLUMNS = ["offset", "tar_bytes", "shard"]
"""Columns of a plan that say where an image comes from and goes to, and nothing of what its shard contains."""
# WebDataset ends a key at its first dot, and a slash would make it a folder. 80 characters leave room for the suffix in
# the 100 bytes that a tar header has for the name.
_SAFE_ID = r"^[A-Za-z0-9_-]{1,80}$"


def write_split(
    path: Path, split: str, decisions: Decisions, samples: Array, config: Config, meta: dict[str, Any]
) -> int:
    """Write the plan of one split, a row group per shard, with rows in the shard's order; returns the number of shards.

    Args:
        samples: the rows of ``decisions.images`` that are in the split.
        meta: what the plan is made from; goes into the file's metadata.

    Raises:
        InputError: an id cannot be a key of WebDataset.
        ConfigError: a single sample is larger than a shard may be.
    """
    if config.wds.order == "shuffled":
        samples = samples[shuffle_order(decisions.images["treeoflife_id"].gather(samples), config.seed, "shard")]
    _check_ids(decisions, samples)
    sizes = _tar_bytes(decisions, samples)
    bounds = shard_bounds(sizes, config.wds, getattr(config.wds.min_shards, split))
    counts = np.diff(bounds).tolist()
    fingerprints: list[str] = []

    def shards() -> Iterator[pl.DataFrame]:
        for number, (start, stop) in enumerate(pairwise(bounds)):
            rows = _rows(decisions, samples[start:stop], sizes[start:stop], number)
            fingerprints.append(shard_fingerprint(rows))
            yield rows

    # The list of fingerprints is complete when the metadata is written, after the last shard: see write_parquet.
    full_meta = meta | {"split": split, "shards": fingerprints, "samples": counts}
    schema = _rows(decisions, samples[:0], sizes[:0], 0).schema
    # Row groups do not span shards, so that a worker reads the rows of its shard and no others.
    write_parquet(path, schema, shards, lambda: full_meta, row_group_size=max(counts, default=1))
    return len(counts)


def _check_ids(decisions: Decisions, samples: Array) -> None:
    """Check that the ids of these samples can be keys."""
    ids = decisions.images["treeoflife_id"]
    unsafe = np.flatnonzero(~ids.str.contains(_SAFE_ID).to_numpy())
    if len(unsafe := unsafe[np.isin(unsafe, samples)]):
        raise InputError(
            f"the mapping has the id {ids[int(unsafe[0])]!r}, which cannot be the key of a sample: "
            "ids must consist of at most 80 letters, digits, '-' and '_'"
        )


def _rows(decisions: Decisions, samples: Array, sizes: Array, shard: int) -> pl.DataFrame:
    """The rows of a shard: where each image lies, the key columns of all sources, its names, and its placement."""
    images = decisions.images.select("treeoflife_id", "source", "file_row", "name")[samples]
    files = decisions.matching.files
    locations = files.locations[images["file_row"]]
    sources = pl.Series("source", [source.name for source in decisions.sources], dtype=pl.String)
    containers = pl.Series("container", [index.container for index in files.indexes], dtype=pl.String)
    return pl.DataFrame(
        [
            images["treeoflife_id"],
            sources.gather(images["source"]),
            containers.gather(locations["container"]),
            *locations.select(LOCATION_COLUMNS),
            *decisions.catalog_keys(samples),
            *decisions.names[images["name"]],
            pl.Series("tar_bytes", sizes, dtype=pl.Int64),
            pl.Series("shard", [shard], dtype=pl.UInt32).new_from_index(0, len(samples)),
        ]
    )


def _tar_bytes(decisions: Decisions, samples: Array) -> Array:
    """The bytes that each sample takes in a shard: its image and its ten texts, each with a header."""
    # Texts are measured once for each distinct name, of which there are far fewer than images.
    names = decisions.names.select(NAME_COLUMNS).iter_rows()
    texts = np.array([texts_tar_bytes(Taxon(*ranks), common) for *ranks, common in names], np.int64)
    images = decisions.images.select("file_row", "name")[samples]
    jpegs = decisions.matching.files.locations["size"].gather(images["file_row"]).to_numpy().astype(np.int64)
    sizes: Array = BLOCK + padded_size(jpegs) + texts[images["name"].to_numpy()]  # type: ignore[arg-type]
    return sizes


def shard_bounds(sizes: Array, limits: Wds, min_shards: int) -> list[int]:
    """Where shards begin and end among samples of these sizes in bytes: n + 1 positions for n shards, [0] for none.

    There are as few shards as the limits allow, but ``min_shards`` if there are as many samples; all filled evenly.

    >>> shard_bounds(np.array([600] * 10), Wds(max_samples=4), min_shards=1)
    [0, 3, 6, 10]
    """
    count = len(sizes)
    if not count:
        return [0]
    capacity = limits.max_bytes - len(end_marker(0))
    if (largest := int(sizes.max())) > capacity:
        raise ConfigError(
            f"[wds] max_bytes = {limits.max_bytes} is too small: the largest sample takes {largest} bytes, "
            f"and the end of a shard {len(end_marker(0))}"
        )
    ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    shards = min(count, max(min_shards, -(-count // limits.max_samples), -(-int(ends[-1]) // capacity)))
    while True:
        bounds = np.arange(shards + 1, dtype=np.int64) * count // shards
        if int((ends[bounds[1:]] - ends[bounds[:-1]]).max()) <= capacity:
            return [int(bound) for bound in bounds]
        # Samples are divided by number, so that a shard of large ones can be too long. Half a percent more shards is
        # close to as few as possible, and keeps the number of rounds small for thousands of shards.
        shards = min(count, shards + max(1, shards // 200))


def shard_fingerprint(rows: pl.DataFrame) -> str:
    """The digest of all that a shard and its index depend on: ids, images, names, and the version of the captions."""
    # A container that was encoded again to the same images has other offsets: that must not pack the shard again.
    text = rows.drop(PLACEMENT_COLUMNS, strict=False).with_columns(pl.col("sha256").bin.encode("hex"))
    lines = text.write_csv(quote_style="always")
    return hashlib.sha256(f"{_SHARD_VERSION}.{CAPTIONS_VERSION}\n{lines}".encode()).hexdigest()


def read_shard(path: Path, number: int) -> pl.DataFrame:
    """The rows of one shard of a plan, in order."""
    return pl.scan_parquet(path, glob=False).filter(shard=number).collect()
