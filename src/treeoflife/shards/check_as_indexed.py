"""Whether a shard is what its index says, byte for byte, as nearly every shard is: then nothing in it is parsed.

The texts of each sample are made again from its names and compared, its image is compared with its digest, and the
whole with the digest of the shard. A shard that differs in anything, or that has no index, is read member by member,
which says what is wrong: see :mod:`.check`.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from ..core.files import sha256
from ..core.parquet_meta import read_meta
from ..core.tar_writer import BLOCK, encode_header, end_marker, padded_size
from ..core.values import NAME_COLUMNS
from ..engines.base import Tick
from .sections import section_of
from .texts import FurtherTexts, encode_texts


@dataclass(frozen=True)
class DigestCheck:
    """Whether the SHA-256 of a shard is that in its index."""

    shard: Path
    index: Path

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.shard}, checksum"

    def is_right(self, _tick: Tick) -> bool:
        """The answer."""
        meta = read_meta(self.index)
        return meta is not None and sha256(self.shard) == meta.get("sha256")


@dataclass(frozen=True)
class CheckSection:
    """Whether the samples in the ``number``-th of ``count`` sections of a shard are as its index says.

    The last section has the end of the shard too.
    """

    shard: Path
    index: Path
    number: int = 0
    count: int = 1

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.shard}, section {self.number + 1} of {self.count}"

    def is_right(self, tick: Tick) -> bool:
        """The answer."""
        meta = read_meta(self.index)
        if meta is None:
            return False
        further = FurtherTexts.from_json(meta.get("texts"))
        columns = ["treeoflife_id", "offset", "size", "sha256", *NAME_COLUMNS, *further.planned]
        rows = pl.read_parquet(self.index, columns=columns, glob=False)
        first, stop = section_of(rows.height, self.number, self.count)
        with self.shard.open("rb") as file:
            if not _compare(file, rows, further, first, stop):
                return False
        tick(stop - first)
        return True


def is_right(check: CheckSection | DigestCheck, tick: Tick) -> bool:
    """Whether a check finds nothing wrong. Never raises because of what the shard and its index contain."""
    try:
        return check.is_right(tick)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, who reads the shard member by member says so
        return False


def is_as_indexed(shard: Path, index: Path, tick: Tick) -> bool:
    """Whether a shard has what its index says, and nothing else."""
    return is_right(DigestCheck(shard, index), tick) and is_right(CheckSection(shard, index), tick)


def _compare(file: BinaryIO, rows: pl.DataFrame, further: FurtherTexts, first: int, stop: int) -> bool:
    if rows["treeoflife_id"].n_unique() < rows.height:
        return False
    position = rows["offset"][first] - BLOCK if first < stop else 0
    file.seek(position)
    for row in rows[first:stop].iter_rows(named=True):
        texts = encode_texts(row, further)
        sample = file.read(BLOCK + padded_size(row["size"]) + len(texts))
        if row["offset"] != position + BLOCK or not _is_sample(sample, row, texts):
            return False
        position += len(sample)
    return stop < rows.height or file.read() == end_marker(position)


def _is_sample(found: bytes, row: dict[str, Any], texts: bytes) -> bool:
    """Whether these bytes are the image of a row, and its texts."""
    header, size = encode_header(f"{row['treeoflife_id']}.jpg", row["size"]), row["size"]
    if not found.startswith(header) or not found.endswith(bytes(-size % BLOCK) + texts):
        return False
    return bool(hashlib.sha256(memoryview(found)[BLOCK : BLOCK + size]).digest() == row["sha256"])
