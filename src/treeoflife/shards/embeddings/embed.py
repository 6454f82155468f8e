"""The task of workers: a shard -> the vectors of its images."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...core.files import stamp
from ...core.tables import Array
from ...core.values import Skip
from ...engines.base import Tick
from ...errors import InputError
from ..members import LONGEST_MEMBER, find_image, read_distinct_samples
from .earlier import read_earlier
from .models import Model, ModelFacts
from .vectors import ROWS_AT_ONCE, unit_vectors, vector_rows, write_pieces

STEP_VERSION = 1
"""Raised whenever the same shard and model would give other vectors."""
# For the estimate of a task's duration alone: of a small network on one core, and of images of 224x224 pixels.
_IMAGES_PER_SECOND, _BYTES_A_SAMPLE = 60, 50_000
NO_IMAGE = Skip("no-image", "the sample has no image")
NOT_FINITE = Skip("no-vector", "the model gives no finite vector, or zeros alone")


@dataclass(frozen=True)
class EmbedTask:
    """A shard whose images are to become vectors.

    Attributes:
        shard_stamp: the stamp of the shard when it was hashed.
        sha256: its SHA-256 then.
        samples: their number, if it is known; 0 is a shard without samples, which is not read.
        vectors: the file to write.
        model: the model to use.
        index: the shard's index, if it has one.
        earlier: files with vectors of some of its images, by the same model.
    """

    shard: Path
    shard_stamp: str
    sha256: str
    samples: int | None
    vectors: Path
    model: ModelFacts
    index: Path | None = None
    earlier: tuple[Path, ...] = ()

    @property
    def label(self) -> str:
        """What messages call it, such as ``train/shard-000000.tar``."""
        return f"{self.shard.parent.name}/{self.shard.name}"

    @property
    def cost(self) -> float:
        """A rough estimate of its duration in seconds."""
        size = int(self.shard_stamp.partition(":")[0])
        return (size / _BYTES_A_SAMPLE if self.samples is None else self.samples) / _IMAGES_PER_SECOND

    @property
    def made_from(self) -> dict[str, Any]:
        """What its vectors depend on, as their file records it."""
        return {
            "step": STEP_VERSION,
            "shard": self.sha256,
            "model_sha256": self.model.sha256,
            "settings": self.model.settings,
        }


@dataclass
class EmbeddedShard:
    """What became of the images of a shard.

    Attributes:
        images: how many have a vector.
        taken_over: how many of these vectors were there already.
        without: how many have none, by reason.
        example: the id of one of those, and why, in words.
    """

    images: int = 0
    taken_over: int = 0
    without: Counter[str] = field(default_factory=Counter)
    example: str = ""

    def leave_out(self, key: str, skip: Skip) -> None:
        """Count an image that has no vector."""
        self.without[skip.reason] += 1
        self.example = self.example or f"{key}: {skip.detail or skip.reason}"


def embed_shard(task: EmbedTask, tick: Tick) -> EmbeddedShard:
    """Write the vectors of a shard's images.

    Raises:
        InputError: the shard cannot be read to its end, has no sample, has one twice, or changed meanwhile; none of its
            images has a vector; or the model cannot be loaded, or is not the one that is meant.
    """
    model, result = load_model(task.model), EmbeddedShard()

    def meta() -> Mapping[str, Any]:
        """Called after the last image."""
        counts = {"images": result.images, "without": dict(sorted(result.without.items()))}
        return task.made_from | counts | {"model": task.model.title, "made_with": dict(model.made_with)}

    write_pieces(task.vectors, task.model.dimensions, lambda: _pieces(task, model, result, tick), meta)
    return result


def _pieces(task: EmbedTask, model: Model, result: EmbeddedShard, tick: Tick) -> Iterator[pl.DataFrame]:
    """The rows of a shard, a row group at a time; an error leaves no file."""
    ids, digests, vectors = list[str](), list[bytes](), list[Array]()
    for key, digest, vector in _vectors(task, model, result, tick):
        ids.append(key)
        digests.append(digest)
        vectors.append(vector)
        if len(ids) == ROWS_AT_ONCE:
            yield vector_rows(ids, digests, np.stack(vectors))
            ids, digests, vectors = [], [], []
    yield vector_rows(ids, digests, np.array(vectors, np.float16).reshape(-1, task.model.dimensions))
    if stamp(task.shard) != task.shard_stamp:
        raise InputError(f"{task.shard} changed since the run began: run the same command again")
    if result.without and not result.images:
        raise InputError(f"no image of {task.shard} has a vector, such as {result.example}")


@dataclass
class _Image:
    """An image of a shard: prepared for the model, or with the vector that is there already."""

    key: str
    digest: bytes
    prepared: Array | None = None
    vector: Array | None = None


def _vectors(task: EmbedTask, model: Model, result: EmbeddedShard, tick: Tick) -> Iterator[tuple[str, bytes, Array]]:
    """The id, the digest and the unit vector of each image that has one, in order."""
    waiting, new = list[_Image](), 0
    for image in _images(task, result):
        waiting.append(image)
        new += image.prepared is not None
        if new in (0, model.batch) or len(waiting) == ROWS_AT_ONCE:
            yield from _embed(waiting, model, result)
            waiting, new = [], 0
        tick(1)
    yield from _embed(waiting, model, result)


def _images(task: EmbedTask, result: EmbeddedShard) -> Iterator[_Image]:
    """The images that can be decoded, in order."""
    if task.samples == 0:
        return
    earlier = read_earlier(task.earlier, task.index, task.model.dimensions)
    for key, members in read_distinct_samples(task.shard, LONGEST_MEMBER):
        member = find_image(members)
        data = (member.data if member else None) or b""
        digest = hashlib.sha256(data).digest()
        if (vector := earlier.find(key, digest)) is not None:
            result.taken_over += 1
            yield _Image(key, digest, vector=vector)
            continue
        prepared = task.model.preparation.read(data) if member else NO_IMAGE
        if isinstance(prepared, Skip):
            result.leave_out(key, prepared)
        else:
            yield _Image(key, digest, prepared)


def _embed(images: list[_Image], model: Model, result: EmbeddedShard) -> Iterator[tuple[str, bytes, Array]]:
    """Run the model over those that are new. It is always given as many: it may treat other batches otherwise."""
    new = [image.prepared for image in images if image.prepared is not None]
    made = iter(unit_vectors(model.vectors(np.stack(new + new[-1:] * (model.batch - len(new))))) if new else ())
    for image in images:
        vector = next(made) if image.vector is None else image.vector
        if np.isfinite(vector).all():
            result.images += 1
            yield image.key, image.digest, vector
        else:
            result.leave_out(image.key, NOT_FINITE)


@lru_cache(maxsize=1)
def load_model(facts: ModelFacts) -> Model:
    """A model, ready to run; a process keeps the one that it used last.

    Raises:
        InputError: it cannot be loaded, or has changed.
        ConfigError: a GPU is asked for and cannot be used.
        MissingExtra: a package is not installed.
    """
    if facts.kind == "onnx":
        from .onnx_model import OnnxModel

        return OnnxModel(facts)
    from .open_clip_model import OpenClipModel

    return OpenClipModel(facts)
