"""Checking and reading shards that this program has no record of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..config.tables import Holdout
from ..core.progress import Listener
from ..core.system import cores
from ..core.tar_reader import TarError, members
from ..core.values import RANKS
from ..engines.base import Failed, Tick
from ..engines.local import LocalEngine
from ..errors import InputError, TasksFailed
from ..mapping.store import ids, read_source
from ..selection.holdout import read
from ..sources.registry import load
from .catalog import COLUMNS
from .check import CheckedShard, CheckTask, Finding, check_shard, expand, join

TAGGED = "taxonTag.txt"
_TELLING = (TAGGED, "common_name.txt")
_LONGEST_TEXT = 100_000


def check(
    patterns: Sequence[str],
    size: tuple[int, int] | None,
    mapping: Path | None,
    holdouts: Sequence[Path],
    workers: int | None,
    listener: Listener,
) -> list[Finding]:
    """Check anybody's shards; the split of a shard is the name of its folder.

    Args:
        patterns: brace patterns, globs, folders, paths.
        size: width and height that images must have; None takes any.
        mapping: a mapping that must have every key, if given.
        holdouts: lists of species and keys that must not be there.
        workers: processes; one per core, if not given.
        listener: hears of the progress.

    Raises:
        InputError: no shard is there, or the mapping or a list cannot be read.
        TasksFailed: a worker died.
    """
    tasks = [CheckTask(path, path.parent.name, size) for path in expand(patterns)]
    if not tasks:
        raise InputError(f"no shard matches {' '.join(patterns)}")
    engine = LocalEngine(workers or cores())
    listener.start("check-wds", len(tasks), "shards")
    checked: list[CheckedShard] = []
    for outcome in engine.run(check_shard, tasks):
        if isinstance(outcome, Failed):
            raise TasksFailed(f"{tasks[outcome.task].shard}: {outcome.error}")
        checked.append(outcome.value)
        listener.advance(1)
    held = _held(holdouts, [one.keys for one in checked])
    findings = join(checked, tasks, ids(mapping) if mapping else None, held)
    listener.finish(f"{len(tasks)} shards, {len(findings)} findings")
    return findings


@dataclass(frozen=True)
class ReadTask:
    """A shard whose samples are to be listed."""

    shard: Path


def catalog(patterns: Sequence[str], mapping: Path | None, workers: int | None, listener: Listener) -> pl.DataFrame:
    """A catalog of anybody's shards, read from their texts; the split of a shard is the name of its folder.

    Args:
        patterns: brace patterns, globs, folders, paths.
        mapping: the mapping that says where each image came from, if there is one.
        workers: processes; one per core, if not given.
        listener: hears of the progress.

    Raises:
        InputError: no shard is there, or the mapping cannot be read.
        TasksFailed: a shard cannot be read to its end.
    """
    tasks = [ReadTask(path) for path in expand(patterns)]
    if not tasks:
        raise InputError(f"no shard matches {' '.join(patterns)}")
    listener.start("catalog", len(tasks), "shards")
    frames: dict[int, pl.DataFrame] = {}
    for outcome in LocalEngine(workers or cores()).run(read_samples, tasks):
        if isinstance(outcome, Failed):
            raise TasksFailed(f"{tasks[outcome.task].shard}: {outcome.error}")
        frames[outcome.task] = outcome.value
        listener.advance(1)
    rows = pl.concat([frames[place] for place in range(len(tasks))])
    if mapping:
        rows = rows.join(origins(mapping), on="treeoflife_id", how="left", maintain_order="left")
    absent = [pl.lit(None, pl.String).alias(name) for name in COLUMNS if name not in rows.columns]
    listener.finish(f"{rows.height} rows")
    return rows.with_columns(absent).select("split", "treeoflife_id", *COLUMNS, *RANKS, "common")


def read_samples(task: ReadTask, _tick: Tick) -> pl.DataFrame:
    """The samples of one shard: split, id, seven ranks and common name, by their texts."""
    rows: dict[str, dict[str, str]] = {}
    try:
        with task.shard.open("rb") as fd:
            for member in members(fd, _LONGEST_TEXT):
                key, _, name = member.name.partition(".")
                text = (member.data or b"").decode(errors="replace") if name in _TELLING else ""
                rows.setdefault(key, {})[name] = text
    except (OSError, TarError) as error:
        raise InputError(f"{task.shard} cannot be read to its end: {error}; 'treeoflife check-wds' says more") from None
    shaped = [
        (task.shard.parent.name, key, *ranks_of(row.get(TAGGED, "")), row.get("common_name.txt", ""))
        for key, row in rows.items()
    ]
    return pl.DataFrame(
        shaped, schema=dict.fromkeys(("split", "treeoflife_id", *RANKS, "common"), pl.String), orient="row"
    )


def ranks_of(text: str) -> list[str]:
    """The seven ranks of 'a photo of kingdom … species ….'; a name may have several words."""
    words = text.removeprefix("a photo of ").removesuffix(".")
    values = []
    for place, rank in enumerate(RANKS):
        later = "|".join(RANKS[place + 1 :])
        found = re.search(rf"(?:^| ){rank} (.*?)(?= (?:{later}) |$)" if later else rf"(?:^| ){rank} (.*)$", words)
        values.append(found[1] if found else "")
    return values


def origins(mapping: Path) -> pl.DataFrame:
    """The catalog's key columns of every image of a published mapping, by id."""
    frames = [pl.DataFrame(schema={"treeoflife_id": pl.String})]
    for kind in ("eol", "inat21", "bioscan"):
        source = load(kind, {"path": "."}, Path())
        frame = read_source(mapping, source)
        names = dict(zip(source.columns, (name for name in COLUMNS if name.startswith(kind)), strict=True))
        frames.append(frame.rename(names))
    return pl.concat(frames, how="diagonal")


def _held(holdouts: Sequence[Path], keys: list[pl.DataFrame]) -> pl.Series | None:
    """The keys that lists hold out: those they name, and those whose species they name."""
    if not holdouts:
        return None
    lists = [read(Holdout(path=path)) for path in holdouts]
    species = {name for one in lists for name in one.species.values() if name}
    images = {Path(image).stem for one in lists for image in one.images}
    every = pl.concat(keys)
    short = pl.col("name").str.split(" ").list.head(2).list.join(" ").str.to_lowercase()
    return every.filter(short.is_in(list(species)) | pl.col("key").is_in(list(images)))["key"]
