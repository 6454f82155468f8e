"""EOL's images afresh: rows of the media manifest -> archives ``image_set_NN.tar.gz``, and a ledger of each.

An archive is a task, and is made anew when the rows or the rules that it was made from are others now; the images that
it has are taken over. A killed run goes on after the last batch on record, and ends with the same bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..config.config import Config
from ..config.download import EolImagesTable
from ..config.engines import EngineTable
from ..core.difference import difference
from ..core.lock import locked
from ..core.progress import Listener
from ..core.system import cores
from ..engines import registry as engines
from ..engines.base import Done, Engine, Tick
from ..errors import ConfigError, InputError, TasksFailed
from . import record
from .asking import SETTLED, Asker
from .components import components
from .growing import Earlier, Files, Growing
from .manifest import Slice, rows, slices
from .polite import Manners
from .run import agent, see_room

_BATCH = 200
_VERSION = 1
_SHOWN = 5


@dataclass(frozen=True)
class ArchiveTask:
    """An archive to make: its rows, its place, the rules, and this task's share of what hosts may be asked.

    Attributes:
        again: make it although it is finished.
    """

    rows: Slice
    files: Files
    table: EolImagesTable
    manners: Manners
    stall_seconds: float
    again: bool = False

    @property
    def made_from(self) -> dict[str, Any]:
        """What its bytes depend on, but for what the hosts answer."""
        return {"rows": self.rows.digest, "robots": self.table.robots, "max_bytes": self.table.max_bytes,
                "version": _VERSION}  # fmt: skip


def download_images(
    config: Config,
    root: Path,
    listener: Listener,
    *,
    again: bool = False,
    records: Sequence[Path] = (),
) -> str:
    """Fetch all images of the manifest that are not there.

    Args:
        root: the folder of downloads; archives go to its folder ``eol``.
        again: ask again for what failed before, unless its row is of no use.
        records: further files that take the lines of ``downloads.jsonl``.

    Returns:
        What came, in a sentence.

    Raises:
        ConfigError: there is no manifest.
        InputError: the disk is too small.
        TasksFailed: some archives could not be made; the others were.
        BusyError: another run fetches images to the same folder.
    """
    manifests = list(config.download.images.manifest) or found(root)
    with locked(root / "eol" / ".download.lock"):
        parts = slices(manifests, config.download.images.per_archive)
        places = archives(root / "eol", len(parts))
        engine = engines.make(polite(config.engine, config.download.images.per_host), root / "logs")
        try:
            tasks = planned(parts, places, config, engine, again=again)
            _announce(tasks, config, root, listener)
            for archive, digest in _made(tasks, engine, listener):
                record.append([root / record.NAME, *records], _line(config, root, archive, digest))
        finally:
            engine.close()
        summary = _summary(places, root)
        listener.finish(summary)
        return summary


def found(root: Path) -> list[Path]:
    """The manifest's files where download puts them, by number.

    Raises:
        ConfigError: there is none.
    """
    folder = root / "metadata" / "eol"
    files = sorted(
        folder.glob("*media_manifest*.csv"), key=lambda path: [int(n) for n in re.findall(r"\d+", path.name)]
    )
    if not files:
        raise ConfigError(f"no media manifest in {folder}: 'treeoflife download eol-manifest' fetches it")
    return files


def archives(folder: Path, count: int) -> list[Files]:
    """Where the archives are, by number."""
    digits = max(2, len(str(count)))
    return [Files(folder / f"image_set_{number:0{digits}d}.tar.gz") for number in range(1, count + 1)]


def polite(table: EngineTable, per_host: int) -> EngineTable:
    """The engine, kept to so few tasks at once that each may have a request open to one host.

    >>> polite(EngineTable(workers=32), 4).workers
    4
    """
    cpus = min(table.slurm.cpus, per_host)
    slurm = table.slurm.model_copy(update={"cpus": cpus, "parallel": min(table.slurm.parallel, per_host // cpus)})
    ray = table.ray.model_copy(update={"in_flight": min(table.ray.in_flight or per_host, per_host)})
    workers = min(table.workers or cores(), per_host)
    return table.model_copy(update={"workers": workers, "slurm": slurm, "ray": ray})


def planned(
    parts: Sequence[Slice], places: Sequence[Files], config: Config, engine: Engine, *, again: bool
) -> list[ArchiveTask]:
    """The archives that are to be made, each with its share of what a host may be asked.

    Raises:
        InputError: an archive stands in their place that was not made here, such as a published one.
    """
    for files in places:
        if files.archive.exists() and not files.ledger.exists():
            raise InputError(
                f"{files.archive} is there, and was not made from the manifest: choose another folder with --to"
            )
    table, settings = config.download.images, config.download
    whole = Manners(table.per_host, table.per_second, table.robots, table.tries, settings.wait_seconds)
    every = [
        ArchiveTask(part, files, table, whole, settings.stall_seconds, again and _worth_asking(files))
        for part, files in zip(parts, places, strict=True)
    ]
    left = [task for task in every if not is_done(task)]
    return [replace(task, manners=shared(whole, min(engine.width, len(left)))) for task in left]


def shared(whole: Manners, tasks: int) -> Manners:
    """The share of one of so many tasks that run at once."""
    at_once = min(tasks, whole.connections)
    return replace(whole, connections=whole.connections // at_once, per_second=whole.per_second / at_once)


def is_done(task: ArchiveTask) -> bool:
    """Whether there is nothing to do for an archive: it is whole, and was made from the same rows by the same rules."""
    finished = task.files.finished()
    return finished is not None and finished.made_from == task.made_from and not task.again


def _worth_asking(files: Files) -> bool:
    return bool(files.finished() and set(files.counts()[1]) - set(SETTLED))


def _announce(tasks: Sequence[ArchiveTask], config: Config, root: Path, listener: Listener) -> None:
    """What is to come, and why an archive that is there is made anew."""
    count = sum(task.rows.count for task in tasks)
    listener.start("eol-images", count, "images")
    for task in tasks:
        if before := task.files.finished():
            why = difference(before.made_from, task.made_from) or "what failed is asked for again"
            listener.note(f"{task.files.archive.name} is made anew: {why}; the images that it has are taken over")
    one = components(config.download.components)["eol-images"]
    see_room(root, sum(task.rows.count for task in tasks) * (one.size or 0))


def _made(tasks: Sequence[ArchiveTask], engine: Engine, listener: Listener) -> Iterator[tuple[Path, str]]:
    """The archives as they become whole, each with its SHA-256.

    Raises:
        TasksFailed: at the end, if some did not.
    """
    errors: list[str] = []
    for outcome in engine.run(fetch_archive, tasks, listener.advance):
        archive = tasks[outcome.task].files.archive
        if isinstance(outcome, Done):
            yield archive, outcome.value
        else:
            errors.append(f"{archive.name}: {outcome.error}")
            listener.note(f"failed: {errors[-1]}")
    if errors:
        more = f" (and {len(errors) - _SHOWN} more)" if len(errors) > _SHOWN else ""
        raise TasksFailed(f"{len(errors)} of {len(tasks)} archives failed: {'; '.join(errors[:_SHOWN])}{more}")


def _line(config: Config, root: Path, archive: Path, digest: str) -> record.Line:
    """An archive in the record; its ledger has the address of each image, so here it is that of the manifest."""
    known = components(config.download.components)
    one, manifest = known["eol-images"], known["eol-manifest"]
    return record.line(one.name, root, archive.relative_to(root).as_posix(), manifest.url, digest, one.licence)


def _summary(places: Sequence[Files], root: Path) -> str:
    images, failed = 0, Counter[str]()
    for files in places:
        came, reasons = files.counts()
        images += came
        failed.update(reasons)
    told = ", ".join(f"{count:,} {reason}" for reason, count in failed.most_common())
    lacking = f"; {failed.total():,} rows have none ({told}): see {root / 'eol' / 'ledger'}" if failed else ""
    return f"{images:,} images in {len(places)} archives{lacking}"


def fetch_archive(task: ArchiveTask, tick: Tick) -> str:
    """Make an archive, or the rest of it; returns its SHA-256.

    Raises:
        ContainerError: nothing answers any more, or the manifest changed.
    """
    if not is_done(task):
        _make(task, tick)
    finished = task.files.finished()
    assert finished
    return finished.sha256


def _make(task: ArchiveTask, tick: Tick) -> None:
    earlier, growing = Earlier(task.files, task.table.max_bytes), Growing(task.files, task.made_from)
    try:
        tick(growing.rows)
        with Asker(task.table, task.manners, task.stall_seconds, agent(task.table.contact)) as asker:
            left = islice(rows(task.rows), growing.rows, None)
            while batch := list(islice(left, _BATCH)):
                growing.add(asker.all(batch, growing.names, earlier.take))
                tick(len(batch))
        growing.finish(task.rows.count)
    finally:
        growing.close()
