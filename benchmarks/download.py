"""How fast files and single images come from a server on this computer: python benchmarks/download.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.download.server import Resource, serving
from tests.download.test_eol_images import ledger, manifest, settings

from treeoflife.config.download import DownloadTable
from treeoflife.core.progress import SilentListener
from treeoflife.download.files.transfer import FileRequest, fetch_file
from treeoflife.download.lists.eol_images import download_eol_images

SERVER = """
import sys, time
from tests.download.server import serving
from tests.download.test_eol_images import museum
with serving() as server:
    museum(server, flaky=False)
    print(server.url, flush=True)
    sys.stdin.read()
"""


def one_file(megabytes: int = 400) -> dict[str, float]:
    data = os.urandom(1 << 20) * megabytes
    with tempfile.TemporaryDirectory() as folder, serving() as server, httpx.Client() as client:
        url = server.put("/file", Resource(data))
        began, cpu = time.perf_counter(), time.process_time()
        fetch_file(FileRequest(url, Path(folder, "file")), client, DownloadTable())
        return {"MB_per_second": megabytes / (time.perf_counter() - began), "cpu_seconds": time.process_time() - cpu}


def images(count: int = 20_000) -> dict[str, float]:
    """The server has a process of its own, so that the client's core is measured alone."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    )
    assert process.stdout
    try:
        with tempfile.TemporaryDirectory() as folder:
            there = type("Server", (), {"url": process.stdout.readline().strip()})
            manifest(Path(folder), there, count)  # type: ignore[arg-type]
            began, cpu = time.perf_counter(), time.process_time()
            download_eol_images(settings(count), Path(folder), SilentListener())
            spent = time.process_time() - cpu
            assert ledger(Path(folder)).height == count
            return {"images_per_second": count / (time.perf_counter() - began), "images_per_core_second": count / spent}
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    print(json.dumps({"one_file": one_file(), "eol_images": images()}, indent=1))
