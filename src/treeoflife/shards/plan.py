"""The plan: which sample goes into which shard, in what order, and where its image is in the store."""

import hashlib
import io
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.config import Config
from ..config.tables import Wds
from ..core.database import Database, columns
from ..core.system import cores
from ..core.tables import Array, write_parquet
from ..core.tar_writer import BLOCK, end_marker
from ..core.values import NAME_COLUMNS
from ..errors import ConfigError, InputError
from ..images.store import STORED_COLUMNS
from ..mapping.images import catalog_types, source_order
from ..mapping.shuffle import shuffle_key
from ..sources.base import MAX_FILES, Source
from .captions import STEP_VERSION as CAPTIONS_VERSION
from .captions import texts_tar_bytes
from .texts import FurtherTexts

STEP_VERSION = 3
_SHARD_VERSION = 1
PLACEMENT_COLUMNS = ["offset", "tar_bytes", "shard"]
"""Columns of a plan that say where an image comes from and goes to, and nothing of what its shard contains."""
# WebDataset ends a key at its first dot, and a slash would make it a folder. 80 characters leave room for the suffix in
# the 100 bytes that a tar header has for the name.
_SAFE_ID = "^[A-Za-z0-9_-]{1,80}$"
Sizes = Callable[[], Iterator[Array]]
"""Gives the sizes of samples in bytes, in their order, in pieces; as often as it is called."""


