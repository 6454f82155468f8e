"""EOL's images afresh: rows of the media manifest -> archives ``image_set_NN.tar.gz``, and a ledger of each.

An archive is a task. Its rows are fetched in batches; a batch is appended as a gzip member of its own, then put on
record. A killed run goes on after the last batch on record, and the archive has the same bytes as without the kill.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, Any

from .. import engines, tarwrite
from ..config import Config, EolImagesTable
from ..engines.base import Done, Tick
from ..errors import ConfigError, ContainerError, TasksFailed
from ..files import replacing
from ..lock import locked
from ..progress import Listener
from .manifest import Row, Slice, rows, slices

_BATCH = 200
_IN_MEMORY = 256 << 10
_COLUMNS = ("content_id", "page_id", "url", "licence", "owner", "file", "bytes", "md5", "reason", "detail")
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM")


@dataclass(frozen=True)
class ArchiveTask:
    """An archive to make: its rows, its place, and this task's share of what hosts may be asked."""

    rows: Slice
    path: Path
    table: EolImagesTable
    stall_seconds: float
    wait_seconds: float
    share: int

    @property
    def ledger(self) -> Path:
        """A row per row of the manifest: what came, with its MD5, and what did not, and why."""
        return self.path.parent / "ledger" / (self.path.name.removesuffix(".tar.gz") + ".parquet")


@dataclass(frozen=True)
class ArchiveDone:
    """How many images came and how many did not."""

    fetched: int
    failed: int


def download_images(
    config: Config,
    root: Path,
    manifests: Sequence[Path],
    listener: Listener,
    *,
    workers: int | None = None,
    engine: str | None = None,
) -> str:
    """Fetch all images of the manifest that are not there.

    Raises:
        ConfigError: there is no manifest.
        TasksFailed: some archives could not be made; the others were.
    """
    files = list(manifests) or found(root)
    asked = {key: value for key, value in (("workers", workers), ("name", engine)) if value is not None}
    table = config.engine.model_copy(update=asked)
    folder = root / "eol"
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / ".download.lock"):
        tasks = plan(files, folder, config, table.workers or engines.cores())
        listener.start("eol-images", sum(task.rows.count for task in tasks), "images")
        images = failed = 0
        errors: list[str] = []
        for outcome in engines.make(table, root / "logs").run(fetch_archive, tasks, listener.advance):
            if isinstance(outcome, Done):
                images, failed = images + outcome.value.fetched, failed + outcome.value.failed
            else:
                errors.append(f"{tasks[outcome.task].path.name}: {outcome.error}")
                listener.note(f"failed: {errors[-1]}")
        if errors:
            raise TasksFailed(f"{len(errors)} of {len(tasks)} archives failed: {'; '.join(errors[:5])}; run again")
        summary = f"{images} images in {len(tasks)} archives, {failed} failed: see {folder / 'ledger'}"
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


def plan(files: Sequence[Path], folder: Path, config: Config, at_once: int) -> list[ArchiveTask]:
    """An archive for every so many rows of the manifest."""
    images, settings = config.download.images, config.download
    parts = slices(files, images.per_archive)
    share = max(1, min(at_once, len(parts)))
    digits = max(2, len(str(len(parts))))
    return [
        ArchiveTask(
            part, folder / f"image_set_{number:0{digits}d}.tar.gz", images, settings.stall_seconds,
            settings.wait_seconds, share,
        )
        for number, part in enumerate(parts, 1)
    ]  # fmt: skip


def fetch_archive(task: ArchiveTask, tick: Tick) -> ArchiveDone:
    """Make an archive, or the rest of it.

    Raises:
        ContainerError: a host has stopped to answer.
    """
    import polars as pl

    if task.path.exists() and task.ledger.exists():
        tick(task.rows.count)
        reasons = pl.read_parquet(task.ledger, columns=["reason"])["reason"]
        return ArchiveDone(reasons.null_count(), len(reasons) - reasons.null_count())
    work = _Work.open(task)
    tick(work.rows)
    with _asker(task) as asker:
        left = islice(rows(task.rows), work.rows, None)
        seen: set[str] = set(work.names)
        while batch := list(islice(left, _BATCH)):
            work.add(asker.all(batch, seen))
            tick(len(batch))
    return work.finish()


