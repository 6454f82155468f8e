"""Making the vectors of many shards: which are there already, which are to be made, which are of no shard any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ...core.database import open_database
from ...core.files import exists, stamp
from ...core.parquet_meta import read_meta
from ...core.tables import PARQUET_ERRORS, parquet_schema
from ...core.text import counted
from ...engines.tasks import TaskRunner
from ...errors import InputError
from .earlier import find_sources, is_of, put_aside, remove_aside, same_name
from .embed import EmbeddedShard, EmbedTask, embed_shard
from .models import OPEN_CLIP, ModelFacts, Request
from .onnx_model import inspect_onnx
from .open_clip_model import inspect_open_clip
from .vectors import ID, VECTOR, Vectors, forget_model, open_vectors, write_model


@dataclass(frozen=True)
class ShardToEmbed:
    """A shard whose images are to have vectors.

    Attributes:
        name: where its vectors are in their folder, such as ``train/shard-000000.parquet``.
        samples: their number, if it is known.
        index: its index, with the id and the digest of each image, if it has one.
    """

    path: Path
    name: str
    samples: int | None = None
    index: Path | None = None


@dataclass
class Outcome:
    """What a run did.

    Attributes:
        vectors: the vectors of all shards.
        made: how many shards were embedded.
        taken_over: how many of their vectors were there already.
        without: how many images of these shards have no vector.
        example: the id of one of those, and why.
    """

    vectors: Vectors
    made: int = 0
    taken_over: int = 0
    without: int = 0
    example: str = ""

    def sentences(self) -> Iterator[str]:
        """What is to be said of it."""
        found = self.vectors
        shards = counted(len(found.shards), "shard")
        taken_over = f", {self.taken_over:,} vectors taken over" if self.taken_over else ""
        yield (
            f"{counted(found.images, 'image')} of {shards} in {found.folder}, {found.dimensions} numbers each"
            + (f"; {counted(self.made, 'shard')} embedded now{taken_over}" if self.made else "; up to date")
        )
        if self.without:
            example = f", such as {self.example}" if self.example else ""
            yield f"{counted(self.without, 'sample')} without a vector{example}"
        if found.repeated:
            yield f"{counted(found.repeated, 'sample')} of images that an earlier shard has too"


def inspect(request: Request) -> ModelFacts:
    """What is to be known of the model that the user asks for; see :func:`inspect_onnx`, :func:`inspect_open_clip`."""
    return inspect_open_clip(request) if request.model.startswith(OPEN_CLIP) else inspect_onnx(request)


def embed(
    shards: Sequence[ShardToEmbed],
    folder: Path,
    model: ModelFacts,
    sha256: Callable[[Path], str],
    runner: TaskRunner,
) -> Outcome:
    """Make the vectors that are not there yet, or are of another model or shard; remove those of no shard.

    Args:
        folder: where the vectors are.
        sha256: hashes a shard, or knows its digest.

    Raises:
        InputError: there is a file that is none of vectors where one would be written.
        TasksFailed: vectors of some shards could not be made; those of the others are there.
        OSError: a shard cannot be read.
    """
    tasks = [_task(one, folder, model, sha256) for one in shards]
    before = _read_metas(folder)
    stale = [task for task in tasks if not _is_made(task, before)]
    replaced = {task.vectors for task in stale} | (before.keys() - {task.vectors for task in tasks})
    if (done := _recorded(folder)) and not replaced:
        return _outcome(done, before)
    forget_model(folder)
    made = _make(_with_earlier(stale, folder, {path: before[path] for path in replaced & before.keys()}), runner)
    vectors = _describe(tasks, folder, model)
    write_model(vectors)
    remove_aside(folder)
    return _outcome(vectors, _read_metas(folder), made)


def _task(shard: ShardToEmbed, folder: Path, model: ModelFacts, sha256: Callable[[Path], str]) -> EmbedTask:
    # Taken first: a shard that is replaced while it is hashed is found to have changed.
    shard_stamp = stamp(shard.path)
    digest, vectors = sha256(shard.path), folder / shard.name
    return EmbedTask(shard.path, shard_stamp, digest, shard.samples, vectors, model, shard.index)


def _with_earlier(
    tasks: Sequence[EmbedTask], folder: Path, replaced: Mapping[Path, Mapping[str, Any]]
) -> list[EmbedTask]:
    """Put the files that are replaced aside; returns the tasks, with those of them that they may take vectors from."""
    aside = put_aside(folder, {path: meta["shard"] for path, meta in replaced.items()})
    aside = [path for path in aside if tasks and is_of(read_meta(path) or {}, tasks[0].made_from)]
    sources = find_sources({task.label: task.index for task in tasks if task.index}, aside)
    return [
        replace(task, earlier=sources.get(task.label, ()) if task.index else same_name(task.vectors, aside))
        for task in tasks
    ]


def _read_metas(folder: Path) -> dict[Path, dict[str, Any]]:
    """The files of vectors in a folder, each with its metadata. Files of others are not among them."""
    metas = {path: read_meta(path) or {} for path in sorted(folder.glob("*/*.parquet"))}
    return {path: meta for path, meta in metas.items() if "model_sha256" in meta}


def _is_made(task: EmbedTask, metas: Mapping[Path, Mapping[str, Any]]) -> bool:
    """Whether the vectors of a shard are there, as they would be made.

    Raises:
        InputError: something else is there.
    """
    meta = metas.get(task.vectors)
    if meta is None and exists(task.vectors) and _is_of_others(task.vectors):
        raise InputError(f"{task.vectors} is no file of vectors, and would be replaced by one: move it elsewhere")
    return meta is not None and {name: meta.get(name) for name in task.made_from} == task.made_from


def _is_of_others(path: Path) -> bool:
    """Whether a file is a table of something else; one that cannot be read is a damaged one of vectors."""
    try:
        return VECTOR not in parquet_schema(path)
    except PARQUET_ERRORS:
        return False


def _recorded(folder: Path) -> Vectors | None:
    try:
        return open_vectors(folder)
    except InputError:
        return None


def _make(tasks: Sequence[EmbedTask], runner: TaskRunner) -> list[EmbeddedShard]:
    """Run the tasks; what they did."""
    known = [task.samples for task in tasks if task.samples is not None]
    runner.listener.start("embed", sum(known) if len(known) == len(tasks) else 0, "images")
    made = [done for _, done in runner.run(embed_shard, tasks, lambda task: task.label)]
    runner.listener.finish(f"{counted(sum(one.images for one in made), 'image')} of {counted(len(made), 'shard')}")
    return made


def _describe(tasks: Sequence[EmbedTask], folder: Path, model: ModelFacts) -> Vectors:
    """The vectors of all tasks, once all are there."""
    with TemporaryDirectory() as scratch, open_database(Path(scratch, "tables")) as database:
        database.view("row", [task.vectors for task in tasks])
        rows, images = database.rows(f"SELECT count(*), count(DISTINCT {ID}) FROM row")[0]
    shards = {task.vectors.relative_to(folder).as_posix(): task.sha256 for task in tasks}
    return Vectors(folder, model.sha256, model.settings, model.dimensions, images, rows - images, shards)


def _outcome(vectors: Vectors, metas: Mapping[Path, Mapping[str, Any]], made: Sequence[EmbeddedShard] = ()) -> Outcome:
    without = sum(sum(meta.get("without", {}).values()) for meta in metas.values())
    example = next((one.example for one in made if one.example), "")
    return Outcome(vectors, len(made), sum(one.taken_over for one in made), without, example)
