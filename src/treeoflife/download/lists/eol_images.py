"""Fetching EOL's images one by one: rows of its media manifest -> archives ``image_set_NN.tar.gz``, each with a ledger.

An archive is the work of one task. It is made again when its rows or the rules have changed, but images that it has are
taken over. A run that was killed continues after its last batch, and ends with the same bytes.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ...config.config import Config
from ...config.download import EolImagesTable
from ...core.difference import describe_difference
from ...core.lock import exclusive_lock
from ...core.progress import Listener
from ...engines.base import Engine, Tick
from ...engines.registry import make_engine
from ...engines.tasks import TaskRunner
from ...errors import ConfigError, ContainerError, InputError
from ..components import load_components
from ..downloads_file import FILE_NAME, append_entry, make_entry
from ..eol_manifest import ManifestSlice, read_rows, slice_manifest
from ..inventory import check_disk_space
from .host_limits import HostLimits, limit_engine, split_limits
from .image_archive import ArchiveFiles, ArchiveWriter, PreviousArchive
from .image_fetcher import ImageFetcher
from .row_result import PERMANENT_REASONS

# Rows between two records of progress: at 10 requests a second, a run that is killed repeats 20 seconds of work.
_BATCH = 200
_STEP_VERSION = 1


@dataclass(frozen=True)
class ArchiveTask:
    """One archive to make, with this task's part of the requests that a host may get.

    With ``retry``, it is made even if it is finished, because fetching failed for some of its rows.
    """

    rows: ManifestSlice
    files: ArchiveFiles
    table: EolImagesTable
    limits: HostLimits
    retry: bool = False

    @property
    def made_from(self) -> dict[str, Any]:
        """What its bytes depend on besides the responses of hosts."""
        return {"rows": self.rows.digest, "robots": self.table.robots, "max_bytes": self.table.max_bytes,
                "version": _STEP_VERSION}  # fmt: skip

    def is_done(self) -> bool:
        """Whether the archive is complete, and was made from the same rows by the same rules."""
        finished = self.files.finished()
        return finished is not None and finished.made_from == self.made_from and not self.retry


def download_eol_images(
    config: Config, root: Path, listener: Listener, *, again: bool = False, records: Sequence[Path] = ()
) -> str:
    """Fetch the images of the manifest that are not present.

    Args:
        root: the folder of downloads; archives go to its folder ``eol``.
        again: whether to retry the images that could not be fetched before, except where that cannot help.
        records: further files to which the entries of ``downloads.jsonl`` are appended.

    Returns:
        A summary in one sentence.

    Raises:
        ConfigError: there is no manifest.
        InputError: the disk is too small, or holds archives that were not made here.
        TasksFailed: some archives could not be made; the others were.
        BusyError: another run fetches images to the same folder.
    """
    table, components = config.download.images, load_components(config.download.components)
    manifest = table.manifest or find_manifest(root)
    with exclusive_lock(root / "eol" / ".download.lock"):
        slices = slice_manifest(manifest, table.per_archive, listener.note)
        archives = archive_files(root / "eol", len(slices))
        engine = make_engine(limit_engine(config.engine, table.per_host), root / "logs")
        try:
            tasks = _plan(slices, archives, config, engine, again=again)
            check_disk_space(root, sum(task.rows.count for task in tasks) * (components["eol-images"].size or 0))
            _announce(tasks, listener)
            runner = TaskRunner(engine, listener)
            for task, digest in runner.run(make_archive, tasks, lambda task: task.files.archive.name):
                file, licence = task.files.archive.relative_to(root).as_posix(), components["eol-images"].licence
                # The ledger has the address of each image; the archive's own source is the manifest.
                entry = make_entry("eol-images", root, file, components["eol-manifest"].url, digest, licence)
                append_entry([root / FILE_NAME, *records], entry)
        finally:
            engine.close()
        summary = _summarize(archives, root)
        listener.finish(summary)
        return summary


def find_manifest(root: Path) -> list[Path]:
    """The files of the manifest that 'download eol-manifest' fetched, in the order of their numbers.

    Raises:
        ConfigError: there are none.
    """
    folder = root / "metadata" / "eol"
    numbers = {path: [int(n) for n in re.findall(r"\d+", path.name)] for path in folder.glob("*media_manifest*.csv")}
    if not numbers:
        raise ConfigError(f"no media manifest in {folder}: 'treeoflife download eol-manifest' fetches it")
    return sorted(numbers, key=lambda path: numbers[path])


def archive_files(folder: Path, count: int) -> list[ArchiveFiles]:
    """The files of ``count`` archives, which are numbered from 1."""
    digits = max(2, len(str(count)))
    return [ArchiveFiles(folder / f"image_set_{number:0{digits}d}.tar.gz") for number in range(1, count + 1)]


def _plan(
    slices: Sequence[ManifestSlice], archives: Sequence[ArchiveFiles], config: Config, engine: Engine, *, again: bool
) -> list[ArchiveTask]:
    """The archives that are to be made."""
    for files in archives:
        # It may be one of the published archives, which must not be replaced.
        if files.archive.exists() and not files.ledger.exists():
            raise InputError(f"{files.archive} was not made from the manifest: choose another folder with --to")
    table, settings = config.download.images, config.download
    limits = HostLimits(
        table.per_host, table.per_second, table.robots, table.tries, settings.wait_seconds, settings.stall_seconds
    )
    tasks = [
        ArchiveTask(rows, files, table, limits, again and _can_retry(files))
        for rows, files in zip(slices, archives, strict=True)
    ]
    remaining = [task for task in tasks if not task.is_done()]
    return [replace(task, limits=split_limits(limits, min(engine.width, len(remaining)))) for task in remaining]


def _can_retry(files: ArchiveFiles) -> bool:
    return bool(files.finished() and set(files.counts()[1]).difference(PERMANENT_REASONS))


def _announce(tasks: Sequence[ArchiveTask], listener: Listener) -> None:
    """Report what will be fetched, and why a finished archive is made again."""
    listener.start("eol-images", sum(task.rows.count for task in tasks), "images")
    for task in tasks:
        if finished := task.files.finished():
            why = describe_difference(finished.made_from, task.made_from) or "failed images are tried again"
            listener.note(f"{task.files.archive.name} is made again: {why}; the images that it already has are kept")


def _summarize(archives: Sequence[ArchiveFiles], root: Path) -> str:
    images, failed = 0, Counter[str]()
    for files in archives:
        count, reasons = files.counts()
        images += count
        failed.update(reasons)
    counts = ", ".join(f"{count:,} {reason}" for reason, count in failed.most_common())
    missing = f"; {failed.total():,} rows have none ({counts}): see {root / 'eol' / 'ledger'}" if failed else ""
    return f"{images:,} images in {len(archives)} archives{missing}"


def make_archive(task: ArchiveTask, tick: Tick) -> str:
    """The task: make an archive, or the rest of it; returns its SHA-256."""
    if not task.is_done():  # another attempt may have finished it, whose worker then died
        _write_archive(task, tick)
    finished = task.files.finished()
    assert finished
    return finished.sha256


def _write_archive(task: ArchiveTask, tick: Tick) -> None:
    previous = PreviousArchive(task.files, task.table.max_bytes)
    writer = ArchiveWriter(task.files, task.made_from)
    try:
        tick(writer.rows)
        with ImageFetcher(task.table, task.limits) as fetcher:
            remaining = islice(read_rows(task.rows), writer.rows, None)
            while batch := list(islice(remaining, _BATCH)):
                writer.append(fetcher.fetch_batch(batch, writer.names, previous.find))
                tick(len(batch))
        writer.finish(task.rows.count)
    except ContainerError as error:
        if not writer.rows:
            raise
        raise ContainerError(
            f"{error}; {writer.rows:,} of {task.rows.count:,} rows are done, and the same command goes on from there"
        ) from None
    finally:
        writer.close()