@dataclass(frozen=True)
class _Got:
    """What became of a row: its data, or the reason why there are none."""

    row: Row
    file: str = ""
    data: IO[bytes] | None = None
    size: int = 0
    md5: str = ""
    reason: str | None = None
    detail: str = ""

    def line(self) -> list[Any]:
        one = self.row
        told = (self.file, self.size, self.md5) if self.reason is None else (None, None, None)
        return [one.content_id, one.page_id, one.url, one.licence, one.owner, *told, self.reason, self.detail or None]


class _Work:
    """An archive while it is made: its bytes, and the journal of what is in them."""

    def __init__(self, task: ArchiveTask, out: IO[bytes], journal: IO[bytes], state: dict[str, int]) -> None:
        self._task, self._out, self._journal = task, out, journal
        self.rows, self._tar, self.names = state["rows"], state["tar"], set[str]()

    @classmethod
    def open(cls, task: ArchiveTask) -> _Work:
        """Go on after the last batch that is on record; another slice or size of archive begins anew."""
        data, log = _data(task), _log(task)
        log.touch()
        data.touch()
        wanted = (
            json.dumps([[str(path) for path in task.rows.files], task.rows.offset, task.rows.count]).encode() + b"\n"
        )
        lines = log.read_bytes().splitlines(keepends=True)
        state, keep = {"rows": 0, "tar": 0, "offset": 0}, 0
        if lines[:1] == [wanted]:
            keep = position = len(wanted)
            for line in lines[1:]:
                position += len(line)
                if line.startswith(b"{") and line.endswith(b"}\n"):
                    state, keep = json.loads(line), position
        if data.stat().st_size < state["offset"]:  # the bytes are gone that the journal speaks of
            state, keep = {"rows": 0, "tar": 0, "offset": 0}, 0
        os.truncate(log, keep)
        os.truncate(data, min(state["offset"], data.stat().st_size))
        work = cls(task, data.open("ab"), log.open("ab"), state)
        if not keep:
            work._journal.write(wanted)
        work.names = {line[5] for line in work.lines() if line[5]}
        return work

    def lines(self) -> Iterator[list[Any]]:
        """The rows on record."""
        with _log(self._task).open("rb") as fd:
            fd.readline()
            for line in fd:
                if line.startswith(b"["):
                    yield json.loads(line)

    def add(self, batch: Sequence[_Got], *, last: bool = False) -> None:
        """Append a batch, then put it on record."""
        from isal import igzip

        opened: Any = igzip.IGzipFile
        with opened(filename="", mode="wb", compresslevel=0, fileobj=self._out, mtime=0) as packed:
            for one in batch:
                if one.data is not None:
                    packed.write(tarwrite.header(one.file, one.size))
                    one.data.seek(0)
                    while chunk := one.data.read(_IN_MEMORY):
                        packed.write(chunk)
                    packed.write(bytes(tarwrite.padded(one.size) - one.size))
                    self._tar += tarwrite.BLOCK + tarwrite.padded(one.size)
                    one.data.close()
            if last:
                packed.write(tarwrite.end(self._tar))
        self._out.flush()
        os.fsync(self._out.fileno())
        self.rows += len(batch)
        if not last:
            state = {"rows": self.rows, "tar": self._tar, "offset": self._out.tell()}
            text = [json.dumps(one.line(), ensure_ascii=False) for one in batch] + [json.dumps(state)]
            self._journal.write(("\n".join(text) + "\n").encode("utf-8", "replace"))
            self._journal.flush()
            os.fsync(self._journal.fileno())

    def finish(self) -> ArchiveDone:
        """End the archive, write its ledger, and give both their names."""
        import polars as pl

        self.add([], last=True)
        self._out.close()
        types = dict.fromkeys(_COLUMNS, pl.String) | dict.fromkeys(("content_id", "page_id", "bytes"), pl.Int64)
        ledger = pl.DataFrame(list(self.lines()), schema=types, orient="row")
        if ledger.height != self._task.rows.count:
            raise ContainerError(f"the manifest changed while {self._task.path} was made; run again")
        with replacing(self._task.ledger) as temporary:
            ledger.write_parquet(temporary)
        _data(self._task).replace(self._task.path)
        self._journal.close()
        _log(self._task).unlink()
        failed = ledger["reason"].count()
        return ArchiveDone(ledger.height - failed, failed)


def _data(task: ArchiveTask) -> Path:
    return task.path.with_name(f".{task.path.name}.part")


def _log(task: ArchiveTask) -> Path:
    return task.path.with_name(f".{task.path.name}.journal")


