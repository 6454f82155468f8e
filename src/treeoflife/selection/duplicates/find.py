"""Finding pairs of the encoded store that may be the same picture, from its indexes alone; pure functions of files.

Ten million images are in memory as numbers: digests as their first 64 bits (the chance that two of ten million differ
and agree in these is three in a million), perceptual hashes as rows of bytes. Names are read for the few that matter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...core.system import cores
from ...images.perceptual import as_rows
from ...images.store import read_indexes
from . import groups
from .compare import CompareTask, Place
from .near import Pairs, near

Array = NDArray[Any]
_PAIRS_A_TASK = 400
_NUMBERS = pl.Schema(
    {"container": pl.UInt32, "position": pl.UInt32, "offset": pl.UInt64, "size": pl.UInt32,
     "bytes": pl.UInt64, "pixels": pl.UInt64, "hashed": pl.Boolean}
)  # fmt: skip
_TOLD = {"at": pl.UInt32, "source": pl.String, "container": pl.String, "position": pl.UInt32, "file": pl.String}


@dataclass(frozen=True)
class Kept:
    """A container of the encoded store: its source and name, its tar and its index."""

    source: str
    container: str
    tar: Path
    index: Path


@dataclass(frozen=True)
class Pictures:
    """All images of the store, in the order of containers and positions.

    Attributes:
        containers: where they come from.
        numbers: a row per image: the container's number, position, offset, size, the beginnings of two digests
            (``bytes``, of the file as it came; ``pixels``, of the picture as encoded), and whether it has a hash.
        hashes: of those that have one, n by 32.
    """

    containers: Sequence[Kept]
    numbers: pl.DataFrame
    hashes: Array

    def __len__(self) -> int:
        return self.numbers.height

    def told(self, rows: Array) -> pl.DataFrame:
        """Source, container, position and file of some rows, in their order."""
        chosen = self.numbers.select("container", "position")[rows].with_row_index("at")
        frames = [pl.DataFrame(schema=_TOLD)]
        for (number,), part in chosen.group_by("container"):
            one = self.containers[number]
            names = pl.read_parquet(one.index, columns=["position", "file"])
            found = part.select("at", "position").join(names, on="position", how="left")
            frames.append(found.select("at", pl.lit(one.source).alias("source"),
                                       pl.lit(one.container).alias("container"), "position", "file"))  # fmt: skip
        return pl.concat(frames).sort("at").drop("at")

    def places(self, rows: Array) -> tuple[Place, ...]:
        """Where images lie: tar, offset, size."""
        found = self.numbers.select("container", "offset", "size")[rows].iter_rows()
        return tuple((self.containers[container].tar, offset, size) for container, offset, size in found)


def read(containers: Sequence[Kept]) -> Pictures:
    """Read what the store's indexes say of its images."""
    frames, hashes = [pl.DataFrame(schema=_NUMBERS)], [np.zeros((0, 32), np.uint8)]
    columns = ["position", "offset", "size", "source_sha256", "sha256", "pdq"]
    for batch in read_indexes([one.index for one in containers], columns):
        rows = batch.filter(pl.col("offset").is_not_null())
        frames.append(rows.select(
            "container", "position", "offset", "size",
            bytes=_beginning("source_sha256"), pixels=_beginning("sha256"), hashed=pl.col("pdq").is_not_null(),
        ))  # fmt: skip
        hashes.append(as_rows(rows["pdq"].drop_nulls().to_list()))
    return Pictures(containers, pl.concat(frames), np.concatenate(hashes))


def _beginning(digest: str) -> pl.Expr:
    return pl.col(digest).bin.head(8).bin.reinterpret(dtype=pl.UInt64, endianness="big")


def exact_links(pictures: Pictures) -> list[groups.Link]:
    """Links between images of the same bytes, and of the same pixels."""
    return [groups.Link(name, *groups.same_values(pictures.numbers[name].to_numpy())) for name in ("bytes", "pixels")]


def candidates(pictures: Pictures, limit: int) -> Pairs:
    """Pairs of images whose hashes differ in at most ``limit`` bits; of the same pixels, the first counts."""
    hashed = np.flatnonzero(pictures.numbers["hashed"].to_numpy())
    firsts = np.ones(len(pictures), bool)
    firsts[groups.same_values(pictures.numbers["pixels"].to_numpy())[1]] = False
    chosen = firsts[hashed]
    rows = hashed[chosen]
    found = near(pictures.hashes[chosen], limit, workers=cores())
    return Pairs(rows[found.first], rows[found.second], found.distance, found.mirrored)


def compare_tasks(pairs: Pairs, places: Callable[[Array], tuple[Place, ...]]) -> Iterator[CompareTask]:
    """Tasks that lay the pictures of all pairs over each other, each a few hundred, in the order of the pairs.

    Args:
        pairs: the pairs.
        places: says where pictures lie, such as :meth:`Pictures.places`.
    """
    for start in range(0, len(pairs), _PAIRS_A_TASK):
        part = slice(start, start + _PAIRS_A_TASK)
        both = np.stack([pairs.first[part], pairs.second[part]])
        rows = np.unique(both)
        first, second = np.searchsorted(rows, both)
        told = zip(first.tolist(), second.tolist(), pairs.mirrored[part].tolist(), strict=True)
        yield CompareTask(places(rows), tuple(told))


def near_links(pairs: Pairs, same: Array) -> list[groups.Link]:
    """Links of the pairs that are the same picture, as they are and mirrored."""
    chosen = {"near": same & ~pairs.mirrored, "mirrored": same & pairs.mirrored}
    return [groups.Link(name, pairs.first[one], pairs.second[one], pairs.distance[one]) for name, one in chosen.items()]
