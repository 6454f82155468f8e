"""Find the images of the store that show the same picture.

Ten million images fit in memory as numbers: the first 64 bits of each digest, and perceptual hashes as rows of bytes.
Equal numbers are only candidates. Of these, the whole digests are read again and compared; so are the file names of the
images that need them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ...core.system import cores
from ...core.tables import Array
from ...engines.tasks import TaskRunner
from ...images.perceptual_hash import stack_hashes
from ...images.store import read_indexes
from . import groups
from .compare import CompareTask, Location, compare
from .near import Pairs, find_near_pairs

# One to three seconds of work: long enough to hide the cost of sending a task, short enough that a lost worker costs
# little and that all workers stay busy to the end.
_PAIRS_PER_TASK = 400

_NUMBERS = pl.Schema(
    {"container": pl.UInt32, "position": pl.UInt32, "offset": pl.UInt64, "size": pl.UInt32,
     "bytes": pl.UInt64, "pixels": pl.UInt64, "hashed": pl.Boolean}
)  # fmt: skip
# Which digest of the store's index each number is the first 64 bits of.
_DIGESTS = {"bytes": "source_sha256", "pixels": "sha256"}
_ROW_DIGESTS = {"row": pl.UInt32, "digest": pl.Binary}
_DESCRIPTION = {"row": pl.UInt32, "source": pl.String, "container": pl.String, "position": pl.UInt32, "file": pl.String}


@dataclass(frozen=True)
class StoredContainer:
    """A container of the encoded store: its source and name, and the paths of its tar and its index."""

    source: str
    container: str
    tar: Path
    index: Path


@dataclass(frozen=True)
class StoredImages:
    """All images of the store, in the order of containers and positions.

    Attributes:
        containers: the containers of the images.
        numbers: a row per image: the container's number, position, byte offset in the tar, size in bytes, the first 64
            bits of two digests (``bytes``, of the source's file; ``pixels``, of the encoded image), and ``hashed``,
            whether the image has a perceptual hash.
        hashes: the perceptual hashes of the images that have one, n by 32 bytes.
    """

    containers: Sequence[StoredContainer]
    numbers: pl.DataFrame
    hashes: Array

    def __len__(self) -> int:
        return self.numbers.height

    def describe(self, rows: Array) -> pl.DataFrame:
        """Source, container, position and file name of the images in these rows, in the order of ``rows``."""
        chosen = self.numbers.select("container", "position")[rows].with_row_index("row")
        frames = [pl.DataFrame(schema=_DESCRIPTION)]
        for (number,), part in chosen.group_by("container"):
            container = self.containers[number]
            names = pl.read_parquet(container.index, columns=["position", "file"], glob=False)
            named = part.select("row", "position").join(names, on="position", how="left")
            frames.append(named.select("row", pl.lit(container.source).alias("source"),
                                       pl.lit(container.container).alias("container"), "position", "file"))  # fmt: skip
        return pl.concat(frames).sort("row").drop("row")

    def digests(self, rows: Array, number: str) -> pl.Series:
        """The whole digests of the images in these rows, in the order of ``rows``.

        Args:
            number: which one: ``bytes`` or ``pixels``; see :attr:`numbers`.
        """
        chosen = self.numbers.select("container", "position")[rows].with_row_index("row")
        used, column = chosen["container"].unique().sort(), _DIGESTS[number]
        batches = read_indexes([self.containers[one].index for one in used], ["position", column])
        parts = [pl.DataFrame(schema=_ROW_DIGESTS)]
        for batch in batches:
            named = batch.with_columns(used.gather(batch["container"]).alias("container"))
            parts.append(chosen.join(named, on=["container", "position"]).select("row", digest=column))
        return pl.concat(parts).sort("row")["digest"]

    def locations(self, rows: Array) -> tuple[Location, ...]:
        """Where the images of these rows are stored."""
        chosen = self.numbers.select("container", "offset", "size")[rows].iter_rows()
        return tuple((self.containers[container].tar, offset, size) for container, offset, size in chosen)


def read_store(containers: Sequence[StoredContainer]) -> StoredImages:
    """Read digests, perceptual hashes and locations of all images from the indexes of these containers."""
    frames, hashes = [pl.DataFrame(schema=_NUMBERS)], [np.zeros((0, 32), np.uint8)]
    columns = ["position", "offset", "size", "source_sha256", "sha256", "pdq"]
    for batch in read_indexes([container.index for container in containers], columns):
        rows = batch.filter(pl.col("offset").is_not_null())
        frames.append(rows.select(
            "container", "position", "offset", "size",
            **{name: first_64_bits(digest) for name, digest in _DIGESTS.items()}, hashed=pl.col("pdq").is_not_null(),
        ))  # fmt: skip
        hashes.append(stack_hashes(rows["pdq"].drop_nulls().to_list()))
    return StoredImages(containers, pl.concat(frames), np.concatenate(hashes))


def first_64_bits(digest: str) -> pl.Expr:
    """The number that stands for a digest until it is compared."""
    return pl.col(digest).bin.head(8).bin.reinterpret(dtype=pl.UInt64, endianness="big")


def link_identical(images: StoredImages) -> list[groups.Links]:
    """Link the images whose files have the same bytes, and those whose encoded images have."""
    return [groups.Links(number, *_link_equal_digests(images, number)) for number in _DIGESTS]


def _link_equal_digests(images: StoredImages, number: str) -> tuple[Array, Array]:
    """Link the rows with the same digest: the first, and each later one."""
    rows = np.unique(np.concatenate(groups.link_equal_values(images.numbers[number].to_numpy())))
    digests = pl.DataFrame({"row": rows, "digest": images.digests(rows, number)})
    equal = digests.with_columns(first=pl.col("row").min().over("digest")).filter(pl.col("row") != pl.col("first"))
    return equal["first"].to_numpy(), equal["row"].to_numpy()


def find_candidates(images: StoredImages, limit: int, identical: Sequence[groups.Links]) -> Pairs:
    """Find the pairs of images whose perceptual hashes differ in at most ``limit`` of 256 bits.

    Args:
        identical: the links of :func:`link_identical`. Of images with the same pixels, only the first takes part.
    """
    hashed = np.flatnonzero(images.numbers["hashed"].to_numpy())
    distinct = np.ones(len(images), bool)
    distinct[np.concatenate([links.second for links in identical if links.kind == "pixels"])] = False
    chosen = distinct[hashed]
    rows = hashed[chosen]
    pairs = find_near_pairs(images.hashes[chosen], limit, workers=cores())
    return Pairs(rows[pairs.first], rows[pairs.second], pairs.distance, pairs.mirrored)


def compare_pairs(
    pairs: Pairs, locate: Callable[[Array], tuple[Location, ...]], runner: TaskRunner, name: str
) -> Array:
    """Compare the two images of each pair pixel by pixel, on an engine.

    Args:
        pairs: candidates, such as those of :func:`find_candidates`.
        locate: returns where the images of some rows are stored, such as :meth:`StoredImages.locations`.

    Returns:
        A Boolean per pair: whether both images show the same picture.

    Raises:
        TasksFailed: an image could not be read.
    """
    tasks = list(compare_tasks(pairs, locate))
    runner.listener.start(name, len(pairs), "pairs")
    verdicts = dict(runner.run(compare, tasks, lambda task: task.label))
    same = np.array([verdict for task in tasks for verdict in verdicts[task]], dtype=bool)
    runner.listener.finish(f"{len(pairs)} pairs compared, {np.count_nonzero(same)} show the same picture")
    return same


def compare_tasks(pairs: Pairs, locate: Callable[[Array], tuple[Location, ...]]) -> Iterator[CompareTask]:
    """Divide pairs into tasks, in their order; for the arguments see :func:`compare_pairs`."""
    for start in range(0, len(pairs), _PAIRS_PER_TASK):
        part = slice(start, start + _PAIRS_PER_TASK)
        ends = np.stack([pairs.first[part], pairs.second[part]])
        # An image may be in many pairs of a task; each is read and decoded once.
        rows = np.unique(ends)
        first, second = np.searchsorted(rows, ends)
        numbered = zip(first.tolist(), second.tolist(), pairs.mirrored[part].tolist(), strict=True)
        yield CompareTask(locate(rows), tuple(numbered))


def link_near(pairs: Pairs, same: Array) -> list[groups.Links]:
    """Link the pairs that show the same picture, as they are (``near``) and mirrored."""
    kinds = {"near": same & ~pairs.mirrored, "mirrored": same & pairs.mirrored}
    return [
        groups.Links(kind, pairs.first[rows], pairs.second[rows], pairs.distance[rows]) for kind, rows in kinds.items()
    ]