class Samples:
    """The samples of all splits in the order of the shards, in the scratch folder.

    They are sorted once, those of train first: train_small has the same order within it. Rows have the number of a name
    in place of its texts, which are added shard by shard.
    """

    def __init__(
        self,
        database: Database,
        sources: Sequence[Source],
        config: Config,
        further: FurtherTexts = FurtherTexts(),  # noqa: B008 - it is immutable
    ) -> None:
        """Collect the samples.

        Args:
            database: has the tables of :func:`treeoflife.selection.decide.decide`; and with ``further``, the
                table of :func:`.planned_texts.load_further_texts`.
            further: the texts of samples beside the ten.

        Raises:
            InputError: an id cannot be a key of WebDataset.
        """
        self._database, self._config, self._further = database, config, further
        _check_ids(database)
        # Texts are measured once for each distinct name, of which there are far fewer than images.
        self._containers = database.frame("SELECT source, container FROM container ORDER BY number")
        self._names = database.frame(f"SELECT name, {columns(NAME_COLUMNS)} FROM name ORDER BY name")
        database.load("texts", self._names.select("name", texts_tar_bytes(self._names)))
        planned, more_bytes = "", ""
        if further:
            planned, more_bytes = f", {columns(further.planned)}", " + further_bytes"
        shuffled, by_source = shuffle_key(config.seed, "shard"), f"{source_order(sources)}, file_row"
        self._open_places()
        # Of a source, images are numbered in the order of their ids; texts would take longer to sort.
        database.sort("sample", f"""
            SELECT treeoflife_id, file_row, {columns(STORED_COLUMNS)}, {columns(catalog_types(sources))}, name,
                tar_bytes, is_val, is_train_small{planned}
            FROM (
                -- The image with its header, and its ten texts with theirs.
                SELECT *,
                    {BLOCK} + (size::BIGINT + {BLOCK - 1}) // {BLOCK} * {BLOCK} + text_bytes{more_bytes} AS tar_bytes
                FROM {"further_decision" if further else "decision"}
                JOIN texts USING (name)
                WHERE rule IS NULL
                UNION ALL BY NAME
                FROM vacant_place
            )
            ORDER BY is_val, {shuffled if config.wds.order == "shuffled" else by_source}, image_row
        """)  # fmt: skip
        self._train = database.value("SELECT count(*) FROM sample WHERE NOT is_val")

    def write_split(self, path: Path, split: str, meta: Mapping[str, Any]) -> list[int]:
        """Write the plan of one split, a row group per shard, with rows in the shard's order.

        Args:
            meta: what the plan is made from; goes into the file's metadata.

        Returns:
            The number of samples in each shard.

        Raises:
            ConfigError: a single sample is larger than a shard may be.
        """
        wds = self._config.wds
        bounds = shard_bounds(lambda: self._sizes(split), wds, getattr(wds.min_shards, split))
        places = [stop - start for start, stop in pairwise(bounds)]
        fingerprints, counts = list[str](), list[int]()

        def shards() -> Iterator[pl.DataFrame]:
            rows = (self._complete(rows, number) for number, rows in enumerate(_cut(self._read(split), places)))
            for complete, fingerprint in _with_fingerprints(rows, self._further):
                fingerprints.append(fingerprint)
                counts.append(complete.height)
                yield complete

        # The lists are complete when the metadata is written, after the last shard: see write_parquet.
        full_meta = {**meta, "split": split, "shards": fingerprints, "samples": counts}
        if self._further:
            full_meta["texts"] = self._further.to_json()
        schema = self._complete(next(self._read(split)), 0).schema
        # Row groups do not span shards, so that a worker reads the rows of its shard and no others.
        write_parquet(path, schema, shards, lambda: full_meta, row_group_size=max(places, default=1))
        return counts

    def _sizes(self, split: str) -> Iterator[Array]:
        return (rows["tar_bytes"].to_numpy() for rows in self._read(split, ["tar_bytes", "is_train_small"]))

    def _read(self, split: str, wanted: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """The samples of a split in order, in pieces; the first is empty. Those of train come before those of val."""
        part = slice(self._train, None) if split == "val" else slice(0, self._train)
        for rows in self._database.read("sample", wanted, part):
            yield rows.filter("is_train_small") if split == "train_small" else rows

    def _open_places(self) -> None:
        """Find the places of samples that were withdrawn, which stay vacant: else all later samples would move.

        in:  withdrawn_image, container
        out: vacant_place   image_row, treeoflife_id, source, file_row, tar_bytes, is_val, is_train_small
        """
        self._database.make("vacant_place", f"""
            SELECT image_row, treeoflife_id, source, number * {MAX_FILES} + position AS file_row, bytes AS tar_bytes,
                split = 'val' AS is_val, split = 'train_small' AS is_train_small
            FROM withdrawn_image
            LEFT JOIN container USING (source, container)
            WHERE split IS NOT NULL AND bytes IS NOT NULL
        """)  # fmt: skip

    def _complete(self, places: pl.DataFrame, shard: int) -> pl.DataFrame:
        """The rows of a shard: where each image lies, the key columns of all sources, its names, and its placement."""
        rows = places.filter(pl.col("name").is_not_null())
        containers, names = self._containers[rows["file_row"] // MAX_FILES], self._names[rows["name"]].drop("name")
        position = (rows["file_row"] % MAX_FILES).cast(pl.UInt32).alias("position")
        further = rows.select(self._further.planned)
        others = rows.drop(
            "treeoflife_id", "file_row", "name", "tar_bytes", "is_val", "is_train_small", *self._further.planned
        )
        number = pl.Series("shard", [shard], pl.UInt32).new_from_index(0, rows.height)
        return pl.DataFrame(
            [rows["treeoflife_id"], *containers, position, *others, *names, *further, rows["tar_bytes"], number]
        )


def _check_ids(database: Database) -> None:
    """Check that the ids of the samples can be keys."""
    unsafe = database.rows(f"""
        SELECT treeoflife_id
        FROM decision
        WHERE rule IS NULL AND NOT regexp_full_match(treeoflife_id, '{_SAFE_ID}')
        ORDER BY treeoflife_id
        LIMIT 1
    """)
    for (treeoflife_id,) in unsafe:
        raise InputError(
            f"the mapping has the id {treeoflife_id!r}, which cannot be the key of a sample: "
            "ids must consist of at most 80 letters, digits, '-' and '_'"
        )


def _with_fingerprints(shards: Iterator[pl.DataFrame], further: FurtherTexts) -> Iterator[tuple[pl.DataFrame, str]]:
    """Each shard with its fingerprint, which takes as long as writing the rows: so a few are made ahead, in threads."""
    ahead, at_most = deque[tuple[pl.DataFrame, Future[str]]](), min(cores(), 4)  # each is a whole shard in memory
    with ThreadPoolExecutor(at_most) as pool:
        for rows in shards:
            ahead.append((rows, pool.submit(shard_fingerprint, rows, further)))
            if len(ahead) > at_most:
                complete, fingerprint = ahead.popleft()
                yield complete, fingerprint.result()
        for complete, fingerprint in ahead:
            yield complete, fingerprint.result()


def _cut(pieces: Iterator[pl.DataFrame], counts: Sequence[int]) -> Iterator[pl.DataFrame]:
    """Rows that come in pieces of any size, in pieces of these sizes."""
    held = next(pieces)
    for count in counts:
        parts, rows = [held], held.height
        while rows < count:
            parts.append(next(pieces))
            rows += parts[-1].height
        held = pl.concat(parts)
        yield held[:count]
        held = held[count:]


def shard_bounds(sizes: Sizes, limits: Wds, min_shards: int) -> list[int]:
    """Where shards begin and end among samples of these sizes: n + 1 positions for n shards, [0] for none.

    There are as few shards as the limits allow, but ``min_shards`` if there are as many samples; all filled evenly.

    >>> shard_bounds(lambda: iter([np.array([600] * 10)]), Wds(max_samples=4), min_shards=1)
    [0, 3, 6, 10]
    """
    count = total = largest = 0
    for part in sizes():
        count, total = count + len(part), total + int(part.sum())
        largest = max(largest, int(part.max(initial=0)))
    if not count:
        return [0]
    capacity = limits.max_bytes - len(end_marker(0))
    if largest > capacity:
        raise ConfigError(
            f"[wds] max_bytes = {limits.max_bytes} is too small: the largest sample takes {largest} bytes, "
            f"and the end of a shard {len(end_marker(0))}"
        )
    shards = min(count, max(min_shards, -(-count // limits.max_samples), -(-total // capacity)))
    while int(_shard_bytes(sizes, count, shards).max()) > capacity:
        # Samples are divided by number, so that a shard of large ones can be too long. Half a percent more shards is
        # close to as few as possible, and keeps the number of rounds small for thousands of shards.
        shards = min(count, shards + max(1, shards // 200))
    return [number * count // shards for number in range(shards + 1)]


def _shard_bytes(sizes: Sizes, count: int, shards: int) -> Array:
    """The bytes of each shard if ``count`` samples are divided evenly."""
    totals, start = np.zeros(shards, np.int64), 0
    for part in sizes():
        # A shard begins with the sample number * count // shards; turned round, this is the shard of each sample.
        shard = (np.arange(start + 1, start + 1 + len(part), dtype=np.int64) * shards - 1) // count
        np.add.at(totals, shard, part)
        start += len(part)
    return totals


def shard_fingerprint(rows: pl.DataFrame, further: FurtherTexts) -> str:
    """The digest of all that a shard and its index depend on: ids, images, names and further texts, and the version of
    the captions."""
    # A container that was encoded again to the same images has other offsets: that must not pack the shard again.
    text = rows.drop(PLACEMENT_COLUMNS, strict=False).with_columns(pl.col("sha256").bin.encode("hex"))
    made_by = f"{_SHARD_VERSION}.{CAPTIONS_VERSION}" + (json.dumps(further.to_json()) if further else "")
    digest = hashlib.sha256(f"{made_by}\n".encode())
    text.write_csv(lines := io.BytesIO(), quote_style="always")
    digest.update(lines.getbuffer())
    return digest.hexdigest()


def read_shard(path: Path, number: int) -> pl.DataFrame:
    """The rows of one shard of a plan, in order."""
    return pl.scan_parquet(path, glob=False).filter(shard=number).collect()
