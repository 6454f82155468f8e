"""Several hosts on this computer (127.0.0.2, 127.0.0.3 ...), and running a fetch of URLs from them."""

from __future__ import annotations

import hashlib
import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
from PIL import Image

from treeoflife.config.fetch import FetchTable
from treeoflife.download.lists.host_limits import host_limits, split_limits
from treeoflife.download.lists.url_archive import FetchedArchive, FetchTask, fetch_archive

from .server import Handler, Server, serving

Reply = Callable[[Handler], tuple[int, bytes, dict[str, str]]]
"""What a host answers to a request: status, body, headers."""


class Museum:
    """One host, and what it saw: when each path was requested, and how many requests were open at most."""

    def __init__(self, server: Server, reply: Reply, *, robots: bytes = b"") -> None:
        self.server, self.reply, self.robots = server, reply, robots
        self.times: list[float] = []
        self.paths: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.open = self.most_open = 0
        self._lock = threading.Lock()
        server.answer = self._answer

    def url(self, path: str) -> str:
        return self.server.url + path

    def _answer(self, handler: Handler) -> bool:
        with self._lock:
            self.times.append(time.monotonic())
            self.paths[handler.path] += 1
            self.agents.add(handler.headers["User-Agent"])
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            if handler.path == "/robots.txt":
                status, body, headers = (200, self.robots, {}) if self.robots else (404, b"", {})
            else:
                status, body, headers = self.reply(handler)
        finally:
            with self._lock:  # before the answer is sent: what the client asks next may come at once
                self.open -= 1
        send(handler, status, body, headers)
        return True


def send(handler: Handler, status: int, body: bytes, headers: dict[str, str]) -> None:
    """Send a response. Its Content-Length may be another than that of the body: then the connection ends with it."""
    fields = {"Content-Length": str(len(body)), "Content-Type": "image/jpeg"} | headers
    lines = [f"HTTP/1.1 {status} X", *(f"{key}: {value}" for key, value in fields.items()), "", ""]
    handler.wfile.write("\r\n".join(lines).encode() + body)
    handler.close_connection |= fields["Content-Length"] != str(len(body))


def picture(path: str, size: tuple[int, int] = (64, 48)) -> bytes:
    """A JPEG of its own for each path."""
    out = io.BytesIO()
    digest = hashlib.sha256(path.encode()).digest()
    Image.new("RGB", size, (digest[0], digest[1], digest[2])).save(out, "JPEG", comment=digest)
    return out.getvalue()


def pictures(handler: Handler) -> tuple[int, bytes, dict[str, str]]:
    """A host that has every picture."""
    return 200, picture(handler.path), {}


@contextmanager
def museums(*replies: Reply, robots: bytes = b"") -> Iterator[list[Museum]]:
    """A host for each reply, at an address of its own."""
    with ExitStack() as stack:
        yield [
            Museum(stack.enter_context(serving(f"127.0.0.{number}")), reply, robots=robots)
            for number, reply in enumerate(replies, 2)
        ]


def task(folder: Path, urls: Sequence[str], *, retry: bool = False, of: int = 1, **rules: Any) -> FetchTask:
    """A task for URLs; ``of`` says how many of them run at once."""
    folder.mkdir(parents=True, exist_ok=True)
    table = FetchTable(**{"per_second": 0, "wait_seconds": 0.001, "stall_seconds": 1.0, "tries": 2} | rules)
    pl.DataFrame({"url": urls}, schema={"url": pl.String}).write_parquet(folder / "urls.parquet")
    limits = split_limits(host_limits(table), of)
    return FetchTask(folder / "urls.parquet", folder / "000000.tar", table, limits, retry)


def fetch(folder: Path, urls: Sequence[str], **rules: Any) -> FetchedArchive:
    """Fetch URLs into ``folder``."""
    return fetch_archive(task(folder, urls, **rules), lambda _: None)


def index(folder: Path) -> pl.DataFrame:
    """The index of the archive."""
    return pl.read_parquet(folder / "000000.parquet")


def reasons(folder: Path) -> list[str | None]:
    """The reason of each URL, in their order."""
    return index(folder)["reason"].to_list()


def check_archive(folder: Path) -> list[bytes | None]:
    """The image of each URL, read where the index says, and checked against its digests."""
    tar = (folder / "000000.tar").read_bytes()
    images: list[bytes | None] = []
    for row in index(folder).iter_rows(named=True):
        if row["reason"] is not None:
            assert row["offset"] is row["size"] is row["sha256"] is row["md5"] is None
            images.append(None)
            continue
        image = tar[row["offset"] : row["offset"] + row["size"]]
        assert hashlib.sha256(image).digest() == row["sha256"]
        assert hashlib.md5(image).digest() == row["md5"]
        images.append(image)
    return images