class _asker:  # noqa: N801 - used as a context
    """Asks for the images of batches, several at once."""

    def __init__(self, task: ArchiveTask) -> None:
        import httpx

        from .polite import Hosts
        from .run import agent

        table = task.table
        self._table, self._wait = table, task.wait_seconds
        limits = httpx.Limits(max_connections=table.connections + 1, max_keepalive_connections=table.connections + 1)
        self._client = httpx.Client(
            follow_redirects=True, timeout=httpx.Timeout(task.stall_seconds, pool=None), limits=limits,
            headers={"User-Agent": agent(table.contact)},
        )  # fmt: skip
        connections = max(1, table.per_host // task.share)
        self._hosts = Hosts(self._client, connections, table.per_second / task.share, robots=table.robots)
        self._pool = ThreadPoolExecutor(table.connections)

    def __enter__(self) -> _asker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def all(self, batch: Sequence[Row], seen: set[str]) -> list[_Got]:
        """What became of each row, in the order of the rows."""
        from .polite import HostError

        planned = [_planned(row, seen) for row in batch]
        try:
            return list(self._pool.map(self._one, planned))
        except HostError as error:
            raise ContainerError(f"a host has stopped to answer: {error}; what came is kept, run again later") from None

    def _one(self, got: _Got) -> _Got:
        if got.reason:
            return got
        from .polite import AGENT

        host = self._hosts.of(got.row.url)
        if host.robots and not host.robots.can_fetch(AGENT, got.row.url):
            return _failed(got, "robots", "the host's robots.txt forbids it, or cannot be had")
        reason, detail = "", ""
        for attempt in range(self._table.tries):
            done, reason, detail, wait = self._ask(got, host)
            if done is not None:
                return done
            if wait is None:
                break
            if attempt + 1 < self._table.tries:
                time.sleep(max(wait, self._wait * 2**attempt * random.uniform(0.5, 1.5)))  # noqa: S311 - no secret
        return _failed(got, reason, detail)

    def _ask(self, got: _Got, host: Any) -> tuple[_Got | None, str, str, float | None]:
        """The image; or a reason, a detail, and how long to wait until another try (None: there is no use in one)."""
        import httpx

        from .polite import told_to_wait

        try:
            with (
                host.turn(),
                self._client.stream("GET", got.row.url, headers={"Accept-Encoding": "identity"}) as answer,
            ):
                host.answered(True)
                status = answer.status_code
                if status in (408, 429) or status >= 500:
                    wait = told_to_wait(answer)
                    if wait is not None:
                        host.pause(wait)
                    return None, f"http-{status}", answer.reason_phrase, wait or 0.0
                if status != 200:
                    return None, f"http-{status}", answer.reason_phrase, None
                return self._take(got, answer)
        except httpx.TransportError as error:
            host.answered(not isinstance(error, httpx.ConnectError))
            return None, "no-answer", f"{type(error).__name__}: {error}", 0.0
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return None, "bad-address", f"{type(error).__name__}: {error}", None

    def _take(self, got: _Got, answer: Any) -> tuple[_Got | None, str, str, float | None]:
        packing = answer.headers.get("content-encoding", "identity")
        if packing.lower() != "identity":
            return None, "compressed", f"sent as {packing!r:.50}, though it was asked for as it is", None
        digest, size = hashlib.md5(usedforsecurity=False), 0
        data = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when it is in the archive
        for chunk in answer.iter_raw():
            size += len(chunk)
            if size > self._table.max_bytes:
                return None, "too-many-bytes", f"more than {self._table.max_bytes}", None
            digest.update(chunk)
            data.write(chunk)
        data.seek(0)
        start = data.read(16)
        if not start.startswith(_MAGIC):
            return None, "not-an-image", f"it begins with {start!r}", None
        return _Got(got.row, got.file, data, size, digest.hexdigest()), "", "", None


def _planned(row: Row, seen: set[str]) -> _Got:
    """What is to be asked for; a row that cannot be is settled at once."""
    file = f"{row.content_id}_{row.page_id}_eol-full-size-copy.jpg"
    if row.problem:
        return _Got(row, reason="bad-row", detail=row.problem)
    if file in seen:
        return _Got(row, reason="duplicate", detail="the manifest names it before")
    seen.add(file)
    return _Got(row, file)


def _failed(got: _Got, reason: str, detail: str) -> _Got:
    return _Got(got.row, reason=reason, detail=detail[:300])
