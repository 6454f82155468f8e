"""Asking hosts for the images of the manifest's rows: every row ends as an image or as a reason why there is none."""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from tempfile import SpooledTemporaryFile
from typing import IO, Any

import httpx

from ..config.download import EolImagesTable
from ..errors import ContainerError
from .manifest import Row
from .polite import DeadError, Host, HostError, Hosts, Manners, told_to_wait

_IN_MEMORY = 256 << 10
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*", b"BM")
SETTLED = ("bad-row", "duplicate")
"""Reasons for which there is no use in asking again."""


@dataclass(frozen=True)
class Got:
    """What became of a row: its data, or the reason why there are none."""

    row: Row
    file: str = ""
    data: IO[bytes] | None = None
    size: int = 0
    md5: str = ""
    reason: str | None = None
    detail: str = ""

    def line(self) -> list[Any]:
        """Its row of the ledger."""
        one = self.row
        told = (self.file, self.size, self.md5) if self.reason is None else (None, None, None)
        return [one.content_id, one.page_id, one.url, one.licence, one.owner, *told, self.reason, self.detail or None]

    def failed(self, reason: str, detail: str) -> Got:
        """The same row, for which there is no image."""
        return replace(self, reason=reason, detail=detail[:300])


Taker = Callable[[Got], Got | None]
"""Gives the image of a row that is here already."""


@dataclass(frozen=True)
class _Answer:
    """What came of asking once: the image, or a reason and how long to wait until another try (None: no use in one)."""

    got: Got | None = None
    reason: str = ""
    detail: str = ""
    wait: float | None = None


class Asker:
    """Asks for the images of batches, several at once. To be used as a context."""

    def __init__(self, table: EolImagesTable, manners: Manners, stall_seconds: float, agent: str) -> None:
        limits = httpx.Limits(max_connections=table.connections + 1, max_keepalive_connections=table.connections + 1)
        self._table, self._wait = table, manners.wait
        self._client = httpx.Client(
            follow_redirects=True, timeout=httpx.Timeout(stall_seconds, pool=None), limits=limits,
            headers={"User-Agent": agent},
        )  # fmt: skip
        self._hosts = Hosts(self._client, manners)
        self._pool = ThreadPoolExecutor(table.connections)

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._client.close()

    def all(self, batch: Sequence[Row], seen: set[str], take: Taker = lambda _: None) -> list[Got]:
        """What became of each row, in the order of the rows.

        Args:
            seen: the files of earlier batches; those of this one are added.
            take: asked first, for one row after the other.

        Raises:
            ContainerError: nothing answers any more.
        """
        planned = [planned_for(row, seen) for row in batch]
        try:
            allowed = list(self._pool.map(self._allowed, planned))
            taken = [one if one.reason else take(one) or one for one in allowed]
            return list(self._pool.map(self._one, taken))
        except HostError as error:
            raise ContainerError(f"{error}; what came is kept, and the same command goes on from there") from None

    def _allowed(self, got: Got) -> Got:
        if got.reason:
            return got
        try:
            if self._hosts.of(got.row.url).allows(got.row.url):
                return got
        except DeadError as error:
            return got.failed("no-answer", str(error))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return got.failed("bad-address", f"{type(error).__name__}: {error}")
        return got.failed("robots", "the host's robots.txt forbids it, or the host has nothing but errors for it")

    def _one(self, got: Got) -> Got:
        if got.reason or got.data:
            return got
        host, answer = self._hosts.of(got.row.url), _Answer()
        for attempt in range(self._table.tries):
            answer = self._ask(got, host)
            if answer.got:
                return answer.got
            if answer.wait is None:
                break
            if attempt + 1 < self._table.tries:
                time.sleep(max(answer.wait, self._wait * 2**attempt * random.uniform(0.5, 1.5)))  # noqa: S311
        return got.failed(answer.reason, answer.detail)

    def _ask(self, got: Got, host: Host) -> _Answer:
        try:
            with (
                host.turn(),
                self._client.stream("GET", got.row.url, headers={"Accept-Encoding": "identity"}) as answer,
            ):
                host.answered(True)
                return self._judged(got, host, answer)
        except DeadError as error:
            return _Answer(reason="no-answer", detail=str(error))
        except httpx.UnsupportedProtocol as error:
            return _Answer(reason="bad-address", detail=f"{type(error).__name__}: {error}")
        except httpx.TransportError as error:
            host.answered(False)
            return _Answer(reason="no-answer", detail=f"{type(error).__name__}: {error}", wait=0.0)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return _Answer(reason="bad-address", detail=f"{type(error).__name__}: {error}")

    def _judged(self, got: Got, host: Host, answer: httpx.Response) -> _Answer:
        status = answer.status_code
        if status == 200:
            return self._received(got, answer)
        wait = None
        if status in (408, 429) or status >= 500:
            wait = told_to_wait(answer) or 0.0
            host.pause(wait)
        return _Answer(reason=f"http-{status}", detail=answer.reason_phrase, wait=wait)

    def _received(self, got: Got, answer: httpx.Response) -> _Answer:
        packing = answer.headers.get("content-encoding", "identity")
        if packing.lower() != "identity":
            return _Answer(reason="compressed", detail=f"sent as {packing!r:.50}, though it was asked for as it is")
        digest, size = hashlib.md5(usedforsecurity=False), 0
        data = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when it is in the archive
        for chunk in answer.iter_raw():
            size += len(chunk)
            if size > self._table.max_bytes:
                return _Answer(reason="too-many-bytes", detail=f"more than {self._table.max_bytes}")
            digest.update(chunk)
            data.write(chunk)
        data.seek(0)
        start = data.read(16)
        if not start.startswith(_MAGIC):
            return _Answer(reason="not-an-image", detail=f"it begins with {start!r}")
        return _Answer(replace(got, data=data, size=size, md5=digest.hexdigest()))


def planned_for(row: Row, seen: set[str]) -> Got:
    """What is to be asked for; a row that cannot be is settled at once."""
    file = f"{row.content_id}_{row.page_id}_eol-full-size-copy.jpg"
    if row.problem:
        return Got(row).failed("bad-row", row.problem)
    if file in seen:
        return Got(row).failed("duplicate", "the manifest names it before")
    seen.add(file)
    return Got(row, file)
