"""How fast lists of URLs are fetched: python benchmarks/fetch.py [ROWS] [--img2dataset PYTHON].

A server in a process of its own serves small JPEGs as several hosts (127.0.0.2 and so on). The same rows are fetched
into archives; fetched, and encoded as a build does it; and downloaded and resized by img2dataset; each by one process.
Printed are URLs a second, and the processor time of the client per URL, without that of the server.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
from PIL import Image, ImageFilter

HOSTS = 8
PER_ARCHIVE = 10_000
_FETCH = """
import sys
from pathlib import Path
from benchmarks.fetch import fetch
fetch(Path(sys.argv[1]), *sys.argv[2:])
"""


class Pictures(asyncio.Protocol):
    """Answers each request with the same picture, over connections that are kept."""

    answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            missing = head.startswith(b"GET /robots.txt")
            self._transport.write(_NOT_FOUND if missing else self.answer)  # type: ignore[attr-defined]
            if b"connection: close" in head.lower():
                self._transport.close()


_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


async def serve() -> None:
    """Run the server, and print its port."""
    out = io.BytesIO()
    # As large as iNaturalist's pictures of medium size, in pixels and in bytes.
    photo = Image.effect_noise((500, 375), 90).filter(ImageFilter.GaussianBlur(1.5))
    photo.convert("RGB").save(out, "JPEG", quality=90)
    body = out.getvalue()
    head = f'HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: image/jpeg\r\nETag: "1"\r\nContent-Length: {len(body)}'
    Pictures.answer = f"{head}\r\n\r\n".encode() + body
    server = await asyncio.get_running_loop().create_server(Pictures, "0.0.0.0", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def serving() -> Iterator[int]:
    """The port of a server in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, "--serve"], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def write_urls(folder: Path, rows: int, port: int) -> None:
    """Tables of URLs as tasks get them, and one table with all."""
    urls = pl.DataFrame({"url": [f"http://127.0.0.{2 + n % HOSTS}:{port}/photos/{n}/medium.jpg" for n in range(rows)]})
    for number, part in enumerate(urls.iter_slices(PER_ARCHIVE)):
        part.write_parquet(folder / f"{number:06d}.urls.parquet")
    urls.write_parquet(folder / "all.parquet")


def fetch(folder: Path, encode: str = "", measure: str = "") -> None:
    """Fetch all URLs; encode the images, and measure their quality, if that is wished."""
    from treeoflife.config.fetch import FetchTable
    from treeoflife.config.tables import Images
    from treeoflife.download.lists.host_limits import host_limits
    from treeoflife.download.lists.url_archive import FetchTask, fetch_archive
    from treeoflife.images.convert import convert
    from treeoflife.images.resample import fastest

    table = FetchTable(per_host=16, per_second=0)
    for urls in sorted(folder.glob("*.urls.parquet")):
        task = FetchTask(urls, folder / urls.name.replace(".urls.parquet", ".tar"), table, host_limits(table))
        done = fetch_archive(task, lambda _: None)
        if encode:
            with task.archive.open("rb") as tar:
                for offset, size in pl.read_parquet(task.index, columns=["offset", "size"]).iter_rows():
                    tar.seek(offset)
                    convert(tar.read(size), Images(measure=bool(measure), resampler=fastest()))
        print(done.images)


def measured(command: list[str], rows: int) -> dict[str, float]:
    """Run a command; the processor time is that of it and all its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=Path(__file__).parents[1])
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"urls_per_second": round(rows / seconds), "urls_per_core_second": round(rows / cpu),
            "cpu_ms_per_url": round(1000 * cpu / rows, 3)}  # fmt: skip


def img2dataset(python: Path, folder: Path) -> list[str]:
    """The command that downloads and resizes the same rows."""
    return [
        str(python), "-c", "from img2dataset import main; main()", str(folder / "all.parquet"),
        "--input_format", "parquet", "--url_col", "url", "--image_size", "224", "--resize_mode", "center_crop",
        "--encode_quality", "100", "--output_format", "webdataset", "--output_folder", str(folder / "theirs"),
        "--processes_count", "1", "--thread_count", "32", "--number_sample_per_shard", str(PER_ARCHIVE),
        "--enable_wandb", "False",
    ]  # fmt: skip


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int, nargs="?", default=20_000)
    parser.add_argument("--img2dataset", type=Path)
    parser.add_argument("--serve", action="store_true")
    given = parser.parse_args()
    if given.serve:
        asyncio.run(serve())
        return
    results = {}
    runs: dict[str, Callable[[Path], list[str]]] = {
        "fetch": lambda folder: [sys.executable, "-c", _FETCH, str(folder)],
        "fetch and encode": lambda folder: [sys.executable, "-c", _FETCH, str(folder), "encode"],
        "fetch, encode and measure": lambda folder: [sys.executable, "-c", _FETCH, str(folder), "encode", "measure"],
    }
    if given.img2dataset:
        runs["img2dataset"] = lambda folder: img2dataset(given.img2dataset, folder)
    for name, command in runs.items():
        with serving() as port, tempfile.TemporaryDirectory() as folder:
            write_urls(Path(folder), given.rows, port)
            results[name] = measured(command(Path(folder)), given.rows)
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
